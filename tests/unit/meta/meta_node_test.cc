#include "meta/meta_node.h"

#include <gtest/gtest.h>

#include <random>

#include "unit/meta/fake_cluster.h"

namespace penstock::meta {
namespace {

using testing::FakeCluster;
using testing::FakeCompute;

uint32_t must_create(FakeCluster& cluster, const pb::CreateObjectRequest& request) {
  auto created = cluster.create(request);
  EXPECT_TRUE(created.has_value()) << created.error().to_string() << "\n" << cluster.inspect();
  return created.has_value() ? created.value().object_id() : 0;
}

TEST(MetaNode, creates_jobs_flushes_and_drops_over_the_control_stream) {
  FakeCluster cluster;
  EXPECT_EQ(must_create(cluster, testing::table("t")), 1U);
  const auto first = cluster.flush();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(must_create(cluster, testing::view_on("v", 1)), 2U);
  const auto second = cluster.flush();
  EXPECT_GT(second.value().committed_epoch(), first.value().committed_epoch());
  EXPECT_EQ(cluster.snapshot().catalog().objects_size(), 2);
  EXPECT_EQ(cluster.snapshot().placements_size(), 2);
  EXPECT_EQ(cluster.drop(1).error().code(), Code::DependentObjects);
  ASSERT_TRUE(cluster.drop(1, true).has_value());
  EXPECT_EQ(cluster.snapshot().catalog().objects_size(), 0);
  cluster.sim().run_for(std::chrono::seconds(3));
  EXPECT_NE(cluster.inspect().find("0 jobs on 0 nodes"), std::string::npos) << cluster.inspect();
  EXPECT_EQ(must_create(cluster, testing::table("t")), 3U);
}

TEST(MetaNode, a_job_waits_for_a_compute_and_its_creator_with_it) {
  FakeCluster cluster(1, 1);
  cluster.kill_compute(0);
  auto quick = cluster.call<pb::CreateObjectResponse>("CreateObject", testing::table("t"), std::chrono::seconds(5));
  EXPECT_EQ(quick.error().code(), Code::Timeout);
  cluster.start_compute(0);
  cluster.sim().run_for(std::chrono::seconds(3));
  EXPECT_EQ(cluster.rows("penstock_jobs"), (std::vector<std::string>{"1|t|table|created|NULL|2|1|2||2|NULL|dev"}));
}

TEST(MetaNode, periodic_checkpoints_commit_every_interval) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  cluster.sim().run_for(std::chrono::milliseconds(1500));  // half-way between two
  const uint64_t before = cluster.ledger().commits;
  cluster.sim().run_for(std::chrono::seconds(10));
  EXPECT_EQ(cluster.ledger().commits - before, 20U);  // told to two nodes each
}

TEST(MetaNode, a_source_is_read_to_its_end_and_waiting_for_it_ends) {
  FakeCluster cluster;
  must_create(cluster, testing::source("s"));
  EXPECT_EQ(cluster.wait_for_source(1).error().message(), "no job reads source s");
  must_create(cluster, testing::view_on_source("v", 1));
  const auto waited = cluster.wait_for_source(1);
  ASSERT_TRUE(waited.has_value()) << waited.error().to_string();
  EXPECT_EQ(waited.value().committed_epoch(), cluster.durable().committed(PartialGraphId{1}).value);
  EXPECT_EQ(cluster.rows("penstock_sources"),
            (std::vector<std::string>{"1|s|2|v|file-0|20|20|t|0|NULL|dev", "1|s|2|v|file-1|20|20|t|0|NULL|dev",
                                      "1|s|2|v|file-2|20|20|t|0|NULL|dev"}));
}

TEST(MetaNode, a_source_that_follows_has_no_end_and_its_new_files_are_given_out) {
  FakeCluster cluster;
  auto source = testing::source("s");
  (*source.mutable_object()->mutable_properties())["follow"] = "true";
  must_create(cluster, source);
  must_create(cluster, testing::view_on_source("v", 1));
  EXPECT_EQ(cluster.wait_for_source(1).error().code(), Code::WrongObjectType);
  cluster.kill_meta();
  cluster.options().list_splits = [](const pb::CatalogObject&) -> Result<SourceListing> {
    return SourceListing{{{"file-0", ""}, {"file-1", ""}, {"file-2", ""}, {"file-3", ""}, {"file-4", ""}}, false};
  };
  cluster.start_meta();
  cluster.sim().run_for(std::chrono::seconds(40));
  EXPECT_EQ(cluster.rows("penstock_sources").size(), 5U);
  EXPECT_EQ(cluster.rows("penstock_sources").back(), "1|s|2|v|file-4|20|20|t|0|NULL|dev");
}

TEST(MetaNode, a_source_that_cannot_be_listed_fails_the_creation_and_leaves_nothing) {
  FakeCluster cluster;
  auto source = testing::source("s");
  (*source.mutable_object()->mutable_properties())["missing"] = "true";
  must_create(cluster, source);
  const auto created = cluster.create(testing::view_on_source("v", 1));
  EXPECT_EQ(created.error().code(), Code::Io);
  EXPECT_EQ(created.error().context(), "source s");
  EXPECT_EQ(cluster.snapshot().catalog().objects_size(), 1);
}

TEST(MetaNode, a_killed_compute_comes_back_and_goes_on_where_the_checkpoint_was) {
  FakeCluster cluster;
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::view_on_source("v", 1));
  for (int i = 0; i < 6; ++i) {
    cluster.sim().run_for(std::chrono::milliseconds(1700));
    cluster.kill_compute(i % 2);
    cluster.sim().run_for(std::chrono::milliseconds(300));
    EXPECT_TRUE(cluster.snapshot().databases(0).recovering());
    cluster.start_compute(i % 2);
  }
  ASSERT_TRUE(cluster.wait_for_source(1).has_value()) << cluster.inspect();
  EXPECT_GT(cluster.ledger().recoveries, 6U);
  EXPECT_EQ(cluster.rows("penstock_sources")[0], "1|s|2|v|file-0|20|20|t|0|NULL|dev");
}

TEST(MetaNode, says_for_whom_it_waits) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  cluster.kill_compute(1);
  cluster.sim().run_for(std::chrono::seconds(3));
  const std::string reason = cluster.snapshot().databases(0).recovery_reason();
  EXPECT_NE(reason.find("waits for node 2 (compute-2, uuid uuid-2), "), std::string::npos) << reason;
  EXPECT_NE(reason.find("which owns vnodes 4-7 of t"), std::string::npos) << reason;
  const std::string row = cluster.rows("penstock_jobs")[0];
  EXPECT_TRUE(row.starts_with("1|t|table|blocked|NULL|2|1|2||2|waits for node 2 (compute-2, uuid uuid-2), away for")) << row;
  EXPECT_EQ(cluster.flush(std::chrono::seconds(5)).error().code(), Code::Timeout);
  EXPECT_TRUE(cluster.drop(1).has_value());
  EXPECT_TRUE(cluster.flush().has_value());
}

TEST(MetaNode, a_restarted_meta_goes_on_with_the_computes_that_live) {
  FakeCluster cluster;
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::view_on_source("v", 1));
  for (int i = 0; i < 5; ++i) {
    cluster.sim().run_for(std::chrono::milliseconds(2300));
    cluster.kill_meta();
    cluster.sim().run_for(std::chrono::milliseconds(100 * i));
    cluster.start_meta();
  }
  ASSERT_TRUE(cluster.wait_for_source(1).has_value()) << cluster.inspect();
}

TEST(MetaNode, a_compute_that_is_cut_off_is_lost_after_silence_and_joins_again) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  cluster.network().partition("meta", "compute-1");
  cluster.sim().run_for(std::chrono::seconds(9));
  EXPECT_FALSE(cluster.snapshot().databases(0).recovering());
  cluster.sim().run_for(std::chrono::seconds(3));
  EXPECT_TRUE(cluster.snapshot().databases(0).recovering());
  cluster.network().heal_all();
  EXPECT_TRUE(cluster.flush().has_value());
}

TEST(MetaNode, a_failing_actor_takes_its_database_into_recovery_and_is_named) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  ASSERT_TRUE(cluster.flush().has_value());
  const uint64_t term = cluster.snapshot().databases(0).graph().term();
  cluster.compute(0).send_failure(1, "value out of range");
  cluster.sim().run_for(std::chrono::milliseconds(500));
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_GT(cluster.snapshot().databases(0).graph().term(), term);
  bool found = false;
  for (const std::string& row : cluster.rows("penstock_events")) found |= row.find("t, actor 1: value out of range") != std::string::npos;
  EXPECT_TRUE(found);
}

/// Reads source 1; what it is created from takes it some barriers.
pb::CreateObjectRequest slow_view(const std::string& name, uint32_t parallelism = 2) {
  auto request = testing::view_on_source(name, 1, parallelism);
  request.mutable_graph()->mutable_fragments(0)->set_has_scan(true);
  return request;
}

TEST(MetaNode, a_job_is_merged_into_its_database_once_it_is_created) {
  FakeCluster cluster;
  cluster.ledger().backfill_barriers = 3;
  must_create(cluster, testing::source("s"));
  must_create(cluster, slow_view("v"));
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_EQ(cluster.ledger().merges, 2U) << "one a node";
  ASSERT_TRUE(cluster.wait_for_source(1).has_value());
}

TEST(MetaNode, a_job_that_fails_while_it_is_created_is_created_again_and_its_database_goes_on) {
  FakeCluster cluster;
  cluster.ledger().backfill_barriers = 40;
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::table("t"));
  const uint64_t term = cluster.snapshot().databases(0).graph().term();
  cluster.send("CreateObject", slow_view("v"));
  cluster.sim().run_for(std::chrono::milliseconds(1500));
  cluster.compute(0).fail_creating(50);
  ASSERT_TRUE(cluster.wait_for_source(1).has_value());
  EXPECT_EQ(cluster.snapshot().databases(0).graph().term(), term);
  EXPECT_EQ(cluster.durable().job(ObjectId{3})->tables().front(), TableId{4}) << "it began with nothing, in tables of its own";
}

TEST(MetaNode, a_job_that_always_fails_is_quarantined_and_the_others_go_on) {
  FakeCluster cluster;
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::view_on_source("v", 1));
  must_create(cluster, testing::table("t"));
  pb::WaitForSourceRequest wait;
  wait.set_source_id(1);
  for (int i = 0; i < 5; ++i) {
    cluster.compute(0).send_failure(1, "row 7 is broken");
    cluster.sim().run_for(std::chrono::milliseconds(900));
  }
  const auto waited = cluster.wait_for_source(1);
  ASSERT_TRUE(waited.has_error());
  EXPECT_EQ(waited.error().message(), "v will not read on: v, actor 1: row 7 is broken");
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_FALSE(cluster.snapshot().databases(0).recovering());
  EXPECT_EQ(cluster.rows("penstock_jobs")[0].substr(0, 40), "2|v|materialized view|quarantined|NULL|2");
  EXPECT_EQ(cluster.create(testing::view_on("w", 2)).error().message(), "materialized view v is quarantined: v, actor 1: row 7 is broken");
  cluster.kill_meta();
  cluster.start_meta();
  ASSERT_TRUE(cluster.flush().has_value());
  EXPECT_TRUE(cluster.drop(2).has_value());
  EXPECT_TRUE(cluster.flush().has_value());
}

TEST(MetaNode, a_leaving_compute_that_is_alone_gets_a_last_checkpoint_and_a_good_end) {
  FakeCluster cluster(1, 1);
  must_create(cluster, testing::table("t"));
  const uint64_t before = cluster.ledger().commits;
  cluster.compute(0).send_shutdown();
  ASSERT_TRUE(cluster.sim().run_until([&] { return cluster.compute(0).left_in_good_order(); }, std::chrono::milliseconds(500)));
  EXPECT_GT(cluster.ledger().commits, before);
}

TEST(MetaNode, shutdown_makes_a_last_checkpoint_and_the_next_meta_need_not_run_ahead_of_the_clock) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  ASSERT_TRUE(cluster.flush().has_value());
  const Epoch before = cluster.durable().committed(PartialGraphId{1});
  bool done = false;
  cluster.meta().shutdown([&] { done = true; });
  ASSERT_TRUE(cluster.sim().run_until([&] { return done; }, std::chrono::milliseconds(500)));
  EXPECT_GT(cluster.durable().committed(PartialGraphId{1}), before);
  const auto now = static_cast<uint64_t>(cluster.sim().unix_micros() / 1000 - kEpochBaseUnixMillis);
  EXPECT_LE(cluster.durable().counter(Counter::EpochLease), now);
  cluster.kill_meta();
  cluster.start_meta();
  EXPECT_TRUE(cluster.flush().has_value());
}

TEST(MetaNode, shutdown_does_not_wait_for_a_database_that_recovers_nor_for_ever) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  cluster.compute(0).hold(true);
  bool done = false;
  cluster.meta().shutdown([&] { done = true; }, std::chrono::seconds(3));
  EXPECT_FALSE(cluster.sim().run_until([&] { return done; }, std::chrono::milliseconds(2900)));
  EXPECT_TRUE(cluster.sim().run_until([&] { return done; }, std::chrono::seconds(1)));
}

TEST(MetaNode, a_meta_that_a_newer_one_has_overtaken_ends_and_changes_nothing) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  ASSERT_TRUE(MemoryMetaStore(cluster.disk()).lead(7).has_value());
  cluster.sim().run_for(std::chrono::seconds(3));
  ASSERT_TRUE(cluster.fatal().has_value());
  EXPECT_EQ(cluster.fatal()->code(), Code::Stale);
}

TEST(MetaNode, waits_out_a_full_disk_and_goes_on_with_the_same_transaction) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  cluster.disk()->fail_commits(error(Code::DiskFull, "no space"));
  EXPECT_EQ(cluster.flush(std::chrono::seconds(20)).error().code(), Code::Timeout);
  EXPECT_FALSE(cluster.snapshot().databases(0).recovering());
  cluster.disk()->fail_commits(ok());
  EXPECT_TRUE(cluster.flush().has_value());
  EXPECT_FALSE(cluster.fatal().has_value());
}

TEST(MetaNode, a_node_that_reconnects_while_its_segments_are_being_committed_keeps_them) {
  FakeCluster cluster;
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::view_on_source("v", 1));
  cluster.sim().run_for(std::chrono::milliseconds(3500));
  cluster.disk()->fail_commits(error(Code::DiskFull, "no space"));
  cluster.sim().run_for(std::chrono::milliseconds(1000));
  cluster.network().break_streams("meta", "compute-1");
  cluster.sim().run_for(std::chrono::milliseconds(1500));
  cluster.disk()->fail_commits(ok());
  ASSERT_TRUE(cluster.wait_for_source(1).has_value()) << cluster.inspect();
}

TEST(MetaNode, a_barrier_that_is_held_is_said_to_be_stuck_with_who_is_missing) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  cluster.compute(1).hold(true);
  cluster.sim().run_for(std::chrono::seconds(13));
  bool found = false;
  for (const std::string& row : cluster.rows("penstock_events")) found |= row.find("held up by node 2 (compute-2") != std::string::npos;
  EXPECT_TRUE(found);
  cluster.compute(1).hold(false);
  EXPECT_TRUE(cluster.flush().has_value());
}

TEST(MetaNode, asks_a_worker_what_it_is_waiting_for) {
  FakeCluster cluster;
  must_create(cluster, testing::table("t"));
  pb::InspectRequest request;
  request.set_worker_id(2);
  EXPECT_EQ(cluster.call<pb::InspectReply>("Inspect", request).value().text(), "compute-2 is held");
  cluster.kill_compute(1);
  cluster.sim().run_for(std::chrono::milliseconds(10));
  EXPECT_EQ(cluster.call<pb::InspectReply>("Inspect", request).error().code(), Code::Unavailable);
}

TEST(MetaNode, what_is_asked_in_no_known_form_is_refused) {
  FakeCluster cluster;
  EXPECT_EQ(cluster.call<pb::FlushResponse>("Nonsense", pb::FlushRequest()).error().code(), Code::NotSupported);
  pb::FlushRequest flush;
  flush.set_database_id(77);
  EXPECT_EQ(cluster.call<pb::FlushResponse>("Flush", flush).error().code(), Code::UndefinedDatabase);
  pb::SystemRowsRequest rows;
  rows.set_relation("penstock_nothing");
  EXPECT_EQ(cluster.call<pb::SystemRowsResponse>("SystemRows", rows).error().code(), Code::UndefinedTable);
  EXPECT_EQ(cluster.drop(99).error().code(), Code::UndefinedObject);
}

TEST(MetaNode, a_second_database_keeps_its_own_barriers) {
  FakeCluster cluster;
  pb::CreateDatabaseRequest database;
  database.set_name("other");
  database.set_barrier_interval_ms(200);
  ASSERT_EQ(cluster.call<pb::CreateDatabaseResponse>("CreateDatabase", database).value().database_id(), 2U);
  must_create(cluster, testing::table("t"));
  auto other = testing::table("t");
  other.mutable_object()->set_database_id(2);
  must_create(cluster, other);
  cluster.sim().run_for(std::chrono::seconds(10));
  const auto barriers = cluster.rows("penstock_barriers");
  const auto of = [&](std::string_view name) {
    return std::ranges::count_if(barriers, [&](const std::string& row) { return row.starts_with(name); });
  };
  EXPECT_GE(of("other|"), 45);
  EXPECT_LE(of("dev|"), 15);
}

/// A frontend that follows meta, and what it was told.
class Follower {
 public:
  explicit Follower(FakeCluster& cluster)
      : executor_(cluster.sim().make_serial("follower", false)), transport_(cluster.network().transport("follower")) {
    rpc::StreamEvents events;
    events.on_message = [this](const rpc::Bytes& bytes) {
      pb::SubscribeEvent event;
      ASSERT_TRUE(event.ParseFromString(bytes));
      ASSERT_EQ(event.has_snapshot(), seen.empty()) << "a snapshot first, then updates";
      seen.push_back(std::move(event));
    };
    events.on_closed = [](const Status&) {};
    stream_ = transport_->connect("meta", "/penstock.Meta/Subscribe", *executor_, std::move(events));
  }
  std::vector<pb::SubscribeEvent> seen;

 private:
  std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<rpc::Transport> transport_;
  std::shared_ptr<rpc::Stream> stream_;
};

TEST(MetaNode, frontends_hear_of_everything_in_order) {
  FakeCluster cluster;
  Follower follower(cluster);
  must_create(cluster, testing::table("t"));
  ASSERT_TRUE(cluster.flush().has_value());
  cluster.kill_compute(0);
  cluster.sim().run_for(std::chrono::seconds(1));
  cluster.start_compute(0);
  ASSERT_TRUE(cluster.flush().has_value());
  cluster.sim().run_until_idle();
  uint64_t catalog = 0, committed = 0;
  size_t ended = 0;
  bool placed = false, recovering = false;
  pb::GraphId graph;
  for (const pb::SubscribeEvent& event : follower.seen) {
    const pb::MetaUpdate& update = event.update();
    if (update.has_catalog()) {
      EXPECT_GT(update.catalog().version(), catalog);
      catalog = update.catalog().version();
    }
    placed |= update.placements_size() > 0;
    ended += static_cast<size_t>(update.ended_terms_size());
    for (const pb::DatabaseStatus& status : update.databases()) {
      EXPECT_GE(status.committed_epoch(), committed);
      EXPECT_GE(status.graph().term(), graph.term());
      committed = status.committed_epoch();
      graph = status.graph();
      recovering |= status.recovering();
    }
  }
  EXPECT_TRUE(placed);
  EXPECT_TRUE(recovering);
  EXPECT_EQ(ended, 1U);
  EXPECT_EQ(committed, cluster.durable().committed(PartialGraphId{1}).value);
}

/// Node `i`, meta, or the catalog.
void disturb(FakeCluster& cluster, std::mt19937_64& random, size_t i, int step) {
  switch (random() % 9) {
    case 0:
    case 1:
      cluster.kill_compute(i);
      break;
    case 2:
      cluster.kill_meta();
      cluster.sim().run_for(std::chrono::milliseconds(random() % 300));
      cluster.start_meta();
      break;
    case 3:
      cluster.send("CreateObject", testing::table(fmt::format("t{}", step)));
      break;
    case 4: {
      pb::DropObjectRequest request;
      request.set_object_id(3 + static_cast<uint32_t>(random() % 5));
      cluster.send("DropObject", request);
      break;
    }
    case 5:
      if (cluster.has_compute(i)) cluster.compute(i).send_failure(1, "chaos");
      break;
    case 6: {
      pb::FlushRequest request;
      request.set_database_id(1);
      cluster.send("Flush", request);
      break;
    }
    case 7:
      cluster.network().partition("meta", fmt::format("compute-{}", i + 1));
      cluster.sim().run_for(std::chrono::seconds(random() % 15));
      break;
    default:
      cluster.network().break_streams("meta", fmt::format("compute-{}", i + 1));
  }
}

/// The random soak: anything may die at any time; the fakes check every message, and in the end all is read, once.
class MetaSoak : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, MetaSoak, ::testing::Range<uint64_t>(1, 61));

TEST_P(MetaSoak, whatever_dies_epochs_offsets_and_segments_agree) {
  FakeCluster cluster(GetParam(), 3);
  cluster.network().set_delay(std::chrono::microseconds(50), std::chrono::milliseconds(5));
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::view_on_source("v", 1, 3));
  std::mt19937_64 random(GetParam());
  for (int step = 0; step < 25; ++step) {
    cluster.sim().run_for(std::chrono::milliseconds(random() % 700));
    const size_t i = random() % 3;
    cluster.disk()->fail_commits(random() % 6 == 0 ? Status(error(Code::DiskFull, "no space")) : ok());
    cluster.network().heal_all();
    disturb(cluster, random, i, step);
    for (size_t c = 0; c < 3; ++c) {
      if (!cluster.has_compute(c) && random() % 2 == 0) cluster.start_compute(c);
    }
  }
  cluster.disk()->fail_commits(ok());
  cluster.network().heal_all();
  for (size_t c = 0; c < 3; ++c) {
    if (!cluster.has_compute(c)) cluster.start_compute(c);
  }
  const auto waited = cluster.wait_for_source(1, std::chrono::seconds(200));
  ASSERT_TRUE(waited.has_value()) << waited.error().to_string() << "\n" << cluster.inspect();
  ASSERT_TRUE(cluster.flush().has_value());
  const MetaModel model = cluster.durable();
  for (const auto& [key, split] : model.splits(JobId{2})) EXPECT_EQ(split.split.offset(), std::to_string(FakeCompute::kRows));
}

/// Jobs are created beside one that runs, take some barriers for it, and fail, are dropped, or see anything die meanwhile.
class CreatingSoak : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, CreatingSoak, ::testing::Range<uint64_t>(1, 61));

TEST_P(CreatingSoak, whatever_fails_jobs_are_created_from_the_start_or_from_what_was_committed) {
  FakeCluster cluster(GetParam(), 3);
  cluster.network().set_delay(std::chrono::microseconds(50), std::chrono::milliseconds(5));
  must_create(cluster, testing::source("s"));
  must_create(cluster, testing::view_on_source("v", 1, 3));
  cluster.ledger().backfill_barriers = 15;
  std::mt19937_64 random(GetParam());
  for (int step = 0; step < 25; ++step) {
    cluster.sim().run_for(std::chrono::milliseconds(random() % 1500));
    const size_t i = random() % 3;
    cluster.network().heal_all();
    switch (random() % 8) {
      case 0:
        cluster.kill_compute(i);
        break;
      case 1:
        cluster.kill_meta();
        cluster.start_meta();
        break;
      case 2:
      case 3:
        cluster.send("CreateObject", slow_view(fmt::format("v{}", step), 3));
        break;
      case 4: {
        pb::DropObjectRequest request;
        request.set_object_id(3 + static_cast<uint32_t>(random() % 5));
        cluster.send("DropObject", request);
        break;
      }
      case 5:
      case 6:
        if (cluster.has_compute(i)) cluster.compute(i).fail_creating(random() % 5 == 0 ? 100 : 50);
        break;
      default:
        if (cluster.has_compute(i)) cluster.compute(i).hold(random() % 2 == 0);
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
  const auto waited = cluster.wait_for_source(1, std::chrono::seconds(200));
  ASSERT_TRUE(waited.has_value()) << waited.error().to_string() << "\n" << cluster.inspect();
  ASSERT_TRUE(cluster.flush().has_value());
  const MetaModel model = cluster.durable();
  for (const auto& [id, object] : model.objects()) EXPECT_EQ(object.state(), pb::JOB_CREATED) << object.name() << "\n" << cluster.inspect();
  for (const auto& [job, plan] : model.jobs()) {
    EXPECT_EQ(model.splits(job).size(), 3U);
    for (const auto& [key, split] : model.splits(job)) EXPECT_EQ(split.split.offset(), std::to_string(FakeCompute::kRows));
  }
}

/// Meta dies between any two steps of a run that creates, checkpoints and drops; what is durable always goes together.
TEST(MetaCrash, between_any_two_steps_leaves_a_state_that_goes_on) {
  for (int at = 0; at < 400; at += 3) {
    FakeCluster cluster(7);
    cluster.send("CreateObject", testing::source("s"));
    for (int i = 0; i < 40; ++i) cluster.sim().step();
    cluster.send("CreateObject", testing::view_on_source("v", 1));
    for (int i = 0; i < at; ++i) cluster.sim().step();
    cluster.kill_meta();
    cluster.start_meta();
    const MetaModel model = cluster.durable();
    if (model.object(ObjectId{2}) == nullptr) continue;
    const auto waited = cluster.wait_for_source(1);
    ASSERT_TRUE(waited.has_value()) << at << ": " << waited.error().to_string() << "\n" << cluster.inspect();
    if (::testing::Test::HasFailure()) FAIL() << "killed after step " << at;
  }
}

}  // namespace
}  // namespace penstock::meta
