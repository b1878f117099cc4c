"""Jobs that fail, hang or are dropped at a bad moment: who is to blame is said at once, and those beside them go on."""
import threading
import time

import psycopg
import pytest

from faults import Writer
from penstock import BINARY, Cluster, Playground, free_port, wait_until
from test_creating import in_background, state_of
from test_ctl import ctl, ctl_json


def playground(*args):
    meta = f"127.0.0.1:{free_port()}"
    server = Playground("--meta-listen", meta, "--metrics-listen", "off", *args)
    server.meta = meta
    return server


def followed(server, folder, name="lines"):
    """A source that follows a file, and the function that appends a line to it."""
    path = folder / f"{name}.csv"
    path.write_text("id\n1\n2\n")
    server.sql(f"""CREATE SOURCE {name} (id BIGINT) WITH (connector = 'posix_fs', posix_fs.root = '{folder}', match_pattern = '{name}.csv',
                   posix_fs.follow = 'true') FORMAT PLAIN ENCODE CSV (without_header = 'false')""")

    def append(line):
        with path.open("a") as f:
            f.write(line + "\n")
    return append


def culprit(server, database="dev"):
    for found in ctl_json(server.meta, "await-tree")["databases"]:
        if found["database"] == database and found["culprits"] and int(found["age_us"]) > 300_000:
            return found["culprits"][0]
    return None


def test_an_actor_that_is_held_up_is_named_with_job_fragment_and_operator_in_one_look():
    with playground("--parallelism", "2", "--barrier-interval-ms", "100") as server:
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v DOUBLE PRECISION)")
        server.sql("CREATE MATERIALIZED VIEW fine AS SELECT count(*) AS n FROM t")
        server.sql("CREATE MATERIALIZED VIEW slow AS SELECT id, pg_sleep(v) AS p FROM t")
        server.sql("SET dml_ack = 'accepted'; INSERT INTO t VALUES (1, 0), (2, 3)")
        found = wait_until(lambda: culprit(server), 10, "the culprit")
        fragment = next(f["fragment_id"] for f in ctl_json(server.meta, "fragments", "--job", "slow") if "Project" in f["operators"])
        for part in ("of job slow", f"fragment {fragment},", "node 1)", "sleeps in Project", "because of a pg_sleep"):
            assert part in found["text"], found
        first = ctl(server.meta, "await-tree").stdout.split("\n\n")[0]
        assert "held up by actor" in first and "sleeps in Project" in first, first
        assert wait_until(lambda: server.sql("SELECT count(*) FROM slow") == [(2,)], 20, "the sleeper to wake")
        assert server.sql("SELECT n FROM fine") == [(2,)]


def test_a_job_that_is_held_up_can_be_dropped_and_the_others_go_on():
    with playground("--parallelism", "2", "--barrier-interval-ms", "100") as server:
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v DOUBLE PRECISION)")
        server.sql("CREATE MATERIALIZED VIEW fine AS SELECT count(*) AS n FROM t")
        server.sql("CREATE MATERIALIZED VIEW slow AS SELECT id, pg_sleep(v) AS p FROM t")
        server.sql("SET dml_ack = 'accepted'; INSERT INTO t VALUES (1, 3600)")
        wait_until(lambda: culprit(server), 10, "the barrier to be held up")
        begin = time.monotonic()
        server.sql("DROP MATERIALIZED VIEW slow")
        assert time.monotonic() - begin < 1
        server.retry("FLUSH", 20)
        assert time.monotonic() - begin < 10
        assert server.retry("SELECT n FROM fine") == [(1,)] or server.retry("SELECT count(*) FROM t") == [(0,)]


def test_a_view_that_always_fails_is_left_out_and_the_healthy_one_beside_it_is_exact(tmp_path):
    with playground("--parallelism", "2") as server, Writer(server).create() as writer:
        append = followed(server, tmp_path)
        server.sql("CREATE MATERIALIZED VIEW failing AS SELECT count(*) AS n FROM lines")
        server.sql("CREATE MATERIALIZED VIEW above AS SELECT n + 1 AS m FROM failing")
        append("no number")
        wait_until(lambda: state_of(server, "failing") == "quarantined", 30, "the quarantine")
        writer.wait_acked()
        root = [text for kind, text in server.sql("SELECT kind, text FROM penstock_events") if kind == "quarantined"]
        for part in ("failing, actor", "row 3: column id", '"no number"', "Source { source: lines", "job failing", "Hint: "):
            assert part in root[0], root
        doctor = ctl(server.meta, "doctor", check=False)
        assert doctor.returncode == 1 and "failing is quarantined" in doctor.stdout
        with pytest.raises(psycopg.Error, match="stale since epoch"):
            server.sql("SELECT m FROM above")
        server.sql("ALTER MATERIALIZED VIEW failing RESUME")  # the line is still there
        again = "SELECT count(*) FROM penstock_events WHERE kind IN ('job failed', 'quarantined')"  # before or after its first checkpoint
        wait_until(lambda: server.sql(again)[0][0] >= 2, 20, "it to fail again")
        server.sql("DROP MATERIALIZED VIEW failing CASCADE")
        assert state_of(server, "above") is None
        writer.wait_acked()
        writer.check()


def test_a_failing_view_is_dropped_while_its_database_recovers(tmp_path):
    with Cluster(computes=2) as server, Writer(server).create() as writer:
        for i in range(4):
            append = followed(server, tmp_path, f"lines{i}")
            server.sql(f"CREATE MATERIALIZED VIEW failing{i} AS SELECT count(*) AS n FROM lines{i}")
            before = server.sql("SELECT recoveries FROM penstock_databases")[0][0]
            append("no number")
            wait_until(lambda: server.sql("SELECT recoveries FROM penstock_databases")[0][0] > before, 20, "the recovery")
            threading.Event().wait(0.03 * i)
            begin = time.monotonic()
            server.sql(f"DROP MATERIALIZED VIEW failing{i}")
            assert time.monotonic() - begin < 2, "DROP waits for no recovery"
            writer.wait_acked()
            assert state_of(server, f"failing{i}") is None
        writer.check()


def test_a_view_that_fails_while_it_is_created_in_the_background_is_cancelled_or_gone(tmp_path):
    with playground("--parallelism", "2") as server, Writer(server).create() as writer:
        for i in range(3):
            append = followed(server, tmp_path, f"lines{i}")
            append("no number")
            with server.connect() as c:
                c.execute("SET background_ddl = true")
                c.execute(f"CREATE MATERIALIZED VIEW failing{i} AS SELECT count(*) AS n FROM lines{i}")
                for (job,) in c.execute(f"SELECT job_id FROM penstock_jobs WHERE name = 'failing{i}'").fetchall():
                    c.execute(f"CANCEL JOBS {job}")
            # Cancelled, failed in its creation, or after it: never in between for ever.
            wait_until(lambda: state_of(server, f"failing{i}") in (None, "quarantined"), 20, "the job to be gone or left out")
        writer.wait_acked()
        writer.check()


def test_statements_that_sleep_are_cancelled_at_once_and_leave_the_session_usable():
    with playground() as server:
        with server.connect() as c:
            threading.Timer(0.3, c.cancel).start()
            begin = time.monotonic()
            with pytest.raises(psycopg.errors.QueryCanceled):
                c.execute("SELECT pg_sleep(60)")
            assert time.monotonic() - begin < 2
            begin = time.monotonic()
            assert c.execute("SELECT pg_sleep(0.3)").fetchall() == [("",)]
            assert time.monotonic() - begin >= 0.3
            c.execute("SET statement_timeout = 300")
            with pytest.raises(psycopg.errors.QueryCanceled, match="due to statement timeout"):
                c.execute("SELECT pg_sleep(60)")
            assert c.execute("SELECT 1").fetchall() == [(1,)]
