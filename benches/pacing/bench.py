#!/usr/bin/env python3
"""A source far faster than its job: time of barriers in flight, commands and throughput, with held-back sources and without.

    ./dev bench pacing [--rounds 2] [--events 100000] [--matches 5000]

Each bid joins `matches` rows and the result is grouped, so that the job is some thousand times slower than the source. The same events are
worked off with --barrier-target-ms 0 and 500 in turn. While they are, a table is created every 2 s: a command waits for a barrier.
Goals: barriers p99 <= 1 s in flight at an interval of 1 s, at most 5 % of throughput lost, commands about 500 ms.
"""
import argparse
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "e2e"))
from penstock import Playground  # noqa: E402


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))] if values else float("nan")


def create_table_now_and_then(server, stop, times):
    with server.connect() as c:
        for i in range(10_000):
            if stop.wait(2):
                return
            begin = time.monotonic()
            c.execute(f"CREATE TABLE command_{i} (id BIGINT)")
            times.append(time.monotonic() - begin)


def run(target, events, matches):
    with Playground("--barrier-target-ms", str(target), "--barrier-interval-ms", "1000") as server:
        server.sql("CREATE TABLE dim (k BIGINT, n BIGINT, PRIMARY KEY (k, n))")
        for k in range(8):
            for first in range(0, matches, 1000):
                server.sql("INSERT INTO dim VALUES " + ", ".join(f"({k}, {n})" for n in range(first, min(matches, first + 1000))))
        server.sql(f"""CREATE SOURCE bid (auction BIGINT, price BIGINT) WITH (connector = 'nexmark', nexmark.table.type = 'Bid',
                       nexmark.event.num = '{events * 50 // 46}')""")
        before = server.sql("SELECT max(epoch) FROM penstock_barriers")[0][0]
        stop, commands = threading.Event(), []
        begin = time.monotonic()
        server.sql("""CREATE MATERIALIZED VIEW slow AS SELECT d.n % 10 AS g, count(*) AS c, sum(b.price) AS s
                      FROM bid b JOIN dim d ON b.auction % 8 = d.k GROUP BY d.n % 10""")
        other = threading.Thread(target=create_table_now_and_then, args=(server, stop, commands))
        other.start()
        server.sql("WAIT FOR SOURCE bid")
        seconds = time.monotonic() - begin
        stop.set()
        other.join()
        rows = server.sql("SELECT sum(c) FROM slow")[0][0]
        barriers = [ms for (ms,) in server.sql(f"SELECT last_collect_ms FROM penstock_barriers WHERE epoch > {before}") if ms is not None]
        return {"rate": events / seconds, "rows": rows, "barriers": barriers, "commands": [1000 * s for s in commands], "seconds": seconds}


def show(name, r):
    print(f"{name:>8}: {r['rate']:10,.0f} rows/s ({r['seconds']:5.1f} s)   barriers {len(r['barriers']):4} p50 {quantile(r['barriers'], .5):8.1f} ms"
          f"  p99 {quantile(r['barriers'], .99):8.1f} ms  max {max(r['barriers']):8.1f} ms"
          f"   commands {len(r['commands']):3} p50 {quantile(r['commands'], .5):8.1f} ms  max {max(r['commands'], default=float('nan')):8.1f} ms", flush=True)


def main():
    p = argparse.ArgumentParser(prog="./dev bench pacing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--events", type=int, default=100_000)
    p.add_argument("--matches", type=int, default=5000)
    a = p.parse_args()
    free, paced = [], []
    for _ in range(a.rounds):
        for into, name, target in ((free, "unpaced", 0), (paced, "paced", 500)):
            into.append(run(target, a.events, a.matches))
            show(name, into[-1])
    assert len({r["rows"] for r in free + paced}) == 1, "the results differ"
    ratio = sum(r["rate"] for r in paced) / sum(r["rate"] for r in free)
    barriers = [ms for r in paced for ms in r["barriers"]]
    print(f"paced to unpaced: {ratio:.3f} of the throughput (goal 0.95); barriers p99 {quantile(barriers, .99):.0f} ms (goal 1,000)")


main()
