"""A database in trouble leaves the barriers of another one on the same nodes alone: measured, with bounds that a busy machine keeps."""
import importlib.util
import os

from penstock import ROOT, Cluster, Playground, wait_until
from test_disk_full import Hog, create_jobs, insert_goes_through, on_small_disk
from test_fault_nodes import node_of


def test_barriers_of_a_healthy_database_do_not_notice_another_one_in_trouble():
    spec = importlib.util.spec_from_file_location("isolation", os.path.join(ROOT, "benches", "isolation", "bench.py"))
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    with Playground("--parallelism", "2") as server:
        bench.create(server)
        for name, before, during in bench.measure(server, 2):
            p50, most = bench.at(during, 0.5), max(during)
            print(f"{name}: p50 {bench.at(before, 0.5):.1f} -> {p50:.1f} ms, max {max(before):.1f} -> {most:.1f} ms, {len(during)} barriers")
            assert len(during) >= 10, f"{name}: barriers every {bench.INTERVAL_MS} ms, and only {len(during)} in 2 s"
            assert p50 < 10 * bench.at(before, 0.5) + 20, name
            assert most < 1000, name


def test_a_full_disk_of_one_compute_leaves_databases_alone_that_are_elsewhere():
    server = Cluster(computes=2)
    with on_small_disk(server, os.path.join(server.folder, "compute-1")) as folder:
        create_jobs(server, 30_000)
        full = node_of(server, "compute-1")
        for i in range(6):  # a job of one actor goes where least is to do
            server.sql(f"CREATE DATABASE d{i} WITH (barrier_interval_ms = 100)")
            with server.connect(f"d{i}") as c:
                c.execute("SET streaming_parallelism = 1")
                c.execute(f"CREATE TABLE t{i} (id BIGINT PRIMARY KEY)")
            if server.sql(f"SELECT count(*) FROM penstock_actors WHERE job = 't{i}' AND worker_id = {full}") == [(0,)]:
                break
        else:
            raise AssertionError("all six went where there is most to do already")
        hog = Hog(folder)
        hog.take()
        wait_until(lambda: not insert_goes_through(server, "INSERT INTO t VALUES (1000000)"), 10, "the disk to be full")
        last = server.sql(f"SELECT max(epoch) FROM penstock_barriers WHERE database = 'd{i}'")[0][0]
        with server.connect(f"d{i}") as c:
            for row in range(50):
                c.execute(f"INSERT INTO t{i} VALUES ({row})")
            assert c.execute(f"SELECT count(*) FROM t{i}").fetchall() == [(50,)]
        rows = server.sql(f"SELECT state, total_ms FROM penstock_barriers WHERE database = 'd{i}' AND epoch > {last} AND state <> 'in flight'")
        assert rows and {state for state, _ in rows} == {"committed"} and max(ms for _, ms in rows) < 1000, rows
        hog.go()
        server.retry("FLUSH")
