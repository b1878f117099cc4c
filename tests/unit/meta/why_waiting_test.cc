// What meta says to somebody who waits.
#include <gtest/gtest.h>

#include "proto/inspect.pb.h"
#include "unit/meta/fake_cluster.h"

namespace penstock::meta::testing {
namespace {

using namespace std::chrono_literals;

/// "dev [t: 3]: reason", a line a database.
std::string why(FakeCluster& cluster, const pb::WhyWaitingRequest& request = {}) {
  std::string out;
  const auto reply = cluster.call<pb::WhyWaitingReply>("WhyWaiting", request);
  for (const pb::DatabaseWait& wait : reply.value().databases()) {
    out += fmt::format("{}{}", out.empty() ? "" : "\n", wait.database());
    if (wait.actors() > 0) out += fmt::format(" [{}: {}]", fmt::join(wait.jobs(), ", "), wait.actors());
    out += ": " + wait.reason();
  }
  return out;
}

pb::WhyWaitingRequest of_worker(uint32_t worker) {
  pb::WhyWaitingRequest request;
  request.set_worker_id(worker);
  return request;
}

pb::WhyWaitingRequest of_creations(uint64_t creation = 0) {
  pb::WhyWaitingRequest request;
  request.set_creations(true);
  request.set_creation(creation);
  return request;
}

TEST(WhyWaiting, has_no_reason_while_all_is_well) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t", 2)).has_value());
  EXPECT_EQ(why(cluster), "dev: ");
  EXPECT_EQ(why(cluster, of_creations()), "dev: ");
  EXPECT_TRUE(why(cluster, of_worker(2)).starts_with("dev [t: ")) << why(cluster, of_worker(2));
  EXPECT_EQ(why(cluster, of_worker(9)), "") << "nothing is there";
}

TEST(WhyWaiting, names_the_node_that_has_not_finished_the_oldest_barrier_in_words_that_stay_the_same) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t", 2)).has_value());
  cluster.compute(1).hold(true);
  cluster.sim().run_for(1s);
  EXPECT_EQ(why(cluster), "dev: ") << "it may come any moment";
  cluster.sim().run_for(4s);
  const std::string reason = why(cluster);
  EXPECT_TRUE(reason.starts_with("dev: database dev: node 2 (")) << reason;
  EXPECT_NE(reason.find(") has not finished the oldest barrier (penstock ctl await-tree says"), std::string::npos) << reason;
  cluster.sim().run_for(3s);
  EXPECT_EQ(why(cluster), reason);
  cluster.compute(1).hold(false);
  cluster.sim().run_for(2s);
  EXPECT_EQ(why(cluster), "dev: ");
}

TEST(WhyWaiting, a_drain_waits_for_a_node_that_is_away_and_says_so) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t", 2)).has_value());
  cluster.kill_compute(1);
  cluster.sim().run_for(3s);
  const std::string reason = why(cluster, of_worker(2));
  EXPECT_TRUE(reason.starts_with("dev [t: ")) << reason;
  EXPECT_NE(reason.find("]: database dev recovers: "), std::string::npos) << reason;
  EXPECT_NE(reason.find("waits for node 2 ("), std::string::npos) << reason;
  cluster.sim().run_for(20s);
  EXPECT_EQ(why(cluster, of_worker(2)), reason) << "no times in it that grow";
}

TEST(WhyWaiting, a_creation_in_a_paused_database_is_told_how_it_can_go_on_and_only_that_one) {
  FakeCluster cluster;
  ASSERT_TRUE(cluster.create(table("t", 2)).has_value());
  pb::PauseRequest pause;
  pause.set_database_id(1);
  ASSERT_TRUE(cluster.call<pb::PauseResponse>("Pause", pause).has_value());
  EXPECT_EQ(why(cluster, of_creations()), "dev: ") << "nothing is being created";
  cluster.ledger().backfill_barriers = 1000;
  auto view = view_on("v", 1);
  view.set_background(true);
  view.mutable_object()->set_creation(77);
  ASSERT_TRUE(cluster.create(view).has_value());
  cluster.sim().run_for(1s);
  const std::string paused = "dev: database dev is paused: ALTER DATABASE dev RESUME lets it go on";
  EXPECT_EQ(why(cluster, of_creations()), paused);
  EXPECT_EQ(why(cluster, of_creations(77)), paused);
  EXPECT_EQ(why(cluster, of_creations(78)), "dev: ");
  EXPECT_EQ(why(cluster), "dev: ") << "FLUSH does not wait for it";
  pb::WhyWaitingRequest alters;
  alters.set_alters(true);
  EXPECT_TRUE(why(cluster, alters).starts_with("dev: database dev: rescale waits")) << why(cluster, alters);
}

}  // namespace
}  // namespace penstock::meta::testing
