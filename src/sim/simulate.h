#pragma once

#include <deque>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace penstock::sim {

struct RunResult {
  std::vector<std::string> failures;  // none: all invariants held
  std::deque<std::string> last_lines;
  uint64_t trace_hash = 0;  // equal for equal runs
  uint64_t steps = 0;
  runtime::Duration virtual_time{};
  ProtocolChecker::Counts protocol;
};

/// Runs one scenario from one seed. `print`: every line of the journal as it comes.
[[nodiscard]] RunResult simulate(const Scenario& scenario, uint64_t seed, runtime::Duration duration, bool print);

}  // namespace penstock::sim
