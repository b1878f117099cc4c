#include "stream/executor/backfill/stream_scan.h"

#include <gtest/gtest.h>

#include "stream/executor/materialize/materialize.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

std::shared_ptr<const pb::Mutation> mutation(const std::function<void(pb::Mutation&)>& fill) {
  auto made = std::make_shared<pb::Mutation>();
  fill(*made);
  return made;
}

// An upstream table (key I64, value T) that is materialized in one actor, and its backfill in another; both pass the same barriers.
class BackfillWorld {
 public:
  /// `out_time`: what it takes until a chunk has gone out, in a graph that is paced; zero: it is not.
  explicit BackfillWorld(size_t batch_rows, uint64_t rate = 0, runtime::Duration out_time = {})
      : batch_rows_(batch_rows), rate_(rate), out_time_(out_time) {
    start_upstream();
  }

  OperatorNode node;
  bool waits = false;  // for other backfills, when it is started

  void start_scan() {
    scanning_ = true;
    start_scan_actor();
  }
  /// A change of the upstream, which the backfill sees as well.
  void change(std::string_view rows) {
    Output changed;
    const std::string table = fmt::format("I64 T\n{}", rows);
    must(upstream_->on_chunk(0, data::chunk_from_table(table), changed));
    if (!scanning_) return;
    for (auto& chunk : changed) out_of([&](Output& out) { return must(scan_->on_chunk(0, chunk, out)); });
  }
  void barrier(BarrierKind kind = BarrierKind::Barrier, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    const Barrier barrier = node.next_barrier(kind, std::move(mutation));
    pass(barrier);
    if (kind == BarrierKind::Checkpoint) node.commit();
    if (kind == BarrierKind::Checkpoint) committed_ = before_;
  }
  /// One more batch while the upstream is quiet; false when there is nothing to read.
  bool poll() {
    const size_t before = emitted_;
    out_of([&](Output& out) { return must(scan_->generator()->poll(out)).step; });
    return emitted_ != before;
  }
  void restart() {
    node.reports.progress.clear();
    scan_.reset();
    upstream_.reset();
    node.reset();
    view_ = committed_;
    start_upstream();
    if (scanning_) start_scan_actor();
  }
  [[nodiscard]] std::string view() const { return view_.text(); }
  [[nodiscard]] size_t emitted() const { return emitted_; }
  [[nodiscard]] int wakes() const { return wakes_; }
  static constexpr runtime::Duration kChunkTime = std::chrono::milliseconds(8);
  /// What was reported last, since the actor started.
  [[nodiscard]] CreateReport progress() { return node.reports.progress.empty() ? CreateReport{} : node.reports.progress.rbegin()->second; }

 private:
  static storage::TableSchema schema() {
    return {TableId{50}, "upstream", types("I64 T"), {0}, {data::SortOrder{}}, {0}, kDefaultVNodeCount, 0};
  }
  void start_upstream() {
    auto table = must(storage::StateTable::open(node.store, node.graph().graph, schema(), node.vnodes));
    upstream_ = std::make_unique<MaterializeOperator>(std::move(table), node.context());
    must(upstream_->init(node.running()));
    Output none;
    must(upstream_->on_barrier(node.first_barrier(), none));
    must(upstream_->after_barrier(node.first_barrier(), none));
  }
  void start_scan_actor() {
    pb::StreamNode plan = node_over({types("I64 T")});
    pb::StreamScanNode& body = *plan.mutable_stream_scan();
    *body.mutable_upstream_table() = table_desc(50, "upstream", types("I64 T"), {0}, {0});
    for (const uint32_t column : {1U, 0U}) body.add_output(column);
    *body.mutable_progress() = table_desc(1, "progress", types("I32 I64 B I64"), {0}, {});
    add_fields(*plan.mutable_fields(), types("T I64"));
    tree_ = must(build_operator_tree(plan, node.context()));
    if (batch_rows_ != 0) {
      auto progress = must(storage::StateTable::open(node.store, node.graph().graph, progress_schema(), node.vnodes));
      StreamScanOperator::Options options{schema(), {1, 0}, std::move(progress), batch_rows_};
      options.rate_limit = rate_;
      ActorContext context = node.context();
      if (out_time_ > runtime::Duration::zero()) context.pace = std::make_shared<Pace>(64 * kChunkTime);
      context.wake = [this] { ++wakes_; };
      context.backfill_waits = waits;
      scan_ = std::make_unique<StreamScanOperator>(std::move(options), context);
    } else {
      scan_ = std::move(tree_->nodes.back().op);
    }
    must(scan_->init(node.running()));
    pass_scan({node.running(), BarrierKind::Initial, nullptr});
  }
  static storage::TableSchema progress_schema() {
    return {TableId{51}, "progress", types("I32 I64 B I64"), {0}, {data::SortOrder{}}, {}, kDefaultVNodeCount, 0};
  }

  void pass(const Barrier& barrier) {
    Output none;
    must(upstream_->on_barrier(barrier, none));
    must(upstream_->after_barrier(barrier, none));
    before_ = view_;
    if (scanning_) pass_scan(barrier);
  }
  void pass_scan(const Barrier& barrier) {
    out_of([&](Output& out) { return must(scan_->on_barrier(barrier, out)); });
    before_ = view_;
    out_of([&](Output& out) { return must(scan_->after_barrier(barrier, out)); });
  }
  void out_of(const std::function<Step(Output&)>& call) {
    Output out;
    Step step = call(out);
    while (step != Step::Done) {
      node.runtime.run_for(out_time_);
      if (step == Step::NeedState) must(scan_->take_state_read()());
      step = must(scan_->resume(out));
    }
    if (!out.empty()) node.runtime.run_for(out_time_);
    view_.apply(out);
    for (const auto& chunk : out) emitted_ += chunk.visible_rows();
  }

  const size_t batch_rows_;
  const uint64_t rate_;
  const runtime::Duration out_time_;
  int wakes_ = 0;
  std::unique_ptr<MaterializeOperator> upstream_;
  std::optional<OperatorTree> tree_;
  std::unique_ptr<Operator> scan_;
  bool scanning_ = false;
  ChangeView view_, before_, committed_;
  size_t emitted_ = 0;
};

TEST(StreamScan, reads_what_the_table_has_then_passes_changes) {
  BackfillWorld world(0);
  world.change("+ 1 a\n+ 2 b");
  world.barrier();
  world.start_scan();
  EXPECT_EQ(world.view(), "a 1\nb 2\n");
  EXPECT_FALSE(world.progress().done);  // the rows belong to the epoch that runs
  world.barrier();
  EXPECT_TRUE(world.progress().done);
  EXPECT_EQ(world.progress().rows, 2U);
  world.change("U- 1 a\nU+ 1 c\n- 2 b\n+ 3 d");
  EXPECT_EQ(world.view(), "c 1\nd 3\n");
}

TEST(StreamScan, an_empty_table_is_done_with_the_first_batch) {
  BackfillWorld world(0);
  world.start_scan();
  world.barrier();
  EXPECT_TRUE(world.progress().done);
  world.change("+ 1 a");
  EXPECT_EQ(world.view(), "a 1\n");
}

TEST(StreamScan, changes_above_the_position_are_left_to_a_later_batch) {
  BackfillWorld world(3);
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier();
  world.start_scan();
  EXPECT_EQ(world.emitted(), 3U);
  std::string update, expected;
  for (int i = 0; i < 10; ++i) {
    update += fmt::format("U- {} v\nU+ {} w\n", i, i);
    expected += fmt::format("w {}\n", i);
  }
  world.change(update);
  EXPECT_EQ(world.emitted(), 3U + 6U);
  for (int i = 0; i < 4; ++i) world.barrier();
  EXPECT_EQ(world.view(), expected);
}

TEST(StreamScan, a_quiet_table_is_read_without_waiting_for_barriers) {
  BackfillWorld world(3);
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier();
  world.start_scan();
  world.barrier();
  while (world.poll()) {
  }
  EXPECT_EQ(world.emitted(), 10U);
}

TEST(StreamScan, the_position_stands_still_once_a_change_has_come) {
  BackfillWorld world(3);
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier();
  world.start_scan();
  world.barrier();
  world.change("+ 100 x");
  EXPECT_FALSE(world.poll());
}

TEST(StreamScan, reads_nothing_while_it_is_paused_and_goes_on_where_it_was) {
  BackfillWorld world(3);
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier();
  world.start_scan();
  world.barrier(BarrierKind::Barrier, mutation([](pb::Mutation& m) { m.mutable_pause(); }));
  EXPECT_EQ(world.emitted(), 3U);
  EXPECT_FALSE(world.poll());
  world.barrier();
  EXPECT_EQ(world.emitted(), 3U);
  world.barrier(BarrierKind::Barrier, mutation([](pb::Mutation& m) { m.mutable_resume(); }));
  while (world.poll()) {
  }
  EXPECT_EQ(world.emitted(), 10U);
}

TEST(StreamScan, built_paused_it_waits_for_a_resume) {
  BackfillWorld world(3);
  world.node.paused = true;
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier();
  world.start_scan();
  world.barrier();
  EXPECT_EQ(world.emitted(), 0U);
  world.change("- 4 v");
  EXPECT_EQ(world.emitted(), 0U);
  world.barrier(BarrierKind::Barrier, mutation([](pb::Mutation& m) { m.mutable_resume()->add_actors(7); }));
  EXPECT_EQ(world.emitted(), 3U);
}

std::shared_ptr<const pb::Mutation> start_of(std::initializer_list<uint32_t> fragments) {
  return mutation([&](pb::Mutation& m) {
    for (const uint32_t fragment : fragments) m.mutable_start_backfill()->add_fragments(fragment);
  });
}

TEST(StreamScan, reads_and_passes_nothing_while_it_waits_for_others_and_asks_for_nobody) {
  BackfillWorld world(3);
  world.waits = true;
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier();
  world.start_scan();
  world.barrier(BarrierKind::Barrier, start_of({2, 4}));  // of others
  EXPECT_FALSE(world.poll());
  world.change("- 4 v\n+ 11 w");
  world.barrier();
  EXPECT_EQ(world.emitted(), 0U);
  EXPECT_EQ(world.wakes(), 0);
  EXPECT_FALSE(world.progress().done);
  world.barrier(BarrierKind::Barrier, start_of({2, 3}));
  EXPECT_EQ(world.emitted(), 3U);
  while (world.poll()) {
  }
  world.barrier();
  EXPECT_TRUE(world.progress().done);
  EXPECT_EQ(world.view(), "v 0\nv 1\nv 2\nv 3\nv 5\nv 6\nv 7\nv 8\nv 9\nw 11\n");
}

TEST(StreamScan, an_empty_table_is_done_no_sooner_than_it_may_begin) {
  BackfillWorld world(3);
  world.waits = true;
  world.start_scan();
  world.barrier();
  EXPECT_FALSE(world.progress().done);
  world.barrier(BarrierKind::Barrier, start_of({3}));
  world.barrier();
  EXPECT_TRUE(world.progress().done);
}

TEST(StreamScan, one_that_waits_in_a_paused_graph_begins_when_neither_holds_it) {
  BackfillWorld world(3);
  world.waits = true;
  world.node.paused = true;
  world.change("+ 1 a");
  world.barrier();
  world.start_scan();
  world.barrier(BarrierKind::Barrier, start_of({3}));
  EXPECT_EQ(world.emitted(), 0U);
  world.barrier(BarrierKind::Barrier, mutation([](pb::Mutation& m) { m.mutable_resume(); }));
  EXPECT_EQ(world.emitted(), 1U);
}

TEST(StreamScan, keeps_to_its_rate_and_a_throttle_changes_it) {
  BackfillWorld world(100, 50);
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += fmt::format("+ {} v\n", i);
  world.change(rows);
  world.barrier();
  world.start_scan();
  for (int i = 0; i < 20; ++i) {
    world.node.runtime.run_for(std::chrono::milliseconds(100));
    (void)world.poll();
  }
  EXPECT_GE(world.emitted(), 90U);
  EXPECT_LE(world.emitted(), 100U);
  world.barrier(BarrierKind::Barrier, mutation([](pb::Mutation& m) { (*m.mutable_throttle()->mutable_backfill_rate_by_actor())[7] = 0; }));
  while (world.poll()) {
  }
  EXPECT_EQ(world.emitted(), 1000U);
}

TEST(StreamScan, keeps_the_actor_for_its_share_of_the_time_after_a_barrier_then_gives_a_chunk_at_a_time) {
  BackfillWorld world(65'536, 0, std::chrono::milliseconds(16));  // until four rows are out
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += fmt::format("+ {} v\n", i);
  world.change(rows);
  world.barrier();
  world.start_scan();
  const auto begin = world.node.runtime.now();
  world.barrier();
  EXPECT_EQ((world.node.runtime.now() - begin) / BackfillWorld::kChunkTime, 34) << "32 times that of a chunk, and what was at work";
  const size_t given = world.emitted();
  EXPECT_EQ(given, 128U) << "64 after each of two barriers";
  EXPECT_GE(world.wakes(), 1) << "nobody would ask for the rest";
  EXPECT_TRUE(world.poll());
  EXPECT_EQ(world.emitted(), given + 4);
  world.barrier();
  EXPECT_GT(world.emitted(), given + 4) << "the rest stays good while nothing changes";
  while (world.poll()) {
  }
  EXPECT_EQ(world.emitted(), 1000U);
  world.barrier();
  EXPECT_TRUE(world.progress().done);
}

TEST(StreamScan, a_change_makes_what_was_read_and_not_given_void) {
  BackfillWorld world(65'536, 0, std::chrono::milliseconds(16));
  std::string rows;
  for (int i = 0; i < 500; ++i) rows += fmt::format("+ {} old\n", i);
  world.change(rows);
  world.barrier();
  world.start_scan();
  world.barrier();
  const size_t given = world.emitted();
  ASSERT_LT(given, 500U);
  std::string all, expected;
  for (int i = 0; i < 500; ++i) all += fmt::format("U- {} old\nU+ {} new\n", i, i);
  world.change(all);
  EXPECT_FALSE(world.poll()) << "a change has come";
  world.barrier();
  while (world.poll()) {
  }
  world.barrier();
  EXPECT_TRUE(world.progress().done);
  EXPECT_EQ(world.progress().rows, 500U);
  std::set<std::string> lines;
  for (int i = 0; i < 500; ++i) lines.insert(fmt::format("new {}\n", i));
  EXPECT_EQ(world.view(), fmt::format("{}", fmt::join(lines, "")));
}

TEST(StreamScan, goes_on_after_a_restart_where_it_was_committed) {
  BackfillWorld world(3);
  for (int i = 0; i < 10; ++i) world.change(fmt::format("+ {} v", i));
  world.barrier(BarrierKind::Checkpoint);
  world.start_scan();
  world.barrier(BarrierKind::Checkpoint);
  world.barrier(BarrierKind::Checkpoint);
  world.barrier();
  world.restart();
  while (world.poll()) {
  }
  world.barrier();
  EXPECT_TRUE(world.progress().done);
  EXPECT_EQ(world.progress().rows, 10U);
  std::string expected;
  for (int i = 0; i < 10; ++i) expected += fmt::format("v {}\n", i);
  EXPECT_EQ(world.view(), expected);
  world.barrier(BarrierKind::Checkpoint);
  world.restart();
  EXPECT_TRUE(world.progress().done);  // told again, because meta may have forgotten
}

TEST(StreamScan, any_changes_while_it_reads_give_the_table_itself) {
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    std::mt19937_64 random(seed);
    const bool paced = seed > 60;  // a few chunks a barrier
    BackfillWorld world(1 + random() % (paced ? 150 : 40), 0, std::chrono::milliseconds(paced ? 1 + random() % 100 : 0));
    std::map<int64_t, std::string> table, committed;
    const auto change = [&] {
      std::string rows;
      for (uint64_t i = 0, n = random() % 20; i < n; ++i) {
        const auto key = static_cast<int64_t>(random() % 150);
        const std::string value = fmt::format("v{}", random() % 1000);
        if (const auto found = table.find(key); found == table.end()) {
          rows += fmt::format("+ {} {}\n", key, value);
          table[key] = value;
        } else if (random() % 3 == 0) {
          rows += fmt::format("- {} {}\n", key, found->second);
          table.erase(found);
        } else {
          rows += fmt::format("U- {} {}\nU+ {} {}\n", key, found->second, key, value);
          found->second = value;
        }
      }
      world.change(rows);
    };
    for (int i = 0; i < 20; ++i) change();
    world.barrier(BarrierKind::Checkpoint);
    committed = table;
    world.waits = seed % 3 == 0;
    world.start_scan();
    for (int step = 0; step < 200; ++step) {
      const auto dice = random() % 10;
      if (dice < 5) change();
      if (dice == 5) (void)world.poll();
      if (dice == 6 || dice == 7) world.barrier();
      if (dice == 8) {
        // Durable with the barrier that begins it, as meta knows that what was before it is done.
        const bool starts = world.waits && random() % 4 == 0;
        world.barrier(BarrierKind::Checkpoint, starts ? start_of({3}) : nullptr);
        if (starts) world.waits = false;
        committed = table;
      }
      if (dice == 9 && random() % 5 == 0) {
        world.restart();
        table = committed;
      }
    }
    if (world.waits) EXPECT_EQ(world.emitted(), 0U) << "seed " << seed;
    world.barrier(BarrierKind::Barrier, start_of({3}));
    for (int i = 0; i < 200 && !world.progress().done; ++i) world.barrier();
    EXPECT_TRUE(world.progress().done);
    std::set<std::string> lines;
    for (const auto& [key, value] : table) lines.insert(fmt::format("{} {}\n", value, key));
    ASSERT_EQ(world.view(), fmt::format("{}", fmt::join(lines, ""))) << "seed " << seed;
  }
}

}  // namespace
}  // namespace penstock::stream
