#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "meta/model/types.h"

/// What `CheckpointControl` knows of jobs that have a graph of their own because they are being created.
namespace penstock::meta {

/// One node's part of one graph.
using Participant = std::pair<GraphTerm, WorkerId>;

/// A job whose graph takes part in the barriers.
struct CreatingJob {
  GraphTerm graph;
  std::set<WorkerId> workers;
};

/// A job's graph that is being reset alone.
struct EndingGraph {
  JobId job;
  std::set<WorkerId> waiting;              // have not answered
  bool dropped = false;                    // else the job failed, and is to be created again or to fail for good
  std::string reason;                      // why, until a better one is known
  std::optional<pb::RootError> root;       // likewise
  std::optional<runtime::TimePoint> sent;  // none: waits for a commit that the graph may be in
};

/// A job that failed while it was being created.
struct FailedCreation {
  uint32_t times = 0;
  runtime::TimePoint since;
};

/// When a job that failed is created again. It also has to be durable that it begins anew.
struct PendingRestart {
  runtime::TimePoint at;
};

}  // namespace penstock::meta
