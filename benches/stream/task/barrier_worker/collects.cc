// The pure loop: collects of all actors of a graph, barrier after barrier. Bound by one hash look-up and one bit a collect.
#include <benchmark/benchmark.h>

#include "stream/task/barrier_worker/managed_barrier_state.h"

namespace penstock::stream {
namespace {

void collects(benchmark::State& bench) {
  const auto actors = static_cast<uint32_t>(bench.range(0));
  const GraphTerm graph{PartialGraphId{1}, Term{1}};
  const runtime::TimePoint now{1};
  ManagedBarrierState state;
  (void)state.on_event(CreatePartialGraph{graph, Epoch{1}, {}, {}}, now);
  (void)state.on_event(GraphOpened{graph, ok()}, now);
  uint64_t epoch = 1;
  for (auto _ : bench) {
    InjectBarrier inject{.graph = graph};
    inject.barrier = {{Epoch{epoch}, Epoch{epoch + 1}}, epoch == 1 ? BarrierKind::Initial : BarrierKind::Barrier, nullptr};
    for (uint32_t a = 1; a <= actors; ++a) {
      if (epoch == 1) inject.new_actors.push_back({ActorId{a}, FragmentId{a / 1000}});
      inject.actors_to_collect.emplace_back(a);
    }
    (void)state.on_event(std::move(inject), now);
    for (uint32_t a = 1; a <= actors; ++a) benchmark::DoNotOptimize(state.on_event(BarrierCollected{graph, ActorId{a}, Epoch{epoch}}, now));
    ++epoch;
  }
  bench.SetItemsProcessed(bench.iterations() * actors);
}
BENCHMARK(collects)->Arg(100)->Arg(10'000)->Arg(100'000);

}  // namespace
}  // namespace penstock::stream
