#pragma once

#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "meta/model/types.h"

namespace penstock::meta {

/// What a barrier can be made to do beside ending an epoch. The catalog has it durably before it is queued here, so a command that dies
/// with its barrier is made again from the catalog. Those that wait at the same moment share a barrier (mutation Combined), except
/// RescaleJobs: `checkpoint_commands.cc` says which go together.
///
/// | command      | mutation          | durable with its barrier's commit       | if that never commits, recovery               |
/// |--------------|-------------------|-----------------------------------------|-----------------------------------------------|
/// | CreateJob    | Add               | who owns the job's vnodes, its splits   | queues it again, or fails it if it was at fault |
/// | DropJobs     | Stop              | nothing (the catalog has dropped them)  | rebuilds the graph without them               |
/// | ChangeSplits | SourceChangeSplit | who reads the new splits                | assigns them itself                           |
/// | DetachJob    | Stop              | nothing (see CommitRecord::detached)    | rebuilds the graph without its edges          |
/// | RescaleJobs  | Update            | nothing; a later transaction: new owners | looks again where the jobs should be         |
struct CreateJob {
  JobId job;
  uint32_t lost_barriers = 0;  // how often its barrier died with something else; after a few it is taken for the cause
};
struct DropJobs {
  std::vector<JobId> jobs;
};
/// New splits of the job's sources wait to be given to its actors.
struct ChangeSplits {
  JobId job;
};
/// The graph of a job that was being created is gone; the others drop their outputs to it. Its rows, too, are to be dropped.
struct DetachJob {
  JobId job;
  pb::StopMutation stop;
  std::vector<TableId> tables;
};
/// The jobs of the database may have to be elsewhere: a node joined or leaves, or a job is to have another parallelism. What that comes to
/// is found out when it is taken.
struct RescaleJobs {
  runtime::TimePoint not_before;  // nodes often come in numbers
  uint32_t failed = 0;            // how often it was tried in vain
  bool copied = false;            // that was done, or is not to be
  runtime::Duration took = {};    // the copying
};
using Command = std::variant<CreateJob, DropJobs, ChangeSplits, DetachJob, RescaleJobs>;

[[nodiscard]] inline std::string describe(const Command& command) {
  struct Describe {
    std::string operator()(const CreateJob& c) const { return fmt::format("create {}", c.job); }
    std::string operator()(const DropJobs& c) const {
      std::string out = "drop";
      for (const JobId job : c.jobs) out += fmt::format(" {}", job);
      return out;
    }
    std::string operator()(const ChangeSplits& c) const { return fmt::format("change splits of {}", c.job); }
    std::string operator()(const DetachJob& c) const { return fmt::format("detach {}", c.job); }
    std::string operator()(const RescaleJobs&) const { return "rescale"; }
  };
  return std::visit(Describe{}, command);
}

[[nodiscard]] inline std::string describe(const std::vector<Command>& commands) {
  std::string out;
  for (const Command& command : commands) out += (out.empty() ? "" : ", ") + describe(command);
  return out;
}

/// Waits for the commit of everything that was accepted before it.
struct FlushWaiter {
  uint64_t id = 0;  // the shell's
  /// Of a setting that is in the catalog already: a recovery builds what it says, so its beginning is an answer, too, with epoch 0.
  bool of_setting = false;
};

/// Waits until every job of the database is where it should be.
struct RescaleWaiter {
  uint64_t id = 0;  // the shell's
};

}  // namespace penstock::meta
