"""A database in trouble leaves the barriers of another one on the same nodes alone: measured, with bounds that a busy machine keeps."""
import importlib.util
import os

from penstock import ROOT, Playground


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
