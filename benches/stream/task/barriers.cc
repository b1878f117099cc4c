// One barrier through many idle actors: the cost that stays when nothing flows.
//   flat     every actor stands alone
//   chain    chains of 100 actors
//   shuffle  two fragments of 128 actors, everyone connected with everyone: 16,384 channels
// Time is from putting the barrier to the last collect. `bytes_per_actor`: heap in use after the first barrier.
#include <benchmark/benchmark.h>

#include "actors.h"

namespace penstock::stream {
namespace {

using benches::Actors;

class Idle final : public Operator {
 public:
  Status init(EpochPair) override { return ok(); }
  Result<Step> on_chunk(size_t, data::StreamChunk chunk, Output& out) override {
    out.push_back(std::move(chunk));
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier&, Output&) override { return Step::Done; }
  Result<Step> after_barrier(const Barrier&, Output&) override { return Step::Done; }
};

/// Two operators: a merge or nothing, and one that does nothing.
Result<OperatorTree> build_idle(const pb::StreamNode& root, const ActorContext&) {
  OperatorTree tree;
  tree.output_types = {data::TypeKind::Int64};
  const bool merges = root.input_size() > 0;
  if (merges) tree.nodes.push_back({nullptr, root.input(0).operator_id(), 1, 0});
  tree.nodes.push_back({std::make_unique<Idle>(), 0, OperatorTree::kNoParent, 0});
  return tree;
}

void pass_barriers(benchmark::State& state, Actors& actors) {
  actors.start();
  for (auto _ : state) actors.barrier();
  state.counters["ns_per_actor"] = benchmark::Counter(static_cast<double>(actors.actors()) * 1e-9,
                                                      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_actor"] = actors.bytes_per_actor();
}

void flat(benchmark::State& state) {
  Actors actors(build_idle);
  for (uint32_t i = 0; i < 10; ++i) actors.fragment(i + 1, static_cast<uint32_t>(state.range(0)) / 10, 0, 0, pb::DISPATCH_SIMPLE);
  pass_barriers(state, actors);
}
BENCHMARK(flat)->Arg(10'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void chain(benchmark::State& state) {
  Actors actors(build_idle);
  constexpr uint32_t kLength = 100;
  const auto chains = static_cast<uint32_t>(state.range(0)) / kLength;
  for (uint32_t i = 1; i <= kLength; ++i) {
    actors.fragment(i, chains, i == 1 ? 0 : i - 1, i == kLength ? 0 : i + 1, pb::DISPATCH_NO_SHUFFLE);
  }
  pass_barriers(state, actors);
}
BENCHMARK(chain)->Arg(10'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void shuffle(benchmark::State& state) {
  Actors actors(build_idle);
  const auto side = static_cast<uint32_t>(state.range(0));
  actors.fragment(1, side, 0, 2, pb::DISPATCH_HASH);
  actors.fragment(2, side, 1, 0, pb::DISPATCH_HASH);
  pass_barriers(state, actors);
}
BENCHMARK(shuffle)->Arg(128)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace penstock::stream
