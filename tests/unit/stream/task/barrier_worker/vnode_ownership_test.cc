#include "stream/task/barrier_worker/vnode_ownership.h"

#include <gtest/gtest.h>

namespace penstock::stream {
namespace {

constexpr PartialGraphId kOwnedGraph{1};
constexpr TableId kOwnedTable{5};

VNodeBitmap of(std::initializer_list<VNode> list) {
  VNodeBitmap out(8);
  for (const VNode v : list) out.add(v);
  return out;
}

runtime::TimePoint at(int64_t seconds) { return {seconds * 1'000'000'000}; }

class VnodeOwnershipTest : public ::testing::Test {
 protected:
  void assign(uint64_t committed, std::initializer_list<VNode> list, int64_t seconds = 0) {
    const std::vector<OwnedVnodes> owned = {{{kOwnedTable}, of(list)}};
    ownership_.assign(kOwnedGraph, Epoch{committed}, owned, at(seconds));
  }
  std::string ask(std::initializer_list<VNode> list, uint64_t epoch, int64_t seconds = 0) {
    constexpr std::string_view kNames[] = {"yes", "not yet", "never"};
    return std::string(kNames[static_cast<size_t>(ownership_.may_read(kOwnedGraph, kOwnedTable, of(list), Epoch{epoch}, at(seconds)))]);
  }
  VnodeOwnership ownership_;
};

TEST_F(VnodeOwnershipTest, a_table_that_never_moved_is_read_where_one_asks) { EXPECT_EQ(ask({1, 2}, 10), "yes"); }

TEST_F(VnodeOwnershipTest, after_a_start_all_that_is_owned_can_be_read_at_any_epoch_the_store_has) {
  assign(10, {1, 2});
  EXPECT_EQ(ask({1, 2}, 10), "yes");
  EXPECT_EQ(ask({1, 2}, 8), "yes");
  EXPECT_EQ(ask({1, 3}, 10), "not yet");
}

TEST_F(VnodeOwnershipTest, a_table_that_the_graph_has_no_more_is_forgotten) {
  assign(10, {1});
  EXPECT_EQ(ask({2}, 10), "not yet");
  ownership_.assign(PartialGraphId{2}, Epoch{10}, {}, at(0));
  EXPECT_EQ(ask({2}, 10), "not yet") << "another graph says nothing of it";
  ownership_.assign(kOwnedGraph, Epoch{12}, {}, at(0));
  EXPECT_EQ(ask({2}, 10), "yes") << "as of any table that nothing was said of; the store knows that it was dropped";
}

TEST_F(VnodeOwnershipTest, what_arrived_is_read_from_the_flip_on_and_not_before) {
  assign(10, {1});
  ownership_.expect(kOwnedGraph, {{kOwnedTable}}, of({2}));
  EXPECT_EQ(ask({2}, 12), "not yet") << "on its way";
  EXPECT_EQ(ask({1}, 12), "yes") << "the others stay";
  assign(12, {1, 2});
  EXPECT_EQ(ask({2}, 12), "yes");
  EXPECT_EQ(ask({2}, 11), "never");
  EXPECT_EQ(ask({1}, 11), "yes");
}

TEST_F(VnodeOwnershipTest, what_left_is_read_up_to_the_flip_for_a_while) {
  assign(10, {1, 2});
  ownership_.stopped(kOwnedGraph, Epoch{12});
  assign(12, {1}, 100);
  EXPECT_EQ(ask({2}, 12, 101), "yes");
  EXPECT_EQ(ask({2}, 13, 101), "never");
  EXPECT_EQ(ask({2}, 12, 120), "never");
  EXPECT_EQ(ask({1}, 13, 120), "yes");
}

TEST_F(VnodeOwnershipTest, a_node_that_was_away_from_the_graph_owned_until_it_stopped_not_until_it_heard) {
  assign(10, {1});
  ownership_.stopped(kOwnedGraph, Epoch{12});
  assign(50, {}, 100);
  EXPECT_EQ(ask({1}, 12, 101), "yes");
  EXPECT_EQ(ask({1}, 50, 101), "never");
}

TEST_F(VnodeOwnershipTest, of_a_graph_that_was_removed_nothing_is_owned_until_it_is_there_again) {
  assign(10, {1});
  ownership_.removed(kOwnedGraph);
  EXPECT_EQ(ask({1}, 10), "not yet");
  assign(50, {2}, 100);
  EXPECT_EQ(ask({2}, 50, 100), "yes");
  EXPECT_EQ(ask({1}, 50, 100), "not yet") << "not for having had it once";
}

TEST_F(VnodeOwnershipTest, what_left_may_come_back) {
  assign(10, {1});
  ownership_.stopped(kOwnedGraph, Epoch{12});
  assign(12, {}, 1);
  ownership_.expect(kOwnedGraph, {{kOwnedTable}}, of({1}));
  EXPECT_EQ(ask({1}, 20, 2), "not yet");
  ownership_.stopped(kOwnedGraph, Epoch{20});
  assign(20, {1}, 3);
  EXPECT_EQ(ask({1}, 20, 3), "yes");
  EXPECT_EQ(ask({1}, 15, 3), "never");
}

TEST_F(VnodeOwnershipTest, a_table_that_was_made_here_and_grows_keeps_what_it_had_while_more_arrives) {
  ownership_.expect(kOwnedGraph, {{kOwnedTable}}, of({5}));
  EXPECT_EQ(ask({1}, 10), "yes");
  EXPECT_EQ(ask({5}, 10), "not yet");
}

TEST_F(VnodeOwnershipTest, a_move_that_failed_leaves_all_as_it_was) {
  assign(10, {1});
  ownership_.expect(kOwnedGraph, {{kOwnedTable}}, of({2}));
  assign(10, {1});
  EXPECT_EQ(ask({1}, 10), "yes");
  EXPECT_EQ(ask({2}, 10), "not yet");
}

TEST_F(VnodeOwnershipTest, a_vnode_that_cannot_be_is_never_read) {
  assign(10, {1});
  VNodeBitmap large(300);
  large.add(299);
  EXPECT_EQ(ownership_.may_read(kOwnedGraph, kOwnedTable, large, Epoch{10}, at(0)), VnodeOwnership::Answer::Never);
}

}  // namespace
}  // namespace penstock::stream
