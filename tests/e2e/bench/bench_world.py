"""Agents and controllers of `penstock bench` as real processes."""
import glob
import json
import os
import re

import pytest

from penstock import Process, wait_until

HEARTBEAT = "heartbeat: {interval: 100ms, missed: 3, query_timeout: 200ms, query_retries: 2}"


class Bench:
    def __init__(self, folder):
        self.folder, self.results, self.agents = str(folder), str(folder / "results"), []
        self.controllers = []

    def start_agents(self, count, *flags):
        for _ in range(count):
            name = f"agent-{len(self.agents)}"
            args = ["bench", "agent", "--listen", "127.0.0.1:0", "--allow-exec", "--results", f"{self.folder}/{name}", *flags]
            self.agents.append(Process(name, args, self.folder).start())
        return self

    def address(self, index):
        return wait_until(lambda: re.search(r"agent listens on (\S+)\n", self.agents[index].log()), 10, "an agent")[1]

    def addresses(self):
        return ",".join(self.address(i) for i in range(len(self.agents)))

    def stage_file(self, text):
        path = f"{self.folder}/stages.yaml"
        with open(path, "w") as f:
            f.write(text)
        return path

    def run(self, text, agents=None):
        args = ["bench", "run", self.stage_file(text), "--agents", agents or self.addresses(), "--out", self.results]
        self.controllers.append(Process(f"controller-{len(self.controllers)}", args, self.folder).start())
        return self.controllers[-1]

    def run_folder(self):
        return wait_until(lambda: glob.glob(f"{self.results}/*/journal"), 10, "a run")[0].removesuffix("/journal")

    def events(self):
        with open(f"{self.run_folder()}/events.jsonl") as f:
            return [json.loads(line) for line in f.read().splitlines()]

    def summary(self):
        with open(f"{self.run_folder()}/summary.json") as f:
            return json.load(f)

    def traced(self):
        path = f"{self.folder}/trace"
        if not os.path.exists(path):
            return []
        with open(path) as f:
            return [line.split() for line in f.read().splitlines()]

    def close(self):
        for process in self.agents + self.controllers:
            process.kill()


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def traced_stages(bench, count, work, barrier="policy: all_or_nothing", extra=""):
    """Stages whose script writes a line when it begins and one when it ends, into one file of all agents."""
    text = f"run: {{name: t, {HEARTBEAT}{extra}}}\nstages:\n"
    for i in range(count):
        script = f'echo begin {i} $PENSTOCK_BENCH_AGENT >> {bench.folder}/trace; {work}; echo end {i} $PENSTOCK_BENCH_AGENT >> {bench.folder}/trace'
        text += f"  - {{name: s{i}, order: {i}, type: custom, timeout: 60s, script: '{script}', barrier: {{{barrier}}}}}\n"
    return text


def wait_traced(bench, line):
    wait_until(lambda: line.split() in bench.traced(), 20, line)
