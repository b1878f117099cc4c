"""Jobs that are being created: they fail, are dropped and are killed without harm to what runs beside them, and end equal to a batch."""
import random
import threading
import time

import psycopg
import pytest

from penstock import Cluster, Playground, wait_until

ROWS = 100_000


def fill(server, rows=ROWS):
    server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
    for first in range(0, rows, 20_000):
        server.sql("INSERT INTO t VALUES " + ",".join(f"({i},{i % 1000})" for i in range(first, first + 20_000)))


def in_background(server, statement):
    """The statement in a session of its own; what it came to is put into the list."""
    outcome = []

    def run():
        try:
            server.sql(statement)
            outcome.append("ok")
        except psycopg.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def state_of(server, job):
    return next((row[3] for row in server.retry("SHOW JOBS") if row[1] == job), None)


def recoveries(server):
    return server.sql("SELECT count(*) FROM penstock_events WHERE kind = 'recovered'")[0][0]


def slowest_barrier(server, since):
    """Milliseconds from injection to commit, of barriers committed since then."""
    rows = server.sql("SELECT * FROM penstock_barriers")
    return max((row[9] for row in rows if row[9] is not None and row[4].timestamp() >= since), default=0)


def test_a_view_that_fails_while_it_is_created_leaves_a_healthy_one_alone(tmp_path):
    (tmp_path / "a.csv").write_text("id,v\n1,a\nx,b\n")
    with Playground() as server:
        fill(server)
        server.sql("CREATE MATERIALIZED VIEW healthy AS SELECT v, count(*) AS n FROM t GROUP BY v")
        server.sql(f"""CREATE SOURCE broken (id BIGINT, v VARCHAR) WITH (connector = 'posix_fs', posix_fs.root = '{tmp_path}',
                       match_pattern = '*.csv', on_error = 'fail') FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',')""")
        before, since = recoveries(server), time.time()
        for attempt in range(5):
            with pytest.raises(psycopg.Error, match="row 2: column id") as caught:
                server.sql("CREATE MATERIALIZED VIEW bad AS SELECT t.id, t.v FROM broken JOIN t ON broken.id = t.id")
            assert caught.value.sqlstate == "22P02"
            server.sql(f"INSERT INTO t VALUES ({ROWS + attempt}, 7)")
            assert server.sql("SELECT n FROM healthy WHERE v = 7") == [(ROWS // 1000 + attempt + 1,)]
        assert recoveries(server) == before, "the database took no notice"
        assert slowest_barrier(server, since) < 1000
        assert state_of(server, "bad") is None


def test_a_job_is_dropped_while_it_is_created_and_can_be_created_again():
    with Playground() as server:
        fill(server)
        before = recoveries(server)
        thread, outcome = in_background(server, "CREATE MATERIALIZED VIEW dropped AS SELECT v, count(*) AS n FROM t GROUP BY v")
        wait_until(lambda: state_of(server, "dropped"), 30, "the job to be listed")
        started = time.monotonic()
        server.sql("DROP MATERIALIZED VIEW dropped")
        assert time.monotonic() - started < 1, "DROP waits for no barrier"
        thread.join()
        assert outcome == ["ok"] or "dropped" in str(outcome[0])
        server.sql("INSERT INTO t VALUES (-1, 0)")
        server.sql("CREATE MATERIALIZED VIEW dropped AS SELECT v, count(*) AS n FROM t GROUP BY v")
        assert server.sql("SELECT n FROM dropped WHERE v = 0") == [(ROWS // 1000 + 1,)]
        assert recoveries(server) == before


def created_equal_to_batch(server, name):
    """Created by somebody before the crash, or now."""
    def created():
        state = state_of(server, name)
        if state is None:
            server.retry(f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name} AS SELECT v, count(*) AS n, sum(id) AS s FROM t GROUP BY v")
        return state == "created"
    wait_until(created, 60, f"{name} to be created")
    server.retry("FLUSH")
    assert sorted(server.retry(f"SELECT v, n, s FROM {name}")) == sorted(server.retry("SELECT v, count(*), sum(id) FROM t GROUP BY v"))


def test_kill_9_while_a_view_is_created_ends_equal_to_a_batch():
    random.seed(4)
    with Playground() as server:
        fill(server)
        for i in range(6):
            thread, _ = in_background(server, f"CREATE MATERIALIZED VIEW k{i} AS SELECT v, count(*) AS n, sum(id) AS s FROM t GROUP BY v")
            threading.Event().wait(random.uniform(0, 1.2))
            server.crash()
            thread.join()
            server.retry(f"INSERT INTO t VALUES ({ROWS + i}, {i})")
            created_equal_to_batch(server, f"k{i}")


def test_views_that_are_created_between_checkpoints_lose_nothing():
    with Playground("--barrier-interval-ms", "5", "--checkpoint-frequency", "50") as server:
        fill(server)
        stop = threading.Event()

        def keep_inserting():
            i = ROWS
            while not stop.is_set():
                server.sql(f"SET dml_ack = 'accepted'; INSERT INTO t VALUES ({i}, {i})")  # a group that no later row touches
                i += 1

        thread = threading.Thread(target=keep_inserting)
        thread.start()
        for i in range(12):
            server.sql(f"CREATE MATERIALIZED VIEW b{i} AS SELECT v, count(*) AS n, sum(id) AS s FROM t GROUP BY v")
        stop.set()
        thread.join()
        server.sql("FLUSH")
        for crash in range(2):
            for i in range(12):
                created_equal_to_batch(server, f"b{i}")
            server.crash()


def test_each_process_of_a_cluster_is_killed_while_a_view_is_created():
    random.seed(5)
    with Cluster(computes=2, parallelism=2) as server:
        fill(server)
        for i, name in enumerate(["compute-0", "meta", "compute-1"]):
            thread, _ = in_background(server, f"CREATE MATERIALIZED VIEW c{i} AS SELECT v, count(*) AS n, sum(id) AS s FROM t GROUP BY v")
            threading.Event().wait(random.uniform(0.1, 1.0))
            server.crash(name)
            thread.join()
            server.retry(f"INSERT INTO t VALUES ({ROWS + i}, {i})")
            created_equal_to_batch(server, f"c{i}")
