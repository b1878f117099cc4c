"""`penstock bench` with real processes: what the barriers promise, seen from the logs of agents and from what scripts wrote."""
import datetime
import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading

from bench_world import HEARTBEAT, bench, traced_stages, wait_traced  # noqa: F401 (a fixture)
from penstock import BINARY, Process, ROOT, wait_until

def assert_in_step(trace, stages):
    for k in range(stages - 1):
        last_end = max(i for i, line in enumerate(trace) if line[:2] == ["end", str(k)])
        first_begin = min(i for i, line in enumerate(trace) if line[:2] == ["begin", str(k + 1)])
        assert last_end < first_begin, (k, trace)


def test_three_agents_of_different_speed_stay_in_step_over_five_stages(bench):
    bench.start_agents(3)
    controller = bench.run(traced_stages(bench, 5, "sleep 0.$((PENSTOCK_BENCH_AGENT * 2))"))
    assert controller.process.wait(60) == 0, controller.log()
    trace = bench.traced()
    assert len(trace) == 30
    assert_in_step(trace, 5)
    assert [e["text"].split(":")[0] for e in bench.events() if e["event"] == "released"] == [
        "start (0)", "stage-0-s0 (1)", "stage-1-s1 (2)", "stage-2-s2 (3)", "stage-3-s3 (4)", "stage-4-s4 (5)"]
    for k, release in enumerate(e for e in bench.events() if e["event"] == "released"):
        for agent in bench.agents if k < 5 else []:
            started = re.search(rf"(\S+)Z info bench: starts stage {k} ", agent.log())[1]
            micros = datetime.datetime.fromisoformat(started + "+00:00").timestamp() * 1e6 + 1000  # the log has milliseconds
            assert micros > release["unix_micros"], "by the logs of both nobody starts before the release"
    began = [stage["began_ms"] for stage in bench.summary()["stages"]]
    assert all(spread["count"] == 3 and 0 < spread["p50"] <= spread["max"] for spread in began)
    assert bench.summary()["release_ms"]["count"] == 5
    waits = [a["barrier_wait_s"] for a in bench.summary()["stages"][1]["agents"]]
    assert waits[0] > 0.25 and waits[2] < 0.25, "the fastest waited for the slowest"


def test_agents_take_a_second_run_without_a_restart(bench):
    bench.start_agents(2)
    for _ in range(2):
        controller = bench.run(traced_stages(bench, 1, "true"))
        assert controller.process.wait(30) == 0, controller.log()
    assert len(bench.traced()) == 8


def test_majority_goes_on_with_three_when_two_of_five_die(bench):
    bench.start_agents(5)
    work = f"test -e {bench.folder}/go || sleep 1"
    controller = bench.run(traced_stages(bench, 3, work, "policy: majority, timeout: 70s, straggler_grace: 20s"))
    wait_traced(bench, "begin 0 4")
    dead = [bench.address(3), bench.address(4)]
    bench.agents[3].kill()
    bench.agents[4].kill()
    open(f"{bench.folder}/go", "w").close()
    assert controller.process.wait(60) == 0, controller.log()
    trace = bench.traced()
    assert sorted(line[2] for line in trace if line[:2] == ["end", "2"]) == ["0", "1", "2"]
    excluded = {e["agent"] for e in bench.events() if e["event"] == "excluded"}
    assert excluded == set(dead)
    for agent in dead:
        assert f"{agent}: excluded: not reachable" in controller.log()


def test_all_or_nothing_aborts_and_names_the_dead_one(bench):
    bench.start_agents(3)
    controller = bench.run(traced_stages(bench, 2, "sleep 1"))
    wait_traced(bench, "begin 0 1")
    dead = bench.address(1)
    bench.agents[1].kill()
    assert controller.process.wait(60) == 1
    assert f"barrier stage-0-s0 (all_or_nothing): agent {dead} was lost" in controller.log()
    assert not [line for line in bench.traced() if line[1] == "1"], "nobody began the next stage"
    again = bench.run(traced_stages(bench, 1, "true"), f"{bench.address(0)},{bench.address(2)}")
    assert again.process.wait(30) == 0, again.log()


def test_a_stage_that_fails_is_named_with_its_output(bench):
    bench.start_agents(2)
    text = f"run: {{name: t, {HEARTBEAT}}}\nstages:\n  - {{name: a, order: 1, type: custom, script: 'echo no such luck; exit $((3 * PENSTOCK_BENCH_AGENT))'}}\n"
    controller = bench.run(text)
    assert controller.process.wait(30) == 1
    assert re.search(rf"agent {bench.address(1)} failed: the script of stage 'a' exited with 3; its last output: no such luck", controller.log())


def test_an_optional_stage_that_fails_is_skipped(bench):
    bench.start_agents(2)
    text = (f"run: {{name: t, {HEARTBEAT}}}\nstages:\n"
            "  - {name: a, order: 1, type: custom, optional: true, script: 'exit $PENSTOCK_BENCH_AGENT'}\n"
            f"  - {{name: b, order: 2, type: custom, script: 'echo end b $PENSTOCK_BENCH_AGENT >> {bench.folder}/trace'}}\n")
    controller = bench.run(text)
    assert controller.process.wait(30) == 0, controller.log()
    assert sorted(bench.traced()) == [["end", "b", "0"], ["end", "b", "1"]]
    assert "optional" in [e["text"] for e in bench.events() if e["event"] == "skipped"][0]


def test_a_slow_agent_under_best_effort_ends_out_of_step_and_is_named(bench):
    bench.start_agents(3)
    work = "test $PENSTOCK_BENCH_AGENT != 2 || sleep 2.5"
    text = traced_stages(bench, 1, work, "policy: best_effort, timeout: 1s") + traced_stages(bench, 2, "true").split("stages:\n")[1].splitlines(True)[1]
    controller = bench.run(text)
    assert controller.process.wait(60) == 0, controller.log()
    assert f"{bench.address(2)}: out of step" in controller.log()
    trace = bench.traced()
    assert trace.index(["end", "1", "0"]) < trace.index(["end", "0", "2"]) < trace.index(["begin", "1", "2"])
    slow = [a for a in bench.summary()["stages"][0]["agents"] if a["agent"] == bench.address(2)][0]
    assert slow["remark"] == "out of step" and slow["counted"]


def test_a_controller_killed_at_a_barrier_is_resumed_and_counts_what_was_done(bench):
    bench.start_agents(3)
    gate = f"while test $PENSTOCK_BENCH_AGENT = 2 -a ! -e {bench.folder}/go; do sleep 0.05; done"
    controller = bench.run(traced_stages(bench, 3, gate))
    wait_traced(bench, "end 0 0")
    wait_until(lambda: sum(e["event"] == "ready" and "stage-0" in e["text"] for e in bench.events()) == 2, 10, "two arrivals")
    controller.kill()
    other = bench.run("run: {name: other}\nstages:\n  - {name: a, order: 1, type: custom, script: 'true'}\n", bench.address(0))
    assert other.process.wait(30) == 1
    assert re.search(r"busy with run t-\S+ of \S+ pid \d+", other.log())
    open(f"{bench.folder}/go", "w").close()
    wait_traced(bench, "end 0 2")
    assert not [line for line in bench.traced() if line[1] == "1"], "they hold without a controller"
    folder = [f for f in glob.glob(f"{bench.results}/t-*")][0]
    resumed = Process("resumed", ["bench", "resume", folder], bench.folder).start()
    assert resumed.process.wait(60) == 0, resumed.log()
    trace = bench.traced()
    assert len(trace) == 18, "no stage was done twice"
    assert_in_step(trace, 3)
    done = Process("again", ["bench", "resume", folder], bench.folder).start()
    assert done.process.wait(30) == 1 and "has completed" in done.log()


def test_agents_without_a_controller_do_what_the_stage_file_says(bench):
    bench.start_agents(1)
    text = traced_stages(bench, 1, "sleep 30", extra=", on_controller_loss: cleanup, controller_grace: 300ms")
    text += f"  - {{name: clean, order: 9, type: cleanup, completion: script_exit, script: 'echo end clean 0 >> {bench.folder}/trace'}}\n"
    controller = bench.run(text)
    wait_traced(bench, "begin 0 0")
    controller.kill()
    wait_traced(bench, "end clean 0")
    wait_until(lambda: "leaves run" in bench.agents[0].log(), 10, "the agent to leave")
    again = bench.run("run: {name: u}\nstages:\n  - {name: a, order: 1, type: custom, script: 'true'}\n")
    assert again.process.wait(30) == 0, again.log()


def test_stop_ends_an_orphan_but_not_a_busy_agent(bench):
    bench.start_agents(1)
    controller = bench.run(traced_stages(bench, 1, "sleep 30"))
    wait_traced(bench, "begin 0 0")
    stop = [BINARY, "bench", "stop", "--agents", bench.address(0)]
    busy = subprocess.run(stop, capture_output=True, text=True, timeout=30)
    assert busy.returncode == 1 and "busy with run" in busy.stderr
    controller.kill()
    ended = wait_until(lambda: (r := subprocess.run(stop, capture_output=True, text=True, timeout=30)).returncode == 0 and r, 10, "the stop")
    assert "idle (stopped)" in ended.stdout
    exited = subprocess.run([*stop, "--exit"], capture_output=True, text=True, timeout=30)
    assert exited.returncode == 0, exited.stderr
    assert bench.agents[0].process.wait(10) == 0


def test_an_interrupt_aborts_and_cleans_up(bench):
    bench.start_agents(2)
    text = traced_stages(bench, 1, "sleep 30")
    text += f"  - {{name: clean, order: 9, type: cleanup, completion: script_exit, script: 'echo end clean $PENSTOCK_BENCH_AGENT >> {bench.folder}/trace'}}\n"
    controller = bench.run(text)
    wait_traced(bench, "begin 0 1")
    controller.signal(signal.SIGINT)
    assert controller.process.wait(30) == 1
    assert "aborted: interrupted" in controller.log()
    assert {tuple(line) for line in bench.traced() if line[1] == "clean"} == {("end", "clean", "0"), ("end", "clean", "1")}


class Proxy:
    """Forwards one port until it is cut: then bytes go nowhere and nobody is told."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.target, self.cut = (host, int(port)), threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            upstream = socket.create_connection(self.target)
            for a, b in ((client, upstream), (upstream, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, sink):
        while data := source.recv(65536):
            if not self.cut.is_set():
                sink.sendall(data)


def test_an_agent_cut_off_in_mid_stage_is_lost_and_the_others_go_on(bench):
    bench.start_agents(3)
    proxy = Proxy(bench.address(2))
    controller = bench.run(traced_stages(bench, 2, "sleep 1", "policy: best_effort, timeout: 70s"),
                           f"{bench.address(0)},{bench.address(1)},{proxy.address}")
    wait_traced(bench, "begin 0 2")
    proxy.cut.set()
    assert controller.process.wait(60) == 0, controller.log()
    assert f"{proxy.address}: lost: silent for" in controller.log()
    assert sorted(line[2] for line in bench.traced() if line[:2] == ["end", "1"]) == ["0", "1"]


def test_the_sums_of_the_agents_are_what_the_store_holds(bench, tmp_path):
    bench.start_agents(3)
    store = tmp_path / "store"
    controller = bench.run(
        f"run: {{name: t, {HEARTBEAT}}}\nstages:\n"
        f"  - {{name: load, order: 1, type: prepare, workload: {{kind: object, target: 'file://{store}', objects: 500, size: 1000, prefill: true, concurrency: 4}}}}\n"
        f"  - {{name: read, order: 2, type: execute, completion: tasks_done, max_tasks: 700, "
        f"workload: {{kind: object, target: 'file://{store}', objects: 500, size: 1000, weights: {{get: 1}}, verify: true, concurrency: 3}}}}\n")
    assert controller.process.wait(60) == 0, controller.log()
    files = [p for p in store.rglob("obj-*")]
    load, read = (stage["operations"] for stage in bench.summary()["stages"])
    assert load["put"]["count"] == len(files) == 1500
    assert load["put"]["bytes"] == sum(p.stat().st_size for p in files)
    assert read["get"]["count"] == 2100 and read["get"]["errors"] == 0 and read["get"]["bytes"] == 2100 * 1000


def test_a_rate_is_kept_and_latency_counts_from_when_it_was_due(bench):
    bench.start_agents(2)
    controller = bench.run(
        f"run: {{name: t, {HEARTBEAT}}}\nstages:\n"
        "  - {name: a, order: 1, type: execute, completion: duration, duration: 2s, "
        "workload: {kind: state, rate: 200, warmup: 500ms, concurrency: 2, keys: 100}}\n")
    assert controller.process.wait(60) == 0, controller.log()
    stage = bench.summary()["stages"][0]
    write = stage["operations"]["write"]
    assert 520 <= write["count"] <= 620, "two agents, 200 a second each, for a second and a half"
    assert write["corrected_p99_ms"] >= write["p50_ms"]
    assert sum(a["values"]["warmup_operations"] for a in stage["agents"]) in range(180, 221)


def test_json_events_are_a_line_each_with_the_time_of_day(bench):
    bench.start_agents(1)
    path = bench.stage_file("run: {name: t}\nstages:\n  - {name: a, order: 1, type: custom, script: 'true'}\n")
    run = subprocess.run([BINARY, "bench", "run", path, "--agents", bench.address(0), "--out", bench.results, "--json"],
                         capture_output=True, text=True, timeout=60)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    assert [e["event"] for e in events] == ["run", "attached", "ready", "released", "stage", "begun", "ready", "released", "done", "completed"]
    assert all(e["unix_micros"] > 1e15 for e in events)


def test_a_token_keeps_strangers_out(bench, tmp_path):
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    bench.start_agents(1, "--token-file", str(token))
    text = "run: {name: t}\nstages:\n  - {name: a, order: 1, type: custom, script: 'true'}\n"
    stranger = bench.run(text)
    assert stranger.process.wait(30) == 1 and "wrong token" in stranger.log()
    friend = subprocess.run([BINARY, "bench", "run", bench.stage_file(text), "--agents", bench.address(0), "--out", bench.results,
                             "--token-file", str(token)], capture_output=True, text=True, timeout=60)
    assert friend.returncode == 0, friend.stderr


def test_scripts_need_to_be_allowed_and_only_loopback_is_served(bench):
    args = ["bench", "agent", "--listen", "127.0.0.1:0", "--results", f"{bench.folder}/x"]
    bench.agents.append(Process("careful", args, bench.folder).start())
    controller = bench.run("run: {name: t}\nstages:\n  - {name: a, order: 1, type: custom, script: 'true'}\n")
    assert controller.process.wait(30) == 1 and "--allow-exec" in controller.log()
    refused = subprocess.run([BINARY, "bench", "agent", "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=30)
    assert refused.returncode == 1 and "loopback" in refused.stderr


def test_mistakes_of_a_stage_file_are_told_before_anything_starts(bench):
    path = bench.stage_file("run: {name: t}\nstages:\n  - {name: a, order: 1, tipe: custom}\n")
    for command in (["dry-run", path], ["run", path, "--local", "2", "--out", bench.results]):
        result = subprocess.run([BINARY, "bench", *command], capture_output=True, text=True, timeout=30)
        assert result.returncode == 1 and f"{path}:3:5: stage 'a' needs 'type'" in result.stderr
        assert f"{path}:3:25: unknown key 'tipe' in stage 'a'; did you mean 'type'?" in result.stderr
    assert not os.path.exists(bench.results)


def test_the_first_run_is_one_command_and_its_report_needs_no_network(bench):
    quick = os.path.join(ROOT, "examples", "bench", "quick.yaml")
    run = subprocess.run([BINARY, "bench", "run", quick, "--local", "3", "--out", bench.results], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    folder = bench.run_folder()
    for folders, shown in (([folder], "Latency by percentile"), ([folder, folder], "Comparison with A")):
        report = subprocess.run([BINARY, "bench", "report", *folders], capture_output=True, text=True, timeout=60)
        assert report.returncode == 0, report.stderr
        with open(f"{folder}/report.html") as f:
            page = f.read()
        assert page.count("<svg") >= 3 and shown in page
        assert not re.search(r"(src|href)=|url\(|@import", page), "nothing is loaded from anywhere"
    assert {os.path.basename(p) for p in glob.glob(f"{folder}/*")} >= {"stages.yaml", "journal", "events.jsonl", "summary.json", "histograms.hlog"}


def test_results_have_a_limit_and_say_what_it_left_out(bench):
    bench.start_agents(3)
    stage = "  - {{name: s{0}, order: {0}, type: prepare, max_tasks: 20000, workload: {{kind: state, keys: 1000, concurrency: 2, weights: {{write: 1, read: 1}}, epoch_every: 100}}}}\n"
    controller = bench.run(f"run: {{name: t, results_limit: 64KiB, {HEARTBEAT}}}\nstages:\n" + "".join(stage.format(i) for i in range(30)))
    assert controller.process.wait(120) == 0, controller.log()
    assert [e["text"] for e in bench.events() if e["event"] == "limit"][0].endswith("latencies of later arrivals are left out")
    stages = bench.summary()["stages"]
    assert all(sum(f["count"] for name, f in stage["operations"].items() if name in ("write", "read", "sync", "commit")) == 60000 for stage in stages)
    assert stages[0]["operations"]["write"]["p99_ms"] > 0 and stages[-1]["operations"]["write"]["p99_ms"] == 0
    assert stages[-1]["agents"][0]["remark"] == "without latencies (results_limit)"
    assert os.path.getsize(f"{bench.run_folder()}/journal") < 64 * 1024 + 30 * 3 * 300
