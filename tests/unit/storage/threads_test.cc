// Real threads over the epoch log: what the suite checks one call at a time, all at once. Run it under the tsan preset as well.
#include <gtest/gtest.h>

#include <atomic>

#include "common/log.h"
#include "runtime/threaded_runtime.h"
#include "storage/epoch_log/log_state_store.h"
#include "storage/memory/memory_base.h"
#include "storage/memory_filesystem.h"
#include "unit/storage/store_harness.h"

namespace penstock::storage::testing {

/// Threads that are joined by their number.
class Threads {
 public:
  explicit Threads(runtime::Runtime& runtime) : runtime_(runtime), waiter_(runtime.make_waiter()) {}
  void start(std::string_view name, std::function<void()> body) {
    running_.fetch_add(1);
    runtime_.spawn_thread(name, [this, body = std::move(body)] {
      body();
      running_.fetch_sub(1);
      waiter_->notify();
    });
  }
  void join() {
    while (running_.load() > 0) (void)waiter_->wait_for(std::chrono::milliseconds(50));
  }

 private:
  runtime::Runtime& runtime_;
  const std::shared_ptr<runtime::Waiter> waiter_;
  std::atomic<int> running_{0};
};

/// Actors write the number of the epoch into each of their rows in each epoch, so every snapshot must hold one number in all rows.
class RacingStore : public ::testing::Test {
 protected:
  static constexpr int kActors = 3;
  static constexpr int kRows = 40;
  static constexpr uint64_t kEpochs = 120;
  static constexpr PartialGraphId kGraph{1};
  static constexpr TableId kTable{1};

  RacingStore() {
    folder_ = DataFolder::open(files_, "/data").value();
    EpochLogOptions options{.flush_threshold = 2000, .write_ahead = 2000, .files = {.smallest = 8192}};
    store_ =
        LogStateStore::open(*runtime_, *folder_, NodeUuid{1}, std::make_unique<MemoryBase>(std::make_shared<MemoryBase::Disk>()), options)
            .value();
    EXPECT_TRUE(store_->retain_segments({}, std::nullopt).has_value());
    EXPECT_TRUE(store_->open_graph({kGraph, Term{1}}, Epoch{0}, {}, std::nullopt).has_value());
    for (uint64_t epoch = 1; epoch <= kEpochs + 1; ++epoch) EXPECT_TRUE(store_->start_epoch(kGraph, Epoch{epoch}, {}).has_value());
  }

  void act(int actor) {
    VNodeBitmap own(kDefaultVNodeCount);
    own.add(static_cast<VNode>(actor));
    auto table = store_->open_table({kTable, kGraph, own, "racing"}).value();
    ASSERT_TRUE(table->init({Epoch{0}, Epoch{1}}).has_value());
    for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
      WriteBatch batch;
      for (int row = 0; row < kRows; ++row) batch.put(key(static_cast<VNode>(actor), std::to_string(row)), std::to_string(epoch));
      ASSERT_TRUE(table->append(std::move(batch)).has_value());
      if (epoch % 3 == 0) {
        ASSERT_EQ(table->get(key(static_cast<VNode>(actor), "7")).value().value_or("-"), std::to_string(epoch));
        expect_all(table->scan({}), std::to_string(epoch), kRows);
      }
      ASSERT_TRUE(table->seal_current_epoch({Epoch{epoch}, Epoch{epoch + 1}}).has_value());
      auto sealed = store_->read_sealed(kGraph, kTable, Epoch{epoch});
      ASSERT_TRUE(sealed.has_value()) << sealed.error().to_string();
      ASSERT_EQ(sealed.value()->get(key(static_cast<VNode>(actor), "3")).value().value_or("-"), std::to_string(epoch));
      passed_[static_cast<size_t>(actor)].store(epoch);
      wait_until([&] { return committed_.load() + 3 >= epoch; });
    }
  }
  static void expect_all(Result<std::unique_ptr<RowIterator>> rows, const std::string& value, int count) {
    ASSERT_TRUE(rows.has_value());
    int seen = 0;
    while (rows.value()->next().value()) {
      ASSERT_EQ(rows.value()->value(), value);
      ++seen;
    }
    ASSERT_EQ(seen, count);
  }
  void checkpoint() {
    for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
      wait_until([&] { return std::ranges::all_of(passed_, [epoch](const auto& p) { return p.load() >= epoch; }); });
      auto synced = store_->sync_epoch({kGraph, Term{1}}, Epoch{epoch}, {});
      ASSERT_TRUE(synced.has_value()) << synced.error().to_string();
      const auto flushed = store_->flushed_segments(kGraph);
      ASSERT_TRUE(store_->commit_epoch(kGraph, Epoch{epoch}, flushed, {}).has_value());
      committed_.store(epoch);
    }
  }
  void read() {
    while (committed_.load() < kEpochs && !HasFailure()) {
      const uint64_t epoch = committed_.load();
      if (epoch == 0) continue;
      auto reader = store_->read_committed(kGraph, kTable, Epoch{epoch});
      ASSERT_TRUE(reader.has_value()) << reader.error().to_string();
      expect_all(reader.value()->scan({}), std::to_string(epoch), kActors * kRows);
      ASSERT_EQ(reader.value()->get(key(1, "0")).value().value_or("-"), std::to_string(epoch));
      (void)store_->usage();
      (void)store_->disk();
      reads_.fetch_add(1);
    }
  }
  void wait_until(const std::function<bool()>& done) {
    const auto waiter = runtime_->make_waiter();
    while (!done() && !HasFailure()) (void)waiter->wait_for(std::chrono::microseconds(200));
  }

  const std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  MemoryFileSystem files_;
  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<LogStateStore> store_;
  std::array<std::atomic<uint64_t>, kActors> passed_{};
  std::atomic<uint64_t> committed_{0};
  std::atomic<uint64_t> reads_{0};
};

TEST_F(RacingStore, every_snapshot_is_whole_while_actors_syncs_commits_and_flushes_race) {
  Threads threads(*runtime_);
  for (int actor = 0; actor < kActors; ++actor) threads.start("actor", [this, actor] { act(actor); });
  threads.start("checkpoint", [this] { checkpoint(); });
  for (int reader = 0; reader < 2; ++reader) threads.start("reader", [this] { read(); });
  threads.join();
  EXPECT_GT(reads_.load(), 0u);
  EXPECT_NE(store_->statistics().find("flush_failures 0\n"), std::string::npos) << store_->statistics();
  EXPECT_EQ(store_->statistics().find("flushes 0\n"), std::string::npos) << "nothing was flushed meanwhile";
}

TEST_F(RacingStore, a_reset_in_the_middle_of_everything_leaves_the_committed_epoch) {
  Threads threads(*runtime_);
  std::atomic<bool> stop{false};
  for (int actor = 0; actor < kActors; ++actor) {
    threads.start("actor", [this, actor, &stop] {
      auto table = store_->open_table({kTable, kGraph, VNodeBitmap::all(), "racing"}).value();
      (void)table->init({Epoch{0}, Epoch{1}});
      for (uint64_t epoch = 1; epoch <= kEpochs && !stop.load(); ++epoch) {
        WriteBatch batch;
        for (int row = 0; row < kRows; ++row) batch.put(key(static_cast<VNode>(actor), std::to_string(row)), std::to_string(epoch));
        if (table->append(std::move(batch)).has_error()) return;
        if (table->seal_current_epoch({Epoch{epoch}, Epoch{epoch + 1}}).has_error()) return;
        passed_[static_cast<size_t>(actor)].store(epoch);
      }
    });
  }
  std::vector<SegmentRef> live;
  uint64_t last = 0;
  threads.start("checkpoint", [&] {
    for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
      wait_until([&] { return std::ranges::all_of(passed_, [epoch](const auto& p) { return p.load() >= epoch; }); });
      auto synced = store_->sync_epoch({kGraph, Term{1}}, Epoch{epoch}, {});
      if (synced.has_error()) {
        EXPECT_EQ(synced.error().code(), Code::Stale) << synced.error().to_string();
        return;
      }
      if (store_->commit_epoch(kGraph, Epoch{epoch}, {}, {}).has_error()) return;
      for (const SegmentInfo& info : synced.value()) live.push_back(info.ref);
      committed_.store(last = epoch);
      if (epoch == kEpochs / 2) {
        store_->clear(kGraph);
        stop.store(true);
        return;
      }
    }
  });
  threads.join();
  ASSERT_EQ(last, kEpochs / 2);
  const Status opened = store_->open_graph({kGraph, Term{2}}, Epoch{last}, live, std::nullopt);
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  auto reader = store_->read_committed(kGraph, kTable, Epoch{last});
  ASSERT_TRUE(reader.has_value());
  expect_all(reader.value()->scan({}), std::to_string(last), kActors * kRows);
}

}  // namespace penstock::storage::testing
