#!/usr/bin/env python3
"""What it buys to load a dimension before the facts that look it up.

    ./dev bench backfill_order [--facts 1000000] [--dims 100000] [--rounds 3]

Facts and dimension are two views that are there already, neither of them spread by what they are joined by. A view that joins them and counts
by group is created with the dimension first (AUTO), with all backfills at once (NONE) and with the facts first, turn by turn. Printed are the
time of CREATE, the processor time of the servers and the rows that the join gave its aggregation, each as the median of the rounds and as the
ratio to AUTO.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "e2e"))
from penstock import BINARY, Cluster, wait_until  # noqa: E402

JOINS = ("JOIN", "LEFT JOIN")
ORDERS = {"AUTO": "AUTO", "NONE": "NONE", "facts first": "FIXED(fact -> dim)"}


def generator(server, name, rows):
    server.sql(f"""CREATE SOURCE {name} (id BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence', fields.id.start = '0',
                   fields.id.end = '{rows - 1}', datagen.split.num = '1', datagen.rows.per.second = '10000000')""")


def fill(server, facts, dims):
    generator(server, "fact_rows", facts)
    generator(server, "dim_rows", dims)
    server.sql(f"CREATE MATERIALIZED VIEW fact AS SELECT id, id * 7919 % {dims} AS k FROM fact_rows")
    server.sql("CREATE MATERIALIZED VIEW dim AS SELECT id AS k, id % 1000 AS g FROM dim_rows")
    for name, rows in (("fact", facts), ("dim", dims)):
        wait_until(lambda: server.sql(f"SELECT count(*) FROM {name}")[0][0] == rows, 300, f"{rows} rows in {name}")
    server.sql("FLUSH")


def processor_seconds(server):
    total = 0
    for process in server.processes.values():
        with open(f"/proc/{process.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def rows_into_aggregation(server):
    """Of all actors of v whose fragment aggregates, what they took in."""
    tree = json.loads(subprocess.run([BINARY, "ctl", "--meta", server.meta, "await-tree", "--json"], capture_output=True, text=True, check=True).stdout)
    found = []

    def walk(node):
        if isinstance(node, dict):
            operators = node.get("operators", "")
            if node.get("job") == "v" and "HashAgg" in operators and "HashJoin" not in operators:
                found.append(int(node["record"].get("rowsIn", node["record"].get("rows_in", 0))))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(tree)
    return sum(found)


def create(server, join, order):
    cpu, begin = processor_seconds(server), time.monotonic()
    server.sql(f"""CREATE MATERIALIZED VIEW v WITH (backfill_order = '{ORDERS[order]}') AS
                   SELECT d.g, count(*) AS n FROM fact f {join} dim d ON f.k = d.k GROUP BY d.g""")
    seconds, cpu = time.monotonic() - begin, processor_seconds(server) - cpu
    rows = rows_into_aggregation(server)
    groups = server.sql("SELECT count(*), sum(n) FROM v")[0]
    server.sql("DROP MATERIALIZED VIEW v")
    return (seconds, cpu, rows), groups


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--interval", type=int, default=1000, help="barrier_interval_ms")
    options = parser.parse_args()
    with Cluster(computes=1, meta_args=("--barrier-interval-ms", str(options.interval))) as server:
        fill(server, options.facts, options.dims)
        print(f"{options.facts:,} facts, {options.dims:,} rows of the dimension; medians of {options.rounds} rounds")
        for join in JOINS:
            runs, results = {order: [] for order in ORDERS}, set()
            for _ in range(options.rounds):
                for order in ORDERS:
                    figures, result = create(server, join, order)
                    runs[order].append(figures)
                    results.add(result)
            assert len(results) == 1, f"the order changed the result: {results}"
            median = {order: [statistics.median(column) for column in zip(*runs[order])] for order in ORDERS}
            print(f"{join:14}{'CREATE s':>16}{'processor s':>18}{'rows joined':>22}")
            for order in ORDERS:
                cells = [f"{value:,.{digits}f} ({value / best:.2f})" if best else "-"
                         for value, best, digits in zip(median[order], median["AUTO"], (2, 2, 0))]
                print(f"  {order:12}{cells[0]:>16}{cells[1]:>18}{cells[2]:>22}")


if __name__ == "__main__":
    main()
