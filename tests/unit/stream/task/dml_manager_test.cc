#include "stream/task/dml_manager.h"

#include <gtest/gtest.h>

#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

constexpr ObjectId kTable{5};

class DmlManagerTest : public ::testing::Test {
 protected:
  std::unique_ptr<DmlQueue> add(uint32_t actor, ObjectId table = kTable) {
    return registry_->register_actor(table, {data::TypeKind::Int64}, ActorId{actor}, [this] { ++wakes_; });
  }
  void submit(size_t rows = 1) {
    const size_t number = answers_.size();
    answers_.emplace_back("none");
    dml_.submit(kTable, testing::one_column(std::vector<std::pair<data::Op, int64_t>>(rows, {data::Op::Insert, 1})),
                [this, number](Result<DmlManager::Taken> taken) {
                  EXPECT_EQ(answers_[number], "none") << "answered twice";
                  answers_[number] = taken.has_error() ? std::string(code_name(taken.error().code()))
                                                       : fmt::format("term {} epoch {}", taken.value().graph.term, taken.value().epoch);
                });
  }

  std::string hold(uint64_t transaction, int64_t value, ObjectId table = kTable, uint32_t actor = 0) {
    const auto held = dml_.hold(table, TransactionId{transaction}, ActorId{actor}, testing::one_column({{data::Op::Insert, value}}));
    return held.has_error() ? std::string(code_name(held.error().code())) : fmt::format("actor {}", held.value().actor);
  }
  std::string resolve(uint64_t prev, std::vector<uint64_t> commit, std::vector<uint64_t> abort = {}) {
    std::vector<TransactionId> commits, aborts;
    for (const uint64_t t : commit) commits.emplace_back(t);
    for (const uint64_t t : abort) aborts.emplace_back(t);
    const Status resolved = dml_.resolve(kGraph, Epoch{prev}, commits, aborts);
    return resolved.has_error() ? std::string(code_name(resolved.error().code())) : "";
  }
  std::string held() const {
    std::string out;
    for (const TransactionId t : dml_.held(kGraph)) out += fmt::format("{}{}", out.empty() ? "" : " ", t);
    return out;
  }
  /// Values that the actor takes in the epoch.
  static std::string taken(DmlQueue& queue, uint64_t epoch) {
    std::string out;
    for (DmlQueue::Batch& batch : queue.take(Epoch{epoch})) {
      batch.taken(Epoch{epoch});
      for (size_t i = 0; i < batch.chunk.rows(); ++i) {
        out += fmt::format("{}{}", out.empty() ? "" : " ", batch.chunk.column(0).value<int64_t>(i));
      }
    }
    return out;
  }

  DmlManager dml_;
  std::unique_ptr<DmlRegistry> registry_ = dml_.registry_of(kGraph);
  int wakes_ = 0;
  std::vector<std::string> answers_;
};

TEST_F(DmlManagerTest, refuses_rows_of_a_table_without_actor) {
  submit();
  EXPECT_EQ(answers_[0], "Unavailable");
  add(1).reset();
  submit();
  EXPECT_EQ(answers_[1], "Unavailable");
}

TEST_F(DmlManagerTest, answers_with_the_term_and_epoch_that_hold_the_rows) {
  const auto queue = add(1);
  submit();
  submit();
  EXPECT_EQ(wakes_, 1) << "only for the first in an empty queue";
  auto batches = queue->take(Epoch{9});
  ASSERT_EQ(batches.size(), 2U);
  batches[0].taken(Epoch{9});
  batches[1].taken(error(Code::NotNullViolation, "no"));
  EXPECT_EQ(answers_[0], "term 7 epoch 9");
  EXPECT_EQ(answers_[1], "NotNullViolation");
}

TEST_F(DmlManagerTest, gives_actors_their_turns) {
  const auto one = add(1);
  const auto two = add(2);
  for (int i = 0; i < 5; ++i) submit();
  EXPECT_EQ(one->take(Epoch{9}).size(), 3U);
  EXPECT_EQ(two->take(Epoch{9}).size(), 2U);
}

TEST_F(DmlManagerTest, fails_what_was_not_taken_as_not_applied) {
  auto queue = add(1);
  submit();
  queue.reset();
  EXPECT_EQ(answers_[0], "Unavailable");
}

TEST_F(DmlManagerTest, says_that_the_outcome_is_unknown_if_the_actor_took_rows_and_said_nothing) {
  const auto queue = add(1);
  submit();
  queue->take(Epoch{9}).clear();
  EXPECT_EQ(answers_[0], "OutcomeUnknown");
}

TEST_F(DmlManagerTest, refuses_more_than_the_queue_holds_but_takes_any_batch_when_it_is_empty) {
  const auto queue = add(1);
  submit(DmlManager::kMostRows + 10);
  submit();
  EXPECT_EQ(answers_[0], "none");
  EXPECT_EQ(answers_[1], "ConfigurationLimit");
  EXPECT_EQ(queue->take(Epoch{9}).size(), 1U);
  submit();
  EXPECT_EQ(answers_[2], "none");
}

TEST_F(DmlManagerTest, rows_of_a_transaction_come_out_in_the_epoch_that_the_barrier_which_names_it_ends) {
  const auto queue = add(1);
  EXPECT_EQ(hold(70, 1), "actor 1");
  EXPECT_EQ(hold(70, 2), "actor 1");
  EXPECT_EQ(taken(*queue, 5), "");
  EXPECT_EQ(held(), "70");
  EXPECT_EQ(resolve(5, {70}), "");
  EXPECT_EQ(held(), "");
  EXPECT_EQ(taken(*queue, 5), "1 2");
  EXPECT_EQ(taken(*queue, 5), "");
}

TEST_F(DmlManagerTest, an_actor_that_lags_behind_does_not_take_them_in_an_earlier_epoch) {
  const auto queue = add(1);
  hold(70, 1);
  hold(80, 2);
  resolve(6, {70});
  resolve(7, {80});
  EXPECT_EQ(taken(*queue, 5), "") << "the barrier that ends 5 was injected before";
  EXPECT_EQ(taken(*queue, 6), "1");
  EXPECT_EQ(taken(*queue, 7), "2");
}

TEST_F(DmlManagerTest, every_actor_of_the_node_that_holds_rows_of_a_transaction_emits_them) {
  constexpr ObjectId kOther{6};
  const auto one = add(1);
  const auto two = add(2, kOther);
  hold(70, 1);
  EXPECT_EQ(hold(70, 2, kOther), "actor 2");
  resolve(5, {70});
  EXPECT_EQ(taken(*one, 5), "1");
  EXPECT_EQ(taken(*two, 5), "2");
}

TEST_F(DmlManagerTest, pieces_of_a_table_stay_with_one_actor) {
  const auto one = add(1);
  const auto two = add(2);
  EXPECT_EQ(hold(70, 1), "actor 1");
  EXPECT_EQ(hold(70, 2, kTable, 1), "actor 1");
  EXPECT_EQ(hold(80, 3), "actor 2");
  EXPECT_EQ(hold(70, 4, kTable, 9), "Unavailable");
}

TEST_F(DmlManagerTest, aborted_rows_are_dropped_and_an_unknown_abort_is_nothing) {
  const auto queue = add(1);
  hold(70, 1);
  hold(80, 2);
  EXPECT_EQ(resolve(5, {80}, {70, 99}), "");
  EXPECT_EQ(taken(*queue, 5), "2");
  EXPECT_EQ(held(), "");
  EXPECT_EQ(resolve(6, {70}), "Protocol");
}

TEST_F(DmlManagerTest, a_barrier_that_names_what_is_not_held_here_makes_nothing_visible) {
  const auto queue = add(1);
  hold(70, 1);
  EXPECT_EQ(resolve(5, {70, 99}), "Protocol");
  EXPECT_EQ(taken(*queue, 5), "");
}

TEST_F(DmlManagerTest, an_actor_that_ends_takes_the_whole_transaction_with_it) {
  constexpr ObjectId kOther{6};
  auto one = add(1);
  const auto two = add(2, kOther);
  hold(70, 1);
  hold(70, 2, kOther);
  hold(80, 3, kOther);
  one.reset();
  EXPECT_EQ(held(), "80");
  EXPECT_EQ(resolve(5, {70}), "Protocol");
  EXPECT_EQ(resolve(5, {80}), "");
  EXPECT_EQ(taken(*two, 5), "3");
}

TEST_F(DmlManagerTest, another_graph_s_barrier_names_nothing_of_this_one) {
  const auto queue = add(1);
  hold(70, 1);
  const std::vector<TransactionId> commit{TransactionId{70}};
  EXPECT_TRUE(dml_.resolve({kGraph.graph, Term{kGraph.term.value + 1}}, Epoch{5}, commit, {}).has_error());
  EXPECT_EQ(held(), "70");
}

TEST_F(DmlManagerTest, refuses_rows_that_do_not_fit_the_table_or_are_too_many) {
  const auto queue = add(1);
  const auto strange = dml_.hold(kTable, TransactionId{70}, ActorId{0}, data::chunk_from_table("T\n+ a"));
  EXPECT_EQ(strange.error().code(), Code::SerializationFailure);
  EXPECT_EQ(held(), "");
  const auto many = testing::one_column(std::vector<std::pair<data::Op, int64_t>>(DmlManager::kMostHeldRows, {data::Op::Insert, 1}));
  EXPECT_TRUE(dml_.hold(kTable, TransactionId{70}, ActorId{0}, many).has_value());
  EXPECT_EQ(hold(80, 1), "ConfigurationLimit");
  resolve(5, {}, {70});
  EXPECT_EQ(hold(80, 1), "actor 1");
}

}  // namespace
}  // namespace penstock::stream
