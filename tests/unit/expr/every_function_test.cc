// What must hold for every function of the registry, whatever it computes, over random values and the nastiest ones of each type.
#include <random>

#include "expr/function_table.h"
#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

using data::Column;
using data::DataType;
using data::Datum;
using data::TypeKind;

constexpr size_t kRows = 150;

std::vector<std::string> pool_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::Boolean:
      return {"t", "f"};
    case TypeKind::Int16:
      return {"0", "1", "-1", "2", "32767", "-32768", "100"};
    case TypeKind::Int32:
      return {"0", "1", "-1", "2", "3", "-5", "2147483647", "-2147483648", "65536", "2020"};
    case TypeKind::Int64:
      return {"0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808", "4294967296"};
    case TypeKind::Float32:
      return {"0", "-0", "1.5", "-2.25", "NaN", "Infinity", "-Infinity", "3e38", "1e-44"};
    case TypeKind::Float64:
      return {"0", "-0", "1.5", "-2.25", "0.1", "NaN", "Infinity", "-Infinity", "1e308", "5e-324", "1000"};
    case TypeKind::Numeric:
      return {"0",
              "1.50",
              "-2.25",
              "NaN",
              "Infinity",
              "-Infinity",
              "99999999999999999999999999999999999999",
              "0.00000000000000000000000000000000000001",
              "1000"};
    case TypeKind::Varchar:
      return {"",       "a",  "%", "_",          "abc", "a text that does not fit into its view", "größe 日本語 😀", "x/y/z", "hour", "(",
              "[a-z]+", "\\", "i", "YYYY-MM-DD", "12"};
    case TypeKind::Date:
      return {"2020-02-29", "1970-01-01", "0001-01-01", "9999-12-31", "1969-12-31"};
    case TypeKind::Timestamp:
      return {"2020-02-29 12:34:56.789", "1970-01-01", "0001-01-01", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59"};
    case TypeKind::Interval:
      return {"0", "1 mon", "-1 day", "10 minutes", "1 year 2 mons 3 days 04:05:06.7", "178000000 years", "-00:00:01"};
  }
  return {};
}

// Two functions take their time over large numbers, rightly; here they need not.
bool takes(std::string_view name, const std::vector<Datum>& row) {
  if (name != "repeat" && name != "lpad" && name != "rpad") return true;
  const auto* const length = std::get_if<int32_t>(&row[1]);
  return length == nullptr || *length < 10'000 || *length > 1'000'000'000;
}

struct Case {
  std::vector<DataType> types;
  std::vector<std::vector<Datum>> rows;
  data::DataChunk chunk;
};

Case make_case(std::string_view name, const Overload& overload, std::mt19937_64& random) {
  Case out;
  std::vector<data::AnyColumnBuilder> builders;
  for (const TypeKind kind : overload.args) {
    out.types.emplace_back(kind);
    builders.emplace_back(kind, kRows);
  }
  while (out.rows.size() < kRows) {
    std::vector<Datum> row;
    for (const TypeKind kind : overload.args) {
      const auto pool = pool_of(kind);
      row.push_back(random() % 8 == 0 ? Datum() : data::from_text(pool[random() % pool.size()], kind).value());
    }
    if (!takes(name, row)) continue;
    for (size_t i = 0; i < row.size(); ++i) builders[i].append(row[i]);
    out.rows.push_back(std::move(row));
  }
  std::vector<Column> columns;
  for (auto& builder : builders) columns.push_back(builder.finish());
  out.chunk = data::DataChunk(std::move(columns), kRows);
  return out;
}

std::string text_of(const Datum& value, DataType type) { return data::is_null(value) ? "NULL" : data::to_text(value, type); }

pb::Expr call_over(const std::string& name, const std::vector<pb::Expr>& args) { return make_call(name, args).value(); }

TEST(EveryFunction, gives_over_a_column_what_it_gives_row_by_row_over_constants) {
  std::mt19937_64 random(11);
  for (const auto& [name, function] : FunctionTable::instance().functions()) {
    for (const Overload& overload : function.overloads) {
      const Case test = make_case(name, overload, random);
      std::vector<pb::Expr> inputs;
      for (size_t i = 0; i < test.types.size(); ++i) inputs.push_back(make_input(static_cast<uint32_t>(i), test.types[i]));
      const auto built = build(call_over(name, inputs), test.types);
      ASSERT_TRUE(built.has_value()) << name << ": " << built.error().to_string();
      RowErrors errors;
      const Column column = built.value()->evaluate(test.chunk, nullptr, errors);
      ASSERT_EQ(column.size(), kRows);
      ASSERT_EQ(column.type().kind, overload.result) << name;
      size_t failing = 0;
      for (size_t row = 0; row < kRows; ++row) {
        std::vector<pb::Expr> literals;
        for (size_t i = 0; i < test.types.size(); ++i) literals.push_back(make_literal(test.rows[row][i], test.types[i]));
        const auto one = evaluate_constant(call_over(name, literals));
        failing += one.has_error() ? 1 : 0;
        ASSERT_EQ(text_of(column.datum(row), column.type()), one.has_error() ? "NULL" : text_of(one.value(), column.type()))
            << name << " of " << test.types.size() << " arguments, row " << row << " "
            << (one.has_error() ? one.error().to_string() : std::string());
      }
      ASSERT_EQ(errors.count, failing) << name;
    }
  }
}

TEST(EveryFunction, never_fails_for_rows_that_are_not_active) {
  std::mt19937_64 random(12);
  for (const auto& [name, function] : FunctionTable::instance().functions()) {
    for (const Overload& overload : function.overloads) {
      const Case test = make_case(name, overload, random);
      std::vector<pb::Expr> inputs;
      for (size_t i = 0; i < test.types.size(); ++i) inputs.push_back(make_input(static_cast<uint32_t>(i), test.types[i]));
      const auto built = build(call_over(name, inputs), test.types).value();
      RowErrors all;
      const Column expected = built->evaluate(test.chunk, nullptr, all);
      data::Bitmap some(kRows, false);
      for (size_t row = 0; row < kRows; ++row) some.set(row, random() % 2 == 0);
      data::Bitmap others = some;
      others.flip();
      RowErrors errors_of_some, errors_of_others;
      const Column half = built->evaluate(test.chunk, &some, errors_of_some);
      (void)built->evaluate(test.chunk, &others, errors_of_others);
      ASSERT_EQ(errors_of_some.count + errors_of_others.count, all.count) << name;
      some.for_each_set([&](size_t row) {
        ASSERT_EQ(text_of(half.datum(row), half.type()), text_of(expected.datum(row), expected.type())) << name << " row " << row;
      });
    }
  }
}

}  // namespace
}  // namespace penstock::expr::testing
