"""Flights through many views, equal to DuckDB row by row: in one process, over several, and with kill -9 at random moments."""
import os
import random
import time

import pytest

import flights
from penstock import Cluster, Playground, wait_until

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


def test_views_equal_a_batch_query_in_the_playground(oracle):
    with Playground() as server:
        flights.create(server)
        finish(server)
        assert flights.differences(server, oracle) == ""


def test_views_equal_a_batch_query_over_processes(oracle):
    with Cluster(computes=2, parallelism=2) as server:
        flights.create(server)
        finish(server)
        assert flights.differences(server, oracle) == ""


def test_views_are_exact_after_kill_9_of_the_playground(oracle):
    choose = random.Random(SEED)
    with Playground() as server:
        flights.create(server, rate=60000)
        for _ in range(KILLS):
            mark = rows_read(server) + choose.randrange(1, 2 * 300_000 // KILLS)
            wait_until(lambda: rows_read(server) >= min(mark, 300_000), 60, f"{mark} rows")
            server.process.kill()
            server.process.start()
            at = time.monotonic()
            server.wait_ready()
            server.retry("SELECT count(*) FROM routes")
            print(f"readable {time.monotonic() - at:.2f} s after the restart, {rows_read(server)} rows")
        finish(server)
        assert flights.differences(server, oracle) == ""


def test_views_are_exact_after_kill_9_of_each_process(oracle):
    choose = random.Random(SEED)
    with Cluster(computes=2, parallelism=2) as server:
        flights.create(server, rate=60000)
        victims = ["compute-0", "compute-1", "meta", "frontend", "all"]
        for i in range(KILLS):
            victim = victims[i % len(victims)] if i < len(victims) else choose.choice(victims)
            mark = rows_read(server) + choose.randrange(1, 2 * 300_000 // KILLS)
            wait_until(lambda: rows_read(server) >= min(mark, 300_000), 60, f"{mark} rows")
            chosen = list(server.processes) if victim == "all" else [victim]
            for name in chosen:
                server.processes[name].kill()
            for name in chosen:
                server.processes[name].start()
            server.wait_ready()
        finish(server)
        assert flights.differences(server, oracle) == ""
