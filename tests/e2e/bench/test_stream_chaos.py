"""The workloads `stream` and `chaos` on a real server."""
import glob
import json
import os
import pathlib
import re
import subprocess

import pytest

from penstock import BINARY, Playground, ROOT, free_port


def run(tmp_path, text, *flags, agents=1):
    path = tmp_path / "stages.yaml"
    path.write_text(text)
    return subprocess.run([BINARY, "bench", "run", str(path), "--local", str(agents), "--out", str(tmp_path / "results"), *flags],
                          capture_output=True, text=True, timeout=200)


def stages(tmp_path):
    with open(glob.glob(f"{tmp_path}/results/*/summary.json")[0]) as f:
        return {stage["name"]: stage for stage in json.load(f)["stages"]}


def test_what_the_agents_counted_is_what_the_table_and_the_view_hold(tmp_path):
    with Playground("--barrier-interval-ms", "100") as server:
        common = f"kind: stream, server: '127.0.0.1:{server.port}', table: load, rows: 20, keys: 30, concurrency: 3"
        result = run(tmp_path, "run: {name: t}\nstages:\n"
                     f"  - {{name: load, order: 1, type: prepare, max_tasks: 30, workload: {{{common}}}}}\n"
                     f"  - {{name: mix, order: 2, type: execute, completion: tasks_done, max_tasks: 60, workload: {{{common}, weights: {{insert: 2, select: 2, fresh: 2}}}}}}\n"
                     f"  - {{name: verify, order: 3, type: execute, completion: tasks_done, max_tasks: 3, workload: {{{common}, weights: {{verify: 1}}}}}}\n",
                     agents=2)
        assert result.returncode == 0, result.stdout + result.stderr
        seen = stages(tmp_path)
        inserts = seen["load"]["operations"]["insert"]["count"] + seen["mix"]["operations"]["insert"]["count"]
        rows = sum(server.sql(f"SELECT count(*) FROM load_{agent}")[0][0] for agent in range(2))
        assert rows == inserts * 20
        assert sum(server.sql(f"SELECT sum(n) FROM load_{agent}_view")[0][0] for agent in range(2)) == rows
        mix = seen["mix"]["operations"]
        assert not any(figures["errors"] for figures in mix.values())
        assert mix["fresh"]["p50_ms"] >= mix["visible"]["p50_ms"]
        assert seen["verify"]["operations"]["verify"]["count"] == 6
        values = seen["mix"]["agents"][0]["values"]
        assert values["barriers"] >= 1 and values["barrier_p99_ms"] >= values["barrier_p50_ms"] > 0

        server.sql("DELETE FROM load_0 WHERE worker = 1 AND seq = 7")
        lost = run(tmp_path, "run: {name: again}\nstages:\n"
                   f"  - {{name: verify, order: 3, type: execute, completion: tasks_done, max_tasks: 3, workload: {{{common}, weights: {{verify: 1}}}}}}\n")
        assert lost.returncode == 1 and re.search(r"failed: .*load_0 WHERE worker = 1.* rows with the sum", lost.stdout + lost.stderr)


def test_a_view_that_the_statements_made_is_cleaned_up(tmp_path):
    with Playground() as server:
        head = f"kind: stream, server: '127.0.0.1:{server.port}'"
        result = run(tmp_path, "run: {name: t}\nstages:\n"
                     f"  - {{name: make, order: 1, type: prepare, workload: {{{head}, sql: [CREATE TABLE a (b INT), INSERT INTO a VALUES (1), SELECT * FROM a]}}}}\n"
                     f"  - {{name: load, order: 2, type: prepare, max_tasks: 2, workload: {{{head}}}}}\n"
                     f"  - {{name: wrong, order: 3, type: prepare, optional: true, workload: {{{head}, sql: [SELECT 1, SELECT nothing]}}}}\n"
                     f"  - {{name: clean, order: 4, type: cleanup, workload: {{{head}}}}}\n"
                     f"  - {{name: unmake, order: 5, type: cleanup, workload: {{{head}, sql: [DROP TABLE a]}}}}\n", agents=2)
        assert result.returncode == 0, result.stdout + result.stderr
        assert stages(tmp_path)["make"]["operations"]["statement"]["count"] == 3, "by the first agent alone"
        assert "statement 2: SELECT nothing" in result.stdout
        assert server.sql("SHOW TABLES") == []


def playground(tmp_path, port):
    return (f"  processes:\n    db: {{command: 'exec \"$PENSTOCK\" playground --sql-port {port} --data-dir {tmp_path}/db --barrier-interval-ms 100'}}\n")


def test_a_killed_server_comes_back_with_every_acknowledged_row(tmp_path):
    port = free_port()
    at = f"server: '127.0.0.1:{port}'"
    result = run(tmp_path, "run:\n  name: t\n" + playground(tmp_path, port) + "stages:\n"
                 f"  - {{name: start, order: 1, type: prepare, workload: {{kind: chaos, {at}, actions: [{{start: db}}, {{readable: SELECT 1}}]}}}}\n"
                 f"  - {{name: load, order: 2, type: prepare, max_tasks: 20, workload: {{kind: stream, {at}, rows: 10, keys: 5}}}}\n"
                 f"  - name: break\n    order: 3\n    type: prepare\n    workload:\n      kind: chaos\n      {at}\n      rounds: 3\n      actions:\n"
                 f"        - restart: db\n        - committed: true\n        - readable: SELECT n FROM bench_0_view\n        - {{pause: db, for: 200ms}}\n"
                 f"        - check: SELECT count(*) = 200 FROM bench_0\n        - kill: db\n        - start: db\n"
                 f"        - until: SELECT sum(n) = 200 FROM bench_0_view\n"
                 f"  - {{name: more, order: 4, type: prepare, max_tasks: 5, workload: {{kind: stream, {at}, rows: 10, keys: 5}}}}\n"
                 f"  - {{name: verify, order: 5, type: execute, completion: tasks_done, max_tasks: 1, workload: {{kind: stream, {at}, weights: {{verify: 1}}}}}}\n"
                 f"  - {{name: end, order: 6, type: cleanup, workload: {{kind: chaos}}}}\n", "--allow-exec")
    assert result.returncode == 0, result.stdout + result.stderr
    chaos = stages(tmp_path)["break"]["operations"]
    assert {name: figures["count"] for name, figures in chaos.items()} == {
        name: 3 for name in ("restart", "committed", "readable", "pause", "check", "kill", "start", "until")}
    assert chaos["committed"]["p50_ms"] > 1
    assert stages(tmp_path)["load"]["agents"][0]["values"]["resident_mb_db"] > 1
    assert not os.path.exists(f"{tmp_path}/db") or not running(f"{tmp_path}/db"), "the cleanup ended it"


def test_a_server_that_dies_under_load_loses_no_acknowledged_row(tmp_path):
    """Stream and chaos at the same time: one run, one stage."""
    port = free_port()
    at = f"server: '127.0.0.1:{port}'"
    result = run(tmp_path, "run:\n  name: t\n" + playground(tmp_path, port) + "stages:\n"
                 f"  - {{name: start, order: 1, type: prepare, workload: {{kind: chaos, {at}, actions: [{{start: db}}, {{readable: SELECT 1}}]}}}}\n"
                 f"  - name: storm\n    order: 2\n    type: execute\n    completion: duration\n    duration: 6s\n    workload:\n"
                 f"      - {{kind: stream, {at}, rows: 5, keys: 5, concurrency: 2, warmup: 500ms, weights: {{insert: 2, select: 1}}}}\n"
                 f"      - {{kind: chaos, {at}, actions: [{{wait: 1s}}, {{restart: db}}, {{committed: true}}, {{kill: db}}, {{start: db}}, {{readable: SELECT 1}}]}}\n"
                 f"  - {{name: verify, order: 3, type: execute, completion: tasks_done, max_tasks: 2, workload: {{kind: stream, {at}, concurrency: 2, weights: {{verify: 1}}}}}}\n"
                 f"  - {{name: end, order: 4, type: cleanup, workload: {{kind: chaos}}}}\n", "--allow-exec", agents=2)
    assert result.returncode == 0, result.stdout + result.stderr
    storm = stages(tmp_path)["storm"]
    assert storm["operations"]["insert"]["count"] > 10 and storm["operations"]["insert"]["errors"] > 0, "they felt it and went on"
    rounds = storm["operations"]["restart"]["count"]
    assert rounds >= 2 and storm["operations"]["start"]["count"] == rounds, "a round that has begun is finished"
    assert [mark["text"] for mark in storm["marks"]][:2] == ["restart db", "kill db"] and 0.4 < storm["marks"][0]["seconds"] < 3
    assert stages(tmp_path)["verify"]["operations"]["verify"]["count"] == 4


def test_agents_have_roles_within_a_stage(tmp_path):
    result = run(tmp_path, "run: {name: t}\nstages:\n"
                 "  - name: both\n    order: 1\n    type: prepare\n    max_tasks: 100\n    workload:\n"
                 "      - {kind: state, agents: [0, 1]}\n"
                 f"      - {{kind: object, agents: [1, 2], target: 'file://{tmp_path}/store', weights: {{put: 1}}}}\n"
                 "  - {name: one, order: 2, type: prepare, max_tasks: 50, workload: {kind: state, agents: [2]}}\n", agents=3)
    assert result.returncode == 0, result.stdout + result.stderr
    both, one = stages(tmp_path)["both"], stages(tmp_path)["one"]
    done = [{name: f["count"] for name, f in agent["operations"].items() if name in ("write", "put")} for agent in both["agents"]]
    assert done == [{"write": 100}, {"write": 100, "put": 100}, {"put": 100}]
    assert len([p for p in (tmp_path / "store").rglob("obj-*")]) > 0
    assert one["operations"]["write"]["count"] == 50


def running(folder):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if folder.encode() in f.read():
                    return True
        except OSError:
            pass
    return False


def test_a_cut_link_holds_up_the_cluster_and_loses_nothing(tmp_path):
    """The compute reaches meta only through a link; while it is cut nothing is committed, and then it goes on."""
    meta, link, sql, compute = (free_port() for _ in range(4))
    result = run(tmp_path, f"""
run:
  name: t
  links:
    wire: {{listen: '127.0.0.1:{link}', to: '127.0.0.1:{sql}'}}
  processes:
    meta: {{command: 'exec "$PENSTOCK" meta --listen 127.0.0.1:{meta} --data-dir {tmp_path}/meta --barrier-interval-ms 100'}}
    compute: {{command: 'exec "$PENSTOCK" compute --listen 127.0.0.1:{compute} --meta 127.0.0.1:{meta} --data-dir {tmp_path}/compute'}}
    frontend: {{command: 'exec "$PENSTOCK" frontend --meta 127.0.0.1:{meta} --sql-listen 127.0.0.1:{sql}'}}
stages:
  - name: start
    order: 1
    type: prepare
    workload: {{kind: chaos, server: '127.0.0.1:{link}', actions: [{{start: meta}}, {{start: compute}}, {{start: frontend}}, {{until: SELECT count(*) = 1 FROM penstock_workers WHERE alive}}]}}
  - name: load
    order: 2
    type: prepare
    max_tasks: 10
    workload: {{kind: stream, server: '127.0.0.1:{link}', rows: 10, keys: 5}}
  - name: break
    order: 3
    type: prepare
    workload:
      kind: chaos
      server: '127.0.0.1:{link}'
      actions:
        - {{slow: wire, by: 40ms}}
        - check: SELECT count(*) = 100 FROM bench_0
        - {{slow: wire, by: 0ms}}
        - {{cut: wire, for: 300ms}}
        - readable: SELECT 1
        - {{pause: compute, for: 500ms}}
        - committed: true
  - name: verify
    order: 4
    type: execute
    completion: tasks_done
    max_tasks: 1
    workload: {{kind: stream, server: '127.0.0.1:{link}', weights: {{verify: 1}}}}
  - {{name: end, order: 5, type: cleanup, workload: {{kind: chaos}}}}
""", "--allow-exec")
    assert result.returncode == 0, result.stdout + result.stderr
    broken = stages(tmp_path)["break"]["operations"]
    assert broken["check"]["p50_ms"] >= 80, "there and back over the slow link"
    assert broken["cut"]["p50_ms"] >= 300


def test_an_aborted_run_leaves_no_process_behind(tmp_path):
    port = free_port()
    result = run(tmp_path, "run:\n  name: t\n" + playground(tmp_path, port) + "stages:\n"
                 f"  - {{name: start, order: 1, type: prepare, workload: {{kind: chaos, server: '127.0.0.1:{port}', actions: [{{start: db}}, {{readable: SELECT 1}}]}}}}\n"
                 f"  - {{name: wrong, order: 2, type: prepare, workload: {{kind: chaos, server: '127.0.0.1:{port}', actions: [{{check: SELECT 1 = 2}}]}}}}\n",
                 "--allow-exec")
    assert result.returncode == 1
    assert "action 1: check SELECT 1 = 2" in result.stdout + result.stderr and "it is not true: f" in result.stdout + result.stderr
    assert not running(f"{tmp_path}/db")


def test_a_process_that_ends_by_itself_is_told_with_its_last_words(tmp_path):
    result = run(tmp_path, "run:\n  name: t\n  processes: {db: {command: 'echo port in use; exit 1'}}\nstages:\n"
                 "  - {name: start, order: 1, type: prepare, workload: {kind: chaos, server: '127.0.0.1:1', actions: [{start: db}, {readable: SELECT 1}]}}\n",
                 "--allow-exec")
    assert result.returncode == 1
    assert "process 'db' ended by itself; its last output: port in use" in result.stdout + result.stderr


def test_chaos_needs_to_be_allowed(tmp_path):
    result = run(tmp_path, "run:\n  name: t\n  processes: {db: {command: 'true'}}\nstages:\n"
                 "  - {name: start, order: 1, type: prepare, workload: {kind: chaos, actions: [{start: db}]}}\n")
    assert result.returncode == 1 and "--allow-exec" in result.stdout + result.stderr


@pytest.mark.parametrize("name", [p.stem for p in pathlib.Path(ROOT, "examples", "bench").glob("*.yaml")])
def test_every_example_is_a_valid_plan(name):
    path = os.path.join(ROOT, "examples", "bench", f"{name}.yaml")
    result = subprocess.run([BINARY, "bench", "dry-run", path], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
