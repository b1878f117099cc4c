#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "runtime/runtime.h"
#include "storage/state_store.h"
#include "stream/executor/actor_context.h"
#include "stream/message.h"
#include "stream/task/barrier_worker/vnode_mover.h"

namespace penstock::pb {
class BuildFragment;
}

/// What goes into `ManagedBarrierState` and what comes out of it. Names follow the control stream (proto/control_stream.proto).
namespace penstock::stream {

/// Memory of a node, for people.
struct NodeMemory {
  uint64_t state_bytes = 0;      // of operators
  uint64_t state_limit = 0;      // budget for it
  uint64_t unflushed_bytes = 0;  // rows in the store's memory that are not in sorted files
  uint64_t exchange_bytes = 0;   // rows that wait in channels, about
  bool operator==(const NodeMemory&) const = default;
};

// ---- events -------------------------------------------------------------------------------------------------------------------------

struct CreatePartialGraph {
  GraphTerm graph;
  Epoch committed;
  std::vector<storage::SegmentRef> segments;
  std::vector<TableId> live_tables;     // rows of others in the segments are skipped
  std::optional<GraphTerm> trunk;       // of a job that is being created: its database's graph, which is here
  std::string database;                 // its name, for metrics
  std::vector<OwnedVnodes> owned = {};  // what reads may be answered for; for the worker's books only
};
/// The store has adopted the graph's segments, or why it could not.
struct GraphOpened {
  GraphTerm graph;
  Status result;
};
struct ActorToBuild {
  ActorId actor;
  FragmentId fragment;
};
struct InjectBarrier {
  GraphTerm graph;
  Barrier barrier;
  std::vector<ActorId> actors_to_collect;
  std::vector<TableId> tables_to_sync;
  std::vector<ActorToBuild> new_actors;                         // what `build` holds, for the books
  std::vector<std::shared_ptr<const pb::BuildFragment>> build;  // shared with the builds that run off the loop
  std::vector<TransactionId> commit_txns;                       // held here, part of `prev` from now on
  std::vector<TransactionId> abort_txns;
};
struct BarrierCollected {
  GraphTerm graph;
  ActorId actor;
  Epoch prev;
  std::optional<runtime::TimePoint> at = std::nullopt;  // none: now
};
struct ActorFailed {
  GraphTerm graph;
  ActorId actor;
  Error error;
};
struct ExpressionErrors {
  uint64_t count = 0;
  std::optional<Error> first;
};
/// A side report of an epoch, made before the reporter collects it.
struct SideReport {
  GraphTerm graph;
  Epoch prev;
  std::variant<SourceReport, CreateReport, ExpressionErrors> report;
};
struct SyncFinished {
  GraphTerm graph;
  Epoch prev;
  Result<std::vector<storage::SegmentInfo>> result;
};
struct ResetPartialGraph {
  GraphTerm graph;
};
/// No actor of the graph runs any more.
struct GraphStopped {
  GraphTerm graph;
};
/// A timer of a reset is over: waiting for a better root cause, or for actors and syncs to come back.
struct ResetTimer {
  enum class Kind { RootCause, CutOff };
  GraphTerm graph;
  Kind kind;
};
struct RemovePartialGraph {
  GraphTerm graph;
};
/// A job is created: from `epoch` on, which is not yet injected, its graph is part of `into`.
struct MergePartialGraph {
  GraphTerm graph;
  GraphTerm into;
  Epoch epoch;
};

using BarrierEvent = std::variant<CreatePartialGraph, GraphOpened, InjectBarrier, BarrierCollected, ActorFailed, SideReport, SyncFinished,
                                  ResetPartialGraph, GraphStopped, ResetTimer, RemovePartialGraph, MergePartialGraph>;

// ---- effects ------------------------------------------------------------------------------------------------------------------------

/// Adopt the segments (blocks: off the loop), then `GraphOpened`. Exchange requests of this term are served from now on.
struct OpenGraph {
  GraphTerm graph;
  Epoch committed;
  std::vector<storage::SegmentRef> segments;
  std::vector<TableId> live_tables;
  std::optional<GraphTerm> trunk;
};
/// The actors and barriers of `graph` are part of `into` from `epoch` on. Of its rows, no Checkpoint of its own covers those of `rows_from`
/// and later.
struct MergeGraphs {
  GraphTerm graph;
  GraphTerm into;
  Epoch epoch;
  Epoch rows_from;
};
/// In this order: StartEpoch, ResolveTransactions, SendBarrier, BuildActors; no actor may see a barrier whose epoch the store has not
/// started, or before it has the rows of the transactions that the barrier names.
struct StartEpoch {
  GraphTerm graph;
  Epoch curr;
  std::vector<TableId> tables;
};
struct ResolveTransactions {
  GraphTerm graph;
  Epoch prev;
  std::vector<TransactionId> commit;
  std::vector<TransactionId> abort;
};
struct SendBarrier {
  GraphTerm graph;
  Barrier barrier;
  size_t collects = 0;  // by so many actors
};
struct BuildActors {
  GraphTerm graph;
  EpochPair first;
  std::vector<std::shared_ptr<const pb::BuildFragment>> build;
};
/// Every actor has collected up to and including `prev`: subscriptions may forget it.
struct ForgetBarrier {
  GraphTerm graph;
  Epoch prev;
};
struct StartSync {
  GraphTerm graph;
  Epoch prev;
  std::vector<TableId> tables;
};
/// All side reports of one epoch in one place.
struct EpochReport {
  std::vector<SourceReport> sources;
  std::vector<CreateReport> creates;
  ExpressionErrors expressions;
};
struct FragmentTiming {
  FragmentId fragment;
  runtime::TimePoint first;
  runtime::TimePoint last;
  ActorId last_actor;
};
/// What meta is told of a collected (and, if a Checkpoint, synced) barrier.
struct BarrierCompleteResult {
  GraphTerm graph;
  EpochPair epoch;
  BarrierKind kind;
  EpochReport report;
  std::vector<storage::SegmentInfo> segments;
  std::vector<FragmentTiming> fragments;
  runtime::TimePoint injected;
  runtime::TimePoint collected;
  runtime::TimePoint completed;
};
struct ReportFailure {
  GraphTerm graph;
  ActorId actor;
  Error error;
};
struct StopActors {
  GraphTerm graph;
  bool removed = false;  // the graph leaves this node, and may come again in its term
};
struct StartResetTimer {
  GraphTerm graph;
  ResetTimer::Kind kind;
  runtime::Duration delay;
};
/// Drop in-memory batches; staged segments stay.
struct ClearGraph {
  GraphTerm graph;
};
struct RootError {
  ActorId actor;
  FragmentId fragment;
  Error error;
  int score;
};
struct ReportReset {
  GraphTerm graph;
  std::optional<RootError> root;
};
/// An event that this state does not allow; the peer that sent it breaks the protocol.
struct ProtocolViolation {
  GraphTerm graph;
  Error error;
};

using BarrierEffect =
    std::variant<OpenGraph, MergeGraphs, StartEpoch, ResolveTransactions, SendBarrier, BuildActors, ForgetBarrier, StartSync,
                 BarrierCompleteResult, ReportFailure, StopActors, StartResetTimer, ClearGraph, ReportReset, ProtocolViolation>;
using BarrierEffects = std::vector<BarrierEffect>;

/// How likely an error is the root cause: what users caused > other errors > channels that closed because somebody else failed.
[[nodiscard]] int root_cause_score(const Error& error);
constexpr int kSecondaryScore = 10;  // at or below: the consequence of another failure

}  // namespace penstock::stream
