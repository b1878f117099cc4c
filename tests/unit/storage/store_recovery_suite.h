#pragma once

#include "unit/storage/store_suite.h"

/// The part of the contract that resets and crashes put to the test: what is kept, what is dropped, and what is adopted. Belongs to
/// `StoreSuite`: a test binary that instantiates it includes this too.
namespace penstock::storage::testing {

TEST_P(StoreSuite, a_reset_drops_exactly_what_was_not_committed) {
  driver_.put("kept", "1");
  driver_.checkpoint();
  for (const Layer layer : {Layer::Running, Layer::Sealed, Layer::Staged}) {
    SCOPED_TRACE(name_of(layer));
    driver_.put("dropped", "2");
    driver_.erase("kept");
    move_to(driver_, layer);
    driver_.reset();
    EXPECT_EQ(driver_.scan(), "kept=1");
    EXPECT_EQ(driver_.committed_at(driver_.committed()), "kept=1");
  }
  for (const Layer layer : {Layer::Committed, Layer::Adopted, Layer::Flushed, Layer::Reopened}) {
    SCOPED_TRACE(name_of(layer));
    driver_.put("kept", std::string(name_of(layer)));
    move_to(driver_, layer);
    driver_.reset();
    EXPECT_EQ(driver_.scan(), fmt::format("kept={}", name_of(layer)));
  }
}

TEST_P(StoreSuite, a_crash_keeps_exactly_what_meta_committed) {
  driver_.put("kept", "1");
  driver_.flush();
  for (const Layer layer : {Layer::Running, Layer::Sealed, Layer::Staged}) {
    SCOPED_TRACE(name_of(layer));
    driver_.put("dropped", "2");
    driver_.erase("kept");
    move_to(driver_, layer);
    driver_.crash();
    EXPECT_EQ(driver_.scan(), "kept=1");
  }
  driver_.put("kept", "2");
  const Epoch prev = driver_.barrier();
  driver_.sync(prev);
  driver_.meta_commits(prev);  // the worker dies before it hears of it
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "kept=2");
  EXPECT_EQ(driver_.store().committed_epoch(driver_.graph()), prev);
}

TEST_P(StoreSuite, a_reset_adopts_a_commit_that_the_worker_never_heard_of) {
  driver_.put("a", "1");
  const Epoch prev = driver_.barrier();
  driver_.sync(prev);
  driver_.put("b", "lost");
  driver_.meta_commits(prev);
  driver_.reset();
  EXPECT_EQ(driver_.scan(), "a=1");
  EXPECT_EQ(driver_.committed_at(prev), "a=1");
}

// An aborted attempt may leave a segment behind whose epoch is lower than what is committed later.
TEST_P(StoreSuite, an_unlisted_segment_is_not_adopted_however_low_its_epoch) {
  driver_.put("a", "aborted");
  driver_.sync(driver_.barrier());
  driver_.reset();
  driver_.put("b", "1");
  driver_.checkpoint();
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "b=1");
}

TEST_P(StoreSuite, a_listed_segment_that_is_missing_is_corruption_and_named) {
  driver_.put("a", "1");
  driver_.checkpoint();
  driver_.die();
  auto live = driver_.live();
  SegmentRef missing = live[0];
  missing.sequence = 123456;
  live.push_back(missing);
  ASSERT_TRUE(driver_.store().retain_segments(live, std::nullopt).has_value());
  const Status opened = driver_.store().open_graph(driver_.term(), driver_.committed(), live, std::nullopt);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code(), Code::Corruption);
  EXPECT_NE(opened.error().message().find("123456 missing"), std::string::npos) << opened.error().message();
}

TEST_P(StoreSuite, a_listed_segment_with_another_checksum_is_corruption) {
  driver_.put("a", "1");
  driver_.checkpoint();
  driver_.die();
  auto live = driver_.live();
  live[0].checksum ^= 1;
  ASSERT_TRUE(driver_.store().retain_segments(live, std::nullopt).has_value());
  const Status opened = driver_.store().open_graph(driver_.term(), driver_.committed(), live, std::nullopt);
  ASSERT_TRUE(opened.has_error());
  EXPECT_EQ(opened.error().code(), Code::Corruption);
}

TEST_P(StoreSuite, a_failed_adoption_leaves_the_graph_unopened_and_can_be_repeated) {
  driver_.put("a", "1");
  driver_.checkpoint();
  driver_.die();
  auto broken = driver_.live();
  broken[0].checksum ^= 1;
  ASSERT_TRUE(driver_.retain().has_value());
  ASSERT_TRUE(driver_.store().open_graph(driver_.term(), driver_.committed(), broken, std::nullopt).has_error());
  EXPECT_TRUE(driver_.store().open_table({TableId{1}, driver_.graph(), VNodeBitmap::all(), "x"}).has_error());
  ASSERT_TRUE(driver_.open().has_value());
  EXPECT_EQ(driver_.scan(), "a=1");
}

TEST_P(StoreSuite, flushed_segments_are_reported_until_they_are_struck_off) {
  driver_.put("a", "1");
  driver_.checkpoint();
  const uint64_t sequence = driver_.live().at(0).sequence;
  EXPECT_TRUE(driver_.store().flushed_segments(driver_.graph()).empty());
  driver_.flush();
  EXPECT_EQ(driver_.store().flushed_segments(driver_.graph()), (std::vector{sequence}));
  driver_.crash();  // meta had not heard of it: the list still names the segment
  EXPECT_EQ(driver_.store().flushed_segments(driver_.graph()), (std::vector{sequence}));
  EXPECT_EQ(driver_.scan(), "a=1");
  driver_.checkpoint();
  EXPECT_TRUE(driver_.live().empty());
  EXPECT_TRUE(driver_.store().flushed_segments(driver_.graph()).empty());
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "a=1");
}

TEST_P(StoreSuite, a_reset_after_a_flush_that_meta_knows_of_finds_everything) {
  driver_.put("a", "1");
  driver_.flush();
  driver_.put("b", "1");
  driver_.checkpoint();
  driver_.reset();
  EXPECT_EQ(driver_.scan(), "a=1 b=1");
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "a=1 b=1");
}

TEST_P(StoreSuite, a_node_that_flushed_more_than_meta_ever_committed_refuses) {
  driver_.put("a", "1");
  driver_.flush();
  const uint64_t flushed = driver_.highest();
  driver_.checkpoint();  // struck off: the list is empty, the sequence number is remembered
  driver_.die();
  EXPECT_TRUE(driver_.store().retain_segments({}, flushed).has_value());
  EXPECT_TRUE(driver_.store().retain_segments({}, flushed + 5).has_value());
  const Status refused = driver_.store().retain_segments({}, flushed - 1);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Code::Stale);
}

TEST_P(StoreSuite, sequence_numbers_are_never_used_again) {
  std::set<uint64_t> seen;
  for (int round = 0; round < 5; ++round) {
    driver_.put("a", std::to_string(round));
    const Epoch prev = driver_.barrier();
    const auto synced = driver_.store().sync_epoch(driver_.term(), prev, {});
    ASSERT_TRUE(synced.has_value());
    EXPECT_TRUE(seen.insert(synced.value().at(0).ref.sequence).second) << "round " << round;
    round % 2 == 0 ? driver_.crash() : driver_.reset();
  }
}

TEST_P(StoreSuite, handles_of_a_graph_that_was_reset_are_refused) {
  driver_.put("a", "1");
  auto opened = driver_.store().open_table({TableId{1}, driver_.graph(), VNodeBitmap::all(), "old"});
  ASSERT_TRUE(opened.has_value());
  LocalStateStore& old = *opened.value();
  ASSERT_TRUE(old.init({driver_.committed(), driver_.running()}).has_value());
  driver_.store().clear(driver_.graph());
  const auto code = [](const auto& result) { return result.has_error() ? code_name(result.error().code()) : "ok"; };
  const auto refused = [&] {
    WriteBatch batch;
    batch.put(key(0, "ghost"), "x");
    EXPECT_EQ(code(old.append(std::move(batch))), "Stale");
    EXPECT_EQ(code(old.get(key(0, "a"))), "Stale");
    EXPECT_EQ(code(old.scan({})), "Stale");
    EXPECT_EQ(code(old.seal_current_epoch({driver_.running(), Epoch{driver_.running().value + 1}})), "Stale");
  };
  refused();
  ASSERT_TRUE(driver_.open().has_value());
  refused();
  EXPECT_EQ(driver_.scan(), "");
}

TEST_P(StoreSuite, graphs_fail_alone) {
  StoreDriver other(*harness_, 2);
  ASSERT_TRUE(other.open().has_value());
  driver_.put("a", "1", 1);
  driver_.checkpoint();
  other.put("b", "1", 2);
  other.checkpoint();
  driver_.put("a", "2", 1);
  other.put("b", "2", 2);
  driver_.reset();
  EXPECT_EQ(driver_.scan(1), "a=1");
  EXPECT_EQ(other.scan(2), "b=2");
  other.checkpoint();
  other.forget_handles();
  driver_.die();
  std::vector<SegmentRef> live = driver_.live();
  for (const SegmentRef& ref : other.live()) live.push_back(ref);
  ASSERT_TRUE(driver_.store().retain_segments(live, std::nullopt).has_value());
  ASSERT_TRUE(driver_.open().has_value());
  ASSERT_TRUE(other.open().has_value());
  EXPECT_EQ(driver_.scan(1), "a=1");
  EXPECT_EQ(other.scan(2), "b=2");
}

TEST_P(StoreSuite, a_removed_graph_answers_nothing_and_may_come_again) {
  driver_.put("a", "1");
  driver_.checkpoint();
  driver_.store().remove_graph(driver_.graph());
  EXPECT_EQ(driver_.committed_at(driver_.committed()), "SnapshotTooOld");
  EXPECT_TRUE(driver_.store().open_table({TableId{1}, driver_.graph(), VNodeBitmap::all(), "x"}).has_error());
  ASSERT_TRUE(driver_.open().has_value());
  EXPECT_EQ(driver_.scan(), "a=1");
}

}  // namespace penstock::storage::testing
