#pragma once

#include <atomic>

#include "bench/plan/plan.h"
#include "bench/workload/run_resources.h"
#include "proto/bench.pb.h"

namespace penstock::bench {

/// Runs the stage's script with /bin/sh until it exits; `stop` ends it and everything it started. It sees PENSTOCK_BENCH_RUN, _STAGE,
/// _AGENT (the index, from 0) and _AGENTS. Errors: exit code other than 0, with the last lines of its output.
[[nodiscard]] Result<pb::BenchSummary> run_script(const Stage& stage, RunResources& resources, const std::string& log_file,
                                                  runtime::Waiter& waiter, const std::atomic<bool>& stop);

}  // namespace penstock::bench
