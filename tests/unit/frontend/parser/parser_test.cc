#include "frontend/parser/parser.h"

#include <gtest/gtest.h>

#include "unit/frontend/deep_stack.h"

namespace penstock::frontend {
namespace {

// What a parse gives, short: the kinds of the statements, or the error as "SQLSTATE @position message".
std::string outcome(std::string_view sql) {
  const auto parsed = parse(sql);
  if (parsed.has_error()) {
    const Error& e = parsed.error();
    return fmt::format("{} @{} {}", sqlstate(e.code()), e.position().value_or(0), e.message());
  }
  static constexpr std::string_view kKinds[] = {"query",  "create relation", "create view", "create sink",   "create database",
                                                "drop",   "alter",           "cancel",      "insert",        "update",
                                                "delete", "flush",           "wait",        "wait for jobs", "show",
                                                "set",    "reset",           "transaction", "explain"};
  std::string out;
  for (const Statement& s : parsed.value()) {
    if (!out.empty()) out += "; ";
    out += kKinds[s.body.index()];
  }
  return out;
}

struct Case {
  std::string_view sql;
  std::string_view expected;
};

void expect_all(std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(outcome(c.sql), c.expected) << c.sql;
}

TEST(Parser, knows_each_statement) {
  expect_all({
      {"SELECT 1", "query"},
      {"VALUES (1, 'a'), (2, 'b')", "query"},
      {"WITH x AS (SELECT 1 AS a) SELECT * FROM x", "query"},
      {"CREATE SOURCE s (a INT) WITH (connector = 'datagen')", "create relation"},
      {"CREATE SOURCE IF NOT EXISTS s (a INT) WITH (connector = 'posix_fs', posix_fs.root = '/d') FORMAT PLAIN ENCODE CSV (delimiter = "
       "',')",
       "create relation"},
      {"CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR NOT NULL DEFAULT 'x')", "create relation"},
      {"CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) ON CONFLICT IGNORE", "create relation"},
      {"CREATE MATERIALIZED VIEW v AS SELECT 1 AS a FROM t", "create view"},
      {"CREATE MATERIALIZED VIEW IF NOT EXISTS v (x) WITH (source_rate_limit = 5) AS SELECT a FROM t", "create view"},
      {"CREATE SINK k FROM v WITH (connector = 'blackhole')", "create sink"},
      {"CREATE SINK k AS WITH x AS (SELECT 1 AS a) SELECT * FROM x WITH (connector = 'blackhole')", "create sink"},
      {"CREATE DATABASE IF NOT EXISTS d WITH (barrier_interval_ms = 500)", "create database"},
      {"DROP SOURCE s; DROP TABLE IF EXISTS t CASCADE; DROP MATERIALIZED VIEW v; DROP SINK k RESTRICT", "drop; drop; drop; drop"},
      {"INSERT INTO t VALUES (1); INSERT INTO t (a) SELECT b FROM u; INSERT INTO t DEFAULT VALUES", "insert; insert; insert"},
      {"UPDATE t SET a = a + 1 WHERE b; DELETE FROM t", "update; delete"},
      {"FLUSH; WAIT FOR SOURCE s; WAIT", "flush; wait; wait for jobs"},
      {"CANCEL JOBS 3, 4; CANCEL JOB 5", "cancel; cancel"},
      {"DROP DATABASE d; DROP DATABASE IF EXISTS d CASCADE; DROP DATABASE d WITH (FORCE)", "drop; drop; drop"},
      {"ALTER DATABASE d PAUSE; ALTER DATABASE d SET barrier_interval_ms = 100, checkpoint_frequency TO 5", "alter; alter"},
      {"ALTER MATERIALIZED VIEW v RESUME; ALTER SINK IF EXISTS k PAUSE; ALTER SOURCE s SET source_rate_limit TO DEFAULT",
       "alter; alter; alter"},
      {"ALTER TABLE t SET BACKFILL_RATE_LIMIT = 7", "alter"},
      {"ALTER TABLE t RENAME TO u; ALTER SINK k RENAME TO \"K\"", "alter; alter"},
      {"ALTER SOURCE s CONNECTOR WITH (on_error = 'skip', datagen.rows.per.second = 5)", "alter"},
      {"SHOW TABLES; SHOW MATERIALIZED VIEWS LIKE 'a%'; SHOW CREATE SOURCE s; SHOW timezone; SHOW ALL; DESCRIBE t",
       "show; show; show; show; show; show"},
      {"SET x = 1; SET rw_implicit_flush TO true; SET TIME ZONE 'UTC'; RESET x; RESET ALL; DISCARD ALL",
       "set; set; set; reset; reset; reset"},
      {"BEGIN; START TRANSACTION READ ONLY; COMMIT; END; ROLLBACK; ABORT",
       "transaction; transaction; transaction; transaction; transaction; transaction"},
      {"EXPLAIN SELECT 1; EXPLAIN (VERBOSE) CREATE MATERIALIZED VIEW v AS SELECT a FROM t", "explain; explain"},
      {"", ""},
      {" ;; -- nothing\n /* at all */ ;", ""},
  });
}

TEST(Parser, says_what_is_wrong_with_an_alter) {
  expect_all({
      {"ALTER INDEX i PAUSE", "0A000 @1 ALTER INDEX is not supported"},
      {"ALTER MATERIALIZED VIEW v", "42601 @26 syntax error at end of input"},
      {"ALTER MATERIALIZED VIEW v PAUSE now", "42601 @33 syntax error at or near \"now\""},
      {"ALTER SOURCE s SET source_rate_limit", "42601 @37 syntax error at end of input"},
      {"ALTER SOURCE s SET source_rate_limit = -1", "42601 @40 syntax error at or near \"-\""},
      {"ALTER DATABASE d SET a = 1,", "42601 @28 syntax error at end of input"},
      {"ALTER SOURCE s SET source_rate_limit = 1, b = 2", "42601 @41 syntax error at or near \",\""},
      {"CANCEL JOBS", "42601 @12 syntax error at end of input"},
      {"CANCEL JOBS x", "42601 @13 syntax error at or near \"x\""},
      {"CANCEL JOBS 99999999999", "42601 @13 syntax error at or near \"99999999999\""},
      {"DROP TABLE t WITH (FORCE)", "42601 @14 syntax error at or near \"WITH\""},
      {"WAIT FOR", "42601 @9 syntax error at end of input"},
  });
}

TEST(RenamedDefinition, keeps_everything_but_the_name) {
  const auto renamed = [](std::string_view definition, std::string_view name) {
    const auto out = renamed_definition(definition, name);
    return out.has_value() ? out.value() : out.error().message();
  };
  EXPECT_EQ(renamed("CREATE TABLE t (t INT)", "u"), "CREATE TABLE u (t INT)");
  EXPECT_EQ(renamed("create materialized view IF NOT EXISTS public.\"V\" AS SELECT 1", "w"),
            "create materialized view IF NOT EXISTS public.w AS SELECT 1");
  EXPECT_EQ(renamed("CREATE SINK k FROM t", "Two words"), "CREATE SINK \"Two words\" FROM t");
  EXPECT_EQ(renamed("CREATE SOURCE /* s */ s (a INT)", "select"), "CREATE SOURCE /* s */ \"select\" (a INT)");
  EXPECT_EQ(renamed("CREATE TABLE t (a INT)", "a\"b"), "CREATE TABLE \"a\"\"b\" (a INT)");
  EXPECT_EQ(renamed("DROP TABLE t", "u"), "syntax error at or near \"DROP\"");
}

}  // namespace
}  // namespace penstock::frontend
