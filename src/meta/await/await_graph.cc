#include "meta/await/await_graph.h"

#include <algorithm>

namespace penstock::meta {
namespace {

constexpr size_t kMostCulprits = 20;
constexpr size_t kMostSteps = 12;  // of a path that is shown

std::string seconds_text(uint64_t micros) { return fmt::format("{:.1f} s", static_cast<double>(micros) / 1e6); }

// " in HashJoin { … }": which of the fragment's operators it is.
std::string in_operator(const pb::ActorWait& record) {
  constexpr size_t kMostShown = 100;
  if (record.at_work().empty()) return "";
  return fmt::format(" in {}{}", std::string_view(record.at_work()).substr(0, kMostShown), record.at_work().size() > kMostShown ? "…" : "");
}

/// Follows one barrier's edges.
class Blame {
 public:
  Blame(const AwaitWorld& world, const AwaitWorld::Database& database) : world_(world), database_(database) {
    for (const auto& [worker, node] : world.nodes) {
      if (!node.said) continue;
      for (const pb::ActorWait& record : node.said->actors()) records_[ActorId{record.actor_id()}] = &record;
    }
    for (const WorkerId worker : database.oldest->waiting) find_missing(worker);
  }

  [[nodiscard]] const std::set<ActorId>& missing() const { return missing_; }
  [[nodiscard]] bool all_answered() const { return silent_.empty(); }

  void fill(pb::AwaitDatabase& out) {
    for (const ActorId actor : missing_) out.add_missing_actors(actor.value);
    std::vector<pb::AwaitCulprit> culprits = node_culprits_;
    for (const ActorId actor : missing_) ++held_[root_of(actor)];
    for (const auto& [root, held] : held_) culprits.push_back(culprit(root, held));
    std::ranges::sort(culprits, [](const pb::AwaitCulprit& a, const pb::AwaitCulprit& b) {
      return std::tuple(b.held(), a.worker_id(), a.actor_id()) < std::tuple(a.held(), b.worker_id(), b.actor_id());
    });
    if (culprits.size() > kMostCulprits) culprits.resize(kMostCulprits);
    for (pb::AwaitCulprit& found : culprits) *out.add_culprits() = std::move(found);
  }

 private:
  // Who is missing on a node, or what else the node is at.
  void find_missing(WorkerId worker) {
    const auto found = world_.nodes.find(worker);
    if (found == world_.nodes.end() || !found->second.said) {
      silent(worker);
      return;
    }
    const auto& barriers = found->second.said->barriers();
    const auto is_oldest = [&](const pb::WorkerBarrier& b) {
      return b.prev() == database_.oldest->epoch.prev.value && b.curr() == database_.oldest->epoch.curr.value;
    };
    // One of the database, and one of each job that is being created there.
    const auto at = std::ranges::find_if(barriers, is_oldest);
    if (at == barriers.end()) return blame_node(worker, "has not begun with the barrier, or has just answered it");
    bool collected = true;
    for (const pb::WorkerBarrier& barrier : barriers) {
      if (!is_oldest(barrier)) continue;
      for (const uint32_t actor : barrier.missing_actors()) missing_.insert(ActorId{actor});
      collected &= barrier.missing_actors().empty();
    }
    if (collected) {
      std::string text = fmt::format("has collected the barrier and is {}", at->state());
      for (const pb::WorkerTask& task : found->second.said->tasks())
        text += fmt::format("; {} for {}", task.what(), seconds_text(task.since_us()));
      return blame_node(worker, text);
    }
  }

  // Which of its actors have collected the barrier is not known: all may be missing.
  void silent(WorkerId worker) {
    uint32_t actors = 0;
    for (const ActorId actor : database_.actors) {
      const auto at = world_.actors.find(actor);
      if (at == world_.actors.end() || at->second.worker != worker) continue;
      silent_.insert(actor);
      ++actors;
    }
    const auto found = world_.nodes.find(worker);
    blame_node(worker, fmt::format("does not answer: {}", found == world_.nodes.end() ? "it is not known" : found->second.problem), actors);
  }

  void blame_node(WorkerId worker, const std::string& what, uint32_t held = 1) {
    const auto found = world_.nodes.find(worker);
    pb::AwaitCulprit culprit;
    culprit.set_worker_id(worker.value);
    culprit.set_held(std::max(held, 1U));
    culprit.set_text(fmt::format("{} {}", found == world_.nodes.end() ? fmt::format("node {}", worker) : found->second.name, what));
    node_culprits_.push_back(std::move(culprit));
  }

  /// Whom the actor waits for; nobody if it is the end of the chain.
  [[nodiscard]] std::optional<ActorId> next_of(ActorId actor) const {
    const auto found = records_.find(actor);
    if (found == records_.end()) return std::nullopt;
    const pb::ActorWait& record = *found->second;
    switch (record.wait()) {
      case pb::WAIT_ALIGNMENT:
      case pb::WAIT_OUTPUT:
      case pb::WAIT_CONNECTION:
        return record.on_actor() == 0 ? std::nullopt : std::optional(ActorId{record.on_actor()});
      case pb::WAIT_INPUT:
        return upstream_of(FragmentId{record.fragment_id()});
      default:
        return std::nullopt;
    }
  }

  /// Nothing has come from anywhere: any upstream actor that lacks the barrier itself. One on a silent node counts most.
  [[nodiscard]] std::optional<ActorId> upstream_of(FragmentId fragment) const {
    const auto [found, is_new] = above_.try_emplace(fragment);
    if (is_new) found->second = find_upstream(fragment);
    return found->second;
  }
  [[nodiscard]] std::optional<ActorId> find_upstream(FragmentId fragment) const {
    const auto plan = world_.fragments.find(fragment);
    if (plan == world_.fragments.end()) return std::nullopt;
    std::optional<ActorId> missing;
    for (const FragmentId upstream : plan->second.upstreams) {
      const auto above = world_.fragments.find(upstream);
      if (above == world_.fragments.end()) continue;
      for (const ActorId actor : above->second.actors) {
        if (silent_.contains(actor)) return actor;
        if (!missing && missing_.contains(actor)) missing = actor;
      }
    }
    return missing;
  }

  /// The end of the chain that begins with the actor. A chain that closes in a circle ends where it began to repeat.
  ActorId root_of(ActorId actor) {
    std::vector<ActorId> way{actor};
    std::set<ActorId> seen{actor};
    while (const auto next = next_of(way.back())) {
      way.push_back(*next);
      if (!seen.insert(*next).second) break;
    }
    const ActorId root = way.back();
    way.pop_back();
    // The longest way to a root says most.
    auto& longest = ways_[root];
    if (way.size() > longest.size()) longest = std::move(way);
    return root;
  }

  [[nodiscard]] pb::AwaitCulprit culprit(ActorId root, uint32_t held) const {
    pb::AwaitCulprit out;
    out.set_actor_id(root.value);
    const auto at = world_.actors.find(root);
    if (at != world_.actors.end()) out.set_worker_id(at->second.worker.value);
    out.set_held(held);
    out.set_text(fmt::format("{}: {}", name_of(root), state_of(root)));
    const auto& way = ways_.at(root);
    for (size_t i = 0; i < std::min(way.size(), kMostSteps); ++i) {
      out.add_path(fmt::format("{}: {}", name_of(way[i]), state_of(way[i])));
    }
    return out;
  }

  [[nodiscard]] std::string name_of(ActorId actor) const {
    const auto at = world_.actors.find(actor);
    if (at == world_.actors.end()) return fmt::format("actor {} (not known to meta)", actor);
    const auto fragment = world_.fragments.find(at->second.fragment);
    if (fragment == world_.fragments.end()) return fmt::format("actor {} (node {})", actor, at->second.worker);
    return fmt::format("actor {} ({} of job {}, fragment {}, node {})", actor, fragment->second.operators, fragment->second.job,
                       at->second.fragment, at->second.worker);
  }

  [[nodiscard]] std::string state_of(ActorId actor) const {
    if (silent_.contains(actor)) return "its node does not answer";
    const auto found = records_.find(actor);
    if (found == records_.end()) return "does not run: it is being built, or has ended";
    const pb::ActorWait& record = *found->second;
    const std::string time = seconds_text(record.since_us());
    switch (record.wait()) {
      case pb::WAIT_NOTHING:
        return fmt::format("busy{} for {} ({} rows in, {} out)", in_operator(record), time, record.rows_in(), record.rows_out());
      case pb::WAIT_INPUT:
        return next_of(actor) ? fmt::format("waits for input for {}", time)
                              : fmt::format("waits for input for {}; all it reads from have passed the barrier on", time);
      case pb::WAIT_ALIGNMENT:
        return fmt::format("waits for the barrier from actor {} for {}", record.on_actor(), time);
      case pb::WAIT_SUBSCRIPTION:
        return fmt::format("waits for the barrier from meta for {}", time);
      case pb::WAIT_OUTPUT:
        return fmt::format("output blocked by actor {} for {}", record.on_actor(), time);
      case pb::WAIT_CONNECTION:
        return fmt::format("waits for actor {} to connect for {}", record.on_actor(), time);
      case pb::WAIT_SLEEP:
        return fmt::format("sleeps{} for {}, because of a pg_sleep", in_operator(record), time);
      case pb::WAIT_MEMORY:
        return fmt::format("holds rows back for {} until a barrier has passed: the node is over its memory budget", time);
      default:
        return fmt::format("reads state{} for {}", in_operator(record), time);
    }
  }

  const AwaitWorld& world_;
  const AwaitWorld::Database& database_;
  std::map<ActorId, const pb::ActorWait*> records_;
  std::set<ActorId> missing_;
  std::set<ActorId> silent_;  // actors of nodes that do not answer
  std::vector<pb::AwaitCulprit> node_culprits_;
  std::map<ActorId, std::vector<ActorId>> ways_;                // to each root, without it
  mutable std::map<FragmentId, std::optional<ActorId>> above_;  // what `upstream_of` found
  std::map<ActorId, uint32_t> held_;
};

std::string waits_on(const pb::ActorWait& record) {
  switch (record.wait()) {
    case pb::WAIT_NOTHING:
      return "";
    case pb::WAIT_INPUT:
      return "input";
    case pb::WAIT_ALIGNMENT:
      return fmt::format("barrier {} from actor {} (fragment {})", record.epoch_awaited(), record.on_actor(), record.on_fragment());
    case pb::WAIT_SUBSCRIPTION:
      return fmt::format("barrier {} from meta", record.epoch_awaited());
    case pb::WAIT_OUTPUT:
      return fmt::format("actor {} to take output", record.on_actor());
    case pb::WAIT_CONNECTION:
      return fmt::format("actor {} to connect", record.on_actor());
    case pb::WAIT_MEMORY:
      return "memory";
    case pb::WAIT_SLEEP:
      return "the end of a pg_sleep";
    default:
      return "a state read";
  }
}

pb::AwaitNode node_of(const AwaitWorld& world, WorkerId worker, const AwaitWorld::Node& node, const std::set<ActorId>& missing,
                      AwaitFilter listed) {
  pb::AwaitNode out;
  out.set_worker_id(worker.value);
  out.set_name(node.name);
  out.set_answered(node.said.has_value());
  out.set_problem(node.problem);
  if (!node.said) return out;
  *out.mutable_tasks() = node.said->tasks();
  *out.mutable_barriers() = node.said->barriers();
  out.set_actor_count(static_cast<uint32_t>(node.said->actors_size()));
  if (listed.worker != WorkerId{} && listed.worker != worker) return out;
  for (const pb::ActorWait& record : node.said->actors()) {
    const ActorId actor{record.actor_id()};
    if (listed.actor != ActorId{} && listed.actor != actor) continue;
    pb::AwaitActor& added = *out.add_actors();
    *added.mutable_record() = record;
    added.set_worker_id(worker.value);
    added.set_missing(missing.contains(actor));
    added.set_waits_on(waits_on(record));
    const auto fragment = world.fragments.find(FragmentId{record.fragment_id()});
    if (fragment == world.fragments.end()) continue;
    added.set_job(fragment->second.job);
    added.set_operators(fragment->second.operators);
    const std::string& before = fragment->second.backfill_waits;
    if (record.wait() == pb::WAIT_INPUT && !before.empty()) added.set_waits_on(fmt::format("input; its backfill for that of {}", before));
  }
  return out;
}

std::string stage_of(const AwaitWorld::Barrier& barrier, const Blame& blame) {
  if (barrier.committing) return "committing";
  if (barrier.waiting.empty()) return "collected";
  return blame.missing().empty() && blame.all_answered() ? "syncing" : "collecting";
}

}  // namespace

pb::AwaitTreeReply explain(const AwaitWorld& world, AwaitFilter listed) {
  pb::AwaitTreeReply out;
  std::set<ActorId> missing;
  for (const AwaitWorld::Database& database : world.databases) {
    pb::AwaitDatabase& added = *out.add_databases();
    added.set_database(database.name);
    added.set_state(database.state);
    added.set_reason(database.reason);
    added.set_in_flight(static_cast<uint32_t>(database.in_flight));
    added.set_actor_count(static_cast<uint32_t>(database.actors.size()));
    added.set_stuck(database.stuck);
    if (!database.oldest) continue;
    added.set_oldest_prev(database.oldest->epoch.prev.value);
    added.set_oldest_curr(database.oldest->epoch.curr.value);
    added.set_age_us(static_cast<uint64_t>(std::max<int64_t>(0, database.oldest->age_micros)));
    added.set_command(database.oldest->command);
    for (const WorkerId worker : database.oldest->waiting) added.add_waiting_workers(worker.value);
    Blame blame(world, database);
    blame.fill(added);
    added.set_stage(stage_of(*database.oldest, blame));
    missing.insert(blame.missing().begin(), blame.missing().end());
  }
  for (const auto& [worker, node] : world.nodes) *out.add_nodes() = node_of(world, worker, node, missing, listed);
  return out;
}

std::string summary_line(const pb::AwaitDatabase& database) {
  std::string out = fmt::format("{}: ", database.database());
  if (database.oldest_prev() == 0 && database.oldest_curr() == 0)
    return out + (database.reason().empty() ? "no barrier in flight" : database.reason());
  out += fmt::format("barrier {} is {} old ({}), {} of {} actors have not collected it", database.oldest_prev(),
                     seconds_text(database.age_us()), database.stage(), database.missing_actors_size(), database.actor_count());
  constexpr int kMostNamed = 3;
  for (int i = 0; i < std::min(kMostNamed, database.culprits_size()); ++i) out += "; held up by " + database.culprits(i).text();
  if (database.culprits_size() > kMostNamed) out += fmt::format("; and {} more", database.culprits_size() - kMostNamed);
  if (database.stage() == "committing") out += "; meta's own store has not finished the commit";
  return out;
}

std::string operator_name(std::string_view identity) {
  const size_t end = identity.find_first_of(" {");
  return std::string(identity.substr(0, end));
}

}  // namespace penstock::meta
