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
  static constexpr std::string_view kKinds[] = {
      "query",  "create relation", "create view", "create sink", "create database", "drop",         "alter",         "cancel",
      "insert", "update",          "delete",      "copy",        "flush",           "wait",         "wait for jobs", "show",
      "set",    "reset",           "deallocate",  "transaction", "explain",         "subscription", "declare",       "fetch",
      "close"};
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
      {"CREATE SUBSCRIPTION s FROM t WITH (retention = '1 h'); DROP SUBSCRIPTION s", "subscription; drop"},
      {"DECLARE c SUBSCRIPTION CURSOR FOR s FULL; FETCH 5 FROM c; CLOSE c", "declare; fetch; close"},
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
      {"INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1 RETURNING *; DELETE FROM t RETURNING a", "insert; delete"},
      {"COPY t FROM STDIN; COPY t (a, b) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'x', QUOTE '|')", "copy; copy"},
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
      {"DEALLOCATE a; DEALLOCATE PREPARE b; DEALLOCATE ALL", "deallocate; deallocate; deallocate"},
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

TEST(Parser, splits_at_semicolons_outside_of_parentheses_and_quotes) {
  const auto parsed = parse("SELECT ';' ; -- ;\n SELECT $$;$$ /* ; */;; SELECT \"a;b\" FROM t").value();
  ASSERT_EQ(parsed.size(), 3);
  EXPECT_EQ(parsed[0].text, "SELECT ';'");
  EXPECT_EQ(parsed[1].text, "SELECT $$;$$");
  EXPECT_EQ(parsed[2].text, "SELECT \"a;b\" FROM t");
  EXPECT_EQ(parsed[0].position, 1);
  EXPECT_EQ(parsed[1].position, 20);
  EXPECT_EQ(parsed[2].position, 43);
}

TEST(Parser, says_what_is_wrong_with_a_parallelism) {
  expect_all({
      {"ALTER TABLE t SET PARALLELISM = 4; ALTER MATERIALIZED VIEW a.v SET PARALLELISM TO 2; ALTER SINK k SET PARALLELISM ADAPTIVE; "
       "ALTER SOURCE s SET parallelism TO default",
       "alter; alter; alter; alter"},
      {"ALTER TABLE t SET PARALLELISM = 0", "22023 @33 parallelism must be at least 1"},
      {"ALTER TABLE t SET PARALLELISM = 1.5", "22023 @33 parallelism is a whole number or ADAPTIVE, not 1.5"},
      {"ALTER TABLE t SET PARALLELISM = 99999999999", "22023 @33 parallelism is a whole number or ADAPTIVE, not 99999999999"},
      {"ALTER TABLE t SET PARALLELISM", "42601 @30 syntax error at end of input"},
      {"ALTER TABLE t SET PARALLELISM = many", "42601 @33 syntax error at or near \"many\""},
      {"ALTER TABLE t SET PARALLELISM = 2 x", "42601 @35 syntax error at or near \"x\""},
  });
}

TEST(Parser, counts_positions_in_characters_of_the_whole_text) {
  expect_all({
      {"SELECT 'äöü'; SELEC 1", "42601 @15 syntax error at or near \"SELEC\""},
      {"SELECT 'äöü' FROM WHERE", "42601 @19 syntax error at or near \"WHERE\""},
      {"/* äöü */ SELECT , 1", "42601 @18 syntax error at or near \",\""},
      {"SELECT 1; CREATE SOURCE ü (a INT) WITH (connector = )", "42601 @53 syntax error at or near \")\""},
      {"CREATE SINK ü AS SELECT 'ß' FROM WHERE WITH (connector = 'blackhole')", "42601 @34 syntax error at or near \"WHERE\""},
      {"CREATE MATERIALIZED VIEW ü WITH (\"ä\" = 'ö') AS SELECT FROM WHERE", "42601 @60 syntax error at or near \"WHERE\""},
      {"CREATE SOURCE ü (ä INT, ö WHERE) WITH (connector = 'x')", "42601 @27 syntax error at or near \"WHERE\""},
      {"SELECT 1;\n\tSELECT (", "42601 @20 syntax error at end of input"},
  });
}

TEST(Parser, refuses_bytes_that_are_no_text) {
  expect_all({
      {"SELECT '\xff'", "22P02 @9 invalid byte sequence for encoding \"UTF8\": 0xff"},
      {"SELECT 'ä\xc3'", "22P02 @10 invalid byte sequence for encoding \"UTF8\": 0xc3"},
      {"SELECT '\xed\xa0\x80'", "22P02 @9 invalid byte sequence for encoding \"UTF8\": 0xed"},
      {std::string_view("SELECT \0 1", 10), "42601 @8 zero byte in statement"},
  });
}

std::string repeated(std::string_view what, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += what;
  return out;
}

TEST(Parser, answers_what_is_too_complex_with_an_error_and_lives) {
  testing::on_deep_stack([] {
    const auto of = [](std::string_view head, std::string_view what, size_t times, std::string_view tail = "") {
      return outcome(std::string(head) + repeated(what, times) + std::string(tail));
    };
    EXPECT_EQ(of("SELECT ", "1+", 200'000, "1"), "54001 @20009 statement is too complex: more than 10000 operators in one expression");
    EXPECT_EQ(of("SELECT ", "1+", 9'999, "1"), "query");
    EXPECT_EQ(of("SELECT ", "(", 1'001, "1"), "54001 @1008 statement is too complex: more than 1000 nested parentheses, CASEs or SELECTs");
    EXPECT_EQ(of("SELECT " + repeated("(", 1'000) + "1", ")", 1'000), "query");
    EXPECT_EQ(of("SELECT ", "CASE WHEN ", 1'001),
              "54001 @10008 statement is too complex: more than 1000 nested parentheses, CASEs or SELECTs");
    EXPECT_EQ(of("SELECT 1", " UNION SELECT 1", 1'001),
              "54001 @15010 statement is too complex: more than 1000 set operations or joins in a row");
    EXPECT_EQ(of("SELECT 1", " UNION SELECT 1", 1'000), "query");
    EXPECT_EQ(of("SELECT ", "+-", 200), "54001 @8 statement is too complex: more than 256 operator characters in a row");
    EXPECT_EQ(of("", "/*", 200), "54001 @201 statement is too complex: more than 100 nested comments");
    EXPECT_EQ(of("SELECT '", "+-", 5'000, "'"), "query");
    EXPECT_EQ(of("SELECT E'\\'", "+-", 5'000, "'"), "query");
    EXPECT_EQ(of("SELECT $a$", "+-", 5'000, "$a$"), "query");
    EXPECT_EQ(of("--", "+-", 5'000, "\nSELECT 1"), "query");
    EXPECT_EQ(of("SELECT a FROM t WHERE a IN (1", ",1", 100'000, ")"), "query");
    EXPECT_EQ(of("SELECT a FROM t WHERE a = 1", " OR a = 1", 50'000), "query");
    EXPECT_EQ(of("SELECT '", "x", 1 << 20, "'"), "54001 @1 statement of 1048585 bytes is too long: the limit is 1048576");
  });
}

TEST(Parser, does_not_take_words_of_other_dialects_for_aliases) {
  expect_all({
      {"SELECT a FROM t ASOF JOIN u ON a = b", "0A000 @17 ASOF is not supported"},
      {"SELECT a FROM t JOIN u ON a = b QUALIFY c", "0A000 @33 QUALIFY is not supported"},
      {"SELECT a FROM t GROUP BY a EMIT ON WINDOW CLOSE", "0A000 @28 EMIT ON WINDOW CLOSE is not supported"},
      {"SELECT a FROM t EMIT CHANGES", "0A000 @17 EMIT is not supported"},
      {"SELECT a FROM t ANTI JOIN u ON a = b", "0A000 @17 ANTI is not supported"},
      {"SELECT a FROM t PIVOT (x)", "0A000 @17 PIVOT is not supported"},
      {"SELECT a AS asof, b AS \"emit\", emit FROM qualify AS emit ORDER BY asof", "query"},
      {"SELECT a semi FROM emit, asof anti", "query"},
      {"UPDATE emit SET asof = 1", "update"},
      {"SELECT emit.a FROM emit JOIN asof ON asof.a = emit.a", "query"},
  });
}

TEST(Parser, reads_options_as_text_with_keys_in_lower_case) {
  const auto parsed =
      parse(
          "CREATE SOURCE s (a INT) WITH (Connector = 'x', A.Table.in = 'it''s', n = -1.5, on = true, \"Q\" = E'a\\tb', d = $$z$$) "
          "FORMAT plain ENCODE csv (delimiter = ',')")
          .value();
  const auto& create = std::get<ast::CreateRelation>(parsed[0].body);
  std::string text;
  for (const auto& option : create.options) text += option.key + "=" + option.value + ";";
  EXPECT_EQ(text, "connector=x;a.table.in=it's;n=-1.5;on=true;q=a\tb;d=z;");
  EXPECT_EQ(create.format + " " + create.encode, "PLAIN CSV");
  EXPECT_EQ(create.encode_options.at(0).value, ",");
}

TEST(Parser, keeps_names_as_postgres_does) {
  const auto name_of = [](std::string_view sql) { return std::get<ast::Drop>(parse(sql).value()[0].body).names.at(0).name; };
  EXPECT_EQ(name_of("DROP SOURCE Ab_C"), "ab_c");
  EXPECT_EQ(name_of("DROP SOURCE \"A\"\"b\""), "A\"b");
  EXPECT_EQ(name_of("DROP SOURCE ÄB"), "Äb");
  EXPECT_EQ(name_of("DROP SOURCE " + repeated("a", 70)), repeated("a", 63));
  EXPECT_EQ(name_of("DROP SOURCE a" + repeated("ä", 40)), "a" + repeated("ä", 31));
  const auto full = std::get<ast::Drop>(parse("DROP TABLE a.b.select").value()[0].body).names.at(0);
  EXPECT_EQ(full.database + "/" + full.schema + "/" + full.name, "a/b/select");
}

TEST(Parser, finds_the_highest_parameter) {
  EXPECT_EQ(parse("SELECT $2 + $1 WHERE $5").value()[0].parameters, 5);
  EXPECT_EQ(parse("CREATE SINK s AS SELECT $3 WITH (connector = 'blackhole')").value()[0].parameters, 3);
  EXPECT_EQ(parse("EXPLAIN SELECT $4").value()[0].parameters, 4);
  EXPECT_EQ(outcome("SELECT $70000"), "42601 @8 there is no parameter $70000");
}

}  // namespace
}  // namespace penstock::frontend
