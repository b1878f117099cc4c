"""Whoever waits is told for what: SQL statements by notices while they run, penstock ctl on standard error."""
import os
import pty
import signal
import subprocess
import threading
import time

import psycopg
import pytest

from penstock import BINARY, Cluster, Playground, wait_until

ROWS = ", ".join(f"({k})" for k in range(100))


@pytest.fixture(scope="module")
def server():
    with Playground("--parallelism", "2") as server:
        server.sql("CREATE TABLE t (k INT PRIMARY KEY)")
        server.sql(f"INSERT INTO t VALUES {ROWS}")
        yield server


class Statement:
    """A statement that runs in a session of its own, and the notices that come meanwhile, with when."""

    def __init__(self, server, text, *before):
        self.connection, self.notices, self.error = server.connect(), [], None
        self.connection.add_notice_handler(lambda notice: self.notices.append((time.monotonic() - self.began, notice.message_primary)))
        for setting in before:
            self.connection.execute(setting)
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self.run, args=(text,))
        self.thread.start()

    def run(self, text):
        try:
            self.connection.execute(text)
        except psycopg.Error as error:
            self.error = error

    def running(self):
        return self.thread.is_alive()

    def texts(self):
        return [text for _, text in self.notices]

    def end(self, seconds=20):
        self.thread.join(seconds)
        assert not self.running()
        self.connection.close()
        return self.error


PAUSED = "the statement waits: database dev is paused: ALTER DATABASE dev RESUME lets it go on"


def test_a_create_in_a_paused_database_says_so_while_it_waits_and_ends_after_resume(server):
    server.sql("ALTER DATABASE dev PAUSE")
    try:
        create = Statement(server, "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t")
        wait_until(lambda: "'v'" in str(server.sql("SHOW JOBS")), 10, "the creation, which WAIT is to wait for")
        wait = Statement(server, "WAIT")
        quiet = Statement(server, "WAIT", "SET client_min_messages = warning")
        wait_until(lambda: create.notices and wait.notices, 10, "the notices")
        assert create.running() and wait.running(), "the notice comes before the end"
        assert create.texts() == [PAUSED] and create.notices[0][0] >= 2
        assert wait.texts() == [PAUSED]
        time.sleep(5)
        assert create.texts() == [PAUSED], "once"
        assert quiet.running() and quiet.texts() == []
        wait.connection.cancel()
        assert wait.end().sqlstate == "57014"
    finally:
        server.sql("ALTER DATABASE dev RESUME")
    assert create.end() is None and quiet.end() is None
    assert server.sql("SELECT n FROM v") == [(100,)]
    assert create.texts() == [PAUSED]


def test_statements_that_do_not_wait_say_nothing(server):
    for text in ("FLUSH", "WAIT", "CREATE MATERIALIZED VIEW w AS SELECT k FROM t", "DROP MATERIALIZED VIEW w"):
        statement = Statement(server, text)
        assert statement.end() is None and statement.texts() == []


def test_least_messages_are_one_of_those_of_postgres(server):
    with pytest.raises(psycopg.Error) as wrong:
        server.sql("SET client_min_messages = sometimes")
    assert wrong.value.sqlstate == "22023"


def node_of(cluster, name):
    arguments = cluster.processes[name].args
    return cluster.sql("SELECT worker_id FROM penstock_workers WHERE endpoint = %s", (arguments[arguments.index("--listen") + 1],))[0][0]


def test_a_drain_a_flush_and_a_change_of_parallelism_say_that_a_compute_stands_still_and_go_on_with_it():
    with Cluster(computes=2) as cluster:
        cluster.sql("CREATE TABLE t (k INT PRIMARY KEY)")
        cluster.sql("CREATE MATERIALIZED VIEW sums AS SELECT k % 10 AS g, count(*) AS n FROM t GROUP BY k % 10")
        cluster.sql(f"INSERT INTO t VALUES {ROWS}")
        node = node_of(cluster, "compute-1")
        drain = [BINARY, "ctl", "--meta", cluster.meta, "drain", str(node), "--json"]
        cluster.processes["compute-1"].signal(signal.SIGSTOP)
        errors = os.path.join(cluster.folder, "stderr")
        try:
            alter = Statement(cluster, "ALTER MATERIALIZED VIEW sums SET PARALLELISM = 1")
            flush = Statement(cluster, "FLUSH")
            impatient = subprocess.Popen(drain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with open(errors, "w") as to:
                patient = subprocess.Popen(drain, stdout=subprocess.PIPE, stderr=to, text=True)
            said = lambda: open(errors).read().splitlines()
            wait_until(lambda: any("not finished the oldest barrier" in line for line in said()), 8, "what the drain waits for")
            assert said()[0].startswith("waits: 2 jobs (t, sums) of database dev have "), said()
            assert f" actors on node {node}" in said()[0] and f"node {node} (" in said()[-1].split("; database dev: ")[1], said()
            wait_until(lambda: flush.notices and alter.notices, 8, "the notices")
            for notices in (flush.texts(), alter.texts()):
                assert notices[0].startswith("the statement waits: database dev: ") and f"node {node} (" in notices[0], notices
            assert flush.running() and alter.running()
            wait_until(lambda: any("database dev recovers: " in line for line in said()), 30, "the loss of the node")
            assert len(said()) <= 5, said()
            impatient.send_signal(signal.SIGINT)
            out, err = impatient.communicate(timeout=10)
            assert impatient.returncode == 130 and out == "", (impatient.returncode, out)
            assert f"stopped waiting; the drain of node {node} goes on" in err and f"drain {node} --undo withdraws it" in err, err
            assert patient.poll() is None
        finally:
            cluster.processes["compute-1"].signal(signal.SIGCONT)
        out, _ = patient.communicate(timeout=60)
        assert patient.returncode == 0 and '"actors": 0' in out, out
        for statement in (alter, flush):
            assert statement.end(60) is None or statement.error.sqlstate == "57P03", statement.error
        assert cluster.retry("SELECT sum(n) FROM sums") == [(100,)]


def test_on_a_terminal_there_is_one_line_that_is_replaced_and_goes_at_the_end():
    with Cluster(computes=2) as cluster:
        cluster.sql("CREATE TABLE t (k INT PRIMARY KEY)")
        node = node_of(cluster, "compute-1")
        cluster.processes["compute-1"].signal(signal.SIGSTOP)
        ours, theirs = pty.openpty()
        try:
            drain = subprocess.Popen([BINARY, "ctl", "--meta", cluster.meta, "drain", str(node)], stdout=subprocess.PIPE, stderr=theirs)
            os.close(theirs)
            shown = os.read(ours, 1000).decode()
            assert shown.startswith("\r\x1b[Kwaits: 1 job (t) of database dev has ") and "\n" not in shown and len(shown) < 90, shown
        finally:
            cluster.processes["compute-1"].signal(signal.SIGCONT)
        assert drain.wait(60) == 0
        rest = os.read(ours, 10000).decode()
        assert rest.endswith("\r\x1b[K") and "\n" not in rest, rest
        os.close(ours)
        assert drain.stdout.read().decode() == f"node {node} is drained: it has 0 actors and gets no new ones\n"
