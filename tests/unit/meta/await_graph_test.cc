#include "meta/await/await_graph.h"

#include <gtest/gtest.h>

namespace penstock::meta {
namespace {

/// Two nodes, and a job of three fragments: 1 (source) -> 2 (join) -> 3 (materialize). Actors are named by fragment and number: 11, 12 on
/// nodes 1 and 2, and so on. All of them lack barrier 100 unless a test says otherwise.
class AwaitGraph : public ::testing::Test {
 protected:
  AwaitGraph() {
    fragment(1, "Source", {});
    fragment(2, "HashJoin <- Merge <- Merge", {FragmentId{1}});
    fragment(3, "Materialize <- Merge", {FragmentId{2}});
    world_.nodes[WorkerId{1}] = {.name = "node 1", .said = pb::WorkerSnapshot()};
    world_.nodes[WorkerId{2}] = {.name = "node 2", .said = pb::WorkerSnapshot()};
    auto& database = world_.databases.emplace_back();
    database.name = "dev";
    database.state = "running";
    database.in_flight = 1;
    database.oldest = AwaitWorld::Barrier{{Epoch{100}, Epoch{200}}, 12'000'000, "", {WorkerId{1}, WorkerId{2}}};
    for (const auto& [actor, at] : world_.actors) database.actors.insert(actor);
    for (const uint32_t node : {1, 2}) {
      auto& barrier = *said(node).add_barriers();
      barrier.set_prev(100);
      barrier.set_curr(200);
      barrier.set_state("issued");
    }
  }

  void fragment(uint32_t id, std::string operators, std::vector<FragmentId> upstreams) {
    auto& fragment = world_.fragments[FragmentId{id}];
    fragment = {.job = "q7", .operators = std::move(operators), .upstreams = std::move(upstreams)};
    for (const uint32_t node : {1, 2}) {
      const ActorId actor{id * 10 + node};
      fragment.actors.push_back(actor);
      world_.actors[actor] = {WorkerId{node}, FragmentId{id}};
    }
  }
  pb::WorkerSnapshot& said(uint32_t node) { return *world_.nodes.at(WorkerId{node}).said; }

  /// What an actor waits on, and that it has not collected the barrier.
  void waits(uint32_t actor, pb::WaitKind wait, uint32_t on = 0) {
    const auto at = world_.actors.at(ActorId{actor});
    auto& record = *said(at.worker.value).add_actors();
    record.set_actor_id(actor);
    record.set_fragment_id(at.fragment.value);
    record.set_wait(wait);
    record.set_on_actor(on);
    record.set_since_us(11'900'000);
    record.set_rows_in(5);
    record.set_rows_out(6);
    said(at.worker.value).mutable_barriers(0)->add_missing_actors(actor);
  }
  pb::AwaitDatabase result() { return explain(world_).databases(0); }
  std::vector<std::string> culprits() {
    std::vector<std::string> out;
    const pb::AwaitDatabase database = result();
    for (const auto& culprit : database.culprits()) out.push_back(fmt::format("{} held {}", culprit.text(), culprit.held()));
    return out;
  }

  AwaitWorld world_;
};

using Texts = std::vector<std::string>;

TEST_F(AwaitGraph, names_the_busy_actor_that_all_others_wait_for_across_nodes) {
  waits(21, pb::WAIT_NOTHING);
  waits(31, pb::WAIT_ALIGNMENT, 21);
  waits(32, pb::WAIT_ALIGNMENT, 21);
  waits(11, pb::WAIT_OUTPUT, 21);
  waits(12, pb::WAIT_OUTPUT, 21);
  EXPECT_EQ(culprits(),
            Texts{"actor 21 (HashJoin <- Merge <- Merge of job q7, fragment 2, node 1): busy for 11.9 s (5 rows in, 6 out) held 5"});
  EXPECT_EQ(result().missing_actors_size(), 5);
  EXPECT_EQ(result().stage(), "collecting");
}

TEST_F(AwaitGraph, names_the_operator_at_work) {
  waits(21, pb::WAIT_NOTHING);
  said(1).mutable_actors(0)->set_at_work("HashJoin { type: inner }");
  EXPECT_EQ(
      culprits().front(),
      "actor 21 (HashJoin <- Merge <- Merge of job q7, fragment 2, node 1): busy in HashJoin { type: inner } for 11.9 s (5 rows in, 6 out) "
      "held 1");
}

TEST_F(AwaitGraph, shows_the_way_from_one_that_waits_to_the_culprit) {
  waits(11, pb::WAIT_STATE_READ);
  waits(21, pb::WAIT_INPUT);
  waits(31, pb::WAIT_ALIGNMENT, 21);
  const auto culprit = result().culprits(0);
  EXPECT_EQ(culprit.actor_id(), 11U);
  EXPECT_EQ(culprit.worker_id(), 1U);
  EXPECT_TRUE(culprit.text().ends_with("reads state for 11.9 s")) << culprit.text();
  EXPECT_EQ(Texts(culprit.path().begin(), culprit.path().end()),
            (Texts{"actor 31 (Materialize <- Merge of job q7, fragment 3, node 1): waits for the barrier from actor 21 for 11.9 s",
                   "actor 21 (HashJoin <- Merge <- Merge of job q7, fragment 2, node 1): waits for input for 11.9 s"}));
}

TEST_F(AwaitGraph, blames_the_silent_node_and_the_actor_on_it_that_others_wait_for) {
  world_.nodes[WorkerId{2}] = {.name = "node 2 (b:1), silent for 4.0 s", .said = std::nullopt, .problem = "node 2 did not answer for 2 s"};
  waits(31, pb::WAIT_ALIGNMENT, 22);
  waits(21, pb::WAIT_INPUT);
  EXPECT_EQ(culprits(), (Texts{"node 2 (b:1), silent for 4.0 s does not answer: node 2 did not answer for 2 s held 3",
                               "actor 12 (Source of job q7, fragment 1, node 2): its node does not answer held 1",
                               "actor 22 (HashJoin <- Merge <- Merge of job q7, fragment 2, node 2): its node does not answer held 1"}));
}

TEST_F(AwaitGraph, says_that_a_node_syncs_when_all_its_actors_have_collected) {
  waits(11, pb::WAIT_NOTHING);
  said(1).mutable_barriers(0)->clear_missing_actors();
  said(1).mutable_barriers(0)->set_state("syncing");
  auto& task = *said(1).add_tasks();
  task.set_what("sync of epoch 100 of graph 1");
  task.set_since_us(9'000'000);
  world_.databases[0].oldest->waiting = {WorkerId{1}};
  EXPECT_EQ(culprits(), Texts{"node 1 has collected the barrier and is syncing; sync of epoch 100 of graph 1 for 9.0 s held 1"});
  EXPECT_EQ(result().stage(), "syncing");
}

TEST_F(AwaitGraph, says_that_meta_commits_when_nobody_is_missing) {
  world_.databases[0].oldest->waiting.clear();
  world_.databases[0].oldest->committing = true;
  EXPECT_EQ(culprits(), Texts{});
  EXPECT_EQ(result().stage(), "committing");
  EXPECT_EQ(
      summary_line(result()),
      "dev: barrier 100 is 12.0 s old (committing), 0 of 6 actors have not collected it; meta's own store has not finished the commit");
}

TEST_F(AwaitGraph, ends_where_actors_wait_for_each_other_in_a_circle) {
  waits(21, pb::WAIT_OUTPUT, 31);
  waits(31, pb::WAIT_ALIGNMENT, 22);
  waits(22, pb::WAIT_OUTPUT, 21);
  ASSERT_EQ(culprits().size(), 3U);  // each chain ends where it began
  for (const std::string& culprit : culprits()) EXPECT_TRUE(culprit.ends_with("held 1")) << culprit;
}

TEST_F(AwaitGraph, says_so_when_an_actor_does_not_run_or_all_it_reads_from_have_passed_the_barrier) {
  said(1).mutable_barriers(0)->add_missing_actors(11);
  waits(32, pb::WAIT_INPUT);
  EXPECT_EQ(culprits(),
            (Texts{"actor 11 (Source of job q7, fragment 1, node 1): does not run: it is being built, or has ended held 1",
                   "actor 32 (Materialize <- Merge of job q7, fragment 3, node 2): waits for input for 11.9 s; all it reads from "
                   "have passed the barrier on held 1"}));
}

TEST_F(AwaitGraph, has_nothing_to_say_of_a_database_without_barriers) {
  world_.databases[0].oldest.reset();
  world_.databases[0].state = "blocked";
  world_.databases[0].reason = "lost node 2; waits for node 2";
  EXPECT_EQ(culprits(), Texts{});
  EXPECT_EQ(summary_line(result()), "dev: lost node 2; waits for node 2");
}

TEST_F(AwaitGraph, lists_the_actors_asked_for_and_all_nodes) {
  waits(11, pb::WAIT_NOTHING);
  waits(21, pb::WAIT_NOTHING);
  waits(22, pb::WAIT_NOTHING);
  const auto count = [&](AwaitFilter filter) {
    const auto tree = explain(world_, filter);
    EXPECT_EQ(tree.nodes_size(), 2);
    return tree.nodes(0).actors_size() + tree.nodes(1).actors_size();
  };
  EXPECT_EQ(count({}), 3);
  EXPECT_EQ(count({.worker = WorkerId{2}, .actor = {}}), 1);
  EXPECT_EQ(count({.worker = {}, .actor = ActorId{21}}), 1);
  EXPECT_EQ(count({.worker = WorkerId{2}, .actor = ActorId{21}}), 0);
  EXPECT_TRUE(explain(world_).nodes(0).actors(0).missing());
  EXPECT_EQ(explain(world_).nodes(0).actors(0).job(), "q7");
}

TEST_F(AwaitGraph, takes_what_makes_no_sense_without_falling) {
  world_.databases[0].oldest->waiting.push_back(WorkerId{9});  // nobody knows it
  said(1).mutable_barriers(0)->add_missing_actors(999);
  waits(31, pb::WAIT_ALIGNMENT, 888);
  auto& stray = *said(2).add_actors();
  stray.set_actor_id(777);
  stray.set_fragment_id(66);
  stray.set_wait(pb::WAIT_OUTPUT);
  said(2).mutable_barriers(0)->add_missing_actors(777);
  EXPECT_EQ(culprits(), (Texts{"actor 777 (not known to meta): output blocked by actor 0 for 0.0 s held 1",
                               "actor 888 (not known to meta): does not run: it is being built, or has ended held 1",
                               "actor 999 (not known to meta): does not run: it is being built, or has ended held 1",
                               "node 9 does not answer: it is not known held 1"}));
}

TEST(OperatorName, is_what_stands_before_the_braces) {
  EXPECT_EQ(operator_name("HashJoin { type: Inner }"), "HashJoin");
  EXPECT_EQ(operator_name("Union"), "Union");
  EXPECT_EQ(operator_name(""), "");
}

}  // namespace
}  // namespace penstock::meta
