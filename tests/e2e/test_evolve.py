"""Tables that get columns and views that get other queries while they are written and read, also with kill -9 in the middle."""
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
    creating = lambda: [row[1] for row in server.sql("SHOW JOBS") if row[3] == "creating"]
    wait_until(creating, 10, "the job")
    server.sql("ALTER TABLE big ADD COLUMN c INT DEFAULT 1")
    server.sql("INSERT INTO big VALUES (30000, 2)")
    assert creating() == ["slow"]
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
                    assert e.sqlstate in (None, "57P03", "57P01", "40001", "40003", "08006"), str(e)
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


def test_a_view_gets_another_query_and_keeps_its_name(server):
    server.sql("CREATE TABLE o (id INT PRIMARY KEY, amount INT, state VARCHAR)")
    server.sql("INSERT INTO o VALUES (1, 10, 'open'), (2, 20, 'done'), (3, 5, 'open')")
    server.sql("CREATE MATERIALIZED VIEW totals AS SELECT state, sum(amount) AS total FROM o GROUP BY state")
    server.sql("CREATE OR REPLACE MATERIALIZED VIEW totals AS SELECT state, sum(amount) AS total, count(*) AS n FROM o WHERE id > 1 GROUP BY state")
    assert server.sql("SELECT * FROM totals ORDER BY state") == [("done", 20, 1), ("open", 5, 1)]
    server.sql("INSERT INTO o VALUES (4, 100, 'open')")
    assert server.sql("SELECT * FROM totals ORDER BY state") == [("done", 20, 1), ("open", 105, 2)]
    server.sql("ALTER MATERIALIZED VIEW totals AS SELECT state, sum(amount) + 0 AS total, count(*) AS n FROM o GROUP BY state")
    assert server.sql("SELECT * FROM totals ORDER BY state") == [("done", 20, 1), ("open", 115, 3)]
    assert "sum(amount) + 0" in server.sql("SHOW CREATE MATERIALIZED VIEW totals")[0][-1]
    assert server.sql("SHOW CREATE MATERIALIZED VIEW totals")[0][-1].startswith("CREATE MATERIALIZED VIEW totals AS")
    assert [row[0] for row in server.sql("SHOW MATERIALIZED VIEWS")].count("totals") == 1
    server.sql("CREATE OR REPLACE MATERIALIZED VIEW fresh AS SELECT count(*) AS n FROM o")  # there was none
    assert server.sql("SELECT * FROM fresh") == [(4,)]
    server.crash()
    assert server.retry("SELECT * FROM totals ORDER BY state") == [("done", 20, 1), ("open", 115, 3)]


def test_a_query_that_does_not_fit_says_why(server):
    server.sql("CREATE TABLE p (id INT PRIMARY KEY, a INT, b VARCHAR)")
    server.sql("CREATE MATERIALIZED VIEW pv AS SELECT id, a FROM p; CREATE MATERIALIZED VIEW above AS SELECT sum(a) AS s FROM pv")
    refused(server, "CREATE OR REPLACE MATERIALIZED VIEW pv AS SELECT id FROM p", "42P16", 'cannot drop column "a" from view "pv"', 37)
    refused(server, "CREATE OR REPLACE MATERIALIZED VIEW pv AS SELECT id, a AS x FROM p", "42P16", 'change name of view column "a" to "x"')
    refused(server, "ALTER MATERIALIZED VIEW pv AS SELECT id, b AS a FROM p", "42P16", "from integer to", 25)
    refused(server, "CREATE OR REPLACE MATERIALIZED VIEW p AS SELECT 1 AS x FROM p", "42809", '"p" is not a materialized view')
    refused(server, "ALTER MATERIALIZED VIEW nope AS SELECT id FROM p", "42P01", "nope", 25)
    refused(server, "CREATE OR REPLACE MATERIALIZED VIEW above AS SELECT s FROM above", "42P16", "cannot read itself")
    refused(server, "CREATE OR REPLACE MATERIALIZED VIEW pv AS SELECT id, a FROM p", "2BP01", "above")
    refused(server, "CREATE OR REPLACE VIEW x AS SELECT 1", "0A000", "CREATE OR REPLACE")
    server.sql("ALTER MATERIALIZED VIEW IF EXISTS nope AS SELECT id FROM p")
    server.sql("DROP MATERIALIZED VIEW above")
    server.sql("CREATE OR REPLACE MATERIALIZED VIEW pv AS SELECT id, a, b FROM p")


def test_while_the_new_query_is_computed_the_old_view_answers_and_cancel_leaves_it(server):
    server.sql("CREATE TABLE q (id INT PRIMARY KEY)")
    fill(server, "q", 20000)
    server.sql("CREATE MATERIALIZED VIEW qv AS SELECT count(*) AS n FROM q")
    with server.connect() as c:
        c.execute("SET background_ddl = true; SET backfill_rate_limit = 500")
        c.execute("CREATE OR REPLACE MATERIALIZED VIEW qv AS SELECT count(*) + 1000000 AS n FROM q")
        assert c.execute("SELECT * FROM qv").fetchall() == [(20000,)]
        jobs = wait_until(lambda: [row for row in c.execute("SHOW JOBS").fetchall() if row[3] == "creating"], 10, "the job")
        assert [row[1] for row in jobs] == ["qv (new query)"]
        refused(server, "CREATE OR REPLACE MATERIALIZED VIEW qv AS SELECT count(*) AS n FROM q", "55006", "another query already")
        refused(server, "CREATE MATERIALIZED VIEW on_qv AS SELECT n FROM qv", "55000", "another query")
        c.execute(f"CANCEL JOBS {jobs[0][0]}")
        server.sql("INSERT INTO q VALUES (20001)")
        assert c.execute("SELECT * FROM qv").fetchall() == [(20001,)]
        c.execute("SET backfill_rate_limit = 0")
        c.execute("CREATE OR REPLACE MATERIALIZED VIEW qv AS SELECT count(*) + 1000000 AS n FROM q")
        c.execute("WAIT")
        assert c.execute("SELECT * FROM qv").fetchall() == [(1020001,)]


def test_a_transaction_from_before_does_not_read_half_a_view(server):
    server.sql("CREATE TABLE r (id INT PRIMARY KEY)")
    fill(server, "r", 3000)
    server.sql("CREATE MATERIALIZED VIEW rv AS SELECT count(*) AS n FROM r")
    with server.connect(autocommit=False) as c:
        assert c.execute("SELECT count(*) FROM r").fetchall() == [(3000,)]
        server.sql("CREATE OR REPLACE MATERIALIZED VIEW rv AS SELECT count(*) + 1 AS n FROM r")
        with pytest.raises(psycopg.Error) as caught:
            c.execute("SELECT * FROM rv")
        assert caught.value.sqlstate == "72000"
        c.rollback()
        assert c.execute("SELECT * FROM rv").fetchall() == [(3001,)]


@pytest.mark.parametrize("kills", [False, True])
def test_readers_see_the_old_view_or_the_new_one_and_nothing_else(kills):
    choose = random.Random(SEED)
    with Cluster(computes=2, parallelism=2) as server:
        server.sql("CREATE TABLE t (id INT PRIMARY KEY)")
        fill(server, "t", 5000)
        server.sql("CREATE MATERIALIZED VIEW v AS SELECT id % 10 AS g, count(*) AS n, 0 AS version FROM t GROUP BY id % 10")
        stop, wrong, seen = threading.Event(), [], set()

        def read():
            last = 0
            while not stop.is_set():
                try:
                    with server.connect() as c:
                        while not stop.is_set():
                            rows = c.execute("SELECT * FROM v ORDER BY g").fetchall()
                            version = rows[0][2] if rows else None
                            if rows != [(g, 500, version) for g in range(10)] or version < last:
                                wrong.append((last, rows))
                            last = version
                            seen.add(version)
                except psycopg.Error as e:
                    if e.sqlstate not in (None, "57P03", "57P01", "72000", "08006") or (not kills and e.sqlstate is not None):
                        wrong.append((e.sqlstate, str(e)))
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for version in range(1, 6):
            if kills:
                killer = threading.Timer(choose.random() * 0.5, lambda: server.crash(choose.choice(["meta", "compute-0", "compute-1"])))
                killer.start()
            while True:
                try:
                    server.sql(f"CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT id % 10 AS g, count(*) AS n, {version} AS version FROM t GROUP BY id % 10")
                    break
                except psycopg.Error as e:
                    assert kills and e.sqlstate in (None, "57P03", "57P01", "40001", "40003", "08006", "55006", "55000"), str(e)
                    if e.sqlstate == "55006":  # the one whose answer was lost is on its way
                        server.retry("WAIT", 60)
                    time.sleep(0.1)
            if kills:
                killer.join()
                server.wait_alive(2)
        time.sleep(0.5)
        stop.set()
        for reader in readers:
            reader.join()
        assert not wrong, wrong[:5]
        assert 5 in seen and len(seen) >= 3
        assert server.retry("SELECT count(*) FROM penstock_jobs WHERE name LIKE 'v%'") == [(1,)]
