#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench/plan/plan.h"

namespace penstock::bench::testing {

/// A stage file with one stage of a second for each of `barriers` ("policy: majority, straggler_grace: 5s"), named s0, s1, …; a word
/// "optional;" or "cleanup;" before it makes the stage so. Barriers time out after 30 s, stages after 20 s.
inline std::string stage_file(const std::vector<std::string>& barriers, const std::string& run = "") {
  std::string text = "run: {name: test, heartbeat: {interval: 1s, missed: 3, query_timeout: 2s, query_retries: 2}" + run + "}\nstages:\n";
  for (size_t i = 0; i < barriers.size(); ++i) {
    std::string barrier = barriers[i];
    std::string extra, type = "type: execute, completion: duration, duration: 1s";
    const auto take = [&](const std::string& word) {
      if (!barrier.starts_with(word)) return false;
      barrier = barrier.substr(word.size());
      return true;
    };
    if (take("optional;")) extra = ", optional: true";
    if (take("cleanup;")) type = "type: cleanup";
    if (take("script;")) type = "type: custom, script: exit 0";
    text += fmt::format("  - {{name: s{}, order: {}, {}, timeout: 20s{}, barrier: {{timeout: 30s{}}}{}}}\n", i, i + 1, type, extra,
                        barrier.empty() ? "" : ", " + barrier, type.starts_with("type: custom") ? "" : ", workload: {kind: state}");
  }
  return text;
}

inline Plan plan_of(const std::string& text) {
  Result<Plan> plan = parse_plan(text, "test.yaml");
  if (plan.has_error()) {
    ADD_FAILURE() << plan.error().to_string() << "\n" << text;
    return {};
  }
  return std::move(plan.value());
}

}  // namespace penstock::bench::testing
