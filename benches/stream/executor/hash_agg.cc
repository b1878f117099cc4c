// GROUP BY of chunks of 4,096 rows, without and with the barrier. Aim: 30-60 ns a row at 10 k groups, about 100 at 1 M.
#include "bench_operators.h"

namespace penstock::stream::bench {
namespace {

std::vector<data::StreamChunk> chunks_of(uint64_t keys, size_t count, bool text) {
  std::vector<data::StreamChunk> chunks;
  for (size_t i = 0; i < count; ++i) {
    data::DataChunk numbers = random_numbers(data::kChunkRows, keys, 2, i + 1);
    if (text) numbers = data::DataChunk({text_keys(data::kChunkRows, keys, "a-longer-key-", i + 1), numbers.column(1)}, data::kChunkRows);
    chunks.emplace_back(std::move(numbers));
  }
  return chunks;
}

// Argument: groups. `append_only`, `text` keys of 19 bytes.
void group_by(benchmark::State& state, bool append_only, bool text) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  OperatorNode node;
  node.store.discards = true;
  OperatorDriver op(node, from_plan(hash_agg(types(text ? "T I64" : "I64 I64"), {0},
                                             {{"count", {}}, {"sum", {1}}, {"avg", {1}}, {"max", {1}}}, append_only)));
  const auto chunks = chunks_of(keys, std::max<size_t>(8, 4 * keys / data::kChunkRows), text);
  for (const auto& chunk : chunks) op.push(0, chunk);
  (void)op.checkpoint();
  size_t next = 0;
  for (auto _ : state) {
    op.push(0, chunks[next++ % chunks.size()]);
    if (next % chunks.size() == 0) {
      state.PauseTiming();
      (void)op.checkpoint();
      state.ResumeTiming();
    }
  }
  count_rows(state, data::kChunkRows);
}
void BM_Rows_append_only(benchmark::State& state) { group_by(state, true, false); }
void BM_Rows_text_keys(benchmark::State& state) { group_by(state, true, true); }
BENCHMARK(BM_Rows_append_only)->Arg(300)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(BM_Rows_text_keys)->Arg(300)->Arg(10'000)->Arg(1'000'000);

// The barrier alone: ns a changed group, encoded and emitted.
void BM_Barrier_changed_groups(benchmark::State& state) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  OperatorNode node;
  node.store.discards = true;
  OperatorDriver op(node, from_plan(hash_agg(types("I64 I64"), {0}, {{"count", {}}, {"sum", {1}}}, true)));
  data::ColumnBuilder<int64_t> all(data::TypeKind::Int64, keys);
  for (uint64_t i = 0; i < keys; ++i) all.append(static_cast<int64_t>(i));
  const data::Column column = all.finish();
  const data::StreamChunk chunk{data::DataChunk({column, column}, keys)};
  op.push(0, chunk);
  (void)op.checkpoint();
  for (auto _ : state) {
    state.PauseTiming();
    op.push(0, chunk);
    state.ResumeTiming();
    benchmark::DoNotOptimize(op.barrier());
    state.PauseTiming();
    (void)op.checkpoint();
    state.ResumeTiming();
  }
  count_rows(state, keys);
}
BENCHMARK(BM_Barrier_changed_groups)->Arg(4096)->Arg(50'000)->Unit(benchmark::kMillisecond);

// DISTINCT and retractable min: a look-up more each.
void BM_Rows_distinct_and_min(benchmark::State& state) {
  OperatorNode node;
  node.store.discards = true;
  OperatorDriver op(node, from_plan(hash_agg(types("I64 I64"), {0}, {{"count", {}}, {"count", {1}, true}, {"min", {1}}})));
  const auto chunks = chunks_of(static_cast<uint64_t>(state.range(0)), 16, false);
  for (const auto& chunk : chunks) op.push(0, chunk);
  (void)op.checkpoint();
  size_t next = 0;
  for (auto _ : state) op.push(0, chunks[next++ % chunks.size()]);
  count_rows(state, data::kChunkRows);
}
BENCHMARK(BM_Rows_distinct_and_min)->Arg(10'000);

}  // namespace
}  // namespace penstock::stream::bench
