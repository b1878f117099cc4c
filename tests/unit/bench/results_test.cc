#include "bench/control/results.h"

#include <gtest/gtest.h>

namespace penstock::bench {
namespace {

constexpr const char* kStages =
    "run: {name: t, agents: 2}\nstages:\n  - {name: a, order: 1, type: execute, completion: duration, duration: 1s, workload: {kind: "
    "state}}\n";

pb::BenchJournal started() {
  pb::BenchJournal record;
  pb::BenchRunStarted& run = *record.mutable_run_started();
  run.set_run("t-1");
  run.set_stages(kStages);
  run.add_agents("x:1");
  run.add_agents("y:1");
  return record;
}

pb::BenchJournal released() {
  pb::BenchJournal record;
  record.mutable_released()->set_sequence(1);
  record.mutable_released()->add_counted(0);
  record.mutable_released()->add_counted(1);
  return record;
}

/// `seconds`: operations of each entry, which spans `width` seconds. Every operation took a millisecond.
pb::BenchJournal arrived(uint32_t agent, const std::vector<uint64_t>& seconds, uint32_t width = 0, bool compressed = true) {
  pb::BenchJournal record;
  record.mutable_arrived()->set_agent(agent);
  record.mutable_arrived()->set_sequence(1);
  pb::BenchSummary& summary = *record.mutable_arrived()->mutable_summary();
  summary.set_second_width(width);
  pb::BenchOperation& operation = *summary.add_operations();
  operation.set_name("write");
  Histogram latency;
  for (const uint64_t count : seconds) {
    latency.record(1'000'000, count);
    operation.set_count(operation.count() + count);
    summary.add_seconds()->set_operations(count);
  }
  operation.set_histogram(compressed ? latency.encode_compressed() : latency.encode());
  return record;
}

std::vector<uint64_t> timeline(const StageFigures& stage) {
  std::vector<uint64_t> operations;
  for (const pb::BenchSecond& second : stage.timeline) operations.push_back(second.operations());
  return operations;
}

TEST(Results, sums_seconds_and_histograms_of_either_encoding) {
  const auto run = figures_of({started(), arrived(0, {1, 2, 3}), arrived(1, {10, 20}, 0, false), released()});
  ASSERT_TRUE(run.has_value());
  const StageFigures& stage = run.value().stages[0];
  EXPECT_EQ(timeline(stage), (std::vector<uint64_t>{11, 22, 3}));
  EXPECT_EQ(stage.merged.at("write").count, 36U);
  EXPECT_EQ(stage.merged.at("write").latency.count(), 36U);
  EXPECT_FALSE(stage.reduced);
}

TEST(Results, agents_whose_seconds_are_wider_meet_in_the_widest) {
  const auto run = figures_of({started(), arrived(0, {1, 2, 3, 4, 5}), arrived(1, {10, 20}, 3), released()});
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run.value().stages[0].timeline_width, 3U);
  EXPECT_EQ(timeline(run.value().stages[0]), (std::vector<uint64_t>{1 + 2 + 3 + 10, 4 + 5 + 20}));
}

TEST(Results, what_a_limit_left_out_is_said_and_counts_stay) {
  pb::BenchJournal reduced = arrived(1, {10, 20});
  pb::BenchSummary& summary = *reduced.mutable_arrived()->mutable_summary();
  summary.mutable_operations(0)->clear_histogram();
  summary.clear_seconds();
  summary.set_reduced(true);
  const auto run = figures_of({started(), arrived(0, {5}), reduced, released()});
  ASSERT_TRUE(run.has_value());
  const StageFigures& stage = run.value().stages[0];
  EXPECT_TRUE(stage.reduced);
  EXPECT_EQ(stage.merged.at("write").count, 35U);
  EXPECT_EQ(stage.merged.at("write").latency.count(), 5U);
  EXPECT_EQ(stage.agents[1].remark, "without latencies (results_limit)");
  EXPECT_NE(html_report({run.value()}).find("results_limit was reached"), std::string::npos);
}

TEST(Results, the_spread_of_releases_is_of_the_last_agent_of_each) {
  pb::BenchJournal began;
  began.mutable_began()->set_sequence(0);
  for (const uint64_t nanos : {5'000'000, 9'000'000}) began.mutable_began()->add_agents()->set_nanos(nanos);
  const auto run = figures_of({started(), began, arrived(0, {1}), arrived(1, {1}), released()});
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run.value().stages[0].began_nanos, (std::vector<uint64_t>{5'000'000, 9'000'000}));
  EXPECT_EQ(run.value().release_nanos(), (std::vector<uint64_t>{9'000'000}));
  EXPECT_EQ(percentile_of({1, 2, 3, 4}, 50), 2U);
  EXPECT_EQ(percentile_of({1, 2, 3, 4}, 99), 4U);
}

TEST(Results, several_runs_are_compared_with_the_first) {
  const auto slow = figures_of({started(), arrived(0, {5}), arrived(1, {5}), released()});
  const auto fast = figures_of({started(), arrived(0, {50}), arrived(1, {50}), released()});
  const std::string page = html_report({slow.value(), fast.value()});
  EXPECT_NE(page.find("Comparison with A"), std::string::npos);
  EXPECT_NE(page.find("Latency of write by percentile"), std::string::npos);
  EXPECT_EQ(html_report({slow.value()}).find("Comparison"), std::string::npos);
}

}  // namespace
}  // namespace penstock::bench
