"""Real processes for end-to-end tests: a playground, or meta, computes and frontend each on its own, all on loopback."""
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("PENSTOCK_BINARY", os.path.join(ROOT, "build", "release", "bin", "penstock"))
FLIGHTS = os.path.join(ROOT, "examples", "flights")


GIVEN = set()


def free_port():
    """Below those the kernel gives to connections, so that nobody has taken it when a process that was killed starts again."""
    while True:
        port = random.SystemRandom().randrange(12_000, 30_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in GIVEN:
            GIVEN.add(port)
            return port


def wait_until(condition, seconds, what):
    """Polls; the limit only guards against waiting for ever."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s for {what}")


class Process:
    def __init__(self, name, args, folder):
        self.name, self.args, self.log_path = name, args, os.path.join(folder, f"{name}.log")
        self.process = None

    def start(self):
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([BINARY, *self.args], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def signal(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self, seconds=30):
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds) if self.process else 0
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM:\n{self.log()}")

    def log(self):
        with open(self.log_path) as f:
            return f.read()


class Server:
    """What playground and cluster share: the SQL port."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="penstock-e2e-")
        self.port = free_port()
        self.processes = {}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *exception):
        for process in self.processes.values():
            process.kill()
        if exception[0] is not None:
            for process in self.processes.values():
                print(f"--- {process.name}\n{process.log()[-5000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        for process in self.processes.values():
            process.start()
        self.wait_ready()

    def wait_ready(self, seconds=60):
        def ready():
            for process in self.processes.values():
                assert process.process.poll() is None, f"{process.name} ended:\n{process.log()}"
            try:
                with self.connect() as c:
                    c.execute("SELECT 1")
                return True
            except psycopg.OperationalError:
                return False
        wait_until(ready, seconds, "the SQL port")

    def connect(self, database="dev", port=None, autocommit=True):
        return psycopg.connect(host="127.0.0.1", port=port or self.port, dbname=database, user="root", autocommit=autocommit,
                               connect_timeout=10)

    def sql(self, text, parameters=None):
        with self.connect() as c:
            cursor = c.execute(text, parameters)
            return cursor.fetchall() if cursor.description else None

    def retry(self, text, seconds=60):
        """Runs a statement again and again while the server is away or recovering."""
        def attempt():
            try:
                return [self.sql(text)]
            except (psycopg.OperationalError, psycopg.errors.CannotConnectNow):
                return None
        return wait_until(attempt, seconds, text)[0]


class Playground(Server):
    def __init__(self, *args):
        super().__init__()
        self.processes["playground"] = Process(
            "playground", ["playground", "--data-dir", os.path.join(self.folder, "data"), "--sql-port", str(self.port), *args], self.folder)

    @property
    def process(self):
        return self.processes["playground"]

    def crash(self):
        self.process.kill()
        self.process.start()
        self.wait_ready()


class Cluster(Server):
    def __init__(self, computes=2, parallelism=2, frontends=1, meta_args=()):
        super().__init__()
        meta = self.meta = f"127.0.0.1:{free_port()}"
        self.parallelism = parallelism
        add = lambda name, args: self.processes.__setitem__(name, Process(name, args, self.folder))
        add("meta", ["meta", "--data-dir", os.path.join(self.folder, "meta"), "--listen", meta, *meta_args])
        for i in range(computes):
            add(f"compute-{i}", ["compute", "--meta", meta, "--listen", f"127.0.0.1:{free_port()}", "--data-dir",
                                 os.path.join(self.folder, f"compute-{i}"), "--parallelism", str(parallelism)])
        self.ports = [self.port] + [free_port() for _ in range(1, frontends)]
        for i, port in enumerate(self.ports):
            add(f"frontend-{i}" if i else "frontend", ["frontend", "--meta", meta, "--sql-listen", f"127.0.0.1:{port}"])
        self.computes = computes

    def start(self):
        super().start()
        wait_until(lambda: self.sql("SELECT count(*) FROM penstock_workers WHERE alive")[0][0] == self.computes, 30, "all computes to join")

    def add_compute(self):
        """One more compute; its name once it has joined."""
        name = f"compute-{self.computes}"
        self.processes[name] = Process(name, ["compute", "--meta", self.meta, "--listen", f"127.0.0.1:{free_port()}", "--data-dir",
                                              os.path.join(self.folder, name), "--parallelism", str(self.parallelism)], self.folder).start()
        self.computes += 1
        self.wait_alive(self.computes)
        return name

    def wait_alive(self, count):
        wait_until(lambda: self.retry("SELECT count(*) FROM penstock_workers WHERE alive")[0][0] == count, 30, f"{count} live computes")

    def crash(self, name):
        self.processes[name].kill()
        self.processes[name].start()
