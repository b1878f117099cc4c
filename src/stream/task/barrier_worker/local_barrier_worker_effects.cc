// The effects of ManagedBarrierState, one small arm each.
#include "common/log.h"
#include "proto/control_stream.pb.h"
#include "stream/task/barrier_worker/local_barrier_worker.h"

namespace penstock::stream {

void LocalBarrierWorker::apply(BarrierEvent event) {
  for (BarrierEffect& effect : state_.on_event(std::move(event), runtime_.now())) {
    std::visit([this](auto& e) { perform(std::move(e)); }, effect);
  }
}

void LocalBarrierWorker::perform(OpenGraph effect) {
  managers_[effect.graph.graph] = std::make_shared<LocalBarrierManagerImpl>(effect.graph, *this, options_.barrier_target);
  actors_.start_graph(effect.graph);
  if (effect.trunk) return open_branch(effect);
  auto task = tasks_.begin(fmt::format("opening graph {} term {}", effect.graph.graph, effect.graph.term));
  off_loop(WorkerQueue::Lane::Sync, [this, effect = std::move(effect), task = std::move(task)]() -> runtime::Job {
    Status opened = store_.open_graph(effect.graph, effect.committed, effect.segments, effect.live_tables);
    return [this, graph = effect.graph, committed = effect.committed, opened] {
      // From now on the store answers with what arrived, and no sooner.
      const auto owned = owned_.extract(graph);
      if (!owned.empty() && opened.has_value() && state_.current_term(graph.graph) == graph) {
        ownership_->assign(graph.graph, committed, owned.mapped(), runtime_.now());
      }
      apply(GraphOpened{graph, opened});
    };
  });
}

// It has no segments of its own to adopt, but may have files of ended attempts to let go of.
void LocalBarrierWorker::open_branch(const OpenGraph& effect) {
  off_loop(WorkerQueue::Lane::Sync, [this, effect]() -> runtime::Job {
    Status opened = store_.open_branch(effect.graph, effect.trunk->graph, effect.segments);
    return [this, graph = effect.graph, opened] { apply(GraphOpened{graph, opened}); };
  });
}

// What its actors read their barriers from stays; the barriers of the other graph go there too.
void LocalBarrierWorker::perform(const MergeGraphs& effect) {
  merged_.emplace(effect.into.graph, MergedGraph{effect.graph.graph, effect.epoch});
  actors_.merge_graph(effect.graph, effect.into);
  if (Status merged = store_.merge_branch(effect.graph.graph, effect.rows_from); merged.has_error()) {
    post_event(ActorFailed{effect.into, ActorId{0}, merged.error()});
  }
}

// A barrier from before the merge is the merged graph's own, and its actors may be slower than those of `graph`.
void LocalBarrierWorker::for_each_manager(PartialGraphId graph, Epoch prev, const std::function<void(LocalBarrierManagerImpl&)>& visit) {
  visit(*managers_.at(graph));
  const auto [begin, end] = merged_.equal_range(graph);
  for (auto at = begin; at != end; ++at) {
    if (prev >= at->second.epoch) visit(*managers_.at(at->second.graph));
  }
}

void LocalBarrierWorker::forget_managers(PartialGraphId graph) {
  managers_.erase(graph);
  const auto [begin, end] = merged_.equal_range(graph);
  for (auto at = begin; at != end; ++at) {
    managers_.erase(at->second.graph);
    metrics_.forget_graph(at->second.graph);
  }
  merged_.erase(begin, end);
}

// Of jobs that were dropped since: every barrier would go to all that were ever merged here.
void LocalBarrierWorker::forget_unused_managers(PartialGraphId graph) {
  const auto [begin, end] = merged_.equal_range(graph);
  for (auto at = begin; at != end;) {
    const auto manager = managers_.find(at->second.graph);
    // Nobody else has it, and its own barriers, from before the merge, are all answered: so nobody will ask for it.
    if (manager->second.use_count() > 1 || state_.current_term(manager->first)) {
      ++at;
      continue;
    }
    metrics_.forget_graph(manager->first);
    managers_.erase(manager);
    at = merged_.erase(at);
  }
}

void LocalBarrierWorker::perform(StartEpoch effect) {
  if (Status started = store_.start_epoch(effect.graph.graph, effect.curr, effect.tables); started.has_error()) {
    post_event(ActorFailed{effect.graph, ActorId{0}, started.error()});
  }
}

void LocalBarrierWorker::perform(const ResolveTransactions& effect) {
  const Status resolved = transactions_ == nullptr ? Status(error(Code::Protocol, "a barrier names transactions, but this node holds none"))
                                                   : transactions_->resolve(effect.graph, effect.prev, effect.commit, effect.abort);
  if (resolved.has_error()) post_event(ActorFailed{effect.graph, ActorId{0}, resolved.error()});
}

void LocalBarrierWorker::perform(const SendBarrier& effect) {
  Barrier barrier = effect.barrier;
  barrier.uncollected = std::make_shared<std::atomic<int64_t>>(static_cast<int64_t>(effect.collects));
  for_each_manager(effect.graph.graph, barrier.epoch.prev, [&](LocalBarrierManagerImpl& manager) {
    // An Initial waits for its actors to be built, which says nothing of how fast they are.
    if (barrier.kind != BarrierKind::Initial) manager.note_injected(barrier.epoch.prev, runtime_.now());
    manager.log().put(barrier);
  });
}

void LocalBarrierWorker::perform(const BuildActors& effect) {
  const auto& manager = managers_.at(effect.graph.graph);
  for (const auto& fragment : effect.build) {
    for (const pb::BuildActor& actor : fragment->actors()) manager->log().expect(ActorId{actor.actor_id()}, effect.first.prev);
    actors_.build(effect.graph, fragment, effect.first, manager);
  }
}

void LocalBarrierWorker::perform(const ForgetBarrier& effect) {
  for_each_manager(effect.graph.graph, effect.prev, [&](LocalBarrierManagerImpl& manager) {
    manager.note_collected(effect.prev, runtime_.now());
    manager.log().forget(effect.prev);
  });
  forget_unused_managers(effect.graph.graph);
}

void LocalBarrierWorker::perform(StartSync effect) {
  ++off_loop_jobs_;
  const PartialGraphId graph = effect.graph.graph;
  auto task = tasks_.begin(fmt::format("sync of epoch {} of graph {}", effect.prev, graph));
  syncs_.run(graph, [this, effect = std::move(effect), task = std::move(task)] {
    auto result = store_.sync_epoch(effect.graph, effect.prev, effect.tables);
    post(WorkerQueue::Lane::Sync, [this, graph = effect.graph, prev = effect.prev, result = std::move(result)]() mutable {
      --off_loop_jobs_;
      syncs_.done(graph.graph);
      apply(SyncFinished{graph, prev, std::move(result)});
      finish_stop();
    });
  });
}

void LocalBarrierWorker::perform(const BarrierCompleteResult& effect) {
  std::vector<TransactionId> held;
  if (effect.kind == BarrierKind::Checkpoint && transactions_ != nullptr) held = transactions_->held(effect.graph);
  send(encode_complete(effect, store_.flushed_segments(effect.graph.graph), held));
}

void LocalBarrierWorker::perform(const ReportFailure& effect) {
  log::warn("barrier-worker", "partial graph {} term {} failed (actor {}): {}", effect.graph.graph, effect.graph.term, effect.actor,
            effect.error);
  send(encode_failure(effect));
}

void LocalBarrierWorker::perform(const StopActors& effect) {
  if (mover_ != nullptr) mover_->cancel(effect.graph);
  ++off_loop_jobs_;
  auto stopped = [this, graph = effect.graph, removed = effect.removed] {
    post(WorkerQueue::Lane::Operation, [this, graph, removed] {
      --off_loop_jobs_;
      if (!removed) apply(GraphStopped{graph});
      continue_init();
      finish_stop();
    });
  };
  effect.removed ? actors_.remove_graph(effect.graph, std::move(stopped)) : actors_.stop_graph(effect.graph, std::move(stopped));
}

void LocalBarrierWorker::perform(const StartResetTimer& effect) {
  timers_.push_back(
      runtime_.after(effect.delay, *loop_, [this, graph = effect.graph, kind = effect.kind] { post_event(ResetTimer{graph, kind}); }));
}

void LocalBarrierWorker::perform(const ClearGraph& effect) {
  if (ownership_ != nullptr) ownership_->stopped(effect.graph.graph, store_.committed_epoch(effect.graph.graph));
  store_.clear(effect.graph.graph);
  forget_managers(effect.graph.graph);
}

// A reset that Init or `stop` asked for concerns only this node.
void LocalBarrierWorker::perform(const ReportReset& effect) {
  if (control_.initialized) send(encode_reset(effect));
  post(WorkerQueue::Lane::Operation, [this] {
    if (state_.graphs().empty()) timers_.clear();
    continue_init();
    finish_stop();
  });
}

void LocalBarrierWorker::perform(const ProtocolViolation& effect) {
  log::error("barrier-worker", "{}", effect.error);
  close_stream(effect.error);
}

}  // namespace penstock::stream
