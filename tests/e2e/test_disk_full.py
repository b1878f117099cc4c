"""A disk that others fill while rows stream in: reads go on, writes are refused by name, nothing is lost, and all goes on without a restart."""
import contextlib
import os
import subprocess
import time

import psycopg
import pytest

from penstock import BINARY, Cluster, Playground, wait_until

ROWS = 300_000
SIZE_MB = 320


def mount(folder):
    os.makedirs(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: a full disk needs a file system of its own, and mounting one is not permitted here: {done.stderr.strip()}")


@contextlib.contextmanager
def on_small_disk(server, folder):
    """`server` with `folder` on a disk of its own; gives the folder."""
    mount(folder)
    try:
        with server:
            yield folder
    finally:
        for process in server.processes.values():
            process.kill()
        subprocess.run(["umount", "-l", folder], check=True)


class Hog:
    """A file that leaves `left` MB free, however others give space back."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "hog")

    def take(self, left_mb=0):
        with open(self.path, "ab") as f:
            while True:
                room = os.statvfs(self.path)
                want = room.f_bavail * room.f_frsize - (left_mb << 20)
                if want <= 0:
                    return
                with contextlib.suppress(OSError):  # others took of it meanwhile
                    os.posix_fallocate(f.fileno(), os.fstat(f.fileno()).st_size, want)

    def go(self):
        os.remove(self.path)


def rows_of_file(path):
    text = "".join(f"{i},{i * 7919 % 1000},{'x' * (40 + i % 20)}{i}\n" for i in range(ROWS))
    with open(path, "w") as f:
        f.write("id,g,note\n" + text)


def create_jobs(server, rate):
    rows_of_file(os.path.join(server.folder, "rows.csv"))
    with server.connect() as c:
        c.execute(f"""CREATE SOURCE s (id BIGINT, g BIGINT, note VARCHAR) WITH (connector = 'posix_fs', posix_fs.root = '{server.folder}',
                      match_pattern = 'rows.csv', source_rate_limit = '{rate}') FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',')""")
        c.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        c.execute("INSERT INTO t VALUES (1)")
        c.execute("CREATE MATERIALIZED VIEW victim AS SELECT g, max(note) AS note FROM s GROUP BY g")
        c.execute("CREATE MATERIALIZED VIEW groups AS SELECT g, count(*) AS n, sum(id) AS ids FROM s GROUP BY g")
        c.execute("CREATE MATERIALIZED VIEW rows AS SELECT id, note FROM s")


def expected_groups():
    groups = {}
    for i in range(ROWS):
        n, ids = groups.get(i * 7919 % 1000, (0, 0))
        groups[i * 7919 % 1000] = (n + 1, ids + i)
    return sorted((g, n, ids) for g, (n, ids) in groups.items())


def count(server):
    begin = time.monotonic()
    n = server.sql("SELECT sum(n) FROM groups")[0][0] or 0
    assert time.monotonic() - begin < 5, "a SELECT waited"
    return n


def check_exact(server):
    server.sql("WAIT FOR SOURCE s")
    assert sorted(server.sql("SELECT g, n, ids FROM groups")) == expected_groups()
    assert server.sql("SELECT count(*), min(id), max(id) FROM rows") == [(ROWS, 0, ROWS - 1)]


def refused(server, statement):
    with pytest.raises(psycopg.errors.DiskFull) as raised:
        server.sql(statement)
    return str(raised.value)


def insert_goes_through(server, statement):
    """Meta and the nodes look at their disks twice a second, each by itself."""
    try:
        server.sql(statement)
        return True
    except psycopg.errors.DiskFull:
        return False


def disk_of(server, worker=1):
    return server.sql(f"SELECT disk FROM penstock_workers WHERE worker_id = {worker}")[0][0]


def test_below_the_reserve_sources_and_dml_pause_while_the_rest_goes_on():
    server = Playground()
    with on_small_disk(server, os.path.join(server.folder, "data")) as folder:
        create_jobs(server, 30_000)
        wait_until(lambda: count(server) > 20_000, 30, "rows")
        hog = Hog(folder)
        hog.take(left_mb=6)
        wait_until(lambda: disk_of(server).startswith("low"), 10, "the node to say that its disk is low")
        time.sleep(2)  # the pause takes a barrier
        server.sql("FLUSH")
        stands = count(server)
        message = refused(server, "INSERT INTO t VALUES (2)")
        assert "node 1" in message and folder in message and "MB free" in message and "Free space" in message
        assert folder in refused(server, "CREATE MATERIALIZED VIEW more AS SELECT count(*) AS n FROM s")
        time.sleep(2)
        assert count(server) == stands < ROWS, "the source did not pause"
        server.sql("DROP MATERIALIZED VIEW victim")
        hog.go()
        wait_until(lambda: disk_of(server) == "enough", 10, "the node to say that there is room")
        wait_until(lambda: insert_goes_through(server, "INSERT INTO t VALUES (2)"), 10, "an INSERT")
        check_exact(server)
        assert sorted(server.sql("SELECT id FROM t")) == [(1,), (2,)]


def test_on_a_full_disk_select_answers_and_drop_returns_and_then_nothing_is_missing():
    server = Playground()
    with on_small_disk(server, os.path.join(server.folder, "data")) as folder:
        create_jobs(server, 30_000)
        wait_until(lambda: count(server) > 20_000, 30, "rows")
        hog = Hog(folder)
        hog.take()
        wait_until(lambda: disk_of(server) != "enough", 10, "the node to say that its disk is full")
        for _ in range(20):  # whatever is given up is taken at once
            hog.take()
            assert 20_000 < count(server) < ROWS
            time.sleep(0.3)
        refused(server, "INSERT INTO t VALUES (2)")
        hog.go()
        hog.take(left_mb=1)  # a little for meta
        begin = time.monotonic()
        server.sql("DROP MATERIALIZED VIEW victim")
        assert time.monotonic() - begin < 15
        hog.go()
        check_exact(server)
        assert server.process.process.poll() is None
        assert "recovery" not in [kind for (kind,) in server.sql("SELECT kind FROM penstock_events")]


def test_the_ballast_lets_a_drop_through_on_a_disk_without_a_byte():
    server = Playground()
    with on_small_disk(server, os.path.join(server.folder, "data")) as folder:
        create_jobs(server, 30_000)
        wait_until(lambda: count(server) > 20_000, 30, "rows")
        hog = Hog(folder)
        hog.take()
        begin = time.monotonic()
        server.sql("DROP MATERIALIZED VIEW victim")
        assert time.monotonic() - begin < 15
        assert count(server) > 0
        hog.go()
        check_exact(server)


def test_of_a_cluster_the_node_whose_disk_is_full_is_named():
    server = Cluster(computes=2)
    with on_small_disk(server, os.path.join(server.folder, "compute-1")) as folder:
        create_jobs(server, 30_000)
        wait_until(lambda: count(server) > 20_000, 30, "rows")
        hog = Hog(folder)
        hog.take(left_mb=2)
        message = wait_until(lambda: next((d for (d,) in server.sql("SELECT disk FROM penstock_workers") if d != "enough"), None), 10, "pressure")
        assert "MB free" in message
        assert folder in refused(server, "INSERT INTO t VALUES (2)")
        assert count(server) > 0
        hog.go()
        check_exact(server)


def test_of_a_cluster_meta_s_own_disk_is_named_and_a_meta_that_dies_on_it_comes_back():
    server = Cluster(computes=2)
    with on_small_disk(server, os.path.join(server.folder, "meta")) as folder:
        create_jobs(server, 30_000)
        wait_until(lambda: count(server) > 20_000, 30, "rows")
        hog = Hog(folder)
        hog.take()
        message = wait_until(lambda: None if insert_goes_through(server, "INSERT INTO t VALUES (-1)") else refused(server, "INSERT INTO t VALUES (2)"),
                             10, "pressure")
        assert "the disk of meta" in message and folder in message
        doctor = subprocess.run([BINARY, "ctl", "--meta", server.meta, "doctor"], capture_output=True, text=True, timeout=60)
        assert doctor.returncode == 1 and f"MB free in {folder}" in doctor.stdout, doctor.stdout
        assert count(server) > 0
        server.processes["meta"].kill()
        if os.path.exists(os.path.join(folder, "BALLAST")):
            os.remove(os.path.join(folder, "BALLAST"))  # with it there would be room
        hog.take()
        server.processes["meta"].start()
        assert server.processes["meta"].process.wait(20) == 1
        assert "meta needs 4 MB to begin" in server.processes["meta"].log(), server.processes["meta"].log()[-1000:]
        assert count(server) > 0, "views can be read without meta"
        hog.go()
        server.processes["meta"].start()
        server.retry("FLUSH")
        check_exact(server)
