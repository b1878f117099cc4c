#include "ctl/sql_client.h"

#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

std::string filled(std::string_view text) {
  auto result = substitute(text, {{"dir", "/data/it's"}, {"n", "5"}, {"t", "my table"}});
  return result.has_value() ? result.value() : result.error().message();
}

TEST(SqlVariables, are_filled_in_as_psql_does) {
  EXPECT_EQ(filled("LIMIT :n;"), "LIMIT 5;");
  EXPECT_EQ(filled("root = :'dir'"), "root = '/data/it''s'");
  EXPECT_EQ(filled("FROM :\"t\""), "FROM \"my table\"");
}

TEST(SqlVariables, in_quotes_comments_and_casts_are_left_alone) {
  for (const std::string_view text : {"':n'", "\":n\"", "-- :n\n1", "/* :n */", "'1'::int", "a::n", "12:30", ": n", "':"}) {
    EXPECT_EQ(filled(text), text);
  }
}

TEST(SqlVariables, that_are_not_set_are_an_error) { EXPECT_EQ(filled("SELECT :missing"), "variable missing is not set"); }

TEST(SqlRows, are_printed_in_columns) {
  EXPECT_EQ(format_rows({"id", "name"}, {{{false, "1"}, {false, "Zürich"}}, {{false, "10"}, {true, ""}}}, RowFormat::Table),
            " id | name\n"
            "----+--------\n"
            " 1  | Zürich\n"
            " 10 |\n"
            "(2 rows)\n");
}

TEST(SqlRows, tell_null_from_empty_in_json_and_csv) {
  const std::vector<std::vector<Cell>> rows = {{{true, ""}, {false, ""}, {false, "a,\"b\""}}};
  EXPECT_EQ(format_rows({"a", "b", "c"}, rows, RowFormat::Json), "{\"a\":null,\"b\":\"\",\"c\":\"a,\\\"b\\\"\"}\n");
  EXPECT_EQ(format_rows({"a", "b", "c"}, rows, RowFormat::Csv), "a,b,c\n,\"\",\"a,\"\"b\"\"\"\n");
}

}  // namespace
}  // namespace penstock::ctl
