#include "stream/executor/source/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "stream/executor/dml.h"
#include "stream/executor/source/token_bucket.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests
using connector::SplitPosition;
using connector::SplitReader;

// Numbers from 0 to `end`, a page of `page` of them after each blocking read; a followed split never ends.
struct FakeSplit {
  uint64_t end = 0;
  uint64_t page = 1000;
  bool follows = false;
  std::string fails;  // the read fails with that
  uint64_t skipped = 0;
  std::string last_error;
};
using FakeSplits = std::map<std::string, FakeSplit>;

class FakeReader final : public SplitReader {
 public:
  FakeReader(const FakeSplit& split, SplitPosition position) : split_(split), position_(std::move(position)) { loaded_ = position_.rows; }

  Result<State> next(size_t max_rows, data::DataChunk& out) override {
    if (position_.rows == split_.end) {
      position_.finished = !split_.follows;
      return split_.follows ? State::Idle : State::Finished;
    }
    if (position_.rows == loaded_) return State::NeedRead;
    data::ColumnBuilder<int64_t> values(data::TypeKind::Int64, max_rows);
    while (values.size() < max_rows && position_.rows < loaded_) values.append(static_cast<int64_t>(position_.rows++));
    const size_t rows = values.size();
    position_.offset = fmt::format("@{}", position_.rows);
    out = data::DataChunk({values.finish()}, rows);
    return State::Rows;
  }
  Status read_blocking() override {
    if (!split_.fails.empty()) return error(Code::Io, "{}", split_.fails);
    loaded_ = std::min(split_.end, loaded_ + split_.page);
    return ok();
  }
  SplitPosition position() const override { return position_; }
  uint64_t skipped() const override { return split_.skipped; }
  const std::string& last_error() const override { return split_.last_error; }

 private:
  const FakeSplit& split_;
  SplitPosition position_;
  uint64_t loaded_ = 0;
};

class SourceTest : public ::testing::Test {
 protected:
  OperatorDriver source(uint64_t rate_limit = 0, bool with_row_id = false, uint64_t own_rate = 0) {
    return {node_, OperatorDriver::single([this, rate_limit, with_row_id, own_rate](const ActorContext& context) {
              SourceOperator::Options options;
              options.source = ObjectId{5};
              options.spec.name = "numbers";
              options.output = {0};
              options.with_row_id = with_row_id;
              options.rate_limit = rate_limit;
              options.own_rate = own_rate;
              options.own_splits = 4;
              return std::make_unique<SourceOperator>(
                  options, context,
                  [this](const connector::SourceSpec& spec, const SplitPosition& at,
                         const std::vector<uint32_t>&) -> Result<std::unique_ptr<SplitReader>> {
                    const auto on_error = spec.properties.find("on_error");
                    opened_.push_back(at.id + at.offset + (on_error == spec.properties.end() ? "" : " " + on_error->second));
                    return std::unique_ptr<SplitReader>(std::make_unique<FakeReader>(files_.at(at.id), at));
                  });
            })};
  }
  static size_t rows_of(const Output& out) {
    size_t rows = 0;
    for (const auto& chunk : out) rows += chunk.rows();
    return rows;
  }
  std::string reported() {
    std::string out;
    for (const SplitState& split : node_.reports.sources[node_.running().prev].splits) {
      out += fmt::format("{}{} {}{} ", split.id, split.offset, split.rows, split.finished ? " finished" : "");
    }
    return out;
  }
  static std::shared_ptr<const pb::Mutation> mutation(const std::function<void(pb::Mutation&)>& fill) {
    auto out = std::make_shared<pb::Mutation>();
    fill(*out);
    return out;
  }

  OperatorNode node_;
  FakeSplits files_;
  std::vector<std::string> opened_;
};

TEST_F(SourceTest, reads_splits_in_turns_and_reports_where_they_stand_at_checkpoints) {
  files_ = {{"a", {.end = 2500}}, {"b", {.end = 1000}}};
  node_.splits = {{"a", 1}, {"b", 2}};
  auto op = source();
  EXPECT_EQ(rows_of(op.poll()), 1000U);  // a
  EXPECT_EQ(rows_of(op.poll()), 1000U);  // b
  op.barrier();
  EXPECT_FALSE(node_.reports.sources.contains(node_.running().prev));
  op.checkpoint();
  EXPECT_EQ(reported(), "a@1000 1000 b@1000 1000 ");
  EXPECT_EQ(rows_of(op.poll_all()), 1500U);
  op.checkpoint();
  EXPECT_EQ(reported(), "a@2500 2500 finished b@1000 1000 finished ");
  EXPECT_EQ(op.retry_after(), std::nullopt);
}

TEST_F(SourceTest, goes_on_where_a_split_was_committed) {
  files_ = {{"a", {.end = 10}}, {"done", {.end = 3}}};
  node_.splits = {{"a", 1, "@7", false, 7}, {"done", 2, "@3", true, 3}};
  auto op = source(0, true);
  EXPECT_EQ(opened_, std::vector<std::string>{"a@7"});
  expect_changes_in_order(op.poll_all(), fmt::format("+ 7 {}\n+ 8 {}\n+ 9 {}", (1LL << 40) + 7, (1LL << 40) + 8, (1LL << 40) + 9));
  op.checkpoint();
  EXPECT_EQ(reported(), "a@10 10 finished done@3 3 finished ");
}

TEST_F(SourceTest, asks_a_followed_split_again_after_a_while) {
  files_ = {{"a", {.end = 10, .follows = true}}};
  node_.splits = {{"a", 1}};
  auto op = source();
  EXPECT_EQ(rows_of(op.poll_all()), 10U);
  EXPECT_EQ(op.retry_after(), runtime::Duration(std::chrono::milliseconds(100)));
  files_["a"].end = 15;
  EXPECT_EQ(rows_of(op.poll_all()), 5U);
}

TEST_F(SourceTest, keeps_to_its_rate_and_says_when_to_come_again) {
  files_ = {{"a", {.end = 1'000'000, .page = 1'000'000}}};
  node_.splits = {{"a", 1}};
  auto op = source(10'000);
  size_t rows = 0;
  const auto end = node_.runtime.now() + std::chrono::seconds(3);
  while (node_.runtime.now() < end) {
    rows += rows_of(op.poll());
    if (op.retry_after()) node_.runtime.run_for(*op.retry_after());
  }
  EXPECT_GE(rows, 29'000U);
  EXPECT_LE(rows, 31'000U);
}

TEST_F(SourceTest, keeps_to_its_share_of_the_source_s_own_rate) {
  files_ = {{"a", {.end = 1'000'000, .page = 1'000'000}}};
  node_.splits = {{"a", 1}};
  auto op = source(1'000'000, false, 40'000);  // one of four splits
  size_t rows = 0;
  const auto end = node_.runtime.now() + std::chrono::seconds(3);
  while (node_.runtime.now() < end) {
    rows += rows_of(op.poll());
    if (op.retry_after()) node_.runtime.run_for(*op.retry_after());
  }
  EXPECT_GE(rows, 29'000U);
  EXPECT_LE(rows, 31'000U);
}

TEST_F(SourceTest, throttle_pause_and_resume_take_effect_after_their_barrier) {
  files_ = {{"a", {.end = 1'000'000, .page = 1'000'000}}};
  node_.splits = {{"a", 1}};
  auto op = source();
  op.barrier(mutation([](pb::Mutation& m) { m.mutable_pause(); }));
  EXPECT_EQ(rows_of(op.poll()), 0U);
  op.barrier(mutation([](pb::Mutation& m) { m.mutable_resume(); }));
  EXPECT_EQ(rows_of(op.poll()), data::kChunkRows);
  op.barrier(mutation([](pb::Mutation& m) { (*m.mutable_throttle()->mutable_rate_by_actor())[7] = 100; }));
  (void)op.poll();
  node_.runtime.run_for(std::chrono::seconds(5));
  EXPECT_EQ(rows_of(op.poll()), 20U);  // a fifth of a second's worth at most
}

TEST_F(SourceTest, begins_paused_if_it_is_built_so) {
  files_ = {{"a", {.end = 10}}};
  node_.splits = {{"a", 1}};
  node_.paused = true;
  auto op = source();
  op.barrier();
  EXPECT_EQ(rows_of(op.poll()), 0U);
  op.barrier(mutation([](pb::Mutation& m) { m.mutable_resume()->add_actors(7); }));
  EXPECT_EQ(rows_of(op.poll()), 10U);
}

TEST_F(SourceTest, a_pause_of_other_actors_is_not_for_it) {
  files_ = {{"a", {.end = 10}}};
  node_.splits = {{"a", 1}};
  auto op = source();
  op.barrier(mutation([](pb::Mutation& m) { m.mutable_pause()->add_actors(8); }));
  EXPECT_EQ(rows_of(op.poll()), 10U);
}

TEST_F(SourceTest, a_new_assignment_keeps_the_readers_of_splits_that_stay) {
  files_ = {{"a", {.end = 3000}}, {"b", {.end = 10}}, {"c", {.end = 5}}};
  node_.splits = {{"a", 1}, {"b", 2}};
  auto op = source();
  EXPECT_EQ(rows_of(op.poll()), 1000U);
  opened_.clear();
  op.checkpoint(mutation([](pb::Mutation& m) {
    auto& list = (*m.mutable_source_change_split()->mutable_splits())[7];
    list.add_splits()->set_id("c");
    pb::Split& a = *list.add_splits();
    a.set_id("a");
    a.set_offset("@0");
  }));
  EXPECT_EQ(reported(), "a@1000 1000 b 0 ");  // as it was until the barrier
  EXPECT_EQ(opened_, std::vector<std::string>{"c"});
  EXPECT_EQ(rows_of(op.poll_all()), 2005U);
  op.checkpoint();
  EXPECT_EQ(reported(), "c@5 5 finished a@3000 3000 finished ");
}

TEST_F(SourceTest, new_options_open_the_readers_anew_where_they_are) {
  files_ = {{"a", {.end = 3000, .skipped = 2}}, {"done", {.end = 10}}};
  node_.splits = {{"a", 1}, {"done", 2}};
  auto op = source();
  EXPECT_EQ(rows_of(op.poll()), 1000U);  // of a
  EXPECT_EQ(rows_of(op.poll()), 10U);
  (void)op.poll();
  (void)op.poll();  // which finds the end of the other
  opened_.clear();
  const auto change = [](uint32_t of_source) {
    return mutation([of_source](pb::Mutation& m) {
      (*(*m.mutable_connector_props_change()->mutable_by_source())[of_source].mutable_properties())["on_error"] = "skip";
    });
  };
  op.barrier(change(6));
  EXPECT_TRUE(opened_.empty()) << "another source";
  op.barrier(change(5));
  ASSERT_EQ(opened_.size(), 1U) << "what is finished is not opened";
  EXPECT_THAT(opened_[0], ::testing::MatchesRegex("a@[1-3]000 skip"));  // where it was
  (void)op.poll_all();
  op.checkpoint();
  EXPECT_EQ(reported(), "a@3000 3000 finished done@10 10 finished ");
  EXPECT_EQ(node_.reports.sources[node_.running().prev].skipped_rows, 4U) << "of both readers";
}

TEST_F(SourceTest, tells_of_bad_records_that_were_passed_over) {
  files_ = {{"a", {.end = 10, .skipped = 3, .last_error = "line 7: not a number"}}};
  node_.splits = {{"a", 1}};
  auto op = source();
  (void)op.poll_all();
  op.checkpoint();
  EXPECT_EQ(node_.reports.sources[node_.running().prev].skipped_rows, 3U);
  EXPECT_EQ(node_.reports.sources[node_.running().prev].last_error, "line 7: not a number");
}

TEST_F(SourceTest, a_failed_read_names_source_and_split) {
  files_ = {{"a.csv", {.end = 10, .fails = "no such file"}}};
  node_.splits = {{"a.csv", 1}};
  auto op = source();
  Output out;
  ASSERT_EQ(must(op.root().generator()->poll(out)).step, Step::NeedState);
  const Status status = op.root().take_state_read()();
  ASSERT_TRUE(status.has_error());
  EXPECT_EQ(status.error().to_string(), "no such file (in source numbers, split a.csv)");
}

TEST(TokenBucket, lets_every_row_through_at_the_exact_rate) {
  TokenBucket bucket(7);
  runtime::TimePoint now{0};
  uint64_t rows = 0;
  (void)bucket.available(now, 100);
  for (int i = 0; i < 10'000; ++i) {
    now.nanos += 1'000'003;
    const uint64_t some = bucket.available(now, 100);
    bucket.take(some);
    rows += some;
  }
  EXPECT_EQ(rows, 70U);  // 10.00003 s at 7 a second
}

TEST(TokenBucket, waits_for_a_tenth_of_a_second_s_worth) {
  TokenBucket bucket(100);
  EXPECT_EQ(bucket.available({0}, 1000), 0U);
  EXPECT_EQ(bucket.wait(), runtime::Duration(std::chrono::milliseconds(100)));
  EXPECT_EQ(bucket.available({100'000'000}, 1000), 10U);
}

class DmlTest : public ::testing::Test {
 protected:
  OperatorDriver dml() {
    return {node_, OperatorDriver::single(
                       [](const ActorContext& context) { return std::make_unique<DmlOperator>(ObjectId{9}, types("I64"), context); })};
  }
  static size_t rows_in(const Output& out) {
    size_t rows = 0;
    for (const auto& chunk : out) rows += chunk.rows();
    return rows;
  }
  OperatorNode node_;
};

TEST_F(DmlTest, gives_batches_in_order_and_says_which_epoch_holds_them) {
  auto op = dml();
  EXPECT_EQ(node_.dml.registered, ObjectId{9});
  node_.dml.put(data::chunk_from_table("I64\n+ 1"));
  node_.dml.put(data::chunk_from_table("I64\n- 2"));
  expect_changes_in_order(op.poll(), "+ 1\n- 2");
  const std::string taken = fmt::format("taken in {}", node_.running().curr);
  EXPECT_EQ(node_.dml.answers, (std::vector{taken, taken}));
}

TEST_F(DmlTest, what_was_accepted_before_a_barrier_comes_before_it) {
  auto op = dml();
  node_.dml.put(data::chunk_from_table("I64\n+ 1"));
  const Epoch ends = node_.running().curr;
  expect_changes_in_order(op.barrier(), "+ 1");
  EXPECT_EQ(node_.dml.answers, std::vector{fmt::format("taken in {}", ends)});
}

TEST_F(DmlTest, nothing_comes_before_the_first_barrier) {
  node_.dml.put(data::chunk_from_table("I64\n+ 1"));
  auto op = dml();
  expect_changes_in_order(op.poll(), "+ 1");
}

TEST_F(DmlTest, a_large_batch_comes_in_pieces_that_cut_no_update) {
  auto op = dml();
  std::string rows = "I64\n+ 0\n";
  for (int i = 1; i <= 5000; ++i) rows += fmt::format("U- {}\nU+ {}\n", i, i + 1);
  node_.dml.put(data::chunk_from_table(rows));
  const Output out = op.poll();
  EXPECT_EQ(out.size(), 3U);
  EXPECT_EQ(rows_in(out), 10'001U);
  for (const auto& chunk : out) {
    EXPECT_LE(chunk.rows(), data::kChunkRows);
    EXPECT_NE(chunk.op(0), data::Op::UpdateInsert);
  }
}

TEST_F(DmlTest, a_batch_of_other_columns_is_refused) {
  auto op = dml();
  node_.dml.put(data::chunk_from_table("T\n+ x"));
  EXPECT_TRUE(op.poll().empty());
  EXPECT_EQ(node_.dml.answers, std::vector<std::string>{"failed: not applied: the table has other columns than the rows; it is being altered"});
}

}  // namespace
}  // namespace penstock::stream
