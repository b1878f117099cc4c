"""Nothing is left behind: by an agent that is killed, by a controller that is."""
import os
import re
import signal
import subprocess

from bench_world import HEARTBEAT, bench, traced_stages, wait_traced  # noqa: F401 (a fixture)
from penstock import BINARY, Process, wait_until


def lives(pid):
    """And is not only a zombie that nobody has looked after."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pids(bench, name):
    path = f"{bench.folder}/{name}"
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [int(line) for line in f.read().splitlines()]


def test_what_a_killed_agent_had_started_ends_with_it(bench):
    bench.start_agents(1)
    work = f"tail -f /dev/null & echo $! >> {bench.folder}/pids; echo $$ >> {bench.folder}/pids"
    process = f"{work}; wait"
    text = (f"run: {{name: t, {HEARTBEAT}, processes: {{db: {{command: '{process}'}}, paused: {{command: '{process}'}}}}}}\nstages:\n"
            "  - {name: start, order: 1, type: prepare, workload: {kind: chaos, actions: [{start: db}, {start: paused}]}}\n"
            f"  - {{name: work, order: 2, type: custom, script: '{work}; wait'}}\n")
    controller = bench.run(text)
    started = wait_until(lambda: len(found := pids(bench, "pids")) == 6 and found, 20, "the processes")
    os.kill(started[3], signal.SIGSTOP)
    assert all(lives(pid) for pid in started)
    bench.agents[0].kill()
    wait_until(lambda: not any(lives(pid) for pid in started), 10, "the end of what it had started")
    assert controller.process.wait(30) == 1


def test_what_an_agent_had_started_ends_when_it_is_told_to_end(bench):
    bench.start_agents(1)
    work = f"tail -f /dev/null & echo $! >> {bench.folder}/pids; wait"
    bench.run(f"run: {{name: t, {HEARTBEAT}, processes: {{db: {{command: '{work}'}}}}}}\nstages:\n"
              "  - {name: start, order: 1, type: prepare, workload: {kind: chaos, actions: [{start: db}]}}\n"
              f"  - {{name: work, order: 2, type: custom, script: '{work}'}}\n")
    started = wait_until(lambda: len(found := pids(bench, "pids")) == 2 and found, 20, "the processes")
    bench.agents[0].signal(signal.SIGTERM)
    assert bench.agents[0].process.wait(20) == 0
    wait_until(lambda: not any(lives(pid) for pid in started), 10, "the end of what it had started")


def test_local_agents_whose_controller_was_killed_are_stopped_by_the_folder_of_their_run(bench):
    path = bench.stage_file(traced_stages(bench, 1, "sleep 60"))
    controller = Process("local", ["bench", "run", path, "--local", "2", "--allow-exec", "--out", bench.results], bench.folder).start()
    wait_traced(bench, "begin 0 1")
    controller.kill()
    stop = [BINARY, "bench", "stop", bench.run_folder()]
    ended = wait_until(lambda: (r := subprocess.run(stop, capture_output=True, text=True, timeout=30)).returncode == 0 and r, 10, "the stop")
    assert len(re.findall(r"idle \(stopped\)", ended.stdout)) == 2
    nobody = subprocess.run([BINARY, "bench", "stop"], capture_output=True, text=True, timeout=30)
    assert nobody.returncode == 1 and "name a run's folder, or --agents" in nobody.stderr


def test_local_agents_end_with_a_run_that_is_interrupted_before_it_began(bench):
    path = bench.stage_file(traced_stages(bench, 1, "sleep 60"))
    controller = Process("local", ["bench", "run", path, "--local", "2", "--out", bench.results], bench.folder).start()
    bench.run_folder()
    controller.signal(signal.SIGINT)
    assert controller.process.wait(30) == 1
    wait_until(lambda: not running(bench.folder), 10, "the end of the agents")


def running(folder):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read()
            if b"--once" in command and folder.encode() in command and lives(pid):
                return True
        except OSError:
            pass
    return False
