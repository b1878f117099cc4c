// Scalar kernels over chunks of 4,096 rows: nanoseconds a row ("ns/row").
#include <benchmark/benchmark.h>

#include <random>

#include "expr/build_helpers.h"
#include "expr/expression.h"
#include "proto/expr.pb.h"

namespace penstock::expr {
namespace {

using data::Column;
using data::DataType;
using data::TypeKind;

constexpr size_t kRows = data::kChunkRows;

// Columns: 0 and 1 bigint, 2 bigint with NULLs, 3 double precision, 4 numeric, 5 short text, 6 url, 7 timestamp, 8 integer.
const std::vector<DataType> kTypes = {TypeKind::Int64,   TypeKind::Int64,   TypeKind::Int64,     TypeKind::Float64, TypeKind::Numeric,
                                      TypeKind::Varchar, TypeKind::Varchar, TypeKind::Timestamp, TypeKind::Int32};

data::DataChunk make_chunk() {
  std::mt19937_64 random(42);
  std::vector<data::AnyColumnBuilder> builders;
  for (const DataType type : kTypes) builders.emplace_back(type, kRows);
  constexpr std::array kChannels = {"Google", "Facebook", "Baidu", "Apple", "channel-1234"};
  for (size_t row = 0; row < kRows; ++row) {
    const auto number = static_cast<int64_t>(random() % 1'000'000);
    builders[0].append(number);
    builders[1].append(static_cast<int64_t>(random() % 1'000) + 1);
    if (row % 7 == 0) {
      builders[2].append_null();
    } else {
      builders[2].append(number);
    }
    builders[3].append(static_cast<double>(number) / 3);
    builders[4].append(data::Numeric::of(__int128{number}, 2));
    builders[5].append(std::string(kChannels[random() % kChannels.size()]));
    builders[6].append(
        fmt::format("https://www.nexmark.com/abc/{}/ghi/item.htm?query=1&channel_id={}", random() % 1000, random() % 100000));
    builders[7].append(static_cast<int64_t>(1'436'918'400'000'000 + row * 10'000));
    builders[8].append(static_cast<int32_t>(number));
  }
  std::vector<Column> columns;
  for (auto& builder : builders) columns.push_back(builder.finish());
  return {std::move(columns), kRows};
}

pb::Expr in(uint32_t column) { return make_input(column, kTypes[column]); }
pb::Expr i64(int64_t value) { return make_literal(value, TypeKind::Int64); }
pb::Expr text(std::string_view value) { return make_unknown(value); }
pb::Expr interval(std::string_view value) { return make_cast(make_unknown(value), TypeKind::Interval, CastKind::Explicit).value(); }
template <typename... A>
pb::Expr call(std::string_view name, A... args) {
  std::vector<pb::Expr> list;
  (list.push_back(std::move(args)), ...);
  return make_call(name, std::move(list)).value();
}
pb::Expr cast(pb::Expr arg, DataType to) { return make_cast(std::move(arg), to, CastKind::Explicit).value(); }

void run(benchmark::State& state, const pb::Expr& node) {
  static const data::DataChunk chunk = make_chunk();
  const auto expression = build(node, kTypes).value();
  RowErrors errors;
  for (auto _ : state) benchmark::DoNotOptimize(expression->evaluate(chunk, nullptr, errors));
  state.counters["ns/row"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kRows) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void add(const char* name, pb::Expr node) {
  benchmark::RegisterBenchmark(name, [node = std::move(node)](benchmark::State& state) { run(state, node); });
}

const bool kRegistered = [] {
  add("equal(bigint, const)", call("equal", in(0), i64(5)));
  add("less_than(bigint, bigint)", call("less_than", in(0), in(1)));
  add("less_than(bigint null, bigint)", call("less_than", in(2), in(1)));
  add("less_than(double, const)", call("less_than", in(3), cast(i64(5), TypeKind::Float64)));
  add("less_than(numeric, const)", call("less_than", in(4), cast(i64(5000), TypeKind::Numeric)));
  add("equal(text, const)", call("equal", in(5), text("Apple")));
  add("in(text, 4 consts)", call("in", in(5), text("apple"), text("google"), text("facebook"), text("baidu")));
  add("add(bigint, bigint)", call("add", in(0), in(1)));
  add("add(integer, integer)", call("add", in(8), in(8)));
  add("add(bigint null, const)", call("add", in(2), i64(1)));
  add("multiply(bigint, const)", call("multiply", in(0), i64(7)));
  add("divide(bigint, bigint)", call("divide", in(0), in(1)));
  add("mod(bigint, const)", call("mod", in(0), i64(123)));
  add("add(double, double)", call("add", in(3), in(3)));
  add("multiply(numeric, numeric)", call("multiply", in(4), in(4)));
  add("add(numeric, const)", call("add", in(4), cast(i64(5), TypeKind::Numeric)));
  add("and(2 compares)", call("and", call("less_than", in(0), i64(500'000)), call("greater_than", in(1), i64(10))));
  add("or(2 compares)", call("or", call("less_than", in(0), i64(500'000)), call("greater_than", in(1), i64(10))));
  add("case(2 branches)",
      call("case", call("less_than", in(0), i64(100'000)), i64(1), call("less_than", in(0), i64(500'000)), in(1), i64(3)));
  add("coalesce(null, const)", call("coalesce", in(2), i64(0)));
  add("like(url, prefix)", call("like", in(6), text("https://www%")));
  add("like(url, contains)", call("like", in(6), text("%item.htm%")));
  add("like(url, general)", call("like", in(6), text("%nexmark%item%")));
  add("regexp_substr(url)", call("regexp_substr", in(6), text("(&|^)channel_id=([^&]*)"), make_literal(1, TypeKind::Int32),
                                 make_literal(1, TypeKind::Int32), text(""), make_literal(2, TypeKind::Int32)));
  add("split_part(url)", call("split_part", in(6), text("/"), make_literal(5, TypeKind::Int32)));
  add("lower(short text)", call("lower", in(5)));
  add("upper(url)", call("upper", in(6)));
  add("length(url)", call("length", in(6)));
  add("replace(url)", call("replace", in(6), text("e"), text("")));
  add("concat_op(text, text)", call("concat_op", in(5), in(6)));
  add("cast(bigint as text)", cast(in(0), TypeKind::Varchar));
  add("cast(bigint as numeric)", cast(in(0), TypeKind::Numeric));
  add("cast(bigint as integer)", cast(in(0), TypeKind::Int32));
  add("extract(hour)", call("extract", text("hour"), in(7)));
  add("extract(year)", call("extract", text("year"), in(7)));
  add("date_trunc(hour)", call("date_trunc", text("hour"), in(7)));
  add("date_trunc(month)", call("date_trunc", text("month"), in(7)));
  add("tumble_start(10 s)", call("tumble_start", in(7), interval("10 seconds")));
  add("timestamp - interval", call("subtract", in(7), interval("10 seconds")));
  add("to_char(minute)", call("to_char", in(7), text("YYYY-MM-DD HH24:MI")));
  add("predicate q14",
      call("and",
           call("greater_than", call("multiply", make_cast(make_unknown("0.908"), TypeKind::Numeric, CastKind::Explicit).value(), in(0)),
                cast(i64(100'000), TypeKind::Numeric)),
           call("less_than", in(1), i64(500))));
  return true;
}();

}  // namespace
}  // namespace penstock::expr
