#include <gtest/gtest.h>

#include "data/key_codec.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

class MaterializeTest : public ::testing::Test {
 protected:
  OperatorDriver table(pb::ConflictBehavior conflict, std::string_view letters = "I64 T") {
    return {node_, from_plan(materialize(types(letters), {0}, conflict))};
  }
  /// The rows that were committed, as values by spaces.
  std::string committed() {
    const Types columns = types("I64 T");
    auto reader = must(node_.store.read_committed(node_.graph().graph, TableId{100}, node_.committed()));
    auto rows = must(reader->scan({}));
    std::set<std::string> lines;
    while (must(rows->next())) {
      const auto row = must(data::decode_value(rows->value(), columns));
      lines.insert(fmt::format("{} {}", std::get<int64_t>(row[0]), data::is_null(row[1]) ? "." : std::get<std::string>(row[1])));
    }
    return fmt::format("{}", fmt::join(lines, ", "));
  }

  OperatorNode node_;
};

TEST_F(MaterializeTest, writes_and_passes_unique_rows_as_they_come) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  expect_changes_in_order(op.push(R"(
    I64 T
    + 1 a
    + 2 b
    - 9 x D
  )"),
                          "+ 1 a\n+ 2 b");
  op.push(R"(
    I64 T
    U- 1 a
    U+ 1 c
    -  2 b
    +  3 .
  )");
  op.checkpoint();
  EXPECT_EQ(committed(), "1 c, 3 .");
}

TEST_F(MaterializeTest, handles_an_update_that_changes_the_key) {
  auto op = table(pb::CONFLICT_NO_CHECK);
  op.push("I64 T\n+ 1 a");
  op.push("I64 T\nU- 1 a\nU+ 2 a");
  op.checkpoint();
  EXPECT_EQ(committed(), "2 a");
}

TEST_F(MaterializeTest, overwrite_makes_a_second_insert_an_update) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  expect_changes_in_order(op.push("I64 T\n+ 1 a\n+ 2 b"), "+ 1 a\n+ 2 b");
  expect_changes_in_order(op.push("I64 T\n+ 1 c"), "U- 1 a\nU+ 1 c");
  op.checkpoint();
  EXPECT_EQ(committed(), "1 c, 2 b");
}

TEST_F(MaterializeTest, overwrite_of_equal_rows_is_nothing) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  op.push("I64 T\n+ 1 a\n+ 2 .");
  expect_changes_in_order(op.push("I64 T\n+ 1 a\n+ 2 ."), "");
}

TEST_F(MaterializeTest, rows_of_one_chunk_see_each_other) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  expect_changes_in_order(op.push(R"(
    I64 T
    + 1 a
    + 1 b
    - 1 zzz
    - 1 zzz
    + 1 c
    + 2 x
    - 2 .
  )"),
                          R"(
    +  1 a
    U- 1 a
    U+ 1 b
    -  1 b
    +  1 c
    +  2 x
    -  2 x
  )");
  op.checkpoint();
  EXPECT_EQ(committed(), "1 c");
}

TEST_F(MaterializeTest, a_delete_takes_the_stored_row_whatever_it_says) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  op.push("I64 T\n+ 1 a");
  expect_changes_in_order(op.push("I64 T\n- 1 b\n- 7 q"), "- 1 a");
  op.checkpoint();
  EXPECT_EQ(committed(), "");
}

TEST_F(MaterializeTest, ignore_keeps_the_first_row) {
  auto op = table(pb::CONFLICT_IGNORE);
  expect_changes_in_order(op.push("I64 T\n+ 1 a\n+ 1 b"), "+ 1 a");
  expect_changes_in_order(op.push("I64 T\n+ 1 c\n- 1 x\n+ 1 d"), "- 1 a\n+ 1 d");
  op.checkpoint();
  EXPECT_EQ(committed(), "1 d");
}

TEST_F(MaterializeTest, an_update_is_no_conflict_under_ignore) {
  auto op = table(pb::CONFLICT_IGNORE);
  op.push("I64 T\n+ 1 a\n+ 2 b");
  expect_changes_in_order(op.push("I64 T\nU- 1 a\nU+ 1 c"), "U- 1 a\nU+ 1 c");
  expect_changes_in_order(op.push("I64 T\nU- 1 c\nU+ 2 c"), "- 1 c");
  op.checkpoint();
  EXPECT_EQ(committed(), "2 b");
}

TEST_F(MaterializeTest, an_update_of_a_missing_row_inserts_it) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  expect_changes_in_order(op.push("I64 T\nU- 1 a\nU+ 1 b"), "+ 1 b");
}

TEST_F(MaterializeTest, finds_rows_of_before_a_restart) {
  for (const bool waits : {false, true}) {
    node_.store.waits = waits;
    auto op = table(pb::CONFLICT_OVERWRITE);
    op.push("I64 T\n+ 1 a\n+ 2 \"a text too long to be inline\"");
    op.checkpoint();
    op.push("I64 T\n- 1 a");
    op.restart();
    EXPECT_TRUE(op.take_after().empty());
    expect_changes_in_order(op.push("I64 T\n+ 1 b\n- 2 ."), "U- 1 a\nU+ 1 b\n- 2 \"a text too long to be inline\"");
    EXPECT_EQ(op.state_reads() > 0, waits);
    op.push("I64 T\n- 1 b");
    op.checkpoint();
    EXPECT_EQ(committed(), "");
  }
}

TEST_F(MaterializeTest, reads_evicted_rows_again) {
  auto op = table(pb::CONFLICT_OVERWRITE);
  op.push("I64 T\n+ 1 a\n+ 2 \"a text too long to be inline\"");
  EXPECT_GT(node_.memory.used(), 0U);
  EXPECT_GT(op.root().evict(SIZE_MAX / 4), 0U);
  expect_changes_in_order(op.push("I64 T\n+ 1 b\n- 2 x\n- 3 y"), "U- 1 a\nU+ 1 b\n- 2 \"a text too long to be inline\"");
}

// One column a value; the same keys come in many chunks and orders.
TEST_F(MaterializeTest, any_order_of_any_rows_gives_the_same_table_as_a_map) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    OperatorNode node;
    std::mt19937_64 random(seed);
    const bool overwrite = seed % 2 == 0;
    OperatorDriver op(node, from_plan(materialize(types("I64 T"), {0}, overwrite ? pb::CONFLICT_OVERWRITE : pb::CONFLICT_IGNORE)));
    std::map<int64_t, std::string> model, committed_model;
    ChangeView view, committed_view;
    for (int step = 0; step < 200; ++step) {
      node.store.waits = random() % 2 == 0;
      std::string table = "I64 T\n";
      for (uint64_t i = 0, n = random() % 20; i < n; ++i) {
        const auto key = static_cast<int64_t>(random() % 20);
        const std::string value = fmt::format("value-number-{}", random() % 5);
        if (random() % 3 == 0) {
          table += fmt::format("- {} {}\n", key, value);
          model.erase(key);
        } else if (random() % 3 == 0) {
          table += fmt::format("U- {} old\nU+ {} {}\n", key, key, value);
          model[key] = value;
        } else {
          table += fmt::format("+ {} {}\n", key, value);
          if (overwrite || !model.contains(key)) model[key] = value;
        }
      }
      view.apply(op.push(table));
      if (random() % 10 == 0) (void)op.root().evict(1 + random() % 4096);
      if (random() % 10 == 0) op.barrier();
      if (random() % 20 == 0) {
        op.checkpoint();
        committed_model = model;
        committed_view = view;
      }
      if (random() % 40 == 0) {
        op.restart();
        model = committed_model;
        view = committed_view;
      }
    }
    std::string expected;
    std::set<std::string> lines;
    for (const auto& [key, value] : model) lines.insert(fmt::format("{} {}\n", key, value));
    for (const std::string& line : lines) expected += line;
    ASSERT_EQ(view.text(), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace penstock::stream
