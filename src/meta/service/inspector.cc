#include "meta/service/inspector.h"

#include "common/log.h"
#include "meta/service/doctor.h"
#include "meta/service/meta_loop.h"

namespace penstock::meta {

std::string operator_names(const pb::StreamNode& root) {
  std::string out = operator_name(root.identity());
  for (const pb::StreamNode& input : root.input()) out += " <- " + operator_names(input);
  return out;
}

void Inspector::ask_all(const std::string& what, absl::AnyInvocable<void(Answers)> done) {
  struct Gathering {
    size_t waiting = 1;
    Answers answers;
    absl::AnyInvocable<void(Answers)> done;
  };
  const auto all = std::make_shared<Gathering>();  // shared by the questions
  all->done = std::move(done);
  const auto one_less = [all] {
    if (--all->waiting == 0) all->done(std::move(all->answers));
  };
  for (const auto& [id, record] : loop_.model().workers()) {
    ++all->waiting;
    loop_.inspect_worker(id, what, kPatience, [all, one_less, worker = id](Result<pb::InspectResponse> answer) {
      all->answers.emplace(worker, std::move(answer));
      one_less();
    });
  }
  one_less();
}

// ---- await tree -----------------------------------------------------------------------------------------------------------------------

AwaitWorld Inspector::world_of(Answers answers) const {
  AwaitWorld world;
  for (auto& [worker, answer] : answers) {
    AwaitWorld::Node& node = world.nodes[worker];
    node.name = loop_.cluster().describe(worker, loop_.now());
    if (answer.has_error()) {
      node.problem = loop_.cluster().is_live(worker) ? std::string(answer.error().message()) : "not connected";
    } else {
      node.said = std::move(*answer.value().mutable_snapshot());
    }
  }
  for (const auto& [id, control] : loop_.databases()) {
    AwaitWorld::Database& database = world.databases.emplace_back();
    const auto progress = control->progress(loop_.now());
    database.name = loop_.database_name(id);
    database.state = progress.state;
    database.reason = control->recovery_reason();
    database.in_flight = progress.in_flight;
    if (progress.oldest) {
      const auto& oldest = *progress.oldest;
      database.stuck = oldest.age >= progress.stuck_after;
      database.oldest = AwaitWorld::Barrier{
          oldest.epoch, oldest.age.count() / 1000, oldest.command, {oldest.waiting.begin(), oldest.waiting.end()}, oldest.committing};
    }
    const InflightGraph& graph = control->inflight();
    for (const auto& [job_id, job] : graph.jobs()) {
      for (const JobPlan::FragmentPlan& plan : job.plan->fragments()) {
        AwaitWorld::Fragment& fragment = world.fragments[plan.id];
        fragment.job = job.plan->name();
        fragment.operators = operator_names(plan.plan->root());
        fragment.backfill_waits = control->backfill_waits_for(job_id, plan.id);
        const auto placed = job.placement.fragments.find(plan.id);
        if (placed == job.placement.fragments.end()) continue;
        for (const ActorPlacement& actor : placed->second) {
          fragment.actors.push_back(actor.actor);
          database.actors.insert(actor.actor);
          world.actors[actor.actor] = {actor.worker, plan.id};
        }
      }
      for (const JobPlan::Edge& edge : job.plan->edges()) {
        if (const auto upstream = graph.upstream_of(edge)) world.fragments[edge.downstream].upstreams.push_back(*upstream);
      }
    }
  }
  return world;
}

void Inspector::await_tree(AwaitFilter filter, absl::AnyInvocable<void(pb::AwaitTreeReply)> done) {
  ask_all("await", [this, filter, done = std::move(done)](Answers answers) mutable {
    // Off the loop: there may be a hundred thousand actors.
    loop_.off_loop([world = world_of(std::move(answers)), filter, done = std::move(done)]() mutable -> runtime::Job {
      return [tree = explain(world, filter), done = std::move(done)]() mutable { done(std::move(tree)); };
    });
  });
}

void Inspector::on_stuck(DatabaseId database, const BarrierStuck& stuck) {
  Reports& reports = stuck_[database];
  if (reports.epoch != stuck.epoch.curr) reports = {stuck.epoch.curr, 0};
  ++reports.count;
  const bool is_event = (reports.count & (reports.count - 1)) == 0;  // a power of two
  AwaitFilter nobody;
  nobody.actor = ActorId{UINT32_MAX};  // the culprits are enough
  await_tree(nobody, [this, database, is_event](const pb::AwaitTreeReply& tree) { tell_stuck(database, tree, is_event); });
}

void Inspector::tell_stuck(DatabaseId id, const pb::AwaitTreeReply& tree, bool is_event) {
  const std::string name = loop_.database_name(id);
  for (const pb::AwaitDatabase& database : tree.databases()) {
    if (database.database() != name || (database.oldest_curr() == 0 && database.reason().empty())) continue;
    const std::string line = summary_line(database);
    log::warn("meta", "stuck: {}", line);
    if (database.culprits_size() > 0) {
      for (const std::string& step : database.culprits(0).path()) log::warn("meta", "  {}", step);
    }
    if (is_event) loop_.log_event(id, "stuck", line, {}, {});
  }
}

// ---- sizes ----------------------------------------------------------------------------------------------------------------------------

void Inspector::table_sizes(absl::AnyInvocable<void(pb::TableSizesReply)> done) {
  ask_all("tables", [this, done = std::move(done)](const Answers& answers) mutable {
    std::map<TableId, std::map<WorkerId, uint64_t>> sizes;
    for (const auto& [worker, answer] : answers) {
      if (answer.has_error()) continue;
      for (const pb::TableSize& size : answer.value().table_sizes().tables()) sizes[TableId{size.table_id()}][worker] = size.bytes();
    }
    pb::TableSizesReply reply;
    for (const auto& [id, plan] : loop_.model().jobs()) {
      const JobPlacement* placement = loop_.model().placement(id);
      for (const JobPlan::FragmentPlan& fragment : plan->fragments()) {
        std::set<WorkerId> owners;
        if (placement != nullptr && placement->fragments.contains(fragment.id)) {
          for (const ActorPlacement& actor : placement->fragments.at(fragment.id)) owners.insert(actor.worker);
        }
        for (const TableId table : fragment.tables) {
          pb::StateTableInfo& info = *reply.add_tables();
          info.set_table_id(table.value);
          info.set_job_id(id.value);
          info.set_job(plan->name());
          info.set_fragment_id(fragment.id.value);
          info.set_operators(operator_names(fragment.plan->root()));
          for (const WorkerId owner : owners) {
            pb::NodeTableSize& size = *info.add_sizes();
            size.set_worker_id(owner.value);
            size.set_bytes(sizes[table][owner]);
            if (const auto answer = answers.find(owner); answer != answers.end() && answer->second.has_error()) {
              size.set_problem(answer->second.error().message());
            }
          }
        }
      }
    }
    done(std::move(reply));
  });
}

// ---- doctor ---------------------------------------------------------------------------------------------------------------------------

void Inspector::doctor(int64_t caller_micros, absl::AnyInvocable<void(pb::DoctorReply)> done) {
  // Segments are committed and struck off while nodes answer: only one that is listed before and after is really missed.
  auto listed = listed_segments(loop_.model());
  const int64_t asked = loop_.now().unix_micros;
  ask_all("await", [this, caller_micros, asked, listed = std::move(listed), done = std::move(done)](Answers answers) mutable {
    DoctorFacts facts;
    facts.meta_micros = loop_.now().unix_micros;
    facts.asked_micros = asked;
    facts.caller_micros = caller_micros;
    facts.own_disk = loop_.cluster().own_disk();
    const auto still = listed_segments(loop_.model());
    for (auto& [worker, answer] : answers) {
      DoctorFacts::Node& node = facts.nodes[worker];
      node.name = loop_.cluster().describe(worker, loop_.now());
      node.endpoint = loop_.cluster().endpoint(worker);
      node.alive = loop_.cluster().is_live(worker);
      if (answer.has_error()) {
        node.problem = answer.error().message();
      } else {
        node.said = answer.value().snapshot().facts();
      }
      if (!listed.contains(worker) || !still.contains(worker)) continue;
      std::ranges::set_intersection(listed.at(worker), still.at(worker), std::inserter(node.segments, node.segments.end()));
    }
    for (const auto& [id, object] : loop_.model().objects()) {
      if (object.state() == pb::JOB_QUARANTINED) facts.quarantined[object.name()] = object.state_reason();
    }
    for (const auto& [id, control] : loop_.databases()) {
      for (const auto& [job, reason] : control->job_errors()) {
        const auto plan = loop_.model().job(job);
        facts.job_errors[plan ? plan->name() : fmt::format("{}", job)] = reason;
      }
    }
    facts.tree = explain(world_of(std::move(answers)), {.worker = {}, .actor = ActorId{UINT32_MAX}});
    done(diagnose(facts));
  });
}

}  // namespace penstock::meta
