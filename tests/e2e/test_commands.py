"""Commands against real processes: pause, resume, throttle, databases, cancel; each also through a SIGKILL right after its answer."""
import threading
import time

import psycopg
import pytest

from penstock import Playground, wait_until

DATAGEN = "WITH (connector = 'datagen', fields.id.kind = 'sequence', fields.id.start = '0', fields.id.end = '1000000000', datagen.split.num = '1'{})"


@pytest.fixture(scope="module")
def server():
    with Playground("--parallelism", "2", "--barrier-interval-ms", "100") as s:
        yield s


def run(server, *statements, database="dev"):
    with server.connect(database) as c:
        for statement in statements:
            c.execute(statement)


def rows_of(server, view, database="dev"):
    with server.connect(database) as c:
        row = c.execute(f"SELECT n FROM {view}").fetchone()
        return row[0] if row else 0  # before the first barrier there is no row


def counting(server, name, options="", database="dev"):
    """A generator and a view that counts its rows."""
    run(server, f"CREATE SOURCE {name}_s (id BIGINT) {DATAGEN.format(options)}",
        f"CREATE MATERIALIZED VIEW {name} AS SELECT count(*) AS n, max(id) AS top FROM {name}_s", database=database)
    wait_until(lambda: rows_of(server, name, database) > 0, 20, f"{name} to count")


def stands_still(server, view, seconds=0.5):
    run(server, "FLUSH")
    before = rows_of(server, view)
    time.sleep(seconds)  # what must not happen has this long to happen
    run(server, "FLUSH")
    return rows_of(server, view) == before


def test_a_paused_database_reads_nothing_but_takes_inserts_also_after_kill_9(server):
    counting(server, "p", ", datagen.rows.per.second = '1000'")
    run(server, "CREATE TABLE pt (id BIGINT PRIMARY KEY)", "CREATE MATERIALIZED VIEW pv AS SELECT count(*) AS n FROM pt", "ALTER DATABASE dev PAUSE")
    assert stands_still(server, "p")
    run(server, "INSERT INTO pt VALUES (1)")
    assert rows_of(server, "pv") == 1
    server.crash()
    server.retry("SELECT n FROM pv")
    run(server, "INSERT INTO pt VALUES (2)")
    assert rows_of(server, "pv") == 2
    assert stands_still(server, "p")
    before = rows_of(server, "p")
    run(server, "ALTER DATABASE dev RESUME")
    wait_until(lambda: rows_of(server, "p") > before, 10, "p to go on")
    run(server, "DROP SOURCE p_s CASCADE")


def test_a_paused_view_stands_still_alone_and_lost_or_doubled_nothing_when_it_goes_on(server):
    counting(server, "a", ", datagen.rows.per.second = '2000'")
    counting(server, "b", ", datagen.rows.per.second = '2000'")
    run(server, "ALTER MATERIALIZED VIEW a PAUSE")
    server.crash()
    server.retry("SELECT n FROM a")
    others = rows_of(server, "b")
    assert stands_still(server, "a")
    wait_until(lambda: rows_of(server, "b") > others, 10, "b to go on")
    before = rows_of(server, "a")
    run(server, "ALTER MATERIALIZED VIEW a RESUME")
    wait_until(lambda: rows_of(server, "a") > before, 10, "a to go on")
    n, top = server.sql("SELECT n, top FROM a")[0]
    assert n == top + 1  # a sequence from 0: each number once
    run(server, "DROP SOURCE a_s CASCADE", "DROP SOURCE b_s CASCADE")


def test_a_rate_is_kept_changed_and_kept_after_kill_9(server):
    counting(server, "r", ", source_rate_limit = '100', datagen.rows.per.second = '100000'")
    def rate(seconds=2):
        run(server, "FLUSH")
        first, at = rows_of(server, "r"), time.monotonic()
        time.sleep(seconds)
        run(server, "FLUSH")
        return (rows_of(server, "r") - first) / (time.monotonic() - at)
    assert rate() < 200
    run(server, "ALTER SOURCE r_s SET source_rate_limit = 1000")
    assert 300 < rate() < 2000
    run(server, "ALTER MATERIALIZED VIEW r SET SOURCE_RATE_LIMIT TO 50")
    server.crash()
    server.retry("SELECT n FROM r")
    assert rate() < 150
    run(server, "ALTER MATERIALIZED VIEW r SET SOURCE_RATE_LIMIT TO DEFAULT", "ALTER SOURCE r_s SET source_rate_limit = DEFAULT")
    assert rate() > 2000
    run(server, "DROP SOURCE r_s CASCADE")


def test_a_creation_that_is_throttled_can_be_seen_cancelled_and_waited_for(server):
    run(server, "CREATE TABLE big (id BIGINT PRIMARY KEY)", "INSERT INTO big VALUES " + ", ".join(f"({i})" for i in range(3000)))
    run(server, "SET background_ddl = true", "SET backfill_rate_limit = 10", "CREATE MATERIALIZED VIEW slow AS SELECT count(*) AS n FROM big",
        "CREATE MATERIALIZED VIEW slower AS SELECT count(*) AS n FROM big")
    jobs = dict(server.sql("SELECT name, job_id FROM penstock_jobs WHERE state = 'creating'"))
    assert set(jobs) == {"slow", "slower"}
    assert server.sql(f"CANCEL JOBS {jobs['slower']}, 999") == [(jobs["slower"],)]
    assert server.sql("SELECT name FROM penstock_jobs WHERE state = 'creating'") == [("slow",)]
    waiting = threading.Thread(target=lambda: run(server, "WAIT"))
    waiting.start()
    run(server, "ALTER MATERIALIZED VIEW slow SET backfill_rate_limit = DEFAULT")
    waiting.join(30)
    assert not waiting.is_alive()
    assert rows_of(server, "slow") == 3000
    assert server.sql(f"CANCEL JOBS {jobs['slow']}") == []  # it is created: too late
    assert rows_of(server, "slow") == 3000
    run(server, "DROP TABLE big CASCADE")


def test_a_cancelled_create_is_gone_and_its_name_is_free(server):
    run(server, "CREATE TABLE base (id BIGINT PRIMARY KEY)", "INSERT INTO base VALUES " + ", ".join(f"({i})" for i in range(3000)))
    with server.connect() as c:
        c.execute("SET backfill_rate_limit = 10")
        threading.Timer(1, c.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("CREATE MATERIALIZED VIEW cancelled AS SELECT count(*) AS n FROM base")
        c.execute("SET backfill_rate_limit = 0")
        c.execute("CREATE MATERIALIZED VIEW cancelled AS SELECT count(*) AS n FROM base")
        assert c.execute("SELECT n FROM cancelled").fetchall() == [(3000,)]
        c.execute("SET statement_timeout = 500")
        c.execute("SET backfill_rate_limit = 10")
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("CREATE MATERIALIZED VIEW late AS SELECT count(*) AS n FROM base")
        assert c.execute("SELECT count(*) FROM penstock_jobs WHERE name = 'late'").fetchall() == [(0,)]
    run(server, "DROP TABLE base CASCADE")


def test_databases_are_made_altered_dropped_and_connected_to_by_name(server):
    run(server, "CREATE DATABASE d1 WITH (barrier_interval_ms = 50, checkpoint_frequency = 2)")
    assert ("d1",) in server.sql("SHOW DATABASES")
    run(server, "CREATE TABLE t (id BIGINT PRIMARY KEY)", "INSERT INTO t VALUES (1)", database="d1")
    with pytest.raises(psycopg.errors.UndefinedTable):
        server.sql("SELECT * FROM t")
    server.crash()
    wait_until(lambda: server.connect("d1"), 10, "d1")
    with server.connect("d1") as c:
        assert c.execute("SELECT * FROM t").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.ObjectInUse):
            c.execute("DROP DATABASE d1")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="table t|objects in it"):
        server.sql("DROP DATABASE d1")
    run(server, "ALTER DATABASE d1 SET barrier_interval_ms = 500", "DROP DATABASE d1 CASCADE", "DROP DATABASE IF EXISTS d1")
    assert ("d1",) not in server.sql("SHOW DATABASES")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        server.connect("d1")
    run(server, "CREATE DATABASE d1", "DROP DATABASE d1")
    server.crash()
    server.retry("SELECT 1")
    assert ("d1",) not in server.sql("SHOW DATABASES")


def test_options_of_a_source_change_while_it_is_read_and_stay_after_kill_9(server):
    counting(server, "o", ", datagen.rows.per.second = '10'")
    before = rows_of(server, "o")
    run(server, "ALTER SOURCE o_s CONNECTOR WITH (datagen.rows.per.second = 5000)")
    wait_until(lambda: rows_of(server, "o") > before + 5000, 20, "the new rate")
    server.crash()
    server.retry("SELECT n FROM o")
    before = rows_of(server, "o")
    wait_until(lambda: rows_of(server, "o") > before + 5000, 20, "the new rate after a crash")
    n, top = server.sql("SELECT n, top FROM o")[0]
    assert n == top + 1
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="fields.id.end"):
        server.sql("ALTER SOURCE o_s CONNECTOR WITH (fields.id.end = 5)")
    run(server, "DROP SOURCE o_s CASCADE")


def test_a_bad_record_that_stops_a_view_is_passed_over_once_on_error_is_changed(server, tmp_path):
    (tmp_path / "rows.csv").write_text("id\n1\n2\nthree\n4\n")
    run(server, f"CREATE SOURCE bad (id BIGINT) WITH (connector = 'posix_fs', posix_fs.root = '{tmp_path}', match_pattern = 'rows.csv') "
        "FORMAT PLAIN ENCODE CSV (without_header = 'false')", "SET background_ddl = true",
        "CREATE MATERIALIZED VIEW badv AS SELECT count(*) AS n FROM bad", "ALTER SOURCE bad CONNECTOR WITH (on_error = 'skip')",
        "DROP MATERIALIZED VIEW IF EXISTS badv", "CREATE MATERIALIZED VIEW badv AS SELECT count(*) AS n FROM bad", "WAIT FOR SOURCE bad")
    assert rows_of(server, "badv") == 3
    run(server, "DROP SOURCE bad CASCADE")


def test_a_database_that_fails_again_and_again_leaves_the_barriers_of_another_alone(server, tmp_path):
    """A followed file gets a row that is none: the view fails, recovers, fails, until it is quarantined. The other database's barriers go on."""
    path = tmp_path / "rows.csv"
    path.write_text("1\n2\n")
    run(server, "CREATE DATABASE failing WITH (barrier_interval_ms = 100)", "CREATE DATABASE healthy WITH (barrier_interval_ms = 20)")
    run(server, f"CREATE SOURCE s (id BIGINT) WITH (connector = 'posix_fs', posix_fs.root = '{tmp_path}', match_pattern = 'rows.csv', "
        "posix_fs.follow = 'true') FORMAT PLAIN ENCODE CSV (without_header = 'true')",
        "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s", "CREATE TABLE t (id BIGINT PRIMARY KEY)", database="failing")
    counting(server, "h", ", datagen.rows.per.second = '1000'", database="healthy")
    wait_until(lambda: rows_of(server, "v", "failing") == 2, 20, "the file")
    before = server.sql("SELECT max(epoch) FROM penstock_barriers WHERE database = 'healthy'")[0][0]
    with path.open("a") as f:
        f.write("not a number\n")
    def state():
        with server.connect("failing") as c:
            return c.execute("SELECT state FROM penstock_jobs WHERE name = 'v'").fetchone()[0]
    wait_until(lambda: state() == "quarantined", 60, "the quarantine")
    assert server.sql("SELECT count(*) FROM penstock_events WHERE database = 'failing' AND kind = 'failure'")[0][0] >= 5
    barriers = server.sql(f"SELECT state, total_ms FROM penstock_barriers WHERE database = 'healthy' AND epoch > {before} AND state <> 'in flight'")
    assert len(barriers) > 2 and {state for state, _ in barriers} == {"committed"}
    assert max(ms for _, ms in barriers) < 500
    assert server.sql("SELECT count(*) FROM penstock_events WHERE database = 'healthy' AND kind = 'failure'") == [(0,)]

    # What is left of it: the table works, the view is stale, and can be read as it was or be resumed once its source passes bad rows over.
    def inserted():
        try:
            run(server, "INSERT INTO t VALUES (1)", database="failing")
            return True
        except psycopg.errors.CannotConnectNow:  # the recovery that leaves the view out is not over yet
            return False
    wait_until(inserted, 20, "the recovery")
    with server.connect("failing") as c:
        with pytest.raises(psycopg.Error, match="stale since epoch"):
            c.execute("SELECT n FROM v")
        c.execute("SET allow_stale_reads = true")
        assert c.execute("SELECT n FROM v").fetchall() == [(2,)]
        c.execute("ALTER SOURCE s CONNECTOR WITH (on_error = 'skip')")
        c.execute("ALTER MATERIALIZED VIEW v RESUME")
        c.execute("WAIT")
    with path.open("a") as f:
        f.write("3\n")
    wait_until(lambda: rows_of(server, "v", "failing") == 3, 20, "the view to go on")
    run(server, "DROP DATABASE failing CASCADE", "DROP DATABASE healthy CASCADE")


def test_what_is_renamed_goes_on_under_its_new_name(server):
    run(server, "CREATE TABLE old_t (id BIGINT PRIMARY KEY)", "CREATE MATERIALIZED VIEW old_v AS SELECT count(*) AS n FROM old_t",
        "INSERT INTO old_t VALUES (1)", "ALTER TABLE old_t RENAME TO new_t", "ALTER MATERIALIZED VIEW old_v RENAME TO new_v",
        "INSERT INTO new_t VALUES (2)")
    assert rows_of(server, "new_v") == 2
    assert server.sql("SHOW CREATE TABLE new_t") == [("public.new_t", "CREATE TABLE new_t (id BIGINT PRIMARY KEY)")]
    with pytest.raises(psycopg.errors.UndefinedTable):
        server.sql("SELECT * FROM old_t")
    with pytest.raises(psycopg.errors.DuplicateTable):
        server.sql("ALTER TABLE new_t RENAME TO new_v")
    server.crash()
    assert server.retry("SELECT n FROM new_v") == [(2,)]
    run(server, "DROP TABLE new_t CASCADE")


@pytest.mark.parametrize("statement, state", [
    ("ALTER SOURCE nowhere SET source_rate_limit = 1", "42P01"),
    ("ALTER DATABASE nowhere PAUSE", "3D000"),
    ("ALTER DATABASE dev SET barrier_interval = 1", "22023"),
    ("ALTER DATABASE dev SET barrier_interval_ms = 0", "22023"),
    ("ALTER TABLE et PAUSE", "42809"),
    ("ALTER TABLE et SET source_rate_limit = 1", "42809"),
    ("ALTER MATERIALIZED VIEW et PAUSE", "42809"),
    ("DROP DATABASE dev", "55006"),
    ("DROP DATABASE nowhere", "3D000"),
])
def test_what_cannot_be_done_says_why(server, statement, state):
    run(server, "CREATE TABLE IF NOT EXISTS et (id BIGINT)")
    with pytest.raises(psycopg.Error) as e:
        server.sql(statement)
    assert e.value.sqlstate == state
