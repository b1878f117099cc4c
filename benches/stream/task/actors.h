// The actors of one node with real threads, for benches: fragments of `count` actors each, everything on one graph.
#pragma once

#include <malloc.h>

#include "common/vnode.h"
#include "proto/control_stream.pb.h"
#include "runtime/threaded_runtime.h"
#include "storage/memory/memory_state_store.h"
#include "stream/task/barrier_worker/local_barrier_manager_impl.h"
#include "stream/task/local_stream_manager.h"

namespace penstock::stream::benches {

inline constexpr storage::GraphTerm kGraph{PartialGraphId{1}, Term{1}};

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
  }
  void post_collect(BarrierCollected) override {
    if (missing_.fetch_sub(1) == 1) waiter_->notify();
  }
  void look_at_collects() override {}
  void wait() {
    while (!waiter_->wait_for(std::chrono::seconds(60))) std::abort();
  }

 private:
  std::shared_ptr<runtime::Waiter> waiter_;
  std::atomic<int64_t> missing_{0};
};

class Actors {
 public:
  explicit Actors(Actor::TreeBuilder build) : build_(std::move(build)) { manager_.start_graph(kGraph); }
  ~Actors() {
    const auto waiter = runtime_->make_waiter();
    manager_.stop_graph(kGraph, [waiter] { waiter->notify(); });
    while (!waiter->wait_for(std::chrono::seconds(60))) std::abort();
    barriers_.reset();
    runtime_->stop();
  }

  /// A fragment of `count` actors that reads `from` (0: nothing) and feeds `to` (0: nothing), all of its actors.
  void fragment(uint32_t id, uint32_t count, uint32_t from, uint32_t to, pb::DispatchType type, uint32_t width = 1) {
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
      actor->set_fragment_parallelism(count);
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
        for (uint32_t column = 0; column < width; ++column) dispatcher->mutable_strategy()->add_output(column);
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
  Actor::TreeBuilder build_;
  LocalStreamManager manager_{{*runtime_, store_, dml_, memory_,
                               [this](const pb::StreamNode& root, const ActorContext& context) { return build_(root, context); }}};
  Counter sink_{*runtime_};
  std::shared_ptr<LocalBarrierManagerImpl> barriers_ = std::make_shared<LocalBarrierManagerImpl>(kGraph, sink_);
  std::vector<std::shared_ptr<pb::BuildFragment>> plans_;
  size_t actors_ = 0;
  size_t bytes_ = 0;
  uint64_t epoch_ = 1;
};

}  // namespace penstock::stream::benches
