#include "sim/simulate.h"

#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

using namespace std::chrono_literals;

std::string told(const RunResult& result) {
  std::string out;
  for (const std::string& failure : result.failures) out += failure + "\n";
  for (const std::string& line : result.last_lines) out += line + "\n";
  return out;
}

class EveryScenario : public ::testing::TestWithParam<std::string_view> {};

TEST_P(EveryScenario, keeps_all_invariants) {
  const Scenario& scenario = *find_scenario(GetParam());
  for (const uint64_t seed : {1, 2}) {
    const RunResult result = simulate(scenario, seed, 6s, false);
    ASSERT_TRUE(result.failures.empty()) << "penstock simulate --scenario " << scenario.name << " --seed " << seed << " --duration 6\n"
                                         << told(result);
    EXPECT_GT(result.protocol.commits, 5U);
  }
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> out;
  for (const Scenario& scenario : scenarios()) out.push_back(scenario.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Simulate, EveryScenario, ::testing::ValuesIn(names()),
                         [](const auto& tested) { return std::string(tested.param); });

// Nothing may depend on addresses, say by the order of a hash table: they are other ones in the second run.
TEST(Simulate, gives_the_same_trace_for_the_same_seed_and_another_for_another) {
  for (const char* name : {"everything", "kills", "moves_kills"}) {
    const Scenario& scenario = *find_scenario(name);
    const RunResult once = simulate(scenario, 3, 4s, false);
    const RunResult again = simulate(scenario, 3, 4s, false);
    const RunResult other = simulate(scenario, 4, 4s, false);
    EXPECT_EQ(once.trace_hash, again.trace_hash) << name;
    EXPECT_EQ(once.steps, again.steps) << name;
    EXPECT_EQ(once.last_lines, again.last_lines) << name;
    EXPECT_NE(once.trace_hash, other.trace_hash) << name;
  }
}

}  // namespace
}  // namespace penstock::sim
