#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/error.h"
#include "meta/barrier/command.h"
#include "meta/barrier/commit_record.h"
#include "meta/barrier/transactions.h"
#include "proto/control_stream.pb.h"

/// What goes into a database's `CheckpointControl` and what comes out of it.
namespace penstock::meta {

// ---- events -------------------------------------------------------------------------------------------------------------------------

/// Time has passed, or a lease was extended.
struct Tick {};
struct CommandQueued {
  Command command;
};
/// The catalog has dropped them; their Stop rides the next barrier, or they are left out of the recovery that is going on.
struct JobsDropped {
  std::vector<JobId> jobs;
};
struct FlushWanted {
  FlushWaiter waiter;
};
/// Somebody would like a checkpoint soon and does not wait for it here.
struct CheckpointWanted {};
/// `Cluster::disk_trouble` may answer otherwise than before.
struct DiskChanged {};
/// What `QuarantineJob` asked for is durable, or the job is gone.
struct JobsQuarantined {};
/// Who holds up the barrier that ends `prev`, as the nodes say: the actors that all others wait for in the end. 0: a node itself.
struct CulpritsNamed {
  Epoch prev;
  std::vector<ActorId> actors;
};
/// The catalog has it back among the jobs that run: the graph is built anew, with it.
struct JobReadmitted {
  JobId job;
};
/// Look, after `delay`, whether jobs should be elsewhere, and move them.
struct RescaleWanted {
  std::optional<RescaleWaiter> waiter;
  runtime::Duration delay{};
};
struct VnodesTransferred {
  WorkerId worker;
  pb::VnodesTransferred report;
};
/// The record asked for by `CommitRescale` is durable and in the model.
struct RescaleCommitted {};
struct WorkerReady {
  WorkerId worker;
};
struct WorkerLost {
  WorkerId worker;
  Error reason;
};
struct BarrierCompleted {
  WorkerId worker;
  pb::BarrierComplete report;
};
struct GraphFailed {
  WorkerId worker;
  GraphTerm graph;
  pb::RootError root;
};
struct GraphReset {
  WorkerId worker;
  GraphTerm graph;
  std::optional<pb::RootError> root;
};
/// The record asked for by `CommitCheckpoint` is durable and in the model.
struct CheckpointCommitted {
  Epoch epoch;
  std::map<WorkerId, std::vector<uint64_t>> struck_off;
  std::vector<JobId> finished;
};
using ControlEvent = std::variant<Tick, CommandQueued, JobsDropped, FlushWanted, CheckpointWanted, DiskChanged, JobsQuarantined,
                                  RescaleWanted, VnodesTransferred, RescaleCommitted, JobReadmitted, CulpritsNamed, WorkerReady, WorkerLost,
                                  BarrierCompleted, GraphFailed, GraphReset, CheckpointCommitted, TransactionWanted, TransactionGivenUp>;

// ---- effects ------------------------------------------------------------------------------------------------------------------------

struct SendRequest {
  WorkerId worker;
  pb::ControlRequest request;
};
/// Make it durable, then `CheckpointCommitted`. At most one a database is asked for at a time.
struct CommitCheckpoint {
  CommitRecord record;
};
/// Who owns which vnodes, and the files that hold the rows which moved: make both durable at once, then `RescaleCommitted`. None of the
/// database's checkpoints is on its way.
struct CommitRescale {
  CommitRecord record;
};
/// Every job is where it should be, or why not.
struct RescaleDone {
  RescaleWaiter waiter;
  Status result;
};
/// Epochs or actor ids have run out: extend the lease so that there are `actors` more, then `Tick`.
struct LeaseWanted {
  uint32_t actors = 0;
};
struct FlushDone {
  FlushWaiter waiter;
  GraphTerm graph;
  Epoch committed;
};
struct JobCreated {
  JobId job;
};
/// A job that was being created is the cause of a failure, or cannot be placed: take it out of the catalog and tell who waits.
struct JobFailed {
  JobId job;
  Error reason;
};
/// A job failed its database again and again: mark it and all that read it in the catalog, then `JobsQuarantined`.
struct QuarantineJob {
  JobId job;
  std::string reason;
};
/// A term that may have taken DML is over: what it did not commit up to `last_committed` is lost.
struct TermEnded {
  GraphTerm graph;
  Epoch last_committed;
};
/// Committed epoch, term or recovery state changed: tell frontends.
struct StatusChanged {};
/// For the event log.
struct EventHappened {
  std::string kind;
  std::string text;
  JobId job;
  WorkerId worker;
};
/// The oldest barrier is too old: say so, and ask those who are missing what they wait for.
struct BarrierStuck {
  EpochPair epoch;
  double seconds = 0;
  std::vector<WorkerId> missing;
};
/// A dropped job may be what holds up the oldest barrier: ask the nodes, then `CulpritsNamed`.
struct CulpritsWanted {
  Epoch prev;
};
/// The node does not do what it was told: end its control stream, so that it begins afresh.
struct DisconnectWorker {
  WorkerId worker;
  Error reason;
};
using ControlEffect =
    std::variant<SendRequest, CommitCheckpoint, CommitRescale, RescaleDone, LeaseWanted, FlushDone, JobCreated, JobFailed, QuarantineJob,
                 TermEnded, StatusChanged, EventHappened, BarrierStuck, CulpritsWanted, DisconnectWorker, TransactionDecided>;
using ControlEffects = std::vector<ControlEffect>;

}  // namespace penstock::meta
