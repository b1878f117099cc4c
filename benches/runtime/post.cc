// What it costs to hand a job over.
#include <benchmark/benchmark.h>

#include <latch>

#include "runtime/sim_runtime.h"
#include "runtime/threaded_runtime.h"

namespace penstock::runtime {
namespace {

constexpr int64_t kBurst = 10'000;

// The barrier worker wakes ten thousand actors: a burst from outside the pool.
void burst_to_pool(benchmark::State& state) {
  const auto runtime = make_threaded_runtime({.pool_threads = static_cast<size_t>(state.range(0))});
  for (auto _ : state) {
    std::latch done(kBurst);
    for (int64_t i = 0; i < kBurst; ++i) runtime->pool().post([&done] { done.count_down(); });
    done.wait();
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
}
BENCHMARK(burst_to_pool)->Arg(1)->Arg(2)->UseRealTime();

// The part of it that the poster pays.
void post_only(benchmark::State& state) {
  const auto runtime = make_threaded_runtime({.pool_threads = 2});
  for (auto _ : state) {
    std::latch done(kBurst);
    const TimePoint start = runtime->now();
    for (int64_t i = 0; i < kBurst; ++i) runtime->pool().post([&done] { done.count_down(); });
    state.SetIterationTime(std::chrono::duration<double>(runtime->now() - start).count());
    done.wait();
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
}
BENCHMARK(post_only)->UseManualTime();

// An actor wakes its downstream, which wakes the next: 100 chains at once, 10,000 hops.
void chains_in_pool(benchmark::State& state) {
  const auto runtime = make_threaded_runtime({.pool_threads = 2});
  constexpr int kChains = 100;
  struct Chain {
    Executor& pool;
    std::latch& done;
    void hop(int64_t left) {
      if (left == 0) return done.count_down();
      pool.post([this, left] { hop(left - 1); });
    }
  };
  for (auto _ : state) {
    std::latch done(kChains);
    std::vector<Chain> chains(kChains, Chain{runtime->pool(), done});
    for (Chain& chain : chains) chain.hop(kBurst / kChains);
    done.wait();
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
}
BENCHMARK(chains_in_pool)->UseRealTime();

// There and back between two serial executors.
void ping_pong(benchmark::State& state) {
  const auto runtime = make_threaded_runtime({.pool_threads = 2});
  const bool own_threads = state.range(0) != 0;
  const auto a = runtime->make_serial("a", own_threads);
  const auto b = runtime->make_serial("b", own_threads);
  constexpr int64_t kRounds = 1000;
  struct Game {
    Executor& a;
    Executor& b;
    std::latch& done;
    void serve(int64_t left) {
      if (left == 0) return done.count_down();
      a.post([this, left] { b.post([this, left] { serve(left - 1); }); });
    }
  };
  for (auto _ : state) {
    std::latch done(1);
    Game game{*a, *b, done};
    game.serve(kRounds);
    done.wait();
  }
  state.SetItemsProcessed(state.iterations() * kRounds);
}
BENCHMARK(ping_pong)->ArgName("own_threads")->Arg(0)->Arg(1)->UseRealTime();

// Many posters, one owner: collects at the barrier worker.
void burst_to_serial(benchmark::State& state) {
  const auto runtime = make_threaded_runtime({.pool_threads = 2});
  const auto serial = runtime->make_serial("serial", state.range(0) != 0);
  for (auto _ : state) {
    std::latch done(1);
    for (int64_t i = 1; i < kBurst; ++i) serial->post([] {});
    serial->post([&done] { done.count_down(); });
    done.wait();
  }
  state.SetItemsProcessed(state.iterations() * kBurst);
}
BENCHMARK(burst_to_serial)->ArgName("own_thread")->Arg(0)->Arg(1)->UseRealTime();

void timer_set_and_cancelled(benchmark::State& state) {
  const auto runtime = make_threaded_runtime({.pool_threads = 1});
  for (auto _ : state) benchmark::DoNotOptimize(runtime->after(std::chrono::seconds(10), runtime->pool(), [] {}));
}
BENCHMARK(timer_set_and_cancelled);

void simulated_job(benchmark::State& state) {
  SimRuntime sim;
  const auto serial = sim.make_serial("serial", false);
  for (auto _ : state) {
    serial->post([] {});
    sim.pool().post([] {});
    sim.run_until_idle();
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(simulated_job);

}  // namespace
}  // namespace penstock::runtime
