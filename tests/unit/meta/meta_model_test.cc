#include "meta/model/meta_model.h"

#include <gtest/gtest.h>

#include "meta/catalog/catalog_manager.h"
#include "meta/model/epoch_generator.h"
#include "meta/model/rows.h"
#include "meta/placement/placement.h"
#include "meta/store/memory_meta_store.h"
#include "unit/meta/plans.h"

namespace penstock::meta {
namespace {

/// A model and the rows a store would hold; `reload` is a restart.
class ModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    term_ = store_.lead(7).value();
    commit(catalog::bootstrap(model_));
  }
  void commit(const Txn& txn) {
    ASSERT_TRUE(store_.commit(term_, txn).has_value());
    const Status applied = model_.apply(txn);
    ASSERT_TRUE(applied.has_value()) << applied.error().to_string();
  }
  ObjectId create(const pb::CreateObjectRequest& request, const catalog::Listings& listings = {}) {
    auto plan = catalog::plan_create(model_, request, listings, 5);
    EXPECT_TRUE(plan.has_value()) << plan.error().to_string();
    commit(plan.value().txn);
    return plan.value().object;
  }
  std::string create_error(const pb::CreateObjectRequest& request) {
    const auto plan = catalog::plan_create(model_, request, {}, 5);
    return plan.has_error() ? fmt::format("{} {}", sqlstate(plan.error().code()), plan.error().message()) : "created";
  }
  void finish(ObjectId job) {
    pb::CatalogObject object = *model_.object(job);
    object.set_state(pb::JOB_CREATED);
    Txn txn;
    rows::put(txn, object);
    commit(txn);
  }
  MetaModel reload() { return std::move(MetaModel::load(store_.scan("").value()).value()); }

  std::shared_ptr<MemoryMetaStore::Disk> disk_ = std::make_shared<MemoryMetaStore::Disk>("c");
  MemoryMetaStore store_{disk_};
  LeaderTerm term_;
  MetaModel model_;
};

TEST_F(ModelTest, a_restart_finds_what_was_committed) {
  create(testing::source("s"));
  const ObjectId view = create(testing::view_on_source("v", 1), {{ObjectId{1}, {{"a.csv", "h"}, {"b.csv", ""}}}});
  auto placement = place_job(*model_.job(view), std::vector<Candidate>{{WorkerId{1}, 2, 0}, {WorkerId{2}, 2, 0}}, {}).value();
  number_actors(placement, ActorId{10});
  placement.backfilled.insert(ActorId{11});
  Txn txn;
  rows::put_placement(txn, view, placement);
  rows::put_committed(txn, {PartialGraphId{1}, Term{1}}, Epoch{7});
  pb::SegmentRef ref;
  ref.set_sequence(3);
  rows::put_segment(txn, PartialGraphId{1}, WorkerId{2}, ref);
  commit(txn);
  const MetaModel again = reload();
  EXPECT_EQ(again.committed(PartialGraphId{1}), Epoch{7});
  EXPECT_EQ(again.segments(PartialGraphId{1}, WorkerId{2}).size(), 1U);
  EXPECT_EQ(*again.placement(view), placement);
  EXPECT_EQ(again.splits(view).size(), 2U);
  EXPECT_EQ(again.splits(view).at({ObjectId{1}, 1}).split.id(), "b.csv");
  EXPECT_EQ(again.numbered_splits(ObjectId{1}).at(0), "a.csv");
  EXPECT_EQ(catalog::snapshot(again).SerializeAsString(), catalog::snapshot(model_).SerializeAsString());
}

TEST_F(ModelTest, a_row_of_an_unknown_kind_is_corruption_that_names_it) {
  EXPECT_EQ(MetaModel::load({{"novelty/1", "x"}}).error().message(), "meta store: row novelty/1: unknown kind of row");
  EXPECT_EQ(MetaModel::load({{"object/zwölf", "x"}}).error().code(), Code::Corruption);
  EXPECT_EQ(MetaModel::load({{"object/1", "\xff\xff"}}).error().code(), Code::Corruption);
}

TEST_F(ModelTest, ids_tables_fragments_and_operators_are_never_used_again) {
  const ObjectId first = create(testing::table("t"));
  const pb::JobRecord before = model_.job(first)->record();
  commit(catalog::plan_drop(model_, first, false).value().txn);
  const ObjectId second = create(testing::table("t"));
  const pb::JobRecord after = model_.job(second)->record();
  EXPECT_GT(second, first);
  EXPECT_EQ(after.table_base(), before.table_base() + 1);
  EXPECT_EQ(after.fragment_base(), before.fragment_base() + 1);
  EXPECT_EQ(after.operator_base(), before.operator_base() + 2);
  EXPECT_EQ(model_.object(second)->table().table_id(), after.table_base());
}

TEST_F(ModelTest, names_are_unique_in_a_schema_and_if_not_exists_says_it_existed) {
  const ObjectId first = create(testing::table("t"));
  EXPECT_EQ(create_error(testing::source("t")), "42P07 relation \"t\" already exists");
  auto elsewhere = testing::source("t");
  elsewhere.mutable_object()->set_schema("other");
  EXPECT_EQ(create_error(elsewhere), "created");
  auto again = testing::table("t");
  again.set_if_not_exists(true);
  const auto plan = catalog::plan_create(model_, again, {}, 5).value();
  EXPECT_TRUE(plan.existed);
  EXPECT_EQ(plan.object, first);
  EXPECT_TRUE(plan.txn.empty());
}

TEST_F(ModelTest, a_job_reads_only_what_is_there_and_finished) {
  EXPECT_EQ(create_error(testing::view_on("v", 9)), "42704 materialized view v reads object 9, which was dropped");
  create(testing::table("t"));
  EXPECT_EQ(create_error(testing::view_on("v", 1)), "55000 table t is still being created");
  finish(ObjectId{1});
  EXPECT_EQ(create_error(testing::view_on("v", 1)), "created");
}

TEST_F(ModelTest, refuses_plans_that_make_no_sense) {
  auto no_plan = testing::table("t");
  no_plan.clear_graph();
  EXPECT_EQ(create_error(no_plan), "42P16 table t needs a plan");
  auto twice = testing::table("t");
  *twice.mutable_graph()->add_fragments() = twice.graph().fragments(0);
  EXPECT_EQ(create_error(twice), "42P16 plan of t: its 2 fragments are not numbered from 0: there is a 0");
  auto lost_table = testing::table("t");
  lost_table.mutable_graph()->set_table_count(2);
  EXPECT_EQ(create_error(lost_table), "42P16 plan of t: table 1 is in no fragment");
  auto bad_edge = testing::view_on_source("v", 0);
  EXPECT_EQ(create_error(bad_edge).substr(0, 5), "42704");
  auto many = testing::table("t");
  many.mutable_graph()->set_vnode_count(40'000);
  EXPECT_EQ(create_error(many), "42P16 plan of t: vnode count 40000 is not in 1..32768");
}

TEST_F(ModelTest, drop_names_the_dependents_and_cascade_takes_them_first) {
  create(testing::table("t"));
  finish(ObjectId{1});
  create(testing::view_on("v", 1));
  finish(ObjectId{2});
  create(testing::view_on("w", 2));
  const auto refused = catalog::plan_drop(model_, ObjectId{1}, false);
  EXPECT_EQ(sqlstate(refused.error().code()), "2BP01");
  EXPECT_EQ(refused.error().message(), "cannot drop table t because other objects depend on it");
  EXPECT_EQ(refused.error().detail(), "materialized view w depends on materialized view v\nmaterialized view v depends on table t");
  const auto plan = catalog::plan_drop(model_, ObjectId{1}, true).value();
  EXPECT_EQ(plan.dropped, (std::vector<ObjectId>{ObjectId{3}, ObjectId{2}, ObjectId{1}}));
  commit(plan.txn);
  EXPECT_TRUE(model_.objects().empty());
  EXPECT_TRUE(reload().jobs().empty());
}

TEST_F(ModelTest, a_dropped_source_takes_its_split_numbers_along) {
  create(testing::source("s"));
  const ObjectId view = create(testing::view_on_source("v", 1), {{ObjectId{1}, {{"a", ""}}}});
  commit(catalog::plan_drop(model_, ObjectId{1}, true).value().txn);
  EXPECT_TRUE(model_.splits(view).empty());
  EXPECT_TRUE(model_.numbered_splits(ObjectId{1}).empty());
}

TEST_F(ModelTest, a_file_keeps_its_number_for_every_job_and_new_ones_get_new_numbers) {
  create(testing::source("s"));
  const ObjectId first = create(testing::view_on_source("v", 1), {{ObjectId{1}, {{"a", ""}, {"b", ""}}}});
  commit(adopt_listing(model_, ObjectId{1}, {{"b", ""}, {"c", ""}}));
  const ObjectId second = create(testing::view_on_source("w", 1), {{ObjectId{1}, {{"c", ""}, {"b", ""}}}});
  EXPECT_EQ(model_.splits(first).at({ObjectId{1}, 2}).split.id(), "c");
  EXPECT_EQ(model_.splits(second).size(), 2U);
  EXPECT_EQ(model_.splits(second).at({ObjectId{1}, 1}).split.id(), "b");
  EXPECT_TRUE(adopt_listing(model_, ObjectId{1}, {{"a", ""}}).writes.size() == 1U);  // only w lacks it
}

TEST_F(ModelTest, databases_have_unique_names) {
  pb::CreateDatabaseRequest request;
  request.set_name("dev");
  EXPECT_EQ(sqlstate(catalog::plan_create_database(model_, request).error().code()), "42710");
  request.set_if_not_exists(true);
  EXPECT_EQ(catalog::plan_create_database(model_, request).value().database, DatabaseId{1});
  request.set_name("other");
  EXPECT_EQ(catalog::plan_create_database(model_, request).value().database, DatabaseId{2});
}

TEST(EpochGenerator, never_gives_an_epoch_twice_although_the_clock_steps_back_over_restarts) {
  uint64_t durable = 0;
  Epoch last;
  int64_t clock = 1'700'000'000'000'000;
  for (int restart = 0; restart < 50; ++restart) {
    EpochGenerator epochs(durable);
    EXPECT_EQ(epochs.next(clock), std::nullopt);  // not before a lease is durable
    durable = epochs.next_lease(clock);
    epochs.on_leased(durable);
    for (int i = 0; i < 100; ++i) {
      const auto epoch = epochs.next(clock);
      ASSERT_TRUE(epoch.has_value());
      ASSERT_GT(*epoch, last);
      last = *epoch;
    }
    clock += restart % 3 == 0 ? -3'600'000'000 : 1'000;
  }
}

TEST(EpochGenerator, gives_at_most_one_epoch_a_millisecond_and_none_beyond_the_lease) {
  EpochGenerator epochs(0);
  const int64_t clock = 1'700'000'000'000'000;
  epochs.on_leased(epochs.next_lease(clock));
  int given = 0;
  while (epochs.next(clock)) ++given;
  EXPECT_EQ(given, 10'001);
  EXPECT_TRUE(epochs.wants_lease(clock));
}

std::string shape(const JobPlacement& placement) {
  std::string out;
  for (const auto& [fragment, actors] : placement.fragments) {
    out += fmt::format("{}:", fragment);
    for (const ActorPlacement& actor : actors) out += fmt::format(" {}@{}", actor.vnodes.to_string(), actor.worker);
    out += ";";
  }
  return out;
}

TEST_F(ModelTest, placement_spreads_by_cores_and_keeps_equal_vnodes_together) {
  create(testing::source("s"));
  const ObjectId view = create(testing::view_on_source("v", 1, 0));
  const std::vector<Candidate> nodes = {{WorkerId{1}, 3, 0}, {WorkerId{2}, 1, 0}};
  EXPECT_EQ(shape(place_job(*model_.job(view), nodes, {}).value()), "1: 0-1@1 2-3@1 4-5@1 6-7@2;2: 0-1@1 2-3@1 4-5@1 6-7@2;");
}

TEST_F(ModelTest, placement_has_at_most_an_actor_a_vnode) {
  const ObjectId t = create(testing::table("t", 100));
  EXPECT_EQ(count_actors(place_job(*model_.job(t), std::vector<Candidate>{{WorkerId{1}, 1, 0}}, {}).value()), 8U);
}

TEST_F(ModelTest, a_singleton_is_one_actor_with_vnode_0_on_the_node_with_least_to_do) {
  auto request = testing::table("t");
  request.mutable_graph()->mutable_fragments(0)->set_singleton(true);
  const ObjectId t = create(request);
  const std::vector<Candidate> nodes = {{WorkerId{1}, 2, 4}, {WorkerId{2}, 2, 1}};
  EXPECT_EQ(shape(place_job(*model_.job(t), nodes, {}).value()), "1: 0@2;");
}

TEST_F(ModelTest, a_view_lies_where_the_upstream_lies_that_it_reads_without_shuffle) {
  create(testing::table("t"));
  finish(ObjectId{1});
  const ObjectId v = create(testing::view_on("v", 1));
  const auto upstream = place_job(*model_.job(ObjectId{1}), std::vector<Candidate>{{WorkerId{3}, 1, 0}, {WorkerId{5}, 1, 0}}, {}).value();
  const auto lookup = [&](ObjectId) { return &upstream.fragments.begin()->second; };
  EXPECT_EQ(shape(place_job(*model_.job(v), std::vector<Candidate>{{WorkerId{9}, 8, 0}}, lookup).value()), "2: 0-3@3 4-7@5;");
  EXPECT_EQ(place_job(*model_.job(v), std::vector<Candidate>{{WorkerId{9}, 8, 0}}, [](ObjectId) { return nullptr; }).error().code(),
            Code::Unavailable);
}

}  // namespace
}  // namespace penstock::meta
