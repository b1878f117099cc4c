#include <gtest/gtest.h>

#include "storage/faulty/faulty_state_store.h"
#include "unit/storage/memory_harness.h"

namespace penstock::storage::testing {

class FaultyStoreTest : public ::testing::Test {
 protected:
  /// The driver drives the faulty store.
  class Harness final : public StoreHarness {
   public:
    StateStore& store() override { return faulty; }
    void crash() override {}
    void advance(runtime::Duration) override {}
    void run_background() override {}
    void set_flush(bool) override {}
    runtime::SimRuntime runtime;
    MemoryStateStore inner;
    FaultyStateStore faulty{inner, runtime};
  };

  FaultyStoreTest() { driver_.start(); }
  std::string sync(Epoch prev) {
    const auto synced = driver_.store().sync_epoch(driver_.term(), prev, {});
    return synced.has_error() ? synced.error().message() : "ok";
  }

  Harness harness_;
  FaultyStateStore& faulty_ = harness_.faulty;
  StoreDriver driver_{harness_};
};

TEST_F(FaultyStoreTest, without_faults_it_is_the_store) {
  driver_.put("a", "1");
  const Epoch epoch = driver_.checkpoint();
  EXPECT_EQ(driver_.scan(), "a=1");
  EXPECT_EQ(driver_.get("a"), "1");
  EXPECT_EQ(driver_.committed_at(epoch), "a=1");
  EXPECT_EQ(driver_.sealed_at(epoch), "a=1");
  EXPECT_EQ(faulty_.calls(StoreCall::SyncEpoch), 1u);
}

TEST_F(FaultyStoreTest, the_chosen_calls_fail_and_no_others) {
  faulty_.fail(StoreCall::SyncEpoch, error(Code::Io, "broken"), 1, 2);
  driver_.put("a", "1");
  const Epoch prev = driver_.barrier();
  EXPECT_EQ(sync(prev), "ok");
  EXPECT_EQ(sync(prev), "broken");
  EXPECT_EQ(sync(prev), "broken");
  EXPECT_EQ(sync(prev), "ok");
  faulty_.fail(StoreCall::Get, error(Code::Corruption, "lost"));
  EXPECT_EQ(driver_.get("a"), "lost");
  EXPECT_EQ(driver_.scan(), "a=1");
  faulty_.heal(StoreCall::Get);
  EXPECT_EQ(driver_.get("a"), "1");
}

TEST_F(FaultyStoreTest, every_kind_of_call_can_fail) {
  (void)driver_.table(1);
  for (size_t call = 0; call < kStoreCalls; ++call) faulty_.fail(static_cast<StoreCall>(call), error(Code::Io, "no"));
  const PartialGraphId graph = driver_.graph();
  WriteBatch batch;
  EXPECT_TRUE(faulty_.retain_segments({}, std::nullopt).has_error());
  EXPECT_TRUE(faulty_.open_graph(driver_.term(), Epoch{0}, {}, std::nullopt).has_error());
  EXPECT_TRUE(faulty_.open_table({TableId{1}, graph, VNodeBitmap::all(), "x"}).has_error());
  EXPECT_TRUE(faulty_.start_epoch(graph, Epoch{100}, {}).has_error());
  EXPECT_TRUE(faulty_.sync_epoch(driver_.term(), Epoch{100}, {}).has_error());
  EXPECT_TRUE(faulty_.commit_epoch(graph, Epoch{100}, {}, {}).has_error());
  EXPECT_TRUE(faulty_.read_committed(graph, TableId{1}, Epoch{0}).has_error());
  EXPECT_TRUE(faulty_.read_sealed(graph, TableId{1}, Epoch{0}).has_error());
  EXPECT_TRUE(driver_.table(1).append(std::move(batch)).has_error());
  EXPECT_TRUE(driver_.table(1).get("k").has_error());
  EXPECT_TRUE(driver_.table(1).multi_get({}).has_error());
  EXPECT_TRUE(driver_.table(1).scan({}).has_error());
  EXPECT_TRUE(driver_.table(1).seal_current_epoch({driver_.running(), Epoch{driver_.running().value + 1}}).has_error());
}

TEST_F(FaultyStoreTest, a_delayed_call_takes_its_time) {
  faulty_.delay(StoreCall::SyncEpoch, std::chrono::seconds(2), 0, 1);
  const Epoch prev = driver_.barrier();
  const auto before = harness_.runtime.now();
  EXPECT_EQ(sync(prev), "ok");
  EXPECT_GE(harness_.runtime.now() - before, std::chrono::seconds(2));
}

}  // namespace penstock::storage::testing
