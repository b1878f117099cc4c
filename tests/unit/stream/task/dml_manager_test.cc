#include "stream/task/dml_manager.h"

#include <gtest/gtest.h>

#include "unit/stream/task/node.h"

namespace penstock::stream {
namespace {

using testing::kGraph;

constexpr ObjectId kTable{5};

class DmlManagerTest : public ::testing::Test {
 protected:
  std::unique_ptr<DmlQueue> add(uint32_t actor) {
    return registry_->register_actor(kTable, ActorId{actor}, kGraph.term, [this] { ++wakes_; });
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
  auto batches = queue->take();
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
  EXPECT_EQ(one->take().size(), 3U);
  EXPECT_EQ(two->take().size(), 2U);
}

TEST_F(DmlManagerTest, fails_what_was_not_taken_as_not_applied) {
  auto queue = add(1);
  submit();
  queue.reset();
  EXPECT_EQ(answers_[0], "SerializationFailure");
}

TEST_F(DmlManagerTest, says_that_the_outcome_is_unknown_if_the_actor_took_rows_and_said_nothing) {
  const auto queue = add(1);
  submit();
  queue->take().clear();
  EXPECT_EQ(answers_[0], "OutcomeUnknown");
}

TEST_F(DmlManagerTest, refuses_more_than_the_queue_holds_but_takes_any_batch_when_it_is_empty) {
  const auto queue = add(1);
  submit(DmlManager::kMostRows + 10);
  submit();
  EXPECT_EQ(answers_[0], "none");
  EXPECT_EQ(answers_[1], "ConfigurationLimit");
  EXPECT_EQ(queue->take().size(), 1U);
  submit();
  EXPECT_EQ(answers_[2], "none");
}

}  // namespace
}  // namespace penstock::stream
