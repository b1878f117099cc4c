"""Cursors over the changes of tables and views: what a client replays is the view at every epoch, whatever dies in between."""
import os
import random
import threading
import time
from collections import Counter

import psycopg
import pytest

from penstock import Cluster, Playground, wait_until

SEED = int(os.environ.get("PENSTOCK_SEED", "1"))


class Replica:
    """What a client knows that applies every change it reads, and where it was. Rows as tuples of the shown columns."""

    def __init__(self, server, subscription, port=None):
        self.server, self.subscription, self.port = server, subscription, port
        self.rows, self.position, self.connection = Counter(), None, None

    def open(self):
        self.connection = self.server.connect(port=self.port)
        if self.position is None:
            self.rows.clear()
            self.connection.execute(f"DECLARE c SUBSCRIPTION CURSOR FOR {self.subscription} FULL")
        else:
            self.connection.execute(f"DECLARE c SUBSCRIPTION CURSOR FOR {self.subscription} SINCE '{self.position}'")

    def lost(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def apply(self, fetched):
        for *row, op, _, position in fetched:
            row = tuple(row)
            if op in ("Insert", "UpdateInsert"):
                self.rows[row] += 1
            else:
                assert self.rows[row] > 0, f"{op} of {row}, which is not there"
                self.rows[row] -= 1
                if self.rows[row] == 0:
                    del self.rows[row]
            if position is not None:
                self.position = position

    def fetch(self, count, timeout=None):
        """Reads some changes; what is lost on the way is read again. True if there were any."""
        try:
            if self.connection is None:
                self.open()
            fetched = self.connection.execute(
                f"FETCH {count} FROM c" + (f" WITH (timeout = '{timeout}')" if timeout else "")).fetchall()
        except psycopg.errors.DatabaseError as e:
            if e.sqlstate is not None and e.sqlstate[:2] not in ("57", "72", "08", "55"):
                raise
            self.lost()
            return False
        self.apply(fetched)
        return bool(fetched)

    def catch_up(self, wanted, seconds=60):
        """Until it is what `wanted()` says."""
        def same():
            while self.fetch(1000):
                pass
            return +self.rows == Counter(wanted())
        wait_until(same, seconds, f"the replica of {self.subscription} to be equal")


def table(server):
    server.sql("CREATE TABLE t (k INT PRIMARY KEY, v VARCHAR)")


def test_a_cursor_gives_the_rows_there_are_and_then_every_change():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s FULL")
        rows = c.execute("FETCH 10 FROM c").fetchall()
        assert [d.name for d in c.execute("FETCH NEXT FROM c").description] == ["k", "v", "op", "penstock_timestamp", "penstock_position"]
        assert sorted((r[0], r[1], r[2]) for r in rows) == [(1, "a", "Insert"), (2, "b", "Insert")]
        assert rows[0][4] is None and rows[1][4] is not None
        c.execute("INSERT INTO t VALUES (3, NULL)")
        c.execute("UPDATE t SET v = 'B' WHERE k = 2")
        c.execute("DELETE FROM t WHERE k = 1")
        assert [r[:3] for r in c.execute("FETCH 10 FROM c").fetchall()] == [
            (3, None, "Insert"), (2, "b", "UpdateDelete"), (2, "B", "UpdateInsert"), (1, "a", "Delete")]
        assert c.execute("FETCH NEXT FROM c").fetchall() == []
        assert c.execute("SHOW CURSORS").fetchall()[0][:2] == ("c", "s")
        c.execute("CLOSE c")
        assert c.execute("SHOW CURSORS").fetchall() == []


def test_every_row_says_where_to_go_on_in_another_session():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        for i in range(3):
            c.execute("INSERT INTO t SELECT g, 'x' FROM (VALUES (%s), (%s), (%s)) AS r(g)" % (i * 3, i * 3 + 1, i * 3 + 2))
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s SINCE begin()")
        rows = c.execute("FETCH ALL FROM c").fetchall()
        assert sorted(r[0] for r in rows) == list(range(9))
        for i, row in enumerate(rows):
            with server.connect() as other:
                other.execute(f"DECLARE c SUBSCRIPTION CURSOR FOR s SINCE '{row[4]}'")
                assert other.execute("FETCH FORWARD ALL FROM c").fetchall() == rows[i + 1:]
        with server.connect() as other:
            other.execute(f"DECLARE c SUBSCRIPTION CURSOR FOR s SINCE {rows[3][3]}")
            assert other.execute("FETCH 100 FROM c").fetchall() == [r for r in rows if r[3] >= rows[3][3]]


def test_fetch_waits_as_long_as_it_is_told():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s")
        began = time.monotonic()
        assert c.execute("FETCH NEXT FROM c WITH (timeout = '0.3 s')").fetchall() == []
        assert 0.25 < time.monotonic() - began < 5
        writer = threading.Timer(0.3, lambda: server.sql("INSERT INTO t VALUES (1, 'late')"))
        writer.start()
        assert [r[:3] for r in c.execute("FETCH 5 FROM c WITH (timeout = '60 s')").fetchall()] == [(1, "late", "Insert")]
        writer.join()
        c.execute("SET statement_timeout = 200")
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("FETCH NEXT FROM c WITH (timeout = '60 s')")


def test_what_is_wrong_is_said():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t")
        c.execute("CREATE SINK k FROM t WITH (connector = 'blackhole')")

        def refused(text, state, *words):
            with pytest.raises(psycopg.Error) as e:
                c.execute(text)
            assert e.value.sqlstate == state, (text, e.value)
            for word in words:
                assert word in str(e.value), (text, str(e.value))

        refused("CREATE SUBSCRIPTION s FROM t", "22023", "retention")
        refused("CREATE SUBSCRIPTION s FROM t WITH (retention = 'soon')", "22023", "interval")
        refused("CREATE SUBSCRIPTION s FROM t WITH (retention = '10 ms')", "22023", "a second or more")
        refused("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 h', x = 1)", "22023", "unknown option")
        refused("CREATE SUBSCRIPTION s FROM k WITH (retention = '1 h')", "42809", "table or a materialized view")
        refused("CREATE SUBSCRIPTION s FROM nothing WITH (retention = '1 h')", "42P01")
        refused("CREATE SUBSCRIPTION t FROM v WITH (retention = '1 h')", "42P07", "already exists")
        c.execute("CREATE SUBSCRIPTION s FROM v WITH (retention = '1 h')")
        c.execute("CREATE SUBSCRIPTION IF NOT EXISTS s FROM v WITH (retention = '1 h')")
        refused("CREATE TABLE s (a INT)", "42P07")
        refused("SELECT * FROM s", "42809", "FETCH")
        refused("DROP MATERIALIZED VIEW v", "2BP01", "subscription s depends on materialized view v")
        refused("DROP TABLE s", "42809", "subscription")
        refused("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT sum(k) AS n FROM t", "2BP01", "subscription s")
        refused("FETCH NEXT FROM c", "34000", "does not exist")
        refused("CLOSE c", "34000")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR v", "42809", "not a subscription")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR nothing", "42P01")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR s SINCE 'yesterday'", "22023", "position")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR s SINCE 4102444800000", "22023", "later than")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR s SINCE 1700000000000", "72000", "since", "FULL")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR s SINCE '9000000000000000000'", "22023", "not committed")
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s")
        refused("DECLARE c SUBSCRIPTION CURSOR FOR s", "42P03", "already exists")
        refused("FETCH PRIOR FROM c", "0A000")
        refused("FETCH NEXT FROM c WITH (patience = '1 s')", "22023", "timeout")
        assert c.execute("SHOW SUBSCRIPTIONS").fetchall() == [("s",)]
        assert c.execute("SHOW CREATE SUBSCRIPTION s").fetchall() == [
            ("public.s", "CREATE SUBSCRIPTION s FROM v WITH (retention = '1 h')")]
        assert c.execute("SELECT name, relation, retention_ms FROM penstock_subscriptions").fetchall() == [("s", "v", 3600000)]
        c.execute("ALTER SUBSCRIPTION s RENAME TO renamed")
        assert c.execute("FETCH NEXT FROM c").fetchall() == []
        c.execute("ALTER SUBSCRIPTION renamed RENAME TO s")
        c.execute("DROP SUBSCRIPTION s")
        refused("FETCH NEXT FROM c", "42704", "dropped")
        c.execute("DROP SUBSCRIPTION IF EXISTS s")
        refused("DROP SUBSCRIPTION s", "42P01")
        c.execute("CREATE SUBSCRIPTION s FROM v WITH (retention = '1 h')")
        c.execute("DROP TABLE t CASCADE")
        assert c.execute("SHOW SUBSCRIPTIONS").fetchall() == []


def test_a_position_older_than_the_retention_is_refused_and_old_changes_go():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '2 s')")
        c.execute("DECLARE old SUBSCRIPTION CURSOR FOR s SINCE begin()")
        c.execute("INSERT INTO t VALUES " + ", ".join(f"({i}, 'x')" for i in range(1000)))
        time.sleep(4)
        with pytest.raises(psycopg.Error) as e:
            c.execute("FETCH NEXT FROM old")
        assert e.value.sqlstate == "72000" and "retention" in str(e.value) and "FULL" in str(e.value)
        c.execute("DECLARE young SUBSCRIPTION CURSOR FOR s SINCE begin()")
        assert c.execute("FETCH NEXT FROM young").fetchall() == []
        c.execute("INSERT INTO t VALUES (5000, 'new')")
        assert [r[:3] for r in c.execute("FETCH 10 FROM young").fetchall()] == [(5000, "new", "Insert")]


def test_two_subscriptions_of_one_table_are_apart_and_the_last_one_ends_the_log():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE SUBSCRIPTION a FROM t WITH (retention = '1 hour')")
        c.execute("INSERT INTO t VALUES (1, 'x')")
        c.execute("CREATE SUBSCRIPTION b FROM t WITH (retention = '1 hour')")
        c.execute("INSERT INTO t VALUES (2, 'x')")
        c.execute("DECLARE a SUBSCRIPTION CURSOR FOR a SINCE begin()")
        c.execute("DECLARE b SUBSCRIPTION CURSOR FOR b SINCE begin()")
        assert [r[0] for r in c.execute("FETCH 9 FROM a").fetchall()] == [1, 2]
        assert [r[0] for r in c.execute("FETCH 9 FROM b").fetchall()] == [2]
        c.execute("DROP SUBSCRIPTION a")
        c.execute("INSERT INTO t VALUES (3, 'x')")
        assert [r[0] for r in c.execute("FETCH 9 FROM b").fetchall()] == [3]
        c.execute("DROP SUBSCRIPTION b")
        c.execute("INSERT INTO t VALUES (4, 'x')")
        c.execute("CREATE SUBSCRIPTION a FROM t WITH (retention = '1 hour')")
        c.execute("INSERT INTO t VALUES (5, 'x')")
        c.execute("DECLARE again SUBSCRIPTION CURSOR FOR a SINCE begin()")
        assert [r[0] for r in c.execute("FETCH 9 FROM again").fetchall()] == [5]
        commands = [row[0] for row in c.execute("SELECT command FROM penstock_barriers WHERE command IS NOT NULL").fetchall()]
        assert sum("drop subscriptions" in text for text in commands) == 2 and sum("subscribe" in text for text in commands) >= 3


def test_columns_that_are_added_are_read_by_cursors_declared_after_it():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        c.execute("DECLARE before SUBSCRIPTION CURSOR FOR s")
        c.execute("INSERT INTO t VALUES (1, 'a')")
        c.execute("ALTER TABLE t ADD COLUMN w INT DEFAULT 7")
        c.execute("INSERT INTO t VALUES (2, 'b', 8)")
        assert [r[:3] for r in c.execute("FETCH 9 FROM before").fetchall()] == [(1, "a", "Insert"), (2, "b", "Insert")]
        c.execute("DECLARE after SUBSCRIPTION CURSOR FOR s SINCE begin()")
        assert [r[:4] for r in c.execute("FETCH 9 FROM after").fetchall()] == [(1, "a", 7, "Insert"), (2, "b", 8, "Insert")]


def test_cursors_work_in_transaction_blocks_and_by_the_simple_protocol():
    with Playground() as server:
        table(server)
        server.sql("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        with server.connect(autocommit=False) as c:
            c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s")
            server.sql("INSERT INTO t VALUES (1, 'a')")
            assert [r[0] for r in c.execute("FETCH NEXT FROM c WITH (timeout = '10 s')").fetchall()] == [1]
            c.commit()
            server.sql("INSERT INTO t VALUES (2, 'a')")
            for _ in range(10):  # psycopg prepares what it runs again and again
                rows = c.execute("FETCH NEXT FROM c").fetchall()
                assert rows == [] or rows[0][0] == 2
            c.rollback()
        with psycopg.ClientCursor(server.connect()) as simple:
            simple.execute("DECLARE d SUBSCRIPTION CURSOR FOR s SINCE begin()")
            assert [r[0] for r in simple.execute("FETCH 2 FROM d").fetchall()] == [1, 2]
            simple.execute("CLOSE ALL")


JOINED = """CREATE MATERIALIZED VIEW v AS SELECT a.g AS g, count(*) AS n, sum(b.x) AS s, max(a.y) AS m
            FROM a LEFT JOIN b ON a.k = b.k GROUP BY a.g"""


def churn(server, rng, stop, ports):
    """Random inserts, updates and deletes until told; what is refused or unknown is simply not counted on."""
    while not stop.is_set():
        try:
            with server.connect(port=rng.choice(ports)) as c:
                while not stop.is_set():
                    k = rng.randrange(60)
                    c.execute(rng.choice([
                        f"INSERT INTO a VALUES ({k}, {k % 7}, {rng.randrange(100)})", f"INSERT INTO b VALUES ({k}, {rng.randrange(100)})",
                        f"DELETE FROM a WHERE k = {k}", f"DELETE FROM b WHERE k = {k}",
                        f"UPDATE a SET g = {rng.randrange(7)}, y = {rng.randrange(100)} WHERE k = {k}"]))
        except psycopg.Error:
            time.sleep(0.05)


def test_a_replica_is_exact_through_kills_moves_and_restarts():
    rng = random.Random(SEED)
    with Cluster(computes=2, parallelism=2, frontends=2) as server:
        server.sql("CREATE TABLE a (k INT PRIMARY KEY, g INT, y INT)")
        server.sql("CREATE TABLE b (k INT PRIMARY KEY, x INT)")
        server.sql(JOINED)
        server.sql("CREATE SUBSCRIPTION s FROM v WITH (retention = '1 hour')")
        server.sql("CREATE SUBSCRIPTION sa FROM a WITH (retention = '1 hour')")
        replicas = [Replica(server, "s"), Replica(server, "sa", server.ports[1]), Replica(server, "s", server.ports[1])]
        stop = threading.Event()
        writers = [threading.Thread(target=churn, args=(server, random.Random(rng.random()), stop, server.ports)) for _ in range(2)]
        for writer in writers:
            writer.start()
        try:
            faults = ["compute-0", "meta", "frontend", "compute-1", "move", "frontend-1", "move", "compute-0"]
            for fault in faults:
                until = time.monotonic() + 1.5
                while time.monotonic() < until:
                    for replica in replicas:
                        replica.fetch(rng.choice([1, 7, 100]))
                if fault == "move":
                    server.retry(f"ALTER MATERIALIZED VIEW v SET PARALLELISM = {rng.choice([1, 3, 5])}")
                    server.retry(f"ALTER TABLE a SET PARALLELISM = {rng.choice([1, 3, 5])}")
                else:
                    server.crash(fault)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        server.retry("FLUSH")
        view = lambda: server.retry("SELECT * FROM v")
        replicas[0].catch_up(view)
        replicas[2].catch_up(view)
        replicas[1].catch_up(lambda: server.retry("SELECT * FROM a"))
        assert len(view()) > 0


def test_subscriptions_that_come_and_go_while_processes_die_have_every_change_or_none():
    """Each time a subscription is created or dropped something is killed at that moment. Whoever is there has all that has changed since."""
    rng = random.Random(SEED)
    with Cluster(computes=2, parallelism=2) as server:
        server.sql("CREATE TABLE a (k INT PRIMARY KEY, g INT, y INT)")
        server.sql("CREATE TABLE b (k INT PRIMARY KEY, x INT)")
        server.sql(JOINED)
        stop = threading.Event()
        writer = threading.Thread(target=churn, args=(server, random.Random(SEED), stop, server.ports))
        writer.start()
        try:
            for round in range(6):
                victim = rng.choice(["compute-0", "compute-1", "meta"])
                killer = threading.Timer(rng.random() * 0.02, lambda: server.crash(victim))
                killer.start()
                try:
                    server.sql(f"CREATE SUBSCRIPTION s{round} FROM v WITH (retention = '1 hour')")
                except psycopg.Error:
                    pass  # it is there or not
                killer.join()
                server.retry(f"CREATE SUBSCRIPTION IF NOT EXISTS s{round} FROM v WITH (retention = '1 hour')")
                replica = Replica(server, f"s{round}")
                until = time.monotonic() + 1
                while time.monotonic() < until:
                    replica.fetch(50)
                if round == 5:
                    break
                killer = threading.Timer(rng.random() * 0.02, lambda: server.crash(victim))
                killer.start()
                try:
                    server.sql(f"DROP SUBSCRIPTION s{round}")
                except psycopg.Error:
                    pass
                killer.join()
                server.retry(f"DROP SUBSCRIPTION IF EXISTS s{round}")
        finally:
            stop.set()
            writer.join()
        server.retry("FLUSH")
        replica.catch_up(lambda: server.retry("SELECT * FROM v"))
        assert server.retry("SHOW SUBSCRIPTIONS") == [("s5",)]


def test_a_replica_is_the_view_at_every_epoch():
    """One writer, one reader: after each statement the changes up to it make exactly the rows of the view."""
    rng = random.Random(SEED)
    with Playground("--parallelism", "3") as server, server.connect() as c:
        c.execute("CREATE TABLE a (k INT PRIMARY KEY, g INT, y INT)")
        c.execute("CREATE TABLE b (k INT PRIMARY KEY, x INT)")
        c.execute(JOINED)
        c.execute("CREATE SUBSCRIPTION s FROM v WITH (retention = '1 hour')")
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s FULL")
        replica = Replica(server, "s")
        for step in range(60):
            k = rng.randrange(12)
            c.execute(rng.choice([
                f"INSERT INTO a VALUES ({k}, {k % 3}, {rng.randrange(9)})", f"INSERT INTO b VALUES ({k}, {rng.randrange(9)})",
                f"DELETE FROM a WHERE k = {k}", f"DELETE FROM b WHERE k = {k}", f"UPDATE a SET g = {rng.randrange(3)} WHERE k = {k}"]))
            replica.apply(c.execute("FETCH ALL FROM c").fetchall())
            assert +replica.rows == Counter(c.execute("SELECT * FROM v").fetchall()), f"after step {step}"


def test_the_rows_there_are_wait_at_the_nodes_until_they_are_fetched():
    """More than what may wait in a frontend; what changes meanwhile comes behind them."""
    with Cluster(computes=2) as server, server.connect() as c:
        table(server)
        wide = "x" * 2000
        for start in range(0, 20_000, 400):
            c.execute("INSERT INTO t VALUES " + ", ".join(f"({k}, '{k}{wide}')" for k in range(start, start + 400)))
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s FULL")
        replica = Replica(server, "s")
        replica.apply(c.execute("FETCH 10 FROM c").fetchall())
        c.execute("DELETE FROM t WHERE k < 10000")
        time.sleep(12)  # the epoch is gone for who begins to read now
        replica.apply(c.execute("FETCH ALL FROM c").fetchall())
        assert +replica.rows == Counter(c.execute("SELECT * FROM t").fetchall())
        assert len(replica.rows) == 10_000


def test_dropping_while_a_fetch_waits_ends_it():
    with Playground() as server, server.connect() as c:
        table(server)
        c.execute("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 hour')")
        c.execute("DECLARE c SUBSCRIPTION CURSOR FOR s")
        dropper = threading.Timer(0.3, lambda: server.sql("DROP TABLE t CASCADE"))
        dropper.start()
        with pytest.raises(psycopg.errors.UndefinedObject):
            c.execute("FETCH NEXT FROM c WITH (timeout = '60 s')")
        dropper.join()
