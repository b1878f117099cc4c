#include "stream/exchange/barrier_gather.h"

#include <gtest/gtest.h>

#include "proto/compute_service.pb.h"
#include "unit/stream/exchange/fakes.h"

namespace penstock::stream {
namespace {

using testing::barrier;

constexpr storage::GraphTerm kUp{PartialGraphId{1}, Term{1}};
constexpr BarrierGather::Edge kEdge{kUp, kUp, FragmentId{5}, 9};
constexpr BarrierGather::Edge kOther{kUp, kUp, FragmentId{6}, 10};

class BarrierGatherTest : public ::testing::Test {
 protected:
  /// What went out since the last look: "a1 | barrier 1..2 for 1 2".
  std::string out() {
    std::string text;
    for (const std::string& frame : std::exchange(frames_, {})) {
      text += text.empty() ? "" : " | ";
      pb::ExchangeFrame parsed;
      if (!frame.starts_with("#")) {
        EXPECT_TRUE(parsed.ParseFromString(frame));
        const auto& b = parsed.barrier();
        EXPECT_EQ(b.barriers_size(), 1);
        text +=
            fmt::format("barrier {}..{} for {}", b.barriers(0).epoch().prev(), b.barriers(0).epoch().curr(), fmt::join(b.channels(), " "));
      } else {
        text += frame.substr(1);
      }
    }
    return text;
  }
  void add(std::initializer_list<uint32_t> channels, const BarrierGather::Edge& edge = kEdge) {
    for (const uint32_t channel : channels) gather_.add(channel, edge);
  }
  void send(uint32_t channel, const std::string& text) { gather_.send(channel, "#" + text, frames_); }
  void pass(uint32_t channel, uint64_t prev) { gather_.send_barrier(channel, barrier(prev, prev + 1), frames_); }
  void last(uint32_t channel) { gather_.send_last(channel, fmt::format("#end of {}", channel), frames_); }
  /// All channels of the edge have passed barrier 0.
  void begin(std::initializer_list<uint32_t> channels) {
    add(channels);
    for (const uint32_t channel : channels) pass(channel, 0);
    out();
  }

  BarrierGather gather_;
  BarrierGather::Frames frames_;
};

TEST_F(BarrierGatherTest, sends_one_frame_when_the_last_channel_of_the_edge_has_passed) {
  begin({1, 2, 3});
  pass(1, 1);
  pass(3, 1);
  EXPECT_EQ(out(), "");
  pass(2, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 1 3 2");
}

TEST_F(BarrierGatherTest, keeps_what_comes_after_a_barrier_behind_it) {
  begin({1, 2});
  send(1, "a");
  pass(1, 1);
  send(1, "b");
  send(2, "c");
  EXPECT_EQ(out(), "a | c");
  pass(2, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 1 2 | b");
}

TEST_F(BarrierGatherTest, sends_several_barriers_in_order_when_a_slow_channel_catches_up) {
  begin({1, 2});
  pass(1, 1);
  send(1, "b");
  pass(1, 2);
  send(1, "c");
  pass(2, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 1 2 | b");
  pass(2, 2);
  EXPECT_EQ(out(), "barrier 2..3 for 1 2 | c");
}

TEST_F(BarrierGatherTest, does_not_wait_for_a_channel_that_has_not_begun) {
  begin({1, 2});
  add({3});
  pass(1, 1);
  pass(2, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 1 2");
  pass(3, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 3");
  pass(1, 2);
  pass(2, 2);
  EXPECT_EQ(out(), "");
  pass(3, 2);
  EXPECT_EQ(out(), "barrier 2..3 for 1 2 3");
}

TEST_F(BarrierGatherTest, begins_with_any_epoch) {
  add({1, 2});
  pass(1, 0);
  EXPECT_EQ(out(), "barrier 0..1 for 1");
  pass(2, 0);
  EXPECT_EQ(out(), "barrier 0..1 for 2");
}

TEST_F(BarrierGatherTest, edges_do_not_wait_for_each_other) {
  begin({1, 2});
  add({3, 4}, kOther);
  pass(3, 0);
  pass(4, 0);
  pass(1, 1);
  out();
  pass(3, 1);
  pass(4, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 3 4");
  pass(2, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 1 2");
}

TEST_F(BarrierGatherTest, a_channel_that_ends_holds_nobody) {
  begin({1, 2, 3});
  pass(1, 1);
  pass(2, 1);
  last(3);
  EXPECT_EQ(out(), "end of 3 | barrier 1..2 for 1 2");
  EXPECT_FALSE(gather_.has(3));
}

TEST_F(BarrierGatherTest, the_last_frame_waits_behind_the_last_barrier) {
  begin({1, 2});
  pass(1, 1);
  last(1);
  EXPECT_EQ(out(), "");
  EXPECT_TRUE(gather_.has(1));
  pass(2, 1);
  EXPECT_EQ(out(), "barrier 1..2 for 1 2 | end of 1");
  EXPECT_FALSE(gather_.has(1));
  last(2);
  EXPECT_EQ(out(), "end of 2");
  add({3});
  pass(3, 7);
  EXPECT_EQ(out(), "barrier 7..8 for 3") << "the edge begins anew";
}

TEST_F(BarrierGatherTest, a_channel_that_nobody_reads_holds_nobody) {
  begin({1, 2, 3});
  pass(1, 1);
  pass(2, 1);
  send(2, "lost");
  gather_.remove(2, frames_);
  gather_.remove(3, frames_);
  EXPECT_EQ(out(), "barrier 1..2 for 1");
  gather_.remove(1, frames_);
  gather_.remove(1, frames_);
  EXPECT_EQ(out(), "");
}

}  // namespace
}  // namespace penstock::stream
