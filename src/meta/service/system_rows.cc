#include "meta/service/system_rows.h"

#include <fmt/chrono.h>

#include "meta/service/meta_loop.h"

namespace penstock::meta {
namespace {

/// One row, value by value.
class Row {
 public:
  explicit Row(pb::SystemRowsResponse& out) : row_(*out.add_rows()) {}
  Row& text(std::string value) {
    row_.add_values(std::move(value));
    row_.add_nulls(false);
    return *this;
  }
  Row& number(uint64_t value) { return text(std::to_string(value)); }
  Row& flag(bool value) { return text(value ? "t" : "f"); }
  Row& null() {
    row_.add_values("");
    row_.add_nulls(true);
    return *this;
  }
  Row& millis(int64_t micros) { return micros < 0 ? null() : text(fmt::format("{:.3f}", static_cast<double>(micros) / 1000)); }
  Row& time(int64_t unix_micros) {
    return text(
        fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06}", fmt::gmtime(static_cast<std::time_t>(unix_micros / 1'000'000)), unix_micros % 1'000'000));
  }

 private:
  pb::SystemRow& row_;
};

std::string kind_of(pb::ObjectKind kind) {
  switch (kind) {
    case pb::OBJECT_SOURCE:
      return "source";
    case pb::OBJECT_TABLE:
      return "table";
    case pb::OBJECT_MATERIALIZED_VIEW:
      return "materialized view";
    case pb::OBJECT_SINK:
      return "sink";
    case pb::OBJECT_VIEW:
      return "view";
    case pb::OBJECT_SUBSCRIPTION:
      return "subscription";
    default:
      return "unknown";
  }
}

std::string name_of(const MetaModel& model, ObjectId id) {
  const pb::CatalogObject* object = model.object(id);
  return object == nullptr ? fmt::format("{}", id) : object->name();
}

std::string job_error(const MetaLoop& loop, const JobPlan& plan) {
  const pb::CatalogObject* object = loop.model().object(plan.id());
  if (object != nullptr && object->state() == pb::JOB_QUARANTINED) return object->state_reason();
  const auto database = loop.databases().find(plan.database());
  if (database == loop.databases().end()) return "";
  const auto& errors = database->second->job_errors();
  const auto found = errors.find(plan.id());
  return found == errors.end() ? "" : found->second;
}

void add_source_rows(MetaLoop& loop, const JobPlan& plan, pb::SystemRowsResponse& out) {
  std::set<std::pair<ObjectId, ActorId>> counted;  // what is skipped is known by actor: shown with its first split
  for (const auto& [key, split] : loop.model().splits(plan.id())) {
    const auto stats = loop.source_stats().find({key.first, split.actor});
    const bool known = stats != loop.source_stats().end();
    const std::string last_error = known && !stats->second.last_error.empty() ? stats->second.last_error : job_error(loop, plan);
    Row row(out);
    row.number(key.first.value).text(name_of(loop.model(), key.first)).number(plan.id().value).text(plan.name()).text(split.split.id());
    row.number(split.split.rows()).text(split.split.offset()).flag(split.split.finished());
    row.number(known && counted.insert({key.first, split.actor}).second ? stats->second.skipped_rows : 0);
    last_error.empty() ? row.null() : row.text(last_error);
    row.text(loop.database_name(plan.database()));
  }
}

void add_sources(MetaLoop& loop, pb::SystemRowsResponse& out) {
  std::set<ObjectId> read;
  for (const auto& [id, plan] : loop.model().jobs()) {
    for (const ObjectId source : plan->sources()) read.insert(source);
    add_source_rows(loop, *plan, out);
  }
  for (const auto& [id, object] : loop.model().objects()) {
    if (object.kind() != pb::OBJECT_SOURCE || read.contains(id)) continue;
    Row row(out);
    row.number(id.value).text(object.name()).null().null().null().null().null().null().null().null();
    row.text(loop.database_name(DatabaseId{object.database_id()}));
  }
}

std::string state_of(const MetaLoop& loop, const pb::CatalogObject& object) {
  if (object.state() == pb::JOB_QUARANTINED) return "quarantined";
  const auto database = loop.databases().find(DatabaseId{object.database_id()});
  const bool known = database != loop.databases().end();
  const bool paused = object.paused() || (known && database->second->pauses().paused());
  const bool recovering = known && database->second->recovering();
  const std::string also = recovering ? std::string(database->second->progress(loop.now()).away.empty() ? "recovering" : "blocked") : "";
  if (object.state() == pb::JOB_CREATING) return fmt::format("creating{}{}{}", paused ? ", paused" : "", also.empty() ? "" : ", ", also);
  if (paused) return fmt::format("paused{}{}", also.empty() ? "" : ", ", also);
  return also.empty() ? "created" : also;
}

void add_jobs(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [id, plan] : loop.model().jobs()) {
    const pb::CatalogObject* object = loop.model().object(id);
    if (object == nullptr) continue;
    const JobPlacement* placement = loop.model().placement(id);
    size_t actors = 0, widest = 0;
    if (placement != nullptr) {
      for (const auto& [fragment, list] : placement->fragments) {
        actors += list.size();
        widest = std::max(widest, list.size());
      }
    }
    Row row(out);
    row.number(id.value).text(plan->name()).text(kind_of(object->kind()));
    row.text(state_of(loop, *object));
    const CheckpointControl* control = loop.database(plan->database());
    const auto progress = control->creating().jobs().find(id);
    if (progress == control->creating().jobs().end()) {
      row.null();
    } else {
      uint64_t rows = 0;
      for (const auto& [actor, read] : progress->second.rows) rows += read;
      row.number(rows);
    }
    row.number(widest).number(plan->fragments().size()).number(actors).text(object->definition());
    const uint32_t wanted = plan->record().graph().parallelism();
    row.text(wanted == 0 ? "adaptive" : std::to_string(wanted));
    std::string reason = object->state() == pb::JOB_QUARANTINED ? object->state_reason() : control->standstill_reason(id, loop.now());
    if (reason.empty()) reason = control->backfills_waiting(id);
    reason.empty() ? row.null() : row.text(std::move(reason));
    row.text(loop.database_name(plan->database()));
  }
}

void add_backfills(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [database, control] : loop.databases()) {
    for (const auto& [id, job] : control->creating().jobs()) {
      const auto plan = loop.model().job(id);
      for (const auto& [fragment, backfill] : job.backfills) {
        uint64_t rows = 0;
        size_t done = 0;
        for (const ActorId actor : backfill.actors) {
          rows += job.rows.at(actor);
          done += job.missing.contains(actor) ? 0 : 1;
        }
        Row row(out);
        row.number(id.value).text(plan ? plan->name() : fmt::format("{}", id)).number(fragment.value);
        row.text(name_of(loop.model(), backfill.upstream));
        row.text(done == backfill.actors.size() ? "done" : backfill.waits ? "waiting" : "reading").number(rows);
        row.number(backfill.actors.size()).number(done);
        std::string before = control->backfill_waits_for(id, fragment);
        before.empty() ? row.null() : row.text(std::move(before));
        row.text(loop.database_name(database));
      }
    }
  }
}

// The operators of a fragment, root first.
void add_identities(const pb::StreamNode& node, std::string& out) {
  if (!out.empty()) out += " <- ";
  out += node.identity();
  for (const pb::StreamNode& input : node.input()) add_identities(input, out);
}

void add_fragments(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [id, plan] : loop.model().jobs()) {
    const JobPlacement* placement = loop.model().placement(id);
    for (const JobPlan::FragmentPlan& fragment : plan->fragments()) {
      std::string operators, upstreams;
      add_identities(fragment.plan->root(), operators);
      for (const JobPlan::Edge& edge : plan->edges()) {
        if (edge.downstream != fragment.id) continue;
        std::string upstream = fmt::format("{}", edge.upstream);
        if (edge.upstream_object != ObjectId{}) {
          const auto other = loop.model().job(edge.upstream_object);
          upstream = other && other->materialize_fragment() != nullptr ? fmt::format("{}", other->materialize_fragment()->id) : "?";
        }
        upstreams += (upstreams.empty() ? "" : ",") + upstream;
      }
      const size_t actors = placement == nullptr ? 0 : placement->fragments.at(fragment.id).size();
      Row(out)
          .number(fragment.id.value)
          .number(id.value)
          .text(plan->name())
          .text(fragment.plan->singleton() ? "single" : "hash")
          .number(actors)
          .text(operators)
          .text(upstreams)
          .text(loop.database_name(plan->database()));
    }
  }
}

void add_actors(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [id, plan] : loop.model().jobs()) {
    const JobPlacement* placement = loop.model().placement(id);
    if (placement == nullptr) continue;
    for (const auto& [fragment, actors] : placement->fragments) {
      for (const ActorPlacement& actor : actors) {
        Row(out)
            .number(actor.actor.value)
            .number(fragment.value)
            .number(id.value)
            .text(plan->name())
            .number(actor.worker.value)
            .number(actor.vnodes.count())
            .text(loop.database_name(plan->database()));
      }
    }
  }
}

std::string disk_text(const pb::Pressure& disk) {
  if (disk.level() == pb::DISK_ENOUGH) return "enough";
  return fmt::format("{}: {} MB free, {} MB are kept in reserve", disk.level() == pb::DISK_FULL ? "full" : "low", disk.free_bytes() >> 20,
                     disk.reserve_bytes() >> 20);
}

void add_workers(MetaLoop& loop, pb::SystemRowsResponse& out) {
  std::map<WorkerId, size_t> actors;
  for (const auto& [id, control] : loop.databases()) {
    for (const WorkerId worker : control->inflight().workers()) actors[worker] += control->inflight().load(worker);
  }
  for (const auto& [id, record] : loop.model().workers()) {
    Row(out)
        .number(id.value)
        .text(record.node_id())
        .text(record.endpoint())
        .flag(loop.cluster().is_live(id))
        .number(record.parallelism())
        .number(actors[id])
        .number(record.incarnation())
        .text(disk_text(loop.cluster().disk(id)))
        .number(loop.cluster().disk(id).state_bytes())
        .number(loop.cluster().disk(id).state_limit())
        .number(loop.cluster().disk(id).unflushed_bytes())
        .number(loop.cluster().disk(id).exchange_bytes())
        .flag(record.draining());
  }
}

std::string_view kind_of(pb::BarrierKind kind) {
  return kind == pb::BARRIER_INITIAL ? "initial" : kind == pb::BARRIER_CHECKPOINT ? "checkpoint" : "barrier";
}

// "3: 0.1..0.4 (actor 17), 4: …": milliseconds since the injection, and who was last.
std::string fragments_text(const BarrierTrace& trace) {
  std::string out;
  for (const auto& [id, fragment] : trace.fragments) {
    out += fmt::format("{}{}: {:.1f}..{:.1f} (actor {})", out.empty() ? "" : ", ", id, static_cast<double>(fragment.first_collect) / 1000,
                       static_cast<double>(fragment.last_collect) / 1000, fragment.last_actor);
  }
  return out;
}

void add_barriers(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [id, control] : loop.databases()) {
    const std::string database = loop.database_name(id);
    for (const BarrierTrace& trace : control->traces()) {
      const auto slowest = std::ranges::max_element(trace.fragments, {}, [](const auto& f) { return f.second.last_collect; });
      Row row(out);
      row.text(database).number(trace.epoch.prev.value).text(std::string(kind_of(trace.kind))).text(trace.outcome).time(trace.scheduled_at);
      row.millis(trace.first_collect).millis(trace.last_collect).millis(trace.sync);
      row.millis(trace.committed < 0 ? -1 : trace.committed - std::max<int64_t>(trace.last_collect, 0));
      row.millis(std::max(trace.committed, trace.collected));
      if (slowest == trace.fragments.end()) {
        row.null().null();
      } else {
        row.number(slowest->first.value).number(slowest->second.last_actor.value);
      }
      trace.command.empty() ? row.null() : row.text(trace.command);
      row.millis(std::max<int64_t>(0, trace.injected_at - trace.scheduled_at));
      row.millis(trace.last_collect < 0 ? -1 : trace.last_collect - trace.first_collect);
      row.millis(trace.committed < 0 ? -1 : trace.committed - std::max<int64_t>(trace.commit_started, 0));
      trace.fragments.empty() ? row.null() : row.text(fragments_text(trace));
    }
  }
}

void add_databases(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [id, control] : loop.databases()) {
    const auto progress = control->progress(loop.now());
    Row row(out);
    row.number(id.value).text(loop.database_name(id)).text(std::string(progress.state));
    const std::string reason = control->recovery_reason();
    reason.empty() ? row.null() : row.text(reason);
    row.number(control->graph().term.value).number(control->committed().value);
    control->committed() == Epoch{} ? row.null() : row.time(unix_millis_of(control->committed()) * 1000);
    row.number(progress.in_flight);
    progress.oldest ? row.millis(progress.oldest->age.count() / 1000) : row.null();
    row.number(progress.commands);
    progress.waiting_command.empty() ? row.null() : row.text(progress.waiting_command);
    row.number(control->recoveries());
  }
}

void add_events(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [sequence, event] : loop.model().events()) {
    Row row(out);
    row.time(event.at_micros()).text(event.kind());
    const auto database = loop.model().databases().find(DatabaseId{event.database_id()});
    database == loop.model().databases().end() ? row.null() : row.text(database->second.name());
    row.text(event.text());
    event.job_id() == 0 ? row.null() : row.text(name_of(loop.model(), JobId{event.job_id()}));
    event.worker_id() == 0 ? row.null() : row.number(event.worker_id());
  }
}

void add_subscriptions(MetaLoop& loop, pb::SystemRowsResponse& out) {
  for (const auto& [id, object] : loop.model().objects()) {
    if (object.kind() != pb::OBJECT_SUBSCRIPTION) continue;
    Row row(out);
    row.number(id.value).text(object.schema()).text(object.name()).text(name_of(loop.model(), ObjectId{object.depends_on(0)}));
    row.number(object.retention_ms());
    if (object.log_since() == 0) {
      row.null().null();
    } else {
      row.number(object.log_since()).time(unix_millis_of(Epoch{object.log_since()}) * 1000);
    }
    row.text(object.definition()).text(loop.database_name(DatabaseId{object.database_id()}));
  }
}

struct Relation {
  void (*add)(MetaLoop&, pb::SystemRowsResponse&);
  std::string_view columns;  // "name kind", comma between; the kinds of SystemRowsResponse
};

const std::map<std::string, Relation>& known_relations() {
  static const std::map<std::string, Relation> kRelations = {
      {"penstock_sources",
       {add_sources,
        "source_id n,source t,job_id n,job t,split t,rows_read n,position t,finished b,skipped_rows n,last_error t,database t"}},
      {"penstock_jobs",
       {add_jobs,
        "job_id n,name t,kind t,state t,progress_rows n,parallelism n,fragments n,actors n,definition t,wanted_parallelism t,reason "
        "t,database t"}},
      {"penstock_backfills",
       {add_backfills, "job_id n,job t,fragment_id n,relation t,state t,rows_read n,actors n,actors_done n,waits_for t,database t"}},
      {"penstock_fragments", {add_fragments, "fragment_id n,job_id n,job t,distribution t,actors n,operators t,upstreams t,database t"}},
      {"penstock_actors", {add_actors, "actor_id n,fragment_id n,job_id n,job t,worker_id n,vnodes n,database t"}},
      {"penstock_workers",
       {add_workers,
        "worker_id n,node t,endpoint t,alive b,parallelism n,actors n,incarnation n,disk t,"
        "state_bytes n,state_limit n,unflushed_bytes n,exchange_bytes n,draining b"}},
      {"penstock_databases",
       {add_databases,
        "database_id n,name t,state t,reason t,term n,committed_epoch n,committed_at t,in_flight n,oldest_ms n,"
        "waiting_commands n,waiting_reason t,recoveries n"}},
      {"penstock_barriers",
       {add_barriers,
        "database t,epoch n,kind t,state t,scheduled_at t,first_collect_ms n,last_collect_ms n,sync_ms n,checkpoint_ms n,"
        "total_ms n,slowest_fragment n,slowest_actor n,command t,send_ms n,align_ms n,commit_ms n,fragments t"}},
      {"penstock_subscriptions",
       {add_subscriptions, "subscription_id n,schema t,name t,relation t,retention_ms n,since_epoch n,since t,definition t,database t"}},
      {"penstock_events", {add_events, "at t,kind t,database t,text t,job t,worker_id n"}},
  };
  return kRelations;
}

void name_columns(std::string_view columns, pb::SystemRowsResponse& out) {
  while (!columns.empty()) {
    const size_t end = std::min(columns.find(','), columns.size());
    const std::string_view column = columns.substr(0, end);
    out.add_columns(std::string(column.substr(0, column.size() - 2)));
    out.mutable_kinds()->push_back(column.back());
    columns.remove_prefix(std::min(end + 1, columns.size()));
  }
}

}  // namespace

Result<pb::SystemRowsResponse> make_system_rows(MetaLoop& loop, const std::string& relation) {
  const auto found = known_relations().find(relation);
  if (found == known_relations().end()) return error(Code::UndefinedTable, "meta has no relation {}", relation);
  pb::SystemRowsResponse out;
  name_columns(found->second.columns, out);
  found->second.add(loop, out);
  return out;
}

}  // namespace penstock::meta
