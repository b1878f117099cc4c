#include <gtest/gtest.h>

#include "common/log.h"
#include "storage/segment/segment_writer.h"
#include "unit/storage/log_harness.h"

namespace penstock::storage::testing {

using Call = MemoryFileSystem::Call;

class EpochLogTest : public ::testing::Test {
 protected:
  EpochLogTest() {
    log::set_level(log::Level::Error);  // the faults of these tests are on purpose
    driver_.start();
  }
  ~EpochLogTest() override { log::set_level(log::Level::Info); }

  Result<std::vector<SegmentInfo>> sync(StoreDriver& driver, Epoch prev) { return driver.store().sync_epoch(driver.term(), prev, {}); }
  size_t segment_files() { return harness_.files().list("/data/segments").value().size(); }
  /// Bytes that do not shrink.
  static std::string noise(size_t size) {
    std::mt19937_64 random(size);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    return bytes;
  }
  void put_many(int rows, std::string_view value, uint32_t table = 1) {
    for (int i = 0; i < rows; ++i) driver_.put(fmt::format("k{:05}", i), value, table);
  }

  LogHarness harness_;
  StoreDriver driver_{harness_};
};

// ---- a crash between any two steps ------------------------------------------------------------------------------------------------------

/// Everything the store does, as far as it comes before something fails; what meta knows then is the truth.
class CrashScenario {
 public:
  explicit CrashScenario(uint64_t seed) : harness_(seed), driver_(harness_) {
    driver_.start();
    ok_ = true;
  }

  /// False when the disk died on the way, as it does after `last` calls.
  bool run(uint64_t last) {
    const uint64_t start = harness_.files().calls();
    harness_.files().set_fault([this, start, last](Call, const std::string&) -> Status {
      if (harness_.files().calls() - start > last) return error(Code::Io, "the disk died");
      return ok();
    });
    // The base's install is a step as well: it happens, or it does not, or it happens and nobody hears of it.
    harness_.base().set_fault([this, start, last]() -> Status {
      if (harness_.files().calls() - start > last) return error(Code::Io, "the disk died");
      return ok();
    });
    for (int round = 0; ok_ && round < 10; ++round) one_round(round);
    harness_.files().set_fault(nullptr);
    return ok_;
  }

  void crash_and_compare() {
    driver_.crash();
    EXPECT_EQ(driver_.scan(1), text_of(1));
    EXPECT_EQ(driver_.scan(2), text_of(2));
    EXPECT_EQ(driver_.committed_at(driver_.committed(), 1), text_of(1));
    // And life goes on.
    driver_.put("after", "1");
    driver_.flush();
    driver_.crash();
    EXPECT_EQ(driver_.get("after"), "1");
  }

 private:
  using Rows = std::map<std::string, std::string>;

  void one_round(int round) {
    write(1, fmt::format("k{}", round), fmt::format("v{}", round));
    write(1, "changing", std::to_string(round) + std::string(5000, 'x'));  // large enough to be written ahead
    write(2, "other", std::to_string(round));
    if (round > 0) erase(1, fmt::format("k{}", round - 1));
    if (!ok_) return;
    const Epoch prev = driver_.barrier();
    harness_.run_background();
    auto synced = driver_.store().sync_epoch(driver_.term(), prev, {});
    if (!(ok_ = synced.has_value())) return;
    driver_.meta_commits(prev, synced.value());
    committed_ = now_;
    harness_.set_flush(round % 2 == 1);
    if (!(ok_ = driver_.try_worker_commits().has_value())) return;
    harness_.run_background();
  }
  void write(uint32_t table, const std::string& key, const std::string& value) {
    WriteBatch batch;
    batch.put(testing::key(0, key), value);
    ok_ = ok_ && driver_.table(table).append(std::move(batch)).has_value();
    now_[table][key] = value;
  }
  void erase(uint32_t table, const std::string& key) {
    WriteBatch batch;
    batch.erase(testing::key(0, key));
    ok_ = ok_ && driver_.table(table).append(std::move(batch)).has_value();
    now_[table].erase(key);
  }
  std::string text_of(uint32_t table) {
    std::string text;
    for (const auto& [k, v] : committed_[table]) text += fmt::format("{}{}={}", text.empty() ? "" : " ", k, brief(v));
    return text;
  }

  LogHarness harness_;
  StoreDriver driver_;
  bool ok_ = true;
  std::map<uint32_t, Rows> now_, committed_;
};

TEST(EpochLogCrash, at_every_call_of_the_file_system_exactly_what_meta_committed_is_there) {
  log::set_level(log::Level::Error);
  uint64_t last = 0;
  for (bool done = false; !done && !::testing::Test::HasFailure(); ++last) {
    SCOPED_TRACE(fmt::format("the disk dies after call {}", last));
    CrashScenario scenario(last + 1);
    done = scenario.run(last);
    scenario.crash_and_compare();
  }
  EXPECT_GT(last, 30u) << "the scenario does too little to mean anything";
}

// ---- a full disk ------------------------------------------------------------------------------------------------------------------------

TEST_F(EpochLogTest, a_checkpoint_waits_for_space_and_says_so) {
  driver_.put("a", noise(50'000));
  const Epoch prev = driver_.barrier();
  harness_.files().set_capacity(20'000);
  bool said = false;
  auto space = harness_.runtime().after(std::chrono::seconds(3), harness_.runtime().pool(), [&] {
    said = driver_.store().disk().sync_waits && driver_.store().disk().low();
    harness_.files().set_capacity(1 << 30);
  });
  const auto before = harness_.runtime().now();
  driver_.sync(prev);
  EXPECT_GE(harness_.runtime().now() - before, std::chrono::seconds(3));
  EXPECT_TRUE(said);
  EXPECT_FALSE(driver_.store().disk().sync_waits);
  driver_.commit(prev);
  driver_.crash();
  EXPECT_EQ(driver_.get("a").size(), 50'000u);
}

TEST_F(EpochLogTest, rows_written_ahead_onto_a_full_disk_are_written_again) {
  harness_.files().set_capacity(20'000);
  put_many(300, noise(1000));
  harness_.run_background();
  harness_.files().set_capacity(1 << 30);
  put_many(30, std::string(1000, 'y'));
  driver_.checkpoint();
  driver_.crash();
  EXPECT_EQ(driver_.get("k00029"), std::string(1000, 'y'));
}

TEST_F(EpochLogTest, a_reset_ends_the_wait_for_space) {
  driver_.put("a", noise(50'000));
  const Epoch prev = driver_.barrier();
  harness_.files().set_capacity(20'000);
  auto reset =
      harness_.runtime().after(std::chrono::seconds(1), harness_.runtime().pool(), [&] { driver_.store().clear(driver_.graph()); });
  const auto synced = sync(driver_, prev);
  ASSERT_TRUE(synced.has_error());
  EXPECT_EQ(synced.error().code(), Code::Stale);
  EXPECT_FALSE(driver_.store().disk().sync_waits);
}

TEST_F(EpochLogTest, the_reserve_is_a_twentieth_of_the_disk) {
  harness_.files().set_capacity(500 << 20);
  EXPECT_EQ(driver_.store().disk().reserve_bytes, 25U << 20);
  EXPECT_FALSE(driver_.store().disk().low());
}

TEST_F(EpochLogTest, a_segment_file_that_does_not_fit_rounded_up_is_made_as_small_as_needed) {
  harness_.files().set_capacity(700'000);
  driver_.put("a", noise(530'000));  // a file of a power of two would be 1 MB
  const Epoch prev = driver_.barrier();
  const auto before = harness_.runtime().now();
  driver_.sync(prev);
  EXPECT_LT(harness_.runtime().now() - before, std::chrono::milliseconds(100)) << "it waited for space";
}

// ---- a broken disk ----------------------------------------------------------------------------------------------------------------------

TEST_F(EpochLogTest, a_failed_write_or_sync_fails_this_graph_alone_and_its_file_is_never_used_again) {
  for (const Call call : {Call::Write, Call::Sync}) {
    StoreDriver other(harness_, 2);
    ASSERT_TRUE(other.open().has_value());
    other.put("b", "1", 2);
    driver_.put("a", "1");
    const Epoch prev = driver_.barrier();
    std::string poisoned;
    harness_.files().set_fault([&](Call c, const std::string& path) -> Status {
      if (c != call || !path.starts_with("/data/segments")) return ok();
      poisoned = path;
      return error(Code::Io, "broken disk");
    });
    const auto synced = sync(driver_, prev);
    ASSERT_TRUE(synced.has_error());
    EXPECT_EQ(synced.error().code(), Code::Io);
    EXPECT_NE(synced.error().context().find("checkpoint of graph 1"), std::string::npos) << synced.error().to_string();
    harness_.files().set_fault(nullptr);
    other.checkpoint();
    EXPECT_EQ(other.get("b", 2), "1");
    driver_.reset();
    harness_.run_background();
    EXPECT_FALSE(harness_.files().exists(poisoned));
    driver_.put("a", "2");
    driver_.checkpoint();
    EXPECT_EQ(driver_.get("a"), "2");
    other.store().remove_graph(other.graph());
  }
}

TEST_F(EpochLogTest, a_broken_block_is_found_when_it_is_read_and_named) {
  driver_.put("a", std::string(2000, 'x'));
  driver_.checkpoint();
  driver_.die();
  std::string broken;
  const auto entries = harness_.files().list("/data/segments").value();
  for (const auto& entry : entries) {
    const std::string path = "/data/segments/" + entry.name;
    const auto header = decode_segment_header(read_file(harness_.files(), path).value().substr(0, kSegmentPage));
    if (header.value().has_value()) broken = path;
  }
  harness_.files().damage(broken, kSegmentPage + 10);
  driver_.start();
  const std::string answer = driver_.get("a");
  EXPECT_NE(answer.find(fmt::format("segment {}: the checksum of its block", driver_.live().at(0).sequence)), std::string::npos) << answer;
}

TEST_F(EpochLogTest, a_segment_of_a_future_format_is_refused_with_both_versions) {
  driver_.put("a", "1");
  driver_.checkpoint();
  const std::string path = "/data/segments/" + harness_.files().list("/data/segments").value()[0].name;
  ASSERT_TRUE(harness_.files().open_write(path).value()->write(0, std::string("PNSTKSEG\x09\0\0\0", 12)).has_value());
  const auto files = SegmentFiles::open(harness_.files(), "/data/segments", {});
  ASSERT_TRUE(files.has_error());
  EXPECT_EQ(files.error().message(), "a segment of format version 9; this program knows version 1");
}

// ---- writing ahead, files used again
// ------------------------------------------------------------------------------------------------------

TEST_F(EpochLogTest, blocks_are_written_while_the_epoch_runs) {
  put_many(2000, std::string(500, 'x'));
  harness_.run_background();
  uint64_t written = 0;
  harness_.files().set_fault([&](Call call, const std::string& path) -> Status {
    if (call == Call::Write && path.starts_with("/data/segments")) ++written;
    return ok();
  });
  const Epoch prev = driver_.barrier();
  driver_.sync(prev);
  EXPECT_LE(written, 2u) << "the tail with its footer, and the header";
  driver_.commit(prev);
  driver_.crash();
  EXPECT_EQ(driver_.get("k01999"), std::string(500, 'x'));
}

TEST_F(EpochLogTest, epochs_between_checkpoints_that_were_written_ahead_keep_their_order) {
  for (int round = 0; round < 4; ++round) {
    driver_.put("k", fmt::format("{}", round) + std::string(round % 2 == 0 ? 300'000 : 10, 'x'));
    harness_.run_background();
    driver_.barrier();
  }
  driver_.put("k", "last");
  const Epoch prev = driver_.checkpoint();
  EXPECT_GT(driver_.live().size(), 1u);
  EXPECT_EQ(driver_.committed_at(prev), "k=last");
  driver_.crash();
  EXPECT_EQ(driver_.get("k"), "last");
  EXPECT_EQ(driver_.committed_at(prev), "k=last");
  driver_.flush();
  EXPECT_EQ(driver_.get("k"), "last");
}

TEST_F(EpochLogTest, files_are_used_again) {
  for (int round = 0; round < 100; ++round) {
    driver_.put("k", std::to_string(round));
    round % 5 == 4 ? driver_.flush() : (void)driver_.checkpoint();
    harness_.advance(std::chrono::seconds(5));
    harness_.run_background();
  }
  EXPECT_LE(segment_files(), 20u);
  driver_.crash();
  EXPECT_EQ(driver_.get("k"), "99");
}

TEST_F(EpochLogTest, an_aborted_epoch_gives_its_file_back) {
  for (int round = 0; round < 20; ++round) {
    put_many(100, std::string(500, 'x'));
    harness_.run_background();
    driver_.reset();
    harness_.run_background();
  }
  EXPECT_LE(segment_files(), 3u);
}

// ---- flush ------------------------------------------------------------------------------------------------------------------------------

TEST_F(EpochLogTest, a_flush_that_fails_changes_nothing_and_is_tried_again_with_the_next_commit) {
  driver_.put("a", "1");
  int attempts = 0;
  harness_.base().set_fault([&]() -> Status { return ++attempts < 3 ? Status(error(Code::DiskFull, "no space")) : ok(); });
  driver_.flush();
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(driver_.get("a"), "1");
  EXPECT_TRUE(driver_.store().flushed_segments(driver_.graph()).empty());
  driver_.crash();
  EXPECT_EQ(driver_.get("a"), "1");
  driver_.flush();
  EXPECT_EQ(driver_.store().flushed_segments(driver_.graph()).size(), 1u);
}

TEST_F(EpochLogTest, flushing_waits_while_compaction_is_behind_and_says_so) {
  harness_.base().set_busy(true);
  driver_.put("a", "1");
  driver_.flush();
  EXPECT_TRUE(driver_.store().disk().flush_waits);
  EXPECT_GT(driver_.store().usage().segment_bytes, 0u);
  harness_.base().set_busy(false);
  driver_.flush();
  EXPECT_FALSE(driver_.store().disk().flush_waits);
  EXPECT_EQ(driver_.store().usage().segment_bytes, 0u);
}

TEST_F(EpochLogTest, a_trickle_is_flushed_by_its_number_of_segments) {
  harness_.options.flush_segments = 10;
  driver_.crash();
  for (int round = 0; round < 50; ++round) {
    driver_.put("k", std::to_string(round));
    driver_.checkpoint();
    harness_.run_background();
  }
  EXPECT_LT(driver_.live().size(), 15u);
  EXPECT_EQ(driver_.get("k"), "49");
}

TEST_F(EpochLogTest, memory_is_given_back_after_a_flush) {
  put_many(1000, std::string(100, 'x'));
  EXPECT_EQ(driver_.get("k00000").size(), 100u);  // an index was made
  driver_.flush();
  driver_.checkpoint();
  harness_.advance(std::chrono::seconds(11));
  driver_.checkpoint();
  harness_.run_background();
  EXPECT_EQ(driver_.store().usage().batch_bytes, 0u);
  EXPECT_EQ(driver_.get("k00000").size(), 100u);
}

TEST_F(EpochLogTest, what_lives_and_dies_between_two_flushes_never_reaches_the_base) {
  driver_.put("kept", "1");
  driver_.flush();
  driver_.put("brief", "1", 2);
  driver_.checkpoint();
  driver_.erase("brief", 2);
  driver_.flush();
  EXPECT_FALSE(harness_.base().has_rows(TableId{2}).value());
}

TEST_F(EpochLogTest, dropped_tables_leave_the_base_even_if_nothing_else_is_flushed) {
  driver_.put("a", "1", 5);
  driver_.put("a", "1", 6);
  driver_.flush();
  driver_.store().drop_tables(std::vector{TableId{5}});
  harness_.run_background();
  EXPECT_FALSE(harness_.base().has_rows(TableId{5}).value());
  EXPECT_TRUE(harness_.base().has_rows(TableId{6}).value());
  EXPECT_TRUE(harness_.base().forgotten().contains(TableId{5}));
}

TEST_F(EpochLogTest, marks_go_once_meta_has_struck_their_segments_off) {
  for (int round = 0; round < 5; ++round) {
    driver_.put("a", std::to_string(round));
    driver_.flush();
    driver_.checkpoint();
  }
  driver_.put("a", "last");
  driver_.flush();
  auto marks = harness_.base().snapshot()->scan(TableId{0}, {});
  ASSERT_TRUE(marks.has_value());
  int rows = 0;
  while (marks.value()->next().value()) ++rows;
  EXPECT_LE(rows, 3) << "the highest number, the last segment, and one that was struck off with the same commit";
}

// ---- reads ------------------------------------------------------------------------------------------------------------------------------

TEST_F(EpochLogTest, a_fresh_table_never_blocks_and_one_with_rows_on_disk_may) {
  EXPECT_FALSE(driver_.table(1).may_block());
  driver_.put("a", "1");
  EXPECT_FALSE(driver_.table(1).may_block());
  EXPECT_EQ(driver_.get("a"), "1");
  driver_.checkpoint();
  EXPECT_FALSE(driver_.table(1).may_block());
  driver_.flush();
  EXPECT_TRUE(driver_.table(1).may_block());
  EXPECT_FALSE(driver_.table(2).may_block()) << "another table";
  driver_.put("c", "1", 3);
  driver_.checkpoint();
  driver_.crash();
  EXPECT_TRUE(driver_.table(3).may_block()) << "adopted, not read yet";
  EXPECT_EQ(driver_.get("c", 3), "1");
  EXPECT_FALSE(driver_.table(3).may_block());
}

TEST_F(EpochLogTest, statistics_are_lines_of_names_and_values) {
  driver_.put("a", "1");
  driver_.flush();
  const std::string text = harness_.log().statistics();
  EXPECT_NE(text.find("flushes 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("flushed_rows 1\n"), std::string::npos) << text;
}

}  // namespace penstock::storage::testing
