#include "stream/executor/aggregate/hash_agg.h"

#include <gtest/gtest.h>

#include "stream/executor/aggregate/best_values.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

class HashAggTest : public ::testing::Test {
 protected:
  OperatorDriver agg(std::string_view input, std::vector<uint32_t> group_key, std::vector<Agg> aggs, bool append_only = false) {
    return {node_, from_plan(hash_agg(types(input), group_key, aggs, append_only))};
  }

  OperatorNode node_;
};

TEST_F(HashAggTest, emits_changed_groups_at_the_barrier_only) {
  auto op = agg("T I64", {0}, {{"count", {}}, {"sum", {1}}});
  EXPECT_TRUE(op.push(R"(
    T I64
    + a 1
    + b 2
    + a 3
    + . 5
  )")
                  .empty());
  expect_changes(op.barrier(), "+ a 2 4\n+ b 1 2\n+ . 1 5");
  op.push(R"(
    T I64
    + a 10
    - b 2
    U- . 5
    U+ . 6
  )");
  expect_changes(op.barrier(), R"(
    U- a 2 4
    U+ a 3 14
    -  b 1 2
    U- . 1 5
    U+ . 1 6
  )");
}

TEST_F(HashAggTest, emits_nothing_when_nothing_changed) {
  auto op = agg("T I64", {0}, {{"count", {}}, {"sum", {1}}});
  EXPECT_TRUE(op.barrier().empty());
  op.push("T I64\n+ a 1\n+ b 2");
  op.barrier();
  op.push("T I64\n+ a 7\n- a 7\n+ c 1\n- c 1\n+ x 1 D");
  EXPECT_TRUE(op.barrier().empty());
}

TEST_F(HashAggTest, an_aggregation_without_key_has_its_row_from_the_start) {
  auto op = agg("I64", {}, {{"count", {}}, {"sum", {0}}, {"max", {0}}});
  expect_changes(op.take_after(), "+ 0 . .");
  EXPECT_TRUE(op.barrier().empty());
  op.push("I64\n+ 5");
  expect_changes(op.barrier(), "U- 0 . .\nU+ 1 5 5");
  op.push("I64\n- 5");
  expect_changes(op.checkpoint(), "U- 1 5 5\nU+ 0 . .");
  op.restart();
  EXPECT_TRUE(op.take_after().empty());
  op.push("I64\n+ 6");
  expect_changes(op.barrier(), "U- 0 . .\nU+ 1 6 6");
}

TEST_F(HashAggTest, filter_counts_only_rows_that_pass_it) {
  const auto positive = call("greater_than", {column(1, data::TypeKind::Int64), literal(0)});
  auto op = agg("T I64", {0}, {{"count", {}}, {"count", {}, false, positive}, {"sum", {1}, false, positive}});
  op.push(R"(
    T I64
    + a 1
    + a -1
    + a .
    + b -5
  )");
  expect_changes(op.barrier(), "+ a 3 1 1\n+ b 1 0 .");
}

TEST_F(HashAggTest, distinct_counts_each_value_once_however_it_comes_and_goes) {
  auto op = agg("T I64", {0}, {{"count", {}}, {"count", {1}, true}, {"sum", {1}, true}});
  op.push(R"(
    T I64
    + a 1
    + a 1
    + a 2
    + a .
  )");
  expect_changes(op.barrier(), "+ a 4 2 3");
  op.push("T I64\n- a 1\n- a 2");
  expect_changes(op.checkpoint(), "U- a 4 2 3\nU+ a 2 1 1");
  op.restart();
  op.push("T I64\n- a 1\n+ a 2");
  expect_changes(op.barrier(), "U- a 2 1 1\nU+ a 2 1 2");
}

TEST_F(HashAggTest, distinct_calls_with_other_filters_share_a_table) {
  const auto positive = call("greater_than", {column(2, data::TypeKind::Int64), literal(0)});
  auto op = agg("T I64 I64", {0}, {{"count", {}}, {"count", {1}, true}, {"count", {1}, true, positive}});
  op.push(R"(
    T I64 I64
    + a 1 0
    + a 1 5
    + a 2 0
  )");
  expect_changes(op.barrier(), "+ a 3 2 1");
  op.push("T I64 I64\n- a 1 5");
  expect_changes(op.barrier(), "U- a 3 2 1\nU+ a 2 2 0");
}

TEST_F(HashAggTest, min_and_max_take_values_back) {
  auto op = agg("T I64", {0}, {{"count", {}}, {"min", {1}}, {"max", {1}}});
  op.push("T I64\n+ a 5\n+ a 3\n+ a 9\n+ a 3\n+ a .");
  expect_changes(op.barrier(), "+ a 5 3 9");
  op.push("T I64\n- a 3");
  expect_changes(op.barrier(), "U- a 5 3 9\nU+ a 4 3 9");
  op.push("T I64\n- a 3\n- a 9");
  expect_changes(op.checkpoint(), "U- a 4 3 9\nU+ a 2 5 5");
  op.restart();
  op.push("T I64\n- a 5");
  expect_changes(op.barrier(), "U- a 2 5 5\nU+ a 1 . .");
}

TEST_F(HashAggTest, min_is_read_again_when_all_kept_values_are_gone) {
  auto op = agg("T I64", {0}, {{"count", {}}, {"min", {1}}});
  std::string all = "T I64\n", first = all;
  for (int i = 1; i <= 100; ++i) all += fmt::format("+ a {}\n", i);
  for (int i = 1; i <= 60; ++i) first += fmt::format("- a {}\n", i);
  op.push(all);
  expect_changes(op.barrier(), "+ a 100 1");
  op.push(first);
  expect_changes(op.barrier(), "U- a 100 1\nU+ a 40 61");
}

TEST_F(HashAggTest, max_over_append_only_text_needs_no_table) {
  auto op = agg("I64 T", {0}, {{"count", {}}, {"max", {1}}}, true);
  op.push("I64 T\n+ 1 \"a long text that does not fit inline\"\n+ 1 b");
  expect_changes(op.checkpoint(), "+ 1 2 b");
  op.restart();
  op.push("I64 T\n+ 1 \"c is the last of these long texts\"");
  expect_changes(op.barrier(), "U- 1 2 b\nU+ 1 3 \"c is the last of these long texts\"");
}

TEST_F(HashAggTest, a_retraction_of_append_only_input_is_an_error) {
  auto op = agg("I64", {0}, {{"count", {}}}, true);
  EXPECT_EQ(op.push_fails(0, "I64\n- 1").message(), "an aggregation was planned for input that only appends, but a row was taken back");
}

TEST_F(HashAggTest, groups_by_value_not_by_form) {
  auto op = agg("N F64", {0, 1}, {{"count", {}}});
  op.push("N F64\n+ 1.0 0\n+ 1.00 -0\n+ 1 0\n+ 2 NaN\n+ 2 NaN");
  expect_changes(op.barrier(), "+ 1.0 0 3\n+ 2 NaN 2");
}

TEST_F(HashAggTest, shows_a_change_of_scale) {
  auto op = agg("I64 N", {0}, {{"count", {}}, {"sum", {1}}});
  op.push("I64 N\n+ 1 1.0");
  expect_changes(op.barrier(), "+ 1 1 1.0");
  op.push("I64 N\nU- 1 1.0\nU+ 1 1.00");
  const auto lines = lines_of(op.barrier());
  EXPECT_LE(lines.size(), 1U);  // the sum of what is left is 1.00, if the state can tell
}

TEST_F(HashAggTest, goes_on_after_a_restart_from_what_was_committed) {
  for (const bool waits : {false, true}) {
    OperatorNode node;
    node.store.waits = waits;
    OperatorDriver op(node, from_plan(hash_agg(types("T I64"), {0}, {{"count", {}}, {"sum", {1}}})));
    op.push("T I64\n+ a 1\n+ \"a key too long to be inline\" 2");
    op.checkpoint();
    op.push("T I64\n+ a 100");
    op.barrier();
    op.restart();
    op.push("T I64\n+ a 1\n- \"a key too long to be inline\" 2");
    expect_changes(op.barrier(), "U- a 1 1\nU+ a 2 2\n- \"a key too long to be inline\" 1 2");
    EXPECT_EQ(op.state_reads() > 0, waits);
  }
}

TEST_F(HashAggTest, reads_nothing_for_a_new_table) {
  node_.store.waits = true;
  auto op = agg("I64 I64", {0}, {{"count", {}}});
  for (int i = 0; i < 10; ++i) op.push(fmt::format("I64 I64\n+ {} 1\n+ {} 2", i, i + 100));
  EXPECT_EQ(op.state_reads(), 1);  // which found that there is nothing
}

TEST_F(HashAggTest, evicted_groups_are_read_again_and_changed_ones_stay) {
  node_.store.waits = true;
  auto op = agg("I64 I64", {0}, {{"count", {}}, {"sum", {1}}});
  op.push("I64 I64\n+ 1 10\n+ 2 20");
  op.barrier();
  op.push("I64 I64\n+ 1 1");
  op.root().evict(SIZE_MAX / 4);
  op.root().evict(SIZE_MAX / 4);
  op.push("I64 I64\n+ 1 1\n+ 2 2\n+ 3 3");
  EXPECT_EQ(op.state_reads(), 2);
  expect_changes(op.barrier(), "U- 1 1 10\nU+ 1 3 12\nU- 2 1 20\nU+ 2 2 22\n+ 3 1 3");
}

TEST_F(HashAggTest, keeps_to_the_memory_budget_within_an_epoch) {
  OperatorNode node(1'000'000);
  OperatorDriver op(node, from_plan(hash_agg(types("I64"), {0}, {{"count", {}}})));
  ChangeView view;
  for (int chunk = 0; chunk < 100; ++chunk) {
    std::string table = "I64\n";
    for (int i = 0; i < 1000; ++i) table += fmt::format("+ {}\n", chunk * 1000 + i);
    view.apply(op.push(table));
    EXPECT_LT(node.memory.used(), 1'300'000U);
  }
  view.apply(op.barrier());
  const std::string text = view.text();
  EXPECT_EQ(std::ranges::count(text, '\n'), 100'000);
}

TEST_F(HashAggTest, emits_many_groups_in_bounded_chunks) {
  auto op = agg("I64", {0}, {{"count", {}}});
  std::string table = "I64\n";
  for (int i = 0; i < 10'000; ++i) table += fmt::format("+ {}\n", i);
  op.push(table);
  const Output first = op.barrier();
  op.push(table);
  const Output second = op.barrier();
  EXPECT_EQ(lines_of(first).size(), 10'000U);
  EXPECT_EQ(lines_of(second).size(), 10'000U);
  for (const Output* out : {&first, &second}) {
    for (const auto& chunk : *out) EXPECT_LE(chunk.rows(), data::kChunkRows);
  }
}

TEST(BestValues, knows_what_it_does_not_know) {
  BestValues best(false, true);
  for (int64_t i = 40; i > 0; --i) best.came(i);
  EXPECT_EQ(best.best(), data::Datum(int64_t{1}));
  for (int64_t i = 1; i <= 16; ++i) {
    EXPECT_FALSE(best.unknown());
    best.went(i);
  }
  EXPECT_TRUE(best.unknown());
  best.refill({data::Datum(int64_t{17}), data::Datum(int64_t{18})});
  best.went(int64_t{17});
  best.went(int64_t{18});
  EXPECT_FALSE(best.unknown());
  EXPECT_TRUE(data::is_null(best.best()));
}

// ---- any legal changelog, cut anyhow, gives what one pass over the final rows gives

struct InputRow {
  std::optional<std::string> group;
  std::optional<int64_t> value;
  std::string text;
  [[nodiscard]] std::string line() const {
    return fmt::format("{} {} {}", group.value_or("."), value ? fmt::format("{}", *value) : ".", text);
  }
};

std::string batch_result(const std::map<int, InputRow>& rows, bool global) {
  struct Group {
    int64_t count = 0, positive = 0, sum = 0, not_null = 0;
    std::set<int64_t> distinct, distinct_positive;
    std::multiset<int64_t> values;
    std::multiset<std::string> texts;
  };
  std::map<std::string, Group> groups;
  if (global) groups[""];
  for (const auto& [id, row] : rows) {
    Group& group = groups[global ? "" : row.group.value_or(".") + " "];
    ++group.count;
    group.texts.insert(row.text);
    if (!row.value) continue;
    ++group.not_null;
    group.sum += *row.value;
    group.values.insert(*row.value);
    group.distinct.insert(*row.value);
    if (*row.value > 0) {
      ++group.positive;
      group.distinct_positive.insert(*row.value);
    }
  }
  std::set<std::string> lines;
  for (const auto& [key, g] : groups) {
    lines.insert(fmt::format("{}{} {} {} {} {} {} {} {}\n", key, g.count, g.not_null == 0 ? "." : fmt::format("{}", g.sum), g.positive,
                             g.distinct.size(), g.distinct_positive.size(), g.values.empty() ? "." : fmt::format("{}", *g.values.begin()),
                             g.values.empty() ? "." : fmt::format("{}", *g.values.rbegin()), g.texts.empty() ? "." : *g.texts.begin()));
  }
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

void run_random_changes(uint64_t seed, bool global, size_t memory_limit = SIZE_MAX) {
  std::mt19937_64 random(seed);
  const auto positive = call("greater_than", {column(1, data::TypeKind::Int64), literal(0)});
  const std::vector<Agg> aggs = {
      {"count", {}}, {"sum", {1}}, {"count", {}, false, positive}, {"count", {1}, true}, {"count", {1}, true, positive}, {"min", {1}},
      {"max", {1}},  {"min", {2}}};
  OperatorNode node(memory_limit);
  OperatorDriver op(node, from_plan(hash_agg(types("T I64 T"), global ? std::vector<uint32_t>{} : std::vector<uint32_t>{0}, aggs)));
  std::map<int, InputRow> rows, committed_rows;
  ChangeView view, committed_view;
  view.apply(op.take_after());
  int next_id = 0;
  const auto any_row = [&] {
    const auto group = random() % 12;
    const auto value = static_cast<int64_t>(random() % 40) - 10;
    return InputRow{group == 0 ? std::nullopt : std::optional(fmt::format("group-number-{}", group)),
                    random() % 8 == 0 ? std::nullopt : std::optional(value), fmt::format("some-longer-text-{}", random() % 9)};
  };
  for (int step = 0; step < 150; ++step) {
    node.store.waits = random() % 2 == 0;
    std::string table = "T I64 T\n";
    for (uint64_t i = 0, n = random() % 40; i < n; ++i) {
      const bool there = !rows.empty() && random() % 3 != 0;
      const auto picked = there ? std::next(rows.begin(), static_cast<ptrdiff_t>(random() % rows.size())) : rows.end();
      if (there && random() % 2 == 0) {
        table += fmt::format("- {}\n", picked->second.line());
        rows.erase(picked);
      } else if (there) {
        const InputRow row = any_row();
        table += fmt::format("U- {}\nU+ {}\n", picked->second.line(), row.line());
        picked->second = row;
      } else {
        rows[next_id] = any_row();
        table += fmt::format("+ {}\n", rows[next_id++].line());
      }
      if (random() % 10 == 0) table += fmt::format("+ {} D\n", any_row().line());
    }
    view.apply(op.push(table));
    if (random() % 8 == 0) (void)op.root().evict(random() % 100'000);
    if (random() % 6 == 0) view.apply(op.barrier());
    if (random() % 15 == 0) {
      view.apply(op.checkpoint());
      committed_rows = rows;
      committed_view = view;
    }
    if (random() % 30 == 0) {
      op.restart();
      rows = committed_rows;
      view = committed_view;
      view.apply(op.take_after());
    }
  }
  view.apply(op.barrier());
  ASSERT_EQ(view.text(), batch_result(rows, global)) << "seed " << seed << (global ? " without key" : " by key");
}

TEST(HashAggProperty, any_legal_changelog_gives_what_a_batch_gives) {
  for (uint64_t seed = 1; seed <= 40; ++seed) run_random_changes(seed, false);
}
TEST(HashAggProperty, any_legal_changelog_gives_what_a_batch_gives_without_memory) {
  for (uint64_t seed = 101; seed <= 120; ++seed) run_random_changes(seed, false, 1000 * (seed % 20));
}
TEST(HashAggProperty, any_legal_changelog_gives_what_a_batch_gives_without_key) {
  for (uint64_t seed = 1; seed <= 10; ++seed) run_random_changes(seed, true);
}

}  // namespace
}  // namespace penstock::stream
