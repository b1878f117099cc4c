#include "frontend/copy_rows.h"

#include <gtest/gtest.h>

namespace penstock::frontend {
namespace {

using data::TypeKind;

ast::CopyFormat csv() { return {.csv = true, .delimiter = ',', .null = ""}; }

/// "1|a\n2|NULL\n", or the error. The bytes come in pieces of `piece`.
std::string read(std::string_view bytes, const ast::CopyFormat& format = {}, size_t piece = 1 << 20,
                 data::Schema columns = {{{"n", TypeKind::Int64}, {"t", TypeKind::Varchar}}}) {
  CopyRows rows(format, std::move(columns));
  const auto failed = [](const Error& e) { return e.context() + ": " + e.message(); };
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (const Status added = rows.add(bytes.substr(at, piece)); added.has_error()) return failed(added.error());
  }
  if (const Status finished = rows.finish(); finished.has_error()) return failed(finished.error());
  std::string out;
  for (const data::DataChunk& chunk : rows.take()) {
    for (size_t i = 0; i < chunk.rows(); ++i) {
      std::string line;
      for (const data::Datum& d : chunk.row(i)) {
        line += (line.empty() ? "" : "|") + (data::is_null(d)                     ? "NULL"
                                             : std::holds_alternative<int64_t>(d) ? std::to_string(std::get<int64_t>(d))
                                                                                  : std::get<std::string>(d));
      }
      out += line + "\n";
    }
  }
  return out;
}

TEST(CopyRows, text_is_rows_of_fields_between_tabs) {
  EXPECT_EQ(read("1\ta\n2\t\\N\n\\N\t\n"), "1|a\n2|NULL\nNULL|\n");
  EXPECT_EQ(read("1\ta\r\n2\tb"), "1|a\n2|b\n");
  EXPECT_EQ(read(""), "");
}

TEST(CopyRows, text_knows_the_escapes_of_postgres) {
  EXPECT_EQ(read("1\ta\\tb\\nc\\\\d\\x41\\102\\q\n"), "1|a\tb\nc\\dABq\n");
  EXPECT_EQ(read("1\ta\\\tb\n"), "1|a\tb\n") << "an escaped delimiter is none";
  EXPECT_EQ(read("1\t\\\\N\n"), "1|\\N\n") << "not NULL";
}

TEST(CopyRows, a_line_of_backslash_and_dot_ends_the_data) {
  EXPECT_EQ(read("1\ta\n\\.\nrubbish"), "1|a\n");
  EXPECT_EQ(read("1,a\n\\.\nrubbish", csv()), "1|a\n");
}

TEST(CopyRows, csv_has_quotes_doubled_quotes_and_line_ends_within) {
  EXPECT_EQ(read("1,a\n2,\"b,\"\"c\"\"\nd\"\r\n3,\n4,\"\"\n", csv()), "1|a\n2|b,\"c\"\nd\n3|NULL\n4|\n");
  EXPECT_EQ(read("1,x\"y\"z", csv()), "1|xyz\n");
}

TEST(CopyRows, a_header_is_passed_over) {
  auto format = csv();
  format.header = true;
  EXPECT_EQ(read("n,t,\"more\nlines\"\n1,a\n", format), "1|a\n");
  EXPECT_EQ(read("n,t\n", format), "");
}

TEST(CopyRows, the_delimiter_the_null_and_the_quotes_may_be_others) {
  EXPECT_EQ(read("1;'it\\'s'\n2;nil\n3;'nil'\n", {.csv = true, .delimiter = ';', .null = "nil", .quote = '\'', .escape = '\\'}),
            "1|it's\n2|NULL\n3|nil\n");
  EXPECT_EQ(read("1|a\n-|-\n", {.delimiter = '|', .null = "-"}), "1|a\nNULL|NULL\n");
}

TEST(CopyRows, gives_the_same_rows_wherever_the_bytes_are_cut) {
  const std::string text = "1\ta\\tb\n2\t\\N\n3\tlong text here\n\\.\n";
  const std::string quoted = "1,\"a\"\"b\"\n2,\"\n\"\r\n3,x\r\n";
  for (size_t piece = 1; piece < 12; ++piece) {
    EXPECT_EQ(read(text, {}, piece), read(text)) << piece;
    EXPECT_EQ(read(quoted, csv(), piece), read(quoted, csv())) << piece;
  }
}

TEST(CopyRows, says_in_which_line_and_column_a_value_is_wrong) {
  EXPECT_EQ(read("1\ta\nx\tb\n"), "COPY, line 2: column n: invalid input syntax for type bigint: \"x\"");
  EXPECT_EQ(read("1\n"), "COPY, line 1: missing data for column \"t\"");
  EXPECT_EQ(read("1\ta\n\n"), "COPY, line 2: missing data for column \"t\"");
  EXPECT_EQ(read("1\ta\tb\n"), "COPY, line 1: extra data after last expected column");
  EXPECT_EQ(read("1,\"a\n", csv()), "COPY, line 1: unterminated CSV quoted field");
}

TEST(CopyRows, text_that_is_no_utf8_is_refused) {
  EXPECT_EQ(read("1\t\xff\n"), "COPY, line 1: invalid byte sequence for encoding \"UTF8\": 0xff");
  EXPECT_EQ(read(std::string_view("1\t\0\n", 4)), "COPY, line 1: invalid byte sequence for encoding \"UTF8\": 0x00");
}

TEST(CopyRows, an_empty_line_of_one_csv_column_is_a_row) {
  EXPECT_EQ(read("a\n\nb\n", csv(), 100, {{{"t", TypeKind::Varchar}}}), "a\nNULL\nb\n");
}

}  // namespace
}  // namespace penstock::frontend
