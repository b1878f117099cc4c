"""The `object` workload on a real S3 server."""
import collections
import glob
import json
import os
import re
import subprocess

import pytest

from penstock import BINARY, ROOT
from s3_server import S3Server


@pytest.fixture
def s3(tmp_path):
    server = S3Server(tmp_path)
    yield server.start()
    server.stop()


def run(s3, text, tmp_path, env=None, agents=2):
    path = tmp_path / "stages.yaml"
    path.write_text(text)
    return subprocess.run([BINARY, "bench", "run", str(path), "--local", str(agents), "--out", str(tmp_path / "results")],
                          env={**os.environ, **(s3.environment() if env is None else env)}, capture_output=True, text=True, timeout=120)


def summary(tmp_path):
    with open(glob.glob(f"{tmp_path}/results/*/summary.json")[0]) as f:
        return json.load(f)


def test_the_sums_of_the_agents_are_what_the_server_counted(s3, tmp_path):
    common = "objects: 150, size: {median: 2000, sigma: 1, max: 100KB}, concurrency: 3"
    result = run(s3, "run: {name: s3}\nstages:\n"
                 f"  - {{name: check, order: 1, type: preflight, workload: {{kind: object, {s3.target('sums')}}}}}\n"
                 f"  - {{name: load, order: 2, type: prepare, workload: {{kind: object, {s3.target('sums')}, prefill: true, {common}}}}}\n"
                 f"  - {{name: mix, order: 3, type: execute, completion: tasks_done, max_tasks: 400, workload: {{kind: object, {s3.target('sums')}, "
                 f"verify: true, weights: {{put: 3, get: 5, list: 1, head: 2, delete: 1}}, {common}}}}}\n", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    load, mix = (stage["operations"] for stage in summary(tmp_path)["stages"][1:])
    served = collections.Counter((operation, status) for operation, name, status in s3.served() if not name.endswith("/probe"))
    assert all(status in (200, 204) for _, status in served), served
    assert not any(figures["errors"] for figures in [*load.values(), *mix.values()])
    assert load["put"]["count"] == 300
    assert load["put"]["count"] + mix["put"]["count"] == served[("s3_PutObject", 200)]
    assert mix["get"]["count"] == served[("s3_GetObject", 200)]
    assert mix["head"]["count"] == served[("s3_HeadObject", 200)]
    assert mix["delete"]["count"] == served[("s3_DeleteObject", 200)]
    assert sum(figures["count"] for figures in mix.values()) == 800
    # Each agent also lists once when a stage with load begins.
    assert mix["list"]["count"] + 4 == served[("s3_ListObjectsV2", 200)]


def test_a_large_object_goes_up_in_parts_and_comes_back_whole(s3, tmp_path):
    common = f"kind: object, {s3.target('parts')}, objects: 2, size: 12MiB, part_size: 5MiB"
    result = run(s3, "run: {name: parts}\nstages:\n"
                 f"  - {{name: load, order: 1, type: prepare, workload: {{{common}, prefill: true}}}}\n"
                 f"  - {{name: read, order: 2, type: execute, completion: tasks_done, max_tasks: 4, workload: {{{common}, weights: {{get: 1}}, verify: true}}}}\n",
                 tmp_path, agents=1)
    assert result.returncode == 0, result.stdout + result.stderr
    served = collections.Counter(operation for operation, _, status in s3.served() if status == 200)
    assert served["s3_UploadPart"] == 6 and served["s3_CompleteMultipartUpload"] == 2 and served["s3_PutObject"] == 0
    read = summary(tmp_path)["stages"][1]["operations"]["get"]
    assert read["count"] == 4 and read["errors"] == 0 and read["bytes"] == 4 * 12 * 1024 * 1024


def test_more_than_a_page_is_listed_and_cleaned_up(s3, tmp_path):
    common = f"kind: object, {s3.target('pages')}, objects: 1100, size: 1, concurrency: 8"
    result = run(s3, "run: {name: pages}\nstages:\n"
                 f"  - {{name: load, order: 1, type: prepare, workload: {{{common}, prefill: true}}}}\n"
                 f"  - {{name: list, order: 2, type: execute, completion: tasks_done, max_tasks: 8, workload: {{{common}, weights: {{list: 1}}}}}}\n"
                 f"  - {{name: clean, order: 3, type: cleanup, workload: {{{common}}}}}\n", tmp_path, agents=1)
    assert result.returncode == 0, result.stdout + result.stderr
    names = sum(len(f"obj-{i}") for i in range(1100))
    assert summary(tmp_path)["stages"][1]["operations"]["list"]["bytes"] == 8 * names
    assert not glob.glob(f"{s3.folder}/root/bench/pages/**/obj-*", recursive=True)


def test_wrong_credentials_and_a_missing_bucket_are_told_at_once(s3, tmp_path):
    stage = "run: {{name: t}}\nstages:\n  - {{name: check, order: 1, type: preflight, workload: {{kind: object, {}}}}}\n"
    wrong = run(s3, stage.format(s3.target("x")), tmp_path, {**s3.environment(), "AWS_SECRET_ACCESS_KEY": "wrong"}, 1)
    assert wrong.returncode == 1 and "SignatureDoesNotMatch" in wrong.stdout + wrong.stderr
    none = run(s3, stage.format(s3.target("x")), tmp_path, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 1)
    assert none.returncode == 1 and "Set AWS_ACCESS_KEY_ID" in none.stdout + none.stderr
    missing = run(s3, stage.format(s3.target("x").replace("bench/", "nowhere/")), tmp_path, agents=1)
    assert missing.returncode == 1 and "NoSuchBucket" in missing.stdout + missing.stderr


def test_the_example_of_five_stages_runs(s3, tmp_path):
    with open(os.path.join(ROOT, "examples", "bench", "s3.yaml")) as f:
        text = re.sub(r"endpoint: [^\s,]+", f"endpoint: http://127.0.0.1:{s3.port}", f.read())
    text = text.replace("duration: 20s", "duration: 2s").replace("warmup: 5s", "warmup: 500ms")
    result = run(s3, text, tmp_path, agents=3)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(summary(tmp_path)["stages"]) == 5
    assert all(figures["errors"] == 0 for stage in summary(tmp_path)["stages"] for figures in stage["operations"].values())
