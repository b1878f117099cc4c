// One barrier through many idle actors: the cost that stays when nothing flows.
//   flat     every actor stands alone
//   chain    chains of 100 actors
//   shuffle  two fragments of 128 actors, everyone connected with everyone: 16,384 channels
// Time is from putting the barrier to the last collect. `bytes_per_actor`: heap in use after the first barrier.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include "common/vnode.h"
#include "proto/control_stream.pb.h"
#include "runtime/threaded_runtime.h"
#include "storage/memory/memory_state_store.h"
#include "stream/task/barrier_worker/local_barrier_manager_impl.h"
#include "stream/task/local_stream_manager.h"

namespace penstock::stream {
namespace {

constexpr storage::GraphTerm kGraph{PartialGraphId{1}, Term{1}};

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
  if (merges) tree.nodes.push_back({nullptr, root.input(0).operator_id(), 1, 0, OperatorId{1}, "Merge"});
  tree.nodes.push_back({std::make_unique<Idle>(), 0, OperatorTree::kNoParent, 0, OperatorId{2}, "Idle"});
  return tree;
}

/// Counts collects and tells when all are there.
class Counter final : public BarrierEventSink {
 public:
  explicit Counter(runtime::Runtime& runtime) : waiter_(runtime.make_waiter()) {}
  void expect(size_t actors) { missing_ = static_cast<int64_t>(actors); }
  void post_event(BarrierEvent event) override {
    if (const auto* failed = std::get_if<ActorFailed>(&event)) {
      fmt::print(stderr, "{}\n", failed->error);
      std::abort();
    }
    if (missing_.fetch_sub(1) == 1) waiter_->notify();
  }
  void wait() {
    while (!waiter_->wait_for(std::chrono::seconds(60))) std::abort();
  }

 private:
  std::shared_ptr<runtime::Waiter> waiter_;
  std::atomic<int64_t> missing_{0};
};

class Actors {
 public:
  Actors() { manager_.start_graph(kGraph); }
  ~Actors() {
    const auto waiter = runtime_->make_waiter();
    manager_.stop_graph(kGraph, [waiter] { waiter->notify(); });
    while (!waiter->wait_for(std::chrono::seconds(60))) std::abort();
    barriers_.reset();
    runtime_->stop();
  }

  /// A fragment of `count` actors that reads `from` (0: nothing) and feeds `to` (0: nothing), all of its actors.
  void fragment(uint32_t id, uint32_t count, uint32_t from, uint32_t to, pb::DispatchType type) {
    auto plan = std::make_shared<pb::BuildFragment>();
    plan->set_fragment_id(id);
    plan->set_vnode_count(kDefaultVNodeCount);
    if (from != 0) {
      plan->mutable_root()->add_input()->set_operator_id(id);
      plan->mutable_root()->mutable_input(0)->mutable_merge();
    }
    for (uint32_t i = 0; i < count; ++i) {
      pb::BuildActor* actor = plan->add_actors();
      actor->set_actor_id(id * 1000 + i);
      actor->set_vnodes(VNodeBitmap::all().to_bytes());
      if (from != 0) {
        actor->add_upstreams()->set_link(id);
        add_actors(*actor->mutable_upstreams(0), from, count, i, type);
      }
      if (to != 0) {
        pb::Dispatcher* dispatcher = actor->add_dispatchers();
        dispatcher->set_downstream_fragment(to);
        dispatcher->set_link(to);
        dispatcher->mutable_strategy()->set_type(type);
        dispatcher->mutable_strategy()->add_output(0);
        dispatcher->mutable_strategy()->add_dist_key(0);
        if (type == pb::DISPATCH_HASH) {
          std::string mapping;
          for (uint32_t vnode = 0; vnode < kDefaultVNodeCount; ++vnode) mapping += {static_cast<char>(vnode % count), 0};
          dispatcher->set_vnode_to_actor(mapping);
        }
        add_actors(*dispatcher, to, count, i, type);
      }
      barriers_->log().expect(ActorId{actor->actor_id()}, Epoch{1});
    }
    actors_ += count;
    plans_.push_back(std::move(plan));
  }
  /// Builds everything and passes the first barrier.
  void start() {
    const size_t before = mallinfo2().uordblks;
    for (const auto& plan : plans_) manager_.build(kGraph, plan, {Epoch{1}, Epoch{2}}, barriers_);
    plans_.clear();
    barrier();
    bytes_ = mallinfo2().uordblks - before;
  }
  void barrier() {
    sink_.expect(actors_);
    const Epoch prev{epoch_++};
    barriers_->log().put({{prev, Epoch{epoch_}}, BarrierKind::Barrier, nullptr});
    sink_.wait();
    barriers_->log().forget(prev);
  }
  [[nodiscard]] size_t actors() const { return actors_; }
  [[nodiscard]] double bytes_per_actor() const { return static_cast<double>(bytes_) / static_cast<double>(actors_); }

 private:
  template <typename List>
  static void add_actors(List& list, uint32_t fragment, uint32_t count, uint32_t own, pb::DispatchType type) {
    for (uint32_t i = 0; i < count; ++i) {
      if (type == pb::DISPATCH_NO_SHUFFLE && i != own) continue;
      pb::ActorInfo* info = list.add_actors();
      info->set_actor_id(fragment * 1000 + i);
      info->mutable_graph()->set_id(kGraph.graph.value);
      info->mutable_graph()->set_term(kGraph.term.value);
    }
  }

  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  storage::MemoryStateStore store_;
  DmlManager dml_;
  MemoryBudget memory_{size_t{1} << 40};
  LocalStreamManager manager_{{*runtime_, store_, dml_, memory_, build_idle}};
  Counter sink_{*runtime_};
  std::shared_ptr<LocalBarrierManagerImpl> barriers_ = std::make_shared<LocalBarrierManagerImpl>(kGraph, sink_);
  std::vector<std::shared_ptr<pb::BuildFragment>> plans_;
  size_t actors_ = 0;
  size_t bytes_ = 0;
  uint64_t epoch_ = 1;
};

void pass_barriers(benchmark::State& state, Actors& actors) {
  actors.start();
  for (auto _ : state) actors.barrier();
  state.counters["ns_per_actor"] = benchmark::Counter(static_cast<double>(actors.actors()) * 1e-9,
                                                      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_actor"] = actors.bytes_per_actor();
}

void flat(benchmark::State& state) {
  Actors actors;
  for (uint32_t i = 0; i < 10; ++i) actors.fragment(i + 1, static_cast<uint32_t>(state.range(0)) / 10, 0, 0, pb::DISPATCH_SIMPLE);
  pass_barriers(state, actors);
}
BENCHMARK(flat)->Arg(10'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void chain(benchmark::State& state) {
  Actors actors;
  constexpr uint32_t kLength = 100;
  const auto chains = static_cast<uint32_t>(state.range(0)) / kLength;
  for (uint32_t i = 1; i <= kLength; ++i) {
    actors.fragment(i, chains, i == 1 ? 0 : i - 1, i == kLength ? 0 : i + 1, pb::DISPATCH_NO_SHUFFLE);
  }
  pass_barriers(state, actors);
}
BENCHMARK(chain)->Arg(10'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void shuffle(benchmark::State& state) {
  Actors actors;
  const auto side = static_cast<uint32_t>(state.range(0));
  actors.fragment(1, side, 0, 2, pb::DISPATCH_HASH);
  actors.fragment(2, side, 1, 0, pb::DISPATCH_HASH);
  pass_barriers(state, actors);
}
BENCHMARK(shuffle)->Arg(128)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace penstock::stream
