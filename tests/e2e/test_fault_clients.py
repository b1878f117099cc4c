"""Clients that say nothing, too much, half of it or nonsense: others do not notice, and everything they took is given back."""
import os
import socket
import struct
import threading
import time

import psycopg
import pytest

from penstock import Cluster, Playground, wait_until


@pytest.fixture(scope="module")
def server():
    with Playground("--metrics-listen", "off") as s:
        s.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, note VARCHAR)")
        s.sql("INSERT INTO t VALUES (1, 'one')")
        yield s


def test_a_driver_that_prepares_by_itself_goes_on_after_a_drop(server):
    with server.connect() as c:
        c.execute("CREATE TABLE passing (id BIGINT PRIMARY KEY)")
        for _ in range(8):  # psycopg prepares what is run five times, and deallocates all after a DROP
            assert c.execute("SELECT count(*) FROM t WHERE id >= %s", [1]).fetchall() == [(1,)]
        c.execute("DROP TABLE passing")
        assert c.execute("SELECT count(*) FROM t WHERE id >= %s", [1]).fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.UndefinedObject, match='prepared statement "nobody" does not exist'):
            c.execute("DEALLOCATE nobody")
        c.execute("DISCARD ALL")


def raw(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def startup(user="root", database="dev"):
    body = struct.pack("!i", 196608) + b"".join(s.encode() + b"\0" for s in ("user", user, "database", database)) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def answers(server):
    begin = time.monotonic()
    assert server.sql("SELECT note FROM t WHERE id = 1") == [("one",)]
    return time.monotonic() - begin


def resident_mb(server):
    with open(f"/proc/{server.process.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def threads(server):
    return len(os.listdir(f"/proc/{server.process.process.pid}/task"))


def read_until_ready(s):
    """Bytes up to ReadyForQuery, or up to the end of the connection."""
    data = b""
    while not data.endswith(b"Z\0\0\0\x05I"):
        piece = s.recv(1 << 16)
        if not piece:
            break
        data += piece
    return data


def test_200_connections_that_say_nothing_and_as_many_sessions_as_there_may_be(server):
    before, memory = threads(server), resident_mb(server)
    silent = [raw(server) for _ in range(200)]
    sessions = [raw(server) for _ in range(130)]
    for s in sessions[:90]:
        s.sendall(startup())
        assert b"53300" not in read_until_ready(s)
    assert answers(server) < 5
    for s in sessions[90:]:
        s.sendall(startup())
    refused = sum(b"53300" in read_until_ready(s) for s in sessions[90:])
    assert 15 <= refused <= 31, "about 100 sessions: those that log in at the same moment are not counted yet"
    assert resident_mb(server) - memory < 200
    for s in silent + sessions:
        s.close()
    wait_until(lambda: threads(server) <= before + 10, 20, "the threads of those that are gone")
    answers(server)


def test_a_client_that_does_not_log_in_is_cut_off_and_one_that_did_is_not():
    cluster = Cluster(computes=1)
    cluster.processes["frontend"].args += ["--authentication-timeout-s", "1"]
    with cluster as server, server.connect() as c, raw(server) as silent, raw(server) as slow:
        slow.sendall(startup()[:5])
        for s in (silent, slow):
            s.settimeout(20)
            while s.recv(1 << 10):
                pass  # until the server ends the connection
        assert c.execute("SELECT 1").fetchall() == [(1,)]


def test_half_a_handshake_half_a_message_and_none_of_the_rest(server):
    for data in (startup()[:3], startup()[:9], struct.pack("!ii", 8, 80877103), struct.pack("!ii", 8, 80877103) + startup()[:5],
                 startup() + b"Q\0\0", startup() + b"Q\0\0\0\x64SELECT", startup() + b"P\0\0\0\x20x\0SELECT 1\0"):
        for _ in range(5):
            with raw(server) as s:
                s.sendall(data)
    answers(server)


@pytest.mark.parametrize("length", [0, 3, -1, -2**31, 2**31 - 1, 1 << 30])
def test_a_message_whose_length_is_a_lie_ends_that_session_and_no_other(server, length):
    memory = resident_mb(server)
    with raw(server) as s:
        s.sendall(startup())
        read_until_ready(s)
        s.sendall(b"Q" + struct.pack("!i", length) + b"SELECT 1;" * 100)
        s.settimeout(5)
        try:
            rest = b"x"
            while rest:
                rest = s.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            pass
    answers(server)
    assert resident_mb(server) - memory < 100, "nobody gets a gigabyte for saying so"


def test_a_statement_of_many_megabytes_is_refused_by_name(server):
    with pytest.raises(psycopg.Error) as caught:
        server.sql("INSERT INTO t VALUES (7, '" + "x" * 40_000_000 + "')")
    assert caught.value.sqlstate in ("54000", "54001", "08P01") or isinstance(caught.value, psycopg.OperationalError), caught.value
    answers(server)


def test_a_query_is_cancelled_in_the_middle_of_its_rows_and_the_session_goes_on(server):
    for first in range(0, 30_000, 10_000):
        server.sql("INSERT INTO t VALUES " + ",".join(f"({i},'n')" for i in range(first + 10, first + 10_010)))
    memory = resident_mb(server)
    with server.connect() as c:
        for _ in range(3):  # 27,000,000,000,000 rows
            threading.Timer(0.3, c.cancel).start()
            begin = time.monotonic()
            with pytest.raises(psycopg.errors.QueryCanceled):
                c.execute("SELECT count(*) FROM t AS a JOIN t AS b ON a.note = b.note JOIN t AS d ON b.note = d.note")
            assert time.monotonic() - begin < 5 and resident_mb(server) - memory < 500
            assert c.execute("SELECT note FROM t WHERE id = 1").fetchall() == [("one",)]


def test_a_cancel_request_with_a_wrong_key_cancels_nothing(server):
    with server.connect() as c:
        pid = c.info.backend_pid
        for key in (0, 1, 2**31 - 1):
            with raw(server) as s:
                s.sendall(struct.pack("!iiii", 16, 80877102, pid, key))
        assert c.execute("SELECT count(*) FROM t").fetchone()[0] > 0


def test_a_client_that_reads_nothing_holds_up_nobody(server):
    with raw(server) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(startup())
        read_until_ready(s)
        query = b"SELECT a.id, b.note FROM t AS a JOIN t AS b ON a.note = b.note\0"
        memory = resident_mb(server)
        s.sendall(b"Q" + struct.pack("!i", len(query) + 4) + query)
        time.sleep(2)  # what must not happen has this long to happen
        assert answers(server) < 5
        server.sql("INSERT INTO t VALUES (-1, 'none')")
        assert resident_mb(server) - memory < 500, "rows nobody reads are not all kept"
    answers(server)


def test_frontend_and_computes_of_a_cluster_give_back_what_clients_took_that_went_away():
    with Cluster(computes=1) as cluster:
        cluster.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, note VARCHAR)")
        cluster.sql("INSERT INTO t VALUES " + ",".join(f"({i},'{'x' * 50}')" for i in range(10_000)))
        for _ in range(50):
            s = socket.create_connection(("127.0.0.1", cluster.port))
            query = b"SELECT * FROM t\0"
            s.sendall(startup() + b"Q" + struct.pack("!i", len(query) + 4) + query)
            s.recv(100)
            s.close()
        assert cluster.sql("SELECT count(*) FROM t") == [(10_000,)]
        assert all(process.process.poll() is None for process in cluster.processes.values())


def test_what_was_made_through_one_frontend_is_known_to_the_other_at_once():
    with Cluster(computes=1, frontends=2) as server:
        with server.connect() as one, server.connect(port=server.ports[1]) as other:
            for i in range(40):
                one.execute(f"CREATE TABLE t{i} (id BIGINT PRIMARY KEY)")
                other.execute(f"INSERT INTO t{i} VALUES (1)")
                one.execute(f"ALTER TABLE t{i} ADD COLUMN n BIGINT DEFAULT 7")
                assert other.execute(f"SELECT n FROM t{i} WHERE id = %s", (1,)).fetchall() == [(7,)]
                other.execute(f"DROP TABLE t{i}")
            with pytest.raises(psycopg.errors.UndefinedTable):
                other.execute("SELECT * FROM t7")
            server.processes["meta"].kill()
            began = time.monotonic()
            with pytest.raises(psycopg.errors.UndefinedTable):
                other.execute("SELECT * FROM t7")
            assert time.monotonic() - began < 10


def test_a_name_that_means_another_object_since_a_moment_is_asked_again_by_the_other_frontend():
    with Cluster(computes=1, frontends=2) as server:
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        with server.connect() as one, server.connect(port=server.ports[1]) as other:
            one.prepare_threshold = other.prepare_threshold = None
            for i in range(15):
                one.execute(f"CREATE MATERIALIZED VIEW v{i} AS SELECT count(*) AS n FROM t")
                other.execute("FLUSH")  # it knows the view
                one.execute(f"ALTER MATERIALIZED VIEW v{i} AS SELECT count(*) + 1 AS n FROM t")
                other.execute(f"CREATE MATERIALIZED VIEW w{i} AS SELECT n FROM v{i}")
                other.execute(f"DROP MATERIALIZED VIEW w{i}")
                one.execute(f"ALTER MATERIALIZED VIEW v{i} AS SELECT count(*) + 2 AS n FROM t")
                other.execute(f"DROP MATERIALIZED VIEW v{i}")
