// Stateless operators: ns a row.
#include "bench_operators.h"

namespace penstock::stream::bench {
namespace {

const auto kNumber = data::TypeKind::Int64;

void run(benchmark::State& state, pb::StreamNode plan, const data::StreamChunk& chunk) {
  OperatorNode node;
  node.store.discards = true;
  OperatorDriver op(node, from_plan(std::move(plan)));
  for (auto _ : state) benchmark::DoNotOptimize(op.push(0, chunk));
  count_rows(state, chunk.rows());
}

data::StreamChunk with_updates(const data::DataChunk& data) {
  std::vector<data::Op> ops(data.rows());
  for (size_t i = 0; i < ops.size(); ++i) ops[i] = i % 2 == 0 ? data::Op::UpdateDelete : data::Op::UpdateInsert;
  return {data, std::make_shared<const std::vector<data::Op>>(std::move(ops))};
}

// Argument: percent of the rows that pass.
void filter(benchmark::State& state, bool updates) {
  pb::StreamNode plan = node_over({types("I64 I64 I64")});
  *plan.mutable_filter()->mutable_predicate() = call("less_than", {column(1, kNumber), literal(state.range(0) * 10'000)});
  add_fields(*plan.mutable_fields(), types("I64 I64 I64"));
  const data::DataChunk data = random_numbers(data::kChunkRows, 1000, 3, 1);
  run(state, plan, updates ? with_updates(data) : data::StreamChunk(data));
}
void BM_Filter_inserts(benchmark::State& state) { filter(state, false); }
void BM_Filter_updates(benchmark::State& state) { filter(state, true); }
BENCHMARK(BM_Filter_inserts)->Arg(1)->Arg(50)->Arg(100);
BENCHMARK(BM_Filter_updates)->Arg(50);

void BM_Project_sum_and_column(benchmark::State& state) {
  pb::StreamNode plan = node_over({types("I64 I64 I64")});
  *plan.mutable_project()->add_exprs() = call("add", {column(0, kNumber), column(1, kNumber)});
  *plan.mutable_project()->add_exprs() = column(2, kNumber);
  add_fields(*plan.mutable_fields(), types("I64 I64"));
  run(state, plan, random_numbers(data::kChunkRows, 1000, 3, 1));
}
BENCHMARK(BM_Project_sum_and_column);

// Materialize, with and without a look at what was there.
void materialized(benchmark::State& state, pb::ConflictBehavior conflict) {
  OperatorNode node;
  node.store.discards = true;
  OperatorDriver op(node, from_plan(materialize(types("I64 I64 I64"), {0}, conflict)));
  std::vector<data::StreamChunk> chunks;
  for (uint64_t seed = 1; seed <= 16; ++seed) chunks.emplace_back(random_numbers(data::kChunkRows, 100'000, 3, seed));
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(op.push(0, chunks[next++ % chunks.size()]));
    if (next % 16 != 0) continue;
    state.PauseTiming();
    (void)op.checkpoint();
    state.ResumeTiming();
  }
  count_rows(state, data::kChunkRows);
}
void BM_Materialize_no_check(benchmark::State& state) { materialized(state, pb::CONFLICT_NO_CHECK); }
void BM_Materialize_overwrite(benchmark::State& state) { materialized(state, pb::CONFLICT_OVERWRITE); }
BENCHMARK(BM_Materialize_no_check);
BENCHMARK(BM_Materialize_overwrite);

}  // namespace
}  // namespace penstock::stream::bench
