"""Nexmark queries over generated events, equal to DuckDB over the same events as CSV."""
import subprocess

import duckdb

from flights import comparable
from penstock import BINARY, Playground

EVENTS, RATE = 100_000, 10_000
COLUMNS = {
    "Person": "id BIGINT, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, date_time TIMESTAMP, extra VARCHAR",
    "Auction": "id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, date_time TIMESTAMP, expires TIMESTAMP, "
               "seller BIGINT, category BIGINT, extra VARCHAR",
    "Bid": "auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR",
}
# name -> (Penstock's query, DuckDB's if it differs)
QUERIES = {
    "q1": ("SELECT auction, bidder, 0.908 * price AS price, date_time FROM bid", None),
    "q2": ("SELECT auction, price FROM bid WHERE auction = 1007 OR auction = 1020 OR auction = 2001 OR auction = 2019 OR auction = 2087", None),
    "q3": ("""SELECT p.name, p.city, p.state, a.id FROM auction AS a INNER JOIN person AS p ON a.seller = p.id
              WHERE a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA')""", None),
    "q4": ("""SELECT category, avg(final) AS mean FROM (SELECT max(b.price) AS final, a.category FROM auction a, bid b
              WHERE a.id = b.auction AND b.date_time BETWEEN a.date_time AND a.expires GROUP BY a.id, a.category) q GROUP BY category""", None),
    "q5": ("""SELECT c.auction, c.num FROM
                (SELECT auction, count(*) AS num, window_start FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND)
                 GROUP BY window_start, auction) AS c
              JOIN (SELECT max(num) AS most, window_start FROM
                (SELECT count(*) AS num, window_start FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND)
                 GROUP BY auction, window_start) AS d GROUP BY window_start) AS m
              ON c.window_start = m.window_start AND c.num >= m.most""",
           """WITH c AS (SELECT auction, time_bucket(INTERVAL 2 SECOND, date_time, TIMESTAMP '2015-07-15') - to_seconds(2 * i) AS w, count(*) AS num
              FROM bid, range(5) r(i) GROUP BY 1, 2) SELECT auction, num FROM c JOIN (SELECT w, max(num) m FROM c GROUP BY w) x USING (w) WHERE num >= m"""),
    "q7": ("""SELECT b.auction, b.price, b.bidder, b.date_time FROM bid b
              JOIN (SELECT max(price) AS most, window_end FROM TUMBLE(bid, date_time, INTERVAL '10' SECOND) GROUP BY window_end) w
              ON b.price = w.most WHERE b.date_time BETWEEN w.window_end - INTERVAL '10' SECOND AND w.window_end""",
           """SELECT b.auction, b.price, b.bidder, b.date_time FROM bid b
              JOIN (SELECT max(price) AS most, time_bucket(INTERVAL 10 SECOND, date_time, TIMESTAMP '2015-07-15') + INTERVAL 10 SECOND AS window_end
                    FROM bid GROUP BY 2) w ON b.price = w.most WHERE b.date_time BETWEEN w.window_end - INTERVAL 10 SECOND AND w.window_end"""),
    "q15": ("""SELECT date_trunc('day', date_time) AS day, count(*) AS total, count(*) FILTER (WHERE price < 10000) AS cheap,
               count(DISTINCT bidder) AS bidders, count(DISTINCT bidder) FILTER (WHERE price < 10000) AS cheap_bidders,
               count(DISTINCT auction) AS auctions FROM bid GROUP BY date_trunc('day', date_time)""", None),
    "q17": ("""SELECT auction, date_trunc('day', date_time) AS day, count(*) AS n, min(price) AS low, max(price) AS high, avg(price) AS mean,
               sum(price) AS total FROM bid GROUP BY auction, date_trunc('day', date_time)""", None),
    "q22": ("SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS d1, split_part(url, '/', 5) AS d2 FROM bid", None),
}


def oracle(folder):
    subprocess.run([BINARY, "nexmark", "generate", "--events", str(EVENTS), "--rate", str(RATE), "--csv", str(folder)], check=True)
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for table in map(str.lower, COLUMNS):
        source = f"read_csv('{folder}/{table}.csv', header = true)"
        names = [column[0] for column in db.execute(f"SELECT * FROM {source} LIMIT 0").description]
        times = [f"make_timestamp({n}) AS {n}" if n in ("date_time", "expires") else n for n in names]
        db.execute(f"CREATE TABLE {table} AS SELECT {', '.join(times)} FROM {source}")
    return db


def test_nexmark_views_equal_batch_queries(tmp_path):
    db = oracle(tmp_path)
    with Playground() as server:
        for kind, columns in COLUMNS.items():
            server.sql(f"""CREATE SOURCE {kind.lower()} ({columns}) WITH (connector = 'nexmark', nexmark.table.type = '{kind}',
                           nexmark.event.num = '{EVENTS}', nexmark.event.rate = '{RATE}', nexmark.split.num = '2')""")
        for name, (query, _) in QUERIES.items():
            server.sql(f"CREATE MATERIALIZED VIEW {name} AS {query}")
        for kind in COLUMNS:
            server.sql(f"WAIT FOR SOURCE {kind.lower()}")
        for name, (query, batch) in QUERIES.items():
            got = sorted(map(comparable, server.sql(f"SELECT * FROM {name}")), key=repr)
            expected = sorted(map(comparable, db.execute(batch or query).fetchall()), key=repr)
            assert got == expected, name
