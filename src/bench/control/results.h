#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/plan/plan.h"
#include "common/histogram.h"
#include "proto/bench.pb.h"
#include "storage/filesystem.h"

namespace penstock::bench {

/// The figures of one kind of operation: of one agent, or merged.
struct OperationFigures {
  uint64_t count = 0, errors = 0, bytes = 0;
  Histogram latency{3}, corrected{3};
};

/// What one agent did in one stage.
struct AgentFigures {
  uint32_t agent = 0;
  bool counted = false;  // its operations are in the stage's
  std::string remark;    // "out of step", "excluded: …", "failed: …"
  double seconds = 0;
  double waited = 0;  // at the barrier, seconds
  std::map<std::string, OperationFigures> operations;
  pb::BenchSummary summary;
};

struct StageFigures {
  std::string name, type, policy;
  bool released = false;
  std::string skipped;  // why
  std::vector<AgentFigures> agents;
  std::map<std::string, OperationFigures> merged;  // of the counted ones
  double seconds = 0;                              // the longest of the counted ones
  std::vector<pb::BenchSecond> timeline;           // sums over the counted ones, by time since each one's own start
  uint32_t timeline_width = 1;                     // seconds of one entry
  std::vector<uint64_t> began_nanos;               // from the release of the barrier before until each agent was heard to begin; sorted
  std::vector<pb::BenchMark> marks;                // of all agents, by time since each one's own start
  bool reduced = false;                            // latencies and timeline are not those of all counted ones
};

/// A run as its journal tells it; everything that is reported comes from here.
struct RunFigures {
  std::string run, machine;
  std::vector<std::string> agents;
  int64_t unix_micros = 0;
  std::string stage_file;
  std::optional<bool> completed;  // none: it has not ended
  std::string reason;
  std::vector<StageFigures> stages;
  /// Of all releases: until the last agent was heard to begin the next stage, in nanoseconds; sorted.
  [[nodiscard]] std::vector<uint64_t> release_nanos() const;
};
/// Of sorted values, which are not none.
[[nodiscard]] uint64_t percentile_of(const std::vector<uint64_t>& sorted, double percent);

/// Errors: `Corruption`, `InvalidConfig`.
[[nodiscard]] Result<RunFigures> figures_of(const std::vector<pb::BenchJournal>& journal);

/// Writes stages.yaml, stage-K-NAME.tsv, histograms.hlog and summary.json into `folder`.
Status write_results(storage::FileSystem& files, const std::string& folder, const RunFigures& figures);

/// A table for the terminal.
[[nodiscard]] std::string results_table(const RunFigures& figures);

/// One HTML file without references: tables and plots of one run, or of several to compare.
[[nodiscard]] std::string html_report(const std::vector<RunFigures>& runs);

}  // namespace penstock::bench
