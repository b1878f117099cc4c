"""Tables that get columns while they are written and read, also with kill -9 in the middle."""
import os
import random
import threading
import time

import psycopg
import pytest

from penstock import Cluster, Playground, wait_until

SEED = int(os.environ.get("PENSTOCK_SEED", "1"))


def fill(server, table, rows):
    """1 to `rows`."""
    server.sql(f"INSERT INTO {table} VALUES " + ", ".join(f"({i})" for i in range(1, rows + 1)))


def refused(server, text, state, message, position=None):
    with pytest.raises(psycopg.Error) as caught:
        server.sql(text)
    assert caught.value.sqlstate == state, str(caught.value)
    assert message in str(caught.value)
    if position is not None:
        assert int(caught.value.diag.statement_position) == position


@pytest.fixture(scope="module")
def server():
    with Playground() as playground:
        yield playground


def test_a_column_is_there_for_everything_and_old_rows_have_its_default(server):
    server.sql("CREATE TABLE a (id BIGINT PRIMARY KEY, name VARCHAR)")
    server.sql("CREATE TABLE b (x INT)")  # rows are told apart by a hidden column
    server.sql("INSERT INTO a VALUES (1, 'one'), (2, NULL); INSERT INTO b VALUES (1), (2), (2)")
    server.sql("CREATE MATERIALIZED VIEW all_of_a AS SELECT * FROM a")
    server.sql("CREATE MATERIALIZED VIEW by_x AS SELECT x, count(*) AS n FROM b GROUP BY x")
    server.sql("ALTER TABLE a ADD COLUMN price NUMERIC(8,2) DEFAULT 9.5 NOT NULL")
    server.sql("ALTER TABLE a ADD note VARCHAR")
    server.sql("ALTER TABLE b ADD COLUMN y INT DEFAULT -3")
    assert server.sql("SELECT * FROM a ORDER BY id") == [(1, "one", 9.5, None), (2, None, 9.5, None)]
    assert server.sql("SELECT * FROM b ORDER BY x") == [(1, -3), (2, -3), (2, -3)]
    server.sql("INSERT INTO a VALUES (3, 'three', 3, 'new'); INSERT INTO a (id) VALUES (4)")
    server.sql("INSERT INTO a VALUES (1, 'uno', 1, NULL)")  # in place of an old row
    server.sql("UPDATE a SET note = 'changed' WHERE id = 2")
    server.sql("INSERT INTO b VALUES (5, 50); UPDATE b SET y = 0 WHERE x = 1; DELETE FROM b WHERE x = 2 AND y = -3")
    with server.connect() as c:
        with c.cursor() as cursor, cursor.copy("COPY b (y) FROM STDIN") as copy:
            copy.write("7\n")
    assert server.sql("SELECT * FROM a ORDER BY id") == [
        (1, "uno", 1, None), (2, None, 9.5, "changed"), (3, "three", 3, "new"), (4, None, 9.5, None)]
    assert server.sql("SELECT * FROM b ORDER BY x") == [(1, 0), (5, 50), (None, 7)]
    # Views from before keep the columns they were made with, and go on; new ones see all.
    assert server.sql("SELECT * FROM all_of_a ORDER BY id") == [(1, "uno"), (2, None), (3, "three"), (4, None)]
    assert server.sql("SELECT * FROM by_x ORDER BY x") == [(1, 1), (5, 1), (None, 1)]
    server.sql("CREATE MATERIALIZED VIEW dear AS SELECT note, sum(price) AS total FROM a GROUP BY note")
    assert server.sql("SELECT * FROM dear ORDER BY note") == [("changed", 9.5), ("new", 3), (None, 10.5)]
    server.sql("INSERT INTO a VALUES (9, 'nine', 90, 'new')")
    assert server.sql("SELECT total FROM dear WHERE note = 'new'") == [(93,)]
    assert server.sql("SHOW CREATE TABLE b")[0][-1] == "CREATE TABLE b (x INT, y INT DEFAULT -3)"
    before = server.sql("SELECT * FROM a ORDER BY id")
    server.crash()
    assert server.retry("SELECT * FROM a ORDER BY id") == before
    assert server.retry("SELECT * FROM all_of_a WHERE id = 9") == [(9, "nine")]
    assert server.retry("SELECT count(*) FROM b") == [(3,)]


def test_what_cannot_be_added_says_why(server):
    server.sql("CREATE TABLE t (id INT PRIMARY KEY); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t")
    refused(server, "ALTER TABLE t ADD COLUMN id INT", "42701", 'column "id" of relation "t" already exists', 26)
    server.sql("ALTER TABLE t ADD COLUMN IF NOT EXISTS id INT")
    assert len(server.sql("DESCRIBE t")) == 1
    refused(server, "ALTER TABLE v ADD COLUMN c INT", "42809", '"v" is not a table')
    refused(server, "ALTER MATERIALIZED VIEW v ADD COLUMN c INT", "42809", '"v" is not a table')
    refused(server, "ALTER TABLE t ADD COLUMN c INT NOT NULL", "23502", "give it one that is not NULL", 26)
    refused(server, "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT NULL", "23502", "contains null values")
    refused(server, "ALTER TABLE t ADD COLUMN c INT PRIMARY KEY", "0A000", "PRIMARY KEY of a column that is added", 32)
    refused(server, "ALTER TABLE t ADD COLUMN c INT CHECK (c > 0)", "0A000", "CHECK", 32)
    refused(server, "ALTER TABLE t ADD COLUMN c INT AS (id + 1)", "0A000", "a generated column")
    refused(server, "ALTER TABLE t ADD COLUMN c INT GENERATED ALWAYS AS (id + 1) STORED", "0A000", "a generated column")
    refused(server, "ALTER TABLE t ADD CONSTRAINT u UNIQUE (id)", "0A000", "ADD CONSTRAINT", 19)
    refused(server, "ALTER TABLE t ADD COLUMN c INT DEFAULT 'x'", "22P02", "x")
    refused(server, "ALTER TABLE t ADD COLUMN c NOTYPE", "42704", "notype")
    refused(server, "ALTER TABLE nope ADD COLUMN c INT", "42P01", "nope", 13)
    refused(server, "ALTER TABLE t ADD COLUMN c INT, ADD COLUMN d INT", "0A000", "more than one change")
    refused(server, "BEGIN; ALTER TABLE t ADD COLUMN c INT", "25001", "transaction block")


def test_a_transaction_that_wrote_the_table_before_it_changed_is_not_applied(server):
    server.sql("CREATE TABLE open (id INT PRIMARY KEY)")
    with server.connect(autocommit=False) as c:
        c.execute("INSERT INTO open VALUES (1)")
        server.sql("ALTER TABLE open ADD COLUMN c INT DEFAULT 5")
        with pytest.raises(psycopg.errors.SerializationFailure):
            c.execute("SELECT * FROM open")
        c.rollback()
        c.execute("INSERT INTO open VALUES (2)")
        server.sql("ALTER TABLE open ADD COLUMN d INT")
        with pytest.raises(psycopg.errors.SerializationFailure):
            c.commit()
        c.execute("INSERT INTO open VALUES (3)")
        c.commit()
    assert server.sql("SELECT * FROM open") == [(3, 5, None)]
    with server.connect() as c:  # what was prepared before sees another table
        c.prepare_threshold = 0
        assert c.execute("SELECT * FROM open").fetchall() == [(3, 5, None)]
        server.sql("ALTER TABLE open ADD COLUMN e INT")
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            c.execute("SELECT * FROM open")


def test_a_view_that_is_being_created_goes_on(server):
    server.sql("CREATE TABLE big (id INT PRIMARY KEY)")
    fill(server, "big", 20000)
    with server.connect() as c:
        c.execute("SET background_ddl = true; SET backfill_rate_limit = 1500")
        c.execute("CREATE MATERIALIZED VIEW slow AS SELECT count(*) AS n, sum(id) AS s FROM big")
    wait_until(lambda: server.sql("SHOW JOBS"), 10, "the job")
    server.sql("ALTER TABLE big ADD COLUMN c INT DEFAULT 1")
    server.sql("INSERT INTO big VALUES (30000, 2)")
    assert server.sql("SHOW JOBS"), "still being created"
    server.sql("ALTER MATERIALIZED VIEW slow SET backfill_rate_limit = DEFAULT")
    server.sql("WAIT")
    assert server.sql("SELECT * FROM slow") == [(20001, 20000 * 20001 // 2 + 30000)]
    assert server.sql("SELECT sum(c) FROM big") == [(20002,)]


def write_until(server, stop, model, columns, choose):
    """Rows that take the place of others, each again and again until it is there: so it is known what the table holds."""
    while not stop.is_set():
        names = ["id", "v"] + columns[: choose.randrange(len(columns) + 1)]
        rows = [[choose.randrange(500), choose.randrange(1000)] + [choose.choice([None, choose.randrange(9)]) for _ in names[2:]]
                for _ in range(choose.randrange(1, 20))]
        values = ", ".join("(" + ", ".join("NULL" if x is None else str(x) for x in row) + ")" for row in rows)
        while True:
            try:
                server.sql(f"INSERT INTO t ({', '.join(names)}) VALUES {values}")
                break
            except psycopg.Error as e:
                if e.sqlstate not in (None, "40001", "40003", "57P03", "57P01", "72000"):
                    raise
                time.sleep(0.05)
        for row in rows:
            model[row[0]] = dict(zip(names, row))


@pytest.mark.parametrize("kills", [False, True])
def test_a_table_that_is_written_gets_columns_and_all_views_are_exact(kills):
    choose = random.Random(SEED)
    with Cluster(computes=2, parallelism=2) as server:
        server.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
        server.sql("CREATE MATERIALIZED VIEW v0 AS SELECT id % 7 AS g, count(*) AS n, sum(v) AS s FROM t GROUP BY id % 7")
        model, columns, failures = {}, [], []
        stop = threading.Event()

        def write():
            try:
                write_until(server, stop, model, columns, choose)
            except BaseException as e:
                failures.append(e)
        writer = threading.Thread(target=write)
        writer.start()
        for i in range(4):
            time.sleep(0.5)
            if kills:
                killer = threading.Timer(choose.random() * 0.4, lambda: server.crash(choose.choice(["meta", "compute-0", "compute-1"])))
                killer.start()
            while True:
                try:
                    server.sql(f"ALTER TABLE t ADD COLUMN IF NOT EXISTS c{i} INT DEFAULT {i}")
                    break
                except psycopg.Error as e:
                    assert e.sqlstate in (None, "57P03", "57P01", "40001", "08006"), str(e)
                    time.sleep(0.05)
            columns.append(f"c{i}")
            if kills:
                killer.join()
                server.wait_alive(2)
            server.retry(f"CREATE MATERIALIZED VIEW IF NOT EXISTS v{i + 1} AS SELECT c{i}, count(*) AS n, sum(v) AS s FROM t GROUP BY c{i}", 120)
        time.sleep(0.5)
        stop.set()
        writer.join()
        assert not failures, failures
        server.retry("WAIT", 60)
        rows = sorted((r["id"], r["v"], *[r.get(f"c{i}", i) for i in range(4)]) for r in model.values())
        assert server.retry("SELECT * FROM t ORDER BY id") == rows

        def grouped(key):
            out = {}
            for row in rows:
                n, s = out.get(key(row), (0, 0))
                out[key(row)] = (n + 1, s + row[1])
            return {(k, n, s) for k, (n, s) in out.items()}
        assert set(server.retry("SELECT * FROM v0")) == grouped(lambda r: r[0] % 7)
        for i in range(4):
            assert set(server.retry(f"SELECT * FROM v{i + 1}")) == grouped(lambda r: r[2 + i])
