// Databases that are dropped while something happens to all of them.
#include <gtest/gtest.h>

#include "unit/meta/fake_cluster.h"

namespace penstock::meta {
namespace {

using std::chrono::milliseconds;
using testing::FakeCluster;

uint32_t create_database(FakeCluster& cluster, const std::string& name) {
  pb::CreateDatabaseRequest request;
  request.set_name(name);
  const auto created = cluster.call<pb::CreateDatabaseResponse>("CreateDatabase", request);
  EXPECT_TRUE(created.has_value()) << created.error().to_string();
  auto table = testing::table(name);
  table.mutable_object()->set_database_id(created.value().database_id());
  EXPECT_TRUE(cluster.create(table).has_value());
  return created.value().database_id();
}

// Whenever the end of its recovery comes: as an answer, with the clock, or with the node that comes back, which every database is told of.
TEST(DroppedDatabases, go_at_whatever_moment_their_recovery_ends_and_leave_the_others_alone) {
  FakeCluster cluster(1, 2);
  for (int round = 0; round < 30; ++round) {
    std::vector<uint32_t> databases;
    for (int i = 0; i < 3; ++i) databases.push_back(create_database(cluster, fmt::format("d{}_{}", round, i)));
    cluster.kill_compute(1);
    cluster.sim().run_for(milliseconds(1 + round % 6 * 35));
    cluster.start_compute(1);
    cluster.sim().run_for(milliseconds(round % 5 * 3));
    for (const uint32_t id : databases) {
      pb::DropDatabaseRequest request;
      request.set_database_id(id);
      request.set_cascade(true);
      const auto dropped = cluster.call<pb::DropObjectResponse>("DropDatabase", request);
      ASSERT_TRUE(dropped.has_value()) << dropped.error().to_string();
    }
    cluster.sim().run_for(milliseconds(3000));
    ASSERT_EQ(cluster.rows("penstock_databases").size(), 1U) << cluster.inspect();
  }
  EXPECT_TRUE(cluster.flush().has_value());
}

}  // namespace
}  // namespace penstock::meta
