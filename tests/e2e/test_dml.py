"""INSERT, UPDATE, DELETE and COPY as Postgres users write them: RETURNING, ON CONFLICT, many rows."""
import threading

import psycopg
import pytest

from penstock import Cluster


@pytest.fixture(scope="module")
def cluster():
    with Cluster(computes=2, parallelism=2, frontends=2) as c:
        yield c


def run(cluster, *statements):
    for statement in statements:
        cluster.sql(statement)


def test_returning_gives_the_rows_that_were_written(cluster):
    run(cluster, "CREATE TABLE r1 (id BIGINT PRIMARY KEY, v BIGINT DEFAULT 7)", "CREATE TABLE r1n (v BIGINT)")
    with cluster.connect() as c:
        assert c.execute("INSERT INTO r1 VALUES (1, 10), (2, 20) RETURNING *").fetchall() == [(1, 10), (2, 20)]
        assert c.execute("INSERT INTO r1 (id) VALUES (3) RETURNING v + 1 AS next, id").fetchall() == [(8, 3)]
        assert sorted(c.execute("UPDATE r1 SET v = v * 2 WHERE id < 3 RETURNING id, v").fetchall()) == [(1, 20), (2, 40)]
        cursor = c.execute("DELETE FROM r1 AS x WHERE x.id = 1 RETURNING x.v")
        assert cursor.fetchall() == [(20,)] and cursor.statusmessage == "DELETE 1"
        assert c.execute("DELETE FROM r1 WHERE id = 99 RETURNING id").fetchall() == []
        assert c.execute("INSERT INTO r1n SELECT v FROM r1 WHERE id = 3 RETURNING *").fetchall() == [(7,)]
        with pytest.raises(psycopg.errors.UndefinedColumn, match="nothing"):
            c.execute("INSERT INTO r1 VALUES (4, 4) RETURNING nothing")
        assert c.execute("SELECT count(*) FROM r1").fetchone() == (2,)


def test_on_conflict_does_nothing_or_updates(cluster):
    run(cluster, "CREATE TABLE c2 (id BIGINT PRIMARY KEY, v BIGINT, w VARCHAR)", "INSERT INTO c2 VALUES (1, 10, 'a')")
    with cluster.connect() as c:
        cursor = c.execute("INSERT INTO c2 VALUES (1, 99, 'z'), (2, 20, 'b'), (2, 21, 'c') ON CONFLICT DO NOTHING RETURNING id, v")
        assert cursor.fetchall() == [(2, 20)] and cursor.statusmessage == "INSERT 0 1"
        cursor = c.execute("INSERT INTO c2 VALUES (1, 5, 'n'), (3, 30, 'd') ON CONFLICT (id)"
                           " DO UPDATE SET v = c2.v + excluded.v, w = w || excluded.w RETURNING *")
        assert sorted(cursor.fetchall()) == [(1, 15, "an"), (3, 30, "d")]
        cursor = c.execute("INSERT INTO c2 VALUES (1, 1, 'x'), (2, 1, 'x') ON CONFLICT (id) DO UPDATE SET v = excluded.v WHERE c2.v > 18")
        assert cursor.statusmessage == "INSERT 0 1"
        assert sorted(c.execute("SELECT id, v FROM c2").fetchall()) == [(1, 15), (2, 1), (3, 30)]
        many = ", ".join(f"({i}, 1000, 'm')" for i in range(200))
        assert c.execute(f"INSERT INTO c2 VALUES {many} ON CONFLICT (id) DO NOTHING").statusmessage == "INSERT 0 197"
        for statement, problem in (("(v) DO NOTHING", "no unique"), ("DO UPDATE SET v = 1", "inference"), ("(id) DO UPDATE SET id = 1", "primary key")):
            with pytest.raises(psycopg.Error, match=problem):
                c.execute(f"INSERT INTO c2 VALUES (1, 1, 'x') ON CONFLICT {statement}")
        with pytest.raises(psycopg.Error, match="second time"):
            c.execute("INSERT INTO c2 VALUES (1, 1, 'x'), (1, 2, 'y') ON CONFLICT (id) DO UPDATE SET v = 0")


def test_counters_kept_by_on_conflict_count_every_hit_from_two_frontends(cluster):
    run(cluster, "CREATE TABLE hits (page BIGINT PRIMARY KEY, n BIGINT)")

    def hit(port):
        with cluster.connect(port=port) as c:
            for i in range(10):
                c.execute(f"INSERT INTO hits VALUES ({i % 2}, 1) ON CONFLICT (page) DO UPDATE SET n = hits.n + 1")

    threads = [threading.Thread(target=hit, args=(cluster.ports[i % 2],)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(cluster.sql("SELECT * FROM hits")) == [(0, 20), (1, 20)]


def test_on_conflict_in_a_block_meets_the_rows_of_the_block(cluster):
    run(cluster, "CREATE TABLE c3 (id BIGINT PRIMARY KEY, v BIGINT)", "INSERT INTO c3 VALUES (1, 1), (2, 2)")
    with cluster.connect(autocommit=False) as c:
        c.execute("DELETE FROM c3 WHERE id = 1")
        c.execute("INSERT INTO c3 VALUES (3, 3)")
        assert c.execute("INSERT INTO c3 VALUES (1, 11), (2, 12), (3, 13) ON CONFLICT DO NOTHING RETURNING id").fetchall() == [(1,)]
        c.execute("INSERT INTO c3 VALUES (3, 100) ON CONFLICT (id) DO UPDATE SET v = c3.v + excluded.v")
        c.commit()
    assert sorted(cluster.sql("SELECT * FROM c3")) == [(1, 11), (2, 2), (3, 103)]


def test_copy_loads_text_and_csv(cluster):
    run(cluster, "CREATE TABLE k4 (id BIGINT PRIMARY KEY, name VARCHAR, at TIMESTAMP, n BIGINT DEFAULT 5)", "CREATE TABLE n4 (a BIGINT, b VARCHAR)",
        "CREATE MATERIALIZED VIEW m4 AS SELECT count(*) AS n, count(b) AS b, sum(a) AS s FROM n4")
    with cluster.connect() as c:
        with c.cursor().copy("COPY k4 (id, name, at) FROM STDIN") as copy:
            copy.write_row((1, "tab\there", "2001-02-03 04:05:06"))
            copy.write_row((2, None, None))
        assert c.execute("SELECT id, name, at::varchar, n FROM k4 ORDER BY id").fetchall() == [(1, "tab\there", "2001-02-03 04:05:06", 5), (2, None, None, 5)]
        cursor = c.cursor()
        with cursor.copy("COPY n4 FROM STDIN WITH (FORMAT csv, HEADER true)") as copy:
            copy.write("a,b\n")
            for i in range(100_000):
                copy.write(f"{i},\"row \"\"{i}\"\"\"\n" if i % 2 else f"{i},\n")
        assert cursor.statusmessage == "COPY 100000"
        c.execute("FLUSH")
        assert c.execute("SELECT n, b, s FROM m4").fetchone() == (100_000, 50_000, 4999950000)
        assert c.execute("SELECT b FROM n4 WHERE a = 77").fetchone() == ('row "77"',)


def test_a_copy_that_fails_loads_nothing_and_the_session_goes_on(cluster):
    run(cluster, "CREATE TABLE k5 (id BIGINT PRIMARY KEY, v BIGINT NOT NULL)")
    with cluster.connect() as c:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation, match='(?s)bigint: "x".*line 2'):
            with c.cursor().copy("COPY k5 FROM STDIN") as copy:
                copy.write("1\t1\nx\t2\n")
        with pytest.raises(psycopg.errors.NotNullViolation):
            with c.cursor().copy("COPY k5 FROM STDIN (FORMAT csv)") as copy:
                copy.write("1,\n")
        with pytest.raises(psycopg.Error, match="on purpose"):
            with c.cursor().copy("COPY k5 FROM STDIN") as copy:
                copy.write("1\t1\n")
                raise psycopg.Error("on purpose")
        for statement in ("COPY k5 TO STDOUT", "COPY k5 FROM '/etc/passwd'", "COPY k5 FROM STDIN (FORMAT binary)"):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="COPY"):
                c.execute(statement)
        assert c.execute("SELECT count(*) FROM k5").fetchone() == (0,)


def test_a_copy_in_a_block_is_part_of_it(cluster):
    run(cluster, "CREATE TABLE k6 (id BIGINT PRIMARY KEY)")
    with cluster.connect(autocommit=False) as c:
        for end, seen in (("rollback", 0), ("commit", 2)):
            with c.cursor().copy("COPY k6 FROM STDIN") as copy:
                copy.write("1\n2\n")
            assert c.execute("SELECT count(*) FROM k6").fetchone() == (2,)
            getattr(c, end)()
            assert cluster.sql("SELECT count(*) FROM k6") == [(seen,)]


def test_many_rows_go_as_one(cluster):
    run(cluster, "CREATE TABLE big (v BIGINT)", "CREATE TABLE big2 (id BIGINT PRIMARY KEY)", "INSERT INTO big SELECT 1")
    with cluster.connect() as c:
        for _ in range(17):
            c.execute("INSERT INTO big SELECT v FROM big")
        assert c.execute("SELECT count(*) FROM big").fetchone() == (1 << 17,)
        c.execute("SET dml_ack = 'accepted'")
        assert c.execute("INSERT INTO big SELECT v FROM big").statusmessage == f"INSERT 0 {1 << 17}"
        c.execute("FLUSH")
        assert c.execute("SELECT count(*) FROM big").fetchone() == (1 << 18,)


def test_a_read_only_block_writes_nothing(cluster):
    run(cluster, "CREATE TABLE ro (v BIGINT)")
    with cluster.connect(autocommit=False) as c:
        c.read_only = True
        assert c.execute("SELECT count(*) FROM ro").fetchone() == (0,)
        with pytest.raises(psycopg.Error, match="read-only"):
            c.execute("INSERT INTO ro VALUES (1)")
        c.rollback()
        c.read_only = None
        c.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="SERIALIZABLE"):
            c.execute("SELECT 1")
