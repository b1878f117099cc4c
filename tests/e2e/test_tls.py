"""Encrypted connections between the nodes of a cluster."""
import socket
import struct
import subprocess

from certificates import Authority
from penstock import BINARY, Cluster, Process, psycopg, wait_until


def test_a_cluster_talks_over_mutual_tls_and_serves_nobody_else(tmp_path):
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    cluster = Cluster()
    for name, process in cluster.processes.items():
        process.args += authority.flags(name)
    with cluster:
        cluster.sql("CREATE TABLE t (a INT, b INT)")
        cluster.sql("CREATE MATERIALIZED VIEW v AS SELECT a, sum(b) AS s FROM t GROUP BY a")
        cluster.sql("INSERT INTO t VALUES (1, 10), (1, 5), (2, 7)")
        assert cluster.sql("SELECT a, s FROM v ORDER BY a") == [(1, 15), (2, 7)]
        meta = cluster.processes["compute-0"].args[cluster.processes["compute-0"].args.index("--meta") + 1]
        for flags in ([], stranger.flags("compute")):
            intruder = Process("intruder", ["compute", "--meta", meta, "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "x"), *flags], tmp_path)
            intruder.start()
            wait_until(lambda: "meta" in intruder.log(), 10, "the intruder to try")
            assert cluster.sql("SELECT count(*) FROM penstock_workers")[0][0] == 2
            intruder.kill()


def test_unusable_certificates_are_named_at_start(tmp_path):
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("meta")
    other = authority.path("authority.key")

    def refusal(*flags):
        result = subprocess.run([BINARY, "meta", "--data-dir", str(tmp_path / "meta"), "--listen", "127.0.0.1:0", *flags], capture_output=True,
                                text=True, timeout=30)
        assert result.returncode == 1
        return result.stderr

    assert "needs its key" in refusal("--tls-cert", certificate)
    assert "cannot use the TLS certificate /none" in refusal("--tls-cert", "/none", "--tls-key", other)
    assert f"cannot use the TLS key {other}" in refusal("--tls-cert", certificate, "--tls-key", other)


def test_sql_clients_get_tls_when_they_ask_for_it(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("frontend")
    cluster = Cluster(computes=1)
    cluster.processes["frontend"].args += ["--sql-tls-cert", certificate, "--sql-tls-key", key]
    with cluster:
        for mode, encrypted in (("verify-full", True), ("require", True), ("disable", False)):
            with psycopg.connect(host="127.0.0.1", port=cluster.port, dbname="dev", user="root", sslmode=mode, sslrootcert=authority.ca) as c:
                assert c.execute("SELECT 1").fetchone() == (1,)
                assert c.pgconn.ssl_in_use == encrypted
        with socket.create_connection(("127.0.0.1", cluster.port)) as s:  # the start-up message must not slip in before the encryption
            s.sendall(struct.pack("!II", 8, 80877103) + b"\0\0\0\x08smuggled")
            s.settimeout(10)
            assert b"S" not in s.recv(100)[:1]
        assert cluster.sql("SELECT 2") == [(2,)]
