"""What fault scripts share: a writer that remembers what it was told, and a proxy that cuts links or lets them fall silent."""
import collections
import socket
import threading
import time

import psycopg

from penstock import wait_until


class Writer:
    """Keeps inserting rows (i, i % 7), one a statement, in the background. Outcomes: acked, refused (not applied), unknown."""

    def __init__(self, server, database="dev"):
        self.server, self.database = server, database
        self.acked, self.unknown, self.refused = [], [], collections.Counter()
        self.slowest = 0.0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def create(self):
        with self.server.connect(self.database) as c:
            c.execute("CREATE TABLE written (id BIGINT PRIMARY KEY, g BIGINT)")
            c.execute("CREATE MATERIALIZED VIEW sums AS SELECT g, count(*) AS n, sum(id) AS s FROM written GROUP BY g")
        return self

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.acked, 20, "the first row")
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def run(self):
        i = 0
        while not self.stopping.is_set():
            i += 1
            begin = time.monotonic()
            try:
                with self.server.connect(self.database) as c:
                    c.execute(f"INSERT INTO written VALUES ({i}, {i % 7})")
                self.acked.append(i)
            except (psycopg.errors.CannotConnectNow, psycopg.errors.SerializationFailure) as e:
                self.refused[str(e).splitlines()[0]] += 1  # not applied
                time.sleep(0.05)
            except psycopg.Error:
                self.unknown.append(i)  # 40003, or the frontend died
                time.sleep(0.05)
            self.slowest = max(self.slowest, time.monotonic() - begin)

    def wait_acked(self, seconds=30):
        """A row that was begun after this call is acknowledged."""
        more = len(self.acked) + 2
        wait_until(lambda: len(self.acked) >= more, seconds, "an acknowledged row")

    def check(self):
        """Ends writing. Everything acknowledged is there, nothing refused is, and the view equals a recomputation from the rows."""
        self.stopping.set()
        self.thread.join()

        def query(text):
            with self.server.connect(self.database) as c:
                return c.execute(text).fetchall()
        query("FLUSH")
        rows = query("SELECT id, g FROM written")
        ids = {i for i, _ in rows}
        assert len(ids) == len(rows), "a row is there twice"
        assert not set(self.acked) - ids, f"acknowledged and lost: {sorted(set(self.acked) - ids)[:10]}"
        assert not ids - set(self.acked) - set(self.unknown), "rows that were refused are there"
        expected = collections.defaultdict(lambda: [0, 0])
        for i, g in rows:
            expected[g][0] += 1
            expected[g][1] += i
        assert sorted(query("SELECT g, n, s FROM sums")) == sorted((g, n, s) for g, (n, s) in expected.items())


class Proxy:
    """Stands before a port. `cut`: connections are closed and new ones refused; `silent`: they stay open and nothing passes."""

    def __init__(self, target):
        self.target, self.mode, self.connections = target, "pass", set()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.mode == "cut":
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.connections |= {client, server}
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                while self.mode == "silent":
                    time.sleep(0.01)
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.mode = "cut"
        for s in list(self.connections):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()

    def silence(self):
        self.mode = "silent"

    def mend(self):
        self.mode = "pass"
