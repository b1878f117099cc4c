// Where jobs go when nodes come and go or the parallelism changes.
#include <gtest/gtest.h>

#include "meta/catalog/catalog_manager.h"
#include "meta/model/rows.h"
#include "meta/placement/rescale.h"
#include "unit/meta/plans.h"

namespace penstock::meta {
namespace {

/// A catalog of jobs with placements; nodes are written `1x2` (node 1 with two cores).
class RescalePlanTest : public ::testing::Test {
 protected:
  void SetUp() override { apply(catalog::bootstrap(model_)); }

  JobId add(const pb::CreateObjectRequest& request, const std::vector<Candidate>& nodes) {
    auto planned = catalog::plan_create(model_, request, {}, 0);
    EXPECT_TRUE(planned.has_value()) << planned.error().to_string();
    apply(planned.value().txn);
    const JobId id = planned.value().object;
    pb::CatalogObject created = *model_.object(id);
    created.set_state(pb::JOB_CREATED);
    Txn txn;
    rows::put(txn, created);
    apply(txn);
    auto placed = place_job(*model_.job(id), nodes, [&](ObjectId object) -> const std::vector<ActorPlacement>* {
      return &placements_.at(object).fragments.at(model_.job(object)->materialize_fragment()->id);
    });
    EXPECT_TRUE(placed.has_value()) << placed.error().to_string();
    number_actors(placed.value(), ActorId{next_actor_});
    next_actor_ += count_actors(placed.value());
    placements_[id] = placed.value();
    return id;
  }
  void set_parallelism(JobId id, uint32_t parallelism) {
    pb::JobRecord record = model_.job(id)->record();
    record.mutable_graph()->set_parallelism(parallelism);
    changed_[id] = std::move(JobPlan::make(record).value());
  }
  Result<RescalePlan> plan(const std::vector<Candidate>& nodes) {
    std::vector<PlacedJob> jobs;
    for (const auto& [id, placement] : placements_) jobs.push_back({changed_.contains(id) ? changed_[id] : model_.job(id), &placement});
    return plan_rescale(jobs, nodes);
  }
  /// Plans and carries it out; "" when there is nothing to do, else what moved, "1>3 t1,2 v0-1".
  std::string rescale(const std::vector<Candidate>& nodes) {
    auto planned = plan(nodes);
    if (planned.has_error()) return std::string(code_name(planned.error().code()));
    std::string out = planned.value().empty() ? "" : "changed";
    for (const VnodeMove& move : planned.value().moves) {
      std::vector<uint32_t> tables;
      for (const TableId table : move.tables) tables.push_back(table.value);
      out += fmt::format("; {}>{} t{} v{}", move.from, move.to, fmt::join(tables, ","), move.vnodes.to_string());
    }
    number_new_actors(planned.value(), ActorId{next_actor_});
    next_actor_ += count_new_actors(planned.value());
    for (auto& [id, placement] : planned.value().placements) placements_[id] = placement;
    auto again = plan(nodes);
    EXPECT_TRUE(again.has_value() && again.value().empty()) << "a plan of what was planned changes nothing";
    return out;
  }
  /// "1:0-3 2:4-7" of each fragment.
  std::string show(JobId id) const {
    std::string out;
    for (const auto& [fragment, actors] : placements_.at(id).fragments) {
      out += out.empty() ? "" : " | ";
      for (const ActorPlacement& actor : actors) {
        out += fmt::format("{}{}:{}", &actor == &actors.front() ? "" : " ", actor.worker, actor.vnodes.to_string());
      }
    }
    return out;
  }
  const JobPlacement& placement(JobId id) const { return placements_.at(id); }

  static void apply_to(MetaModel& model, const Txn& txn) { ASSERT_TRUE(model.apply(txn).has_value()); }
  void apply(const Txn& txn) { apply_to(model_, txn); }

  MetaModel model_;
  std::map<JobId, JobPlacement> placements_;
  std::map<JobId, std::shared_ptr<const JobPlan>> changed_;
  uint32_t next_actor_ = 1;
};

std::vector<Candidate> nodes(std::initializer_list<std::pair<uint32_t, uint32_t>> list) {
  std::vector<Candidate> out;
  for (const auto& [worker, cores] : list) out.push_back({WorkerId{worker}, cores, 0});
  return out;
}

TEST_F(RescalePlanTest, nothing_changes_while_the_nodes_stay) {
  add(testing::table("t", 0), nodes({{1, 2}, {2, 2}}));
  EXPECT_EQ(rescale(nodes({{1, 2}, {2, 2}})), "");
}

TEST_F(RescalePlanTest, an_adaptive_job_is_spread_over_a_node_that_joins_and_moves_no_more_than_its_share) {
  const JobId t = add(testing::table("t", 0), nodes({{1, 1}, {2, 1}}));
  EXPECT_EQ(show(t), "1:0-3 2:4-7");
  EXPECT_EQ(rescale(nodes({{1, 1}, {2, 1}, {3, 1}})), "changed; 1>3 t1 v2-3; 2>3 t1 v7");
  EXPECT_EQ(show(t), "1:0-1 2:4-6 3:2-3,7");
}

TEST_F(RescalePlanTest, a_fixed_job_stays_where_it_is_when_a_node_joins) {
  const JobId t = add(testing::table("t", 2), nodes({{1, 1}, {2, 1}}));
  EXPECT_EQ(rescale(nodes({{1, 1}, {2, 1}, {3, 1}})), "");
  EXPECT_EQ(show(t), "1:0-3 2:4-7");
}

TEST_F(RescalePlanTest, jobs_of_either_kind_leave_a_node_that_is_no_candidate) {
  const JobId fixed = add(testing::table("f", 2), nodes({{1, 1}, {2, 1}}));
  const JobId adaptive = add(testing::table("a", 0), nodes({{1, 1}, {2, 1}}));
  EXPECT_EQ(rescale(nodes({{1, 1}})), "changed; 2>1 t1 v4-7; 2>1 t2 v4-7");
  EXPECT_EQ(show(fixed), "1:0-3 1:4-7");
  EXPECT_EQ(show(adaptive), "1:0-7");
}

TEST_F(RescalePlanTest, more_actors_on_one_node_move_no_rows) {
  const JobId t = add(testing::table("t", 1), nodes({{1, 4}}));
  set_parallelism(t, 4);
  EXPECT_EQ(rescale(nodes({{1, 4}})), "changed");
  EXPECT_EQ(show(t), "1:0-1 1:2-3 1:4-5 1:6-7");
  set_parallelism(t, 3);
  EXPECT_EQ(rescale(nodes({{1, 4}})), "changed");
  EXPECT_EQ(show(t), "1:0-1 1:2-4 1:5-7");
}

TEST_F(RescalePlanTest, fewer_actors_stay_on_the_nodes_that_have_most) {
  const JobId t = add(testing::table("t", 4), nodes({{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
  set_parallelism(t, 2);
  EXPECT_EQ(rescale(nodes({{1, 1}, {2, 1}, {3, 1}, {4, 1}})), "changed; 3>1 t1 v4-5; 4>2 t1 v6-7");
  EXPECT_EQ(show(t), "1:0-1,4-5 2:2-3,6-7");
}

TEST_F(RescalePlanTest, there_are_no_more_actors_than_vnodes) {
  const JobId t = add(testing::table("t", 2), nodes({{1, 1}}));
  set_parallelism(t, 100);
  EXPECT_EQ(rescale(nodes({{1, 1}})), "changed");
  EXPECT_EQ(placement(t).fragments.begin()->second.size(), 8U);
}

TEST_F(RescalePlanTest, equal_vnodes_of_a_job_stay_on_one_node_and_a_source_without_state_moves_no_rows) {
  apply(catalog::plan_create(model_, testing::source("s"), {}, 0).value().txn);
  const JobId v = add(testing::view_on_source("v", 1, 0), nodes({{1, 1}, {2, 1}}));
  EXPECT_EQ(show(v), "1:0-3 2:4-7 | 1:0-3 2:4-7");
  EXPECT_EQ(rescale(nodes({{1, 1}, {2, 1}, {3, 1}})), "changed; 1>3 t1,2 v2-3; 2>3 t1,2 v7");
  EXPECT_EQ(show(v), "1:0-1 2:4-6 3:2-3,7 | 1:0-1 2:4-6 3:2-3,7");
}

TEST_F(RescalePlanTest, what_reads_a_job_without_shuffle_follows_it_and_keeps_its_own_wish_for_the_rest) {
  const JobId t = add(testing::table("t", 2), nodes({{1, 1}, {2, 1}}));
  const JobId v = add(testing::view_on("v", t.value), nodes({{1, 1}, {2, 1}}));
  set_parallelism(v, 1);
  EXPECT_EQ(rescale(nodes({{1, 1}, {2, 1}})), "") << "its only fragment lies as the table does, whatever it wishes";
  set_parallelism(t, 1);
  EXPECT_EQ(rescale(nodes({{1, 1}, {2, 1}})), "changed; 2>1 t1 v4-7; 2>1 t2,3 v4-7");
  EXPECT_EQ(show(t), "1:0-7");
  EXPECT_EQ(show(v), "1:0-7");
}

TEST_F(RescalePlanTest, a_singleton_moves_only_when_its_node_goes) {
  auto request = testing::table("t", 1);
  request.mutable_graph()->mutable_fragments(0)->set_singleton(true);
  const JobId t = add(request, nodes({{2, 1}}));
  EXPECT_EQ(show(t), "2:0");
  EXPECT_EQ(rescale(nodes({{1, 8}, {2, 1}})), "");
  auto busy = nodes({{1, 1}, {3, 1}});
  busy[0].actors = 5;
  EXPECT_EQ(rescale(busy), "changed; 2>3 t1 v0");
  EXPECT_EQ(show(t), "3:0");
}

TEST_F(RescalePlanTest, all_actors_of_a_fragment_that_changes_are_new_and_no_others) {
  const JobId t = add(testing::table("t", 0), nodes({{1, 1}, {2, 1}}));
  const JobId other = add(testing::table("o", 2), nodes({{1, 1}, {2, 1}}));
  const auto before = placement(other);
  rescale(nodes({{1, 1}, {2, 1}, {3, 1}}));
  for (const ActorPlacement& actor : placement(t).fragments.begin()->second) EXPECT_GE(actor.actor, ActorId{5});
  EXPECT_EQ(placement(other), before);
}

TEST_F(RescalePlanTest, without_nodes_there_is_no_plan) {
  add(testing::table("t", 0), nodes({{1, 1}}));
  EXPECT_EQ(rescale({}), code_name(Code::Unavailable));
}

TEST_F(RescalePlanTest, random_changes_keep_every_vnode_owned_once_by_a_candidate_and_shares_even) {
  std::vector<JobId> jobs;
  jobs.push_back(add(testing::table("t", 0), nodes({{1, 2}})));
  jobs.push_back(add(testing::table("u", 3), nodes({{1, 2}})));
  jobs.push_back(add(testing::view_on("v", jobs[0].value), nodes({{1, 2}})));
  uint64_t state = 7;
  const auto random = [&](uint64_t below) { return ((state = state * 6364136223846793005ULL + 1442695040888963407ULL) >> 33) % below; };
  for (int step = 0; step < 200; ++step) {
    std::vector<Candidate> now;
    for (uint32_t worker = 1; worker <= 4; ++worker) {
      if (random(2) == 0) now.push_back({WorkerId{worker}, 1 + static_cast<uint32_t>(random(3)), 0});
    }
    if (now.empty()) continue;
    if (step % 3 == 0) set_parallelism(jobs[1], 1 + static_cast<uint32_t>(random(9)));
    rescale(now);
    for (const JobId job : jobs) {
      for (const auto& [fragment, actors] : placement(job).fragments) {
        std::vector<int> owners(8, 0);
        for (const ActorPlacement& actor : actors) {
          EXPECT_TRUE(std::ranges::find(now, actor.worker, &Candidate::worker) != now.end());
          EXPECT_NEAR(actor.vnodes.count(), 8.0 / static_cast<double>(actors.size()), 1.0);
          for (const VNode v : actor.vnodes.list()) ++owners[v];
        }
        EXPECT_EQ(owners, std::vector<int>(8, 1));
      }
    }
  }
}

}  // namespace
}  // namespace penstock::meta
