"""Tables, views on them, and what survives: INSERT, backfill, restart, SIGTERM."""
import psycopg
import pytest

from penstock import Playground


@pytest.fixture(scope="module")
def server():
    with Playground() as s:
        yield s


def fresh(server, *statements):
    with server.connect() as c:
        for statement in statements:
            c.execute(statement)


def test_an_insert_is_seen_by_the_session_and_by_others(server):
    fresh(server, "CREATE TABLE t1 (id BIGINT PRIMARY KEY, v VARCHAR)", "INSERT INTO t1 VALUES (1, 'a'), (2, NULL)")
    assert sorted(server.sql("SELECT * FROM t1")) == [(1, "a"), (2, None)]


def test_an_acknowledged_insert_survives_kill_9(server):
    fresh(server, "CREATE TABLE t2 (id BIGINT PRIMARY KEY)")
    for i in range(3):
        server.sql(f"INSERT INTO t2 VALUES ({i})")
        server.crash()
        assert server.retry("SELECT count(*) FROM t2")[0][0] == i + 1


def test_a_view_on_a_table_with_rows_starts_with_them_and_follows(server):
    fresh(server, "CREATE TABLE t3 (g BIGINT, v BIGINT)", "INSERT INTO t3 SELECT 1, 10 UNION ALL SELECT 1, 5 UNION ALL SELECT 2, 7",
          "CREATE MATERIALIZED VIEW m3 AS SELECT g, sum(v) AS s, count(*) AS n, min(v) AS low FROM t3 GROUP BY g",
          "CREATE MATERIALIZED VIEW m3b AS SELECT max(s) AS top FROM m3")
    assert sorted(server.sql("SELECT g, s, n, low FROM m3")) == [(1, 15, 2, 5), (2, 7, 1, 7)]
    fresh(server, "INSERT INTO t3 VALUES (2, 100)", "FLUSH")
    assert sorted(server.sql("SELECT g, s, n, low FROM m3")) == [(1, 15, 2, 5), (2, 107, 2, 7)]
    assert server.sql("SELECT top FROM m3b") == [(107,)]


def test_updates_and_deletes_reach_the_views(server):
    fresh(server, "CREATE TABLE t4 (id BIGINT PRIMARY KEY, v BIGINT)",
          "CREATE MATERIALIZED VIEW m4 AS SELECT v % 2 AS odd, count(*) AS n, min(id) AS low, max(id) AS high FROM t4 GROUP BY v % 2",
          "INSERT INTO t4 VALUES (1, 1), (2, 2), (3, 3), (4, 4)", "DELETE FROM t4 WHERE id = 1", "UPDATE t4 SET v = 6 WHERE id = 3", "FLUSH")
    assert sorted(server.sql("SELECT * FROM t4")) == [(2, 2), (3, 6), (4, 4)]
    assert server.sql("SELECT odd, n, low, high FROM m4") == [(0, 3, 2, 4)]


def test_the_last_row_of_a_key_wins(server):
    fresh(server, "CREATE TABLE t5 (id BIGINT PRIMARY KEY, v BIGINT)", "INSERT INTO t5 VALUES (1, 1), (1, 2)", "INSERT INTO t5 VALUES (1, 3)",
          "CREATE MATERIALIZED VIEW m5 AS SELECT sum(v) AS s FROM t5")
    assert server.sql("SELECT s FROM m5") == [(3,)]


def test_dependents_are_named_when_a_drop_is_refused(server):
    fresh(server, "CREATE TABLE t6 (id BIGINT)", "CREATE MATERIALIZED VIEW m6 AS SELECT count(*) AS n FROM t6")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="m6"):
        server.sql("DROP TABLE t6")
    fresh(server, "DROP MATERIALIZED VIEW m6", "DROP TABLE t6")
    with pytest.raises(psycopg.errors.UndefinedTable):
        server.sql("SELECT * FROM t6")


def test_sigterm_makes_a_last_checkpoint_and_ends_with_0():
    with Playground() as s:
        s.sql("CREATE TABLE t (id BIGINT)")
        s.sql("INSERT INTO t VALUES (1)")
        assert s.process.stop() == 0
        s.process.start()
        s.wait_ready()
        assert s.retry("SELECT id FROM t") == [(1,)]
