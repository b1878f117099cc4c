#pragma once

#include <map>
#include <set>
#include <vector>

#include "meta/model/meta_model.h"
#include "meta/model/types.h"

namespace penstock::meta {

/// What one worker's answer to a Checkpoint makes durable.
struct WorkerSegments {
  PartialGraphId graph;  // of the database: it has the segments of jobs that are being created, too
  WorkerId worker;
  std::vector<pb::SegmentRef> written;
  std::vector<uint64_t> flushed;
};

struct SplitProgress {
  JobId job;
  ObjectId source;
  ActorId actor;
  pb::Split split;
};

/// All that one Checkpoint of a database makes durable, in one transaction: the committed epoch of its graphs, their segments, the
/// positions of sources, who reads which split, who owns which vnodes, which jobs are finished.
struct CommitRecord {
  DatabaseId database;
  GraphTerm graph;
  Epoch epoch;
  std::set<WorkerId> members;  // nodes that have the graph; segments elsewhere are of dropped jobs only
  std::vector<WorkerSegments> segments;
  std::vector<SplitProgress> progress;
  std::map<JobId, std::map<MetaModel::SplitKey, ActorId>> assigned;
  std::map<JobId, JobPlacement> placed;
  std::map<JobId, std::set<ActorId>> backfilled;  // of jobs that are being created: newly done
  std::vector<JobId> finished;
  /// Jobs that were being created and are in this commit no more, while the others go on: changes pass them by, so they begin again with
  /// nothing, in tables of new numbers, whose old ones hold what may be left of them.
  std::set<JobId> detached;
  std::set<ObjectId> subscribing;  // subscriptions that from now on have all changes
};

/// The transaction, and what is known once it is built.
struct CommitPlan {
  Txn txn;
  std::map<WorkerId, std::vector<uint64_t>> struck_off;  // sequence numbers that left the list
  std::vector<JobId> finished;                           // those of the record that still exist
  std::map<DatabaseId, std::vector<JobId>> replaced;     // views whose place finished ones have taken
};

/// Builds the transaction against the model as it is when the transaction's turn comes: jobs dropped in the meantime are left out. Pure.
[[nodiscard]] CommitPlan build_commit(const MetaModel& model, const CommitRecord& record);

}  // namespace penstock::meta
