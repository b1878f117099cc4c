"""A real S3 server for tests: versitygw, built once from its Go module and kept in ~/.cache/penstock."""
import os
import shutil
import subprocess

import pytest

from penstock import free_port, wait_until

VERSION = "v1.8.0"
MODULE = f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"
ACCESS, SECRET = "penstock-test", "a secret of the test"


def binary():
    """The path of versitygw; skips, and says why, where it cannot be had."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    folder = os.path.join(cache, "penstock", f"versitygw-{VERSION}")
    path = os.path.join(folder, "versitygw")
    if os.path.exists(path):
        return path
    if not shutil.which("go"):
        pytest.skip("S3 IS NOT TESTED: there is no Go to build versitygw with")
    draft = f"{folder}.{os.getpid()}"
    os.makedirs(draft)
    try:
        built = subprocess.run(["go", "install", MODULE], env={**os.environ, "GOBIN": draft}, capture_output=True, text=True, timeout=500)
        if built.returncode != 0:
            pytest.skip(f"S3 IS NOT TESTED: versitygw cannot be built: {built.stderr[-500:]}")
        os.makedirs(folder, exist_ok=True)
        os.rename(os.path.join(draft, "versitygw"), path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


class S3Server:
    """One bucket, `bench`, in a folder; each request it served is a line of its log."""

    def __init__(self, folder):
        self.folder, self.port = str(folder), free_port()
        self.log = f"{self.folder}/access.log"
        self.process = None

    def start(self):
        os.makedirs(f"{self.folder}/root/bench", exist_ok=True)
        env = {**os.environ, "ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
        with open(f"{self.folder}/server.log", "w") as log:
            self.process = subprocess.Popen([binary(), "--port", f"127.0.0.1:{self.port}", "--access-log", self.log, "--quiet", "posix",
                                             f"{self.folder}/root"], env=env, stdout=log, stderr=log)
        wait_until(self.answers, 20, "versitygw")
        return self

    def answers(self):
        import socket
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def served(self):
        """[(operation, object, HTTP status)] so far."""
        with open(self.log) as f:
            lines = [line.split() for line in f if " s3_" in line]
        found = []
        for words in lines:
            at = next(i for i, word in enumerate(words) if word.startswith("s3_"))
            found.append((words[at], words[at + 1], int(words[at + 3])))
        return found

    def target(self, prefix):
        return f"target: 's3://bench/{prefix}', endpoint: 'http://127.0.0.1:{self.port}'"

    def environment(self):
        return {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
