#!/usr/bin/env python3
"""The demo: a playground, three live views over real flights, and at the end the same queries recomputed by SQLite.

    ./dev demo [--crash] [--speed N|max] [--data DIR]

    --crash     kill the server with SIGKILL half-way, start it again, go on
    --speed N   rows a second (15000); max: as fast as it goes
    --data DIR  a folder with flights-3m.csv.zst (3,000,000 rows) and airports.csv
"""
import argparse
import csv
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import psycopg

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PENSTOCK = os.path.join(ROOT, "build", "release", "bin", "penstock")
VIEWS = {
    "busiest_airports": """SELECT a.iata, a.name, a.city, a.state, f.departures, f.total_delay
        FROM (SELECT origin, count(*) AS departures, sum(delay_minutes) AS total_delay FROM flights GROUP BY origin) f
        JOIN airports a ON a.iata = f.origin""",
    "delay_per_hour": """SELECT substr(departure, 1, 13) || ':00:00', count(*), avg(delay_minutes),
        sum(delay_minutes > 15) FROM flights GROUP BY 1""",
    "worst_routes": """SELECT origin, destination, count(*), sum(delay_minutes), min(delay_minutes), max(delay_minutes),
        avg(delay_minutes), sum(distance_miles) FROM flights GROUP BY origin, destination""",
}
SHOWN = [
    ("Busiest airports", "SELECT name, city, departures FROM busiest_airports ORDER BY departures DESC, name LIMIT 8"),
    ("Delay per hour (latest)", "SELECT window_start, flights, round(mean_delay, 1) AS mean_delay, late FROM delay_per_hour "
     "ORDER BY window_start DESC LIMIT 6"),
    ("Worst routes", "SELECT origin, destination, flights, round(mean_delay, 1) AS mean_delay, latest FROM worst_routes "
     "WHERE flights >= 50 ORDER BY worst_routes.mean_delay DESC, origin LIMIT 6"),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One playground in a temporary folder."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None

    def start(self):
        log = open(os.path.join(self.folder, "penstock.log"), "a")
        self.process = subprocess.Popen([PENSTOCK, "playground", "--data-dir", os.path.join(self.folder, "data"), "--sql-port", str(self.port)],
                                        stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        log.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"demo: the server ended at once:\n{self.log_tail()}")
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise SystemExit(f"demo: the server did not answer within 60 s:\n{self.log_tail()}")

    def connect(self):
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname="dev", user="root", autocommit=True, connect_timeout=5)

    def kill(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log_tail(self):
        with open(os.path.join(self.folder, "penstock.log")) as f:
            return "".join(f.readlines()[-20:])


class Watcher(threading.Thread):
    """Waits for the end of both sources, over crashes of the server."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done, self.error = server, threading.Event(), None

    def run(self):
        while not self.done.is_set():
            try:
                with self.server.connect() as connection:
                    connection.execute("WAIT FOR SOURCE airports")
                    connection.execute("WAIT FOR SOURCE flights")
                self.done.set()
            except psycopg.OperationalError:
                time.sleep(0.05)
            except psycopg.Error as e:
                self.error = e
                self.done.set()


class Screen:
    """Refreshed in place on a terminal, plain lines elsewhere."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.last_plain = 0.0

    def show(self, status, tables):
        if not self.live:
            if time.monotonic() - self.last_plain >= 2:
                self.last_plain = time.monotonic()
                print(status, flush=True)
            return
        width = shutil.get_terminal_size().columns
        lines = [f"\x1b[1m{status[:width]}\x1b[0m", ""]
        for title, columns, rows in tables:
            lines.append(f"\x1b[36m{title}\x1b[0m")
            widths = [max(len(c), *(len(str(r[i])) for r in rows), 0) if rows else len(c) for i, c in enumerate(columns)]
            for row in [columns, *rows]:
                lines.append("  " + "  ".join(f"{str(v)[:40]:<{min(w, 40)}}" for v, w in zip(row, widths))[:width - 2])
            lines.append("")
        sys.stdout.write("\x1b[H\x1b[2J" + "\n".join(lines))
        sys.stdout.flush()

    def say(self, text):
        print(("\n" if self.live else "") + text, flush=True)


def status_line(connection, started, total, before):
    rows, = connection.execute("SELECT max(rows_read) FROM penstock_sources WHERE source = 'flights'").fetchone()
    rows = int(rows or 0)
    last = connection.execute("SELECT epoch, total_ms, checkpoint_ms FROM penstock_barriers WHERE state = 'committed' "
                              "ORDER BY epoch DESC LIMIT 1").fetchone()
    now = time.monotonic()
    rate = (rows - before["rows"]) / (now - before["at"]) if before["at"] else 0
    if now - before["at"] > 2:
        before.update(rows=rows, at=now, rate=rate)
    text = f"{rows:,} of {total:,} flights, {before['rate']:,.0f} rows/s, {now - started:.0f} s"
    if last:
        text += f"; committed epoch {last[0]}, barrier {float(last[1] or 0):.0f} ms, checkpoint {float(last[2] or 0):.0f} ms"
    return rows, text


def watch(server, screen, total, crash):
    watcher = Watcher(server)
    watcher.start()
    started, before, crashed = time.monotonic(), {"rows": 0, "at": 0.0, "rate": 0.0}, not crash
    connection = server.connect()
    while True:
        finished = watcher.done.is_set()
        try:
            rows, status = status_line(connection, started, total, before)
            tables = []
            for title, sql in SHOWN:
                cursor = connection.execute(sql)
                tables.append((title, [d.name for d in cursor.description], cursor.fetchall()))
            screen.show(status, tables)
        except psycopg.OperationalError:
            connection.close()
            connection = server.connect()
            continue
        if watcher.error:
            raise SystemExit(f"demo: {watcher.error}")
        if finished:
            connection.close()
            return time.monotonic() - started
        if not crashed and rows >= total // 2:
            crashed = True
            screen.say(f"SIGKILL to the server at {rows:,} flights; starting it again")
            server.kill()
            at = time.monotonic()
            server.start()
            connection = server.connect()
            connection.execute("SELECT count(*) FROM worst_routes")
            screen.say(f"views readable again after {time.monotonic() - at:.2f} s")
        time.sleep(0.2)


def recompute(flights_file, airports_file):
    import sqlite3
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE flights (departure, origin, destination, delay_minutes INTEGER, distance_miles INTEGER)")
    db.execute("CREATE TABLE airports (iata, name, city, state, country, latitude, longitude)")
    with subprocess.Popen(["zstd", "-dcq", flights_file], stdout=subprocess.PIPE) as unpack:
        reader = csv.reader(io.TextIOWrapper(unpack.stdout, encoding="utf-8"))
        next(reader)
        db.executemany("INSERT INTO flights VALUES (?, ?, ?, ?, ?)", reader)
    with open(airports_file, encoding="utf-8", newline="") as f:
        reader = csv.reader(f)
        next(reader)
        db.executemany("INSERT INTO airports VALUES (?, ?, ?, ?, ?, ?, ?)", (tuple(v or None for v in row) for row in reader))
    return db


def comparable(row):
    """Averages are compared by value within 1e-9, everything else exactly."""
    out = []
    for v in row:
        if v is None or isinstance(v, (int, str)):
            out.append(v)
        elif isinstance(v, float) or type(v).__name__ == "Decimal":
            out.append(int(v) if v == int(v) else float(v))
        else:
            out.append(str(v))
    return tuple(out)


def same(a, b):
    return len(a) == len(b) and all(x == y or (isinstance(x, (int, float)) and isinstance(y, (int, float)) and abs(x - y) <= 1e-9 * max(1, abs(x)))
                                    for x, y in zip(a, b))


def verify(server, flights_file, airports_file):
    expected_db = recompute(flights_file, airports_file)
    with server.connect() as connection:
        for view, sql in VIEWS.items():
            key = lambda row: tuple("" if v is None else str(v) for v in row[:2])
            got = sorted((comparable(r) for r in connection.execute(f"SELECT * FROM {view}")), key=key)
            expected = sorted((comparable(r) for r in expected_db.execute(sql)), key=key)
            if len(got) != len(expected):
                return f"{view}: {len(got)} rows, a batch query gives {len(expected)}"
            for g, e in zip(got, expected):
                if not same(g, e):
                    return f"{view}: the view has {g}, a batch query {e}"
    return None


def main():
    p = argparse.ArgumentParser(prog="./dev demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--crash", action="store_true")
    p.add_argument("--speed", default="15000")
    p.add_argument("--data")
    a = p.parse_args()
    if a.speed != "max" and not (a.speed.isdigit() and int(a.speed) > 0):
        p.error("--speed is a number of rows a second, or max")
    folder = os.path.abspath(a.data) if a.data else os.path.join(ROOT, "examples", "flights")
    flights, total = ("flights-3m.csv.zst", 3_000_000) if a.data else ("flights-300k.csv.zst", 300_000)
    for name in (flights, "airports.csv"):
        if not os.path.isfile(os.path.join(folder, name)):
            raise SystemExit(f"demo: {os.path.join(folder, name)} is missing")
    temporary = tempfile.mkdtemp(prefix="penstock-demo-")
    server, screen = Server(temporary), Screen()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        server.start()
        screen.say(f"playground on 127.0.0.1:{server.port}; look for yourself: psql -h 127.0.0.1 -p {server.port} -d dev -U root")
        subprocess.run([PENSTOCK, "sql", "--port", str(server.port), "--set", f"dir={folder}", "--set", f"flights={flights}", "--set",
                        f"rate={0 if a.speed == 'max' else a.speed}", "-f", os.path.join(ROOT, "examples", "flights", "job.sql")],
                       check=True, stdout=subprocess.DEVNULL)
        seconds = watch(server, screen, total, a.crash)
        screen.say(f"all {total:,} flights are in the views after {seconds:.1f} s ({total / seconds:,.0f} rows/s); recomputing with SQLite")
        difference = verify(server, os.path.join(folder, flights), os.path.join(folder, "airports.csv"))
        screen.say("exact" if difference is None else f"DIFFERENT: {difference}")
        return 0 if difference is None else 1
    except subprocess.CalledProcessError:
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        server.kill(signal.SIGTERM)
        shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
