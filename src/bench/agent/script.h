#pragma once

#include <sys/types.h>

#include <atomic>

#include "bench/plan/plan.h"
#include "bench/workload/run_resources.h"
#include "proto/bench.pb.h"

namespace penstock::bench {

/// A child process in a process group of its own, with standard output and error appended to `log_file`; `environment` is added to ours.
/// Errors: `Io`.
[[nodiscard]] Result<pid_t> spawn_process(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                                          const std::string& log_file);

/// Runs the stage's script with /bin/sh until it exits; `stop` ends it and everything it started. It sees PENSTOCK_BENCH_RUN, _STAGE,
/// _AGENT (the index, from 0) and _AGENTS. Errors: exit code other than 0, with the last lines of its output.
[[nodiscard]] Result<pb::BenchSummary> run_script(const Stage& stage, RunResources& resources, const std::string& log_file,
                                                  runtime::Waiter& waiter, const std::atomic<bool>& stop);

}  // namespace penstock::bench
