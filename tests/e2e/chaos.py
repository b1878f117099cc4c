"""A walk through everything that can happen to a cluster, chosen by one seed: jobs come and go under writes, and at each step something breaks."""
import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import psycopg

from chaos_faults import FAULTS
from chaos_jobs import Jobs
from chaos_rows import TABLES, WRITERS, Ledger, RowWriter, create_tables
from faults import Proxy
from penstock import Cluster, free_port, wait_until
from test_ctl import ctl

BOUND = 30  # seconds after the last thing was mended until rows are taken and views can be read again
DATABASES = ("dev", "other")
# What a failure's text may say: of links and nodes that were lost, of those who noticed, and of the row that is no number.
EXPECTED = ("lost node", "is lost", "has ended", "broke", "cannot reach", "was silent", "nothing was heard", "no number", "is not connected",
            "took over", "meta started", "is away", "shutting down")


class ChaosCluster(Cluster):
    """Everybody reaches meta and the computes through proxies."""

    def __init__(self):
        super().__init__(computes=3, parallelism=2, frontends=2)
        self.proxies, self.pages = {}, {}
        for name, process in self.processes.items():
            self.pages[name] = f"127.0.0.1:{free_port()}"
            process.args += ["--metrics-listen", self.pages[name]]
            if name.startswith("compute") or name == "meta":
                self.proxies[name] = Proxy(int(process.args[process.args.index("--listen") + 1].rsplit(":", 1)[1]))
            if name.startswith("compute"):
                process.args += ["--advertise", self.proxies[name].address]
        for name, process in self.processes.items():
            if name != "meta":
                process.args[process.args.index("--meta") + 1] = self.proxies["meta"].address

    def page(self, name, path):
        try:
            with urllib.request.urlopen(f"http://{self.pages[name]}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except OSError as e:
            return 0, str(e)


class Lines(threading.Thread):
    """A file that grows, and a view in each database that has read each of its lines once."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.lines, self.stopping = path, 0, threading.Event()
        with open(path, "w") as f:
            f.write("id\n")

    def run(self):
        while not self.stopping.is_set():
            self.append(self.lines + 1)
            time.sleep(0.05)

    def append(self, value):
        with open(self.path, "a") as f:
            f.write(f"{value}\n")
        self.lines += 1


class Walk:
    def __init__(self, seed, steps, full=False):
        self.seed, self.steps, self.full, self.choose, self.server = seed, steps, full, random.Random(seed), ChaosCluster()
        self.story, self.begin, self.last_epoch, self.slowest = [], time.monotonic(), {}, {}
        self.ledgers, self.jobs, self.writers, self.gates = {}, {}, [], []

    def say(self, text):
        line = f"{time.monotonic() - self.begin:7.2f} {text}"
        self.story.append(line)
        print(line, flush=True)

    @contextlib.contextmanager
    def small_disk(self):
        """In long walks compute-2 has a disk of its own, where that can be had."""
        folder = os.path.join(self.server.folder, "compute-2")
        os.makedirs(folder)
        mount = ["mount", "-t", "tmpfs", "-o", "size=320m", "tmpfs", folder]
        self.disk = folder if self.full and subprocess.run(mount, capture_output=True).returncode == 0 else None
        try:
            yield
        finally:
            for process in self.server.processes.values():
                process.kill()
            if self.disk is not None:
                subprocess.run(["umount", "-l", self.disk], check=True)

    # ---- what is there ----

    def prepare(self):
        with self.server.connect() as c:
            c.execute("CREATE DATABASE other WITH (barrier_interval_ms = 300)")
        self.lines = Lines(os.path.join(self.server.folder, "lines.csv"))
        for i, database in enumerate(DATABASES):
            with self.server.connect(database) as c:
                create_tables(c)
                c.execute("CREATE TABLE probe (id BIGINT PRIMARY KEY)")
                c.execute(self.source("lines", self.lines.path))
                c.execute("CREATE MATERIALIZED VIEW read_lines AS SELECT count(*) AS n, sum(id) AS s FROM lines")
            self.ledgers[database] = Ledger()
            if self.full:
                self.fill(database)
            self.jobs[database] = Jobs(self.server, database, random.Random(self.seed + i), self.say)
            for number in range(WRITERS):
                gate = threading.Lock()
                self.gates.append(gate)
                self.writers.append(RowWriter(self.server, database, self.ledgers[database], number, gate, self.seed * 100 + i * 10 + number))
        for thread in (*self.writers, self.lines):
            thread.start()

    def fill(self, database):
        """Rows that nobody changes, so that backfills and moves take a while."""
        for table, count in (("t", 30_000), ("u", 3_000)):
            rows = [(-i, i % 7, i * 7919 % 1000) for i in range(1, count + 1)]
            self.ledgers[database].rows[table].update((i, (g, v)) for i, g, v in rows)
            for first in range(0, count, 5_000):
                self.query(database, f"INSERT INTO {table} (id, g, v) VALUES " + ",".join(map(str, rows[first:first + 5_000])))

    @staticmethod
    def source(name, path):
        return f"""CREATE SOURCE {name} (id BIGINT) WITH (connector = 'posix_fs', posix_fs.root = '{os.path.dirname(path)}',
                   match_pattern = '{os.path.basename(path)}', posix_fs.follow = 'true') FORMAT PLAIN ENCODE CSV (without_header = 'false')"""

    def query(self, database, text, seconds=BOUND + 15, port=None):
        """Asks again while the answer is a passing one. `port`: of the frontend, because another one hears of new objects a moment later."""
        last = []

        def attempt():
            try:
                with self.server.connect(database, port=port or self.choose.choice(self.server.ports)) as c:
                    c.execute("SET statement_timeout = 20000")
                    cursor = c.execute(text)
                    return [cursor.fetchall() if cursor.description else None]
            except psycopg.Error as error:
                if error.sqlstate not in (None, "57P03", "57P01", "40001", "40003", "08006", "72000", "53100", "57014", "55000"):
                    raise
                last[:] = [f"{error.sqlstate} {error}"]
                time.sleep(0.05)
                return None
        try:
            return wait_until(attempt, seconds, f"{database}: {text}")[0]
        except AssertionError as e:
            raise AssertionError(f"{e}; last answer: {last}") from None

    # ---- one step ----

    def step(self, number):
        names = [name for name, (weight, _) in FAULTS.items() if self.full or weight > 0]
        name = self.choose.choices(names, [max(FAULTS[n][0], 1) for n in names])[0]
        threads = []
        for database in DATABASES if name != "broken_view" else ():
            operations = [self.jobs[database].any() for _ in range(self.choose.choice([0, 1, 1, 2, 3]))]
            threads.append(threading.Thread(target=lambda todo=operations: [o() for o in todo], daemon=True))
        self.say(f"-- step {number}: {name}")
        for thread in threads:
            thread.start()
        time.sleep(self.choose.random() * self.choose.choice([0.05, 0.5, 1.5]))
        FAULTS[name][1](self)
        healed = time.monotonic()
        self.say("mended")
        self.usable(healed)
        for database in DATABASES:
            if self.jobs[database].paused:  # its RESUME was lost, and a CREATE may wait for it
                self.query(database, f"ALTER DATABASE {database} RESUME")
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a statement has not been answered 60 s after all was mended"
        self.check()

    def usable(self, healed):
        for database in DATABASES:
            self.query(database, f"INSERT INTO probe VALUES ({self.choose.randrange(10**9)})")
            self.query(database, "SELECT count(*) FROM read_lines")
            taken = time.monotonic() - healed
            self.say(f"{database}: usable {taken:.2f} s after it was mended")
            self.slowest["usable"] = max(self.slowest.get("usable", 0), taken)
            assert taken < BOUND, f"{database} was not usable within {BOUND} s"

    @contextlib.contextmanager
    def quiet(self):
        """Nobody writes rows."""
        held = []
        try:
            for gate, writer in zip(self.gates, self.writers):
                assert writer.is_alive(), f"a writer ended: {writer.errors}"
                assert gate.acquire(timeout=90), f"a writer of {writer.database} waits for its answer for 90 s"
                held.append(gate)
            yield
        finally:
            for gate in held:
                gate.release()

    def check(self):
        wrong = []
        for process in self.server.processes.values():
            assert process.process.poll() is None, f"{process.name} ended with {process.process.returncode}"
        lines = self.lines.lines
        with self.quiet():
            for database in DATABASES:
                ask = lambda text, database=database: self.query(database, text)
                wrong += self.jobs[database].settled(ask)
                ask("FLUSH")
                wrong += self.ledgers[database].wrong({t: ask(f"SELECT id, g, v FROM {t}") for t in TABLES})
                wrong += self.jobs[database].wrong(ask)
                wrong += self.jobs[database].errors
        for database in DATABASES:
            self.wait_lines(database, lines)
            epoch = self.query(database, f"SELECT committed_epoch FROM penstock_databases WHERE name = '{database}'")[0][0]
            if int(epoch) < self.last_epoch.get(database, 0):
                wrong.append(f"{database}: the committed epoch went from {self.last_epoch[database]} back to {epoch}")
            self.last_epoch[database] = int(epoch)
        for name in self.server.processes:
            wait_until(lambda name=name: self.server.page(name, "/readyz")[0] == 200, BOUND, f"{name} to be ready")
            wait_until(lambda name=name: self.server.page(name, "/healthz")[0] == 200, BOUND, f"{name} to be healthy")
        assert not wrong, "\n".join(wrong)
        self.say(f"checked: {sum(x.acked for x in self.ledgers.values())} acknowledged, {sum(x.refused for x in self.ledgers.values())} refused, "
                 f"{sum(len(x.unknown) for x in self.ledgers.values())} unknown, views {[sorted(j.views) for j in self.jobs.values()]}")

    def wait_lines(self, database, lines):
        def all_read():
            n, s = self.query(database, "SELECT n, s FROM read_lines")[0]
            assert int(s or 0) == n * (n + 1) // 2, f"{database}: {n} lines add up to {s}"
            return n >= lines
        wait_until(all_read, BOUND, f"{database} to read {lines} lines of the file")

    # ---- all of it ----

    def run(self):
        try:
            with self.small_disk(), self.server:
                try:
                    self.prepare()
                    for number in range(1, self.steps + 1):
                        self.step(number)
                    self.finish()
                except BaseException:
                    self.look()
                    raise
                finally:
                    for thread in (*self.writers, self.lines):
                        thread.stopping.set()
        except BaseException as error:
            raise AssertionError(f"PENSTOCK_SEED={self.seed}, {len(self.story)} lines of story:\n" + "\n".join(self.story[-60:]) + f"\n{error}") from error

    def look(self):
        """What the cluster says of itself when something is wrong."""
        for command in (("cluster",), ("await-tree",), ("doctor",), ("events",), ("jobs",)):
            with contextlib.suppress(Exception):
                print(f"--- ctl {command[0]}\n{ctl(self.server.meta, *command, check=False).stdout[-4000:]}")
        for writer in self.writers:
            print(writer.name, writer.database, writer.errors)
        if keep := os.environ.get("PENSTOCK_CHAOS_KEEP"):
            for process in self.server.processes.values():
                process.signal(signal.SIGSTOP)
            shutil.copytree(self.server.folder, os.path.join(keep, f"seed-{self.seed}"), dirs_exist_ok=True)
            for process in self.server.processes.values():
                process.signal(signal.SIGCONT)

    def finish(self):
        for writer in self.writers:
            self.say(f"{writer.database} writer {writer.number}: slowest answer {writer.slowest:.1f} s, errors {writer.errors}")
        causes = self.query("dev", "SELECT text FROM penstock_events WHERE kind IN ('failure', 'root cause', 'job failed', 'rescale failed')")
        strange = sorted({text for (text,) in causes if not any(word in text for word in EXPECTED)})
        assert not strange, "failures that nobody caused:\n" + "\n".join(strange[:10])
        assert sum(ledger.acked for ledger in self.ledgers.values()) > 0
        self.say(f"usable at most {self.slowest.get('usable', 0):.2f} s after all was mended")
