#include "meta/service/why_waiting.h"

#include "meta/service/meta_loop.h"

namespace penstock::meta {
namespace {

constexpr runtime::Duration kSlowBarrier = std::chrono::seconds(2);

class Reasons {
 public:
  void add(std::string reason) {
    if (!reason.empty() && std::ranges::find(reasons_, reason) == reasons_.end()) reasons_.push_back(std::move(reason));
  }
  [[nodiscard]] std::string text() const { return fmt::format("{}", fmt::join(reasons_, "; ")); }

 private:
  std::vector<std::string> reasons_;
};

std::string names_of(MetaLoop& loop, const std::set<WorkerId>& workers) {
  std::vector<std::string> names;
  for (const WorkerId worker : workers) names.push_back(loop.cluster().name(worker));
  return fmt::format("{}", fmt::join(names, " and "));
}

// Of a database that runs, but whose barriers do not come through.
std::string barrier_reason(MetaLoop& loop, const CheckpointControl& control, const CheckpointControl::Progress& progress) {
  if (!progress.oldest || progress.oldest->age < kSlowBarrier) return {};
  if (control.disk_full()) {
    return fmt::format("a checkpoint waits for space, which has to be freed: {}", control.pauses().why(PauseReasons::Reason::Disk));
  }
  if (progress.oldest->committing) return "meta's own store has not finished a commit";
  if (progress.oldest->waiting.empty()) return {};
  return fmt::format("{} {} not finished the oldest barrier (penstock ctl await-tree says which actor holds it up)",
                     names_of(loop, progress.oldest->waiting), progress.oldest->waiting.size() == 1 ? "has" : "have");
}

std::string_view kind_in_sql(pb::ObjectKind kind) { return kind == pb::OBJECT_SINK ? "SINK" : "MATERIALIZED VIEW"; }

// Why what the job reads, by itself or as its backfill, does not get further.
void add_held(MetaLoop& loop, const CheckpointControl& control, const pb::CatalogObject& job, Reasons& out) {
  const std::string database = loop.database_name(control.database());
  const auto record = loop.model().databases().find(control.database());
  if (job.state() == pb::JOB_QUARANTINED) {
    out.add(fmt::format("{} is quarantined: {} (mend the cause, then drop and create it again)", job.name(), job.state_reason()));
  }
  if (record != loop.model().databases().end() && record->second.paused()) {
    out.add(fmt::format("database {0} is paused: ALTER DATABASE {0} RESUME lets it go on", database));
  }
  if (job.paused()) {
    out.add(fmt::format("{0} is paused: ALTER {1} {0} RESUME lets it go on", job.name(), kind_in_sql(job.kind())));
  }
  if (const std::string& disk = control.pauses().why(PauseReasons::Reason::Disk); !disk.empty()) {
    out.add(fmt::format("nothing is read until there is space: {}", disk));
  }
}

void add_creations(MetaLoop& loop, const CheckpointControl& control, uint64_t creation, Reasons& out) {
  for (const auto& [id, object] : loop.model().objects()) {
    if (object.database_id() != control.database().value || object.state() != pb::JOB_CREATING) continue;
    if (creation != 0 && object.creation() != creation) continue;
    const std::string command = control.progress(loop.now()).waiting_command;
    if (!control.creating().jobs().contains(id) && !command.empty()) {
      out.add(fmt::format("database {}: {}", loop.database_name(control.database()), command));
    }
    add_held(loop, control, object, out);
  }
}

void add_readers(MetaLoop& loop, const CheckpointControl& control, ObjectId source, Reasons& out) {
  for (const auto& [id, plan] : loop.model().jobs()) {
    const pb::CatalogObject* object = loop.model().object(id);
    const auto sources = plan->sources();
    const bool reads = std::ranges::find(sources, source) != sources.end();
    if (reads && object != nullptr && plan->database() == control.database()) add_held(loop, control, *object, out);
  }
}

std::string reason_of(MetaLoop& loop, const CheckpointControl& control, const pb::WhyWaitingRequest& request) {
  const std::string database = loop.database_name(control.database());
  const auto progress = control.progress(loop.now());
  Reasons out;
  if (control.recovering()) out.add(fmt::format("database {} recovers: {}", database, control.recovery_reason()));
  if (const std::string barrier = barrier_reason(loop, control, progress); !barrier.empty() && !control.recovering()) {
    out.add(fmt::format("database {}: {}", database, barrier));
  }
  if (!progress.moving_to.empty()) out.add(fmt::format("database {}: rows move to {}", database, names_of(loop, progress.moving_to)));
  if (request.creations()) add_creations(loop, control, request.creation(), out);
  if ((request.alters() || request.worker_id() != 0) && !progress.waiting_command.empty()) {
    out.add(fmt::format("database {}: {}", database, progress.waiting_command));
    add_creations(loop, control, 0, out);
  }
  if (request.source_id() != 0) add_readers(loop, control, ObjectId{request.source_id()}, out);
  return out.text();
}

void name_jobs_on(MetaLoop& loop, DatabaseId database, WorkerId worker, pb::DatabaseWait& out) {
  for (const auto& [id, plan] : loop.model().jobs()) {
    const JobPlacement* placement = loop.model().placement(id);
    if (plan->database() != database || placement == nullptr) continue;
    uint32_t here = 0;
    for (const auto& [fragment, actors] : placement->fragments) {
      here += static_cast<uint32_t>(std::ranges::count(actors, worker, &ActorPlacement::worker));
    }
    if (here == 0) continue;
    out.add_jobs(plan->name());
    out.set_actors(out.actors() + here);
  }
}

}  // namespace

pb::WhyWaitingReply why_waiting(MetaLoop& loop, const pb::WhyWaitingRequest& request) {
  pb::WhyWaitingReply reply;
  for (const auto& [id, control] : loop.databases()) {
    if (request.database_id() != 0 && request.database_id() != id.value) continue;
    pb::DatabaseWait wait;
    if (request.worker_id() != 0) name_jobs_on(loop, id, WorkerId{request.worker_id()}, wait);
    if (request.worker_id() != 0 && wait.actors() == 0) continue;
    wait.set_database(loop.database_name(id));
    wait.set_reason(reason_of(loop, *control, request));
    *reply.add_databases() = std::move(wait);
  }
  return reply;
}

}  // namespace penstock::meta
