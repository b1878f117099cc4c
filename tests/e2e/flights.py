"""Views over the flights of examples/flights and the same queries in DuckDB: the oracle."""
import csv
import io
import os
import subprocess

import duckdb

from penstock import FLIGHTS

SOURCES = """
CREATE SOURCE flights (departure TIMESTAMP, origin VARCHAR, destination VARCHAR, delay_minutes BIGINT, distance_miles BIGINT)
WITH (connector = 'posix_fs', posix_fs.root = '{folder}', match_pattern = '{file}', source_rate_limit = {rate})
FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',');
CREATE SOURCE airports (iata VARCHAR, name VARCHAR, city VARCHAR, state VARCHAR, country VARCHAR, latitude DOUBLE PRECISION,
                        longitude DOUBLE PRECISION)
WITH (connector = 'posix_fs', posix_fs.root = '{folder}', match_pattern = 'airports.csv')
FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',');
"""

# name -> (Penstock's query, DuckDB's if it differs)
VIEWS = {
    "busiest": ("""SELECT a.iata, a.name, a.city, f.departures, f.total_delay
        FROM (SELECT origin, count(*) AS departures, sum(delay_minutes) AS total_delay FROM flights GROUP BY origin) AS f
        JOIN airports AS a ON a.iata = f.origin""", None),
    "per_hour": ("""SELECT window_start, count(*) AS flights, avg(delay_minutes) AS mean_delay,
        count(*) FILTER (WHERE delay_minutes > 15) AS late
        FROM TUMBLE(flights, departure, INTERVAL '1 hour') GROUP BY window_start""",
                 """SELECT date_trunc('hour', departure), count(*), avg(delay_minutes), count(*) FILTER (WHERE delay_minutes > 15)
        FROM flights GROUP BY 1"""),
    "routes": ("""SELECT origin, destination, count(*) AS flights, sum(delay_minutes) AS total, min(delay_minutes) AS earliest,
        max(delay_minutes) AS latest, avg(delay_minutes) AS mean, sum(distance_miles) AS miles FROM flights
        GROUP BY origin, destination""", None),
    "long_late": ("""SELECT departure, origin, destination, delay_minutes, upper(origin) || '-' || lower(destination) AS route,
        CASE WHEN delay_minutes > 300 THEN 'terrible' ELSE 'bad' END AS verdict
        FROM flights WHERE delay_minutes > 180 AND distance_miles BETWEEN 500 AND 2000""", None),
    "totals": ("SELECT count(*) AS n, sum(distance_miles) AS miles, min(departure) AS first, max(departure) AS last FROM flights", None),
    # An aggregation over an aggregation: its input retracts.
    "spread": ("""SELECT destinations, count(*) AS airports, max(flights) AS most FROM
        (SELECT origin, count(DISTINCT destination) AS destinations, count(*) AS flights FROM flights GROUP BY origin) AS o
        GROUP BY destinations""", None),
    "both_ends": ("""SELECT a.state AS origin_state, b.state AS destination_state, sum(r.flights) AS flights FROM
        (SELECT origin, destination, count(*) AS flights FROM flights GROUP BY origin, destination) AS r
        JOIN airports AS a ON a.iata = r.origin JOIN airports AS b ON b.iata = r.destination AND b.latitude > a.latitude
        GROUP BY a.state, b.state""", None),
}


def create(server, folder=FLIGHTS, file="flights-300k.csv.zst", rate=0, views=VIEWS):
    with server.connect() as c:
        c.execute(SOURCES.format(folder=folder, file=file, rate=rate))
        for name in views:
            c.execute(f"CREATE MATERIALIZED VIEW {name} AS {VIEWS[name][0]}")


def oracle(folder=FLIGHTS, file="flights-300k.csv.zst"):
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute(f"CREATE TABLE flights AS SELECT * FROM read_csv('{os.path.join(folder, file)}', header = true)")
    db.execute(f"""CREATE TABLE airports AS SELECT * FROM read_csv('{os.path.join(folder, 'airports.csv')}', header = true,
        columns = {{'iata': 'VARCHAR', 'name': 'VARCHAR', 'city': 'VARCHAR', 'state': 'VARCHAR', 'country': 'VARCHAR',
                    'latitude': 'DOUBLE', 'longitude': 'DOUBLE'}})""")
    return db


def comparable(row):
    """Averages by value within 1e-9, everything else exactly."""
    def value(v):
        if isinstance(v, float) or type(v).__name__ == "Decimal":
            return int(v) if v == int(v) else float(f"{float(v):.9e}")
        return v
    return tuple(str(value(v)) if not isinstance(value(v), (int, float)) else value(v) for v in row)


def differences(server, db, views=VIEWS):
    """What is wrong with the views, as text; empty when every one equals the batch query."""
    wrong = []
    for name in views:
        penstock_sql, duckdb_sql = VIEWS[name]
        got = sorted(map(comparable, server.sql(f"SELECT * FROM {name}")), key=repr)
        expected = sorted(map(comparable, db.execute(duckdb_sql or penstock_sql).fetchall()), key=repr)
        if got != expected:
            missing = [r for r in expected if r not in set(got)][:3]
            extra = [r for r in got if r not in set(expected)][:3]
            wrong.append(f"{name}: {len(got)} rows, expected {len(expected)}; missing {missing}; extra {extra}")
    return "\n".join(wrong)
