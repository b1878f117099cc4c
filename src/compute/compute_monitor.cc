// What a compute shows to machines that watch it.
#include "common/version.h"
#include "compute/compute_node.h"
#include "http/ask_loop.h"

namespace penstock::compute {
namespace {

constexpr runtime::Duration kPatience = std::chrono::seconds(1);

struct FragmentWaits {
  std::string job;
  size_t actors = 0;
  uint64_t rows_in = 0, rows_out = 0;
  std::array<int64_t, stream::kWaitKinds> micros{};
};
using Waits = std::map<std::pair<std::string, FragmentId>, FragmentWaits>;  // by database and fragment

/// Sums over actors shrink when one of them goes, and a wait that ends while it is read may be missed; what is called a counter must not
/// go back.
class Monotone {
 public:
  double at_least_as_before(const std::string& key, double value) {
    auto& slot = now_[key];
    const auto before = before_.find(key);
    return slot = before == before_.end() ? value : std::max(value, before->second);
  }
  /// Keys that were not asked for since the last round are forgotten.
  void next_round() { before_ = std::exchange(now_, {}); }

 private:
  std::map<std::string, double> before_, now_;
};

double waited(const FragmentWaits& waits, std::initializer_list<stream::WaitingFor> kinds) {
  int64_t micros = 0;
  for (const auto kind : kinds) micros += waits.micros[static_cast<size_t>(kind)];
  return static_cast<double>(micros) / 1e6;
}

Waits sum_waits(const std::vector<stream::ActorStatus>& actors, const stream::WorkerMetrics& names) {
  Waits out;
  for (const stream::ActorStatus& actor : actors) {
    FragmentWaits& sum = out[{names.database_of(actor.graph.graph), actor.fragment}];
    sum.job = actor.job_name;
    ++sum.actors;
    sum.rows_in += actor.rows_in;
    sum.rows_out += actor.rows_out;
    for (size_t i = 0; i < stream::kWaitKinds; ++i) sum.micros[i] += actor.wait.total_micros[i];
  }
  return out;
}

void sample_actors(const Waits& all, const metrics::Labels& base, Monotone& monotone, metrics::Samples& out) {
  using enum stream::WaitingFor;
  for (const auto& [key, waits] : all) {
    metrics::Labels labels = base;
    labels.insert({{"database", key.first}, {"job", waits.job}, {"fragment", std::to_string(key.second.value)}});
    const auto count = [&](const char* name, const char* help, double value) {
      out.counter(name, help, labels, monotone.at_least_as_before(fmt::format("{}/{}/{}", name, key.first, key.second), value));
    };
    out.gauge("actor_count", "Actors that run here", labels, static_cast<double>(waits.actors));
    count("actor_rows_in_total", "Rows that actors took in", static_cast<double>(waits.rows_in));
    count("actor_rows_out_total", "Rows that actors sent on", static_cast<double>(waits.rows_out));
    count("actor_input_wait_seconds_total", "Time that actors waited for rows or barriers, alignment included",
          waited(waits, {Input, Alignment, Subscription}));
    count("actor_align_wait_seconds_total", "Time that actors waited for an input to bring a barrier that others had brought",
          waited(waits, {Alignment}));
    count("actor_output_blocked_seconds_total", "Time that actors waited for others to take what they send",
          waited(waits, {Output, Connection}));
    count("actor_state_read_seconds_total", "Time that actors waited for the state store", waited(waits, {StateRead}));
  }
  monotone.next_round();
}

void sample_store(const storage::StateStore& store, const metrics::Labels& labels, metrics::Samples& out) {
  const auto usage = store.usage();
  const auto layer = [&](const char* name, uint64_t bytes) {
    metrics::Labels with = labels;
    with["layer"] = name;
    out.gauge("state_store_bytes", "State by layer: batch (memory), segment (files), sorted (RocksDB)", with, static_cast<double>(bytes));
  };
  layer("batch", usage.batch_bytes);
  layer("segment", usage.segment_bytes);
  layer("sorted", usage.sorted_bytes);
  const auto disk = store.disk();
  if (disk.free_bytes != UINT64_MAX) {
    out.gauge("state_store_disk_free_bytes", "Free space where the data folder is", labels, static_cast<double>(disk.free_bytes));
  }
  out.gauge("state_store_disk_reserve_bytes", "Below this much free space sources should pause", labels,
            static_cast<double>(disk.reserve_bytes));
  out.gauge("state_store_sync_waits_for_disk", "1 while a checkpoint waits for free space", labels, disk.sync_waits ? 1 : 0);
}

}  // namespace

http::MonitoredRole ComputeNode::monitored() {
  const auto loop_answer = [this] {
    const runtime::TimePoint asked = runtime_.now();
    return http::ask_loop<runtime::Duration>(
        runtime_, kPatience, [this](runtime::Job job) { worker_.ping(std::move(job)); }, [this, asked] { return runtime_.now() - asked; });
  };
  const auto connected = [this] {
    return worker_.connected() ? http::Check{"control stream", true, fmt::format("meta at {} speaks", options_.meta)}
                               : http::Check{"control stream", false, fmt::format("meta at {} has not opened one", options_.meta)};
  };
  http::MonitoredRole role{.name = options_.labels.contains("compute") ? options_.labels.at("compute") : "compute"};
  role.health = [this, loop_answer, connected] {
    std::vector<http::Check> checks;
    const auto lag = loop_answer();
    checks.push_back({"barrier worker", lag.has_value(),
                      lag ? fmt::format("its loop answered after {:.1f} ms", static_cast<double>(lag->count()) / 1e6)
                          : std::string("its loop did not answer for 1 s")});
    checks.push_back(connected());
    const auto disk = store_.disk();
    checks.push_back({"disk", !disk.low(),
                      fmt::format("{} MB free where {} is, {} MB are held in reserve{}", disk.free_bytes >> 20U, folder_.path(),
                                  disk.reserve_bytes >> 20U, disk.sync_waits ? "; a checkpoint waits for space" : "")});
    return checks;
  };
  role.ready = [connected] { return std::vector{connected()}; };
  role.sample = [this, monotone = std::make_shared<Monotone>()](metrics::Samples& out) {  // shared by copies of the function
    sample_actors(sum_waits(actors_.status(), worker_.metrics()), options_.labels, *monotone, out);
    sample_store(store_, options_.labels, out);
    out.gauge("operator_state_bytes", "Memory of operators' state", options_.labels, static_cast<double>(memory_.used()));
    out.gauge("operator_state_limit_bytes", "Budget of operators' state", options_.labels, static_cast<double>(options_.memory_bytes));
    out.gauge("control_stream_connected", "1 while meta speaks to this node", options_.labels, worker_.connected() ? 1 : 0);
  };
  return role;
}

void ComputeNode::fill_facts(pb::NodeFacts& facts) const {
  facts.set_unix_micros(runtime_.unix_micros());
  facts.set_data_dir(folder_.path());
  const auto disk = store_.disk();
  facts.set_disk_free_bytes(disk.free_bytes);
  facts.set_disk_reserve_bytes(disk.reserve_bytes);
  facts.set_sync_waits_for_disk(disk.sync_waits);
  const auto usage = store_.usage();
  facts.set_batch_bytes(usage.batch_bytes);
  facts.set_segment_bytes(usage.segment_bytes);
  facts.set_sorted_bytes(usage.sorted_bytes);
  facts.set_memory_bytes(memory_.used());
  facts.set_memory_limit_bytes(options_.memory_bytes);
  facts.set_version(std::string(kVersion));
  if (const auto known = store_.known_segments()) {
    facts.set_knows_segments(true);
    facts.mutable_segments()->Assign(known->begin(), known->end());
  }
}

}  // namespace penstock::compute
