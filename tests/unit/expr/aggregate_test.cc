#include "expr/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "expr/build_helpers.h"
#include "expr/pb_types.h"
#include "proto/expr.pb.h"

namespace penstock::expr {
namespace {

using data::Column;
using data::DataType;
using data::Datum;
using data::TypeKind;

pb::AggCall call_of(std::string_view function, std::optional<DataType> arg) {
  pb::AggCall call;
  call.set_function(std::string(function));
  std::vector<ArgType> args;
  if (arg) {
    call.add_args(0);
    type_to_pb(*arg, *call.add_arg_types());
    args.push_back({*arg});
  }
  type_to_pb(resolve_aggregate(function, args).value().return_type, *call.mutable_return_type());
  return call;
}

// The states of some groups, as an operator keeps them: in rows that hold other things too.
class Groups {
 public:
  static constexpr size_t kOffset = 16;

  Groups(const pb::AggCall& call, size_t groups, bool append_only = true) : aggregate_(build_aggregate(call, append_only).value()) {
    for (size_t i = 0; i < groups; ++i) {
      rows_.push_back(std::make_unique<uint64_t[]>((kOffset + aggregate_->state_size()) / 8));
      aggregate_->init(state(i));
    }
  }
  ~Groups() {
    for (size_t i = 0; i < rows_.size(); ++i) aggregate_->destroy(state(i));
  }

  void apply(const std::vector<Column>& args, const std::vector<uint32_t>& rows, const std::vector<size_t>& groups,
             const std::vector<int8_t>& signs = {}) {
    std::vector<std::byte*> states;
    for (const size_t group : groups) states.push_back(row(group));
    RowErrors errors;
    aggregate_->apply(args, rows, signs.empty() ? nullptr : signs.data(), states.data(), kOffset, errors);
    EXPECT_EQ(errors.count, 0U);
  }

  std::vector<std::string> outputs() {
    RowErrors errors;
    const Column column = aggregate_->output(states(), kOffset, errors);
    std::vector<std::string> out;
    for (size_t i = 0; i < column.size(); ++i) out.push_back(column.is_null(i) ? "NULL" : data::to_text(column.datum(i), column.type()));
    error_ = errors.first;
    return out;
  }

  // Through the columns of a state table and back.
  void store_and_load() {
    const std::vector<Column> columns = aggregate_->encode(states(), kOffset);
    ASSERT_EQ(columns.size(), aggregate_->state_types().size());
    for (size_t i = 0; i < columns.size(); ++i) EXPECT_EQ(columns[i].type(), aggregate_->state_types()[i]);
    for (size_t group = 0; group < rows_.size(); ++group) {
      std::vector<Datum> values;
      for (const Column& column : columns) values.push_back(column.datum(group));
      aggregate_->destroy(state(group));
      aggregate_->init(state(group));
      const Status loaded = aggregate_->decode(values, state(group));
      ASSERT_TRUE(loaded.has_value()) << loaded.error().to_string();
    }
  }

  const Aggregate& aggregate() const { return *aggregate_; }
  const std::optional<Error>& error() const { return error_; }
  std::byte* state(size_t group) { return row(group) + kOffset; }

 private:
  std::byte* row(size_t group) { return reinterpret_cast<std::byte*>(rows_[group].get()); }
  std::vector<const std::byte*> states() {
    std::vector<const std::byte*> out;
    for (size_t i = 0; i < rows_.size(); ++i) out.push_back(row(i));
    return out;
  }

  std::unique_ptr<const Aggregate> aggregate_;
  std::vector<std::unique_ptr<uint64_t[]>> rows_;
  std::optional<Error> error_;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
    const bool quoted = text[at] == '"';
    const size_t end = quoted ? text.find('"', at + 1) : std::min(text.find(' ', at), text.size());
    out.emplace_back(text.substr(at + (quoted ? 1 : 0), end - at - (quoted ? 1 : 0)));
    at = end + (quoted ? 1 : 0);
  }
  return out;
}

Column column_of(DataType type, const std::vector<std::string>& texts) {
  data::AnyColumnBuilder builder(type, texts.size());
  for (const std::string& text : texts) {
    if (text == ".") {
      builder.append_null();
    } else {
      builder.append(data::from_text(text, type).value());
    }
  }
  return builder.finish();
}

// `function type: values => result`, a line each; an error is written `error message`.
void run_aggregates(std::string_view table) {
  while (!table.empty()) {
    const size_t end = std::min(table.find('\n'), table.size());
    const std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    SCOPED_TRACE(std::string(line));
    const size_t arrow = line.rfind("=>");
    const auto head = words(line.substr(0, colon));
    const auto values = words(line.substr(colon + 2, arrow - colon - 2));
    const DataType type = data::type_of_name(head[1]).value();
    Groups groups(call_of(head[0], type), 1);
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < values.size(); ++i) rows.push_back(i);
    groups.apply({column_of(type, values)}, rows, std::vector<size_t>(values.size(), 0));
    groups.store_and_load();
    const std::string got = groups.outputs()[0];
    std::string expected(line.substr(line.find_first_not_of(' ', arrow + 2)));
    while (expected.ends_with(' ')) expected.pop_back();
    if (expected == "\"\"") expected.clear();
    EXPECT_EQ(groups.error() ? "error " + groups.error()->message() : got, expected);
  }
}

TEST(Aggregate, sums_and_averages_as_postgres) {
  run_aggregates(R"(
    sum int2: 1 2 . 3                                => 6
    sum int4: 2147483647 2147483647                  => 4294967294
    sum int4: . .                                    => NULL
    sum int8: 9223372036854775807 9223372036854775807 => 18446744073709551614
    sum int8: -9223372036854775808 -1                => -9223372036854775809
    avg int2: 1 2                                    => 1.5000000000000000
    avg int4: 1 2 . 4                                => 2.3333333333333333
    avg int8: 9223372036854775807 1                  => 4611686018427387904
    avg int8: 10 20                                  => 15.0000000000000000
    avg int4: .                                      => NULL
    sum numeric: 1.5 2.25 .                          => 3.75
    sum numeric: 1.50 -1.5                           => 0.00
    sum numeric: 0.1 100                             => 100.1
    sum numeric: NaN 1                               => NaN
    sum numeric: Infinity 1                          => Infinity
    sum numeric: Infinity -Infinity                  => NaN
    sum numeric: 99999999999999999999999999999999999999 1 => error value overflows numeric format: the sum needs more than 38 digits
    avg numeric: 1.5 2.5                             => 2.0000000000000000
    avg numeric: 1 2 2                               => 1.6666666666666667
    avg numeric: NaN 1                               => NaN
    sum float4: 1.5 2.25                             => 3.75
    sum float8: 0.1 0.2 0.3                          => 0.6
    sum float8: 1e308 1e308                          => error value out of range: overflow
    sum float8: 1e308 1e308 -1e308                   => 1e+308
    sum float8: Infinity 1                           => Infinity
    sum float8: Infinity -Infinity                   => NaN
    sum float8: NaN 1                                => NaN
    avg float8: 1 2                                  => 1.5
    avg float4: 1.5 2.5                              => 2
    sum interval: "1 day" "02:00:00" "1 mon"         => 1 mon 1 day 02:00:00
    avg interval: "1 day" "2 days"                   => 1 day 12:00:00
    avg interval: "1 mon" "1 day"                    => 15 days 12:00:00
  )");
}

TEST(Aggregate, finds_extremes_and_truths) {
  run_aggregates(R"(
    min int4: 3 1 . 2                                => 1
    max int8: 3 1 . 2                                => 3
    max int2: . .                                    => NULL
    min float8: NaN 1 -Infinity                      => -Infinity
    max float8: NaN 1 Infinity                       => NaN
    min numeric: 1.50 1.5 2                          => 1.50
    max varchar: b abc "a text that lies in a buffer" => b
    min varchar: b abc "a text that lies in a buffer" => a text that lies in a buffer
    min varchar: b ""                                => ""
    max date: 2020-01-01 2021-01-01                  => 2021-01-01
    min timestamp: "2020-01-01 00:00:01" "2020-01-01" => 2020-01-01 00:00:00
    max interval: "29 days" "1 mon"                  => 1 mon
    bool_and bool: t t .                             => t
    bool_and bool: t f .                             => f
    bool_or bool: f f .                              => f
    bool_or bool: f t                                => t
    every bool: .                                    => NULL
    count varchar: a . b                             => 2
    count varchar: .                                 => 0
  )");
}

TEST(Aggregate, measures_spread_as_postgres) {
  run_aggregates(R"(
    var_samp int4: 1 2 3 4                           => 1.6666666666666667
    var_pop int4: 1 2 3 4                            => 1.2500000000000000
    stddev int4: 1 2 3 4                             => 1.2909944487358056
    stddev_pop int4: 1 2 3 4                         => 1.1180339887498948
    stddev int8: 5 .                                 => NULL
    stddev_pop int8: 5                               => 0
    variance int8: 9223372036854775807 -9223372036854775808 => error value overflows numeric format: the result needs more than 38 digits
    variance int8: 1000000001 1000000002 1000000003  => 1.00000000000000000000
    stddev int2: 2 4 4 4 5 5 7 9                     => 2.1380899352993951
    var_pop int4: 7 7 7                              => 0
    variance numeric: 1.5 2.25 3                     => 0.56250000000000000000
    stddev numeric: 1.5 2.25 3                       => 0.75000000000000000000
    var_pop numeric: 0.001 100 1e10                  => 22222221999997779999.977778
    stddev numeric: NaN 1                            => NaN
    stddev numeric: Infinity 1                       => NaN
    var_samp float8: 1 2 3 4                         => 1.6666666666666667
    stddev float8: 1000000001 1000000002 1000000003  => 1
    stddev float8: 0.1 0.2 0.4                       => 0.15275252316519466
    var_pop float4: 1.5 2.5                          => 0.25
    stddev float8: NaN 1                             => NaN
    stddev_pop float8: 3                             => 0
    stddev float8: 3                                 => NULL
    variance float8: 1e200 1                         => error value out of range: overflow
  )");
}

TEST(Aggregate, counts_rows_without_looking_at_any_column) {
  Groups groups(call_of("count", std::nullopt), 2);
  groups.apply({}, {0, 1, 2, 3}, {0, 1, 0, 0}, {1, 1, 1, -1});
  EXPECT_EQ(groups.outputs(), (std::vector<std::string>{"1", "1"}));
  groups.store_and_load();
  EXPECT_EQ(groups.outputs(), (std::vector<std::string>{"1", "1"}));
}

TEST(Aggregate, takes_constant_columns) {
  Groups sum(call_of("sum", TypeKind::Int32), 1);
  sum.apply({Column::constant(TypeKind::Int32, 7, 5)}, {0, 2, 4}, {0, 0, 0});
  EXPECT_EQ(sum.outputs()[0], "21");
  sum.apply({Column::constant(TypeKind::Int32, Datum(), 5)}, {0, 2, 4}, {0, 0, 0});
  EXPECT_EQ(sum.outputs()[0], "21");
  Groups count(call_of("count", TypeKind::Int32), 1);
  count.apply({Column::constant(TypeKind::Int32, Datum(), 5)}, {0, 1}, {0, 0});
  count.apply({Column::constant(TypeKind::Int32, 1, 5)}, {0, 1}, {0, 0});
  EXPECT_EQ(count.outputs()[0], "2");
}

// What is left after random inserts and retractions must be what a fresh aggregate over the remaining rows gives, to the letter.
void check_against_fresh(std::string_view function, DataType type, const std::vector<std::string>& pool, uint64_t seed) {
  SCOPED_TRACE(fmt::format("{}({}) seed {}", function, type.to_string(), seed));
  constexpr size_t kGroups = 3;
  std::mt19937_64 random(seed);
  const Column column = column_of(type, pool);
  Groups moving(call_of(function, type), kGroups, false);
  std::vector<std::pair<uint32_t, size_t>> left;
  for (int step = 0; step < 12; ++step) {
    std::vector<uint32_t> rows;
    std::vector<size_t> groups;
    std::vector<int8_t> signs;
    for (int i = 0; i < 40; ++i) {
      const bool take_back = !left.empty() && random() % 5 < (step < 6 ? 2 : 4);
      if (take_back) std::swap(left[random() % left.size()], left.back());
      const auto [row, group] = take_back ? left.back() : std::pair<uint32_t, size_t>(random() % pool.size(), random() % kGroups);
      if (take_back) {
        left.pop_back();
      } else {
        left.emplace_back(row, group);
      }
      rows.push_back(row);
      groups.push_back(group);
      signs.push_back(take_back ? -1 : 1);
    }
    moving.apply({column}, rows, groups, signs);
    if (step % 4 == 1) moving.store_and_load();
    Groups fresh(call_of(function, type), kGroups);
    std::vector<uint32_t> left_rows;
    std::vector<size_t> left_groups;
    for (const auto& [row, group] : left) {
      left_rows.push_back(row);
      left_groups.push_back(group);
    }
    fresh.apply({column}, left_rows, left_groups);
    ASSERT_EQ(moving.outputs(), fresh.outputs()) << "step " << step;
  }
}

TEST(Aggregate, forgets_retracted_rows_without_a_trace) {
  const std::vector<std::string> integers = {"1", "-5", ".", "32000", "-32768", "0", "7"};
  const std::vector<std::string> numerics = {"1",    "1.5", "-2.25", "1e20", ".", "NaN", "Infinity", "-Infinity", "0.00000000000000000001",
                                             "-1e37"};
  const std::vector<std::string> floats = {"1", "2.5", "-0.75", ".", "NaN", "Infinity", "-Infinity", "1e308", "-1e308", "4096"};
  const std::vector<std::string> intervals = {"1 day", "-2 mons", ".", "03:00:00.5"};
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (const auto* const function : {"sum", "avg", "count"}) {
      check_against_fresh(function, TypeKind::Int16, integers, seed);
      check_against_fresh(function, TypeKind::Int32, integers, seed);
      check_against_fresh(function, TypeKind::Int64, integers, seed);
      check_against_fresh(function, TypeKind::Numeric, numerics, seed);
      check_against_fresh(function, TypeKind::Interval, intervals, seed);
      check_against_fresh(function, TypeKind::Float64, floats, seed);
    }
    for (const auto* const function : {"var_pop", "stddev"}) {
      check_against_fresh(function, TypeKind::Int64, integers, seed);
      check_against_fresh(function, TypeKind::Numeric, {"1", "1.5", "-2.25", "NaN", ".", "1e10"}, seed);
      check_against_fresh(function, TypeKind::Float64, {"1", "2.5", "-0.75", ".", "NaN", "Infinity", "4096"}, seed);
    }
    check_against_fresh("bool_and", TypeKind::Boolean, {"t", "f", "t", "."}, seed);
    check_against_fresh("bool_or", TypeKind::Boolean, {"f", "f", "t", "."}, seed);
  }
}

TEST(Aggregate, sums_of_floats_survive_cancellation) {
  Groups groups(call_of("sum", TypeKind::Float64), 1, false);
  const Column column = column_of(TypeKind::Float64, {"1e100", "1", "1e-3"});
  groups.apply({column}, {0, 1, 2, 0}, {0, 0, 0, 0}, {1, 1, 1, -1});
  EXPECT_EQ(groups.outputs()[0], "1.001");
  groups.apply({column}, {1, 2}, {0, 0}, {-1, -1});
  EXPECT_EQ(groups.outputs()[0], "NULL");
}

TEST(Aggregate, sums_of_integers_match_a_wide_model) {
  std::mt19937_64 random(7);
  data::ColumnBuilder<int64_t> builder(TypeKind::Int64, 1000);
  __int128 expected = 0;
  std::vector<uint32_t> rows;
  std::vector<int8_t> signs;
  for (uint32_t i = 0; i < 1000; ++i) {
    const auto value = static_cast<int64_t>(random());
    builder.append(value);
    rows.push_back(i);
    signs.push_back(random() % 3 == 0 ? -1 : 1);
    expected += static_cast<__int128>(value) * signs.back();
  }
  Groups groups(call_of("sum", TypeKind::Int64), 1, false);
  groups.apply({builder.finish()}, rows, std::vector<size_t>(1000, 0), signs);
  EXPECT_EQ(groups.outputs()[0], data::Numeric::of(expected, 0).to_string());
}

TEST(Aggregate, extremes_of_text_own_what_they_keep) {
  Groups groups(call_of("max", TypeKind::Varchar), 1);
  EXPECT_EQ(groups.aggregate().owned_bytes(groups.state(0)), 0U);
  {
    const Column column = column_of(TypeKind::Varchar, {"m" + std::string(1000, 'x'), "z" + std::string(100, 'y')});
    groups.apply({column}, {0, 1}, {0, 0});
  }
  EXPECT_EQ(groups.outputs()[0], "z" + std::string(100, 'y'));
  EXPECT_GE(groups.aggregate().owned_bytes(groups.state(0)), 1001U);
}

TEST(Aggregate, only_extremes_over_retracting_input_need_a_table_of_values) {
  EXPECT_TRUE(needs_value_table(call_of("min", TypeKind::Int32), false));
  EXPECT_FALSE(needs_value_table(call_of("min", TypeKind::Int32), true));
  EXPECT_FALSE(needs_value_table(call_of("sum", TypeKind::Int32), false));
  EXPECT_FALSE(build_aggregate(call_of("max", TypeKind::Int32), false).value()->retractable());
  EXPECT_TRUE(build_aggregate(call_of("sum", TypeKind::Float64), false).value()->retractable());
}

TEST(Aggregate, agrees_with_the_planner_on_its_state) {
  EXPECT_EQ(aggregate_state_types(call_of("sum", TypeKind::Int64), true).value(),
            (std::vector<DataType>{TypeKind::Numeric, TypeKind::Int64}));
  EXPECT_EQ(aggregate_state_types(call_of("max", TypeKind::Date), true).value(), (std::vector<DataType>{TypeKind::Date}));
  EXPECT_EQ(aggregate_state_types(call_of("count", std::nullopt), true).value(), (std::vector<DataType>{TypeKind::Int64}));
}

TEST(Aggregate, refuses_calls_that_make_no_sense) {
  const auto failure = [](const pb::AggCall& call) { return build_aggregate(call, true).error().to_string(); };
  pb::AggCall call = call_of("sum", TypeKind::Int32);
  call.add_args(1);
  EXPECT_EQ(failure(call), "aggregate sum with 2 arguments of 1 types");
  call = call_of("sum", TypeKind::Int32);
  call.mutable_return_type()->set_kind(static_cast<uint32_t>(TypeKind::Varchar));
  EXPECT_EQ(failure(call), "sum returns bigint, not a value of kind 8");
  call = call_of("sum", TypeKind::Int32);
  call.set_function("frobnicate");
  EXPECT_EQ(build_aggregate(call, true).error().code(), Code::UndefinedFunction);
}

TEST(Aggregate, refuses_stored_states_that_are_broken) {
  const auto decode = [](std::string_view function, DataType type, std::vector<Datum> values) {
    Groups groups(call_of(function, type), 1);
    const Status status = groups.aggregate().decode(values, groups.state(0));
    return status.has_value() ? std::string("loaded") : std::string(code_name(status.error().code()));
  };
  EXPECT_EQ(decode("sum", TypeKind::Int32, {int64_t{1}}), "Corruption");
  EXPECT_EQ(decode("sum", TypeKind::Int32, {int64_t{1}, Datum()}), "Corruption");
  EXPECT_EQ(decode("sum", TypeKind::Int32, {int64_t{1}, std::string("x")}), "Corruption");
  EXPECT_EQ(decode("sum", TypeKind::Float64, {1.0, 0.0, int64_t{1}, std::string("short")}), "Corruption");
  EXPECT_EQ(decode("sum", TypeKind::Int64, {data::Numeric::of(15, 1), int64_t{1}}), "Corruption");
  EXPECT_EQ(decode("sum", TypeKind::Numeric, {int64_t{0}, int64_t{0}, int64_t{0}, int64_t{99}, Datum()}), "Corruption");
  EXPECT_EQ(decode("min", TypeKind::Int32, {Datum()}), "loaded");
}

}  // namespace
}  // namespace penstock::expr
