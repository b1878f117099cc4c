// What Materialize keeps for subscribers.
#include <gtest/gtest.h>

#include "data/key_codec.h"
#include "data/row_codec.h"
#include "proto/control_stream.pb.h"
#include "stream/executor/chunk_rows.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

constexpr uint32_t kLog = 900;
constexpr uint64_t kLong = 1'000'000;

using MutationPtr = std::shared_ptr<const pb::Mutation>;

MutationPtr subscribe(uint32_t subscription, uint64_t retention_ms = kLong, uint32_t log = kLog, uint32_t job = 42) {
  auto mutation = std::make_shared<pb::Mutation>();
  pb::Subscriber* subscriber = mutation->mutable_add()->add_subscribers();
  subscriber->set_subscription(subscription);
  subscriber->set_job(job);
  subscriber->set_log_table(log);
  subscriber->set_retention_ms(retention_ms);
  return mutation;
}

MutationPtr unsubscribe(uint32_t subscription) {
  auto mutation = std::make_shared<pb::Mutation>();
  pb::DroppedSubscriber* dropped = mutation->mutable_drop_subscriptions()->add_subscribers();
  dropped->set_subscription(subscription);
  dropped->set_job(42);
  return mutation;
}

class ChangeLogTest : public ::testing::Test {
 protected:
  OperatorDriver table(pb::ConflictBehavior conflict) { return {node_, from_plan(materialize(types("I64 T"), {0}, conflict))}; }

  /// The committed changes of a log: "epoch.sequence op key text", epochs in milliseconds since the first.
  std::string log(uint32_t table = kLog) {
    const Types columns = types("I64 I64 I16 I64 T");
    auto reader = must(node_.store.read_committed(node_.graph().graph, TableId{table}, node_.committed()));
    auto rows = must(reader->scan({}));
    std::map<std::pair<int64_t, int64_t>, std::string> lines;
    while (must(rows->next())) {
      const auto row = must(data::decode_value(rows->value(), columns));
      const int64_t epoch = (std::get<int64_t>(row[0]) >> 16) - begun_, sequence = std::get<int64_t>(row[1]);
      const std::string text = data::is_null(row[4]) ? "." : std::get<std::string>(row[4]);
      const bool is_new = lines
                              .emplace(std::pair(epoch, sequence), fmt::format("{}.{} {} {} {}", epoch, sequence, std::get<int16_t>(row[2]),
                                                                               std::get<int64_t>(row[3]), text))
                              .second;
      EXPECT_TRUE(is_new) << "two changes with one place";
    }
    std::string out;
    for (const auto& [at, line] : lines) out += (out.empty() ? "" : ", ") + line;
    return out;
  }

  OperatorNode node_;
  const int64_t begun_ = static_cast<int64_t>(node_.running().curr.value >> 16);
};

TEST_F(ChangeLogTest, nothing_is_kept_while_nobody_subscribes) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  EXPECT_FALSE(op.root().acts_at_barriers());
  op.push("I64 T\n+ 1 a");
  op.checkpoint();
  EXPECT_EQ(log(), "");
  EXPECT_EQ(op.state_reads(), 0);
}

TEST_F(ChangeLogTest, changes_are_kept_from_the_epoch_on_that_the_subscribers_barrier_starts) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.push("I64 T\n+ 1 before");
  op.checkpoint(subscribe(7));
  EXPECT_TRUE(op.root().acts_at_barriers());
  op.push("I64 T\n+ 2 a\n+ 3 .");
  op.push("I64 T\n- 3 .");
  op.barrier();
  op.push("I64 T\nU- 2 a\nU+ 2 b");
  op.checkpoint();
  EXPECT_EQ(log(), "1.0 1 2 a, 1.1 1 3 ., 1.2 2 3 ., 2.0 3 2 a, 2.1 4 2 b");
}

TEST_F(ChangeLogTest, of_a_table_with_a_key_what_really_changed_is_kept) {
  for (const auto conflict : {pb::CONFLICT_OVERWRITE, pb::CONFLICT_IGNORE}) {
    auto op = table(conflict);
    op.push("I64 T\n+ 1 a");
    op.checkpoint(subscribe(7, kLong, kLog + static_cast<uint32_t>(conflict)));
    op.push("I64 T\n+ 1 a\n+ 2 b\n- 9 x");
    op.push("I64 T\n+ 1 c");
    op.checkpoint();
    const std::string rows = log(kLog + static_cast<uint32_t>(conflict));
    EXPECT_EQ(rows.substr(rows.find(' ')),
              conflict == pb::CONFLICT_IGNORE ? " 1 2 b" : fmt::format(" 1 2 b, {0}.1 3 1 a, {0}.2 4 1 c", rows.substr(0, rows.find('.'))));
    op.push("I64 T\n- 1 x\n- 2 x");
    op.checkpoint();
  }
}

TEST_F(ChangeLogTest, invisible_rows_are_no_changes) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7));
  op.push("I64 T\n+ 1 a D\n+ 2 b");
  op.checkpoint();
  EXPECT_EQ(log(), "1.1 1 2 b");
}

TEST_F(ChangeLogTest, the_halves_of_an_update_that_leaves_its_vnode_are_a_delete_and_an_insert) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7));
  op.push("I64 T\n+ 1 a");
  op.push("I64 T\nU- 1 a\nU+ 2 a");
  op.checkpoint();
  EXPECT_EQ(log(), "1.0 1 1 a, 1.1 2 1 a, 1.2 1 2 a");
}

TEST_F(ChangeLogTest, the_subscribers_of_another_job_are_nothing_to_it) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7, kLong, kLog, 43));
  EXPECT_FALSE(op.root().acts_at_barriers());
}

TEST_F(ChangeLogTest, goes_on_until_the_last_subscriber_has_gone) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7));
  op.checkpoint(subscribe(8));
  op.checkpoint(unsubscribe(7));
  op.push("I64 T\n+ 1 a");
  op.checkpoint(unsubscribe(8));
  op.push("I64 T\n+ 2 b");
  op.checkpoint();
  EXPECT_EQ(log(), "3.0 1 1 a");
  EXPECT_FALSE(op.root().acts_at_barriers());
}

TEST_F(ChangeLogTest, one_barrier_may_end_a_log_and_begin_another) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7));
  op.push("I64 T\n+ 1 a");
  pb::Mutation both = *subscribe(8, kLong, kLog + 1);
  both.MergeFrom(*unsubscribe(7));
  op.checkpoint(std::make_shared<const pb::Mutation>(both));
  op.push("I64 T\n+ 2 b");
  op.checkpoint();
  EXPECT_EQ(log(kLog), "1.0 1 1 a");
  EXPECT_EQ(log(kLog + 1), "2.0 1 2 b");
}

TEST_F(ChangeLogTest, two_logs_of_one_job_are_an_error_that_names_them) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7));
  const Barrier barrier = node_.next_barrier(BarrierKind::Checkpoint, subscribe(8, kLong, kLog + 1));
  Output none;
  must(op.root().on_barrier(barrier, none));
  const auto refused = op.root().after_barrier(barrier, none);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().message(), "subscriptions 7 and 8 of job 42 want their changes in tables 900 and 901");
}

TEST_F(ChangeLogTest, an_actor_that_is_built_for_subscribers_goes_on_behind_what_was_committed) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  op.checkpoint(subscribe(7));
  op.push("I64 T\n+ 1 a");
  op.checkpoint();
  op.push("I64 T\n+ 2 lost");
  op.barrier();
  node_.subscribers = {{ObjectId{7}, TableId{kLog}, std::chrono::milliseconds(kLong)}};
  op.restart();
  op.push("I64 T\n+ 1 b");
  op.checkpoint();
  EXPECT_EQ(log(), "1.0 1 1 a, 4.0 3 1 a, 4.1 4 1 b");
}

TEST_F(ChangeLogTest, skipped_barriers_move_the_epoch_on) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7));
  EpochPair skipped = node_.running();
  for (int i = 0; i < 3; ++i) skipped.curr = node_.next_barrier(BarrierKind::Barrier).epoch.curr;
  skipped.prev = Epoch{skipped.curr.value - (3U << 16)};
  must(op.root().skip(skipped));
  op.push("I64 T\n+ 1 a");
  op.checkpoint();
  EXPECT_EQ(log(), "4.0 1 1 a");
}

TEST_F(ChangeLogTest, changes_older_than_the_longest_retention_are_deleted) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7, 2));
  op.checkpoint(subscribe(8, 4));
  for (int key = 2; key <= 8; ++key) {
    op.push(fmt::format("I64 T\n+ {} a", key));
    op.checkpoint();
  }
  // The running epoch is 9, so 5 is four milliseconds ago; what is deleted after a barrier is committed with the next one.
  op.checkpoint();
  EXPECT_EQ(log(), "5.0 1 5 a, 6.0 1 6 a, 7.0 1 7 a, 8.0 1 8 a");
  op.push("I64 T\n+ 9 a");
  op.checkpoint(unsubscribe(8));
  op.checkpoint();
  EXPECT_EQ(log(), "10.0 1 9 a");
}

TEST_F(ChangeLogTest, old_changes_go_although_nothing_new_comes_and_after_a_restart) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7, 3));
  op.push("I64 T\n+ 1 a\n+ 2 b");
  op.checkpoint();
  EXPECT_EQ(log(), "1.0 1 1 a, 1.1 1 2 b");
  node_.subscribers = {{ObjectId{7}, TableId{kLog}, std::chrono::milliseconds(3)}};
  op.restart();
  for (int i = 0; i < 4; ++i) op.checkpoint();
  EXPECT_EQ(log(), "");
}

TEST_F(ChangeLogTest, many_old_changes_are_deleted_over_several_barriers) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.checkpoint(subscribe(7, 1'000));
  constexpr int64_t kRows = 70'000;
  for (int64_t from = 0; from < kRows; from += 1000) {
    data::StreamChunkBuilder rows(types("I64 T"));
    for (int64_t key = from; key < from + 1000; ++key) rows.append(data::Op::Insert, {key, std::string("a")});
    op.push(0, rows.finish());
  }
  op.checkpoint();
  node_.subscribers = {{ObjectId{7}, TableId{kLog}, std::chrono::milliseconds(1)}};
  op.restart();
  const auto kept = [&] {
    auto reader = must(node_.store.read_committed(node_.graph().graph, TableId{kLog}, node_.committed()));
    auto rows = must(reader->scan({}));
    int64_t count = 0;
    while (must(rows->next())) ++count;
    return count;
  };
  op.checkpoint();
  EXPECT_EQ(kept(), kRows - 65'536);
  op.checkpoint();
  EXPECT_EQ(kept(), 0);
}

}  // namespace
}  // namespace penstock::stream
