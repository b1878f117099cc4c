// What a whole meta says of itself and of its nodes: relations, await tree, stuck barriers, monitor.
#include <gtest/gtest.h>

#include "proto/inspect.pb.h"
#include "unit/meta/fake_cluster.h"

namespace penstock::meta::testing {
namespace {

using namespace std::chrono_literals;

bool any_has(const std::vector<std::string>& rows, std::string_view text) {
  return std::ranges::any_of(rows, [&](const std::string& row) { return row.find(text) != std::string::npos; });
}

pb::AwaitTreeReply await_tree(FakeCluster& cluster) {
  return cluster.call<pb::AwaitTreeReply>("AwaitTree", pb::AwaitTreeRequest()).value();
}

TEST(MetaSight, every_row_of_every_relation_has_its_columns) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t")).has_value());
  ASSERT_TRUE(cluster.flush().has_value());
  cluster.compute(0).send_failure(1, "value out of range");
  cluster.sim().run_for(500ms);
  for (const std::string relation : {"penstock_sources", "penstock_jobs", "penstock_fragments", "penstock_actors", "penstock_workers",
                                     "penstock_databases", "penstock_barriers", "penstock_events"}) {
    pb::SystemRowsRequest request;
    request.set_relation(relation);
    const auto rows = cluster.call<pb::SystemRowsResponse>("SystemRows", request).value();
    EXPECT_GT(rows.columns_size(), 3) << relation;
    EXPECT_EQ(rows.kinds().size(), static_cast<size_t>(rows.columns_size())) << relation;
    EXPECT_EQ(rows.kinds().find_first_not_of("tnb"), std::string::npos) << relation << " " << rows.kinds();
    EXPECT_TRUE(rows.rows_size() > 0 || relation == "penstock_sources") << relation;
    for (const auto& row : rows.rows()) EXPECT_EQ(row.values_size(), rows.columns_size()) << relation;
  }
}

TEST(MetaSight, databases_tell_their_state_and_what_is_committed) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t")).has_value());
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_TRUE(any_has(cluster.rows("penstock_databases"), "1|dev|running|NULL|"));
}

TEST(MetaSight, an_event_names_the_job_that_was_at_fault) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t")).has_value());
  ASSERT_TRUE(cluster.flush().has_value());
  cluster.compute(0).send_failure(1, "value out of range");
  cluster.sim().run_for(500ms);
  const auto events = cluster.rows("penstock_events");
  EXPECT_TRUE(any_has(events, "|root cause|dev|t, actor 1: value out of range|t|NULL")) << fmt::format("{}", fmt::join(events, "\n"));
  EXPECT_TRUE(any_has(events, "|recovered|dev|"));
}

TEST(MetaSight, the_await_tree_has_every_node_and_names_the_one_that_is_silent) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t")).has_value());
  ASSERT_TRUE(cluster.flush().has_value());
  auto tree = await_tree(cluster);
  ASSERT_EQ(tree.nodes_size(), 2);
  EXPECT_TRUE(tree.nodes(0).answered());
  EXPECT_TRUE(tree.nodes(1).answered());

  cluster.compute(1).mute();
  cluster.sim().run_for(4s);
  tree = await_tree(cluster);
  EXPECT_TRUE(tree.nodes(0).answered());
  EXPECT_FALSE(tree.nodes(1).answered());
  EXPECT_NE(tree.nodes(1).name().find("silent for "), std::string::npos) << tree.nodes(1).name();
  ASSERT_GE(tree.databases(0).culprits_size(), 1);
  EXPECT_EQ(tree.databases(0).culprits(0).worker_id(), 2U);
  EXPECT_NE(tree.databases(0).culprits(0).text().find("does not answer"), std::string::npos);
}

TEST(MetaSight, a_stuck_barrier_is_an_event_that_names_who_holds_it_up_and_not_one_each_time_it_is_logged) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t")).has_value());
  ASSERT_TRUE(cluster.flush().has_value());
  cluster.compute(1).hold(true);  // it answers pings and questions
  cluster.sim().run_for(75s);
  size_t stuck = 0;
  for (const std::string& row : cluster.rows("penstock_events")) {
    if (row.find("|stuck|") == std::string::npos) continue;
    ++stuck;
    EXPECT_NE(row.find("node 2"), std::string::npos) << row;
  }
  EXPECT_EQ(stuck, 3U) << "the first report, the second, the fourth; not each of seven";
}

TEST(MetaSight, doctor_finds_the_node_that_is_away) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t")).has_value());
  cluster.kill_compute(1);
  cluster.sim().run_for(1s);
  const auto reply = cluster.call<pb::DoctorReply>("Doctor", pb::DoctorRequest()).value();
  const auto away = std::ranges::find_if(reply.findings(), [](const auto& f) { return f.level() == "error" && f.check() == "nodes"; });
  ASSERT_NE(away, reply.findings().end());
  EXPECT_NE(away->finding().find("node 2"), std::string::npos) << away->finding();
}

}  // namespace
}  // namespace penstock::meta::testing
