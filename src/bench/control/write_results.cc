#include <nlohmann/json.hpp>

#include "bench/control/results.h"
#include "common/version.h"

namespace penstock::bench {
namespace {

double millis(uint64_t nanos) { return static_cast<double>(nanos) / 1e6; }

std::string tsv_row(const std::string& agent, const std::string& name, const OperationFigures& f, double seconds, double waited,
                    const std::string& remark) {
  const double rate = seconds > 0 ? static_cast<double>(f.count) / seconds : 0;
  const auto& h = f.latency;
  std::string row =
      fmt::format("{}\t{}\t{}\t{}\t{}\t{:.3f}\t{:.1f}\t{:.4f}", agent, name, f.count, f.errors, f.bytes, seconds, rate, h.mean() / 1e6);
  for (const double percent : {50.0, 90.0, 99.0, 99.9}) row += fmt::format("\t{:.4f}", millis(h.percentile(percent)));
  row += fmt::format("\t{:.4f}\t{:.4f}\t{:.3f}\t{}\n", millis(h.max()), millis(f.corrected.percentile(99)), waited, remark);
  return row;
}

std::string tsv(const RunFigures& run, const StageFigures& stage) {
  std::string text =
      "agent\toperation\tcount\terrors\tbytes\tseconds\tper_second\tmean_ms\tp50_ms\tp90_ms\tp99_ms\tp99.9_ms\tmax_ms\tcorrected_p99_ms\t"
      "barrier_wait_s\tremark\n";
  for (const AgentFigures& agent : stage.agents) {
    const std::string remark = agent.remark + (agent.counted || !agent.remark.empty() ? "" : "not counted");
    if (agent.operations.empty()) text += tsv_row(run.agents[agent.agent], "-", OperationFigures{}, agent.seconds, agent.waited, remark);
    for (const auto& [name, figures] : agent.operations)
      text += tsv_row(run.agents[agent.agent], name, figures, agent.seconds, agent.waited, remark);
  }
  for (const auto& [name, figures] : stage.merged)
    text += tsv_row("all", name, figures, stage.seconds, 0, stage.skipped.empty() ? "" : "skipped");
  return text;
}

// HdrHistogram's log format, version 1.3: an interval a line.
std::string hlog(const RunFigures& run) {
  std::string text = fmt::format(
      "#[Histogram log format version 1.3]\n#[run {} by penstock "
      "{}]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      run.run, kVersion);
  const auto line = [&](const std::string& tag, double seconds, const Histogram& histogram) {
    text += fmt::format("Tag={},0.000,{:.3f},{:.3f},{}\n", tag, seconds, static_cast<double>(histogram.max()) / 1e6,
                        base64(histogram.encode_compressed()));
  };
  for (const StageFigures& stage : run.stages) {
    for (const auto& [name, figures] : stage.merged) {
      line(stage.name + "." + name, stage.seconds, figures.latency);
      if (figures.corrected.count() > 0) line(stage.name + "." + name + ".corrected", stage.seconds, figures.corrected);
    }
  }
  return text;
}

nlohmann::json json_of(const OperationFigures& f, double seconds) {
  nlohmann::json json = {{"count", f.count},
                         {"errors", f.errors},
                         {"bytes", f.bytes},
                         {"seconds", seconds},
                         {"per_second", seconds > 0 ? static_cast<double>(f.count) / seconds : 0},
                         {"mean_ms", f.latency.mean() / 1e6},
                         {"max_ms", millis(f.latency.max())}};
  for (const auto& [name, percent] :
       std::initializer_list<std::pair<const char*, double>>{{"p50_ms", 50}, {"p90_ms", 90}, {"p99_ms", 99}, {"p999_ms", 99.9}}) {
    json[name] = millis(f.latency.percentile(percent));
    if (f.corrected.count() > 0) json[std::string("corrected_") + name] = millis(f.corrected.percentile(percent));
  }
  return json;
}

nlohmann::json spread_json(const std::vector<uint64_t>& sorted) {
  if (sorted.empty()) return {};
  return {{"count", sorted.size()},
          {"p50", millis(percentile_of(sorted, 50))},
          {"p99", millis(percentile_of(sorted, 99))},
          {"max", millis(sorted.back())}};
}

nlohmann::json json_of(const RunFigures& run) {
  nlohmann::json stages = nlohmann::json::array();
  for (const StageFigures& stage : run.stages) {
    nlohmann::json agents = nlohmann::json::array(), operations = nlohmann::json::object();
    for (const AgentFigures& agent : stage.agents) {
      nlohmann::json own = nlohmann::json::object();
      for (const auto& [name, figures] : agent.operations) own[name] = json_of(figures, agent.seconds);
      agents.push_back({{"agent", run.agents[agent.agent]},
                        {"counted", agent.counted},
                        {"remark", agent.remark},
                        {"barrier_wait_s", agent.waited},
                        {"operations", own},
                        {"values", std::map<std::string, double>(agent.summary.values().begin(), agent.summary.values().end())},
                        {"notes", std::vector<std::string>(agent.summary.notes().begin(), agent.summary.notes().end())}});
    }
    for (const auto& [name, figures] : stage.merged) operations[name] = json_of(figures, stage.seconds);
    nlohmann::json marks = nlohmann::json::array();
    for (const pb::BenchMark& mark : stage.marks) marks.push_back({{"seconds", mark.seconds()}, {"text", mark.text()}});
    stages.push_back({{"name", stage.name},
                      {"began_ms", spread_json(stage.began_nanos)},
                      {"marks", marks},
                      {"type", stage.type},
                      {"policy", stage.policy},
                      {"released", stage.released},
                      {"skipped", stage.skipped},
                      {"agents", agents},
                      {"operations", operations}});
  }
  nlohmann::json json = {{"run", run.run},       {"version", kVersion},  {"machine", run.machine}, {"started_unix_micros", run.unix_micros},
                         {"agents", run.agents}, {"reason", run.reason}, {"stages", stages}};
  json["release_ms"] = spread_json(run.release_nanos());
  json["completed"] = run.completed ? nlohmann::json(*run.completed) : nlohmann::json();
  return json;
}

}  // namespace

Status write_results(storage::FileSystem& files, const std::string& folder, const RunFigures& run) {
  PENSTOCK_TRY(storage::write_file_atomically(files, folder, "stages.yaml", run.stage_file));
  for (size_t i = 0; i < run.stages.size(); ++i) {
    if (run.stages[i].agents.empty()) continue;
    PENSTOCK_TRY(
        storage::write_file_atomically(files, folder, fmt::format("stage-{}-{}.tsv", i, run.stages[i].name), tsv(run, run.stages[i])));
  }
  PENSTOCK_TRY(storage::write_file_atomically(files, folder, "histograms.hlog", hlog(run)));
  const std::string json = json_of(run).dump(2, ' ', true, nlohmann::json::error_handler_t::replace);
  return storage::write_file_atomically(files, folder, "summary.json", json + "\n");
}

std::string results_table(const RunFigures& run) {
  std::string text = fmt::format("{:<16} {:<8} {:>12} {:>8} {:>12} {:>10} {:>10} {:>10} {:>10}\n", "stage", "op", "count", "errors",
                                 "per second", "p50 ms", "p99 ms", "p99.9 ms", "max ms");
  for (const StageFigures& stage : run.stages) {
    if (!stage.skipped.empty()) text += fmt::format("{:<16} skipped: {}\n", stage.name, stage.skipped);
    for (const auto& [name, f] : stage.merged) {
      const double rate = stage.seconds > 0 ? static_cast<double>(f.count) / stage.seconds : 0;
      text += fmt::format("{:<16} {:<8} {:>12} {:>8} {:>12.1f} {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f}\n", stage.name, name, f.count,
                          f.errors, rate, millis(f.latency.percentile(50)), millis(f.latency.percentile(99)),
                          millis(f.latency.percentile(99.9)), millis(f.latency.max()));
    }
    for (const AgentFigures& agent : stage.agents) {
      if (!agent.remark.empty()) text += fmt::format("{:<16} {}: {}\n", stage.name, run.agents[agent.agent], agent.remark);
    }
  }
  if (const auto releases = run.release_nanos(); !releases.empty()) {
    text += fmt::format("{} releases: until the last agent was heard to begin, p50 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms\n",
                        releases.size(), millis(percentile_of(releases, 50)), millis(percentile_of(releases, 99)), millis(releases.back()));
  }
  return text;
}

}  // namespace penstock::bench
