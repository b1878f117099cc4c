// Rows from sources through a hash shuffle to as many actors that drop them: what the way costs a row. A barrier each 1,000,000 rows.
#include <benchmark/benchmark.h>

#include "actors.h"

namespace penstock::stream {
namespace {

using benches::Actors;

constexpr size_t kRowsPerBarrier = 1'000'000;

data::StreamChunk make_chunk() {
  using data::TypeKind;
  data::StreamChunkBuilder builder({TypeKind::Int64, TypeKind::Int64, TypeKind::Int64, TypeKind::Varchar});
  for (int64_t i = 0; i < static_cast<int64_t>(data::kChunkRows); ++i) {
    builder.append(data::Op::Insert, {i * 7919, i, i, std::string("auction channel 17")});
  }
  return builder.finish();
}

/// Drops rows; without input it is a source that gives the same chunk until it has given its share of the epoch.
class Toy final : public Operator, public Generator {
 public:
  Toy(bool source, const ActorContext& context) : source_(source), context_(context) {}
  Status init(EpochPair) override { return ok(); }
  Result<Step> on_chunk(size_t, data::StreamChunk chunk, Output&) override {
    benchmark::DoNotOptimize(chunk.rows());
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier&, Output&) override { return Step::Done; }
  Result<Step> after_barrier(const Barrier&, Output&) override {
    left_ = kRowsPerBarrier / context_.parallelism;
    if (source_) context_.wake();
    return Step::Done;
  }
  Generator* generator() override { return source_ ? this : nullptr; }
  Result<Poll> poll(Output& out) override {
    if (left_ == 0) return Poll{};
    left_ -= std::min(left_, data::kChunkRows);
    out.push_back(chunk_);
    return Poll{};
  }
  // The whole share of the epoch comes before the barrier.
  Status before_barrier(Output& out) override {
    for (; left_ > 0; left_ -= std::min(left_, data::kChunkRows)) out.push_back(chunk_);
    return ok();
  }

 private:
  const bool source_;
  const ActorContext& context_;
  const data::StreamChunk chunk_ = make_chunk();
  size_t left_ = 0;
};

Result<OperatorTree> build(const pb::StreamNode& root, const ActorContext& context) {
  OperatorTree tree;
  tree.output_types = {data::TypeKind::Int64, data::TypeKind::Int64, data::TypeKind::Int64, data::TypeKind::Varchar};
  const bool merges = root.input_size() > 0;
  if (merges) tree.nodes.push_back({nullptr, root.input(0).operator_id(), 1, 0});
  tree.nodes.push_back({std::make_unique<Toy>(!merges, context), 0, OperatorTree::kNoParent, 0});
  return tree;
}

void shuffled_rows(benchmark::State& state) {
  Actors actors(build);
  const auto side = static_cast<uint32_t>(state.range(0));
  actors.fragment(1, side, 0, 2, pb::DISPATCH_HASH, 4);
  actors.fragment(2, side, 1, 0, pb::DISPATCH_HASH);
  actors.start();
  for (auto _ : state) actors.barrier();
  state.counters["rows/s"] = benchmark::Counter(kRowsPerBarrier, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(shuffled_rows)->Arg(1)->Arg(2)->Arg(4)->Arg(32)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace penstock::stream
