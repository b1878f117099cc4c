// Backfills that come after others of their job.
#include <gtest/gtest.h>

#include <random>

#include "meta/barrier/checkpoint_control.h"
#include "unit/meta/control_world.h"
#include "unit/meta/fake_cluster.h"

namespace penstock::meta {
namespace {

/// Two nodes, tables 1 (dim) and 2 (fact) with an actor on each. View 3 joins them: fragment 3 backfills from dim with actors 5 and 6,
/// fragment 4 from fact with 7 and 8, fragment 5 joins with 9 and 10.
class BackfillOrderTest : public ::testing::Test {
 protected:
  void begin(const pb::CreateObjectRequest& view, CheckpointControl::Options options = {.command_patience = {}}) {
    world_ = std::make_unique<testing::ControlWorld>(options);
    world_->begin_with_table(2);
    world_->add(testing::table("fact"));
    apply("create 2");
    settle();
    world_->add(view);
  }
  void begin_fact_after_dim(CheckpointControl::Options options = {.command_patience = {}}) {
    begin(testing::join_on("v", {1, 2}, {{1, 0}}), options);
  }
  std::string apply(const std::string& line) { return world_->apply(::penstock::testing::split_words(line)); }
  void run(std::string_view script) { world_->run(script); }
  void settle() {
    for (int i = 0; i < 6; ++i) {
      apply("collect 1");
      apply("collect 2");
      apply("commit");
    }
  }

  /// The view's first checkpoint is committed.
  void create_and_commit() {
    for (const char* line : {"create 3", "collect 1", "collect 2", "commit"}) apply(line);
  }
  /// What begins with the commit of the next barrier, if the nodes report these actors in it.
  std::string started_after(const std::string& first, const std::string& second) {
    apply(fmt::format("@{} tick", at_ += 2000));
    settle();
    apply(fmt::format("@{} tick", at_ += 2000));
    apply("collect 1 " + first);
    apply("collect 2 " + second);
    const std::string effects = apply("commit");
    const size_t found = effects.find("+start");
    return found == std::string::npos ? "" : effects.substr(found, effects.find(", ", found) - found);
  }

  static constexpr ObjectId kView{3};
  std::unique_ptr<testing::ControlWorld> world_;
  int64_t at_ = 0;
};

TEST_F(BackfillOrderTest, one_begins_by_a_barrier_after_the_commit_that_says_all_actors_before_it_are_done) {
  begin_fact_after_dim();
  run(R"(
    create 3              => 1/3:create(1), 2/3:create(1), 1/3:initial 1..2, 2/3:initial 1..2, 1:checkpoint 2..3 a1,3 t1,2 +add, 2:checkpoint 2..3 a2,4 t1,2 +add, 1/3:checkpoint 2..3 a5,7,9 b5,7,9 +add waits4, 2/3:checkpoint 2..3 a6,8,10 b6,8,10 +add waits4
    collect 1             =>
    collect 2             => commit 2
    commit                => 1:committed 2 with 3, 2:committed 2 with 3
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    collect 2             => commit 3
    commit                => 1:committed 3 with 3, 2:committed 3 with 3
    @1100 tick            => 1:checkpoint 100..1100 a1,3 t1,2, 2:checkpoint 100..1100 a2,4 t1,2, 1/3:checkpoint 100..1100 a5,7,9 t4,5,3, 2/3:checkpoint 100..1100 a6,8,10 t4,5,3
    collect 1             =>
    collect 2 done=6      => commit 100
    commit                => 1:committed 100 with 3, 2:committed 100 with 3, 1:checkpoint 1100..1101 a1,3 t1,2 +start4, 2:checkpoint 1100..1101 a2,4 t1,2 +start4, 1/3:checkpoint 1100..1101 a5,7,9 t4,5,3 +start4, 2/3:checkpoint 1100..1101 a6,8,10 t4,5,3 +start4
    collect 1             =>
    collect 2             => commit 1100
    commit                => 1:committed 1100 with 3, 2:committed 1100 with 3
    @1121 tick            => 1:checkpoint 1101..1121 a1,3 t1,2, 2:checkpoint 1101..1121 a2,4 t1,2, 1/3:checkpoint 1101..1121 a5,7,9 t4,5,3, 2/3:checkpoint 1101..1121 a6,8,10 t4,5,3
    collect 1 done=7      =>
    collect 2 done=8      => commit 1101
    commit                => 1:committed 1101 with 3, 2:committed 1101 with 3, created 3, 1/3:merge 1121, 2/3:merge 1121
  )");
}

TEST_F(BackfillOrderTest, what_waits_says_for_what_until_it_begins) {
  begin_fact_after_dim();
  create_and_commit();
  EXPECT_EQ(world_->control().backfills_waiting(kView), "the backfill of fact waits for the backfill of t");
  EXPECT_EQ(world_->control().backfill_waits_for(kView, FragmentId{4}), "t");
  EXPECT_EQ(world_->control().backfill_waits_for(kView, FragmentId{3}), "");
  run(R"(
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    collect 2 done=6      => commit 3
    commit                => 1:committed 3 with 3, 2:committed 3 with 3, 1:checkpoint 100..101 a1,3 t1,2 +start4, 2:checkpoint 100..101 a2,4 t1,2 +start4, 1/3:checkpoint 100..101 a5,7,9 t4,5,3 +start4, 2/3:checkpoint 100..101 a6,8,10 t4,5,3 +start4
  )");
  EXPECT_EQ(world_->control().backfills_waiting(kView), "");
}

TEST_F(BackfillOrderTest, what_no_commit_says_is_done_is_waited_for_again_after_a_failure) {
  begin_fact_after_dim();
  create_and_commit();
  run(R"(
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    fail 1 1              => 1:reset+3, 2:reset+3
    reset 1               =>
    reset 2               => term ended at 2, 1:create(2), 2:create(2), 1/3:create(2), 2/3:create(2), 1:initial 2..101 a1,3 t1,2 b1,3, 2:initial 2..101 a2,4 t1,2 b2,4, 1/3:initial 2..101 a5,7,9 t4,5,3 b5,7,9 waits4, 2/3:initial 2..101 a6,8,10 t4,5,3 b6,8,10 waits4
    collect 1 done=5      =>
    collect 2 done=6      => 1:checkpoint 101..102 a1,3 t1,2, 2:checkpoint 101..102 a2,4 t1,2, 1/3:checkpoint 101..102 a5,7,9 t4,5,3, 2/3:checkpoint 101..102 a6,8,10 t4,5,3
    collect 1             =>
    collect 2             => commit 101
    commit                => 1:committed 101 with 3, 2:committed 101 with 3, 1:checkpoint 102..103 a1,3 t1,2 +start4, 2:checkpoint 102..103 a2,4 t1,2 +start4, 1/3:checkpoint 102..103 a5,7,9 t4,5,3 +start4, 2/3:checkpoint 102..103 a6,8,10 t4,5,3 +start4
  )");
}

TEST_F(BackfillOrderTest, a_failure_between_the_commit_and_the_barrier_that_begins_it_loses_no_start) {
  begin_fact_after_dim();
  create_and_commit();
  run(R"(
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    collect 2 done=6      => commit 3
    commit                => 1:committed 3 with 3, 2:committed 3 with 3, 1:checkpoint 100..101 a1,3 t1,2 +start4, 2:checkpoint 100..101 a2,4 t1,2 +start4, 1/3:checkpoint 100..101 a5,7,9 t4,5,3 +start4, 2/3:checkpoint 100..101 a6,8,10 t4,5,3 +start4
    collect 1             =>
    fail 2 2              => 1:reset+3, 2:reset+3
    reset 1               =>
    reset 2               => term ended at 3, 1:create(3), 2:create(3), 1/3:create(3), 2/3:create(3), 1:initial 3..102 a1,3 t1,2 b1,3, 2:initial 3..102 a2,4 t1,2 b2,4, 1/3:initial 3..102 a5,7,9 t4,5,3 b5,7,9, 2/3:initial 3..102 a6,8,10 t4,5,3 b6,8,10
    collect 1             =>
    collect 2             => 1:checkpoint 102..103 a1,3 t1,2, 2:checkpoint 102..103 a2,4 t1,2, 1/3:checkpoint 102..103 a5,7,9 t4,5,3, 2/3:checkpoint 102..103 a6,8,10 t4,5,3
  )");
}

TEST_F(BackfillOrderTest, a_commit_that_ends_in_a_failure_counts) {
  begin_fact_after_dim();
  create_and_commit();
  run(R"(
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    collect 2 done=6      => commit 3
    fail 2 2              =>
    commit                => 1:committed 3 with 3, 2:committed 3 with 3, 1:reset+3, 2:reset+3
    reset 1               =>
    reset 2               => term ended at 3, 1:create(3), 2:create(3), 1/3:create(3), 2/3:create(3), 1:initial 3..101 a1,3 t1,2 b1,3, 2:initial 3..101 a2,4 t1,2 b2,4, 1/3:initial 3..101 a5,7,9 t4,5,3 b5,7,9, 2/3:initial 3..101 a6,8,10 t4,5,3 b6,8,10
  )");
}

TEST_F(BackfillOrderTest, a_restart_of_meta_finds_in_its_store_what_waits_and_what_does_not) {
  begin_fact_after_dim();
  create_and_commit();
  world_->restart();
  run(R"(
    ready 1               => 1:create(2)
    ready 2               => 2:create(2), 1/3:create(2), 2/3:create(2), 1:initial 2..4 a1,3 t1,2 b1,3, 2:initial 2..4 a2,4 t1,2 b2,4, 1/3:initial 2..4 a5,7,9 t4,5,3 b5,7,9 waits4, 2/3:initial 2..4 a6,8,10 t4,5,3 b6,8,10 waits4
    collect 1 done=5      =>
    collect 2 done=6      => 1:checkpoint 4..5 a1,3 t1,2, 2:checkpoint 4..5 a2,4 t1,2, 1/3:checkpoint 4..5 a5,7,9 t4,5,3, 2/3:checkpoint 4..5 a6,8,10 t4,5,3
    collect 1             =>
    collect 2             => commit 4
    commit                => 1:committed 4 with 3, 2:committed 4 with 3, 1:checkpoint 5..6 a1,3 t1,2 +start4, 2:checkpoint 5..6 a2,4 t1,2 +start4, 1/3:checkpoint 5..6 a5,7,9 t4,5,3 +start4, 2/3:checkpoint 5..6 a6,8,10 t4,5,3 +start4
  )");
  world_->restart();
  run(R"(
    ready 1               => 1:create(4)
    ready 2               => 2:create(4), 1/3:create(4), 2/3:create(4), 1:initial 4..7 a1,3 t1,2 b1,3, 2:initial 4..7 a2,4 t1,2 b2,4, 1/3:initial 4..7 a5,7,9 t4,5,3 b5,7,9, 2/3:initial 4..7 a6,8,10 t4,5,3 b6,8,10
  )");
}

TEST_F(BackfillOrderTest, a_job_that_fails_alone_and_begins_again_waits_again) {
  begin_fact_after_dim();
  create_and_commit();
  run(R"(
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    collect 2 done=6      => commit 3
    commit                => 1:committed 3 with 3, 2:committed 3 with 3, 1:checkpoint 100..101 a1,3 t1,2 +start4, 2:checkpoint 100..101 a2,4 t1,2 +start4, 1/3:checkpoint 100..101 a5,7,9 t4,5,3 +start4, 2/3:checkpoint 100..101 a6,8,10 t4,5,3 +start4
    fail 2 8 50 3         => 1:reset3, 2:reset3, 1:checkpoint 101..102 a1,3 t1,2 +stop, 2:checkpoint 101..102 a2,4 t1,2 +stop
    reset 1               =>
    reset 2               =>
    @500 tick             =>
    collect 1             =>
    collect 2             => commit 100
  )");
  const std::string again = apply("commit");
  EXPECT_NE(again.find("b11,13,15 +add waits4"), std::string::npos) << again;
}

TEST_F(BackfillOrderTest, a_job_that_is_dropped_while_it_waits_is_gone) {
  begin_fact_after_dim();
  create_and_commit();
  run(R"(
    @100 tick             => 1:checkpoint 3..100 a1,3 t1,2, 2:checkpoint 3..100 a2,4 t1,2, 1/3:checkpoint 3..100 a5,7,9 t4,5,3, 2/3:checkpoint 3..100 a6,8,10 t4,5,3
    collect 1 done=5      =>
    collect 2 done=6      => commit 3
    drop 3                => 1:checkpoint 100..101 a1,3 t1,2 +stop, 2:checkpoint 100..101 a2,4 t1,2 +stop
    commit                => 1:committed 3 with 3, 2:committed 3 with 3, 1:reset3, 2:reset3
  )");
}

TEST_F(BackfillOrderTest, it_shares_its_barrier_with_commands_that_wait) {
  begin_fact_after_dim({});
  world_->add(testing::table("u", 1));
  create_and_commit();
  apply("@100 tick");
  apply("collect 1 done=5");
  apply("collect 2 done=6");
  EXPECT_EQ(apply("create 4").find("+start"), std::string::npos) << "nothing is durable";
  const std::string both = apply("commit");
  EXPECT_EQ(both.find("+start"), std::string::npos) << "the creation has just gone out: " << both;
  apply("collect 1");
  EXPECT_NE(apply("collect 2").find("+start4"), std::string::npos) << "with the next one, once that is collected";
}

TEST_F(BackfillOrderTest, each_of_a_chain_waits_for_the_one_before_it) {
  begin(testing::join_on("v", {1, 2, 1}, {{1, 0}, {2, 1}}));
  create_and_commit();
  EXPECT_EQ(world_->control().backfills_waiting(kView),
            "the backfill of fact waits for the backfill of t; the backfill of t waits for the backfill of fact");
  EXPECT_EQ(started_after("done=5", "done=6"), "+start4");
  EXPECT_EQ(started_after("done=7", ""), "");
  EXPECT_EQ(started_after("", "done=8"), "+start5");
}

TEST_F(BackfillOrderTest, several_begin_together_and_one_waits_for_several) {
  begin(testing::join_on("v", {1, 2, 1, 2}, {{1, 0}, {2, 0}, {3, 1}, {3, 2}}));
  create_and_commit();
  EXPECT_EQ(started_after("done=5", "done=6"), "+start4,5");
  EXPECT_EQ(started_after("done=7", "done=8"), "");
  EXPECT_EQ(started_after("done=9", "done=10"), "+start6");
}

TEST_F(BackfillOrderTest, what_is_done_between_checkpoints_asks_for_one_if_others_wait_for_it) {
  begin_fact_after_dim({.schedule = {.checkpoint_frequency = 100}, .command_patience = {}});
  create_and_commit();
  apply("@9000 tick");
  settle();
  EXPECT_EQ(apply("@10000 tick").substr(0, 9), "1:barrier");
  apply("collect 1 done=5");
  EXPECT_EQ(apply("collect 2"), "");
  EXPECT_EQ(apply("@10100 tick"), "") << "one of the two actors is not done";
  EXPECT_EQ(apply("@11000 tick").substr(0, 9), "1:barrier");
  apply("collect 1");
  EXPECT_EQ(apply("collect 2 done=6").substr(0, 12), "1:checkpoint");
}

TEST_F(BackfillOrderTest, as_long_as_one_reads_barriers_come_each_time_another_quarter_of_the_time_has_passed) {
  begin_fact_after_dim({.schedule = {.interval = std::chrono::seconds(60)}, .command_patience = {}});
  create_and_commit();
  std::vector<int64_t> asked;
  const auto look = [&](int64_t until) {
    asked.clear();
    for (int64_t at = world_->now().mono.nanos / 1'000'000 + 1; at <= until; ++at) {
      if (apply(fmt::format("@{} tick", at)).empty()) continue;
      asked.push_back(at);
      settle();
    }
  };
  look(1000);
  ASSERT_GE(asked.size(), 10U);
  EXPECT_LE(asked.size(), 25U);
  EXPECT_LE(asked[0], 21);
  for (size_t i = 1; i < asked.size(); ++i) EXPECT_LE(asked[i] - asked[i - 1], std::max<int64_t>(41, asked[i - 1] / 3)) << asked[i];
  EXPECT_LE(world_->control().next_wake()->nanos / 1'000'000, asked.back() * 5 / 4 + 21);
  apply("pause 3");
  settle();
  look(4000);
  EXPECT_TRUE(asked.empty()) << "a user holds it";
}

TEST(BackfillPlan, one_that_waits_for_itself_or_for_what_has_no_backfill_is_refused) {
  const auto refusal = [](const std::vector<std::pair<uint32_t, uint32_t>>& after) {
    pb::JobRecord record;
    record.set_name("v");
    *record.mutable_graph() = testing::join_on("v", {1, 2, 3}, after).graph();
    const auto made = JobPlan::make(std::move(record));
    return made.has_error() ? made.error().message() : "";
  };
  EXPECT_EQ(refusal({{1, 0}, {2, 1}, {2, 0}}), "");
  EXPECT_EQ(refusal({{1, 1}}), "plan of v: the backfill of fragment 1 waits for itself");
  EXPECT_EQ(refusal({{0, 1}, {1, 2}, {2, 0}}), "plan of v: the backfill of fragment 0 waits for itself");
  EXPECT_EQ(refusal({{0, 3}}), "plan of v: fragment 0 comes after the backfill of 3; one of them has none");
  EXPECT_EQ(refusal({{0, 9}}), "plan of v: fragment 0 comes after the backfill of 9; one of them has none");
}

/// Views whose backfills wait are created while anything dies.
class BackfillOrderSoak : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, BackfillOrderSoak, ::testing::Range<uint64_t>(1, 31));

TEST_P(BackfillOrderSoak, whatever_dies_each_backfill_begins_in_the_end) {
  testing::FakeCluster cluster(GetParam(), 3);
  cluster.network().set_delay(std::chrono::microseconds(50), std::chrono::milliseconds(5));
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(cluster.create(testing::table(name, 3)).has_value());
  cluster.ledger().backfill_barriers = 8;
  std::mt19937_64 random(GetParam());
  for (int step = 0; step < 20; ++step) {
    const std::vector<std::pair<uint32_t, uint32_t>> chain = {{1, 0}, {2, 1}}, fan = {{2, 0}, {2, 1}};
    if (step % 5 == 0) cluster.send("CreateObject", testing::join_on(fmt::format("v{}", step), {1, 2, 3}, random() % 2 == 0 ? chain : fan));
    cluster.sim().run_for(std::chrono::milliseconds(random() % 1500));
    const size_t i = random() % 3;
    switch (random() % 5) {
      case 0:
        cluster.kill_compute(i);
        break;
      case 1:
        cluster.kill_meta();
        cluster.start_meta();
        break;
      case 2:
        if (cluster.has_compute(i)) cluster.compute(i).fail_creating(50);
        break;
      case 3:
        if (cluster.has_compute(i)) cluster.compute(i).hold(random() % 2 == 0);
        break;
      default:
        if (cluster.has_compute(i)) cluster.compute(i).send_failure(1'000'000, "chaos");  // nobody's, so nobody is quarantined
    }
    for (size_t c = 0; c < 3; ++c) {
      if (!cluster.has_compute(c) && random() % 2 == 0) cluster.start_compute(c);
    }
  }
  for (size_t c = 0; c < 3; ++c) {
    if (!cluster.has_compute(c)) cluster.start_compute(c);
    cluster.compute(c).hold(false);
  }
  cluster.sim().run_for(std::chrono::seconds(60));
  ASSERT_TRUE(cluster.flush().has_value()) << cluster.inspect();
  const MetaModel model = cluster.durable();
  EXPECT_GT(model.objects().size(), 3U);
  for (const auto& [id, object] : model.objects()) EXPECT_EQ(object.state(), pb::JOB_CREATED) << object.name() << "\n" << cluster.inspect();
  EXPECT_GT(cluster.ledger().backfills_started, 0U);
}

}  // namespace
}  // namespace penstock::meta
