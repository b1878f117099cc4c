"""penstock ctl, the metrics port, health and the await tree, against a playground and a cluster."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from penstock import BINARY, Cluster, Playground, free_port, wait_until


def ctl(meta, *args, check=True):
    done = subprocess.run([BINARY, "ctl", "--meta", meta, *args], capture_output=True, text=True, timeout=60)
    if check:
        assert done.returncode == 0, f"ctl {args}: {done.stdout}{done.stderr}"
    return done


def ctl_json(meta, *args):
    return json.loads(ctl(meta, *args, "--json").stdout)


def get(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$')


def parse_metrics(text):
    """Prometheus' text format, strictly: {(name, labels): value}. Each family once, typed before its samples, no series twice."""
    assert text.endswith("\n")
    types, samples, closed, current = {}, {}, set(), None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram"), line
            assert name not in types, f"{name} has two TYPE lines"
            types[name] = kind
            closed.add(current)
            current = name
            continue
        if line.startswith("#"):
            assert line.startswith("# HELP "), line
            continue
        match = SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        name, labels, value = match.group(1), match.group(2) or "", match.group(3)
        family = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
        assert family == current and family not in closed, f"{line!r} is not under its own TYPE"
        assert (name, labels) not in samples, f"{name}{labels} twice"
        samples[name, labels] = float(value)
    for (name, labels), value in samples.items():
        if types.get(name) == "counter":
            assert name.endswith("_total") and value >= 0, name
    return samples


def named(samples, name):
    return {labels: value for (n, labels), value in samples.items() if n == name}


@pytest.fixture(scope="module")
def playground():
    meta, metrics = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with Playground("--meta-listen", meta, "--metrics-listen", metrics, "--parallelism", "2") as server:
        server.meta, server.metrics = meta, metrics
        server.sql("CREATE TABLE t (k INT PRIMARY KEY, v BIGINT)")
        server.sql("CREATE MATERIALIZED VIEW sums AS SELECT k % 10 AS g, sum(v) AS s FROM t GROUP BY k % 10")
        server.sql("INSERT INTO t VALUES (1, 10), (2, 20), (11, 30)")
        yield server


def test_views_show_the_cluster_as_tables_and_as_json(playground):
    cluster = ctl_json(playground.meta, "cluster")
    assert [n["alive"] for n in cluster["nodes"]] == [True]
    assert cluster["databases"][0]["name"] == "dev" and cluster["databases"][0]["state"] == "running"
    assert {j["name"] for j in ctl_json(playground.meta, "jobs")} == {"t", "sums"}
    assert [j["name"] for j in ctl_json(playground.meta, "jobs", "--job", "sums")] == ["sums"]
    fragments = ctl_json(playground.meta, "fragments", "--job", "sums")
    assert any("HashAgg" in f["operators"] for f in fragments)
    actors = ctl_json(playground.meta, "actors")
    assert len(actors) == sum(f["actors"] for f in ctl_json(playground.meta, "fragments"))
    assert ctl_json(playground.meta, "epochs")[0]["committed_epoch"] > 0
    tables = ctl_json(playground.meta, "tables")
    assert {t["job"] for t in tables} == {"t", "sums"}
    assert sum(t["bytes"] for t in tables) > 0
    for command in ("cluster", "jobs", "fragments", "actors", "epochs", "tables", "barriers", "events"):
        text = ctl(playground.meta, command).stdout
        assert "row" in text and "\x1b" not in text, text


def test_barriers_have_their_whole_time_line(playground):
    ctl(playground.meta, "flush")
    barrier = ctl_json(playground.meta, "barriers", "--limit", "1")[0]
    done = [b for b in ctl_json(playground.meta, "barriers") if b["state"] == "committed"][-1]
    assert barrier["database"] == "dev"
    for step in ("send_ms", "first_collect_ms", "last_collect_ms", "align_ms", "sync_ms", "commit_ms", "total_ms"):
        assert done[step] is not None and done[step] >= 0, (step, done)
    assert re.match(r"\d+: [\d.]+\.\.[\d.]+ \(actor \d+\)", done["fragments"]), done
    assert playground.sql("SELECT count(*) FROM penstock_barriers WHERE fragments IS NOT NULL")[0][0] > 0
    assert playground.sql("SELECT name, state FROM penstock_databases") == [("dev", "running")]


def test_flush_commits_what_was_written_before(playground):
    before = ctl_json(playground.meta, "epochs")[0]["committed_epoch"]
    assert ctl(playground.meta, "flush").stdout.startswith("epoch ")
    assert ctl_json(playground.meta, "epochs")[0]["committed_epoch"] > before
    failed = ctl(playground.meta, "flush", "--database", "nothing", check=False)
    assert failed.returncode == 1 and 'database "nothing" does not exist' in failed.stderr


def test_a_paused_job_reads_no_more_until_it_is_resumed(playground):
    playground.sql("CREATE SOURCE ticks (id BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence', fields.id.start = '0', "
                   "fields.id.end = '1000000000', datagen.split.num = '1', datagen.rows.per.second = '1000')")
    playground.sql("CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM ticks")
    count = lambda: sum(row[0] for row in playground.sql("SELECT n FROM seen"))  # no row before the first commit
    wait_until(lambda: count() > 0, 20, "rows")
    assert "job seen is paused" in ctl(playground.meta, "pause", "--job", "seen").stdout
    held = count()
    ctl(playground.meta, "flush")
    ctl(playground.meta, "flush")
    assert count() == held
    assert ctl_json(playground.meta, "resume", "--job", "seen")["committed_epoch"] != "0"
    wait_until(lambda: count() > held, 20, "rows after the pause")
    playground.sql("DROP SOURCE ticks CASCADE")
    failed = ctl(playground.meta, "pause", "--job", "nothing", check=False)
    assert failed.returncode == 1 and 'no job "nothing"' in failed.stderr


def test_doctor_finds_nothing_wrong_and_reads_folders(playground):
    folder = os.path.join(playground.folder, "data")
    findings = ctl_json(playground.meta, "doctor", "--data-dir", folder)
    assert {f["level"] for f in findings} <= {"ok", "warning"}, findings
    held = [f["finding"] for f in findings if f["check"] == "data folder"]
    assert len(held) == 2 and all("uses it now" in text for text in held), held
    assert [f for f in findings if f["check"] == "segments"], findings


def test_ctl_says_what_to_do_when_nobody_answers():
    nobody = f"127.0.0.1:{free_port()}"
    failed = ctl(nobody, "cluster", check=False)
    assert failed.returncode == 1
    assert f"meta does not answer at {nobody}" in failed.stderr and "--meta" in failed.stderr
    failed = ctl(nobody, "doctor", check=False)
    assert failed.returncode == 1 and "error" in failed.stdout


def test_metrics_are_prometheus_text_with_all_that_is_promised(playground):
    wait_until(lambda: named(parse_metrics(get(playground.metrics, "/metrics")[1]), "barrier_commit_seconds_count"), 20, "a commit")
    samples = parse_metrics(get(playground.metrics, "/metrics")[1])
    names = {name for name, _ in samples}
    for name in ("barrier_inflight_seconds_count", "barrier_send_seconds_count", "barrier_sync_seconds_count", "barrier_commit_seconds_count",
                 "barrier_align_seconds_count", "barrier_in_flight", "barrier_oldest_age_seconds", "barrier_worker_loop_lag_seconds_count",
                 "recovery_seconds_count", "recoveries_total", "actor_output_blocked_seconds_total", "actor_input_wait_seconds_total",
                 "process_resident_memory_bytes", "state_store_bytes", "state_store_disk_free_bytes", "nodes_connected"):
        assert name in names, name
    assert named(samples, "barrier_commit_seconds_count")['{database="dev"}'] > 0
    waits = named(samples, "actor_input_wait_seconds_total")
    assert any('database="dev"' in labels and 'job="sums"' in labels and "fragment=" in labels for labels in waits), waits
    time.sleep(1.5)
    later = parse_metrics(get(playground.metrics, "/metrics")[1])
    for labels, value in waits.items():
        assert named(later, "actor_input_wait_seconds_total")[labels] >= value, "a counter went back"
    assert sum(named(later, "actor_input_wait_seconds_total").values()) > sum(waits.values())


def test_a_playground_is_healthy_and_ready(playground):
    for path in ("/healthz", "/readyz"):
        status, text = get(playground.metrics, path)
        assert status == 200, text
    text = get(playground.metrics, "/healthz")[1]
    for role in ("meta: loop", "meta: barriers of dev", "frontend: meta", "compute-0: barrier worker", "compute-0: control stream", "compute-0: disk"):
        assert f"ok    {role}: " in text, text


def test_a_join_that_explodes_is_named_as_the_one_that_holds_the_barrier():
    meta = f"127.0.0.1:{free_port()}"
    # Not held back: a barrier is behind the whole of the table.
    with Playground("--meta-listen", meta, "--metrics-listen", "off", "--parallelism", "2", "--barrier-target-ms", "0") as server:
        server.sql("CREATE TABLE a (k INT, v INT)")
        server.sql("CREATE TABLE b (k INT, v INT)")
        rows = ", ".join(f"(1, {i})" for i in range(20000))
        server.sql(f"INSERT INTO a VALUES {rows}")
        server.sql(f"INSERT INTO b VALUES {rows}")
        maker = subprocess.Popen([BINARY, "sql", "--port", str(server.port), "-c", "CREATE MATERIALIZED VIEW explodes AS "
                                  "SELECT count(*) AS n, sum(a.v + b.v) AS s FROM a JOIN b ON a.k = b.k"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def culprit():
                for database in ctl_json(meta, "await-tree")["databases"]:
                    if int(database["age_us"]) > 500_000 and database["culprits"]:
                        if "HashJoin" in database["culprits"][0]["text"]:
                            return database["culprits"][0]
                return None
            found = wait_until(culprit, 30, "a barrier that a join holds up")
            assert "job explodes" in found["text"], found
        finally:
            maker.kill()
            maker.wait()


def cluster_with_ports(computes=2):
    cluster = Cluster(computes=computes)
    cluster.metrics = {}
    for name, process in cluster.processes.items():
        cluster.metrics[name] = f"127.0.0.1:{free_port()}"
        process.args += ["--metrics-listen", cluster.metrics[name]]
        if name == "meta":
            cluster.meta = process.args[process.args.index("--listen") + 1]
    return cluster


def test_a_stopped_compute_turns_health_and_is_named_by_the_await_tree():
    with cluster_with_ports() as cluster:
        cluster.sql("CREATE TABLE t (k INT PRIMARY KEY, v BIGINT)")
        cluster.sql("CREATE MATERIALIZED VIEW sums AS SELECT v % 10 AS g, count(*) AS n FROM t GROUP BY v % 10")
        cluster.sql("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (4, 40)")
        for name, address in cluster.metrics.items():
            wait_until(lambda: get(address, "/healthz")[0] == 200, 20, f"{name} to be healthy")
            assert get(address, "/readyz")[0] == 200
            parse_metrics(get(address, "/metrics")[1])
        node = {n["endpoint"]: n["worker_id"] for n in ctl_json(cluster.meta, "cluster")["nodes"]}
        listen = cluster.processes["compute-1"].args
        stopped = node[listen[listen.index("--listen") + 1]]
        cluster.processes["compute-1"].signal(signal.SIGSTOP)
        try:
            def culprit():
                tree = ctl_json(cluster.meta, "await-tree")
                return [c for d in tree["databases"] for c in d["culprits"] if c["worker_id"] == stopped]
            found = wait_until(culprit, 15, "the await tree to name the stopped node")
            assert "does not answer" in found[0]["text"], found
            assert f"node {stopped} " in ctl(cluster.meta, "await-tree").stdout
            status, text = wait_until(lambda: (lambda a: a if a[0] == 503 else None)(get(cluster.metrics["meta"], "/healthz")), 15,
                                      "meta's health to turn")
            assert f"FAIL  meta: barriers of dev: " in text and f"node {stopped}" in text, text
            # Silent for the whole liveness timeout it is lost, and the database waits for it and says so.
            lost = lambda: [e for e in ctl_json(cluster.meta, "events") if e["kind"] == "worker lost" and e["worker_id"] == stopped]
            wait_until(lost, 30, "the loss of the node in the event log")
            assert get(cluster.metrics["meta"], "/healthz")[0] == 503
            doctor = ctl(cluster.meta, "doctor", check=False)
            assert doctor.returncode == 1 and f"node {stopped} " in doctor.stdout and "->" in doctor.stdout, doctor.stdout
        finally:
            cluster.processes["compute-1"].signal(signal.SIGCONT)
        wait_until(lambda: get(cluster.metrics["meta"], "/healthz")[0] == 200, 30, "meta to be healthy again")
        assert cluster.retry("SELECT sum(n) FROM sums") == [(4,)]
        assert any(e["kind"] == "recovered" for e in ctl_json(cluster.meta, "events"))
        samples = parse_metrics(get(cluster.metrics["meta"], "/metrics")[1])
        assert named(samples, "recoveries_total")['{database="dev"}'] >= 2


def test_ports_that_are_taken_are_an_error_when_asked_for_and_replaced_when_not():
    with Playground() as first:  # takes the usual ports, or free ones if they are taken
        text = first.process.log()
        taken = re.search(r"http://(\S+)/metrics", text).group(1)
        second = subprocess.run([BINARY, "playground", "--sql-port", "0", "--metrics-listen", taken], capture_output=True, text=True, timeout=60)
        assert second.returncode == 1 and "the address is in use" in second.stderr and "--metrics-listen" in second.stderr, second.stderr
        with Playground() as other:
            assert re.search(r"http://(\S+)/metrics", other.process.log()).group(1) != taken
        with Playground("--metrics-listen", "off", "--meta-listen", "off") as quiet:
            assert "/metrics" not in quiet.process.log() and "penstock ctl" not in quiet.process.log()
