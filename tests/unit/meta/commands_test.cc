// Commands on a whole meta with computes that check every message: also killed between any two steps.
#include <gtest/gtest.h>

#include "unit/meta/fake_cluster.h"
#include "unit/meta/plans.h"

namespace penstock::meta {
namespace {

using testing::FakeCluster;

pb::PauseRequest pause(uint32_t database, uint32_t job = 0) {
  pb::PauseRequest request;
  request.set_database_id(database);
  request.set_job_id(job);
  return request;
}

uint32_t new_object(FakeCluster& cluster, const pb::CreateObjectRequest& request) {
  const auto created = cluster.create(request);
  EXPECT_TRUE(created.has_value()) << created.error().to_string();
  return created.value().object_id();
}

uint32_t new_database(FakeCluster& cluster, const std::string& name) {
  pb::CreateDatabaseRequest request;
  request.set_name(name);
  const auto created = cluster.call<pb::CreateDatabaseResponse>("CreateDatabase", request);
  EXPECT_TRUE(created.has_value()) << created.error().to_string();
  return created.value().database_id();
}

pb::CancelJobsRequest cancel(std::vector<uint32_t> jobs, uint64_t creation = 0) {
  pb::CancelJobsRequest request;
  request.mutable_job_ids()->Assign(jobs.begin(), jobs.end());
  request.set_creation(creation);
  return request;
}

TEST(MetaCommands, pause_is_answered_with_the_epoch_that_ends_reading_and_outlives_meta) {
  FakeCluster cluster;
  new_object(cluster, testing::source("s"));
  new_object(cluster, testing::view_on_source("v", 1));
  const auto paused = cluster.call<pb::PauseResponse>("Pause", pause(1));
  ASSERT_TRUE(paused.has_value()) << paused.error().to_string();
  EXPECT_GT(paused.value().committed_epoch(), 0U);
  cluster.kill_meta();
  cluster.start_meta();
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_TRUE(cluster.snapshot().catalog().databases(0).paused());
  ASSERT_TRUE(cluster.call<pb::PauseResponse>("Resume", pause(1)).has_value());
  EXPECT_FALSE(cluster.snapshot().catalog().databases(0).paused());
}

TEST(MetaCommands, a_pause_whose_barrier_dies_with_a_node_is_answered_by_the_recovery_and_does_not_wait_for_that_node) {
  FakeCluster cluster;
  new_object(cluster, testing::source("s"));
  new_object(cluster, testing::view_on_source("v", 1));
  cluster.compute(1).mute();  // it is connected and collects nothing, until meta gives it up
  const auto paused = cluster.call<pb::PauseResponse>("Pause", pause(1, 2));
  ASSERT_TRUE(paused.has_value()) << paused.error().to_string();
  EXPECT_EQ(paused.value().committed_epoch(), 0U);
  EXPECT_TRUE(cluster.durable().object(ObjectId{2})->paused());
}

TEST(MetaCommands, a_pause_while_a_node_is_away_is_durable_at_once) {
  FakeCluster cluster;
  new_object(cluster, testing::source("s"));
  new_object(cluster, testing::view_on_source("v", 1));
  cluster.kill_compute(1);
  cluster.sim().run_for(std::chrono::seconds(15));
  const auto paused = cluster.call<pb::PauseResponse>("Pause", pause(1, 2), std::chrono::seconds(5));
  ASSERT_TRUE(paused.has_value()) << paused.error().to_string();
  EXPECT_EQ(paused.value().committed_epoch(), 0U);
  EXPECT_TRUE(cluster.durable().object(ObjectId{2})->paused());
}

TEST(MetaCommands, unknown_things_are_refused) {
  FakeCluster cluster;
  EXPECT_EQ(cluster.call<pb::PauseResponse>("Pause", pause(9)).error().code(), Code::UndefinedDatabase);
  EXPECT_EQ(cluster.call<pb::PauseResponse>("Pause", pause(1, 9)).error().code(), Code::UndefinedObject);
  pb::DropDatabaseRequest drop;
  drop.set_database_id(9);
  EXPECT_EQ(cluster.call<pb::DropObjectResponse>("DropDatabase", drop).error().code(), Code::UndefinedDatabase);
}

TEST(MetaCommands, cancel_drops_what_is_being_created_and_nothing_else) {
  FakeCluster cluster;
  const uint32_t table = new_object(cluster, testing::table("t"));
  cluster.compute(0).hold(true);
  auto request = testing::view_on("v", table);
  request.set_background(true);
  const uint32_t view = new_object(cluster, request);
  const auto cancelled = cluster.call<pb::CancelJobsResponse>("CancelJobs", cancel({view, table, view, 77}));
  ASSERT_TRUE(cancelled.has_value());
  ASSERT_EQ(cancelled.value().cancelled_size(), 1);
  EXPECT_EQ(cancelled.value().cancelled(0), view);
  cluster.compute(0).hold(false);
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_EQ(cluster.rows("penstock_jobs").size(), 1U);
  new_object(cluster, testing::view_on("v", table));
}

TEST(MetaCommands, a_creation_is_cancelled_by_its_token_before_while_and_never_after) {
  FakeCluster cluster;
  const uint32_t table = new_object(cluster, testing::table("t"));
  // Before: it has not come yet.
  auto request = testing::view_on("v", table);
  request.mutable_object()->set_creation(11);
  EXPECT_FALSE(cluster.call<pb::CancelJobsResponse>("CancelJobs", cancel({}, 11)).value().too_late());
  EXPECT_EQ(cluster.create(request).error().code(), Code::Cancelled);
  // While.
  cluster.compute(0).hold(true);
  request.mutable_object()->set_creation(12);
  cluster.send("CreateObject", request);
  cluster.sim().run_for(std::chrono::milliseconds(100));
  EXPECT_EQ(cluster.call<pb::CancelJobsResponse>("CancelJobs", cancel({}, 12)).value().cancelled_size(), 1);
  cluster.compute(0).hold(false);
  ASSERT_TRUE(cluster.flush().has_value());
  // After.
  request.mutable_object()->set_creation(13);
  new_object(cluster, request);
  const auto late = cluster.call<pb::CancelJobsResponse>("CancelJobs", cancel({}, 13));
  EXPECT_TRUE(late.value().too_late());
  EXPECT_EQ(late.value().cancelled_size(), 0);
  EXPECT_EQ(cluster.rows("penstock_jobs").size(), 2U);
}

TEST(MetaCommands, a_dropped_database_leaves_nothing_behind) {
  FakeCluster cluster;
  new_object(cluster, testing::table("t"));
  const uint32_t database = new_database(cluster, "d");
  auto request = testing::table("t");
  request.mutable_object()->set_database_id(database);
  new_object(cluster, request);
  pb::DropDatabaseRequest drop;
  drop.set_database_id(database);
  const auto refused = cluster.call<pb::DropObjectResponse>("DropDatabase", drop);
  EXPECT_EQ(refused.error().code(), Code::DependentObjects);
  EXPECT_EQ(refused.error().detail(), "table t");
  drop.set_cascade(true);
  ASSERT_TRUE(cluster.call<pb::DropObjectResponse>("DropDatabase", drop).has_value());
  cluster.sim().run_for(std::chrono::seconds(3));
  const MetaModel durable = cluster.durable();
  EXPECT_FALSE(durable.commits().contains(PartialGraphId{database}));
  const auto segments = durable.segments().find(PartialGraphId{database});
  EXPECT_TRUE(segments == durable.segments().end() ||
              std::ranges::all_of(segments->second, [](const auto& of_worker) { return of_worker.second.empty(); }));
  EXPECT_EQ(durable.jobs().size(), 1U);
  EXPECT_EQ(cluster.snapshot().databases_size(), 1);
  ASSERT_TRUE(cluster.flush().has_value());
}

// Whatever step meta dies in: afterwards the database is there with its table, or nothing of it is.
TEST(MetaCommands, a_database_drop_that_meta_dies_in_is_done_or_not_at_all) {
  int dropped = 0, kept = 0;
  for (int step = 0; step < 30; ++step) {
    FakeCluster cluster(static_cast<uint64_t>(step) + 1);
    const uint32_t database = new_database(cluster, "d");
    auto request = testing::table("t");
    request.mutable_object()->set_database_id(database);
    new_object(cluster, request);
    pb::DropDatabaseRequest drop;
    drop.set_database_id(database);
    drop.set_cascade(true);
    cluster.send("DropDatabase", drop);
    cluster.sim().run_for(std::chrono::milliseconds(2) * step);
    cluster.kill_meta();
    cluster.start_meta();
    cluster.sim().run_for(std::chrono::seconds(5));
    const MetaModel durable = cluster.durable();
    if (durable.databases().contains(DatabaseId{database})) {
      ++kept;
      EXPECT_EQ(durable.jobs().size(), 1U) << step;
      EXPECT_FALSE(cluster.snapshot().databases(1).recovering()) << step;
    } else {
      ++dropped;
      EXPECT_TRUE(durable.jobs().empty()) << step;
      EXPECT_FALSE(durable.commits().contains(PartialGraphId{database})) << step;
    }
  }
  EXPECT_GT(dropped, 0);
  EXPECT_GT(kept, 0);
}

TEST(MetaCommands, a_quarantined_view_is_rebuilt_by_resume_and_quarantined_again_if_that_fails) {
  FakeCluster cluster;
  const uint32_t table = new_object(cluster, testing::table("t"));
  const uint32_t view = new_object(cluster, testing::view_on("v", table));
  const uint32_t on_top = new_object(cluster, testing::view_on("w", view));
  const auto fail_until_quarantined = [&] {
    for (int i = 0; i < 12; ++i) {
      const MetaModel durable = cluster.durable();
      if (durable.object(ObjectId{view})->state() == pb::JOB_QUARANTINED) return;
      const JobPlacement* placement = durable.placement(ObjectId{view});
      if (placement != nullptr) {
        const ActorPlacement& actor = placement->fragments.begin()->second.front();
        cluster.compute(actor.worker.value - 1).send_failure(actor.actor.value, "row 7 is broken");
      }
      cluster.sim().run_for(std::chrono::seconds(3));  // longer than most of the back-off
    }
  };
  fail_until_quarantined();
  ASSERT_EQ(cluster.durable().object(ObjectId{view})->state(), pb::JOB_QUARANTINED);
  const TableId before{cluster.durable().object(ObjectId{view})->table().table_id()};
  EXPECT_EQ(cluster.call<pb::PauseResponse>("Resume", pause(1, on_top)).error().message(),
            "materialized view w reads materialized view v, which is quarantined");
  ASSERT_TRUE(cluster.call<pb::PauseResponse>("Resume", pause(1, view)).has_value());
  cluster.sim().run_for(std::chrono::seconds(3));
  EXPECT_EQ(cluster.durable().object(ObjectId{view})->state(), pb::JOB_CREATED);
  EXPECT_NE(cluster.durable().object(ObjectId{view})->table().table_id(), before.value);
  EXPECT_TRUE(cluster.durable().object(ObjectId{view})->state_reason().empty());
  ASSERT_TRUE(cluster.call<pb::PauseResponse>("Resume", pause(1, on_top)).has_value());
  cluster.sim().run_for(std::chrono::seconds(3));
  EXPECT_EQ(cluster.durable().object(ObjectId{on_top})->state(), pb::JOB_CREATED);
  fail_until_quarantined();
  EXPECT_EQ(cluster.durable().object(ObjectId{view})->state(), pb::JOB_QUARANTINED);
  ASSERT_TRUE(cluster.flush().has_value());
}

TEST(MetaCommands, a_quarantined_table_goes_on_with_its_rows) {
  FakeCluster cluster;
  const uint32_t table = new_object(cluster, testing::table("t"));
  new_object(cluster, testing::table("u"));
  for (int i = 0; i < 6; ++i) {
    cluster.compute(0).send_failure(1, "out of luck");
    cluster.sim().run_for(std::chrono::milliseconds(900));
  }
  const MetaModel before = cluster.durable();
  ASSERT_EQ(before.object(ObjectId{table})->state(), pb::JOB_QUARANTINED);
  cluster.ledger().left_out.insert(before.object(ObjectId{table})->table().table_id());
  ASSERT_TRUE(cluster.call<pb::PauseResponse>("Resume", pause(1, table)).has_value());
  ASSERT_TRUE(cluster.flush().has_value());
  const MetaModel after = cluster.durable();
  EXPECT_EQ(after.object(ObjectId{table})->state(), pb::JOB_CREATED);
  EXPECT_EQ(after.object(ObjectId{table})->table().table_id(), before.object(ObjectId{table})->table().table_id());
  EXPECT_EQ(*after.placement(ObjectId{table}), *before.placement(ObjectId{table}));
}

TEST(MetaCommands, a_database_that_fails_leaves_the_term_and_the_barriers_of_another_alone) {
  FakeCluster cluster;
  new_object(cluster, testing::table("t"));
  const uint32_t database = new_database(cluster, "d");
  auto request = testing::table("u");
  request.mutable_object()->set_database_id(database);
  new_object(cluster, request);
  const auto term_of = [&](int i) { return cluster.snapshot().databases(i).graph().term(); };
  const uint64_t failing = term_of(0), other = term_of(1);
  for (int i = 0; i < 3; ++i) {
    cluster.compute(0).send_failure(1, "broken");
    pb::FlushRequest flush;
    flush.set_database_id(database);
    EXPECT_TRUE(cluster.call<pb::FlushResponse>("Flush", flush, std::chrono::milliseconds(100)).has_value());
    cluster.sim().run_for(std::chrono::milliseconds(500));
  }
  EXPECT_NE(term_of(0), failing);
  EXPECT_EQ(term_of(1), other);
}

}  // namespace
}  // namespace penstock::meta
