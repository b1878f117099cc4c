"""What psql asks pg_catalog for \\l, \\d, \\dt, \\dm and \\dn (its own queries of version 15)."""
import pytest

from penstock import Playground

LIST_DATABASES = r"""SELECT d.datname as "Name", pg_catalog.pg_get_userbyid(d.datdba) as "Owner", pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding",
 d.datcollate as "Collate", d.datctype as "Ctype", d.daticulocale as "ICU Locale",
 CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END AS "Locale Provider",
 pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges" FROM pg_catalog.pg_database d ORDER BY 1;"""
LIST_RELATIONS = """SELECT n.nspname as "Schema", c.relname as "Name",
 CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' END as "Type",
 pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN ({}'') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;"""
FIND_RELATION = """SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3;"""
LIST_SCHEMAS = """SELECT n.nspname AS "Name", pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner" FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1;"""


@pytest.fixture(scope="module")
def server():
    with Playground("--parallelism", "1") as s:
        s.sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
        s.sql("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t")
        yield s


def test_databases_relations_and_schemas_are_listed(server):
    assert server.sql(LIST_DATABASES) == [("dev", "root", "UTF8", "C", "C", None, "libc", None)]
    assert server.sql(LIST_RELATIONS.format("'r','p',")) == [("public", "t", "table", "root")]
    assert server.sql(LIST_RELATIONS.format("'m',")) == [("public", "v", "materialized view", "root")]
    assert [row[1] for row in server.sql(LIST_RELATIONS.format("'r','p','v','m','S','f',"))] == ["t", "v"]
    assert [row[1:] for row in server.sql(FIND_RELATION)] == [("public", "t")]
    assert server.sql(LIST_SCHEMAS) == [("public", "root")]
