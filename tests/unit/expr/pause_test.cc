#include "expr/pause.h"

#include "unit/expr/expr_text.h"

namespace penstock::expr::testing {
namespace {

double owed_seconds() { return static_cast<double>(take_owed_pause()) / 1e9; }

double owed_by(std::string_view text, const data::DataChunk& chunk, const data::Bitmap* active = nullptr) {
  const auto built = build(parse(text, {data::TypeKind::Float64}).value(), {{data::DataType(data::TypeKind::Float64)}}).value();
  EXPECT_EQ(owed_seconds(), 0) << "nothing is owed before rows come";
  (void)evaluate_texts(*built, chunk, active);
  return owed_seconds();
}

data::DataChunk seconds_of(const std::vector<std::optional<double>>& values) {
  data::AnyColumnBuilder column(data::TypeKind::Float64, values.size());
  for (const auto& value : values) column.append(value ? data::Datum(*value) : data::Datum());
  return {{column.finish()}, values.size()};
}

TEST(Pause, is_owed_for_every_row_also_where_it_is_constant) {
  EXPECT_EQ(owed_by("pg_sleep(2)", seconds_of({0, 0, 0})), 6);
  EXPECT_EQ(owed_by("pg_sleep($0)", seconds_of({1, 0.5, 0})), 1.5);
}

TEST(Pause, of_nothing_or_less_is_nothing_and_of_for_ever_a_day) {
  EXPECT_EQ(owed_by("pg_sleep($0)", seconds_of({std::nullopt, -5, std::nan("")})), 0);
  EXPECT_EQ(owed_by("pg_sleep($0)", seconds_of({std::numeric_limits<double>::infinity()})), 86'400);
}

TEST(Pause, is_not_owed_for_rows_that_do_not_matter) {
  data::Bitmap active(3, false);
  active.set(1, true);
  EXPECT_EQ(owed_by("pg_sleep($0)", seconds_of({1, 2, 4}), &active), 2);
}

TEST(Pause, has_the_value_that_psql_shows_for_void) {
  const auto built = build(parse("pg_sleep(0)").value(), {}).value();
  EXPECT_EQ(evaluate_texts(*built, data::DataChunk({}, 2)), (std::vector<std::string>{"", ""}));
}

}  // namespace
}  // namespace penstock::expr::testing
