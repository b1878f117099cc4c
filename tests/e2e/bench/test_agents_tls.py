"""Agents over TLS."""
import glob
import json
import re
import subprocess

from certificates import Authority
from penstock import BINARY, Process, wait_until

STAGES = "run: {name: t, enrol_timeout: 2s}\nstages:\n  - {name: a, order: 1, type: execute, completion: tasks_done, max_tasks: 10, workload: {kind: state}}\n"


def bench(*args):
    return subprocess.run([BINARY, "bench", *args], capture_output=True, text=True, timeout=60)


def test_controller_and_agents_of_one_authority_talk_and_strangers_do_not(tmp_path):
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    (tmp_path / "token").write_text("secret")
    (tmp_path / "stages.yaml").write_text(STAGES)
    agent = Process("agent", ["bench", "agent", "--listen", "127.0.0.1:0", "--results", str(tmp_path / "agent"), "--token-file",
                              str(tmp_path / "token"), *authority.flags("agent")], tmp_path).start()
    try:
        address = wait_until(lambda: re.search(r"agent listens on (\S+)\n", agent.log()), 10, "an agent")[1]
        run = ["run", str(tmp_path / "stages.yaml"), "--agents", address, "--out", str(tmp_path / "results"), "--token-file", str(tmp_path / "token")]
        trusted = bench(*run, *authority.flags("controller"))
        assert trusted.returncode == 0, trusted.stdout + trusted.stderr
        with open(glob.glob(f"{tmp_path}/results/*/summary.json")[0]) as f:
            assert json.load(f)["stages"][0]["operations"]["write"]["count"] == 10
        for flags, why in (([], "ocket closed|reset"), (["--tls-ca", authority.ca], "."), (stranger.flags("controller"), "(?i:certificate.verify.failed)")):
            refused = bench(*run, *flags)
            assert refused.returncode == 1
            assert re.search(rf"agent {address} was lost: not reachable for 2\S* \(cannot reach .*{why}", refused.stdout + refused.stderr), refused
    finally:
        agent.kill()


def test_off_loopback_only_with_tls_and_a_token(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("agent")
    (tmp_path / "token").write_text("secret")
    (tmp_path / "stages.yaml").write_text(STAGES)
    for flags in ([], ["--token-file", str(tmp_path / "token")], ["--tls-cert", certificate, "--tls-key", key]):
        refused = bench("agent", "--listen", "0.0.0.0:0", *flags)
        assert refused.returncode == 1 and "no loopback address, only with TLS and a token" in refused.stderr, flags
    refused = bench("run", str(tmp_path / "stages.yaml"), "--agents", "192.0.2.1:7167", "--out", str(tmp_path / "results"))
    assert refused.returncode == 1 and "reached by TLS only" in refused.stderr
    refused = bench("stop", "--agents", "192.0.2.1:7167")
    assert refused.returncode == 1 and "reached by TLS only" in refused.stderr
