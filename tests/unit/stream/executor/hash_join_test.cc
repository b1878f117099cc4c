#include "stream/executor/join/hash_join.h"

#include <gtest/gtest.h>

#include "stream/executor/join/row_run.h"
#include "testing/plan_nodes.h"

namespace penstock::stream {
namespace {

using namespace penstock::testing;  // NOLINT(google-build-using-namespace): the language of operator tests

constexpr size_t kLeft = 0;
constexpr size_t kRight = 1;

// Both sides: key I64, text T, number I64 (which identifies the row). The condition, if there is one: left number < right number.
class HashJoinTest : public ::testing::Test {
 protected:
  static pb::StreamNode plan(pb::JoinType type, bool condition) {
    Join join{.type = type,
              .left = types("I64 T I64"),
              .right = types("I64 T I64"),
              .left_key = {0},
              .right_key = {0},
              .left_stream_key = {2},
              .right_stream_key = {2},
              .output = {0, 1, 2, 4, 5}};
    if (condition) join.condition = call("less_than", {column(2, data::TypeKind::Int64), column(5, data::TypeKind::Int64)});
    if (type == pb::JOIN_SEMI || type == pb::JOIN_ANTI) join.output = {0, 1, 2};
    return hash_join(join);
  }
  OperatorDriver join(pb::JoinType type = pb::JOIN_INNER, bool condition = false) { return {node_, from_plan(plan(type, condition))}; }
  static Output left(OperatorDriver& op, std::string_view rows) { return op.push(kLeft, fmt::format("I64 T I64\n{}", rows)); }
  static Output right(OperatorDriver& op, std::string_view rows) { return op.push(kRight, fmt::format("I64 T I64\n{}", rows)); }

  OperatorNode node_;
};

TEST_F(HashJoinTest, joins_each_row_with_what_the_other_side_has) {
  auto op = join();
  EXPECT_TRUE(left(op, "+ 1 a 10\n+ 2 b 11").empty());
  expect_changes_in_order(right(op, "+ 1 x 20\n+ 3 y 21"), "+ 1 a 10 x 20");
  expect_changes(left(op, "+ 1 c 12\n+ 3 d 13"), "+ 1 c 12 x 20\n+ 3 d 13 y 21");
}

TEST_F(HashJoinTest, takes_pairs_back) {
  auto op = join();
  left(op, "+ 1 a 10\n+ 1 b 11");
  right(op, "+ 1 x 20\n+ 1 y 21");
  expect_changes(left(op, "- 1 a 10"), "- 1 a 10 x 20\n- 1 a 10 y 21");
  expect_changes(right(op, "U- 1 x 20\nU+ 1 z 20"), "- 1 b 11 x 20\n+ 1 b 11 z 20");
  EXPECT_TRUE(left(op, "+ 1 g 12 D").empty());
}

TEST_F(HashJoinTest, nulls_match_nothing) {
  auto op = join();
  left(op, "+ . a 10\n+ 1 b 11");
  EXPECT_TRUE(right(op, "+ . x 20").empty());
  EXPECT_TRUE(left(op, "- . a 10").empty());
  expect_changes(right(op, "+ 1 y 21"), "+ 1 b 11 y 21");
}

TEST_F(HashJoinTest, pairs_must_fulfil_the_condition) {
  auto op = join(pb::JOIN_INNER, true);
  left(op, "+ 1 a 10\n+ 1 b 30");
  expect_changes(right(op, "+ 1 x 20\n+ 1 y 40"), "+ 1 a 10 x 20\n+ 1 a 10 y 40\n+ 1 b 30 y 40");
}

TEST_F(HashJoinTest, rows_of_one_chunk_come_and_go_in_order) {
  auto op = join();
  right(op, "+ 1 x 20");
  expect_changes_in_order(left(op, "+ 1 a 10\n- 1 a 10\n+ 1 b 10"), "+ 1 a 10 x 20\n- 1 a 10 x 20\n+ 1 b 10 x 20");
  expect_changes_in_order(right(op, "- 1 x 20"), "- 1 b 10 x 20");
}

TEST_F(HashJoinTest, a_row_that_was_never_there_cannot_be_taken_back) {
  auto op = join();
  EXPECT_EQ(op.push_fails(kLeft, "I64 T I64\n- 1 a 10").message(), "join side: a row is taken back that is not there");
}

TEST_F(HashJoinTest, reads_nothing_but_that_its_tables_are_new) {
  node_.store.waits = true;
  auto op = join();
  for (int i = 0; i < 10; ++i) {
    left(op, fmt::format("+ {} a {}", i, i));
    right(op, fmt::format("+ {} x {}", i, i));
  }
  EXPECT_EQ(op.state_reads(), 1);
}

TEST_F(HashJoinTest, output_is_bounded_however_many_rows_a_key_has) {
  auto op = join();
  std::string rows;
  for (int i = 0; i < 300; ++i) rows += fmt::format("+ 1 a {}\n", i);
  left(op, rows);
  const Output out = right(op, rows);
  size_t total = 0;
  for (const auto& chunk : out) {
    EXPECT_LE(chunk.rows(), data::kChunkRows);
    total += chunk.rows();
  }
  EXPECT_EQ(total, 90'000U);
}

TEST_F(HashJoinTest, long_runs_lose_rows_from_anywhere) {
  auto op = join();
  std::string rows, gone;
  for (int i = 0; i < 500; ++i) rows += fmt::format("+ 1 a {}\n", i);
  for (int i = 0; i < 500; i += 3) gone += fmt::format("- 1 a {}\n", i);
  left(op, rows);
  left(op, gone);
  EXPECT_EQ(lines_of(right(op, "+ 1 x 1")).size(), 333U);
}

TEST_F(HashJoinTest, finds_rows_of_before_a_restart_and_evicted_ones) {
  for (const bool waits : {false, true}) {
    OperatorNode node;
    node.store.waits = waits;
    OperatorDriver op(node, from_plan(plan(pb::JOIN_INNER, false)));
    left(op, "+ 1 \"a text too long to be inline\" 10\n+ 2 b 11");
    op.checkpoint();
    left(op, "+ 1 lost 12");
    op.restart();
    expect_changes(right(op, "+ 1 x 20"), "+ 1 \"a text too long to be inline\" 10 x 20");
    left(op, "+ 1 c 13");
    op.root().evict(SIZE_MAX / 4);
    op.root().evict(SIZE_MAX / 4);
    expect_changes(right(op, "+ 1 y 21"), "+ 1 \"a text too long to be inline\" 10 y 21\n+ 1 c 13 y 21");
    expect_changes(left(op, "- 1 c 13"), "- 1 c 13 x 20\n- 1 c 13 y 21");
    EXPECT_EQ(op.state_reads() > 0, waits);
  }
}

TEST_F(HashJoinTest, left_join_gives_rows_without_match_by_themselves) {
  auto op = join(pb::JOIN_LEFT, true);
  expect_changes_in_order(left(op, "+ 1 a 10\n+ . n 11"), "+ . n 11 . .\n+ 1 a 10 . .");
  expect_changes_in_order(right(op, "+ 1 x 5"), "");
  expect_changes_in_order(right(op, "+ 1 y 20"), "- 1 a 10 . .\n+ 1 a 10 y 20");
  expect_changes_in_order(right(op, "+ 1 z 21"), "+ 1 a 10 z 21");
  expect_changes_in_order(right(op, "- 1 y 20\n- 1 z 21"), "- 1 a 10 y 20\n- 1 a 10 z 21\n+ 1 a 10 . .");
  expect_changes_in_order(left(op, "- 1 a 10\n- . n 11"), "- . n 11 . .\n- 1 a 10 . .");
}

TEST_F(HashJoinTest, semi_and_anti_joins_follow_the_first_and_last_match) {
  auto semi = join(pb::JOIN_SEMI);
  EXPECT_TRUE(left(semi, "+ 1 a 10").empty());
  expect_changes_in_order(right(semi, "+ 1 x 20\n+ 1 y 21"), "+ 1 a 10");
  expect_changes_in_order(left(semi, "+ 1 b 11"), "+ 1 b 11");
  expect_changes(right(semi, "- 1 x 20\n- 1 y 21"), "- 1 a 10\n- 1 b 11");

  OperatorNode node;
  OperatorDriver anti(node, from_plan(plan(pb::JOIN_ANTI, false)));
  expect_changes_in_order(left(anti, "+ 1 a 10\n+ . n 11"), "+ . n 11\n+ 1 a 10");
  expect_changes_in_order(right(anti, "+ 1 x 20\n+ 1 y 21"), "- 1 a 10");
  expect_changes_in_order(right(anti, "- 1 x 20\n- 1 y 21"), "+ 1 a 10");
}

TEST(RowRun, keeps_what_was_added_and_not_removed) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    alignas(RowRun) std::array<std::byte, sizeof(RowRun)> zeros{};
    RowRun& run = *reinterpret_cast<RowRun*>(zeros.data());
    std::multiset<std::pair<uint32_t, uint32_t>> model;  // row, tag: few tags, so that they collide
    for (uint32_t i = 0; i < 1000; ++i) {
      if (random() % 3 != 0 || model.empty()) {
        const auto tag = static_cast<uint32_t>(random() % 10);
        run.add({tag, i});
        model.emplace(i, tag);
      } else {
        const auto picked = std::next(model.begin(), static_cast<ptrdiff_t>(random() % model.size()));
        EXPECT_TRUE(run.remove(picked->second, [&](uint32_t row) { return row == picked->first; }));
        model.erase(picked);
      }
      EXPECT_FALSE(run.remove(11, [](uint32_t) { return true; }));
    }
    std::multiset<std::pair<uint32_t, uint32_t>> there;
    for (const RowRun::Entry& entry : run.entries()) there.emplace(entry.row, entry.tag);
    EXPECT_EQ(there, model);
    run.clear();
    EXPECT_EQ(run.owned_bytes(), 0U);
  }
}

// ---- any legal changelogs of both sides, cut anyhow, give what a nested loop over the final rows gives

struct SideRow {
  std::optional<int64_t> key;
  std::string text;
  int64_t number = 0;
  [[nodiscard]] std::string line() const { return fmt::format("{} {} {}", key ? fmt::format("{}", *key) : ".", text, number); }
};
using SideRows = std::map<int64_t, SideRow>;  // by number

std::string nested_loop(const SideRows& left, const SideRows& right, pb::JoinType type, bool condition) {
  std::map<std::string, int> lines;
  std::set<int64_t> matched;
  for (const auto& [l, a] : left) {
    bool any = false;
    for (const auto& [r, b] : right) {
      if (!a.key || !b.key || *a.key != *b.key || (condition && l >= r)) continue;
      any = true;
      matched.insert(r);
      if (type != pb::JOIN_SEMI && type != pb::JOIN_ANTI) ++lines[fmt::format("{} {} {}", a.line(), b.text, b.number)];
    }
    if (type == pb::JOIN_SEMI && any) ++lines[a.line()];
    if (type == pb::JOIN_ANTI && !any) ++lines[a.line()];
    if ((type == pb::JOIN_LEFT || type == pb::JOIN_FULL) && !any) ++lines[a.line() + " . ."];
  }
  if (type == pb::JOIN_RIGHT || type == pb::JOIN_FULL) {
    for (const auto& [r, b] : right) {
      if (!matched.contains(r)) ++lines[fmt::format(". . . {} {}", b.text, b.number)];
    }
  }
  std::string out;
  for (const auto& [line, count] : lines) out += count == 1 ? line + "\n" : fmt::format("{} ({} times)\n", line, count);
  return out;
}

class JoinPropertyTest : public ::testing::TestWithParam<pb::JoinType> {};

TEST_P(JoinPropertyTest, any_legal_changelogs_give_what_a_nested_loop_gives) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    const bool condition = seed % 2 == 0;
    Join plan{.type = GetParam(),
              .left = types("I64 T I64"),
              .right = types("I64 T I64"),
              .left_key = {0},
              .right_key = {0},
              .left_stream_key = {2},
              .right_stream_key = {2},
              .output = {0, 1, 2, 4, 5}};
    if (condition) plan.condition = call("less_than", {column(2, data::TypeKind::Int64), column(5, data::TypeKind::Int64)});
    if (GetParam() == pb::JOIN_SEMI || GetParam() == pb::JOIN_ANTI) plan.output = {0, 1, 2};
    OperatorNode node;
    OperatorDriver op(node, from_plan(hash_join(plan)));
    std::array<SideRows, 2> sides, committed_sides;
    ChangeView view, committed_view;
    int64_t next = 0;
    const auto any_key = [&] { return random() % 10 == 0 ? std::nullopt : std::optional(static_cast<int64_t>(random() % 8)); };
    for (int step = 0; step < 120; ++step) {
      node.store.waits = random() % 2 == 0;
      const size_t port = random() % 2;
      SideRows& rows = sides[port];
      std::string table = "I64 T I64\n";
      for (uint64_t i = 0, n = random() % 15; i < n; ++i) {
        const bool there = !rows.empty() && random() % 5 > 1;
        const auto picked = there ? std::next(rows.begin(), static_cast<ptrdiff_t>(random() % rows.size())) : rows.end();
        if (there && random() % 2 == 0) {
          table += fmt::format("- {}\n", picked->second.line());
          rows.erase(picked);
        } else if (there) {
          const SideRow row{random() % 2 == 0 ? picked->second.key : any_key(), fmt::format("text-of-some-length-{}", random() % 5),
                            picked->first};
          table += fmt::format("U- {}\nU+ {}\n", picked->second.line(), row.line());
          picked->second = row;
        } else {
          const SideRow row{any_key(), fmt::format("text-of-some-length-{}", random() % 5), next++};
          table += fmt::format("+ {}\n", row.line());
          rows[row.number] = row;
        }
      }
      view.apply(op.push(port, table));
      if (random() % 5 == 0) (void)op.root().evict(random() % 20'000);
      if (random() % 8 == 0) view.apply(op.barrier());
      if (random() % 15 == 0) {
        view.apply(op.checkpoint());
        committed_sides = sides;
        committed_view = view;
      }
      if (random() % 30 == 0) {
        op.restart();
        sides = committed_sides;
        view = committed_view;
      }
    }
    ASSERT_EQ(view.text(), nested_loop(sides[0], sides[1], GetParam(), condition)) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, JoinPropertyTest,
                         ::testing::Values(pb::JOIN_INNER, pb::JOIN_LEFT, pb::JOIN_RIGHT, pb::JOIN_FULL, pb::JOIN_SEMI, pb::JOIN_ANTI),
                         [](const auto& info) { return pb::JoinType_Name(info.param); });

}  // namespace
}  // namespace penstock::stream
