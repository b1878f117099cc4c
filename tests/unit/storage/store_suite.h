#pragma once

#include <algorithm>
#include <array>

#include "unit/storage/store_harness.h"

/// The contract of `StateStore`, run over every implementation. A test binary includes this and
/// `store_recovery_suite.h` once and instantiates `StoreSuite`.
namespace penstock::storage::testing {

class StoreSuite : public ::testing::TestWithParam<StoreParam> {
 protected:
  void SetUp() override { driver_.start(); }

  std::unique_ptr<StoreHarness> harness_ = GetParam().make();
  StoreDriver driver_{*harness_};
};

/// Where a row can lie.
enum class Layer { Running, Sealed, Staged, Committed, Adopted, Flushed, Reopened };
constexpr std::array kLayers = {Layer::Running, Layer::Sealed,  Layer::Staged,  Layer::Committed,
                                Layer::Adopted, Layer::Flushed, Layer::Reopened};
inline std::string_view name_of(Layer layer) {
  constexpr std::array<std::string_view, 7> kNames = {"running", "sealed", "staged", "committed", "adopted", "flushed", "reopened"};
  return kNames[static_cast<size_t>(layer)];
}
/// Moves what was written so far down to `layer`.
inline void move_to(StoreDriver& driver, Layer layer) {
  switch (layer) {
    case Layer::Running:
      return;
    case Layer::Sealed:
      driver.barrier();
      return;
    case Layer::Staged:
      driver.sync(driver.barrier());
      return;
    case Layer::Committed:
      driver.checkpoint();
      return;
    case Layer::Adopted:
      driver.checkpoint(), driver.crash();
      return;
    case Layer::Flushed:
      driver.flush();
      return;
    case Layer::Reopened:
      driver.flush(), driver.crash();
      return;
  }
}

TEST_P(StoreSuite, reads_a_row_back_from_every_layer) {
  for (const Layer layer : kLayers) {
    SCOPED_TRACE(name_of(layer));
    const std::string row(name_of(layer));
    driver_.put(row, "v");
    EXPECT_EQ(driver_.get(row), "v") << "before it moved";
    move_to(driver_, layer);
    EXPECT_EQ(driver_.get(row), "v");
    EXPECT_EQ(driver_.get(row + "x"), "-");
  }
  EXPECT_EQ(driver_.scan(), "adopted=v committed=v flushed=v reopened=v running=v sealed=v staged=v");
}

TEST_P(StoreSuite, the_newer_row_wins_in_every_pair_of_layers) {
  for (const Layer older : kLayers) {
    for (const Layer newer : kLayers) {
      SCOPED_TRACE(fmt::format("{} under {}", name_of(older), name_of(newer)));
      driver_.put("changed", "old");
      driver_.put("erased", "old");
      driver_.erase("returned");
      driver_.put("kept", "old");
      move_to(driver_, older);
      driver_.put("changed", "new");
      driver_.erase("erased");
      driver_.put("returned", "new");
      move_to(driver_, newer);
      EXPECT_EQ(driver_.get("changed"), "new");
      EXPECT_EQ(driver_.get("erased"), "-");
      EXPECT_EQ(driver_.scan(), "changed=new kept=old returned=new");
      const Epoch epoch = driver_.checkpoint();
      EXPECT_EQ(driver_.committed_at(epoch), "changed=new kept=old returned=new");
    }
  }
}

TEST_P(StoreSuite, a_scan_merges_all_layers_in_key_order) {
  const std::string letters = "gbfaced";
  for (size_t i = 0; i < kLayers.size(); ++i) {
    driver_.put(letters.substr(i, 1), std::string(name_of(kLayers[kLayers.size() - 1 - i])));
    move_to(driver_, kLayers[kLayers.size() - 1 - i]);
  }
  EXPECT_EQ(driver_.scan(), "a=committed b=flushed c=staged d=running e=sealed f=adopted g=reopened");
  EXPECT_EQ(driver_.scan(1, {key(0, "b"), key(0, "e")}), "b=flushed c=staged d=running");
  EXPECT_EQ(driver_.scan(1, {key(0, "f"), ""}), "f=adopted g=reopened");
  EXPECT_EQ(driver_.scan(1, {key(0, "c"), key(0, "c")}), "");
  EXPECT_EQ(driver_.scan(1, {key(1, ""), ""}), "");
}

TEST_P(StoreSuite, the_last_row_of_a_key_wins_within_a_batch) {
  WriteBatch batch;
  batch.put(key(0, "a"), "1");
  batch.put(key(0, "b"), "1");
  batch.erase(key(0, "b"));
  batch.put(key(0, "a"), "2");
  batch.erase(key(0, "c"));
  batch.put(key(0, "c"), "3");
  ASSERT_TRUE(driver_.table(1).append(std::move(batch)).has_value());
  EXPECT_EQ(driver_.scan(), "a=2 c=3");
  driver_.flush();
  EXPECT_EQ(driver_.scan(), "a=2 c=3");
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "a=2 c=3");
}

TEST_P(StoreSuite, multi_get_answers_in_the_order_of_the_keys) {
  for (const Layer layer : {Layer::Reopened, Layer::Committed, Layer::Running}) {
    driver_.put(std::string(name_of(layer)), std::string(name_of(layer)));
    move_to(driver_, layer);
  }
  const std::vector<std::string> keys = {key(0, "running"), key(0, "nobody"), key(0, "reopened"), key(0, "committed"), key(0, "running")};
  const auto values = driver_.table(1).multi_get(keys);
  ASSERT_TRUE(values.has_value());
  std::string text;
  for (const auto& value : values.value()) text += value.value_or("-") + " ";
  EXPECT_EQ(text, "running - reopened committed running ");
}

TEST_P(StoreSuite, keys_are_any_bytes_and_values_may_be_empty_or_large) {
  const std::string large(1 << 20, 'x');
  const std::vector<std::string> keys = {key(0, ""),
                                         key(0, std::string("\0", 1)),
                                         key(0, std::string("\0\0", 2)),
                                         key(0, "\xff\xff"),
                                         key(0, "a"),
                                         key(0, std::string("a\0", 2)),
                                         key(0, "aa"),
                                         key(255, "\xff")};
  for (const Layer layer : kLayers) {
    SCOPED_TRACE(name_of(layer));
    for (const std::string& k : keys) driver_.put_key(k, k == keys[4] ? large : "");
    move_to(driver_, layer);
    for (const std::string& k : keys) {
      const auto value = driver_.table(1).get(k);
      ASSERT_TRUE(value.has_value());
      ASSERT_TRUE(value.value().has_value()) << fmt::format("{:?}", k);
      EXPECT_EQ(value.value()->size(), k == keys[4] ? large.size() : 0);
    }
    auto rows = driver_.table(1).scan({});
    ASSERT_TRUE(rows.has_value());
    std::vector<std::string> seen;
    while (rows.value()->next().value()) seen.emplace_back(rows.value()->key());
    auto sorted = keys;
    std::ranges::sort(sorted);
    EXPECT_EQ(seen, sorted);
  }
}

TEST_P(StoreSuite, a_scan_in_progress_does_not_see_later_writes) {
  driver_.put("a", "1");
  driver_.put("c", "1");
  auto rows = driver_.table(1).scan({});
  ASSERT_TRUE(rows.has_value());
  ASSERT_TRUE(rows.value()->next().value());
  EXPECT_EQ(rows.value()->key(), key(0, "a"));
  driver_.put("b", "2");
  driver_.put("c", "2");
  driver_.erase("a");
  ASSERT_TRUE(rows.value()->next().value());
  EXPECT_EQ(rows.value()->key(), key(0, "c"));
  EXPECT_EQ(rows.value()->value(), "1");
  EXPECT_FALSE(rows.value()->next().value());
  EXPECT_EQ(driver_.scan(), "b=2 c=2");
}

TEST_P(StoreSuite, tables_do_not_see_each_other) {
  for (const Layer layer : kLayers) {
    driver_.put("k", "one", 1);
    driver_.put("k", "two", 2);
    driver_.put("k", "large", 0x01000001);
    move_to(driver_, layer);
    EXPECT_EQ(driver_.scan(1), "k=one");
    EXPECT_EQ(driver_.scan(2), "k=two");
    EXPECT_EQ(driver_.scan(0x01000001), "k=large");
    EXPECT_EQ(driver_.scan(3), "");
  }
}

// ---- actors and vnodes ----------------------------------------------------------------------------------------------------------------

inline VNodeBitmap vnodes(std::initializer_list<VNode> list) {
  VNodeBitmap bitmap(kDefaultVNodeCount);
  for (const VNode v : list) bitmap.add(v);
  return bitmap;
}

TEST_P(StoreSuite, an_actor_scans_only_its_own_vnodes) {
  for (const Layer layer : kLayers) {
    SCOPED_TRACE(name_of(layer));
    for (const VNode v : {VNode{1}, VNode{2}, VNode{3}}) {
      WriteBatch batch;
      batch.put(key(v, "k"), "v");
      ASSERT_TRUE(driver_.table(1, v, vnodes({v})).append(std::move(batch)).has_value());
    }
    move_to(driver_, layer);
    EXPECT_EQ(dump(driver_.table(1, 1, vnodes({1})).scan({})), "1/k=v");
    EXPECT_EQ(dump(driver_.table(1, 3, vnodes({3})).scan({})), "3/k=v");
  }
}

TEST_P(StoreSuite, vnodes_may_change_hands_at_a_barrier) {
  LocalStateStore& giver = driver_.table(1, 1, vnodes({1, 2}));
  LocalStateStore& taker = driver_.table(1, 2, vnodes({3}));
  WriteBatch batch;
  batch.put(key(2, "k"), "old");
  batch.put(key(2, "kept"), "old");
  ASSERT_TRUE(giver.append(std::move(batch)).has_value());
  EXPECT_EQ(dump(taker.scan({})), "");
  driver_.barrier();
  ASSERT_TRUE(giver.update_vnode_bitmap(vnodes({1})).has_value());
  ASSERT_TRUE(taker.update_vnode_bitmap(vnodes({2, 3})).has_value());
  batch.clear();
  batch.put(key(2, "k"), "new");
  ASSERT_TRUE(taker.append(std::move(batch)).has_value());
  EXPECT_EQ(dump(taker.scan({})), "2/k=new 2/kept=old");
  EXPECT_EQ(dump(giver.scan({})), "");
  EXPECT_EQ(taker.get(key(2, "kept")).value().value_or("-"), "old");
  driver_.flush();
  EXPECT_EQ(dump(taker.scan({})), "2/k=new 2/kept=old");
}

// ---- epochs ---------------------------------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, an_epoch_that_overlaps_a_later_one_is_synced_alone) {
  LocalStateStore& ahead = driver_.table(1, 1, vnodes({1}));
  LocalStateStore& behind = driver_.table(1, 2, vnodes({2}));
  const Epoch first = driver_.running(), second{first.value + 1}, third{first.value + 2};
  ASSERT_TRUE(driver_.store().start_epoch(driver_.graph(), second, {}).has_value());
  const auto put = [](LocalStateStore& local, const std::string& k, std::string_view value) {
    WriteBatch batch;
    batch.put(k, value);
    ASSERT_TRUE(local.append(std::move(batch)).has_value());
  };
  put(ahead, key(1, "a"), "first");
  ASSERT_TRUE(ahead.seal_current_epoch({first, second}).has_value());
  put(ahead, key(1, "a"), "second");
  put(behind, key(2, "b"), "first");
  ASSERT_TRUE(driver_.store().start_epoch(driver_.graph(), third, {}).has_value());
  ASSERT_TRUE(ahead.seal_current_epoch({second, third}).has_value());
  ASSERT_TRUE(behind.seal_current_epoch({first, second}).has_value());
  put(behind, key(2, "b"), "second");
  driver_.sync(first);
  driver_.commit(first);
  EXPECT_EQ(dump(ahead.scan({})), "1/a=second");
  EXPECT_EQ(driver_.committed_at(first), "1/a=first 2/b=first");
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "1/a=first 2/b=first");
}

TEST_P(StoreSuite, a_checkpoint_covers_the_barriers_since_the_last_one) {
  driver_.put("a", "1");
  driver_.barrier();
  driver_.put("a", "2");
  driver_.put("b", "2");
  driver_.barrier();
  driver_.erase("b");
  const Epoch prev = driver_.checkpoint();
  driver_.put("c", "lost");
  driver_.barrier();
  EXPECT_EQ(driver_.committed_at(prev), "a=2");
  driver_.crash();
  EXPECT_EQ(driver_.scan(), "a=2");
}

TEST_P(StoreSuite, several_epochs_may_be_staged_before_the_first_is_committed) {
  driver_.put("a", "1");
  const Epoch first = driver_.barrier();
  driver_.put("a", "2");
  const Epoch second = driver_.barrier();
  driver_.put("a", "3");
  driver_.sync(first);
  driver_.sync(second);
  driver_.commit(first);
  EXPECT_EQ(driver_.committed_at(first), "a=1");
  EXPECT_EQ(driver_.committed_at(second), "SnapshotTooOld");
  driver_.commit(second);
  EXPECT_EQ(driver_.committed_at(first), "a=1");
  EXPECT_EQ(driver_.committed_at(second), "a=2");
  EXPECT_EQ(driver_.get("a"), "3");
}

TEST_P(StoreSuite, a_sync_without_changes_makes_no_segment) {
  (void)driver_.table(1);
  const Epoch prev = driver_.barrier();
  const auto synced = driver_.store().sync_epoch(driver_.term(), prev, {});
  ASSERT_TRUE(synced.has_value());
  EXPECT_TRUE(synced.value().empty());
  driver_.commit(prev);
  EXPECT_EQ(driver_.store().committed_epoch(driver_.graph()), prev);
}

TEST_P(StoreSuite, a_sync_tells_what_it_wrote) {
  driver_.put("a", "1", 7);
  driver_.put("b", "2", 3);
  driver_.erase("c", 3);
  const Epoch prev = driver_.barrier();
  const auto synced = driver_.store().sync_epoch(driver_.term(), prev, {});
  ASSERT_TRUE(synced.has_value());
  ASSERT_EQ(synced.value().size(), 1u);
  const SegmentInfo& info = synced.value()[0];
  EXPECT_EQ(info.rows, 3u);
  EXPECT_GT(info.bytes, 0u);
  EXPECT_EQ(info.tables, (std::vector{TableId{3}, TableId{7}}));
  EXPECT_EQ(info.ref.epoch, prev);
  EXPECT_EQ(info.ref.graph, driver_.term());
}

TEST_P(StoreSuite, calls_out_of_turn_are_refused) {
  driver_.put("a", "1");
  const Epoch running = driver_.running();
  const auto code = [](const auto& result) { return result.has_error() ? code_name(result.error().code()) : "ok"; };
  EXPECT_EQ(code(driver_.store().start_epoch(driver_.graph(), running, {})), "Protocol");
  EXPECT_EQ(code(driver_.table(1).seal_current_epoch({Epoch{running.value + 1}, Epoch{running.value + 2}})), "Protocol");
  EXPECT_EQ(code(driver_.table(1).seal_current_epoch({running, running})), "Protocol");
  EXPECT_EQ(code(driver_.store().commit_epoch(driver_.graph(), running, {})), "Protocol") << "nothing was synced";
  EXPECT_EQ(code(driver_.store().sync_epoch({driver_.graph(), Term{99}}, running, {})), "Stale");
  EXPECT_EQ(code(driver_.store().sync_epoch({PartialGraphId{99}, Term{1}}, running, {})), "Stale");
  EXPECT_EQ(code(driver_.store().open_table({TableId{1}, PartialGraphId{99}, VNodeBitmap::all(), "x"})), "Stale");
}

TEST_P(StoreSuite, a_write_into_an_epoch_that_is_synced_is_refused_at_the_barrier_at_the_latest) {
  LocalStateStore& sleeper = driver_.table(1);
  const Epoch running = driver_.running();
  driver_.sync(running);
  WriteBatch late;
  late.put(key(0, "late"), "x");
  const auto write_and_seal = [&]() -> Status {
    PENSTOCK_TRY(sleeper.append(std::move(late)));
    return sleeper.seal_current_epoch({running, Epoch{running.value + 1}});
  };
  const Status refused = write_and_seal();
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Code::Protocol);
}

// ---- snapshots --------------------------------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, a_snapshot_is_exactly_its_epoch_and_lasts_ten_seconds) {
  driver_.put("a", "1");
  const Epoch first = driver_.checkpoint();
  driver_.put("a", "2");
  const Epoch second = driver_.checkpoint();
  EXPECT_EQ(driver_.committed_at(first), "a=1");
  EXPECT_EQ(driver_.committed_at(Epoch{second.value - 1000}), "SnapshotTooOld");
  EXPECT_EQ(driver_.committed_at(Epoch{second.value + 1}), "SnapshotTooOld");
  harness_->advance(std::chrono::seconds(9));
  EXPECT_EQ(driver_.committed_at(first), "a=1");
  harness_->advance(std::chrono::seconds(2));
  EXPECT_EQ(driver_.committed_at(first), "SnapshotTooOld");
  EXPECT_EQ(driver_.committed_at(second), "a=2") << "the committed epoch itself does not age";
}

TEST_P(StoreSuite, a_reader_keeps_what_it_pinned) {
  driver_.put("a", "1");
  driver_.put("b", "1");
  driver_.flush();
  driver_.put("a", "2");
  const Epoch epoch = driver_.checkpoint();
  auto reader = driver_.store().read_committed(driver_.graph(), TableId{1}, epoch);
  ASSERT_TRUE(reader.has_value());
  driver_.put("a", "3");
  driver_.erase("b");
  driver_.put("c", "3");
  driver_.flush();
  harness_->advance(std::chrono::seconds(60));
  driver_.flush();
  EXPECT_EQ(dump(reader.value()->scan({})), "a=2 b=1");
  EXPECT_EQ(reader.value()->get(key(0, "a")).value().value_or("-"), "2");
  EXPECT_EQ(reader.value()->get(key(0, "c")).value().value_or("-"), "-");
  EXPECT_EQ(driver_.scan(), "a=3 c=3");
}

TEST_P(StoreSuite, a_snapshot_survives_a_reset_but_not_a_crash) {
  driver_.put("a", "1");
  const Epoch first = driver_.checkpoint();
  driver_.put("a", "2");
  const Epoch second = driver_.checkpoint();
  driver_.store().clear(driver_.graph());
  EXPECT_EQ(driver_.committed_at(first), "a=1");
  EXPECT_EQ(driver_.committed_at(second), "a=2");
  ASSERT_TRUE(driver_.open().has_value());
  EXPECT_EQ(driver_.committed_at(first), "a=1");
  driver_.crash();
  EXPECT_EQ(driver_.committed_at(first), "SnapshotTooOld");
  EXPECT_EQ(driver_.committed_at(second), "a=2");
}

TEST_P(StoreSuite, a_sealed_epoch_can_be_read_before_it_is_committed) {
  driver_.put("a", "1");
  driver_.put("z", "1");
  driver_.flush();
  driver_.put("a", "2");
  const Epoch staged = driver_.barrier();
  driver_.sync(staged);
  driver_.put("b", "3");
  driver_.erase("z");
  const Epoch sealed = driver_.barrier();
  driver_.put("a", "running");
  driver_.put("c", "running");
  EXPECT_EQ(driver_.sealed_at(sealed), "a=2 b=3");
  EXPECT_EQ(driver_.committed_at(driver_.committed()), "a=1 z=1");
}

TEST_P(StoreSuite, a_committed_epoch_counts_as_sealed) {
  driver_.put("a", "1");
  const Epoch epoch = driver_.checkpoint();
  driver_.put("a", "2");
  EXPECT_EQ(driver_.sealed_at(epoch), "a=1");
  driver_.checkpoint();
  EXPECT_EQ(driver_.sealed_at(Epoch{epoch.value - 1}), "SnapshotTooOld");
}

TEST_P(StoreSuite, versions_are_right_while_flushes_pass_under_them) {
  std::map<Epoch, std::string> expected;
  for (int round = 0; round < 6; ++round) {
    driver_.put("a", std::to_string(round));
    driver_.put(fmt::format("k{}", round), "x");
    if (round > 1) driver_.erase(fmt::format("k{}", round - 2));
    round % 2 == 0 ? driver_.flush() : (void)driver_.checkpoint();
    expected[driver_.committed()] = driver_.scan();
    for (const auto& [epoch, rows] : expected)
      EXPECT_EQ(driver_.committed_at(epoch), rows) << "epoch " << epoch.value << " in round " << round;
  }
}

// ---- dropped tables ---------------------------------------------------------------------------------------------------------------------

TEST_P(StoreSuite, dropped_tables_vanish_and_their_neighbours_stay) {
  for (const uint32_t t : {4u, 5u, 6u}) driver_.put("k", "flushed", t);
  driver_.flush();
  for (const uint32_t t : {4u, 5u, 6u}) driver_.put("m", "committed", t);
  driver_.checkpoint();
  const std::vector<TableId> dropped = {TableId{5}};
  driver_.store().drop_tables(dropped);
  EXPECT_EQ(driver_.committed_at(driver_.committed(), 5), "SnapshotTooOld") << "a part would be taken for the whole";
  EXPECT_EQ(driver_.committed_at(driver_.committed(), 4), "k=flushed m=committed");
  harness_->run_background();
  driver_.flush();
  EXPECT_EQ(driver_.scan(4), "k=flushed m=committed");
  EXPECT_EQ(driver_.scan(6), "k=flushed m=committed");
  driver_.crash();
  EXPECT_EQ(driver_.scan(4), "k=flushed m=committed");
  EXPECT_EQ(driver_.scan(5), "");
  EXPECT_EQ(driver_.scan(6), "k=flushed m=committed");
}

TEST_P(StoreSuite, rows_of_tables_that_meta_no_longer_lists_are_not_adopted) {
  driver_.put("k", "v", 1);
  driver_.put("k", "v", 2);
  driver_.checkpoint();
  driver_.die();
  const auto live = driver_.live();
  const std::vector<TableId> tables = {TableId{2}};
  ASSERT_TRUE(driver_.store().retain_segments(live, std::nullopt).has_value());
  ASSERT_TRUE(driver_.store().open_graph(driver_.term(), driver_.committed(), live, tables).has_value());
  for (const uint32_t t : {1u, 2u}) {
    auto reader = driver_.store().read_committed(driver_.graph(), TableId{t}, driver_.committed());
    ASSERT_TRUE(reader.has_value());
    EXPECT_EQ(dump(reader.value()->scan({})), t == 1 ? "" : "k=v");
  }
}

TEST_P(StoreSuite, usage_follows_the_rows) {
  EXPECT_EQ(driver_.store().usage().segment_bytes, 0u);
  driver_.put("a", std::string(1000, 'x'));
  driver_.checkpoint();
  EXPECT_GE(driver_.store().usage().segment_bytes, 1000u);
  EXPECT_GE(driver_.store().usage().batch_bytes, 1000u);
}

}  // namespace penstock::storage::testing
