"""What a user can get wrong: each is a clear error, and nothing is lost."""
import os
import socket
import subprocess

import psycopg
import pytest

from penstock import BINARY, Cluster, Playground, free_port


@pytest.fixture(scope="module")
def server():
    with Playground() as s:
        s.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT, name VARCHAR)")
        s.sql("INSERT INTO t VALUES (1, 0, 'a'), (2, 5, 'b')")
        yield s


@pytest.mark.parametrize("sql, state, position", [
    ("SELECT nothing FROM t", "42703", 8),
    ("SELECT * FROM nowhere", "42P01", 15),
    ("SELEC 1", "42601", 1),
    ("SELECT 1 / 0", "22012", None),
    ("SELECT 9223372036854775807 + id FROM t", "22003", None),
    ("SELECT 'x'::BIGINT", "22P02", None),
    ("SELECT id + name FROM t", "42883", None),
    ("CREATE TABLE t (id BIGINT)", "42P07", None),
    ("SELECT id, count(*) FROM t", "42803", None),
    ("SELECT " + "(" * 2000 + "1" + ")" * 2000, "54001", None),
])
def test_a_mistake_is_named_with_its_sqlstate_and_position(server, sql, state, position):
    with pytest.raises(psycopg.Error) as caught:
        server.sql(sql)
    assert caught.value.sqlstate == state, caught.value
    if position:
        assert caught.value.diag.statement_position == str(position)
    assert server.sql("SELECT count(*) FROM t") == [(2,)]


def test_400_kB_of_additions_do_no_harm(server):
    with pytest.raises(psycopg.Error) as caught:
        server.sql("SELECT " + "1+" * 200_000 + "1")
    assert caught.value.sqlstate == "54001"
    assert server.sql("SELECT 1") == [(1,)]


def test_a_division_by_zero_in_a_view_is_null_and_the_job_lives(server):
    server.sql("CREATE MATERIALIZED VIEW ratio AS SELECT id, 10 / v AS r FROM t")
    assert sorted(server.sql("SELECT * FROM ratio")) == [(1, None), (2, 2)]


def broken_source(server, folder, name, on_error):
    server.sql(f"""CREATE SOURCE {name} (id BIGINT, v VARCHAR) WITH (connector = 'posix_fs', posix_fs.root = '{folder}', match_pattern = '*.csv',
                   on_error = '{on_error}') FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',')""")


def test_broken_rows_are_passed_over_and_counted_when_asked_to(server, tmp_path):
    (tmp_path / "a.csv").write_text("id,v\n1,a\nx,b\n3,c\n")
    broken_source(server, tmp_path, "skipping", "skip")
    server.sql("CREATE MATERIALIZED VIEW skipped AS SELECT id, v FROM skipping")
    server.sql("WAIT FOR SOURCE skipping")
    assert sorted(server.sql("SELECT id, v FROM skipped")) == [(1, "a"), (3, "c")]
    (count, error), = server.sql("SELECT skipped_rows, last_error FROM penstock_sources WHERE source = 'skipping'")
    assert count == 1 and "row 2" in error


def test_a_missing_file_is_named(server, tmp_path):
    broken_source(server, tmp_path, "empty", "fail")
    with pytest.raises(psycopg.Error, match="matches"):
        server.sql("CREATE MATERIALIZED VIEW from_empty AS SELECT id FROM empty")


def test_a_port_in_use_is_named(server):
    taken = subprocess.run([BINARY, "playground", "--sql-port", str(server.port)], capture_output=True, text=True, timeout=60)
    assert taken.returncode != 0 and str(server.port) in taken.stderr


def test_a_data_folder_in_use_is_named(server):
    folder = os.path.join(server.folder, "data")
    second = subprocess.run([BINARY, "playground", "--sql-port", str(free_port()), "--data-dir", folder], capture_output=True, text=True, timeout=60)
    assert second.returncode != 0 and folder in second.stderr


def test_a_data_folder_of_another_version_is_refused(tmp_path):
    with Playground() as s:
        s.sql("CREATE TABLE t (id BIGINT)")
        s.process.stop()
        changed = 0
        for folder, _, files in os.walk(os.path.join(s.folder, "data")):
            if "VERSION" in files:
                path = os.path.join(folder, "VERSION")
                text = open(path).read()
                open(path, "w").write(text.replace("1", "99"))
                changed += 1
        assert changed
        refused = subprocess.run([BINARY, "playground", "--sql-port", str(free_port()), "--data-dir", os.path.join(s.folder, "data")],
                                 capture_output=True, text=True, timeout=60)
        assert refused.returncode != 0 and "99" in refused.stderr


def test_an_unknown_flag_or_setting_is_named(tmp_path):
    config = tmp_path / "penstock.toml"
    config.write_text("[playground]\nsql_prot = 1\n")
    wrong = subprocess.run([BINARY, "playground", "--config", str(config)], capture_output=True, text=True, timeout=60)
    assert wrong.returncode != 0 and "sql_port" in wrong.stderr


def test_random_bytes_on_the_sql_port_do_no_harm(server):
    for i in range(50):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(os.urandom(100 + i * 10))
    assert server.sql("SELECT 1") == [(1,)]


def test_random_bytes_on_every_port_do_no_harm():
    with Cluster(computes=1) as cluster:
        cluster.sql("CREATE TABLE t (id BIGINT)")
        ports = [int(word.rsplit(":", 1)[1]) for process in cluster.processes.values() for flag, word in zip(process.args, process.args[1:])
                 if flag in ("--listen", "--sql-listen")]
        assert len(ports) == 3
        for port in ports:
            for i in range(20):
                with socket.create_connection(("127.0.0.1", port)) as s:
                    s.sendall(os.urandom(64 + i * 32))
        cluster.sql("INSERT INTO t VALUES (1)")
        assert cluster.sql("SELECT id FROM t") == [(1,)]
        assert all(process.process.poll() is None for process in cluster.processes.values())
