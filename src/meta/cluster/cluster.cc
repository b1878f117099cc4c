#include "meta/cluster/cluster.h"

#include <algorithm>

namespace penstock::meta {

using runtime::Duration;
using runtime::TimePoint;

namespace {

// After a registration of a node that seems to live: time for it to be heard again.
constexpr Duration kDoubt = std::chrono::seconds(2);

double seconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }

}  // namespace

Result<pb::WorkerRecord> Cluster::check_registration(const MetaModel& model, const std::string& cluster_id,
                                                     const pb::RegisterWorkerRequest& request) const {
  if (request.node_id().empty() || request.endpoint().empty()) {
    return error(Code::InvalidParameter, "a node registers without {}", request.node_id().empty() ? "id" : "endpoint");
  }
  if (!request.cluster_id().empty() && request.cluster_id() != cluster_id) {
    return error(Code::InvalidParameter, "node {} belongs to cluster {}, this is cluster {}", request.node_id(), request.cluster_id(),
                 cluster_id)
        .with_hint("give the node an empty data folder, or the meta its own");
  }
  pb::WorkerRecord record;
  const auto known = std::ranges::find_if(model.workers(), [&](const auto& w) { return w.second.node_id() == request.node_id(); });
  if (known != model.workers().end()) {
    record = known->second;
    if (request.incarnation() < record.incarnation()) {
      return error(Code::Stale, "node {} has been started again since (incarnation {}, this is {})", request.node_id(),
                   record.incarnation(), request.incarnation());
    }
    const WorkerId id{record.worker_id()};
    if (request.incarnation() == record.incarnation() && request.endpoint() != record.endpoint() && is_live(id)) {
      return error(Code::Stale, "node {} lives at {}; a second one at {} has the same data folder or a copy of it", request.node_id(),
                   record.endpoint(), request.endpoint());
    }
  } else {
    record.set_worker_id(static_cast<uint32_t>(std::max<uint64_t>(1, model.counter(Counter::NextWorker))));
    record.set_node_id(request.node_id());
  }
  record.set_endpoint(request.endpoint());
  record.set_incarnation(request.incarnation());
  record.set_parallelism(std::max(1U, request.parallelism()));
  return record;
}

void Cluster::on_registered(Now now, const pb::WorkerRecord& record, Effects& out) {
  const WorkerId id{record.worker_id()};
  const auto [at, is_new] = nodes_.try_emplace(id);
  Node& node = at->second;
  const bool same_start = !is_new && node.record.incarnation() == record.incarnation() && node.record.endpoint() == record.endpoint();
  node.record = record;
  if (is_new) return connect(now, id, node, options_.first_retry, out);
  if (same_start && std::holds_alternative<Connecting>(node.state)) return;
  if (auto* live = std::get_if<Live>(&node.state); live != nullptr && same_start) {
    // It says that it has no stream. If that is old news it answers the next ping.
    const TimePoint doubted = now.mono + kDoubt + Duration(-options_.liveness_timeout.count());
    live->last_heard = std::min(live->last_heard, doubted);
    live->last_ping = now.mono;
    out.emplace_back(Ping{id, live->attempt});
    return;
  }
  lose(now, id, node, error(Code::Closed, "node was started again"), out);
  connect(now, id, node, options_.first_retry, out);
}

void Cluster::connect(Now now, WorkerId id, Node& node, Duration retry_delay, Effects& out) {
  node.state = Connecting{++attempts_, now.mono, retry_delay};
  out.emplace_back(Connect{id, attempts_, node.record.endpoint()});
}

std::optional<uint64_t> Cluster::attempt_of(const Node& node) {
  if (const auto* connecting = std::get_if<Connecting>(&node.state)) return connecting->attempt;
  if (const auto* live = std::get_if<Live>(&node.state)) return live->attempt;
  return std::nullopt;
}

Cluster::Node* Cluster::find_current(WorkerId worker, uint64_t attempt) {
  const auto found = nodes_.find(worker);
  return found == nodes_.end() || attempt_of(found->second) != attempt ? nullptr : &found->second;
}

bool Cluster::is_current(WorkerId worker, uint64_t attempt) const {
  const auto found = nodes_.find(worker);
  return found != nodes_.end() && attempt_of(found->second) == attempt;
}

void Cluster::on_init_answered(Now now, WorkerId worker, uint64_t attempt, const pb::InitResponse& answer, Effects& out) {
  Node* node = find_current(worker, attempt);
  if (node == nullptr) return;
  if (!std::holds_alternative<Connecting>(node->state)) {
    return lose(now, worker, *node, error(Code::Protocol, "node answered Init twice"), out);
  }
  if (answer.node_id() != node->record.node_id() || answer.incarnation() != node->record.incarnation()) {
    return lose(now, worker, *node,
                error(Code::Protocol, "{} answers as node {} incarnation {}, expected {} incarnation {}", node->record.endpoint(),
                      answer.node_id(), answer.incarnation(), node->record.node_id(), node->record.incarnation()),
                out);
  }
  node->state = Live{attempt, now.mono, now.mono};
  node->gone_since.reset();
  out.emplace_back(Ready{worker});
}

void Cluster::on_heard(Now now, WorkerId worker, uint64_t attempt) {
  Node* node = find_current(worker, attempt);
  if (node == nullptr) return;
  if (auto* live = std::get_if<Live>(&node->state)) live->last_heard = now.mono;
}

void Cluster::on_closed(Now now, WorkerId worker, uint64_t attempt, const Error& reason, Effects& out) {
  if (Node* node = find_current(worker, attempt)) lose(now, worker, *node, reason, out);
}

void Cluster::disconnect(Now now, WorkerId worker, const Error& reason, Effects& out) {
  const auto found = nodes_.find(worker);
  if (found != nodes_.end()) lose(now, worker, found->second, reason, out);
}

void Cluster::lose(Now now, WorkerId id, Node& node, const Error& reason, Effects& out) {
  const auto attempt = attempt_of(node);
  if (!attempt) return;
  const auto* connecting = std::get_if<Connecting>(&node.state);
  const bool was_live = connecting == nullptr;
  const Duration delay = was_live ? options_.first_retry : connecting->retry_delay;
  node.disk.Clear();
  if (!node.gone_since) node.gone_since = now.mono;  // attempts to reach it do not count
  node.state = Away{now.mono + delay, std::min(delay * 2, options_.last_retry), reason.message()};
  out.emplace_back(Close{id, *attempt, reason});
  if (was_live) out.emplace_back(Lost{id, reason});
}

void Cluster::on_pressure(WorkerId worker, const pb::Pressure& pressure) {
  const auto found = nodes_.find(worker);
  if (found == nodes_.end()) return;
  const pb::Pressure before = std::exchange(found->second.disk, pressure);
  if (before.level() != pressure.level()) return;
  found->second.disk.set_free_bytes(before.free_bytes());  // what is told of the disk is as of its change, so that it is told once
}

const pb::Pressure& Cluster::disk(WorkerId worker) const {
  const auto found = nodes_.find(worker);
  return found == nodes_.end() ? pb::Pressure::default_instance() : found->second.disk;
}

DiskTrouble Cluster::disk_trouble(const std::set<WorkerId>& workers) const {
  DiskTrouble out;
  const auto look = [&out](const pb::Pressure& disk, const auto& who) {
    if (disk.level() == pb::DISK_ENOUGH) return;
    constexpr uint64_t kMb = 1 << 20;
    out.full |= disk.level() == pb::DISK_FULL;
    out.text += fmt::format("{}the disk of {} is {}: {} MB free for {}, {} MB are kept in reserve", out.text.empty() ? "" : "; ", who(),
                            disk.level() == pb::DISK_FULL ? "full" : "nearly full", disk.free_bytes() / kMb, disk.folder(),
                            disk.reserve_bytes() / kMb);
  };
  look(own_disk_, [] { return std::string("meta"); });
  for (const WorkerId worker : workers) {
    const auto found = nodes_.find(worker);
    if (found == nodes_.end()) continue;
    look(found->second.disk, [&] { return fmt::format("node {} ({})", worker, found->second.record.endpoint()); });
  }
  return out;
}

void Cluster::on_leaving(WorkerId worker) {
  const auto found = nodes_.find(worker);
  if (found == nodes_.end()) return;
  if (auto* live = std::get_if<Live>(&found->second.state)) live->leaving = true;
}

void Cluster::on_drained(const pb::WorkerRecord& record) {
  const auto found = nodes_.find(WorkerId{record.worker_id()});
  if (found != nodes_.end()) found->second.record.set_draining(record.draining());
}

void Cluster::forgive_own_stall(Now now) {
  const auto last = std::exchange(last_tick_, now.mono);
  if (!last || now.mono - *last < options_.liveness_timeout / 2) return;
  for (auto& [id, node] : nodes_) {
    if (auto* live = std::get_if<Live>(&node.state)) live->last_heard = live->last_heard + (now.mono - *last);
  }
}

void Cluster::on_tick(Now now, Effects& out) {
  forgive_own_stall(now);
  for (auto& [id, node] : nodes_) {
    if (auto* away = std::get_if<Away>(&node.state)) {
      if (away->retry_at <= now.mono) connect(now, id, node, away->retry_delay, out);
    } else if (auto* connecting = std::get_if<Connecting>(&node.state)) {
      if (now.mono - connecting->since >= options_.liveness_timeout) {
        lose(now, id, node, error(Code::Timeout, "no answer to Init for {:.1f} s", seconds(now.mono - connecting->since)), out);
      }
    } else if (auto* live = std::get_if<Live>(&node.state)) {
      if (now.mono - live->last_heard >= options_.liveness_timeout) {
        lose(now, id, node, error(Code::Timeout, "node was silent for {:.1f} s", seconds(now.mono - live->last_heard)), out);
      } else if (now.mono - live->last_ping >= options_.ping_interval) {
        live->last_ping = now.mono;
        out.emplace_back(Ping{id, live->attempt});
      }
    }
  }
}

bool Cluster::is_live(WorkerId worker) const {
  const auto found = nodes_.find(worker);
  return found != nodes_.end() && std::holds_alternative<Live>(found->second.state);
}

std::vector<WorkerId> Cluster::placeable() const {
  std::vector<WorkerId> out;
  for (const auto& [id, node] : nodes_) {
    const auto* live = std::get_if<Live>(&node.state);
    if (live != nullptr && !live->leaving && !node.record.draining()) out.push_back(id);
  }
  return out;
}

uint32_t Cluster::parallelism(WorkerId worker) const {
  const auto found = nodes_.find(worker);
  return found == nodes_.end() ? 1 : found->second.record.parallelism();
}

std::string Cluster::endpoint(WorkerId worker) const {
  const auto found = nodes_.find(worker);
  return found == nodes_.end() ? "" : found->second.record.endpoint();
}

std::string Cluster::name(WorkerId worker) const {
  const auto found = nodes_.find(worker);
  if (found == nodes_.end()) return fmt::format("node {} (unknown)", worker);
  const pb::WorkerRecord& record = found->second.record;
  return fmt::format("node {} ({}, uuid {})", worker, record.endpoint(), record.node_id());
}

std::string Cluster::describe(WorkerId worker, Now now) const {
  std::string out = name(worker);
  const auto found = nodes_.find(worker);
  if (found == nodes_.end()) return out;
  if (const auto* away = std::get_if<Away>(&found->second.state)) {
    out += fmt::format(", away for {:.1f} s: {}", seconds(now.mono - *found->second.gone_since), away->reason);
  } else if (std::holds_alternative<Connecting>(found->second.state)) {
    out += found->second.gone_since ? fmt::format(", away for {:.1f} s, connecting", seconds(now.mono - *found->second.gone_since))
                                    : ", connecting";
  } else if (const auto* live = std::get_if<Live>(&found->second.state)) {
    if (const auto silent = now.mono - live->last_heard; silent > 2 * options_.ping_interval) {
      out += fmt::format(", silent for {:.1f} s", seconds(silent));
    }
  }
  return out;
}

std::optional<TimePoint> Cluster::next_wake() const {
  std::optional<TimePoint> out;
  const auto earlier = [&](TimePoint at) { out = out ? std::min(*out, at) : at; };
  for (const auto& [id, node] : nodes_) {
    if (const auto* away = std::get_if<Away>(&node.state)) {
      earlier(away->retry_at);
    } else if (const auto* connecting = std::get_if<Connecting>(&node.state)) {
      earlier(connecting->since + options_.liveness_timeout);
    } else if (const auto* live = std::get_if<Live>(&node.state)) {
      earlier(std::min(live->last_ping + options_.ping_interval, live->last_heard + options_.liveness_timeout));
    }
  }
  return out;
}

}  // namespace penstock::meta
