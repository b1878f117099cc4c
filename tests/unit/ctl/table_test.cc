#include "ctl/table.h"

#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

Table jobs() {
  pb::SystemRowsResponse response;
  for (const char* column : {"id", "name", "alive", "text"}) response.add_columns(column);
  response.set_kinds("ntbt");
  const auto add = [&](std::vector<std::string> values, bool last_is_null) {
    auto& row = *response.add_rows();
    for (size_t i = 0; i < values.size(); ++i) {
      row.add_values(values[i]);
      row.add_nulls(i == 3 && last_is_null);
    }
  };
  add({"1", "t", "t", "SELECT\n  1"}, false);
  add({"2", "v", "f", ""}, true);
  add({"12.5", "v", "t", "Zürich"}, false);
  return table_of("jobs", response);
}

TEST(CtlTable, is_aligned_for_people_with_texts_on_one_line) {
  EXPECT_EQ(as_text({jobs()}),
            " id   | name | alive | text\n"
            "------+------+-------+----------\n"
            " 1    | t    | t     | SELECT 1\n"
            " 2    | v    | f     |\n"
            " 12.5 | v    | t     | Zürich\n"
            "(3 rows)\n");
}

TEST(CtlTable, cuts_long_texts_between_characters_unless_told_not_to) {
  Table table{"x", {"text"}, "t", {{{false, "abcü and more"}}}};
  EXPECT_NE(as_text({table}, 5).find(" abc…\n"), std::string::npos) << as_text({table}, 5);
  EXPECT_NE(as_text({table}, 0).find("abcü and more"), std::string::npos);
}

TEST(CtlTable, has_numbers_booleans_and_null_in_json) {
  EXPECT_EQ(as_json_text({jobs()}),
            R"([
  {
    "id": 1,
    "name": "t",
    "alive": true,
    "text": "SELECT\n  1"
  },
  {
    "id": 2,
    "name": "v",
    "alive": false,
    "text": null
  },
  {
    "id": 12.5,
    "name": "v",
    "alive": true,
    "text": "Zürich"
  }
]
)");
}

TEST(CtlTable, several_become_an_object_by_title_and_empty_ones_stay) {
  Table empty{"none", {"a"}, "n", {}};
  Table one{"one", {"a"}, "n", {{{false, "18446744073709551615"}}}};
  EXPECT_EQ(as_json_text({empty, one}), "{\n  \"none\": [],\n  \"one\": [\n    {\n      \"a\": 18446744073709551615\n    }\n  ]\n}\n");
  EXPECT_EQ(as_json_text({empty}), "[]\n");
}

TEST(CtlTable, is_narrowed_by_a_column_and_to_the_newest_rows) {
  Table table = jobs();
  keep_rows(table, "name", "v");
  ASSERT_EQ(table.rows.size(), 2U);
  keep_rows(table, "no such column", "v");
  keep_rows(table, "name", "");
  ASSERT_EQ(table.rows.size(), 2U);
  keep_last(table, 1);
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0][0].text, "12.5");
}

}  // namespace
}  // namespace penstock::ctl
