#pragma once

#include <absl/container/flat_hash_map.h>

#include <map>
#include <string>

#include "stream/task/barrier_worker/partial_graph_state.h"

namespace penstock::stream {

/// All partial graphs of a worker: which barrier waits for whom, in every graph and incarnation (named after RisingWave's).
///
/// Guarantees
///  - an event of another term than the graph's own is counted in `stale_events` and changes nothing;
///  - one graph's failure, reset or slow sync leaves every other graph alone;
///  - a graph that was merged into another one answers for the barriers below the epoch of the merge, then vanishes; what its actors say of
///    later ones, and their failures, are the other graph's, by epoch;
///  - it is total: no event ends the process; what the protocol forbids is a `ProtocolViolation` effect.
///
/// Pure: no clock, thread or I/O; `now` comes with each event. One owner, the worker's loop.
class ManagedBarrierState {
 public:
  [[nodiscard]] BarrierEffects on_event(BarrierEvent event, runtime::TimePoint now);

  [[nodiscard]] std::vector<GraphTerm> graphs() const;
  [[nodiscard]] std::optional<GraphTerm> current_term(PartialGraphId graph) const;
  [[nodiscard]] uint64_t stale_events() const { return stale_events_; }
  /// In flight, by graph, oldest first.
  [[nodiscard]] std::vector<BarrierStatus> barriers(runtime::TimePoint now) const;
  [[nodiscard]] std::string debug_string(runtime::TimePoint now) const;

 private:
  [[nodiscard]] PartialGraphState* find(GraphTerm graph);
  void create(const CreatePartialGraph& event, BarrierEffects& effects);
  void reset(const ResetPartialGraph& event, BarrierEffects& effects);
  void remove(const RemovePartialGraph& event, BarrierEffects& effects);
  void merge(const MergePartialGraph& event, BarrierEffects& effects);
  /// Of a graph that was merged: gives the event the graph that has taken it in.
  void redirect(BarrierEvent& event) const;
  void tidy(PartialGraphState& graph);
  void forget_merged(GraphTerm into, bool names);
  void dispatch(PartialGraphState& graph, BarrierEvent event, runtime::TimePoint now, BarrierEffects& effects);

  struct Merged {
    GraphTerm into;
    Epoch epoch;
  };
  std::map<PartialGraphId, PartialGraphState> graphs_;
  struct ByTerm {
    size_t operator()(GraphTerm graph) const { return absl::HashOf(graph.graph, graph.term); }
  };
  absl::flat_hash_map<GraphTerm, Merged, ByTerm> merged_;  // until the other graph is over; every collect of their actors looks here
  uint64_t stale_events_ = 0;
};

}  // namespace penstock::stream
