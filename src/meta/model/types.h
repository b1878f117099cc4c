#pragma once

#include <compare>
#include <cstdint>

#include "common/ids.h"
#include "common/vnode.h"
#include "proto/control_stream.pb.h"
#include "runtime/runtime.h"

namespace penstock::meta {

/// A partial graph and one incarnation of it.
struct GraphTerm {
  PartialGraphId graph;
  Term term;
  constexpr auto operator<=>(const GraphTerm&) const = default;
};
[[nodiscard]] inline GraphTerm from_pb(const pb::GraphId& graph) { return {PartialGraphId{graph.id()}, Term{graph.term()}}; }
inline void to_pb(GraphTerm graph, pb::GraphId* out) {
  out->set_id(graph.graph.value);
  out->set_term(graph.term.value);
}

/// The graph of a database's finished jobs.
[[nodiscard]] constexpr PartialGraphId graph_of(DatabaseId database) { return PartialGraphId{database.value}; }

/// The graph of a job while it is created. Its lower half is its database's number, which says whose machine hears of it.
[[nodiscard]] constexpr PartialGraphId graph_of(DatabaseId database, ObjectId job) {
  return PartialGraphId{uint64_t{job.value} << 32 | database.value};
}
[[nodiscard]] constexpr DatabaseId database_of(PartialGraphId graph) { return DatabaseId{static_cast<uint32_t>(graph.value)}; }

/// What time it is when an event comes in: pure machines have no clock.
struct Now {
  runtime::TimePoint mono;
  int64_t unix_micros = 0;
};

/// One actor of a fragment: where it is and what it owns.
struct ActorPlacement {
  ActorId actor;
  WorkerId worker;
  VNodeBitmap vnodes;
  bool operator==(const ActorPlacement&) const = default;
};

}  // namespace penstock::meta
