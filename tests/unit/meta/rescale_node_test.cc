// A whole meta that moves jobs between computes, which check every message.
#include <gtest/gtest.h>

#include <random>

#include "meta/meta_node.h"
#include "unit/meta/fake_cluster.h"

namespace penstock::meta {
namespace {

using testing::FakeCluster;
using testing::FakeCompute;

uint32_t create_or_fail(FakeCluster& cluster, const pb::CreateObjectRequest& request) {
  auto created = cluster.create(request);
  EXPECT_TRUE(created.has_value()) << created.error().to_string() << "\n" << cluster.inspect();
  return created.has_value() ? created.value().object_id() : 0;
}

/// "1:3 2:5": vnodes of the job's first fragment by node.
std::string owners_of(FakeCluster& cluster, uint32_t job) {
  std::map<uint32_t, uint32_t> vnodes;
  const MetaModel model = cluster.durable();
  const JobPlacement* placement = model.placement(JobId{job});
  if (placement == nullptr) return "none";
  for (const ActorPlacement& actor : placement->fragments.begin()->second) vnodes[actor.worker.value] += actor.vnodes.count();
  std::string out;
  for (const auto& [worker, count] : vnodes) out += fmt::format("{}{}:{}", out.empty() ? "" : " ", worker, count);
  return out;
}

TEST(MetaRescale, an_adaptive_job_is_spread_over_a_compute_that_joins) {
  FakeCluster cluster(1, 3, 2);
  create_or_fail(cluster, testing::table("adaptive", 0));
  create_or_fail(cluster, testing::table("fixed", 2));
  EXPECT_EQ(owners_of(cluster, 1), "1:4 2:4");
  cluster.start_compute(2);
  cluster.sim().run_for(std::chrono::seconds(4));
  EXPECT_EQ(owners_of(cluster, 1), "1:2 2:3 3:3");
  EXPECT_EQ(owners_of(cluster, 2), "1:4 2:4");
  EXPECT_TRUE(cluster.flush().has_value());
  EXPECT_EQ(cluster.ledger().transfers, 1U);
  EXPECT_EQ(cluster.ledger().copies, 1U);
}

TEST(MetaRescale, a_compute_that_comes_back_finds_its_actors_where_they_were) {
  FakeCluster cluster(1, 2);
  create_or_fail(cluster, testing::table("t", 0));
  cluster.kill_compute(1);
  cluster.sim().run_for(std::chrono::seconds(3));
  cluster.start_compute(1);
  cluster.sim().run_for(std::chrono::seconds(5));
  EXPECT_EQ(owners_of(cluster, 1), "1:4 2:4");
  EXPECT_EQ(cluster.ledger().transfers, 0U);
}

TEST(MetaRescale, parallelism_goes_up_and_down_and_is_remembered) {
  FakeCluster cluster(1, 3);
  create_or_fail(cluster, testing::source("s"));
  create_or_fail(cluster, testing::view_on_source("v", 1, 1));
  for (const uint32_t parallelism : {3U, 6U, 2U, 8U, 1U}) {
    const auto done = cluster.alter_parallelism(2, parallelism);
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
    const MetaModel model = cluster.durable();
    for (const auto& [fragment, actors] : model.placement(JobId{2})->fragments) EXPECT_EQ(actors.size(), parallelism);
    EXPECT_EQ(model.job(JobId{2})->record().graph().parallelism(), parallelism);
  }
  ASSERT_TRUE(cluster.alter_parallelism(2, 0).has_value());
  EXPECT_EQ(owners_of(cluster, 2), "1:2 2:3 3:3");
  ASSERT_TRUE(cluster.wait_for_source(1).has_value());
}

TEST(MetaRescale, what_cannot_be_is_refused_and_changes_nothing) {
  FakeCluster cluster;
  create_or_fail(cluster, testing::source("s"));
  create_or_fail(cluster, testing::table("t"));
  EXPECT_EQ(cluster.alter_parallelism(9, 2).error().code(), Code::UndefinedObject);
  EXPECT_EQ(cluster.alter_parallelism(1, 2).error().code(), Code::NotSupported);
  EXPECT_EQ(cluster.alter_parallelism(2, 9).error().message(), "parallelism 9 is more than the 8 vnodes of table t");
  EXPECT_EQ(cluster.drain(9).error().code(), Code::UndefinedObject);
  EXPECT_EQ(owners_of(cluster, 2), "1:4 2:4");
}

TEST(MetaRescale, a_drained_compute_gives_up_its_actors_and_gets_none_until_undone_also_over_a_restart_of_meta) {
  FakeCluster cluster(1, 2);
  create_or_fail(cluster, testing::table("t", 0));
  const auto drained = cluster.drain(2);
  ASSERT_TRUE(drained.has_value()) << drained.error().to_string();
  EXPECT_EQ(drained.value().actors(), 0U);
  EXPECT_EQ(owners_of(cluster, 1), "1:8");
  EXPECT_EQ(cluster.drain(1).error().code(), Code::Unavailable) << "the last one";
  cluster.kill_meta();
  cluster.start_meta();
  create_or_fail(cluster, testing::table("u", 2));
  EXPECT_EQ(owners_of(cluster, 2), "1:8");
  ASSERT_TRUE(cluster.drain(2, true).has_value());
  EXPECT_EQ(owners_of(cluster, 1), "1:4 2:4");
  EXPECT_EQ(owners_of(cluster, 2), "1:8") << "a fixed job has no reason to move";
}

TEST(MetaRescale, a_leaving_compute_hands_its_actors_over_before_it_goes) {
  FakeCluster cluster(1, 2);
  create_or_fail(cluster, testing::table("t", 0));
  cluster.compute(1).send_shutdown();
  ASSERT_TRUE(cluster.sim().run_until([&] { return cluster.compute(1).left_in_good_order(); }, std::chrono::seconds(5)));
  EXPECT_EQ(owners_of(cluster, 1), "1:8");
  cluster.kill_compute(1);
  EXPECT_TRUE(cluster.flush(std::chrono::seconds(3)).has_value()) << "nothing waits for it";
}

TEST(MetaRescale, when_all_leave_nobody_gets_anything_and_all_go) {
  FakeCluster cluster(1, 2);
  create_or_fail(cluster, testing::table("t", 0));
  cluster.compute(0).send_shutdown();
  cluster.compute(1).send_shutdown();
  ASSERT_TRUE(cluster.sim().run_until([&] { return cluster.compute(0).left_in_good_order() || cluster.compute(1).left_in_good_order(); },
                                      std::chrono::seconds(5)));
  EXPECT_EQ(owners_of(cluster, 1), "1:4 2:4");
  EXPECT_EQ(cluster.ledger().transfers, 0U);
}

TEST(MetaRescale, another_database_does_not_notice) {
  FakeCluster cluster(1, 3, 2);
  pb::CreateDatabaseRequest database;
  database.set_name("other");
  ASSERT_TRUE(cluster.call<pb::CreateDatabaseResponse>("CreateDatabase", database).has_value());
  create_or_fail(cluster, testing::table("t", 0));
  auto other = testing::table("t", 2);
  other.mutable_object()->set_database_id(2);
  create_or_fail(cluster, other);
  cluster.sim().run_for(std::chrono::seconds(1));
  ASSERT_TRUE(cluster.alter_parallelism(1, 5).has_value());
  ASSERT_TRUE(cluster.alter_parallelism(1, 3).has_value());
  for (const std::string& row : cluster.rows("penstock_barriers")) {
    if (row.starts_with("other|")) EXPECT_EQ(row.find("initial") != std::string::npos, row.find("passed") != std::string::npos) << row;
    if (row.starts_with("other|")) EXPECT_EQ(row.find("failed"), std::string::npos) << row;
  }
  const auto initial = std::ranges::count_if(cluster.rows("penstock_barriers"), [](const std::string& row) {
    return row.starts_with("other|") && row.find("|initial|") != std::string::npos;
  });
  EXPECT_EQ(initial, 0) << "its graph never began anew";
}

/// To node `i`, to meta, or to a job.
void something_happens(FakeCluster& cluster, std::mt19937_64& random, size_t i) {
  switch (random() % 10) {
    case 0:
      cluster.kill_compute(i);
      break;
    case 1:
      cluster.kill_meta();
      cluster.sim().run_for(std::chrono::milliseconds(random() % 300));
      cluster.start_meta();
      break;
    case 2:
    case 3:
    case 4: {
      pb::AlterParallelismRequest request;
      request.set_object_id(2 + static_cast<uint32_t>(random() % 3));
      request.set_parallelism(static_cast<uint32_t>(random() % 7));
      cluster.send("AlterParallelism", request);
      break;
    }
    case 5:
    case 6: {
      pb::DrainWorkerRequest request;
      request.set_worker_id(1 + static_cast<uint32_t>(random() % 4));
      request.set_undo(random() % 2 == 0);
      cluster.send("DrainWorker", request);
      break;
    }
    case 7:
      if (cluster.has_compute(i)) cluster.compute(i).send_shutdown();
      break;
    case 8:
      if (cluster.has_compute(i)) cluster.compute(i).send_failure(1, "chaos");
      break;
    default:
      cluster.network().break_streams("meta", fmt::format("compute-{}", i + 1));
  }
}

/// Nodes join, leave, are drained and die, jobs change their parallelism, meta dies, disks are full: the fakes check that whoever owns a
/// vnode has what its last owner wrote, and in the end all is read, once.
class RescaleSoak : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RescaleSoak, ::testing::Range<uint64_t>(1, 61));

TEST_P(RescaleSoak, whatever_dies_in_a_move_state_is_whole) {
  FakeCluster cluster(GetParam(), 4, 2);
  cluster.network().set_delay(std::chrono::microseconds(50), std::chrono::milliseconds(5));
  create_or_fail(cluster, testing::source("s"));
  create_or_fail(cluster, testing::view_on_source("v", 1, GetParam() % 2 == 0 ? 0 : 3));
  create_or_fail(cluster, testing::table("t", 2));
  create_or_fail(cluster, testing::view_on("w", 3));
  std::mt19937_64 random(GetParam());
  for (int step = 0; step < 25; ++step) {
    cluster.sim().run_for(std::chrono::milliseconds(random() % 700));
    const size_t i = random() % 4;
    cluster.disk()->fail_commits(random() % 8 == 0 ? Status(error(Code::DiskFull, "no space")) : ok());
    cluster.network().heal_all();
    something_happens(cluster, random, i);
    for (size_t c = 0; c < 4; ++c) {
      if (!cluster.has_compute(c) && random() % 2 == 0) cluster.start_compute(c);
    }
  }
  cluster.disk()->fail_commits(ok());
  cluster.network().heal_all();
  for (size_t c = 0; c < 4; ++c) {
    if (!cluster.has_compute(c)) cluster.start_compute(c);
  }
  const auto waited = cluster.wait_for_source(1, std::chrono::seconds(200));
  ASSERT_TRUE(waited.has_value()) << waited.error().to_string() << "\n" << cluster.inspect();
  for (uint32_t worker = 1; worker <= 4; ++worker) (void)cluster.drain(worker, true);
  const auto moved = cluster.alter_parallelism(2, 5);
  ASSERT_TRUE(moved.has_value()) << moved.error().to_string() << "\n" << cluster.inspect();
  ASSERT_TRUE(cluster.flush().has_value());
  const MetaModel model = cluster.durable();
  EXPECT_EQ(model.placement(JobId{2})->fragments.begin()->second.size(), 5U);
  for (const auto& [key, split] : model.splits(JobId{2})) EXPECT_EQ(split.split.offset(), std::to_string(FakeCompute::kRows));
}

/// Meta dies between any two steps of a move.
TEST(RescaleCrash, of_meta_between_any_two_steps_leaves_a_state_that_goes_on) {
  for (int at = 0; at < 300; at += 3) {
    FakeCluster cluster(7, 3);
    create_or_fail(cluster, testing::source("s"));
    create_or_fail(cluster, testing::view_on_source("v", 1, 2));
    pb::AlterParallelismRequest request;
    request.set_object_id(2);
    request.set_parallelism(3);
    cluster.send("AlterParallelism", request);
    for (int i = 0; i < at; ++i) cluster.sim().step();
    cluster.kill_meta();
    cluster.start_meta();
    const auto waited = cluster.wait_for_source(1);
    ASSERT_TRUE(waited.has_value()) << at << ": " << waited.error().to_string() << "\n" << cluster.inspect();
    if (::testing::Test::HasFailure()) FAIL() << "killed after step " << at;
  }
}

}  // namespace
}  // namespace penstock::meta
