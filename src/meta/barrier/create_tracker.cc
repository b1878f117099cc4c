#include "meta/barrier/create_tracker.h"

namespace penstock::meta {

void CreateTracker::add(JobId job, std::set<ActorId> backfilling, size_t done_before) {
  Progress progress;
  progress.actors = backfilling.size() + done_before;
  progress.missing = std::move(backfilling);
  jobs_.insert_or_assign(job, std::move(progress));
}

void CreateTracker::on_progress(ActorId actor, bool done, uint64_t rows) {
  for (auto& [id, job] : jobs_) {
    if (!job.missing.contains(actor)) continue;
    job.rows[actor] = rows;
    if (done) {
      job.missing.erase(actor);
      job.newly_done.insert(actor);
    }
    return;
  }
}

std::map<JobId, std::set<ActorId>> CreateTracker::take_newly_done() {
  std::map<JobId, std::set<ActorId>> out;
  for (auto& [id, job] : jobs_) {
    if (!job.newly_done.empty()) out[id] = std::exchange(job.newly_done, {});
  }
  return out;
}

std::vector<JobId> CreateTracker::complete() const {
  std::vector<JobId> out;
  for (const auto& [id, job] : jobs_) {
    if (job.missing.empty()) out.push_back(id);
  }
  return out;
}

}  // namespace penstock::meta
