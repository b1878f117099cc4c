// Aggregates over 1,000,000 rows in random order of groups: nanoseconds a row ("ns/row"), by number of groups.
#include <benchmark/benchmark.h>

#include <random>

#include "expr/aggregate.h"
#include "expr/pb_types.h"
#include "expr/registry.h"
#include "proto/expr.pb.h"

namespace penstock::expr {
namespace {

using data::Column;
using data::DataType;
using data::TypeKind;

constexpr size_t kRows = 1'000'000;

struct Input {
  const char* function;
  TypeKind type;
  bool nulls = false;
  bool signs = false;
};

Column make_column(TypeKind type, bool nulls) {
  std::mt19937_64 random(7);
  data::AnyColumnBuilder builder(type, data::kChunkRows);
  for (size_t row = 0; row < data::kChunkRows; ++row) {
    const auto number = static_cast<int64_t>(random() % 1'000'000);
    if (nulls && row % 5 == 0) {
      builder.append_null();
      continue;
    }
    switch (type) {
      case TypeKind::Int32:
        builder.append(static_cast<int32_t>(number));
        break;
      case TypeKind::Float64:
        builder.append(static_cast<double>(number) / 3);
        break;
      case TypeKind::Numeric:
        builder.append(data::Numeric::of(__int128{number}, 2));
        break;
      case TypeKind::Varchar:
        builder.append(fmt::format("text {}", number));
        break;
      default:
        builder.append(number);
        break;
    }
  }
  return builder.finish();
}

void run(benchmark::State& state, const Input& input) {
  const auto groups = static_cast<size_t>(state.range(0));
  pb::AggCall call;
  call.set_function(input.function);
  call.add_args(0);
  type_to_pb(input.type, *call.add_arg_types());
  const auto aggregate = build_aggregate(call, !input.signs).value();

  constexpr size_t kOffset = 16;
  const size_t row_size = kOffset + aggregate->state_size();
  std::vector<uint64_t> memory(groups * row_size / 8);
  auto* const base = reinterpret_cast<std::byte*>(memory.data());
  for (size_t i = 0; i < groups; ++i) aggregate->init(base + i * row_size + kOffset);
  std::mt19937_64 random(1);
  std::vector<std::byte*> states(kRows);
  for (auto& row : states) row = base + random() % groups * row_size;
  std::vector<int8_t> signs(kRows);
  for (size_t i = 0; i < kRows; ++i) signs[i] = i % 2 == 0 ? 1 : -1;
  const std::vector<Column> args = {make_column(input.type, input.nulls)};
  std::vector<uint32_t> rows(data::kChunkRows);
  for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;

  RowErrors errors;
  for (auto _ : state) {
    for (size_t at = 0; at < kRows; at += rows.size()) {
      const size_t n = std::min(rows.size(), kRows - at);
      aggregate->apply(args, std::span(rows).first(n), input.signs ? signs.data() + at : nullptr, states.data() + at, kOffset, errors);
    }
  }
  for (size_t i = 0; i < groups; ++i) aggregate->destroy(base + i * row_size + kOffset);
  state.counters["ns/row"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kRows) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

const bool kRegistered = [] {
  for (const Input& input :
       {Input{"count", TypeKind::Int64}, Input{"sum", TypeKind::Int32}, Input{"sum", TypeKind::Int64}, Input{"sum", TypeKind::Int64, true},
        Input{"sum", TypeKind::Int64, false, true}, Input{"sum", TypeKind::Float64}, Input{"sum", TypeKind::Numeric},
        Input{"max", TypeKind::Int64}, Input{"max", TypeKind::Varchar}}) {
    const std::string name = fmt::format("{}({}){}{}", input.function, DataType(input.type).to_string(), input.nulls ? " with nulls" : "",
                                         input.signs ? " with signs" : "");
    benchmark::RegisterBenchmark(name.c_str(), [input](benchmark::State& state) { run(state, input); })
        ->Arg(100)
        ->Arg(10'000)
        ->Arg(1'000'000)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace penstock::expr
