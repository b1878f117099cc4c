"""Jobs of one database that come, go and change while everything breaks, and what their views must hold."""
import time

import psycopg

# All give (g BIGINT, n BIGINT, s NUMERIC), so that any can take another's place.
QUERIES = (
    "SELECT g, count(*) AS n, sum(v) AS s FROM t GROUP BY g",
    "SELECT g, count(DISTINCT v) AS n, sum(v) AS s FROM u GROUP BY g",
    "SELECT t.g AS g, count(*) AS n, sum(u.v) AS s FROM t JOIN u ON t.id = u.id GROUP BY t.g",
    "SELECT t.g AS g, count(u.v) AS n, sum(t.v) AS s FROM t LEFT JOIN u ON t.v = u.v GROUP BY t.g",
    "SELECT g, max(v) AS n, CAST(min(v) AS NUMERIC) AS s FROM (SELECT g, v FROM t UNION ALL SELECT g, v FROM u) AS x GROUP BY g",
    "SELECT t.id AS g, u.v AS n, CAST(t.v AS NUMERIC) AS s FROM t JOIN u ON t.g = u.g AND t.v = u.v",
    "SELECT id AS g, v AS n, CAST(g AS NUMERIC) AS s FROM t WHERE v % 2 = 0",
)
ON_VIEW = "SELECT n % 5 AS g, count(*) AS n, sum(s) AS s FROM {} GROUP BY n % 5"
# A server that went away, a database that recovers, something else is being done to the job: ask again.
PASSING = (None, "57P03", "57P01", "40001", "40003", "08006", "55006", "55000", "53100", "72000", "57014")
LOST = (None, "57P01", "08006", "40003", "57P03", "57014")  # whether it was done is not known


def difference(view, query):
    """Rows that are in the view or in the query, and not in both; of one epoch."""
    return f"""SELECT g, n, s, sum(c) AS c FROM (SELECT g, n, s, 1 AS c FROM {view} UNION ALL SELECT g, n, s, -1 AS c FROM ({query}) AS q) AS d
               GROUP BY g, n, s HAVING sum(c) <> 0"""


class Jobs:
    def __init__(self, server, database, choose, say):
        self.server, self.database, self.choose, self.say = server, database, choose, say
        self.views = {}  # name -> queries that it may have: more than one when an answer was lost
        self.maybe = {}  # name -> True: whether it exists is not known
        self.columns, self.number, self.errors, self.paused = [], 0, [], False

    def run(self, statement):
        """"ok", "lost" (no answer), or "refused"; anything else is an error of the server's."""
        outcome, text = "ok", ""
        try:
            with self.server.connect(self.database, port=self.choose.choice(self.server.ports)) as c:
                if self.choose.random() < 0.3:
                    c.execute("SET background_ddl = true")
                c.execute(statement)
        except psycopg.Error as error:
            text = f"{error.sqlstate} {str(error).splitlines()[0][:200]}"
            outcome = "lost" if error.sqlstate in LOST else "refused"
            if error.sqlstate not in PASSING and error.sqlstate not in ("2BP01", "42P01", "42P07", "42701"):
                self.errors.append(f"{self.database}: {statement}: {text}")
        self.say(f"{self.database}: {statement[:110]} -> {outcome} {text}")
        return outcome

    def create(self):
        self.number += 1
        name, base = f"{self.database}_{self.number}", sorted(v for v in self.views if v not in self.maybe)
        query = ON_VIEW.format(self.choose.choice(base)) if base and self.choose.random() < 0.3 else self.choose.choice(QUERIES)
        outcome = self.run(f"CREATE MATERIALIZED VIEW {name} AS {query}")
        if outcome != "refused":
            self.views[name] = [query]
            if outcome == "lost":
                self.maybe[name] = True

    def drop(self):
        if self.views:
            name = self.choose.choice(sorted(self.views))
            outcome = self.run(f"DROP MATERIALIZED VIEW {name} CASCADE")
            for view in self.readers(name):
                if outcome == "ok":
                    self.views.pop(view, None)
                    self.maybe.pop(view, None)
                elif outcome == "lost":
                    self.maybe[view] = True

    def readers(self, name):
        """`name` and all views above it."""
        found = {name}
        while more := {v for v, qs in self.views.items() for q in qs for f in found if f" FROM {f} " in q} - found:
            found |= more
        return found

    def replace(self):
        if self.views:
            name, query = self.choose.choice(sorted(self.views)), self.choose.choice(QUERIES)
            outcome = self.run(f"ALTER MATERIALIZED VIEW {name} AS {query}")
            if outcome != "refused":  # in the background it takes its place later
                self.views[name] = [*self.views[name], query]

    def parallelism(self):
        target = self.choose.choice(["TABLE t", "TABLE u"] + [f"MATERIALIZED VIEW {v}" for v in sorted(self.views)])
        self.run(f"ALTER {target} SET PARALLELISM = {self.choose.choice(['ADAPTIVE', 1, 2, 3, 5, 8])}")

    def add_column(self):
        if len(self.columns) < 6:
            name, table = f"c{len(self.columns)}", self.choose.choice(["t", "u"])
            outcome = self.run(f"ALTER TABLE {table} ADD COLUMN {name} BIGINT NOT NULL DEFAULT 7")
            self.columns.append((table, name, outcome))

    def pause(self):
        """For a moment: a job that is created in a paused database waits for the end of the pause."""
        self.paused = True
        self.run(f"ALTER DATABASE {self.database} PAUSE")
        time.sleep(self.choose.random())
        self.paused = self.run(f"ALTER DATABASE {self.database} RESUME") != "ok"

    def any(self):
        return self.choose.choices([self.create, self.drop, self.replace, self.parallelism, self.add_column, self.pause], [5, 2, 2, 3, 1, 1])[0]

    def settled(self, query):
        """Brings what is not known in line with what is. `query` runs a statement again until it is answered."""
        if self.paused:
            query(f"ALTER DATABASE {self.database} RESUME")
            self.paused = False
        query("WAIT")
        there = {row[0] for row in query("SELECT name FROM penstock_jobs")}
        wrong = [f"{name} is gone" for name in self.views if name not in there and name not in self.maybe]
        wrong += [f"{name} was dropped and is there" for name in there if name in self.dropped()]
        for name in sorted(set(self.views) - there):
            self.views.pop(name)
        self.maybe.clear()
        return wrong

    def dropped(self):
        return {f"{self.database}_{i}" for i in range(1, self.number + 1)} - set(self.views)

    def wrong(self, query):
        """What is wrong with the views, as text."""
        wrong = []
        for name, queries in sorted(self.views.items()):
            found = {q: query(difference(name, q)) for q in dict.fromkeys(queries)}
            right = [q for q, rows in found.items() if not rows]
            if not right:
                wrong.append(f"{self.database}.{name} differs from {list(found)[0]}: {found[list(found)[0]][:5]}")
            elif len(queries) > 1:
                self.views[name] = right[:1] if len(right) == 1 else list(dict.fromkeys(queries))
        for table, column, outcome in self.columns:
            try:
                if bad := query(f"SELECT id, {column} FROM {table} WHERE {column} <> 7 OR {column} IS NULL LIMIT 3"):
                    wrong.append(f"{self.database}.{table}.{column} should be 7 everywhere: {bad}")
            except psycopg.errors.UndefinedColumn:
                if outcome == "ok":
                    wrong.append(f"{self.database}.{table}.{column} was added and is gone")
        return wrong
