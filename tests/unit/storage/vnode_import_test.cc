// Vnodes move from one node to another, with a crash of the new owner between any two steps.
#include "storage/vnode_import.h"

#include <gtest/gtest.h>

#include <random>

#include "storage/faulty/faulty_state_store.h"
#include "storage/key_range.h"
#include "unit/storage/log_harness.h"
#include "unit/storage/memory_harness.h"
#include "unit/storage/store_harness.h"

namespace penstock::storage::testing {
namespace {

constexpr uint32_t kTable = 1, kOther = 2;

VNodeBitmap vnodes(std::initializer_list<VNode> list) {
  VNodeBitmap out(256);
  for (const VNode v : list) out.add(v);
  return out;
}

/// Two nodes with one graph, which stops and starts on both at the same epochs.
class TwoNodes {
 public:
  explicit TwoNodes(const StoreParam& param)
      : old_harness_(param.make()), new_harness_(param.make()), old_owner(*old_harness_), new_owner(*new_harness_) {
    old_owner.start();
    new_owner.start();
  }
  Epoch checkpoint() {
    old_owner.checkpoint();
    return new_owner.checkpoint();
  }
  void crash_new() { new_owner.crash(); }

  std::unique_ptr<StoreHarness> old_harness_, new_harness_;
  StoreDriver old_owner, new_owner;
};

/// All rows of the vnodes on `from` at its committed epoch, into files of `to`.
Result<std::vector<SegmentInfo>> transfer(StoreDriver& from, StateStore& to, GraphTerm graph, Epoch epoch, std::vector<TableId> tables,
                                          const VNodeBitmap& moved) {
  PENSTOCK_TRY(auto import, VnodeImport::begin(to, graph, epoch, tables, moved));
  for (const TableId table : tables) {
    PENSTOCK_TRY(auto reader, from.store().read_committed(from.graph(), table, from.committed()));
    for (const Range& range : vnode_ranges(moved)) {
      PENSTOCK_TRY(auto rows, reader->scan(range));
      WriteBatch batch;
      for (;;) {
        PENSTOCK_TRY(const bool more, rows->next());
        if (!more) break;
        batch.put(rows->key(), rows->value());
      }
      PENSTOCK_TRY(import->add(table, batch));
    }
  }
  return import->finish();
}

Result<std::vector<SegmentInfo>> transfer(TwoNodes& nodes, std::vector<TableId> tables, const VNodeBitmap& moved) {
  return transfer(nodes.old_owner, nodes.new_owner.store(), nodes.new_owner.term(), nodes.new_owner.committed(), std::move(tables), moved);
}

class VnodeImportTest : public ::testing::TestWithParam<StoreParam> {};
INSTANTIATE_TEST_SUITE_P(Stores, VnodeImportTest,
                         ::testing::Values(StoreParam{"memory", [] { return std::make_unique<MemoryHarness>(); }},
                                           StoreParam{"epoch_log", [] { return std::make_unique<LogHarness>(); }}),
                         [](const auto& info) { return info.param.name; });

TEST_P(VnodeImportTest, the_new_owner_holds_what_the_old_one_had_once_a_commit_names_the_files) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  nodes.old_owner.put_key(key(3, "b"), "2");
  nodes.old_owner.put_key(key(4, "c"), "3");
  nodes.old_owner.put_key(key(5, "stays"), "4");
  nodes.old_owner.put_key(key(3, "x"), "5", kOther);
  nodes.new_owner.put_key(key(9, "own"), "6");
  const Epoch epoch = nodes.checkpoint();
  const auto files = transfer(nodes, {TableId{kTable}, TableId{kOther}}, vnodes({3, 4}));
  ASSERT_TRUE(files.has_value()) << files.error().to_string();
  EXPECT_EQ(nodes.new_owner.committed_at(epoch), "9/own=6") << "nothing is visible before the commit";
  nodes.new_owner.meta_lists(files.value());
  nodes.new_owner.reset();
  EXPECT_EQ(nodes.new_owner.committed(), epoch);
  EXPECT_EQ(nodes.new_owner.committed_at(epoch), "3/a=1 3/b=2 4/c=3 9/own=6");
  EXPECT_EQ(nodes.new_owner.committed_at(epoch, kOther), "3/x=5");
  EXPECT_EQ(nodes.new_owner.scan(), "3/a=1 3/b=2 4/c=3 9/own=6");
}

TEST_P(VnodeImportTest, a_graph_that_runs_on_adopts_the_files_when_it_is_told) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  nodes.old_owner.put_key(key(3, "b"), "2");
  nodes.new_owner.put_key(key(3, "left"), "earlier");
  nodes.new_owner.put_key(key(9, "own"), "6");
  const Epoch epoch = nodes.checkpoint();
  nodes.new_owner.put_key(key(9, "running"), "7");
  const auto files = transfer(nodes, {TableId{kTable}}, vnodes({3}));
  ASSERT_TRUE(files.has_value()) << files.error().to_string();
  std::vector<SegmentRef> refs;
  for (const SegmentInfo& file : files.value()) refs.push_back(file.ref);
  StateStore& store = nodes.new_owner.store();
  for (int again = 0; again < 2; ++again) {
    const Status adopted = store.adopt_segments(nodes.new_owner.term(), epoch, refs);
    ASSERT_TRUE(adopted.has_value()) << adopted.error().to_string();
    EXPECT_EQ(nodes.new_owner.committed_at(epoch), "3/a=1 3/b=2 9/own=6");
    EXPECT_EQ(nodes.new_owner.scan(), "3/a=1 3/b=2 9/own=6 9/running=7") << "also by a handle that was there before";
  }
  nodes.new_owner.meta_lists(files.value());
  nodes.new_owner.put_key(key(3, "a"), "changed");
  const Epoch next = nodes.checkpoint();
  EXPECT_EQ(nodes.new_owner.committed_at(next), "3/a=changed 3/b=2 9/own=6 9/running=7");
  nodes.crash_new();
  EXPECT_EQ(nodes.new_owner.committed_at(next), "3/a=changed 3/b=2 9/own=6 9/running=7");
  nodes.new_owner.flush();
  EXPECT_EQ(nodes.new_owner.scan(), "3/a=changed 3/b=2 9/own=6 9/running=7");
}

TEST_P(VnodeImportTest, a_handle_that_is_opened_before_and_begins_after_an_adoption_reads_all_of_it) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  const Epoch epoch = nodes.checkpoint();
  StateStore& store = nodes.new_owner.store();
  auto table = store.open_table({TableId{kTable}, nodes.new_owner.graph(), vnodes({3}), "test"});
  ASSERT_TRUE(table.has_value());
  const auto files = transfer(nodes, {TableId{kTable}}, vnodes({3}));
  ASSERT_TRUE(files.has_value());
  std::vector<SegmentRef> refs;
  for (const SegmentInfo& file : files.value()) refs.push_back(file.ref);
  ASSERT_TRUE(store.adopt_segments(nodes.new_owner.term(), epoch, refs).has_value());
  ASSERT_TRUE(table.value()->init({epoch, nodes.new_owner.running()}).has_value());
  EXPECT_EQ(table.value()->get(key(3, "a")).value(), "1");
}

TEST_P(VnodeImportTest, an_adoption_of_another_time_or_of_files_that_are_not_there_changes_nothing) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  const Epoch epoch = nodes.checkpoint();
  const auto files = transfer(nodes, {TableId{kTable}}, vnodes({3}));
  ASSERT_TRUE(files.has_value());
  const SegmentRef good = files.value().front().ref;
  SegmentRef missing = good, broken = good;
  missing.sequence += 100;
  broken.checksum += 1;
  StateStore& store = nodes.new_owner.store();
  const GraphTerm term = nodes.new_owner.term();
  const auto code = [&](GraphTerm graph, Epoch at, std::vector<SegmentRef> refs) {
    return store.adopt_segments(graph, at, refs).error().code();
  };
  EXPECT_EQ(code({term.graph, Term{term.term.value + 1}}, epoch, {good}), Code::Stale);
  EXPECT_EQ(code(term, Epoch{epoch.value + 1}, {good}), Code::Protocol);
  EXPECT_EQ(code(term, epoch, {good, missing}), Code::Corruption);
  EXPECT_EQ(code(term, epoch, {broken, good}), Code::Corruption);
  EXPECT_EQ(nodes.new_owner.committed_at(epoch), "");
}

TEST_P(VnodeImportTest, files_that_no_commit_names_are_gone_after_a_reset) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  const Epoch epoch = nodes.checkpoint();
  ASSERT_TRUE(transfer(nodes, {TableId{kTable}}, vnodes({3})).has_value());
  nodes.new_owner.reset();
  EXPECT_EQ(nodes.new_owner.committed_at(epoch), "");
  nodes.crash_new();
  EXPECT_EQ(nodes.new_owner.committed_at(epoch), "");
}

// What is left of earlier times: in the sorted files, in segments, deleted since on the other node, or changed there.
TEST_P(VnodeImportTest, rows_left_from_an_earlier_ownership_give_way) {
  for (const bool flushed : {false, true}) {
    TwoNodes nodes(GetParam());
    nodes.new_owner.put_key(key(3, "deleted"), "old");
    nodes.new_owner.put_key(key(3, "kept"), "old");
    nodes.new_owner.put_key(key(3, "zz"), "old");
    nodes.new_owner.put_key(key(4, "other"), "stays");
    nodes.new_owner.put_key(key(3, "lonely"), "old", kOther);
    flushed ? nodes.new_owner.flush() : (void)nodes.new_owner.checkpoint();
    nodes.old_owner.put_key(key(3, "kept"), "new");
    nodes.old_owner.put_key(key(3, "added"), "new");
    const Epoch epoch = nodes.checkpoint();
    const auto files = transfer(nodes, {TableId{kTable}, TableId{kOther}}, vnodes({3}));
    ASSERT_TRUE(files.has_value()) << files.error().to_string();
    nodes.new_owner.meta_lists(files.value());
    nodes.new_owner.reset();
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed()), "3/added=new 3/kept=new 4/other=stays");
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed(), kOther), "");
    nodes.new_owner.flush();
    nodes.crash_new();
    EXPECT_EQ(nodes.new_owner.scan(), "3/added=new 3/kept=new 4/other=stays");
    EXPECT_EQ(nodes.new_owner.scan(kOther), "");
    EXPECT_LE(epoch, nodes.new_owner.committed());
  }
}

TEST_P(VnodeImportTest, vnodes_may_go_and_come_back_again_and_again) {
  TwoNodes nodes(GetParam());
  StoreDriver* owner = &nodes.old_owner;
  StoreDriver* other = &nodes.new_owner;
  for (int round = 0; round < 6; ++round) {
    owner->put_key(key(3, fmt::format("r{}", round)), std::to_string(round));
    if (round > 1) {
      WriteBatch gone;
      gone.erase(key(3, fmt::format("r{}", round - 2)));
      ASSERT_TRUE(owner->table(kTable).append(std::move(gone)).has_value());
    }
    round % 3 == 0 ? owner->flush() : (void)owner->checkpoint();
    round % 2 == 0 ? other->flush() : (void)other->checkpoint();
    const auto files = transfer(*owner, other->store(), other->term(), other->committed(), {TableId{kTable}}, vnodes({3}));
    ASSERT_TRUE(files.has_value()) << files.error().to_string();
    other->meta_lists(files.value());
    round % 2 == 0 ? other->reset() : other->crash();
    owner->reset();
    const std::string before = round == 0 ? "" : fmt::format("3/r{}={} ", round - 1, round - 1);
    EXPECT_EQ(other->scan(), fmt::format("{}3/r{}={}", before, round, round));
    std::swap(owner, other);
  }
}

TEST_P(VnodeImportTest, a_crash_between_any_two_steps_leaves_all_or_nothing) {
  enum Step { AfterImport, AfterCommit, AfterAdoption, AfterNextCheckpoint, AfterFlush, kSteps };
  for (int step = 0; step < kSteps; ++step) {
    TwoNodes nodes(GetParam());
    nodes.new_owner.put_key(key(3, "stale"), "0");
    nodes.new_owner.flush();
    nodes.old_owner.put_key(key(3, "a"), std::string(5000, 'v'));
    nodes.checkpoint();
    const auto files = transfer(nodes, {TableId{kTable}}, vnodes({3}));
    ASSERT_TRUE(files.has_value()) << files.error().to_string();
    if (step == AfterImport) nodes.crash_new();
    if (step >= AfterCommit) nodes.new_owner.meta_lists(files.value());
    if (step == AfterCommit) nodes.crash_new();
    if (step >= AfterAdoption) nodes.new_owner.reset();
    if (step == AfterAdoption) nodes.crash_new();
    if (step >= AfterNextCheckpoint) {
      nodes.new_owner.put_key(key(3, "b"), "1");
      nodes.new_owner.checkpoint();
    }
    if (step == AfterNextCheckpoint) nodes.crash_new();
    if (step == AfterFlush) {
      nodes.new_owner.flush();
      nodes.crash_new();
    }
    const std::string arrived = fmt::format("3/a={}", brief(std::string(5000, 'v')));
    const std::string expected = step == AfterImport ? "3/stale=0" : step < AfterNextCheckpoint ? arrived : arrived + " 3/b=1";
    EXPECT_EQ(nodes.new_owner.scan(), expected) << "step " << step;
  }
}

TEST_P(VnodeImportTest, what_comes_out_of_order_or_was_not_asked_for_is_refused) {
  TwoNodes nodes(GetParam());
  const Epoch epoch = nodes.checkpoint();
  const auto begin = [&] {
    return std::move(
        VnodeImport::begin(nodes.new_owner.store(), nodes.new_owner.term(), epoch, {TableId{1}, TableId{2}}, vnodes({3})).value());
  };
  const auto row = [](VNode vnode, std::string_view text) {
    WriteBatch batch;
    batch.put(key(vnode, text), "v");
    return batch;
  };
  const auto code = [](const Status& status) { return status.has_error() ? status.error().code() : Code::Internal; };
  EXPECT_EQ(code(begin()->add(TableId{1}, row(4, "a"))), Code::Protocol) << "another vnode";
  EXPECT_EQ(code(begin()->add(TableId{7}, row(3, "a"))), Code::Protocol) << "another table";
  auto import = begin();
  ASSERT_TRUE(import->add(TableId{2}, row(3, "b")).has_value());
  EXPECT_EQ(code(import->add(TableId{2}, row(3, "b"))), Code::Protocol) << "twice";
  EXPECT_EQ(code(import->add(TableId{1}, row(3, "c"))), Code::Protocol) << "an earlier table";
  WriteBatch tombstone;
  tombstone.erase(key(3, "z"));
  EXPECT_EQ(code(import->add(TableId{2}, tombstone)), Code::Protocol) << "a delete";
  EXPECT_FALSE(
      VnodeImport::begin(nodes.new_owner.store(), nodes.new_owner.term(), epoch, {TableId{2}, TableId{1}}, vnodes({3})).has_value());
}

TEST_P(VnodeImportTest, only_the_graphs_committed_epoch_in_its_own_term_can_be_imported_into) {
  TwoNodes nodes(GetParam());
  const Epoch epoch = nodes.checkpoint();
  StateStore& store = nodes.new_owner.store();
  const GraphTerm term = nodes.new_owner.term();
  EXPECT_EQ(store.begin_import(term, Epoch{epoch.value + 1}).error().code(), Code::Protocol);
  EXPECT_EQ(store.begin_import({term.graph, Term{term.term.value + 1}}, epoch).error().code(), Code::Stale);
  EXPECT_EQ(store.begin_import({PartialGraphId{99}, term.term}, epoch).error().code(), Code::Stale);
  store.clear(term.graph);
  EXPECT_EQ(store.begin_import(term, epoch).error().code(), Code::Stale);
}

TEST_P(VnodeImportTest, a_store_that_fails_in_any_call_fails_the_import_and_nothing_else) {
  for (const StoreCall call : {StoreCall::ReadCommitted, StoreCall::BeginImport, StoreCall::AddImport, StoreCall::FinishImport}) {
    TwoNodes nodes(GetParam());
    runtime::SimRuntime runtime(1);
    nodes.old_owner.put_key(key(3, "a"), "1");
    nodes.new_owner.put_key(key(9, "own"), "2");
    const Epoch epoch = nodes.checkpoint();
    FaultyStateStore faulty(nodes.new_owner.store(), runtime);
    faulty.fail(call, error(Code::DiskFull, "no space"));
    const auto files = transfer(nodes.old_owner, faulty, nodes.new_owner.term(), epoch, {TableId{kTable}}, vnodes({3}));
    ASSERT_TRUE(files.has_error()) << static_cast<int>(call);
    EXPECT_EQ(files.error().code(), Code::DiskFull);
    nodes.new_owner.reset();
    EXPECT_EQ(nodes.new_owner.scan(), "9/own=2");
  }
}

TEST(VnodeImportOfTheLog, many_rows_are_cut_into_files_and_all_of_them_arrive) {
  StoreParam log{"epoch_log", [] { return std::make_unique<LogHarness>(); }};
  TwoNodes nodes(log);
  size_t rows = 0;
  for (int i = 0; i < 40; ++i) {
    WriteBatch batch;
    for (int j = 0; j < 50; ++j, ++rows) batch.put(key(3, fmt::format("{:03}{:03}", i, j)), std::string(40'000, 'x'));
    ASSERT_TRUE(nodes.old_owner.table(kTable).append(std::move(batch)).has_value());
  }
  nodes.checkpoint();
  const auto files = transfer(nodes, {TableId{kTable}}, vnodes({3}));
  ASSERT_TRUE(files.has_value()) << files.error().to_string();
  EXPECT_GE(files.value().size(), 2U);
  nodes.new_owner.meta_lists(files.value());
  nodes.crash_new();
  auto all = nodes.new_owner.table(kTable).scan({});
  size_t arrived = 0;
  while (all.value()->next().value()) ++arrived;
  EXPECT_EQ(arrived, rows);
}

TEST(VnodeRanges, neighbours_are_one_range) {
  const auto text = [](const VNodeBitmap& bitmap) {
    std::string out;
    for (const Range& range : vnode_ranges(bitmap)) {
      const auto at = [](const std::string& k) { return k.empty() ? -1 : static_cast<uint8_t>(k[0]) << 8 | static_cast<uint8_t>(k[1]); };
      out += fmt::format("[{},{})", at(range.begin), at(range.end));
    }
    return out;
  };
  EXPECT_EQ(text(vnodes({})), "");
  EXPECT_EQ(text(vnodes({0, 1, 2, 7, 9, 10, 255})), "[0,3)[7,8)[9,11)[255,256)");
  VNodeBitmap last(65536);
  last.add(65535);
  EXPECT_EQ(text(last), "[65535,-1)");
}

// ---- ahead, and then what has changed

/// The rows of the vnodes as the feed began, into files of `to`.
Result<std::vector<SegmentInfo>> copy_ahead(ChangeFeed& feed, StoreDriver& to, std::vector<TableId> tables, const VNodeBitmap& moved) {
  PENSTOCK_TRY(auto import, VnodeImport::begin(to.store(), to.term(), to.committed(), tables, moved));
  for (const TableId table : tables) {
    for (const Range& range : vnode_ranges(moved)) {
      PENSTOCK_TRY(auto rows, feed.scan(table, range));
      WriteBatch batch;
      for (;;) {
        PENSTOCK_TRY(const bool more, rows->next());
        if (!more) break;
        batch.put(rows->key(), rows->value());
      }
      PENSTOCK_TRY(import->add(table, batch));
    }
  }
  return import->finish();
}

Result<std::vector<SegmentInfo>> copy_changes(ChangeFeed& feed, StoreDriver& from, StoreDriver& to, std::vector<TableId> tables,
                                              const VNodeBitmap& moved) {
  PENSTOCK_TRY(auto import, VnodeImport::begin_changes(to.store(), to.term(), to.committed(), tables, moved));
  for (const TableId table : tables) {
    PENSTOCK_TRY(const auto changes, feed.changes(table, vnode_ranges(moved), from.committed()));
    PENSTOCK_TRY(import->add(table, changes));
  }
  return import->finish();
}

void erase_key(StoreDriver& node, std::string_view full_key, uint32_t table = kTable) {
  WriteBatch batch;
  batch.erase(full_key);
  ASSERT_TRUE(node.table(table).append(std::move(batch)).has_value());
}

TEST_P(VnodeImportTest, what_changed_while_rows_were_copied_goes_above_them) {
  for (const bool flushed : {false, true}) {
    TwoNodes nodes(GetParam());
    for (const char* name : {"changed", "deleted", "same"}) nodes.old_owner.put_key(key(3, name), "1");
    nodes.old_owner.put_key(key(4, "stays"), "1");
    nodes.new_owner.put_key(key(3, "left over"), "0");
    nodes.checkpoint();
    auto feed = nodes.old_owner.store().follow(nodes.old_owner.graph(), std::vector{TableId{kTable}, TableId{kOther}});
    ASSERT_TRUE(feed.has_value()) << feed.error().to_string();
    EXPECT_EQ(feed.value()->begun(), nodes.old_owner.committed());
    const std::vector tables{TableId{kTable}, TableId{kOther}};
    // Both run on while the rows are copied.
    const auto change = [&](std::string_view value) {
      nodes.old_owner.put_key(key(3, "changed"), value);
      nodes.old_owner.put_key(key(3, value), "new");
      nodes.old_owner.put_key(key(4, "stays"), value);
      nodes.new_owner.put_key(key(9, "own"), value);
      nodes.checkpoint();
    };
    const auto ahead = copy_ahead(*feed.value(), nodes.new_owner, tables, vnodes({3}));
    ASSERT_TRUE(ahead.has_value()) << ahead.error().to_string();
    change("2");
    erase_key(nodes.old_owner, key(3, "deleted"));
    nodes.old_owner.put_key(key(3, "x"), "5", kOther);
    if (flushed) {
      nodes.old_owner.flush();
      nodes.new_owner.flush();
    }
    change("3");
    erase_key(nodes.old_owner, key(3, "2"));
    nodes.checkpoint();
    const auto changes = copy_changes(*feed.value(), nodes.old_owner, nodes.new_owner, tables, vnodes({3}));
    ASSERT_TRUE(changes.has_value()) << changes.error().to_string();
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed()), "3/left over=0 9/own=3") << "nothing is visible before the commit";
    nodes.new_owner.meta_lists(ahead.value());
    nodes.new_owner.meta_lists(changes.value());
    nodes.new_owner.reset();
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed()), "3/3=new 3/changed=3 3/same=1 9/own=3");
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed(), kOther), "3/x=5");
    nodes.new_owner.flush();
    nodes.crash_new();
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed()), "3/3=new 3/changed=3 3/same=1 9/own=3");
  }
}

TEST_P(VnodeImportTest, rows_copied_ahead_are_gone_after_a_reset_that_does_not_list_them) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  nodes.checkpoint();
  auto feed = nodes.old_owner.store().follow(nodes.old_owner.graph(), std::vector{TableId{kTable}});
  ASSERT_TRUE(copy_ahead(*feed.value(), nodes.new_owner, {TableId{kTable}}, vnodes({3})).has_value());
  nodes.new_owner.reset();
  EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed()), "");
}

TEST_P(VnodeImportTest, changes_are_never_fewer_than_there_were) {
  TwoNodes nodes(GetParam());
  nodes.old_owner.put_key(key(3, "a"), "1");
  nodes.checkpoint();
  auto feed = nodes.old_owner.store().follow(nodes.old_owner.graph(), std::vector{TableId{kTable}});
  nodes.old_owner.put_key(key(3, "a"), "2");
  nodes.checkpoint();
  const Epoch too_high{nodes.old_owner.committed().value + 1};
  const auto above = feed.value()->changes(TableId{kTable}, vnode_ranges(vnodes({3})), too_high);
  ASSERT_TRUE(above.has_error());
  EXPECT_EQ(above.error().code(), Code::SnapshotTooOld);
  nodes.old_owner.reset();
  nodes.old_owner.put_key(key(3, "b"), "3");
  nodes.checkpoint();
  const auto after = feed.value()->changes(TableId{kTable}, vnode_ranges(vnodes({3})), nodes.old_owner.committed());
  EXPECT_TRUE(after.has_error() || after.value().entries.size() == 2) << "the graph began anew";
}

TEST_P(VnodeImportTest, any_changes_while_rows_are_copied_give_what_the_old_owner_has) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    TwoNodes nodes(GetParam());
    const auto write = [&](StoreDriver& node, VNode lowest) {
      for (uint64_t i = random() % 30; i > 0; --i) {
        const std::string k = key(static_cast<VNode>(lowest + random() % 3), fmt::format("{}", random() % 40));
        random() % 3 == 0 ? erase_key(node, k) : node.put_key(k, fmt::format("{}", random() % 1000));
      }
    };
    const auto live = [&](uint64_t epochs) {
      for (; epochs > 0; --epochs) {
        write(nodes.old_owner, 3);
        write(nodes.new_owner, 8);
        if (random() % 3 == 0) nodes.old_owner.flush();
        if (random() % 3 == 0) nodes.new_owner.flush();
        nodes.checkpoint();
      }
    };
    write(nodes.new_owner, 3);  // of earlier times
    live(1 + random() % 5);
    auto feed = nodes.old_owner.store().follow(nodes.old_owner.graph(), std::vector{TableId{kTable}});
    if (random() % 2 == 0) live(random() % 3);
    const auto ahead = copy_ahead(*feed.value(), nodes.new_owner, {TableId{kTable}}, vnodes({3, 4}));
    ASSERT_TRUE(ahead.has_value()) << ahead.error().to_string();
    live(random() % 5);
    const auto changes = copy_changes(*feed.value(), nodes.old_owner, nodes.new_owner, {TableId{kTable}}, vnodes({3, 4}));
    ASSERT_TRUE(changes.has_value()) << changes.error().to_string();
    nodes.new_owner.meta_lists(ahead.value());
    nodes.new_owner.meta_lists(changes.value());
    nodes.new_owner.reset();
    const Range moved{key(3, ""), key(5, "")};
    EXPECT_EQ(nodes.new_owner.committed_at(nodes.new_owner.committed(), kTable, moved),
              nodes.old_owner.committed_at(nodes.old_owner.committed(), kTable, moved))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace penstock::storage::testing
