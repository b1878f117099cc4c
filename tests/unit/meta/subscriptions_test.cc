// Subscriptions: what is durable, what barriers say, what actors are built for.
#include <gtest/gtest.h>

#include "meta/catalog/alter.h"
#include "meta/catalog/rebuild.h"
#include "meta/catalog/subscriptions.h"
#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

/// One node. Table 1 (actor 1, table 1), view 2 on it (actor 2, tables 2 and 3). Both are created; the clock is at 2000, where the last
/// barrier ended, and its epoch, which began at 1000, is committed.
class SubscriptionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.start_clock();
    world_.nodes(1);
    world_.start();
    world_.add(testing::table("t", 1));
    world_.apply({"ready", "1"});
    create("1");
    world_.add(testing::view_on("v", 1));
    create("2");
    for (const int64_t at : {1000, 2000}) {
      world_.apply({fmt::format("@{}", at), "tick"});
      settle();
    }
    for (const uint32_t job : {1U, 2U}) ASSERT_EQ(object(job).state(), pb::JOB_CREATED) << job;
    ASSERT_EQ(testing::ControlWorld::show(world_.control().committed()), 1000);
  }
  void run(std::string_view script) { world_.run(script); }
  void settle() {
    for (int i = 0; i < 10; ++i) {
      world_.apply({"collect", "1", "done=2"});
      world_.apply({"commit"});
    }
  }
  void create(const std::string& job) {
    world_.apply({"create", job});
    settle();
  }
  const pb::CatalogObject& object(uint32_t id) { return *world_.model().object(ObjectId{id}); }
  int64_t since(uint32_t id) { return testing::ControlWorld::show(object(id).log_since()); }
  uint32_t log_of(uint32_t job) { return world_.model().job(ObjectId{job})->record().log_table(); }
  std::vector<uint32_t> dropped_tables() {
    const auto& tables = world_.last_sent(1).commit_epoch().dropped_tables();
    return {tables.begin(), tables.end()};
  }
  void must_apply(const Txn& txn) { ASSERT_TRUE(world_.model().apply(txn).has_value()); }
  Error refused(const pb::CreateObjectRequest& request) {
    auto plan = catalog::plan_create(world_.model(), request, {}, 0);
    EXPECT_TRUE(plan.has_error());
    return plan.error();
  }

  testing::ControlWorld world_{{.command_patience = {}}};  // no change waits for others to share its barrier
};

TEST_F(SubscriptionsTest, begins_with_a_barrier_and_is_usable_behind_the_epoch_that_this_commits) {
  run("subscribe s 2 500 => 1:checkpoint 2000..2001 a1,2 t1,2,3,4 +subscribe 3 of 2 t4/500");
  EXPECT_EQ(since(3), 0);
  run(R"(
    collect 1 => commit 2000
    commit    => 1:committed 2000
  )");
  EXPECT_EQ(since(3), 2000);
  EXPECT_EQ(log_of(2), 4U);
  EXPECT_EQ(object(3).log_table(), 4U);
  run("tick =>");
}

TEST_F(SubscriptionsTest, share_the_log_of_their_job_which_goes_with_the_last_of_them) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  run("subscribe r 2 900 => 1:checkpoint 2001..2002 a1,2 t1,2,3,4 +subscribe 4 of 2 t4/900");
  settle();
  EXPECT_EQ(since(4), 2001);
  run(R"(
    unsubscribe 3 => 1:checkpoint 2002..2003 a1,2 t1,2,3,4 -subscribe 3 of 2
    collect 1     => commit 2002
    commit        => 1:committed 2002
  )");
  EXPECT_TRUE(dropped_tables().empty());
  run(R"(
    unsubscribe 4 => 1:checkpoint 2003..2004 a1,2 t1,2,3 -subscribe 4 of 2
    collect 1     => commit 2003
    commit        => 1:committed 2003
  )");
  EXPECT_EQ(dropped_tables(), std::vector<uint32_t>{4});
  EXPECT_EQ(log_of(2), 0U);
  run("subscribe s 2 500 => 1:checkpoint 2004..2005 a1,2 t1,2,3,5 +subscribe 5 of 2 t5/500");
}

TEST_F(SubscriptionsTest, one_that_comes_and_one_that_goes_share_a_barrier) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  must_apply((catalog::plan_drop(world_.model(), ObjectId{3}, false).value().txn));
  run("subscribe r 2 900 => 1:checkpoint 2001..2002 a1,2 t1,2,3,5 -subscribe 3 of 2 +subscribe 4 of 2 t5/900");
  run(R"(
    collect 1 => commit 2001
    commit    => 1:committed 2001
  )");
  EXPECT_EQ(dropped_tables(), std::vector<uint32_t>{4});
}

TEST_F(SubscriptionsTest, a_pause_that_shares_their_barrier_names_its_actors) {
  world_.add(testing::subscription("s", 2, 500));
  run("pause => 1:checkpoint 2000..2001 a1,2 t1,2,3,4 +subscribe 3 of 2 t4/500 +pause1,2");
}

TEST_F(SubscriptionsTest, whose_barrier_dies_is_built_into_the_actors_and_usable_behind_their_first_checkpoint) {
  world_.apply({"subscribe", "s", "2", "500"});
  world_.apply({"fail", "1", "2", "10"});
  run(R"(
    reset 1   => term ended at 1000, 1:create(1000), 1:initial 1000..2002 a1,2 t1,2,3,4 b1,2 reads 3
  )");
  EXPECT_EQ(since(3), 0);
  run(R"(
    collect 1 => 1:checkpoint 2002..2003 a1,2 t1,2,3,4
    collect 1 => commit 2002
    commit    => 1:committed 2002
  )");
  EXPECT_EQ(since(3), 2002);
}

TEST_F(SubscriptionsTest, stays_where_it_began_through_a_restart_of_meta) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  ASSERT_EQ(since(3), 2000);
  world_.restart();
  const std::string effects = world_.apply({"ready", "1"});
  EXPECT_NE(effects.find(" reads 3"), std::string::npos) << effects;
  settle();
  EXPECT_EQ(since(3), 2000);
}

TEST_F(SubscriptionsTest, that_is_dropped_while_the_database_recovers_is_built_for_nobody) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  world_.apply({"fail", "1", "2", "10"});
  world_.apply({"unsubscribe", "3"});
  run("reset 1 => term ended at 2000, 1:create(2000), 1:initial 2000..2002 a1,2 t1,2,3 b1,2");
}

TEST_F(SubscriptionsTest, goes_with_its_view_and_keeps_it_otherwise) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  const auto kept = catalog::plan_drop(world_.model(), ObjectId{2}, false);
  ASSERT_TRUE(kept.has_error());
  EXPECT_EQ(kept.error().code(), Code::DependentObjects);
  EXPECT_EQ(kept.error().detail(), "subscription s depends on materialized view v");
  run(R"(
    drop 2    => 1:checkpoint 2001..2002 a1,2 t1,2,3,4 +stop
    collect 1 => commit 2001
    commit    => 1:committed 2001
  )");
  EXPECT_EQ(dropped_tables(), (std::vector<uint32_t>{2, 3, 4}));
  EXPECT_EQ(world_.model().object(ObjectId{3}), nullptr);
}

TEST_F(SubscriptionsTest, of_a_view_that_begins_anew_begins_anew_as_well) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  must_apply((catalog::plan_quarantine(world_.model(), ObjectId{2}, "it fails")));
  ASSERT_TRUE(world_.model().apply(catalog::plan_rebuild(world_.model(), ObjectId{2}).value().txn).has_value());
  EXPECT_EQ(object(3).log_since(), 0U);
  EXPECT_GT(object(3).log_table(), 4U);
  EXPECT_EQ(object(3).log_table(), log_of(2));
  const auto tables = world_.model().job(ObjectId{2})->tables();
  EXPECT_TRUE(std::ranges::is_sorted(tables));
  EXPECT_EQ(std::set(tables.begin(), tables.end()).size(), 3U);
}

TEST_F(SubscriptionsTest, is_of_a_table_or_view_that_is_there_and_needs_a_retention) {
  world_.apply({"subscribe", "s", "2", "500"});
  settle();
  EXPECT_EQ(refused(testing::subscription("r", 2, 0)).code(), Code::InvalidParameter);
  EXPECT_EQ(refused(testing::subscription("r", 3, 500)).code(), Code::WrongObjectType);
  EXPECT_EQ(refused(testing::subscription("r", 99, 500)).code(), Code::UndefinedObject);
  EXPECT_EQ(refused(testing::subscription("v", 2, 500)).code(), Code::DuplicateTable);
  auto of_nothing = testing::subscription("r", 2, 500);
  of_nothing.mutable_object()->clear_depends_on();
  EXPECT_EQ(refused(of_nothing).code(), Code::WrongObjectType);
  EXPECT_EQ(refused(testing::table("s")).code(), Code::DuplicateTable);
}

}  // namespace
}  // namespace penstock::meta
