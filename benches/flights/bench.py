#!/usr/bin/env python3
"""Throughput of the three flight views, checkpoint latency, and what an idle playground costs.

    ./dev bench flights [--data DIR] [--runs 3]      DIR holds flights-3m.csv.zst; without it the 300,000 rows of examples/flights

Throughput = rows / (time from the first CREATE MATERIALIZED VIEW to the commit that covers the last row), all three views at once, each
reading the file itself, with exactly-once checkpoints every second. Beside it: what one thread of DuckDB needs for the same three queries.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "e2e"))
import flights  # noqa: E402
from penstock import FLIGHTS, Playground  # noqa: E402

BENCH_VIEWS = ["busiest", "per_hour", "routes"]


def cpu_and_memory(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.split(":", 1) for line in f if ":" in line)
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024


def run(folder, file, rows):
    with Playground() as server:
        pid = server.process.process.pid
        time.sleep(3)
        cpu0, _, _ = cpu_and_memory(pid)
        time.sleep(10)
        cpu1, idle_mb, _ = cpu_and_memory(pid)
        with server.connect() as c:
            c.execute(flights.SOURCES.format(folder=folder, file=file, rate=0))
            begin = time.monotonic()
            for view in BENCH_VIEWS:
                c.execute(f"CREATE MATERIALIZED VIEW {view} AS {flights.VIEWS[view][0]}")
            c.execute("WAIT FOR SOURCE airports")
            c.execute("WAIT FOR SOURCE flights")
            seconds = time.monotonic() - begin
            checkpoints = sorted(float(r[0]) for r in c.execute("SELECT checkpoint_ms FROM penstock_barriers WHERE kind = 'checkpoint' "
                                                               "AND state = 'committed' AND checkpoint_ms IS NOT NULL"))
        cpu2, _, peak_mb = cpu_and_memory(pid)
        return {"rows/s": rows / seconds, "seconds": seconds, "cpu ns/row": (cpu2 - cpu1) / rows * 1e9, "checkpoint p50 ms": checkpoints[len(checkpoints) // 2],
                "checkpoint p99 ms": checkpoints[min(len(checkpoints) - 1, int(len(checkpoints) * 0.99))], "peak MB": peak_mb,
                "idle % of a core": (cpu1 - cpu0) * 10, "idle MB": idle_mb}


def duckdb_seconds(folder, file):
    import duckdb
    db = duckdb.connect(config={"threads": 1})
    path, airports = os.path.join(folder, file), os.path.join(folder, "airports.csv")
    db.execute(f"CREATE VIEW flights AS SELECT * FROM read_csv('{path}', header = true)")
    db.execute(f"CREATE VIEW airports AS SELECT * FROM read_csv('{airports}', header = true)")
    begin = time.monotonic()
    for view in BENCH_VIEWS:
        db.execute(flights.VIEWS[view][1] or flights.VIEWS[view][0]).fetchall()
    return time.monotonic() - begin


def main():
    p = argparse.ArgumentParser(prog="./dev bench flights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data")
    p.add_argument("--runs", type=int, default=3)
    a = p.parse_args()
    folder = os.path.abspath(a.data) if a.data else FLIGHTS
    file, rows = ("flights-3m.csv.zst", 3_000_000) if a.data else ("flights-300k.csv.zst", 300_000)
    if not a.data:
        print("bench: 300,000 rows only, too few for a steady figure; give --data DIR for the 3,000,000")
    for i in range(a.runs):
        figures = run(folder, file, rows)
        print(f"run {i + 1}: " + ", ".join(f"{k} {v:,.1f}" for k, v in figures.items()), flush=True)
    batch = duckdb_seconds(folder, file)
    print(f"DuckDB, one thread, the same three queries as a batch: {batch:.2f} s, {rows / batch:,.0f} rows/s; "
          f"ratio of the last run {figures['rows/s'] * batch / rows:.2f}")


if __name__ == "__main__":
    main()
