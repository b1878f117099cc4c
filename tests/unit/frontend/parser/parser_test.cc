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
  static constexpr std::string_view kKinds[] = {"query",
                                                "create relation",
                                                "create view",
                                                "create sink",
                                                "create database",
                                                "drop",
                                                "alter parallelism",
                                                "insert",
                                                "update",
                                                "delete",
                                                "flush",
                                                "wait",
                                                "show",
                                                "set",
                                                "reset",
                                                "transaction",
                                                "explain"};
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
      {"ALTER TABLE t SET PARALLELISM = 4; ALTER MATERIALIZED VIEW a.v SET PARALLELISM TO 2; ALTER SINK k SET PARALLELISM ADAPTIVE; "
       "ALTER SOURCE s SET parallelism TO default",
       "alter parallelism; alter parallelism; alter parallelism; alter parallelism"},
      {"INSERT INTO t VALUES (1); INSERT INTO t (a) SELECT b FROM u; INSERT INTO t DEFAULT VALUES", "insert; insert; insert"},
      {"UPDATE t SET a = a + 1 WHERE b; DELETE FROM t", "update; delete"},
      {"FLUSH; WAIT FOR SOURCE s", "flush; wait"},
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

TEST(Parser, says_what_is_wrong_with_a_parallelism) {
  expect_all({
      {"ALTER TABLE t SET PARALLELISM = 0", "22023 @33 parallelism must be at least 1"},
      {"ALTER TABLE t SET PARALLELISM = 1.5", "22023 @33 parallelism is a whole number or ADAPTIVE, not 1.5"},
      {"ALTER TABLE t SET PARALLELISM = 99999999999", "22023 @33 parallelism is a whole number or ADAPTIVE, not 99999999999"},
      {"ALTER TABLE t SET PARALLELISM", "42601 @30 syntax error at end of input"},
      {"ALTER TABLE t SET PARALLELISM = many", "42601 @33 syntax error at or near \"many\""},
      {"ALTER TABLE t SET PARALLELISM = 2 x", "42601 @35 syntax error at or near \"x\""},
      {"ALTER SOURCE s SET nothing", "0A000 @1 ALTER SOURCE is not supported"},
  });
}

}  // namespace
}  // namespace penstock::frontend
