"""Rows that writers put into tables while everything breaks, and what of them may be there: acknowledged, refused, unknown."""
import random
import threading
import time

import psycopg

TABLES = ("t", "u")
REFUSED = ("40001", "57P03", "53100")  # not applied, by the book
WRITERS = 3
IDS = 60  # live rows a writer aims at; few, so that updates and deletes find some


def create_tables(connection):
    for table in TABLES:
        connection.execute(f"CREATE TABLE {table} (id BIGINT PRIMARY KEY, g BIGINT, v BIGINT)")


class Ledger:
    """The tables of one database as they must be. A row belongs to one writer; one whose outcome is unknown is left alone for ever."""

    def __init__(self):
        self.rows = {table: {} for table in TABLES}  # id -> (g, v)
        self.unknown = []  # transactions: [(table, id, before, after)], all of it applied or nothing
        self.acked = self.refused = 0
        self.lock = threading.Lock()

    def apply(self, changes):
        with self.lock:
            self.acked += 1
            for table, row, _, after in changes:
                if after is None:
                    self.rows[table].pop(row, None)
                else:
                    self.rows[table][row] = after

    def give_up(self, changes):
        with self.lock:
            for table, row, _, _ in changes:
                self.rows[table].pop(row, None)
            self.unknown.append(changes)

    def wrong(self, found):
        """What is wrong with `found` ({table: [(id, g, v)]}), as text; empty when all is well."""
        with self.lock:
            wrong = []
            held = {table: {row[0]: tuple(row[1:]) for row in rows} for table, rows in found.items()}
            open_ids = {table: set() for table in TABLES}
            for changes in self.unknown:
                seen = set()
                for table, row, before, after in changes:
                    open_ids[table].add(row)
                    value = held[table].get(row)
                    if value not in (before, after):
                        wrong.append(f"{table} row {row} is {value}, and was {before}, and {after} may have been written")
                    elif before != after:
                        seen.add("applied" if value == after else "not applied")
                if len(seen) > 1:
                    wrong.append(f"a transaction is there by half: {changes}, found {[held[t].get(i) for t, i, _, _ in changes]}")
            for table, rows in found.items():
                if len(held[table]) != len(rows):
                    wrong.append(f"{table} holds a key twice")
                for row in sorted((set(held[table]) | set(self.rows[table])) - open_ids[table]):
                    if held[table].get(row) != self.rows[table].get(row):
                        wrong.append(f"{table} row {row} is {held[table].get(row)}, acknowledged was {self.rows[table].get(row)}")
            return wrong


class RowWriter(threading.Thread):
    """Inserts, updates, deletes and transfers over both tables, one after the other, until it is stopped."""

    def __init__(self, server, database, ledger, number, gate, seed):
        super().__init__(daemon=True)
        self.server, self.database, self.ledger, self.number, self.gate = server, database, ledger, number, gate
        self.random, self.next, self.stopping = random.Random(seed), 0, threading.Event()
        self.connection, self.slowest, self.errors = None, 0.0, {}
        self.own = {table: {} for table in TABLES}

    def run(self):
        while not self.stopping.is_set():
            with self.gate:
                self.step()
            time.sleep(0.002)

    def one(self, table):
        """One change of a table and the statement for it."""
        own, dice = self.own[table], self.random.random()
        if not own or dice < 0.8 - len(own) / IDS:
            self.next += 1
            row, after = self.next * WRITERS + self.number, (self.random.randrange(7), self.random.randrange(1000))
            return (table, row, None, after), f"INSERT INTO {table} (id, g, v) VALUES ({row}, {after[0]}, {after[1]})"
        row = self.random.choice(sorted(own))
        g, v = own[row]
        if dice < 0.75:
            return (table, row, (g, v), (g, v + 1)), f"UPDATE {table} SET v = v + 1 WHERE id = {row}"
        if dice < 0.85:
            return (table, row, (g, v), (g + 1, 5)), f"INSERT INTO {table} (id, g, v) VALUES ({row}, {g + 1}, 5)"
        return (table, row, (g, v), None), f"DELETE FROM {table} WHERE id = {row}"

    def plan(self):
        if self.random.random() < 0.7:
            change, statement = self.one(self.random.choice(TABLES))
            return [change], [statement]
        changes, statements = [], []
        for table in TABLES:
            change, statement = self.one(table)
            changes.append(change)
            statements.append(statement)
        return changes, ["BEGIN", *statements, "COMMIT"]

    def step(self):
        changes, statements = self.plan()
        begin, may_be_applied = time.monotonic(), False
        try:
            if self.connection is None or self.connection.closed:
                self.connection = self.server.connect(self.database, port=self.random.choice(self.server.ports))
            for statement in statements:
                may_be_applied = may_be_applied or len(statements) == 1 or statement == "COMMIT"
                done = self.connection.execute(statement)
                if statement[:6] in ("UPDATE", "DELETE") and done.rowcount != 1:
                    raise AssertionError(f"{statement} touched {done.rowcount} rows")
            outcome = "acked"
        except psycopg.Error as error:
            outcome = "refused" if error.sqlstate in REFUSED or not may_be_applied else "unknown"
            self.after_error(error)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.settle(changes, outcome)

    def after_error(self, error):
        key = (error.sqlstate, str(error).splitlines()[0][:150] if error.sqlstate else "")
        self.errors[key] = self.errors.get(key, 0) + 1
        try:
            self.connection.rollback()
        except (psycopg.Error, AttributeError):
            self.connection = None
        time.sleep(0.05)

    def settle(self, changes, outcome):
        if outcome == "acked":
            self.ledger.apply(changes)
        elif outcome == "unknown":
            self.ledger.give_up(changes)
        else:
            self.ledger.refused += 1
            return
        for table, row, _, after in changes:
            if after is None or outcome == "unknown":
                self.own[table].pop(row, None)
            else:
                self.own[table][row] = after
