#pragma once

#include <benchmark/benchmark.h>

#include "testing/plan_nodes.h"

/// Rows for operator benches, and the figure that counts: ns a row.
namespace penstock::stream::bench {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

/// Columns of pseudo-random numbers: the first below `keys`, the others any.
inline data::DataChunk random_numbers(size_t rows, uint64_t keys, size_t columns, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<data::Column> out;
  for (size_t c = 0; c < columns; ++c) {
    data::ColumnBuilder<int64_t> builder(data::TypeKind::Int64, rows);
    for (size_t i = 0; i < rows; ++i) builder.append(static_cast<int64_t>(c == 0 ? random() % keys : random() % 1'000'000));
    out.push_back(builder.finish());
  }
  return {std::move(out), rows};
}

/// One text column of keys "prefix-000123".
inline data::Column text_keys(size_t rows, uint64_t keys, std::string_view prefix, uint64_t seed) {
  std::mt19937_64 random(seed);
  data::ColumnBuilder<data::Text> builder(data::TypeKind::Varchar, rows);
  for (size_t i = 0; i < rows; ++i) builder.append(std::string_view(fmt::format("{}{:06}", prefix, random() % keys)));
  return builder.finish();
}

inline void count_rows(::benchmark::State& state, size_t rows_each) {
  const auto rows = static_cast<double>(rows_each) * static_cast<double>(state.iterations());
  state.counters["ns_a_row"] = ::benchmark::Counter(rows / 1e9, ::benchmark::Counter::kIsRate | ::benchmark::Counter::kInvert);
}

}  // namespace penstock::stream::bench
