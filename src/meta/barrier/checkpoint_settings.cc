// What users change of running jobs: paused or not, rates, intervals; and which backfills have nothing to wait for any more. The model says
// what shall be; here it is compared with what is, and the difference rides a barrier. So nothing can be lost: a barrier that dies is
// followed by a recovery, which builds what the model says.
#include "meta/barrier/checkpoint_control.h"
#include "meta/catalog/alter.h"

namespace penstock::meta {
namespace {

std::vector<uint32_t> actors_of(const InflightGraph::Job& job) {
  std::vector<uint32_t> out;
  for (const auto& [fragment, actors] : job.placement.fragments) {
    for (const ActorPlacement& actor : actors) out.push_back(actor.actor.value);
  }
  return out;
}

struct Limits {
  std::map<uint32_t, uint64_t> rates;                 // by operator, of sources and backfills
  std::map<uint32_t, pb::ConnectorProps> properties;  // by source
};
Limits limits_of(const JobPlan& plan) {
  Limits out;
  for (const JobPlan::FragmentPlan& fragment : plan.fragments()) {
    catalog::for_each_node(fragment.plan->root(), [&](const pb::StreamNode& node) {
      if (node.has_stream_scan()) out.rates[node.operator_id()] = node.stream_scan().rate_limit();
      if (!node.has_source()) return;
      out.rates[node.operator_id()] = node.source().rate_limit();
      *out.properties[node.source().source_id()].mutable_properties() = node.source().properties();
    });
  }
  return out;
}

/// Those whose options differ between two plans of one job.
pb::ConnectorPropsChangeMutation changed_props(const JobPlan& old_plan, const JobPlan& new_plan) {
  pb::ConnectorPropsChangeMutation out;
  const auto plain = [](const pb::ConnectorProps& props) {
    return std::map<std::string, std::string>(props.properties().begin(), props.properties().end());
  };
  auto before = limits_of(old_plan).properties;
  for (const auto& [source, props] : limits_of(new_plan).properties) {
    if (plain(before[source]) != plain(props)) (*out.mutable_by_source())[source] = props;
  }
  return out;
}

pb::ThrottleMutation throttle(const JobPlan& plan, const JobPlacement& placement) {
  pb::ThrottleMutation out;
  for (const JobPlan::FragmentPlan& fragment : plan.fragments()) {
    for (const ActorPlacement& actor : placement.fragments.at(fragment.id)) {
      catalog::for_each_node(fragment.plan->root(), [&](const pb::StreamNode& node) {
        if (node.has_source()) (*out.mutable_rate_by_actor())[actor.actor.value] = node.source().rate_limit();
        if (node.has_stream_scan()) (*out.mutable_backfill_rate_by_actor())[actor.actor.value] = node.stream_scan().rate_limit();
      });
    }
  }
  return out;
}

}  // namespace

void CheckpointControl::start_backfills(Injection& injection) {
  pb::StartBackfillMutation start;
  std::string what;
  for (const auto& [job, fragment] : tracker_.ready(env_.model)) {
    start.add_fragments(fragment.value);
    what += fmt::format("{}start backfill of fragment {} of {}", what.empty() ? "" : ", ", fragment, job);
    tracker_.on_started({job, fragment});
  }
  if (start.fragments().empty()) return;
  *injection.add(std::move(what)).mutable_start_backfill() = std::move(start);
  injection.starts_backfill = true;
}

// That a backfill is done is told with a barrier, and somebody waits for it: another backfill, or whoever created the job. So barriers come
// sooner than they would: each time another quarter of the time since something began has passed, if none is under way. A small table costs
// some milliseconds, a large one a quarter of its time at most, and soon periodic barriers are the sooner ones.
void CheckpointControl::hurry_backfills(Now now) {
  constexpr runtime::Duration kFirst = std::chrono::milliseconds(20);
  constexpr int kShare = 4;
  auto jobs = tracker_.unfinished();
  std::erase_if(jobs, [&](const auto& job) { return held_.contains(job.first); });
  if (jobs != backfilling_.jobs) backfilling_ = {std::move(jobs), now.mono, now.mono + kFirst};
  if (backfilling_.jobs.empty() || !barriers_.empty() || now.mono < backfilling_.ask_at) return;
  schedule_.want_checkpoint(now.mono);
  backfilling_.ask_at = now.mono + std::max(kFirst, (now.mono - backfilling_.since) / kShare);
}

bool CheckpointControl::is_held(JobId job) const {
  const pb::CatalogObject* object = env_.model.object(job);
  return (object != nullptr && object->paused()) || pauses_.paused();
}

void CheckpointControl::look_at_database() {
  const auto database = env_.model.databases().find(database_);
  if (database == env_.model.databases().end()) return;
  pauses_.set(PauseReasons::Reason::User, database->second.paused() ? "paused by a user" : "");
  BarrierSchedule::Options schedule = options_.schedule;
  if (const uint32_t interval = database->second.barrier_interval_ms(); interval != 0)
    schedule.interval = std::chrono::milliseconds(interval);
  if (const uint32_t frequency = database->second.checkpoint_frequency(); frequency != 0) schedule.checkpoint_frequency = frequency;
  schedule_.change(schedule);
}

/// All of the graph is about to be built as the catalog says.
void CheckpointControl::take_settings() {
  look_at_database();
  held_.clear();
  for (const auto& [id, job] : graph_.jobs()) {
    if (is_held(id)) held_.insert(id);
  }
  take_subscribers();
  settings_seen_ = wanted_settings();
}

std::pair<uint64_t, bool> CheckpointControl::wanted_settings() const {
  return {env_.model.counter(Counter::CatalogVersion), pauses_.paused()};
}

/// Holds what shall be held and is not, or lets go what shall not be.
void CheckpointControl::hold(bool held, Injection& injection) {
  std::vector<JobId> changed;
  for (const auto& [id, job] : graph_.jobs()) {
    const bool there = env_.model.object(id) != nullptr;  // else its Stop comes
    if (there && is_held(id) == held && held_.contains(id) != held) changed.push_back(id);
  }
  if (changed.empty()) return;
  // What a command adds may be none of them, and one among several mutations names them.
  const bool all = changed.size() == graph_.jobs().size() && commands_.empty() && injection.empty();
  std::string what = held ? "pause" : "resume";
  google::protobuf::RepeatedField<uint32_t> actors;
  for (const JobId id : changed) {
    held ? (void)held_.insert(id) : (void)held_.erase(id);
    if (all) continue;  // none named: all
    what += fmt::format(" {}", id);
    for (const uint32_t actor : actors_of(*graph_.job(id))) actors.Add(actor);
  }
  pb::Mutation& mutation = injection.add(std::move(what));
  *(held ? mutation.mutable_pause()->mutable_actors() : mutation.mutable_resume()->mutable_actors()) = std::move(actors);
}

void CheckpointControl::change_sources(Injection& injection) {
  for (const auto& [id, job] : graph_.jobs()) {
    const auto plan = env_.model.job(id);
    if (!plan || plan == job.plan || plan->record().plan_version() != job.plan->record().plan_version()) continue;
    if (limits_of(*plan).rates != limits_of(*job.plan).rates) {
      *injection.add(fmt::format("throttle {}", id)).mutable_throttle() = throttle(*plan, job.placement);
    }
    if (auto props = changed_props(*job.plan, *plan); !props.by_source().empty()) {
      *injection.add(fmt::format("alter sources of {}", id)).mutable_connector_props_change() = std::move(props);
    }
    graph_.add(plan, JobPlacement(job.placement), GraphTerm(job.graph));  // another name alone: nobody need be told
  }
}

}  // namespace penstock::meta
