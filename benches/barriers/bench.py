#!/usr/bin/env python3
"""What barriers cost when there is no data: actors by the thousand, a wide shuffle between two nodes, and the worker's loop alone.

    ./dev bench barriers [--actors 10000,100000] [--seconds 30]

Actors: a playground with a table and as many views on it as make the number, which several sessions create at once, so that their commands share
barriers; then one barrier a second. In flight is from injection to the last collect, total to the commit of its checkpoint. Shuffle: two computes, a table whose rows go from 128 actors to 128.
"""
import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "e2e"))
from penstock import BINARY, Cluster, Playground  # noqa: E402

PARALLELISM = 100
SESSIONS = 8


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))] if values else float("nan")


def line(name, value, unit, goal, at_least=False):
    met = value >= goal if at_least else value <= goal
    print(f"{name:<52} {value:14,.1f} {unit:<10} goal {'>=' if at_least else '<='} {goal:<12,} {'ok' if met else 'MISSED'}", flush=True)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def barriers_of(server, seconds):
    """Times of the barriers that began from now on."""
    before = server.sql("SELECT max(epoch) FROM penstock_barriers")[0][0]
    time.sleep(seconds)
    rows = server.sql(f"SELECT last_collect_ms, total_ms FROM penstock_barriers WHERE epoch > {before} AND state = 'committed'")
    return [a for a, _ in rows if a is not None], [b for _, b in rows if b is not None]


def collects():
    binary = os.path.join(os.path.dirname(BINARY), "bench_stream_task_barrier_worker_collects")
    out = subprocess.run([binary, "--benchmark_format=json"], capture_output=True, text=True, check=True).stdout
    best = max(b.get("items_per_second", 0) for b in json.loads(out)["benchmarks"])
    line("worker's loop, one core", best, "collects/s", 5_000_000, at_least=True)


def create_views(server, count):
    """Views v0, v1, …; answers how many seconds that took."""
    numbers, lock = iter(range(count)), threading.Lock()

    def session(_):
        with server.connect() as c:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                c.execute(f"CREATE MATERIALIZED VIEW v{number} AS SELECT id, v FROM base WHERE v > {number}")

    begin = time.monotonic()
    with ThreadPoolExecutor(SESSIONS) as pool:
        list(pool.map(session, range(SESSIONS)))
    return time.monotonic() - begin


def actors(count, seconds, goal):
    with Playground("--parallelism", str(PARALLELISM)) as server:
        pid = server.process.process.pid
        empty = resident(pid)
        server.sql("CREATE TABLE base (id BIGINT PRIMARY KEY, v BIGINT)")
        have = server.sql("SELECT count(*) FROM penstock_actors")[0][0]
        views = -(-(count - have) // PARALLELISM)
        cpu = cpu_seconds(pid)
        took = create_views(server, views)
        print(f"{views:,} views of {PARALLELISM} actors by {SESSIONS} sessions: created in {took:.1f} s, {cpu_seconds(pid) - cpu:.1f} s of CPU")
        have = server.sql("SELECT count(*) FROM penstock_actors")[0][0]
        time.sleep(3)
        begin, cpu = time.monotonic(), cpu_seconds(pid)
        flight, total = barriers_of(server, seconds)
        core = 100 * (cpu_seconds(pid) - cpu) / (time.monotonic() - begin)
        name = f"{have:,} actors"
        line(f"{name}: barrier p99 in flight ({len(flight)} barriers)", quantile(flight, 0.99), "ms", goal)
        print(f"{name}: p50 in flight {quantile(flight, .5):.1f} ms, total with commit p50 {quantile(total, .5):.1f} ms, p99 {quantile(total, .99):.1f} ms")
        if count <= 10_000:
            line(f"{name}: CPU", core, "% of a core", 5)
        else:
            print(f"{name}: CPU {core:.1f} % of a core")
        line(f"{name}: memory", (resident(pid) - empty) / have, "bytes each", 10_000)


def shuffle(seconds):
    with Cluster(computes=2, parallelism=64) as server:
        server.sql("CREATE TABLE wide (id BIGINT PRIMARY KEY, v BIGINT)")
        server.sql("CREATE MATERIALIZED VIEW by_v AS SELECT v, count(*) AS n FROM wide GROUP BY v")
        time.sleep(2)
        flight, total = barriers_of(server, seconds)
        line(f"128 x 128 shuffle, two computes ({len(flight)} barriers)", quantile(flight, 0.99), "ms", 20)
        print(f"128 x 128 shuffle: p50 in flight {quantile(flight, .5):.1f} ms, total with commit p99 {quantile(total, .99):.1f} ms")


def main():
    p = argparse.ArgumentParser(prog="./dev bench barriers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--actors", default="10000,100000")
    p.add_argument("--seconds", type=int, default=30)
    a = p.parse_args()
    collects()
    for count in map(int, a.actors.split(",")):
        actors(count, a.seconds, 10 if count <= 10_000 else 200)
    shuffle(a.seconds)


main()
