"""Flights through views whose actors move between computes, equal to DuckDB row by row, also with kill -9 in the middle of a move."""
import os
import random
import re
import threading
import time

import psycopg
import pytest

import flights
from penstock import Cluster, wait_until

SEED = int(os.environ.get("PENSTOCK_SEED", "1"))
KILLS = int(os.environ.get("PENSTOCK_KILLS", "5"))


@pytest.fixture(scope="module")
def oracle():
    return flights.oracle()


def finish(server):
    server.retry("WAIT FOR SOURCE airports", 300)
    server.retry("WAIT FOR SOURCE flights", 300)


def rows_read(server):
    rows = server.retry("SELECT max(rows_read) FROM penstock_sources WHERE source = 'flights'")
    return int(rows[0][0] or 0)


def wait_rows(server, rows):
    wait_until(lambda: rows_read(server) >= min(rows, 300_000), 60, f"{rows} rows")


def actors(server, job):
    """By worker, the most actors of a fragment."""
    return dict(server.retry(f"""SELECT worker_id, max(n) FROM (SELECT worker_id, fragment_id, count(*) AS n FROM penstock_actors
        WHERE job = '{job}' GROUP BY worker_id, fragment_id) AS f GROUP BY worker_id"""))


def moves(server):
    return [row[0] for row in server.retry("SELECT text FROM penstock_events WHERE kind = 'rescale'")]


def test_views_are_exact_while_computes_join_and_leave_and_parallelism_changes(oracle):
    with Cluster(computes=2, parallelism=2) as server:
        flights.create(server, rate=60000)
        wait_rows(server, 30_000)
        assert actors(server, "routes") == {1: 2, 2: 2}
        server.add_compute()
        wait_until(lambda: actors(server, "routes") == {1: 2, 2: 2, 3: 2}, 30, "routes on three computes")
        wait_rows(server, 90_000)
        server.sql("ALTER MATERIALIZED VIEW routes SET PARALLELISM = 1")
        assert sum(actors(server, "routes").values()) == 1
        server.sql("ALTER MATERIALIZED VIEW routes SET PARALLELISM TO 7")
        assert sum(actors(server, "routes").values()) == 7
        assert server.sql("SELECT wanted_parallelism FROM penstock_jobs WHERE name = 'routes'") == [("7",)]
        server.sql("ALTER MATERIALIZED VIEW routes SET PARALLELISM = ADAPTIVE")
        assert actors(server, "routes") == {1: 2, 2: 2, 3: 2}
        wait_rows(server, 150_000)
        server.processes["compute-0"].stop(60)  # hands over, then ends
        assert sorted(actors(server, "routes").values()) == [2, 2]  # on the two that are left
        finish(server)
        print("\n".join(moves(server)))
        assert flights.differences(server, oracle) == ""


def test_views_are_exact_after_kill_9_in_the_middle_of_moves(oracle):
    choose = random.Random(SEED)
    with Cluster(computes=3, parallelism=2) as server:
        flights.create(server, rate=60000)
        for i in range(KILLS):
            wait_rows(server, (i + 1) * 250_000 // KILLS)

            def alter():
                try:
                    server.sql(f"ALTER MATERIALIZED VIEW {choose.choice(['routes', 'per_hour', 'busiest'])} SET PARALLELISM = {choose.randrange(1, 9)}")
                except psycopg.Error:
                    pass  # meta or the frontend died; what is wanted is remembered
            mover = threading.Thread(target=alter)
            mover.start()
            time.sleep(choose.random() * 0.3)
            victim = choose.choice(["compute-0", "compute-1", "compute-2", "meta"])
            server.crash(victim)
            mover.join()
            server.wait_alive(3)
        finish(server)
        print("\n".join(moves(server)))
        assert flights.differences(server, oracle) == ""


def test_rows_written_while_actors_move_are_there_once_and_none_is_refused():
    with Cluster(computes=2, parallelism=2) as server:
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)")
        server.sql("CREATE MATERIALIZED VIEW sums AS SELECT v, count(*) AS n FROM t GROUP BY v")
        stop, written, refused = threading.Event(), [], []

        def write():
            with server.connect() as c:
                i = 0
                while not stop.is_set():
                    i += 1
                    try:
                        c.execute(f"INSERT INTO t VALUES ({i}, {i % 7})")
                        written.append(i)
                    except psycopg.Error as e:
                        refused.append(str(e))
        writer = threading.Thread(target=write)
        writer.start()
        for parallelism in (1, 4, 2, 8, "ADAPTIVE"):
            server.sql(f"ALTER TABLE t SET PARALLELISM = {parallelism}")
            server.sql(f"ALTER MATERIALIZED VIEW sums SET PARALLELISM = {parallelism}")
        stop.set()
        writer.join()
        assert written, "some rows were written"
        assert refused == []
        assert [row[0] for row in server.sql("SELECT id FROM t ORDER BY id")] == written
        assert server.sql("SELECT sum(n) FROM sums") == [(len(written),)]
        assert server.sql("SELECT kind, text FROM penstock_events WHERE kind IN ('failure', 'recovered')") == [], "a move begins nothing anew"


def test_updates_and_transactions_while_actors_move_are_applied_once_or_refused_as_a_whole():
    with Cluster(computes=2, parallelism=2) as server:
        server.sql("CREATE TABLE a (id BIGINT PRIMARY KEY, v BIGINT)")
        server.sql("CREATE TABLE b (id BIGINT PRIMARY KEY, v BIGINT)")
        server.sql("CREATE MATERIALIZED VIEW pairs AS SELECT a.v AS x, b.v AS y FROM a JOIN b ON a.id = b.id")
        server.sql("INSERT INTO a VALUES " + ", ".join(f"({i}, 0)" for i in range(20)))
        server.sql("INSERT INTO b VALUES " + ", ".join(f"({i}, 0)" for i in range(20)))
        stop, applied, refused = threading.Event(), [0] * 20, []

        def write():
            with server.connect() as c:
                i = 0
                while not stop.is_set():
                    i += 1
                    key = i % 20
                    try:
                        with c.transaction():
                            c.execute(f"UPDATE a SET v = v + 1 WHERE id = {key}")
                            c.execute(f"UPDATE b SET v = v - 1 WHERE id = {key}")
                        applied[key] += 1
                    except (psycopg.errors.SerializationFailure, psycopg.errors.CannotConnectNow, psycopg.errors.SnapshotTooOld) as e:
                        refused.append(str(e))  # not applied, and says so
        writer = threading.Thread(target=write)
        writer.start()
        for parallelism in (1, 4, 2, 8, "ADAPTIVE"):
            for table in "ab":
                server.sql(f"ALTER TABLE {table} SET PARALLELISM = {parallelism}")
        stop.set()
        writer.join()
        assert sum(applied) > 0
        print(f"{sum(applied)} applied, {len(refused)} refused: {set(refused)}")
        assert server.sql("SELECT id, v FROM a ORDER BY id") == list(enumerate(applied))
        assert sorted(server.sql("SELECT x, y FROM pairs")) == sorted((n, -n) for n in applied)


def test_reads_are_whole_while_actors_move():
    with Cluster(computes=2, parallelism=2) as server:
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        server.sql("INSERT INTO t VALUES " + ", ".join(f"({i})" for i in range(2000)))
        stop, seen = threading.Event(), []

        def read():
            with server.connect() as c:
                while not stop.is_set():
                    seen.append(c.execute("SELECT count(*) FROM t").fetchone()[0])
        reader = threading.Thread(target=read)
        reader.start()
        for parallelism in (1, 4, 2, 8, 3):
            server.sql(f"ALTER TABLE t SET PARALLELISM = {parallelism}")
        stop.set()
        reader.join()
        assert set(seen) == {2000}


def move_half(copy_ahead):
    """A state of 460,000 rows, half of which moves to a compute that joins while rows are written; what the move cost, in ms."""
    with Cluster(computes=1, parallelism=2, meta_args=("--copy-ahead", str(copy_ahead))) as server:
        server.sql("""CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, url VARCHAR) WITH (connector = 'nexmark',
                      nexmark.table.type = 'Bid', nexmark.event.num = '500000')""")
        server.sql("CREATE MATERIALIZED VIEW bids AS SELECT * FROM bid")
        server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        server.sql("CREATE MATERIALIZED VIEW last_digits AS SELECT id % 10 AS d, count(*) AS n FROM t GROUP BY id % 10")
        server.sql("WAIT FOR SOURCE bid")
        before = server.sql("SELECT count(*), sum(price), max(url) FROM bids")
        stop, written = threading.Event(), []

        def write():
            with server.connect() as c:
                i = 0
                while not stop.is_set():
                    i += 1
                    c.execute(f"INSERT INTO t VALUES ({i})")
                    written.append(i)
        writer = threading.Thread(target=write)
        writer.start()
        server.add_compute()
        wait_until(lambda: actors(server, "bids") == {1: 2, 2: 2}, 60, "bids on both computes")
        stop.set()
        writer.join()
        assert server.sql("SELECT count(*), sum(price), max(url) FROM bids") == before
        assert [row[0] for row in server.sql("SELECT id FROM t ORDER BY id")] == written
        assert server.sql("SELECT sum(n) FROM last_digits") == [(len(written),)]
        text = moves(server)[-1]
        print(text)
        ahead, barrier, transfer = map(int, re.search(r"ahead in (\d+) ms, barrier (\d+) ms, transfer (\d+) ms", text).groups())
        return {"ahead": ahead, "barrier": barrier, "transfer": transfer}


def test_jobs_stand_still_only_for_what_has_changed_while_their_rows_were_copied():
    still, running = move_half(0), move_half(1)
    print(f"rows move while the jobs stand still: {still['transfer']} ms; copied ahead: {running['transfer']} ms, after {running['ahead']} ms")
    assert still["ahead"] == 0
    assert running["transfer"] < still["transfer"] / 2, f"{running} where it was {still}"


def test_what_cannot_be_altered_says_why():
    with Cluster(computes=1, parallelism=2) as server:
        server.sql("CREATE TABLE t (id BIGINT)")
        server.sql("CREATE SOURCE s (id BIGINT) WITH (connector = 'datagen', datagen.rows.per.second = '1') FORMAT PLAIN ENCODE JSON")
        for text, state, words in [
            ("ALTER TABLE nothing SET PARALLELISM = 2", "42P01", "nothing"),
            ("ALTER MATERIALIZED VIEW t SET PARALLELISM = 2", "42809", "not a materialized view"),
            ("ALTER SOURCE s SET PARALLELISM = 2", "0A000", "no actors of its own"),
            ("ALTER TABLE t SET PARALLELISM = 0", "22023", "at least 1"),
            ("ALTER TABLE t SET PARALLELISM = 100000", "22023", "vnodes"),
            ("ALTER TABLE t SET PARALLELISM = many", "42601", "many"),
        ]:
            with pytest.raises(psycopg.Error) as refused:
                server.sql(text)
            assert refused.value.sqlstate == state, f"{text}: {refused.value}"
            assert words in str(refused.value), f"{text}: {refused.value}"
