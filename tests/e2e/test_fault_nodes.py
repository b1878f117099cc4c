"""Nodes that die, stay away, come back changed, or are not who they say: jobs wait and say for whom, and nothing is ever computed wrongly."""
import concurrent.futures
import os
import random
import shutil
import subprocess
import time

import psycopg
import pytest

from faults import Writer
from penstock import BINARY, Cluster, Process, free_port, wait_until
from test_ctl import ctl, ctl_json

SEED = int(os.environ.get("PENSTOCK_SEED", "1"))


def argument(process, flag):
    return process.args[process.args.index(flag) + 1]


def set_argument(process, flag, value):
    process.args[process.args.index(flag) + 1] = value


def node_of(server, name):
    endpoint = argument(server.processes[name], "--listen")
    return server.sql(f"SELECT max(worker_id) FROM penstock_workers WHERE endpoint = '{endpoint}'")[0][0]


def test_a_compute_is_killed_again_while_its_recovery_runs():
    choose = random.Random(SEED)
    with Cluster(computes=2) as server, Writer(server).create() as writer:
        for _ in range(6):
            server.crash("compute-0")
            time.sleep(choose.random() * 0.4)
            server.crash(choose.choice(["compute-0", "compute-0", "compute-1", "meta"]))
            writer.wait_acked()
        writer.check()


def test_a_compute_comes_back_under_another_port():
    with Cluster(computes=2) as server, Writer(server).create() as writer:
        node = node_of(server, "compute-0")
        for _ in range(2):
            server.processes["compute-0"].kill()
            set_argument(server.processes["compute-0"], "--listen", f"127.0.0.1:{free_port()}")
            server.processes["compute-0"].start()
            writer.wait_acked()
            assert node_of(server, "compute-0") == node
        writer.check()


def limited(server, text, database="dev", seconds=30):
    """The error of a statement that must fail in reasonable time."""
    with server.connect(database) as c:
        c.execute(f"SET statement_timeout = {seconds * 1000}")
        with pytest.raises(psycopg.Error) as caught:
            c.execute(text)
    return caught.value


def test_jobs_of_a_compute_that_stays_away_wait_and_say_for_whom_while_others_go_on():
    with Cluster(computes=2) as server:
        server.sql("CREATE DATABASE elsewhere")
        with server.connect("elsewhere") as c:
            c.execute("SET streaming_parallelism = 1")
            c.execute("CREATE TABLE o (id BIGINT PRIMARY KEY)")
        with Writer(server).create() as writer:
            used = {row[0] for row in server.sql("SELECT worker_id FROM penstock_actors WHERE job = 'o'")}
            name = next(n for n in ("compute-0", "compute-1") if node_of(server, n) not in used)
            node = node_of(server, name)
            server.processes[name].kill()
            wait_until(lambda: server.sql("SELECT state FROM penstock_databases WHERE name = 'dev'") == [("blocked",)], 20, "dev to wait")
            waits_for = f"waits for node {node} ("
            statements = ("INSERT INTO written VALUES (-1, -1)", "FLUSH", "CREATE TABLE fresh (id BIGINT)", "ALTER TABLE written SET PARALLELISM = 1",
                          "CREATE MATERIALIZED VIEW more AS SELECT count(*) AS n FROM written")
            with concurrent.futures.ThreadPoolExecutor(len(statements)) as pool:  # each has a patience of its own
                for statement, error in zip(statements, pool.map(lambda s: limited(server, s), statements)):
                    assert error.sqlstate == "57P03" and waits_for in str(error), f"{statement}: {error}"
            assert f"node {node} holds a part of sums and is away" in str(limited(server, "SELECT * FROM sums"))
            assert waits_for in ctl(server.meta, "await-tree").stdout
            reasons = dict(server.sql("SELECT name, reason FROM penstock_jobs"))
            assert reasons["sums"].startswith(waits_for) and "which owns its vnodes" in reasons["sums"] and reasons["o"] is None, reasons
            doctor = ctl(server.meta, "doctor", check=False)
            assert doctor.returncode == 1 and waits_for in doctor.stdout and "was the cause" not in doctor.stdout, doctor.stdout
            away = next(n for n in ctl_json(server.meta, "cluster")["nodes"] if n["worker_id"] == node)
            assert not away["alive"]
            jobs = {row[1]: (row[3], str(row[-2])) for row in server.sql("SHOW JOBS")}
            assert jobs["sums"][0] == "blocked" and waits_for in jobs["sums"][1] and jobs["o"] == ("created", "None"), jobs
            assert "CREATE TABLE fresh" not in str(server.sql("SHOW JOBS")), "what was refused is not there"
            with server.connect("elsewhere") as c:
                c.execute("INSERT INTO o VALUES (1)")
                assert c.execute("SELECT id FROM o").fetchall() == [(1,)]
            assert server.sql("SELECT recoveries FROM penstock_databases WHERE name = 'elsewhere'") == [(0,)]
            server.processes[name].start()
            writer.wait_acked()
            writer.check()


def test_a_compute_on_an_older_copy_of_its_folder_computes_nothing_says_so_and_goes_on_with_the_newest():
    with Cluster(computes=2) as server, Writer(server).create() as writer:
        process = server.processes["compute-0"]
        node, folder = node_of(server, "compute-0"), argument(process, "--data-dir")
        process.kill()
        shutil.copytree(folder, folder + ".old")
        process.start()
        for _ in range(3):
            writer.wait_acked()
            server.retry("FLUSH")
        process.kill()
        shutil.move(folder, folder + ".newest")
        shutil.move(folder + ".old", folder)
        process.start()

        def said():
            text = str(server.sql("SELECT reason FROM penstock_databases WHERE name = 'dev'"))
            return text if "older than what was committed" in text else None
        assert f"node {node} (" in wait_until(said, 20, "the reason")
        for statement in ("SELECT count(*) FROM sums", "INSERT INTO written VALUES (-1, 0)"):
            error = limited(server, statement)
            assert error.sqlstate == "57P03" and f"node {node} (" in str(error), f"{statement}: {error}"
        doctor = ctl(server.meta, "doctor", check=False)
        assert doctor.returncode == 1 and f"Its folder {folder} is older" in doctor.stdout, doctor.stdout
        process.kill()
        shutil.move(folder, folder + ".old")
        shutil.move(folder + ".newest", folder)
        process.start()
        writer.wait_acked()
        writer.check()


def test_a_compute_whose_folder_is_gone_is_another_node_and_never_stands_in_for_the_lost_one():
    with Cluster(computes=2) as server:
        with Writer(server).create() as writer:
            process = server.processes["compute-0"]
            node, folder = node_of(server, "compute-0"), argument(process, "--data-dir")
            process.kill()
        shutil.move(folder, folder + ".kept")
        process.start()
        other = wait_until(lambda: (lambda n: n if n != node else None)(node_of(server, "compute-0")), 20, "the new node")
        server.sql("CREATE DATABASE fresh")  # on the two that are there; it must not recover for those that are not
        with server.connect("fresh") as c:
            c.execute("CREATE TABLE f (id BIGINT PRIMARY KEY)")
            since = time.monotonic()
            while time.monotonic() - since < 5:  # meta looks for the lost one at the address that is the new one's now
                c.execute(f"INSERT INTO f VALUES ({int(time.monotonic() * 1000)})")
                time.sleep(0.05)
        assert server.sql("SELECT recoveries FROM penstock_databases WHERE name = 'fresh'") == [(0,)]
        assert f"node {node} holds a part of" in str(limited(server, "SELECT * FROM written"))
        assert server.sql(f"SELECT worker_id, alive FROM penstock_workers WHERE worker_id IN ({node}, {other}) ORDER BY worker_id") == [
            (node, False), (other, True)]
        process.kill()
        shutil.rmtree(folder)
        shutil.move(folder + ".kept", folder)
        process.start()
        server.retry("FLUSH")
        wait_until(lambda: not any(isinstance(attempt(server, "SELECT count(*) FROM written"), Exception) for _ in range(1)), 30, "the rows")
        writer.check()


def attempt(server, text):
    try:
        return server.sql(text)
    except psycopg.Error as error:
        return error


def test_a_meta_on_a_copy_of_the_folder_is_refused_and_harms_nothing():
    with Cluster(computes=2) as server, Writer(server).create() as writer:
        meta = server.processes["meta"]
        folder = argument(meta, "--data-dir")
        second = subprocess.run([BINARY, "meta", "--data-dir", folder, "--listen", f"127.0.0.1:{free_port()}"], capture_output=True, text=True,
                                timeout=30)
        assert second.returncode == 1 and folder in second.stderr and f"process {meta.process.pid}" in second.stderr, second.stderr
        meta.kill()
        shutil.copytree(folder, folder + ".copy")
        meta.start()
        writer.wait_acked()
        recoveries = server.sql("SELECT recoveries FROM penstock_databases WHERE name = 'dev'")
        address = f"127.0.0.1:{free_port()}"
        copy = server.processes["copy"] = Process("copy", ["meta", "--data-dir", folder + ".copy", "--listen", address], server.folder)
        for start in range(2):  # the second time its term is higher than that of the one that leads
            copy.start()
            wait_until(lambda: "whose folder is a copy" in ctl(address, "doctor", check=False).stdout, 20, "the copy to say why it is refused")
            time.sleep(2)  # what must not happen has this long to happen
            copy.kill()
        assert server.sql("SELECT recoveries FROM penstock_databases WHERE name = 'dev'") == recoveries, "the one that leads took no notice"
        writer.wait_acked()
        for name in ("meta", "compute-0", "compute-1"):
            server.crash(name)
            writer.wait_acked()
        writer.check()
