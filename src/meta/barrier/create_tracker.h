#pragma once

#include <map>
#include <set>
#include <vector>

#include "common/ids.h"

namespace penstock::meta {

/// Jobs that are being created, and which of their backfilling actors are not done. Pure.
class CreateTracker {
 public:
  struct Progress {
    std::set<ActorId> missing;
    std::set<ActorId> newly_done;      // since the last Checkpoint took them
    std::map<ActorId, uint64_t> rows;  // read so far
    size_t actors = 0;
  };

  void add(JobId job, std::set<ActorId> backfilling, size_t done_before);
  void remove(JobId job) { jobs_.erase(job); }
  void clear() { jobs_.clear(); }
  /// Says nothing about actors of jobs that are created already, whose backfills report for ever.
  void on_progress(ActorId actor, bool done, uint64_t rows);
  /// For a Checkpoint's record: what became done since the last one, by job.
  [[nodiscard]] std::map<JobId, std::set<ActorId>> take_newly_done();
  /// Jobs of which nothing is missing.
  [[nodiscard]] std::vector<JobId> complete() const;
  [[nodiscard]] const std::map<JobId, Progress>& jobs() const { return jobs_; }

 private:
  std::map<JobId, Progress> jobs_;
};

}  // namespace penstock::meta
