// Tables that get columns: the catalog, the barriers, and a whole meta that dies in between.
#include "meta/catalog/evolve.h"

#include <gtest/gtest.h>

#include <random>

#include "meta/model/rows.h"
#include "unit/meta/control_world.h"
#include "unit/meta/fake_cluster.h"

namespace penstock::meta {
namespace {

using testing::FakeCluster;
using testing::one_more_column;

// ---- the catalog

class AddColumnPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.nodes(1);
    world_.add(testing::source("s"));
    auto request = testing::table("t", 1);
    for (const char* name : {"a", "b"}) {
      request.mutable_object()->add_columns()->set_name(name);
      request.mutable_object()->mutable_table()->add_columns()->set_name(name);
    }
    auto* root = request.mutable_graph()->mutable_fragments(0)->mutable_root();
    *root->mutable_materialize()->mutable_table()->mutable_columns() = request.object().columns();
    root->set_identity("Materialize { columns: [a, b], stream_key: [a] }");
    for (const char* name : {"a", "b"}) root->add_input()->mutable_dml()->add_columns()->set_name(name);
    root->mutable_input()->RemoveLast();
    table_ = world_.add(request).value;
    created(table_);
  }
  void created(uint32_t id) {
    Txn txn;
    pb::CatalogObject object = *world_.model().object(ObjectId{id});
    object.set_state(pb::JOB_CREATED);
    rows::put(txn, object);
    ASSERT_TRUE(world_.model().apply(txn).has_value());
  }
  Error refused(pb::AddColumnRequest request) { return catalog::plan_add_column(world_.model(), request).error(); }

  testing::ControlWorld world_;
  uint32_t table_ = 0;
};

TEST_F(AddColumnPlan, the_object_and_every_operator_of_its_plan_have_the_column_and_nothing_else_changes) {
  const auto before = world_.model().job(JobId{table_})->record();
  ASSERT_TRUE(
      world_.model().apply(catalog::plan_add_column(world_.model(), one_more_column(world_.model(), table_, "c")).value()).has_value());
  const pb::CatalogObject& object = *world_.model().object(ObjectId{table_});
  ASSERT_EQ(object.columns_size(), 3);
  EXPECT_EQ(object.columns(2).name(), "c");
  EXPECT_TRUE(object.columns(2).has_added());
  EXPECT_FALSE(object.columns(1).has_added());
  EXPECT_EQ(object.table().columns_size(), 3);
  EXPECT_EQ(object.definition(), " c");
  const auto& after = world_.model().job(JobId{table_})->record();
  EXPECT_EQ(after.plan_version(), before.plan_version() + 1);
  EXPECT_EQ(after.table_base(), before.table_base());
  EXPECT_EQ(after.fragment_base(), before.fragment_base());
  const pb::StreamNode& root = after.graph().fragments(0).root();
  EXPECT_EQ(root.identity(), "Materialize { columns: [a, b, c], stream_key: [a] }");
  EXPECT_EQ(root.materialize().table().columns(2).name(), "c");
  EXPECT_EQ(root.fields(root.fields_size() - 1).name(), "c");
  EXPECT_EQ(root.input(0).dml().columns(1).name(), "c");
}

TEST_F(AddColumnPlan, refuses_what_is_there_what_is_no_table_and_what_was_seen_before_another_change) {
  EXPECT_EQ(refused(one_more_column(world_.model(), table_, "b")).code(), Code::DuplicateColumn);
  EXPECT_EQ(refused(one_more_column(world_.model(), table_, "b")).message(), "column \"b\" of relation \"t\" already exists");
  EXPECT_EQ(refused(one_more_column(world_.model(), 99, "c")).code(), Code::UndefinedObject);
  EXPECT_EQ(refused(one_more_column(world_.model(), 1, "c")).message(), "source s is not a table");
  EXPECT_EQ(refused(one_more_column(world_.model(), 1, "c")).code(), Code::WrongObjectType);
  const auto seen_before = one_more_column(world_.model(), table_, "d");
  ASSERT_TRUE(
      world_.model().apply(catalog::plan_add_column(world_.model(), one_more_column(world_.model(), table_, "c")).value()).has_value());
  EXPECT_EQ(refused(seen_before).code(), Code::SerializationFailure);
  const uint32_t creating = world_.add(testing::table("u", 1)).value;
  EXPECT_EQ(refused(one_more_column(world_.model(), creating, "c")).code(), Code::Stale);
}

// ---- the barriers

/// Two nodes of one core each. Table 1 with actors 1 (node 1) and 2 (node 2) runs; its first barrier is committed, the clock is at 0.
class ReplaceTest : public ::testing::Test {
 protected:
  void SetUp() override { world_.begin_with_table(2); }
  void run(std::string_view script) { world_.run(script); }
  int columns_built() { return world_.model().job(JobId{1})->record().graph().fragments(0).root().materialize().table().columns_size(); }

  testing::ControlWorld world_;
};

TEST_F(ReplaceTest, a_checkpoint_stops_all_then_the_graph_begins_anew_where_it_was_and_flushes_wait_for_that) {
  run(R"(
    @20 widen 1 c    => 1:checkpoint 1..20 a1 t1 +stop, 2:checkpoint 1..20 a2 t1 +stop
    flush 7          =>
    @2000 tick       =>
    collect 1        =>
    collect 2        => commit 1
    commit           => 1:committed 1, 2:committed 1, 1:reset, 2:reset
    reset 1          =>
    reset 2          => term ended at 1, 1:create(1), 2:create(1), 1:initial 1..2000 a1 t1 b1, 2:initial 1..2000 a2 t1 b2
    collect 1        =>
    collect 2        => 1:checkpoint 2000..2001 a1 t1, 2:checkpoint 2000..2001 a2 t1
    collect 1        =>
    collect 2        => commit 2000
    commit           => 1:committed 2000, 2:committed 2000, flushed 7 at 2000
    @2100 tick       =>
  )");
  EXPECT_EQ(columns_built(), 1);
  EXPECT_EQ(world_.control().recoveries(), 0U) << "it is no failure";
}

TEST_F(ReplaceTest, two_columns_at_once_take_one_stop_and_a_later_one_another) {
  run(R"(
    @20 widen 1 c untold  =>
    widen 1 d        => 1:checkpoint 1..20 a1 t1 +stop, 2:checkpoint 1..20 a2 t1 +stop
    widen 1 e        =>
    collect 1        =>
    collect 2        => commit 1
    commit           => 1:committed 1, 2:committed 1, 1:reset, 2:reset
    reset 1          =>
    reset 2          => term ended at 1, 1:create(1), 2:create(1), 1:initial 1..21 a1 t1 b1, 2:initial 1..21 a2 t1 b2
    widen 1 f        =>
    collect 1        =>
    collect 2        => 1:checkpoint 21..22 a1 t1 +stop, 2:checkpoint 21..22 a2 t1 +stop
  )");
}

TEST_F(ReplaceTest, a_node_that_dies_before_the_stop_is_committed_takes_nothing_with_it_but_the_stop) {
  run(R"(
    @20 widen 1 c    => 1:checkpoint 1..20 a1 t1 +stop, 2:checkpoint 1..20 a2 t1 +stop
    flush 7          =>
    collect 1        =>
    fail 2 2 100     => 1:reset, 2:reset
    reset 1          =>
    reset 2          => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..21 a1 t1 b1, 2:initial 0..21 a2 t1 b2
    collect 1        =>
    collect 2        => 1:checkpoint 21..22 a1 t1, 2:checkpoint 21..22 a2 t1
    collect 1        =>
    collect 2        => commit 21
    commit           => 1:committed 21, 2:committed 21, flushed 7 at 21
  )");
}

TEST_F(ReplaceTest, while_it_recovers_nothing_is_stopped_the_recovery_builds_it) {
  run(R"(
    fail 1 1 100     => 1:reset, 2:reset
    widen 1 c        =>
    reset 1          =>
    reset 2          => term ended at 0, 1:create(0), 2:create(0), 1:initial 0..2 a1 t1 b1, 2:initial 0..2 a2 t1 b2
    collect 1        =>
    collect 2        => 1:checkpoint 2..3 a1 t1, 2:checkpoint 2..3 a2 t1
    collect 1        =>
    collect 2        => commit 2
    commit           => 1:committed 2, 2:committed 2
  )");
  EXPECT_EQ(columns_built(), 1);
}

// ---- a whole meta

uint32_t create_or_fail(FakeCluster& cluster, const pb::CreateObjectRequest& request) {
  auto created = cluster.create(request);
  EXPECT_TRUE(created.has_value()) << created.error().to_string() << "\n" << cluster.inspect();
  return created.has_value() ? created.value().object_id() : 0;
}

int columns_in_last_term(FakeCluster& cluster, uint32_t job) {
  int out = -1;
  for (const auto& [key, columns] : cluster.ledger().columns) {
    if (key.first == job) out = columns;
  }
  return out;
}

TEST(MetaAddColumn, is_answered_when_the_actors_were_built_with_it) {
  FakeCluster cluster(1, 3);
  create_or_fail(cluster, testing::source("s"));
  create_or_fail(cluster, testing::view_on_source("v", 1, 2));
  create_or_fail(cluster, testing::table("t", 2));
  create_or_fail(cluster, testing::view_on("w", 3));
  const auto answer = cluster.call<pb::PauseResponse>("AddColumn", one_more_column(cluster.durable(), 3, "c"));
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(columns_in_last_term(cluster, 3), 1);
  EXPECT_EQ(columns_in_last_term(cluster, 4), 0);
  EXPECT_GE(cluster.snapshot().catalog().version(), answer.value().catalog_version());
  EXPECT_TRUE(cluster.wait_for_source(1).has_value()) << "the view on the source goes on where it was";
  EXPECT_EQ(cluster.call<pb::PauseResponse>("AddColumn", one_more_column(cluster.durable(), 3, "c")).error().code(), Code::DuplicateColumn);
}

TEST(MetaAddColumn, a_job_that_is_being_created_goes_on_with_what_it_has_done) {
  FakeCluster cluster(1, 2);
  cluster.ledger().backfill_barriers = 30;
  create_or_fail(cluster, testing::table("t", 2));
  auto request = testing::view_on("w", 1);
  request.set_background(true);
  create_or_fail(cluster, request);
  cluster.sim().run_for(std::chrono::seconds(4));
  ASSERT_EQ(cluster.durable().object(ObjectId{2})->state(), pb::JOB_CREATING);
  ASSERT_TRUE(cluster.call<pb::PauseResponse>("AddColumn", one_more_column(cluster.durable(), 1, "c")).has_value());
  EXPECT_EQ(columns_in_last_term(cluster, 1), 1);
  ASSERT_TRUE(
      cluster.sim().run_until([&] { return cluster.durable().object(ObjectId{2})->state() == pb::JOB_CREATED; }, std::chrono::seconds(200)))
      << cluster.inspect();
}

/// Meta dies after each step of it. Whatever it was, there is one number of columns everywhere, and the cluster goes on.
TEST(MetaAddColumn, meta_that_dies_between_any_two_steps_leaves_the_old_table_or_the_new_one) {
  bool old_seen = false, new_seen = false;
  for (int at = 0; at < 260; at += 2) {
    FakeCluster cluster(7, 2);
    create_or_fail(cluster, testing::source("s"));
    create_or_fail(cluster, testing::view_on_source("v", 1, 2));
    create_or_fail(cluster, testing::table("t", 2));
    cluster.send("AddColumn", one_more_column(cluster.durable(), 3, "c"));
    for (int i = 0; i < at; ++i) cluster.sim().step();
    cluster.kill_meta();
    cluster.start_meta();
    const auto flushed = cluster.flush();
    ASSERT_TRUE(flushed.has_value()) << at << ": " << flushed.error().to_string() << "\n" << cluster.inspect();
    const MetaModel model = cluster.durable();
    const int columns = model.object(ObjectId{3})->columns_size();
    (columns == 0 ? old_seen : new_seen) = true;
    EXPECT_EQ(model.object(ObjectId{3})->table().columns_size(), columns);
    EXPECT_EQ(model.job(JobId{3})->record().graph().fragments(0).root().materialize().table().columns_size(), columns);
    EXPECT_EQ(columns_in_last_term(cluster, 3), columns);
    const auto waited = cluster.wait_for_source(1);
    ASSERT_TRUE(waited.has_value()) << at << ": " << waited.error().to_string() << "\n" << cluster.inspect();
    if (::testing::Test::HasFailure()) FAIL() << "killed after step " << at;
  }
  EXPECT_TRUE(old_seen);
  EXPECT_TRUE(new_seen);
}

/// Computes die too, actors fail, streams break, jobs move.
class AddColumnSoak : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, AddColumnSoak, ::testing::Range<uint64_t>(1, 31));

TEST_P(AddColumnSoak, whatever_dies_all_runs_by_one_plan_and_state_is_whole) {
  FakeCluster cluster(GetParam(), 3);
  cluster.network().set_delay(std::chrono::microseconds(50), std::chrono::milliseconds(5));
  cluster.ledger().backfill_barriers = 3;
  create_or_fail(cluster, testing::source("s"));
  create_or_fail(cluster, testing::view_on_source("v", 1, 2));
  create_or_fail(cluster, testing::table("t", 2));
  std::mt19937_64 random(GetParam());
  for (int step = 0; step < 25; ++step) {
    cluster.sim().run_for(std::chrono::milliseconds(random() % 700));
    const size_t i = random() % 3;
    switch (random() % 8) {
      case 0:
        cluster.kill_compute(i);
        break;
      case 1:
        cluster.kill_meta();
        cluster.sim().run_for(std::chrono::milliseconds(random() % 300));
        cluster.start_meta();
        break;
      case 2: {
        auto view = testing::view_on(fmt::format("w{}", step), 3);
        view.set_background(true);
        cluster.send("CreateObject", view);
        break;
      }
      case 3: {
        pb::AlterParallelismRequest request;
        request.set_object_id(3);
        request.set_parallelism(static_cast<uint32_t>(1 + random() % 4));
        cluster.send("AlterParallelism", request);
        break;
      }
      case 4:
        if (cluster.has_compute(i)) cluster.compute(i).send_failure(1, "chaos");
        break;
      default:
        cluster.send("AddColumn", one_more_column(cluster.durable(), 3, fmt::format("c{}", step)));
    }
    for (size_t c = 0; c < 3; ++c) {
      if (!cluster.has_compute(c) && random() % 2 == 0) cluster.start_compute(c);
    }
  }
  for (size_t c = 0; c < 3; ++c) {
    if (!cluster.has_compute(c)) cluster.start_compute(c);
  }
  const auto waited = cluster.wait_for_source(1, std::chrono::seconds(200));
  ASSERT_TRUE(waited.has_value()) << waited.error().to_string() << "\n" << cluster.inspect();
  cluster.sim().run_for(std::chrono::seconds(5));  // what was asked for above
  const auto added = cluster.call<pb::PauseResponse>("AddColumn", one_more_column(cluster.durable(), 3, "last"));
  ASSERT_TRUE(added.has_value()) << added.error().to_string() << "\n" << cluster.inspect();
  ASSERT_TRUE(cluster.flush().has_value());
  const MetaModel model = cluster.durable();
  EXPECT_EQ(columns_in_last_term(cluster, 3), model.object(ObjectId{3})->columns_size());
  for (const auto& [key, split] : model.splits(JobId{2})) EXPECT_EQ(split.split.offset(), std::to_string(testing::FakeCompute::kRows));
}

// ---- views that get another query

pb::CreateObjectRequest new_query_of(const std::string& name, uint32_t view, uint32_t upstream) {
  auto request = testing::view_on(name + " (new query)", upstream);
  request.mutable_object()->set_replaces(view);
  request.mutable_object()->set_definition("the new one");
  return request;
}

/// "3 v old" for each view: its number, name and definition. Those that are being created in brackets.
std::string views(const MetaModel& model) {
  std::string out;
  for (const auto& [id, object] : model.objects()) {
    if (object.kind() != pb::OBJECT_MATERIALIZED_VIEW) continue;
    const std::string text = fmt::format("{} {} {}", id, object.name(), object.definition());
    out += (out.empty() ? "" : ", ") + (object.state() == pb::JOB_CREATING ? "[" + text + "]" : text);
  }
  return out;
}

class MetaReplaceView : public ::testing::Test {
 protected:
  void SetUp() override {
    create_or_fail(cluster_, testing::table("t", 2));
    auto view = testing::view_on("v", 1);
    view.mutable_object()->set_definition("the old one");
    create_or_fail(cluster_, view);
  }
  void begin_slowly() {
    cluster_.ledger().backfill_barriers = 1000;
    auto request = new_query_of("v", 2, 1);
    request.set_background(true);
    create_or_fail(cluster_, request);
    cluster_.sim().run_for(std::chrono::seconds(3));
    ASSERT_EQ(views(cluster_.durable()), "2 v the old one, [3 v (new query) the new one]");
  }

  FakeCluster cluster_{1, 2};
};

TEST_F(MetaReplaceView, the_new_job_takes_the_name_and_the_old_one_goes_when_it_is_complete) {
  create_or_fail(cluster_, new_query_of("v", 2, 1));
  const MetaModel model = cluster_.durable();
  EXPECT_EQ(views(model), "3 v the new one");
  EXPECT_EQ(model.object(ObjectId{3})->replaces(), 0U);
  EXPECT_EQ(model.job(JobId{3})->name(), "v");
  EXPECT_GT(model.object(ObjectId{3})->table().readable_since(), 0U);
  EXPECT_LE(model.object(ObjectId{3})->table().readable_since(), model.committed(PartialGraphId{1}).value) << "complete with that commit";
  EXPECT_FALSE(model.job(JobId{2}));
  EXPECT_EQ(model.placement(JobId{2}), nullptr);
  ASSERT_TRUE(cluster_.flush().has_value());
  create_or_fail(cluster_, new_query_of("v", 3, 1));
  EXPECT_EQ(views(cluster_.durable()), "4 v the new one") << "and again";
}

TEST_F(MetaReplaceView, refuses_what_others_read_and_what_is_replaced_already) {
  create_or_fail(cluster_, testing::view_on("w", 2));
  const Error dependents = cluster_.create(new_query_of("v", 2, 1)).error();
  EXPECT_EQ(dependents.code(), Code::DependentObjects);
  EXPECT_EQ(dependents.detail(), "materialized view w depends on it");
  EXPECT_EQ(cluster_.create(new_query_of("t", 1, 1)).error().code(), Code::WrongObjectType);
  EXPECT_EQ(cluster_.create(new_query_of("gone", 77, 1)).error().code(), Code::SerializationFailure);
  ASSERT_TRUE(cluster_.drop(3).has_value());
  cluster_.ledger().backfill_barriers = 1000;
  auto slow = new_query_of("v", 2, 1);
  slow.set_background(true);
  create_or_fail(cluster_, slow);
  auto second = new_query_of("v", 2, 1);
  second.mutable_object()->set_name("another");
  EXPECT_EQ(cluster_.create(second).error().code(), Code::ObjectInUse);
  EXPECT_EQ(cluster_.create(testing::view_on("x", 2)).error().code(), Code::Stale) << "it would read what goes";
  pb::RenameObjectRequest rename;
  rename.set_object_id(2);
  rename.set_name("u");
  EXPECT_EQ(cluster_.call<pb::AlterDatabaseResponse>("RenameObject", rename).error().code(), Code::ObjectInUse);
}

TEST_F(MetaReplaceView, cancelled_or_failed_the_view_is_as_it_was) {
  begin_slowly();
  pb::CancelJobsRequest cancel;
  cancel.add_job_ids(3);
  ASSERT_TRUE(cluster_.call<pb::CancelJobsResponse>("CancelJobs", cancel).has_value());
  EXPECT_EQ(views(cluster_.durable()), "2 v the old one");
  auto again = new_query_of("v", 2, 1);
  again.set_background(true);
  create_or_fail(cluster_, again);
  cluster_.sim().run_for(std::chrono::seconds(3));
  for (size_t i = 0; i < 2; ++i) cluster_.compute(i).fail_creating(200);  // certain to fail again
  cluster_.sim().run_for(std::chrono::seconds(5));
  EXPECT_EQ(views(cluster_.durable()), "2 v the old one");
  cluster_.ledger().backfill_barriers = 0;
  create_or_fail(cluster_, new_query_of("v", 2, 1));
  EXPECT_EQ(views(cluster_.durable()), "5 v the new one");
}

TEST_F(MetaReplaceView, dropping_the_view_drops_what_was_to_take_its_place) {
  begin_slowly();
  const auto dropped = cluster_.drop(2);
  ASSERT_TRUE(dropped.has_value()) << dropped.error().to_string();
  EXPECT_EQ(dropped.value().dropped_size(), 2);
  EXPECT_EQ(views(cluster_.durable()), "");
  cluster_.ledger().backfill_barriers = 0;
  create_or_fail(cluster_, testing::view_on("v", 1));
}

/// Meta dies after each step of it: the view is the old one, or the new one; it is never missing and never there twice.
TEST(MetaReplaceViewCrash, meta_that_dies_between_any_two_steps_leaves_the_old_view_or_the_new_one) {
  bool old_seen = false, new_seen = false;
  for (int at = 0; at < 600; at += 5) {
    FakeCluster cluster(7, 2);
    cluster.ledger().backfill_barriers = 2;
    create_or_fail(cluster, testing::table("t", 2));
    create_or_fail(cluster, testing::view_on("v", 1));
    cluster.send("CreateObject", new_query_of("v", 2, 1));
    for (int i = 0; i < at; ++i) cluster.sim().step();
    cluster.kill_meta();
    const MetaModel model = cluster.durable();
    int complete = 0;
    for (const auto& [id, object] : model.objects()) {
      if (object.name() != "v") continue;
      ++complete;
      EXPECT_EQ(object.state(), pb::JOB_CREATED);
      (id == ObjectId{2} ? old_seen : new_seen) = true;
    }
    EXPECT_EQ(complete, 1) << at << ": " << views(model);
    cluster.start_meta();
    const auto flushed = cluster.flush();
    ASSERT_TRUE(flushed.has_value()) << at << ": " << flushed.error().to_string() << "\n" << cluster.inspect();
    ASSERT_TRUE(cluster.sim().run_until(
        [&] {
          const std::string now = views(cluster.durable());
          return now == "2 v " || now == "3 v the new one";
        },
        std::chrono::seconds(60)))
        << at << ": " << views(cluster.durable()) << "\n"
        << cluster.inspect();
    if (::testing::Test::HasFailure()) FAIL() << "killed after step " << at;
  }
  EXPECT_TRUE(old_seen);
  EXPECT_TRUE(new_seen);
}

}  // namespace
}  // namespace penstock::meta
