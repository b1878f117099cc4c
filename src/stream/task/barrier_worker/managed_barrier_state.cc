#include "stream/task/barrier_worker/managed_barrier_state.h"

namespace penstock::stream {
namespace {

GraphTerm graph_of(const BarrierEvent& event) {
  return std::visit([](const auto& e) { return e.graph; }, event);
}

}  // namespace

BarrierEffects ManagedBarrierState::on_event(BarrierEvent event, runtime::TimePoint now) {
  BarrierEffects effects;
  if (const auto* e = std::get_if<CreatePartialGraph>(&event)) {
    create(*e, effects);
  } else if (const auto* r = std::get_if<ResetPartialGraph>(&event)) {
    reset(*r, effects);
  } else if (const auto* m = std::get_if<RemovePartialGraph>(&event)) {
    remove(*m, effects);
  } else if (const auto* merged = std::get_if<MergePartialGraph>(&event)) {
    merge(*merged, effects);
  } else {
    if (!merged_.empty()) redirect(event);
    if (const auto* inject = std::get_if<InjectBarrier>(&event); inject != nullptr && merged_.contains(inject->graph)) {
      effects.push_back(
          ProtocolViolation{inject->graph, error(Code::Protocol, "a barrier for graph {}, which was merged", inject->graph.graph)});
      return effects;
    }
    PartialGraphState* graph = find(graph_of(event));
    if (graph == nullptr) {
      ++stale_events_;
      return effects;
    }
    const bool opened = std::holds_alternative<GraphOpened>(event);
    dispatch(*graph, std::move(event), now, effects);
    if (opened && graph->running()) {
      for (auto& [id, other] : graphs_) other.on_trunk_opened(graph->graph(), effects);
    }
    tidy(*graph);
  }
  return effects;
}

void ManagedBarrierState::tidy(PartialGraphState& graph) {
  const GraphTerm id = graph.graph();
  if (graph.gone()) {
    forget_merged(id, true);
    graphs_.erase(id.graph);
  } else if (!merged_.empty() && merged_.contains(id) && graph.in_flight() == 0) {
    graphs_.erase(id.graph);
  }
}

void ManagedBarrierState::dispatch(PartialGraphState& graph, BarrierEvent event, runtime::TimePoint now, BarrierEffects& effects) {
  if (auto* collect = std::get_if<BarrierCollected>(&event)) return graph.on_collect(*collect, now, effects);  // the hot one
  if (auto* inject = std::get_if<InjectBarrier>(&event)) return graph.on_inject(std::move(*inject), now, effects);
  if (auto* opened = std::get_if<GraphOpened>(&event)) return graph.on_opened(*opened, now, effects);
  if (auto* failed = std::get_if<ActorFailed>(&event)) return graph.on_failure(failed->actor, failed->error, effects);
  if (auto* report = std::get_if<SideReport>(&event)) return graph.on_report(std::move(*report));
  if (auto* synced = std::get_if<SyncFinished>(&event)) return graph.on_sync_finished(std::move(*synced), now, effects);
  if (std::holds_alternative<GraphStopped>(event)) return graph.on_stopped(effects);
  if (auto* timer = std::get_if<ResetTimer>(&event)) return graph.on_reset_timer(timer->kind, effects);
}

void ManagedBarrierState::create(const CreatePartialGraph& event, BarrierEffects& effects) {
  const auto [at, added] = graphs_.try_emplace(event.graph.graph, event.graph);
  if (!added) {
    effects.push_back(ProtocolViolation{event.graph, error(Code::Protocol, "partial graph {} is created in term {} but lives in term {}",
                                                           event.graph.graph, event.graph.term, at->second.graph().term)});
    return;
  }
  const PartialGraphState* trunk = event.trunk ? find(*event.trunk) : nullptr;
  at->second.on_create(event, trunk != nullptr && trunk->running(), effects);
  if (event.trunk && trunk == nullptr) {
    at->second.on_failure(ActorId{0},
                          error(Code::Stale, "graph {} belongs to graph {} term {}, which is not here", event.graph.graph,
                                event.trunk->graph, event.trunk->term),
                          effects);
  }
}

// The merged graph's barriers go on below `epoch`; its actors are in the other graph's book as well from now on.
void ManagedBarrierState::merge(const MergePartialGraph& event, BarrierEffects& effects) {
  const PartialGraphState* from = find(event.graph);
  PartialGraphState* into = find(event.into);
  if (from == nullptr || into == nullptr) {
    ++stale_events_;
    return;
  }
  if (Status merged = into->on_merge(*from, event.epoch, effects); merged.has_error()) {
    effects.push_back(ProtocolViolation{event.graph, merged.error()});
    return;
  }
  merged_[event.graph] = {event.into, event.epoch};
  if (from->in_flight() == 0) graphs_.erase(event.graph.graph);
}

void ManagedBarrierState::redirect(BarrierEvent& event) const {
  const auto merged = merged_.find(graph_of(event));
  if (merged == merged_.end()) return;
  const auto into = [&](auto& e) { e.graph = merged->second.into; };
  if (auto* collect = std::get_if<BarrierCollected>(&event)) {
    if (collect->prev >= merged->second.epoch) into(*collect);
  } else if (auto* report = std::get_if<SideReport>(&event)) {
    if (report->prev >= merged->second.epoch) into(*report);
  } else if (auto* failed = std::get_if<ActorFailed>(&event)) {
    into(*failed);
  }
}

/// `names`: also what their actors may still say is forgotten.
void ManagedBarrierState::forget_merged(GraphTerm into, bool names) {
  for (auto merged = merged_.begin(); merged != merged_.end();) {
    if (merged->second.into == into) {
      if (find(merged->first) != nullptr) graphs_.erase(merged->first.graph);
      names ? merged_.erase(merged++) : (void)++merged;
    } else {
      ++merged;
    }
  }
}

// Meta resets what it no longer knows the state of: a graph that is not here, or that this worker knows under an older term.
void ManagedBarrierState::reset(const ResetPartialGraph& event, BarrierEffects& effects) {
  const auto found = graphs_.find(event.graph.graph);
  if (found != graphs_.end() && found->second.graph().term > event.graph.term) {
    ++stale_events_;
  } else if (found == graphs_.end() || merged_.contains(found->second.graph())) {  // the latter ends with the graph it was merged into
    effects.push_back(ReportReset{event.graph, std::nullopt});
  } else {
    forget_merged(found->second.graph(), false);
    found->second.on_reset(effects);
  }
}

void ManagedBarrierState::remove(const RemovePartialGraph& event, BarrierEffects& effects) {
  PartialGraphState* graph = find(event.graph);
  if (graph == nullptr) {
    ++stale_events_;
    return;
  }
  if (Status removable = graph->on_remove(); removable.has_error()) {
    effects.push_back(ProtocolViolation{event.graph, removable.error()});
    return;
  }
  effects.push_back(StopActors{event.graph, true});
  forget_merged(event.graph, true);
  graphs_.erase(event.graph.graph);
}

PartialGraphState* ManagedBarrierState::find(GraphTerm graph) {
  const auto found = graphs_.find(graph.graph);
  return found == graphs_.end() || found->second.graph() != graph ? nullptr : &found->second;
}

std::vector<GraphTerm> ManagedBarrierState::graphs() const {
  std::vector<GraphTerm> out;
  out.reserve(graphs_.size());
  for (const auto& [id, graph] : graphs_) out.push_back(graph.graph());
  return out;
}

std::optional<GraphTerm> ManagedBarrierState::current_term(PartialGraphId graph) const {
  const auto found = graphs_.find(graph);
  if (found == graphs_.end()) return std::nullopt;
  return found->second.graph();
}

std::vector<BarrierStatus> ManagedBarrierState::barriers(runtime::TimePoint now) const {
  std::vector<BarrierStatus> out;
  for (const auto& [id, graph] : graphs_) graph.list_barriers(now, out);
  return out;
}

std::string ManagedBarrierState::debug_string(runtime::TimePoint now) const {
  std::string out;
  for (const auto& [id, graph] : graphs_) {
    out += graph.debug_string(now);
    const auto merged = merged_.find(graph.graph());
    if (merged != merged_.end())
      out += fmt::format("  part of graph {} from epoch {} on\n", merged->second.into.graph, merged->second.epoch);
  }
  if (stale_events_ > 0) out += fmt::format("{} events of ended terms were ignored\n", stale_events_);
  return out;
}

}  // namespace penstock::stream
