"""Links that are cut or fall silent, and processes that stand still: whoever is left notices within 10 s, and nothing is lost or doubled."""
import os
import signal
import threading
import time

import psycopg
import pytest

from faults import Proxy, Writer
from penstock import Cluster, wait_until
from test_ctl import ctl, ctl_json

# Longer than the 10 s of silence after which a node is lost. 60 is a good number by hand.
STOPPED = float(os.environ.get("PENSTOCK_STOP_SECONDS", "12"))


def proxied(what):
    """A cluster in which everybody reaches `what` (a compute, or meta) through a proxy."""
    server = Cluster(computes=2)
    listen = server.processes[what].args[server.processes[what].args.index("--listen") + 1]
    proxy = Proxy(int(listen.rsplit(":", 1)[1]))
    if what == "meta":
        for name, process in server.processes.items():
            if name != "meta":
                process.args[process.args.index("--meta") + 1] = proxy.address
    else:
        server.processes[what].args += ["--advertise", proxy.address]
    return server, proxy


@pytest.mark.parametrize("what", ["meta", "compute-1"])
def test_links_that_are_cut_in_the_middle_of_everything(what):
    server, proxy = proxied(what)
    with server, Writer(server).create() as writer:
        for seconds in (0.1, 0.5, 2):
            proxy.cut()
            time.sleep(seconds)
            proxy.mend()
            writer.wait_acked()
        writer.check()


@pytest.mark.parametrize("what", ["meta", "compute-1"])
def test_links_that_fall_silent(what):
    server, proxy = proxied(what)
    with server, Writer(server).create() as writer:
        proxy.silence()
        time.sleep(STOPPED)
        if what == "compute-1":
            text = ctl(server.meta, "events").stdout
            assert "was silent for 1" in text or "keepalive" in text, text
        proxy.mend()
        writer.wait_acked()
        writer.check()


def test_a_select_whose_compute_is_cut_off_ends_with_an_error_and_never_with_less_rows():
    server, proxy = proxied("compute-1")
    with server:
        server.sql("CREATE TABLE big (id BIGINT PRIMARY KEY, note VARCHAR)")
        for first in range(0, 100_000, 5_000):
            server.sql("INSERT INTO big VALUES " + ",".join(f"({i},'{'x' * 100}{i}')" for i in range(first, first + 5_000)))
        ends = {"all": 0, "error": 0}
        for i in range(6):
            with server.connect() as c:
                try:
                    rows = 0
                    for _ in c.cursor().stream("SELECT id, note FROM big"):
                        rows += 1
                        if rows == 1000 * (i + 1):
                            proxy.cut()
                            proxy.mend()
                    assert rows == 100_000
                    ends["all"] += 1
                except psycopg.errors.OperationalError as error:
                    assert error.sqlstate and error.sqlstate[:2] in ("57", "40", "72"), error
                    ends["error"] += 1
            server.retry("SELECT count(*) FROM big")
        assert server.retry("SELECT count(*) FROM big") == [(100_000,)]
        print(ends)


@pytest.mark.parametrize("what", ["meta", "compute-0", "frontend"])
def test_a_process_that_stands_still_and_goes_on(what):
    with Cluster(computes=2, frontends=2) as server, Writer(server).create() as writer:
        server.processes[what].signal(signal.SIGSTOP)
        try:
            time.sleep(STOPPED)
            if what == "compute-0":
                assert [e for e in ctl_json(server.meta, "events") if e["kind"] == "worker lost"]
            if what == "meta":
                for statement in ("SHOW JOBS", "DROP TABLE written", "INSERT INTO written VALUES (-8, 0)"):
                    with pytest.raises(psycopg.errors.OperationalError, match="meta at .* does not answer") as caught:
                        server.sql(statement)
                    assert caught.value.sqlstate in ("57P03", "40003") and caught.value.diag.message_hint, f"{statement}: {caught.value}"
                assert server.sql("SELECT count(*) FROM sums")[0][0] > 0, "views can be read"
            if what == "frontend":
                with server.connect(port=server.ports[1]) as c:
                    c.execute("INSERT INTO written VALUES (-7, 0)")  # the other one is none the worse
                writer.acked.append(-7)
        finally:
            server.processes[what].signal(signal.SIGCONT)
        writer.wait_acked()
        writer.check()
        assert all(process.process.poll() is None for process in server.processes.values())


def test_a_statement_that_waits_for_a_meta_that_dies_is_answered_and_its_session_goes_on():
    with Cluster(computes=1) as server:
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        with server.connect() as c:
            for statement in ("FLUSH", "DROP TABLE t", "CREATE TABLE u (id BIGINT)", "ALTER TABLE t RENAME TO v"):
                meta = server.processes["meta"]
                meta.signal(signal.SIGSTOP)
                threading.Timer(0.5, meta.kill).start()
                with pytest.raises(psycopg.errors.OperationalError, match="meta at .* does not answer") as caught:
                    c.execute(statement)
                assert caught.value.sqlstate == "40003" and caught.value.diag.message_detail, f"{statement}: {caught.value}"
                meta.start()
                wait_until(lambda: answer(c, "SHOW JOBS"), 20, "the session to go on")
                assert wait_until(lambda: answer(c, "SELECT count(*) FROM t"), 20, "the table") == [(0,)]


def answer(connection, text):
    try:
        return connection.execute(text).fetchall()
    except psycopg.errors.OperationalError as error:
        assert error.sqlstate, "the session was ended"
        return None


def test_meta_is_killed_while_a_barrier_is_half_collected():
    with Cluster(computes=2) as server, Writer(server).create() as writer:
        for _ in range(2):
            server.processes["compute-1"].signal(signal.SIGSTOP)
            try:
                def half():
                    return [d for d in ctl_json(server.meta, "await-tree")["databases"] if d.get("missing_actors") and d["culprits"]]
                database = wait_until(half, 10, "a barrier that one node has collected")[0]
                assert "does not answer" in str(database["culprits"]), database
                server.crash("meta")
            finally:
                server.processes["compute-1"].signal(signal.SIGCONT)
            writer.wait_acked()
        writer.check()
