#pragma once

#include <map>
#include <set>
#include <vector>

#include "common/ids.h"
#include "meta/model/job_plan.h"
#include "meta/model/meta_model.h"

namespace penstock::meta {

/// Jobs that are being created: which of their backfilling actors are not done, and which backfills wait for others. Pure.
///
/// A backfill is the actors of one fragment with a scan. One that comes after others waits until all actors of these are durably done:
/// until then, and after every recovery that finds it so, its actors are built waiting. So it never begins twice and is never forgotten,
/// and no position of it can be durable while those before it are not done: what begins it rides a barrier after that commit. Every one
/// begins: those before it are of the same job, in no circle (`JobPlan`), and a backfill that has begun ends if barriers pass, or the job
/// fails, or a user holds it.
class CreateTracker {
 public:
  struct Backfill {
    ObjectId upstream;
    std::vector<ActorId> actors;
    std::vector<FragmentId> after;
    bool waits = false;  // as its actors were told
  };
  struct Progress {
    std::set<ActorId> missing;
    std::set<ActorId> newly_done;      // since the last Checkpoint took them
    std::map<ActorId, uint64_t> rows;  // that each actor has read, as it said last; 0 before it said anything in this term
    std::map<FragmentId, Backfill> backfills;
  };
  struct Place {
    JobId job;
    FragmentId fragment;
  };

  /// `placement` names the actors that are durably done.
  void add(const JobPlan& plan, const JobPlacement& placement);
  void remove(JobId job) { jobs_.erase(job); }
  void clear() { jobs_.clear(); }
  /// Says nothing about actors of jobs that are created already, whose backfills report for ever.
  void on_progress(ActorId actor, bool done, uint64_t rows);
  /// For a Checkpoint's record: what became done since the last one, by job.
  [[nodiscard]] std::map<JobId, std::set<ActorId>> take_newly_done();
  /// Jobs of which nothing is missing.
  [[nodiscard]] std::vector<JobId> complete() const;
  [[nodiscard]] const std::map<JobId, Progress>& jobs() const { return jobs_; }

  /// Whether actors of the fragment are to be built waiting.
  [[nodiscard]] bool waits(JobId job, FragmentId fragment) const;
  /// Those that wait for nothing any more, now that the model says who is done.
  [[nodiscard]] std::vector<Place> ready(const MetaModel& model) const;
  void on_started(const Place& place) { jobs_.at(place.job).backfills.at(place.fragment).waits = false; }
  /// Something has become done since the last Checkpoint, and nothing is missing any more before a backfill that waits.
  [[nodiscard]] bool wants_checkpoint() const;
  /// Jobs of which something is missing, and how many of their backfills wait for others.
  [[nodiscard]] std::map<JobId, size_t> unfinished() const;
  /// What the fragment's backfill waits for, of what is not done. Empty if it does not wait.
  [[nodiscard]] std::vector<FragmentId> awaited(JobId job, FragmentId fragment) const;

 private:
  std::map<JobId, Progress> jobs_;
};

}  // namespace penstock::meta
