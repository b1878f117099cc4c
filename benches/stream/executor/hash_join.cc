// A stream of rows against a table of one row a key, and runs that grow. ns a row of the stream.
#include "bench_operators.h"

namespace penstock::stream::bench {
namespace {

pb::StreamNode plan(bool condition) {
  Join join{.left = types("I64 I64 I64"),
            .right = types("I64 I64"),
            .left_key = {0},
            .right_key = {0},
            .left_stream_key = {2},
            .right_stream_key = {},
            .output = {0, 1, 4}};
  if (condition) join.condition = call("less_than", {column(1, data::TypeKind::Int64), column(4, data::TypeKind::Int64)});
  return hash_join(join);
}

data::StreamChunk stream_chunk(uint64_t keys, uint64_t seed) {
  const data::DataChunk numbers = random_numbers(data::kChunkRows, keys, 2, seed);
  data::ColumnBuilder<int64_t> ids(data::TypeKind::Int64, data::kChunkRows);
  for (size_t i = 0; i < data::kChunkRows; ++i) ids.append(static_cast<int64_t>(seed << 32 | i));
  return {data::DataChunk({numbers.column(0), numbers.column(1), ids.finish()}, data::kChunkRows)};
}

void fill_table(OperatorDriver& op, uint64_t keys) {
  for (uint64_t begin = 0; begin < keys; begin += data::kChunkRows) {
    const size_t rows = std::min<uint64_t>(data::kChunkRows, keys - begin);
    data::ColumnBuilder<int64_t> key(data::TypeKind::Int64, rows), value(data::TypeKind::Int64, rows);
    for (size_t i = 0; i < rows; ++i) {
      key.append(static_cast<int64_t>(begin + i));
      value.append(500'000);
    }
    op.push(1, data::StreamChunk(data::DataChunk({key.finish(), value.finish()}, rows)));
  }
}

// Argument: keys of the table. Each row of the stream finds one row; it is kept, and taken back later so that memory stays.
void stream_against_table(benchmark::State& state, bool condition) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  OperatorNode node;
  node.store.discards = true;
  OperatorDriver op(node, from_plan(plan(condition)));
  fill_table(op, keys);
  std::vector<data::StreamChunk> come, go;
  for (uint64_t seed = 1; seed <= 64; ++seed) {
    come.push_back(stream_chunk(keys, seed));
    go.emplace_back(come.back().data(), std::make_shared<const std::vector<data::Op>>(data::kChunkRows, data::Op::Delete));
  }
  size_t next = 0;
  for (auto _ : state) {
    const size_t i = next++ % 128;
    benchmark::DoNotOptimize(op.push(0, i < 64 ? come[i] : go[i - 64]));
    if (i == 127) {
      state.PauseTiming();
      (void)op.checkpoint();
      state.ResumeTiming();
    }
  }
  count_rows(state, data::kChunkRows);
}
void BM_Stream_against_table(benchmark::State& state) { stream_against_table(state, false); }
void BM_Stream_against_table_with_condition(benchmark::State& state) { stream_against_table(state, true); }
BENCHMARK(BM_Stream_against_table)->Arg(300)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_Stream_against_table_with_condition)->Arg(300)->Arg(100'000);

}  // namespace
}  // namespace penstock::stream::bench
