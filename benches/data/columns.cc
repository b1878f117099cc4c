#include <benchmark/benchmark.h>

#include "data/compare.h"
#include "data/hash.h"
#include "data/text_io.h"
#include "sample.h"

// Building, gathering, hashing and reading columns: ns a value.
namespace penstock::data::bench {
namespace {

void count_values(benchmark::State& state, size_t values) {
  state.SetItemsProcessed(static_cast<int64_t>(values) * state.iterations());
  state.counters["per_value"] =
      benchmark::Counter(static_cast<double>(values), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void BM_BuildBigint(benchmark::State& state) {
  ColumnBuilder<int64_t> builder(TypeKind::Int64, kChunkRows);
  for (auto _ : state) {
    for (size_t i = 0; i < kChunkRows; ++i) builder.append(static_cast<int64_t>(i));
    benchmark::DoNotOptimize(builder.finish());
  }
  count_values(state, kChunkRows);
}
BENCHMARK(BM_BuildBigint);

void BM_BuildText(benchmark::State& state) {
  const std::string text(static_cast<size_t>(state.range(0)), 'x');
  ColumnBuilder<Text> builder(TypeKind::Varchar, kChunkRows);
  for (auto _ : state) {
    for (size_t i = 0; i < kChunkRows; ++i) builder.append(text);
    benchmark::DoNotOptimize(builder.finish());
  }
  count_values(state, kChunkRows);
}
BENCHMARK(BM_BuildText)->Arg(8)->Arg(30);

void BM_AppendFrom(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  StreamChunkBuilder builder(kSampleTypes);
  for (auto _ : state) {
    for (size_t i = 0; i < kChunkRows; ++i) builder.append_from(Op::Insert, chunk.data(), i);
    benchmark::DoNotOptimize(builder.finish());
  }
  count_values(state, kChunkRows * 5);
}
BENCHMARK(BM_AppendFrom);

void BM_GatherHalf(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk(kChunkRows, state.range(1) != 0);
  const Column& column = chunk.column(static_cast<size_t>(state.range(0)));
  const std::vector<uint32_t> rows = half_of_rows(kChunkRows);
  for (auto _ : state) benchmark::DoNotOptimize(column.gather(rows));
  count_values(state, rows.size());
}
BENCHMARK(BM_GatherHalf)->ArgNames({"column", "nulls"})->Args({0, 0})->Args({0, 1})->Args({3, 0});

void BM_Hash(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  const Column& column = chunk.column(static_cast<size_t>(state.range(0)));
  std::vector<uint64_t> hashes(chunk.rows());
  for (auto _ : state) {
    hash_column(column, hashes, state.range(1) != 0);
    benchmark::DoNotOptimize(hashes.data());
  }
  count_values(state, chunk.rows());
}
BENCHMARK(BM_Hash)->ArgNames({"column", "first"})->Args({0, 1})->Args({0, 0})->Args({1, 1})->Args({3, 1})->Args({4, 1});

void BM_HashNumeric(benchmark::State& state) {
  ColumnBuilder<Numeric> builder(TypeKind::Numeric, kChunkRows);
  for (size_t i = 0; i < kChunkRows; ++i) builder.append(Numeric::of(static_cast<__int128>(i) * 977, 2));
  const Column column = builder.finish();
  std::vector<uint64_t> hashes(kChunkRows);
  for (auto _ : state) {
    hash_column(column, hashes, true);
    benchmark::DoNotOptimize(hashes.data());
  }
  count_values(state, kChunkRows);
}
BENCHMARK(BM_HashNumeric);

void BM_VNodes(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  const std::vector<uint32_t> keys = {0};
  for (auto _ : state) benchmark::DoNotOptimize(vnodes_of(chunk.data(), keys));
  count_values(state, chunk.rows());
}
BENCHMARK(BM_VNodes);

void BM_ClearUnequal(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  const Column& column = chunk.column(static_cast<size_t>(state.range(0)));
  const std::vector<uint32_t> rows = first_rows(chunk.rows());
  std::vector<uint8_t> equal(rows.size(), 1);
  for (auto _ : state) {
    clear_unequal(column, rows, column, rows, equal);
    benchmark::DoNotOptimize(equal.data());
  }
  count_values(state, rows.size());
}
BENCHMARK(BM_ClearUnequal)->Arg(0)->Arg(1)->Arg(3);

void BM_Parse(benchmark::State& state, DataType type, std::string_view text) {
  AnyColumnBuilder builder(type, kChunkRows);
  for (auto _ : state) {
    for (size_t i = 0; i < kChunkRows; ++i) {
      if (append_parsed(builder, text).has_error()) state.SkipWithError("bad text");
    }
    benchmark::DoNotOptimize(builder.finish());
  }
  count_values(state, kChunkRows);
}
BENCHMARK_CAPTURE(BM_Parse, bigint, TypeKind::Int64, "123456");
BENCHMARK_CAPTURE(BM_Parse, varchar, TypeKind::Varchar, "ABC");
BENCHMARK_CAPTURE(BM_Parse, timestamp, TypeKind::Timestamp, "2001-01-01 12:34:56");
BENCHMARK_CAPTURE(BM_Parse, numeric, TypeKind::Numeric, "1234.56");
BENCHMARK_CAPTURE(BM_Parse, float8, TypeKind::Float64, "1234.56");

void BM_Print(benchmark::State& state, DataType type, std::string_view text) {
  const Column column = Column::constant(type, from_text(text, type).value(), kChunkRows);
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (size_t i = 0; i < kChunkRows; ++i) append_text(out, column, i);
    benchmark::DoNotOptimize(out.data());
  }
  count_values(state, kChunkRows);
}
BENCHMARK_CAPTURE(BM_Print, bigint, TypeKind::Int64, "123456");
BENCHMARK_CAPTURE(BM_Print, timestamp, TypeKind::Timestamp, "2001-01-01 12:34:56");
BENCHMARK_CAPTURE(BM_Print, numeric, TypeKind::Numeric, "1234.56");
BENCHMARK_CAPTURE(BM_Print, float8, TypeKind::Float64, "1234.56");

using NumericOperation = Result<Numeric> (*)(const Numeric&, const Numeric&);
void BM_Numeric(benchmark::State& state, NumericOperation operation, std::string_view a, std::string_view b) {
  const Numeric x = Numeric::parse(a).value();
  const Numeric y = Numeric::parse(b).value();
  for (auto _ : state) benchmark::DoNotOptimize(operation(x, y));
  count_values(state, 1);
}
BENCHMARK_CAPTURE(BM_Numeric, add_same_scale, &Numeric::add, "123456.78", "9.99");
BENCHMARK_CAPTURE(BM_Numeric, add_other_scale, &Numeric::add, "123456.78", "9.9");
BENCHMARK_CAPTURE(BM_Numeric, multiply_small, &Numeric::multiply, "123456.78", "9.99");
BENCHMARK_CAPTURE(BM_Numeric, divide_small, &Numeric::divide, "123456.78", "9.99");
BENCHMARK_CAPTURE(BM_Numeric, divide_avg, &Numeric::divide, "123456789012345", "1000003");
BENCHMARK_CAPTURE(BM_Numeric, divide_wide, &Numeric::divide, "12345678901234567890123456789", "1234567890.123456789");

// What a chunk costs beside its values: is malloc worth a pool?
void BM_NewArray(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(make_values<int64_t>(kChunkRows));
}
void BM_FiveArraysAliveAtOnce(benchmark::State& state) {
  const StreamChunk chunk = sample_chunk();
  const std::vector<uint32_t> rows = half_of_rows(kChunkRows);
  std::vector<StreamChunk> alive(static_cast<size_t>(state.range(0)));
  size_t at = 0;
  for (auto _ : state) {
    alive[at] = chunk.gather(rows);
    at = (at + 1) % alive.size();
  }
  count_values(state, rows.size() * 5);
}
BENCHMARK(BM_NewArray);
BENCHMARK(BM_FiveArraysAliveAtOnce)->Arg(1)->Arg(4)->Arg(32);

}  // namespace
}  // namespace penstock::data::bench
