"""Transactions over several tables, computes and frontends: blocks, conflicts, and what kill -9 leaves of them."""
import random
import threading
import time

import psycopg
import pytest

from penstock import Cluster, wait_until

NOT_APPLIED = (psycopg.errors.SerializationFailure, psycopg.errors.CannotConnectNow)
GONE = (psycopg.OperationalError, psycopg.InterfaceError)  # the server went away, or is recovering: what it did is not known


@pytest.fixture(scope="module")
def cluster():
    with Cluster(computes=2, parallelism=2, frontends=2) as c:
        yield c


def run(cluster, *statements):
    for statement in statements:
        cluster.sql(statement)


def test_a_block_over_two_tables_is_seen_as_a_whole(cluster):
    run(cluster, "CREATE TABLE a1 (id BIGINT PRIMARY KEY, v BIGINT)", "CREATE TABLE b1 (v BIGINT)", "INSERT INTO a1 VALUES (1, 1), (2, 2)",
        "CREATE MATERIALIZED VIEW both1 AS SELECT sum(v) AS s FROM (SELECT v FROM a1 UNION ALL SELECT v FROM b1) AS x")
    with cluster.connect(autocommit=False) as c, cluster.connect(port=cluster.ports[1]) as other:
        c.execute("INSERT INTO b1 VALUES (10), (20)")
        c.execute("UPDATE a1 SET v = v + 100 WHERE id = 1")
        c.execute("DELETE FROM a1 WHERE id = 2")
        assert other.execute("SELECT count(*) FROM b1").fetchone() == (0,)
        c.commit()
        other.execute("FLUSH")
        assert other.execute("SELECT * FROM a1").fetchall() == [(1, 101)]
        assert sorted(other.execute("SELECT v FROM b1").fetchall()) == [(10,), (20,)]
        assert other.execute("SELECT s FROM both1").fetchone() == (131,)


def test_a_block_sees_what_it_has_done_and_rollback_drops_it(cluster):
    run(cluster, "CREATE TABLE a2 (id BIGINT PRIMARY KEY, v VARCHAR)", "CREATE TABLE b2 (v BIGINT)",
        "INSERT INTO a2 VALUES (1, 'x'), (2, 'y'), (3, 'z')", "INSERT INTO b2 VALUES (7)")
    with cluster.connect(autocommit=False) as c:
        c.execute("UPDATE a2 SET v = v || '!' WHERE id <= 2")
        c.execute("DELETE FROM a2 WHERE id = 2")
        c.execute("INSERT INTO a2 VALUES (4, 'new'), (3, 'over')")
        c.execute("UPDATE a2 SET v = v || '?' WHERE id = 4")
        assert sorted(c.execute("SELECT * FROM a2").fetchall()) == [(1, "x!"), (3, "over"), (4, "new?")]
        assert c.execute("SELECT v FROM a2 WHERE id = 4").fetchall() == [("new?",)]
        assert c.execute("SELECT v FROM a2 WHERE id = 2").fetchall() == []
        c.execute("INSERT INTO b2 VALUES (8), (9), (9)")
        c.execute("UPDATE b2 SET v = v * 10 WHERE v >= 8")
        c.execute("DELETE FROM b2 WHERE v = 80")
        assert sorted(c.execute("SELECT v FROM b2").fetchall()) == [(7,), (90,), (90,)]
        assert c.execute("SELECT count(*), sum(v) FROM b2").fetchone() == (3, 187)
        c.rollback()
        assert sorted(c.execute("SELECT * FROM a2").fetchall()) == [(1, "x"), (2, "y"), (3, "z")]
        assert c.execute("SELECT v FROM b2").fetchall() == [(7,)]
        c.execute("INSERT INTO b2 VALUES (8)")
        c.execute("UPDATE b2 SET v = v + 1")
        c.execute("DELETE FROM a2 WHERE id = 1")
        c.execute("INSERT INTO a2 VALUES (1, 'again'), (9, 'brief')")
        c.execute("DELETE FROM a2 WHERE id = 9")
        c.commit()
    assert sorted(cluster.sql("SELECT v FROM b2")) == [(8,), (9,)]
    assert sorted(cluster.sql("SELECT * FROM a2")) == [(1, "again"), (2, "y"), (3, "z")]


def test_reads_of_a_block_are_of_one_epoch(cluster):
    run(cluster, "CREATE TABLE a3 (id BIGINT PRIMARY KEY, v BIGINT)", "INSERT INTO a3 VALUES (1, 1)")
    with cluster.connect(autocommit=False) as c:
        assert c.execute("SELECT v FROM a3").fetchall() == [(1,)]
        cluster.sql("UPDATE a3 SET v = 2")
        assert c.execute("SELECT v FROM a3").fetchall() == [(1,)]
        c.commit()
        assert c.execute("SELECT v FROM a3").fetchall() == [(2,)]


def test_a_block_whose_table_was_changed_meanwhile_is_refused(cluster):
    run(cluster, "CREATE TABLE a4 (id BIGINT PRIMARY KEY, v BIGINT)", "CREATE TABLE b4 (v BIGINT)", "INSERT INTO a4 VALUES (1, 1), (2, 2)")
    with cluster.connect(autocommit=False) as c:
        c.execute("UPDATE a4 SET v = v + 10 WHERE id = 1")
        c.execute("INSERT INTO b4 VALUES (1)")
        with cluster.connect(port=cluster.ports[1]) as other:
            other.execute("UPDATE a4 SET v = v + 1 WHERE id = 2")
        with pytest.raises(psycopg.errors.SerializationFailure, match="nothing was applied"):
            c.commit()
    assert sorted(cluster.sql("SELECT v FROM a4")) == [(1,), (3,)]
    assert cluster.sql("SELECT count(*) FROM b4") == [(0,)]


def test_a_failed_block_answers_25P02_until_it_is_rolled_back(cluster):
    run(cluster, "CREATE TABLE a5 (id BIGINT)")
    with cluster.connect(autocommit=False) as c:
        c.execute("INSERT INTO a5 VALUES (1)")
        with pytest.raises(psycopg.errors.UndefinedTable):
            c.execute("SELECT * FROM nowhere")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            c.execute("SELECT * FROM a5")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            c.execute("SELECT * FROM nowhere")
        c.rollback()
        with pytest.raises(psycopg.errors.ActiveSqlTransaction, match="CREATE TABLE"):
            c.execute("INSERT INTO a5 VALUES (1)")
            c.execute("CREATE TABLE never (id BIGINT)")
        c.rollback()
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="SAVEPOINT"):
            c.execute("SAVEPOINT s")
    assert cluster.sql("SELECT count(*) FROM a5") == [(0,)]


def add_one(cluster, port, statement, times, counted):
    with cluster.connect(port=port) as c:
        for _ in range(times):
            try:
                c.execute(statement)
                counted.append(1)
            except psycopg.errors.SerializationFailure:
                pass


@pytest.mark.parametrize("key", ["PRIMARY KEY", ""])
def test_updates_of_one_row_from_two_frontends_all_count(cluster, key):
    name = "k6" if key else "n6"
    run(cluster, f"CREATE TABLE {name} (id BIGINT {key}, n BIGINT)", f"INSERT INTO {name} VALUES (1, 0)")
    counted = []
    threads = [threading.Thread(target=add_one, args=(cluster, cluster.ports[i % 2], f"UPDATE {name} SET n = n + 1", 10, counted))
               for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert cluster.sql(f"SELECT n FROM {name}") == [(len(counted),)]
    assert len(counted) == 40


def test_a_row_without_key_is_deleted_once_by_two_frontends(cluster):
    run(cluster, "CREATE TABLE n7 (v BIGINT)", "CREATE MATERIALIZED VIEW m7 AS SELECT count(*) AS n, sum(v) AS s FROM n7")
    for v in range(5):
        run(cluster, f"INSERT INTO n7 VALUES ({v}), (100)")
        counts = []

        def delete(port):
            with cluster.connect(port=port) as c:
                counts.append(c.execute(f"DELETE FROM n7 WHERE v = {v}").rowcount)

        threads = [threading.Thread(target=delete, args=(port,)) for port in cluster.ports]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(counts) == [0, 1]
    cluster.sql("FLUSH")
    assert cluster.sql("SELECT n, s FROM m7") == [(5, 500)]


class Bank:
    """Accounts in two tables on all nodes; the sum of all is always the same."""
    ACCOUNTS, START = 8, 100

    def __init__(self, cluster):
        self.cluster = cluster
        self.stop = threading.Event()
        self.acknowledged, self.unknown, self.refused, self.wrong = [], [], 0, []
        self.reads = 0
        run(cluster, "CREATE TABLE left_bank (id BIGINT PRIMARY KEY, amount BIGINT)", "CREATE TABLE right_bank (id BIGINT PRIMARY KEY, amount BIGINT)",
            "CREATE TABLE ledger (transfer VARCHAR)",
            "CREATE MATERIALIZED VIEW total AS SELECT sum(amount) AS s FROM (SELECT amount FROM left_bank UNION ALL SELECT amount FROM right_bank) AS x")
        rows = ", ".join(f"({i}, {self.START})" for i in range(self.ACCOUNTS))
        run(cluster, f"INSERT INTO left_bank VALUES {rows}", f"INSERT INTO right_bank VALUES {rows}")
        self.sum = 2 * self.ACCOUNTS * self.START

    def transfer(self, name, port, seed):
        pick, number, connection = random.Random(seed), 0, None
        while not self.stop.is_set():
            number += 1
            transfer = f"{name}-{number}"
            committing = False
            try:
                if connection is None or connection.closed:
                    connection = self.cluster.connect(port=port, autocommit=False)
                amount = pick.randint(1, 9)
                connection.execute(f"UPDATE left_bank SET amount = amount - {amount} WHERE id = {pick.randrange(self.ACCOUNTS)}")
                connection.execute(f"UPDATE right_bank SET amount = amount + {amount} WHERE id = {pick.randrange(self.ACCOUNTS)}")
                connection.execute(f"INSERT INTO ledger VALUES ('{transfer}')")
                committing = True
                connection.commit()
                self.acknowledged.append(transfer)
            except NOT_APPLIED:
                self.refused += 1
                if not connection.closed:
                    connection.rollback()
            except (psycopg.Error,) as e:
                if committing:
                    self.unknown.append(transfer)
                try:
                    connection.close()
                except Exception:
                    pass
                connection = None
                time.sleep(0.05)

    def read(self, port):
        connection = None
        while not self.stop.is_set():
            try:
                if connection is None or connection.closed:
                    connection = self.cluster.connect(port=port, autocommit=True)
                for query in ("SELECT sum(amount) FROM (SELECT amount FROM left_bank UNION ALL SELECT amount FROM right_bank) AS x", "SELECT s FROM total"):
                    (total,) = connection.execute(query).fetchone()
                    self.reads += 1
                    if total != self.sum:
                        self.wrong.append((query, total))
            except (psycopg.Error,):
                try:
                    connection.close()
                except Exception:
                    pass
                connection = None
                time.sleep(0.05)

    def check(self):
        assert not self.wrong, self.wrong[:5]
        assert self.cluster.retry("SELECT s FROM total") == [(self.sum,)]
        stored = [row[0] for row in self.cluster.retry("SELECT transfer FROM ledger")]
        assert len(stored) == len(set(stored)), "a transfer was applied twice"
        assert set(self.acknowledged) <= set(stored), "an acknowledged transfer is lost"
        assert set(stored) <= set(self.acknowledged) | set(self.unknown), "a refused transfer was applied"


def test_transfers_survive_kill_9_of_any_process_whole_or_not_at_all():
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    choice = random.Random(seed)
    with Cluster(computes=2, parallelism=2, frontends=2) as cluster:
        bank = Bank(cluster)
        threads = [threading.Thread(target=bank.transfer, args=(f"t{i}", cluster.ports[i % 2], seed + i)) for i in range(3)]
        threads += [threading.Thread(target=bank.read, args=(port,)) for port in cluster.ports]
        for t in threads:
            t.start()
        try:
            for _ in range(8):
                before = len(bank.acknowledged)
                wait_until(lambda: len(bank.acknowledged) > before + 3, 90, "transfers to go on")
                time.sleep(choice.random() * 0.3)
                cluster.crash(choice.choice(sorted(cluster.processes)))
            before = len(bank.acknowledged)
            wait_until(lambda: len(bank.acknowledged) > before + 3, 90, "transfers to go on after the last crash")
        finally:
            bank.stop.set()
            for t in threads:
                t.join()
        print(f"{len(bank.acknowledged)} acknowledged, {bank.refused} refused, {len(bank.unknown)} unknown, {bank.reads} reads")
        bank.check()
