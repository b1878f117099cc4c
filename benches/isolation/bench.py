#!/usr/bin/env python3
"""What a database's barriers notice of another database in trouble on the same nodes.

    ./dev bench isolation [--seconds 20]

One playground, two databases. The healthy one has barriers every 100 ms, a source of 1,000 rows a second and a view over it. The other one
is first idle, then has an actor held up (pg_sleep), then a view that fails again and again, then a table that is written to as fast as it goes.
Printed is the healthy one's barrier latency (injection to commit), and its ratio to the idle time just before.
"""
import argparse
import contextlib
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "e2e"))
from penstock import Playground, psycopg, wait_until  # noqa: E402

INTERVAL_MS = 100


def create(server):
    server.sql(f"CREATE DATABASE healthy WITH (barrier_interval_ms = {INTERVAL_MS})")
    server.sql(f"CREATE DATABASE troubled WITH (barrier_interval_ms = {INTERVAL_MS})")
    with server.connect("healthy") as c:
        c.execute("""CREATE SOURCE s (id BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence', fields.id.end = '1000000000',
                     datagen.rows.per.second = '1000')""")
        c.execute("CREATE MATERIALIZED VIEW v AS SELECT id % 100 AS g, count(*) AS n FROM s GROUP BY id % 100")
    with server.connect("troubled") as c:
        c.execute("CREATE TABLE t (id BIGINT PRIMARY KEY, v DOUBLE PRECISION)")
        c.execute("CREATE MATERIALIZED VIEW slow AS SELECT id, pg_sleep(v) AS p FROM t")


def latencies(server, seconds):
    """Milliseconds, sorted, of the healthy database's barriers that were committed in the next `seconds`; none may fail."""
    last = server.sql("SELECT max(epoch) FROM penstock_barriers WHERE database = 'healthy'")[0][0]
    time.sleep(seconds)
    rows = server.sql(f"SELECT state, total_ms FROM penstock_barriers WHERE database = 'healthy' AND epoch > {last} AND state <> 'in flight'")
    assert {state for state, _ in rows} <= {"committed", "passed"}, rows
    return sorted(ms for state, ms in rows if state == "committed")


def at(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


@contextlib.contextmanager
def in_background(work):
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def quietly(server, text):
    with contextlib.suppress(psycopg.Error):
        with server.connect("troubled") as c:
            c.execute(text)


@contextlib.contextmanager
def held_up(server, seconds):
    quietly(server, f"SET dml_ack = 'accepted'; INSERT INTO t VALUES ({int(time.time() * 1000)}, {seconds + 2})")
    yield
    quietly(server, "DROP MATERIALIZED VIEW slow")


@contextlib.contextmanager
def failing(server, _):
    def work(stop):
        with tempfile.TemporaryDirectory() as folder:
            i = 0
            while not stop.is_set():
                i += 1
                path = os.path.join(folder, f"{i}.csv")
                with open(path, "w") as f:
                    f.write("id\n1\n")
                quietly(server, f"CREATE SOURCE b{i} (id BIGINT) WITH (connector = 'posix_fs', posix_fs.root = '{folder}', match_pattern = '{i}.csv', "
                        "posix_fs.follow = 'true') FORMAT PLAIN ENCODE CSV (without_header = 'false')")
                quietly(server, f"CREATE MATERIALIZED VIEW f{i} AS SELECT count(*) AS n FROM b{i}")
                with open(path, "a") as f:
                    f.write("no number\n")
                state = lambda: server.sql(f"SELECT count(*) FROM penstock_events WHERE database = 'troubled' AND kind = 'quarantined'")[0][0]
                with contextlib.suppress(AssertionError):
                    wait_until(lambda: stop.is_set() or state() >= i, 10, "the quarantine")
                quietly(server, f"DROP SOURCE b{i} CASCADE")
    with in_background(work):
        yield


@contextlib.contextmanager
def written_to(server, _):
    quietly(server, "CREATE TABLE w (id BIGINT PRIMARY KEY, v BIGINT)")

    def work(stop):
        i = 0
        while not stop.is_set():
            quietly(server, "INSERT INTO w VALUES " + ",".join(f"({n},{n})" for n in range(i, i + 1000)))
            i += 1000
    with in_background(work):
        yield


TROUBLES = {"an actor held up": held_up, "a view that fails again and again": failing, "a table that is written to": written_to}


def measure(server, seconds):
    """Yields (trouble, latencies just before, latencies during it)."""
    for name, trouble in TROUBLES.items():
        before = latencies(server, seconds)
        with trouble(server, seconds):
            yield name, before, latencies(server, seconds)


def main():
    p = argparse.ArgumentParser(prog="./dev bench isolation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=20)
    a = p.parse_args()
    with Playground("--parallelism", "2") as server:
        create(server)
        time.sleep(2)
        print(f"{'the other database has':36} {'p50 before':>10} {'during':>8} {'ratio':>6} {'p99 before':>11} {'during':>8} {'ratio':>6}   ms, load {os.getloadavg()[0]:.1f}")
        for name, before, during in measure(server, a.seconds):
            row = [f"{name:36}"]
            for share in (0.5, 0.99):
                x, y = at(before, share), at(during, share)
                row += [f"{x:10.1f}", f"{y:8.1f}", f"{y / x:6.2f}"]
            print(" ".join(row), flush=True)


if __name__ == "__main__":
    main()
