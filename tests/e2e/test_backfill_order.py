"""Backfills of one job in an order: a dimension is loaded before the facts that look it up, whatever is killed meanwhile, and all is exact."""
import json
import subprocess
import threading
import time

import psycopg
import pytest

from penstock import BINARY, Cluster, Playground, wait_until

DIMS, FACTS = 3000, 20_000
QUERY = "SELECT f.id, f.k, d.name FROM fact f LEFT JOIN dim d ON f.k = d.k"


def fill(server, dims=DIMS, facts=FACTS):
    server.sql("CREATE TABLE dim (k BIGINT PRIMARY KEY, name VARCHAR)")
    server.sql("CREATE TABLE fact (id BIGINT PRIMARY KEY, k BIGINT)")
    server.sql("INSERT INTO dim VALUES " + ",".join(f"({i},'d{i}')" for i in range(dims)))
    for first in range(0, facts, 20_000):  # some refer to nothing
        server.sql("INSERT INTO fact VALUES " + ",".join(f"({i},{i % (dims + 100)})" for i in range(first, min(facts, first + 20_000))))


def create_slowly(server, name, rate, options=""):
    """In the background, so many rows a second for each actor that backfills."""
    with server.connect() as c:
        c.execute("SET background_ddl = true")
        c.execute(f"SET backfill_rate_limit = {rate}")
        c.execute(f"CREATE MATERIALIZED VIEW {name} {options} AS {QUERY}")


def backfills(server, name):
    """relation -> (state, rows read, waits for), of a job that is being created."""
    rows = server.retry(f"SELECT relation, state, rows_read, waits_for FROM penstock_backfills WHERE job = '{name}'")
    return {relation: (state, read, waits) for relation, state, read, waits in rows}


def state_of(server, name):
    return server.retry(f"SELECT state FROM penstock_jobs WHERE name = '{name}'")[0][0]


def fact_waits(server, name):
    now = backfills(server, name)
    return bool(now) and now["fact"] == ("waiting", 0, "dim")


def equal_to_batch(server, name):
    server.retry("FLUSH")
    assert sorted(server.retry(f"SELECT id, k, name FROM {name}"), key=str) == sorted(server.retry(QUERY), key=str)


def set_rate(server, name, rate):
    server.retry(f"ALTER MATERIALIZED VIEW {name} SET backfill_rate_limit = {rate}")


def test_the_dimension_is_read_first_and_what_waits_says_so_everywhere():
    with Playground("--parallelism", "2", "--barrier-interval-ms", "100") as server:
        fill(server)
        create_slowly(server, "v", 500)
        wait_until(lambda: backfills(server, "v").get("dim", ("",))[0] == "reading", 20, "dim to be read")
        assert fact_waits(server, "v")
        with server.connect() as c:
            jobs = c.execute("SHOW JOBS").fetchall()
            assert any("the backfill of fact waits for the backfill of dim" in str(row) for row in jobs), jobs
            assert any("after: [dim]" in line for line, in c.execute(f"EXPLAIN CREATE MATERIALIZED VIEW w AS {QUERY}"))
        server.sql("INSERT INTO fact VALUES (-1, 1), (-2, NULL)")
        server.sql("UPDATE dim SET name = 'changed' WHERE k < 50")
        assert backfills(server, "v")["fact"][1] == 0, "changes of what waits are left to its backfill"
        set_rate(server, "v", 0)
        wait_until(lambda: state_of(server, "v") == "created", 30, "v")
        equal_to_batch(server, "v")
        started = server.sql("SELECT count(*) FROM penstock_barriers WHERE command LIKE '%start backfill%'")
        assert started == [(1,)]
        assert backfills(server, "v") == {}


def test_an_order_is_the_users_if_they_say_one_and_none_is_none():
    with Playground("--parallelism", "1", "--barrier-interval-ms", "100") as server:
        fill(server, 500, 2000)
        create_slowly(server, "turned", 100, "WITH (backfill_order = FIXED(fact -> dim))")
        create_slowly(server, "at_once", 100, "WITH (backfill_order = 'NONE')")
        wait_until(lambda: all(state == "reading" and read > 0 for state, read, _ in backfills(server, "at_once").values() or [("", 0, "")]), 20,
                   "both to be read at once")
        assert backfills(server, "turned")["dim"] == ("waiting", 0, "fact")
        with server.connect() as c:
            c.execute("SET backfill_order = 'none'")
            assert not any("after:" in line for line, in c.execute(f"EXPLAIN CREATE MATERIALIZED VIEW w AS {QUERY}"))
            with pytest.raises(psycopg.errors.InvalidParameterValue, match="would wait for itself: dim -> fact -> dim"):
                c.execute(f"CREATE MATERIALIZED VIEW w WITH (backfill_order = 'FIXED(fact -> dim, dim -> fact)') AS {QUERY}")
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                c.execute("SET backfill_order = 'sometimes'")
        for name in ("turned", "at_once"):
            set_rate(server, name, 0)
        server.sql("WAIT")
        for name in ("turned", "at_once"):
            equal_to_batch(server, name)


def test_what_waits_is_named_by_ctl_await_tree():
    with Cluster(computes=1) as cluster:
        fill(cluster, 1000, 1000)
        create_slowly(cluster, "v", 100)
        wait_until(lambda: fact_waits(cluster, "v"), 20, "fact to wait")

        def said():
            tree = subprocess.run([BINARY, "ctl", "--meta", cluster.meta, "await-tree", "--json"], capture_output=True, text=True, check=True)
            return "its backfill for that of dim" in json.dumps(json.loads(tree.stdout))
        wait_until(said, 10, "the await tree to say so")


class Changes:
    """Changes both tables until it is left."""

    def __init__(self, server):
        self.server, self.stop = server, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        i = 0
        while not self.stop.is_set():
            i += 1
            try:
                with self.server.connect() as c:
                    c.execute(f"INSERT INTO fact VALUES ({FACTS + i}, {i * 37 % (DIMS + 200)}), ({i}, {i * 11 % DIMS})")
                    c.execute(f"UPDATE dim SET name = 'n{i}' WHERE k = {i * 53 % DIMS}")
                    c.execute(f"DELETE FROM dim WHERE k = {i * 7 % DIMS}")
                    c.execute(f"INSERT INTO dim VALUES ({i * 7 % DIMS + 100 * (i % 2)}, 'again{i}')")
            except psycopg.Error:
                self.stop.wait(0.05)


def test_kill_9_of_computes_and_meta_before_between_and_after_keeps_order_and_loses_no_start():
    with Cluster(computes=2, meta_args=("--barrier-interval-ms", "100")) as cluster:
        fill(cluster)
        with Changes(cluster):
            create_slowly(cluster, "v", 200)  # four actors: dim takes four seconds
            wait_until(lambda: backfills(cluster, "v").get("dim", ("", 0))[1] > 200, 20, "some of dim")
            for name in ("compute-0", "meta"):
                cluster.crash(name)
                wait_until(lambda: backfills(cluster, "v").get("dim", ("", 0))[0] == "reading", 60, "dim to go on")
                assert fact_waits(cluster, "v"), f"after {name}"
            set_rate(cluster, "v", 100_000)
            wait_until(lambda: backfills(cluster, "v").get("dim", ("done",))[0] == "done", 60, "dim")
            cluster.crash("meta")  # at the moment when fact begins, or just before or after
            cluster.crash("compute-1")
            wait_until(lambda: state_of(cluster, "v") == "created", 60, "v")
        equal_to_batch(cluster, "v")


def test_kill_9_of_everything_again_and_again_around_the_start():
    with Playground("--parallelism", "2", "--barrier-interval-ms", "50") as server:
        fill(server, 500, 5000)
        for attempt in range(6):
            with Changes(server):
                create_slowly(server, f"v{attempt}", 2000)
                time.sleep(0.05 + 0.08 * attempt)  # dim takes about an eighth of a second
                server.crash()
                wait_until(lambda: state_of(server, f"v{attempt}") == "created", 60, f"v{attempt}")
            equal_to_batch(server, f"v{attempt}")
