// What becomes of commands, jobs and nodes when the graph fails, and how it comes back.
#include "unit/meta/checkpoint_fixture.h"

namespace penstock::meta {
namespace {

using testing::CheckpointControlTest;

TEST_F(CheckpointControlTest, commands_and_flushes_wait_while_it_recovers) {
  with_running_table();
  world_.add(testing::table("u", 2));
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    create 2       =>
    flush 7        =>
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..2 a1 t1 b1, 2:initial 0..2 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 2..3 a1,3 t1 b3 +add, 2:checkpoint 2..3 a2,4 t1 b4 +add
    collect 1      =>
    collect 2      => commit 2
    commit         => 1:committed 2, 2:committed 2, flushed 7 at 2, created 2
  )");
}

TEST_F(CheckpointControlTest, a_flush_whose_barrier_died_runs_again_in_the_next_term) {
  with_running_table();
  run(R"(
    @100 flush 7   => 1:checkpoint 1..100 a1 t1, 2:checkpoint 1..100 a2 t1
    collect 1      =>
    fail 2 2       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..101 a1 t1 b1, 2:initial 0..101 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 101..102 a1 t1, 2:checkpoint 101..102 a2 t1
    collect 1      =>
    collect 2      => commit 101
    commit         => 1:committed 101, 2:committed 101, flushed 7 at 101
  )");
}

TEST_F(CheckpointControlTest, backs_off_after_failures_in_a_row_but_not_before_the_first_attempt) {
  with_running_table();
  std::vector<double> delays;
  int64_t at = 0;
  for (int i = 0; i < 12; ++i) {
    world_.apply({"fail", "1", "0"});  // of no job
    world_.apply({"reset", "1"});
    std::string effects = world_.apply({"reset", "2"});
    const int64_t from = at;
    while (effects.find("initial") == std::string::npos) {
      ASSERT_LT(at - from, 6000);
      effects = world_.apply({fmt::format("@{}", ++at), "tick"});
    }
    delays.push_back(static_cast<double>(at - from));
  }
  EXPECT_EQ(delays[0], 0);
  for (size_t i = 1; i < delays.size(); ++i) {
    const double most = std::min(20.0 * (1 << (i - 1)), 5000.0);
    EXPECT_LE(delays[i], most + 1) << i;
    EXPECT_GE(delays[i], most * 0.75) << i;
  }
}

TEST_F(CheckpointControlTest, a_job_that_fails_the_graph_again_and_again_is_left_out_with_all_that_read_it) {
  with_running_table();
  world_.add(testing::view_on("v", 1));
  run(R"(
    create 2       => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..2 a1 t1 +add, 2:checkpoint 1..2 a2 t1 +add, 1/2:checkpoint 1..2 a3 b3 +add, 2/2:checkpoint 1..2 a4 b4 +add
    collect 1 done=3 =>
    collect 2 done=4 => commit 1
    commit         => 1:committed 1 with 2, 2:committed 1 with 2, created 2, 1/2:merge 2, 2/2:merge 2
  )");
  int64_t at = 10;
  for (int i = 0; i < 4; ++i) {
    world_.apply({"fail", "1", "3"});
    world_.apply({"reset", "1"});
    std::string effects = world_.apply({"reset", "2"});
    while (effects.find("initial") == std::string::npos) effects = world_.apply({fmt::format("@{}", ++at), "tick"});
  }
  run(R"(
    fail 1 3       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => quarantine 2, term ended at 1
    @9000 tick     =>
    quarantined 2  => 1:create(1), 2:create(1), 1:initial 1..9000 a1 t1 b1, 2:initial 1..9000 a2 t1 b2
    collect 1      =>
    collect 2      => 1:checkpoint 9000..9001 a1 t1, 2:checkpoint 9000..9001 a2 t1
  )");
  EXPECT_EQ(world_.model().object(ObjectId{2})->state(), pb::JOB_QUARANTINED);
  EXPECT_EQ(testing::ControlWorld::show(world_.model().object(ObjectId{2})->stale_since()), 1);
  run("drop 2 =>");
}

TEST_F(CheckpointControlTest, errors_that_may_pass_are_borne_for_half_a_minute_and_consequences_of_others_for_ever) {
  with_running_table();
  const auto quarantined_after = [&](const std::string& score) {
    const int64_t from = world_.now().mono.nanos / 1'000'000;
    int64_t at = from;
    while (at - from < 120'000) {
      world_.apply({"fail", "1", "1", score});
      world_.apply({"reset", "1"});
      std::string effects = world_.apply({"reset", "2"});
      if (effects.find("quarantine 1") != std::string::npos) break;
      while (effects.find("initial") == std::string::npos) effects = world_.apply({fmt::format("@{}", ++at), "tick"});
    }
    return at - from;
  };
  EXPECT_GE(quarantined_after("10"), 120'000);
  const int64_t borne = quarantined_after("50");
  EXPECT_GE(borne, 30'000);
  EXPECT_LE(borne, 36'000);
}

TEST_F(CheckpointControlTest, failures_far_apart_do_not_add_up_to_quarantine) {
  with_running_table();
  for (int i = 1; i <= 8; ++i) {
    world_.apply({fmt::format("@{}", i * 20'000), "tick"});
    world_.apply({"fail", "1", "1"});
    world_.apply({"reset", "1"});
    ASSERT_NE(world_.apply({"reset", "2"}).find("initial"), std::string::npos) << i;
    world_.apply({"collect", "1"});
    world_.apply({"collect", "2"});
  }
}

TEST_F(CheckpointControlTest, does_not_back_off_when_a_node_was_lost) {
  with_running_table();
  for (int i = 0; i < 5; ++i) {
    world_.apply({"lost", "2"});
    world_.apply({"reset", "1"});
    EXPECT_NE(world_.apply({"ready", "2"}).find("initial"), std::string::npos);
    world_.apply({"collect", "1"});
    EXPECT_NE(world_.apply({"collect", "2"}).find("checkpoint"), std::string::npos);
  }
}

TEST_F(CheckpointControlTest, what_a_node_says_of_an_ended_term_changes_nothing) {
  with_running_table();
  const GraphTerm old_term = world_.control().graph();
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..2 a1 t1 b1, 2:initial 0..2 a2 t1 b2
  )");
  BarrierCompleted complete{WorkerId{1}, {}};
  to_pb(old_term, complete.report.mutable_graph());
  complete.report.set_kind(pb::BARRIER_INITIAL);
  EXPECT_EQ(world_.handle(complete), "");
  EXPECT_EQ(world_.handle(GraphFailed{WorkerId{1}, old_term, {}}), "");
  EXPECT_EQ(world_.handle(GraphReset{WorkerId{1}, old_term, std::nullopt}), "");
  EXPECT_EQ(world_.control().stale_events(), 3U);
  run(R"(
    collect 1      =>
    collect 2      => 1:checkpoint 2..3 a1 t1, 2:checkpoint 2..3 a2 t1
  )");
}

TEST_F(CheckpointControlTest, a_node_that_completes_what_it_does_not_owe_fails_the_graph) {
  with_running_table();
  BarrierCompleted complete{WorkerId{1}, {}};
  to_pb(world_.control().graph(), complete.report.mutable_graph());
  complete.report.set_epoch(99);
  complete.report.set_kind(pb::BARRIER_CHECKPOINT);
  EXPECT_EQ(world_.handle(complete), "1:reset, 2:reset");
}

TEST_F(CheckpointControlTest, a_node_that_does_not_answer_a_reset_is_disconnected) {
  with_running_table();
  run(R"(
    fail 1 1       => 1:reset, 2:reset
    reset 1        =>
    @9999 tick     =>
    @10000 tick    => disconnect 2
    lost 2         => term ended at 0, 1:create(0)
  )");
}

TEST_F(CheckpointControlTest, a_node_that_fails_while_an_attempt_waits_for_an_epoch_is_not_left_with_a_graph_that_takes_none) {
  with_running_table();
  world_.epochs() = EpochGenerator(testing::ControlWorld::kEpochZero + 500);
  run(R"(
    @1000 fail 1 0 => 1:reset, 2:reset
    reset 1        =>
    reset 2        => term ended at 0, 1:create(0), 2:create(0), lease
    fail 1 0       => 1:reset, 2:reset
  )");
  world_.epochs().on_leased(testing::ControlWorld::kEpochZero + 10'000);
  run(R"(
    tick           =>
    reset 1        =>
    reset 2        => term ended at 0
    @2000 tick     => 1:create(0), 2:create(0), 1:initial 0..2000 a1 t1 b1, 2:initial 0..2000 a2 t1 b2
  )");
}

TEST_F(CheckpointControlTest, a_restarted_meta_goes_on_from_the_committed_epoch_in_a_new_term) {
  with_running_table();
  run(R"(
    @1000 tick     => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 seg=4 =>
    collect 2      => commit 1
    commit         => 1:committed 1, 2:committed 1
  )");
  const Term before = world_.control().graph().term;
  world_.restart();
  run(R"(
    ready 1        => 1:create(1)[s4]
    ready 2        => 2:create(1), 1:initial 1..1001 a1 t1 b1, 2:initial 1..1001 a2 t1 b2
  )");
  EXPECT_GT(world_.control().graph().term, before);
}

}  // namespace
}  // namespace penstock::meta
