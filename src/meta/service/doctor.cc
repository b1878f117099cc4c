#include "meta/service/doctor.h"

#include <algorithm>
#include <cstdlib>

#include "common/version.h"
#include "meta/await/await_graph.h"

namespace penstock::meta {
namespace {

constexpr int64_t kMostSkewMicros = 1'000'000;

class Findings {
 public:
  void good(std::string check, std::string finding) { add(std::move(check), "ok", std::move(finding), ""); }
  void warn(std::string check, std::string finding, std::string what_to_do) {
    add(std::move(check), "warning", std::move(finding), std::move(what_to_do));
  }
  void bad(std::string check, std::string finding, std::string what_to_do) {
    add(std::move(check), "error", std::move(finding), std::move(what_to_do));
  }
  pb::DoctorReply take() { return std::move(reply_); }

 private:
  void add(std::string check, std::string level, std::string finding, std::string what_to_do) {
    pb::DoctorFinding& added = *reply_.add_findings();
    added.set_check(std::move(check));
    added.set_level(std::move(level));
    added.set_finding(std::move(finding));
    added.set_what_to_do(std::move(what_to_do));
  }
  pb::DoctorReply reply_;
};

uint64_t megabytes(uint64_t bytes) { return bytes >> 20U; }

void check_nodes(const DoctorFacts& facts, Findings& out) {
  if (facts.nodes.empty()) {
    return out.bad("nodes", "no compute has ever joined", "Start one: penstock compute --meta ADDRESS --data-dir DIR");
  }
  std::map<std::string, int> endpoints;
  for (const auto& [id, node] : facts.nodes) {
    if (!node.alive) {
      const bool older = node.name.find("whose folder is a copy") != std::string::npos;
      out.bad("nodes", node.name,
              older ? "It follows another meta: this one runs on an older copy of meta's folder. Stop it, and start meta on the newest one."
                    : "Start it again with its own data folder, or let it go on if it is stopped: its jobs wait for what it owns.");
    } else if (!node.said) {
      out.bad("nodes", fmt::format("{}: {}", node.name, node.problem),
              "It is connected but its barrier worker does not answer: is its process stopped, or its machine out of memory?");
    } else {
      out.good("nodes", node.name);
    }
    if (node.endpoint.starts_with("0.0.0.0:") || node.endpoint.starts_with("[::]:")) {
      out.bad("addresses", fmt::format("{} tells others to reach it at {}", node.name, node.endpoint),
              "Start it with --advertise HOST:PORT, an address the other machines can reach.");
    }
    if (node.alive && ++endpoints[node.endpoint] == 2) {
      out.bad("addresses", fmt::format("two nodes are registered at {}", node.endpoint), "Give each its own --listen address.");
    }
  }
}

void check_disk(const DoctorFacts& facts, Findings& out) {
  if (const pb::Pressure& own = facts.own_disk; own.level() != pb::DISK_ENOUGH) {
    out.bad("disk",
            fmt::format("meta: {} MB free in {}, {} MB are held in reserve{}", megabytes(own.free_bytes()), own.folder(),
                        megabytes(own.reserve_bytes()), own.level() == pb::DISK_FULL ? "; commits wait for space" : ""),
            "Free space there: until then no sources are read and no rows are taken, in any database.");
  }
  for (const auto& [id, node] : facts.nodes) {
    if (!node.said || node.said->disk_free_bytes() == UINT64_MAX) continue;
    const auto& said = *node.said;
    const std::string where = fmt::format("{}: {} MB free in {}, {} MB are held in reserve", node.name, megabytes(said.disk_free_bytes()),
                                          said.data_dir(), megabytes(said.disk_reserve_bytes()));
    if (said.sync_waits_for_disk()) {
      out.bad("disk", where + "; a checkpoint waits for space",
              "Free space there, or move the folder to a larger disk; it goes on by itself.");
    } else if (said.disk_free_bytes() < said.disk_reserve_bytes()) {
      out.bad("disk", where, "Free space there before checkpoints have to wait.");
    } else if (said.disk_free_bytes() < 2 * said.disk_reserve_bytes()) {
      out.warn("disk", where, "Plan for more space.");
    } else {
      out.good("disk", where);
    }
  }
}

void check_clock(const std::string& who, int64_t theirs, int64_t earliest, int64_t latest, Findings& out) {
  const int64_t ahead = theirs > latest ? theirs - latest : theirs < earliest ? theirs - earliest : 0;
  if (std::abs(ahead) <= kMostSkewMicros) return out.good("clock", fmt::format("{} agrees with meta's", who));
  out.warn("clock",
           fmt::format("{} is {:.1f} s {} meta's", who, std::abs(static_cast<double>(ahead)) / 1e6, ahead > 0 ? "ahead of" : "behind"),
           "Synchronise the clocks (NTP): epochs are safe, but logs and times of events cannot be compared.");
}

void check_clocks(const DoctorFacts& facts, Findings& out) {
  if (facts.caller_micros != 0) {
    check_clock("the clock of this machine", facts.caller_micros, facts.asked_micros - kMostSkewMicros, facts.meta_micros, out);
  }
  for (const auto& [id, node] : facts.nodes) {
    if (node.said) check_clock("the clock of " + node.name, node.said->unix_micros(), facts.asked_micros, facts.meta_micros, out);
  }
}

void check_versions(const DoctorFacts& facts, Findings& out) {
  for (const auto& [id, node] : facts.nodes) {
    if (!node.said || node.said->version() == kVersion) continue;
    out.warn("version", fmt::format("{} runs version {}, meta {}", node.name, node.said->version(), kVersion),
             "Bring all processes to one version.");
  }
}

void check_segments(const DoctorFacts& facts, Findings& out) {
  for (const auto& [id, node] : facts.nodes) {
    if (!node.said || !node.said->knows_segments()) continue;
    const std::set<uint64_t> known(node.said->segments().begin(), node.said->segments().end());
    std::vector<uint64_t> missing;
    std::ranges::set_difference(node.segments, known, std::back_inserter(missing));
    if (missing.empty()) {
      out.good("segments", fmt::format("{} has all {} segments that meta lists", node.name, node.segments.size()));
    } else {
      out.bad("segments",
              fmt::format("{} lacks {} of {} segments that meta lists: {}", node.name, missing.size(), node.segments.size(),
                          fmt::join(missing, " ")),
              fmt::format("Its folder {} is older than what was committed, or files were removed: start it on its newest folder, or drop "
                          "and create the jobs again.",
                          node.said->data_dir()));
    }
  }
}

void check_databases(const DoctorFacts& facts, Findings& out) {
  for (const pb::AwaitDatabase& database : facts.tree.databases()) {
    if (database.state() != "running") {
      out.bad("databases", fmt::format("{} is {}: {}", database.database(), database.state(), database.reason()),
              "See penstock ctl events for the root cause.");
    } else if (database.stuck()) {
      out.bad("barriers", summary_line(database), "See penstock ctl await-tree.");
    } else {
      out.good("databases", fmt::format("{} runs, {} barriers in flight", database.database(), database.in_flight()));
    }
  }
}

}  // namespace

pb::DoctorReply diagnose(const DoctorFacts& facts) {
  Findings out;
  check_nodes(facts, out);
  check_databases(facts, out);
  for (const auto& [job, reason] : facts.quarantined) {
    out.bad("jobs", fmt::format("{} is quarantined: {}", job, reason),
            "It is left out and its rows are stale. Mend the data or the query, then DROP it and create it again.");
  }
  for (const auto& [job, reason] : facts.job_errors) {
    if (facts.quarantined.contains(job)) continue;
    out.warn("jobs", fmt::format("{} was the cause of a recovery: {}", job, reason),
             "Mend the data or the query; DROP the job if it cannot be mended.");
  }
  check_segments(facts, out);
  check_disk(facts, out);
  check_clocks(facts, out);
  check_versions(facts, out);
  return out.take();
}

std::map<WorkerId, std::set<uint64_t>> listed_segments(const MetaModel& model) {
  std::map<WorkerId, std::set<uint64_t>> out;
  for (const auto& [graph, by_worker] : model.segments()) {
    for (const auto& [worker, segments] : by_worker) {
      for (const auto& [sequence, ref] : segments) out[worker].insert(sequence);
    }
  }
  return out;
}

}  // namespace penstock::meta
