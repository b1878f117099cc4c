#!/usr/bin/env python3
"""SIGKILL of a playground to its first new committed epoch.

    ./dev bench recovery [--kills 20] [--megabytes 10,1000]

The process is started again at once. State is rows of a view over a table of bids, about 130 bytes a row; the source goes on at 10,000
rows a second, so that every epoch has something to commit.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "e2e"))
from penstock import Playground, psycopg, wait_until  # noqa: E402

ROW_BYTES = 130


def load(server, megabytes):
    events = megabytes * 1_000_000 // ROW_BYTES * 50 // 46
    with server.connect() as c:
        c.execute(f"""CREATE SOURCE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR)
                      WITH (connector = 'nexmark', nexmark.table.type = 'Bid', nexmark.event.num = '{events}')""")
        c.execute("CREATE MATERIALIZED VIEW state AS SELECT auction, bidder, price, url, date_time, extra FROM bid")
        c.execute("WAIT FOR SOURCE bid")
        c.execute("""CREATE SOURCE more (id BIGINT, v BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence',
                     datagen.rows.per.second = '10000')""")
        c.execute("CREATE MATERIALIZED VIEW moving AS SELECT v % 100 AS g, count(*) AS n, sum(id) AS s FROM more GROUP BY v % 100")


def committed(server):
    try:
        with server.connect() as c:
            row = c.execute("SELECT max(epoch) FROM penstock_barriers WHERE kind = 'checkpoint' AND state = 'committed'").fetchone()
            return int(row[0]) if row[0] is not None else 0
    except psycopg.Error:
        return 0


def one_kill(server):
    before = committed(server)
    server.process.signal(9)
    begin = time.monotonic()
    server.process.process.wait()
    server.process.start()
    wait_until(lambda: committed(server) > before, 120, "a new committed epoch")
    return time.monotonic() - begin


def main():
    p = argparse.ArgumentParser(prog="./dev bench recovery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kills", type=int, default=20)
    p.add_argument("--megabytes", default="10,1000")
    a = p.parse_args()
    for megabytes in map(int, a.megabytes.split(",")):
        with Playground() as server:
            load(server, megabytes)
            times = []
            for _ in range(a.kills):
                wait_until(lambda: committed(server), 30, "a checkpoint")
                time.sleep(0.7)
                times.append(one_kill(server))
            times.sort()
            print(f"{megabytes} MB of state, {a.kills} kills: p50 {times[len(times) // 2] * 1000:.0f} ms, max {times[-1] * 1000:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
