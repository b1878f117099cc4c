// Window, chunk size and controller together, in simulated time: a source that is as fast as one likes in front of an actor that is not.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "stream/exchange/channel.h"
#include "stream/exchange/receive_window.h"
#include "stream/executor/source/chunk_sizer.h"
#include "stream/pace.h"

namespace penstock::stream {
namespace {

using runtime::Duration;
using runtime::TimePoint;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ReceiveWindow, a_chunk_may_always_pass_an_empty_channel) {
  for (size_t budget : {1u, 3u, 16u, 1000u, 16384u}) {
    ReceiveWindow window(budget);
    size_t in_flight = window.kept_back();
    TimePoint now;
    for (int i = 0; i < 500; ++i) {
      ASSERT_LT(in_flight, budget) << "budget " << budget << " after " << i << " chunks: nothing is in the channel and nothing may be sent";
      const size_t weight = 1 + static_cast<size_t>(i) * 37 % 5000;
      in_flight += weight;
      now = now + (i % 100 < 50 ? milliseconds(1) : milliseconds(500));
      in_flight -= window.take(weight, milliseconds(100), now);
    }
  }
}

TEST(ReceiveWindow, opens_step_by_step_while_the_receiver_is_fast_and_closes_at_once_when_it_is_slow) {
  ReceiveWindow window(16384);
  EXPECT_EQ(window.open(), 64u);
  TimePoint now;
  const auto take = [&](size_t weight, Duration every, int times) {
    for (int i = 0; i < times; ++i) (void)window.take(weight, milliseconds(40), now = now + every);
    return window.open();
  };
  EXPECT_EQ(take(10, milliseconds(1), 10), 64u) << "a quarter of the horizon has not passed";
  EXPECT_EQ(take(10, milliseconds(1), 1), 24u) << "what would be 400 in 40 ms, but there was nothing before";
  EXPECT_EQ(take(10, milliseconds(1), 50), 124u);
  EXPECT_EQ(take(10, milliseconds(1), 1000), 398u);
  EXPECT_EQ(take(1000, milliseconds(1), 1000), 4096u) << "a quarter of the budget at most";
  EXPECT_EQ(take(100, milliseconds(20), 1), 2000u) << "a chunk of 1000";
  EXPECT_EQ(take(100, milliseconds(20), 1), 200u) << "what it takes in within the horizon";
  EXPECT_EQ(take(1, seconds(1), 2), 4u) << "never nothing";
}

TEST(ReceiveWindow, gives_nothing_back_until_what_waits_fits_the_present_speed) {
  ReceiveWindow window(16384);
  TimePoint now;
  size_t waits = 0;
  for (int i = 0; i < 100; ++i) {
    const size_t back = window.take(1024, milliseconds(40), now = now + milliseconds(1));
    waits = 4096;
    (void)back;
  }
  ASSERT_EQ(window.open(), 4096u);
  size_t back = 0;
  for (; waits > 0; waits -= 256) {  // ten times slower, and nothing more comes
    back += window.take(256, milliseconds(40), now = now + milliseconds(10));
    if (waits > 1280) EXPECT_LE(back, 1024u) << waits << " wait";
  }
  EXPECT_EQ(window.open(), 1024u);
}

TEST(ReceiveWindow, does_not_open_for_what_only_fills_the_channels_behind_the_receiver) {
  ReceiveWindow window(16384);
  TimePoint now;
  size_t most = 0;
  for (int burst = 0; burst < 50; ++burst) {
    now = now + milliseconds(80);
    for (int i = 0; i < 20; ++i) {
      (void)window.take(10, milliseconds(40), now = now + milliseconds(1));
      if (burst > 10) most = std::max(most, window.open());
    }
  }
  EXPECT_LE(most, 110u) << "200 in 100 ms are 80 in 40 ms; in the burst alone it would be 400";
}

TEST(ReceiveWindow, of_many_channels_has_its_share_and_never_nothing) {
  EXPECT_EQ(ReceiveWindow(16384, 16).open(), 4u);
  EXPECT_EQ(ReceiveWindow(1024, 1000).open(), 1u);
  EXPECT_EQ(ReceiveWindow(1, 1).open(), 1u);
}

TEST(ReceiveWindow, begins_anew_when_rows_may_soon_cost_more) {
  ReceiveWindow window(16384);
  TimePoint now;
  for (int i = 0; i < 1000; ++i) (void)window.take(1024, milliseconds(40), now = now + milliseconds(1));
  ASSERT_EQ(window.open(), 4096u);
  window.begin_anew();
  EXPECT_EQ(window.open(), 4u);
  (void)window.take(1024, milliseconds(40), now = now + seconds(1));
  EXPECT_EQ(window.open(), 4u) << "what came before says nothing";
}

TEST(ReceiveWindow, without_a_horizon_the_whole_budget_is_open_with_the_next_chunk) {
  ReceiveWindow window(16384);
  EXPECT_EQ(window.take(1024, Duration::zero(), TimePoint{1}), 16384u - 64 + 1024);
}

TEST(ChunkSizer, gives_as_much_as_goes_out_in_the_time_it_has) {
  ChunkSizer sizer(4096);
  const Duration time = milliseconds(20);
  TimePoint now;
  const auto give = [&](Duration nanos_per_row, int times) {
    size_t rows = sizer.next(now, time);
    for (int i = 0; i < times; ++i) {
      sizer.emitted(now, rows);
      now = now + nanos_per_row * static_cast<int64_t>(rows);
      rows = sizer.next(now, time);
    }
    return rows;
  };
  const auto micros = [](int64_t n) { return Duration(n * 1000); };
  EXPECT_EQ(give(micros(100), 0), 4u);
  EXPECT_EQ(give(micros(100), 12), 4u) << "a quarter of its time has not passed";
  EXPECT_EQ(give(micros(100), 1), 6u);
  EXPECT_EQ(give(micros(100), 1000), 188u);
  EXPECT_EQ(give(micros(10), 1000), 1884u);
  EXPECT_EQ(give(micros(1), 1000), 4096u);
  EXPECT_EQ(give(micros(50), 1), 784u) << "one before it was still fast";
  EXPECT_EQ(give(micros(50), 1), 400u);
  EXPECT_EQ(give(milliseconds(50), 1), 4u) << "never nothing";
  EXPECT_EQ(give(micros(100), 1000), 188u);
  now = now + seconds(100);
  EXPECT_EQ(sizer.next(now, time), 188u) << "nothing was given: time says nothing";
  sizer.emitted(now, 188);
  sizer.gone_out(now + milliseconds(20));
  EXPECT_EQ(sizer.next(now + seconds(100), time), 187u) << "it was out long before it was asked again";
  EXPECT_EQ(sizer.next(now, Duration::zero()), 4096u);
}

TEST(PaceController, shortens_the_wait_when_barriers_take_more_than_a_tenth_of_the_target) {
  PaceController controller(milliseconds(1600));
  struct Row {
    int64_t injected, collected;  // ms
    int64_t horizon_us;
  };
  const Row rows[] = {
      {0, 150, 100'000},        // on time
      {1000, 1320, 75'000},     // twice the aim: half way
      {1300, 2300, 75'000},     // injected before that
      {1900, 1950, 93'750},     // fast
      {2100, 2150, 100'000},    // not above a sixteenth of the target
      {3000, 103'000, 62'500},  // far too late
  };
  for (const Row& row : rows) {
    controller.on_collected(TimePoint{row.injected * 1'000'000}, TimePoint{row.collected * 1'000'000});
    EXPECT_EQ(controller.horizon().count() / 1000, row.horizon_us) << "injected at " << row.injected;
  }
  for (int i = 0; i < 100; ++i) {
    const int64_t at = 200'000 + i * 10'000;
    controller.on_collected(TimePoint{at * 1'000'000}, TimePoint{(at + 9000) * 1'000'000});
  }
  EXPECT_EQ(controller.horizon(), milliseconds(16)) << "a hundredth of the target at least";
}

TEST(PaceController, without_a_target_there_is_no_horizon) {
  PaceController controller(Duration::zero());
  controller.on_collected(TimePoint{0}, TimePoint{1'000'000'000'000});
  EXPECT_EQ(controller.horizon(), Duration::zero());
}

/// source -> `stages` actors in a row, the last of which works off `speed` rows a second and the others a hundred times that. Barriers come
/// once a second.
class Pipeline {
 public:
  Pipeline(Duration target, double speed, size_t stages) : pace_(target), controller_(target), paced_(target > Duration::zero()) {
    for (size_t i = 0; i < stages; ++i) {
      stages_.emplace_back();
      stages_.back().nanos_per_row = 1e9 / (i + 1 == stages ? speed : speed * 100);
      stages_.back().in_flight = paced_ ? stages_.back().window.kept_back() : 0;
    }
  }

  /// From now on rows that the last stage begins with cost so many times what they did at first.
  void rows_cost(double times) { cost_ = times; }
  /// Latencies of the barriers collected in `time`, and the rows worked off.
  void run(Duration time) {
    for (const TimePoint end = now_ + time; now_ < end; now_ = now_ + kStep) {
      if (now_ >= next_barrier_) {
        due_barriers_.push_back(now_);
        next_barrier_ = now_ + seconds(1);
      }
      for (size_t i = stages_.size(); i-- > 0;) work(i);
      produce();
    }
  }
  [[nodiscard]] Duration slowest() const { return latencies_.empty() ? Duration::max() : *std::ranges::max_element(latencies_); }
  [[nodiscard]] size_t barriers() const { return latencies_.size(); }
  [[nodiscard]] double rows() const { return done_; }
  void forget() {
    latencies_.clear();
    done_ = 0;
  }

 private:
  static constexpr Duration kStep = std::chrono::microseconds(500);
  struct Item {
    size_t rows;  // 0: a barrier
    TimePoint at;
  };
  struct Stage {
    double nanos_per_row = 0;
    ReceiveWindow window{kChannelBudget};
    size_t in_flight = 0;
    std::deque<Item> queue;
    std::optional<Item> at_work;
    TimePoint free_at;
  };

  [[nodiscard]] bool room(size_t stage) const { return stage == stages_.size() || stages_[stage].in_flight < kChannelBudget; }
  void send(size_t stage, Item item) {
    if (stage == stages_.size()) {
      done_ += static_cast<double>(item.rows);
      if (item.rows > 0) return;
      latencies_.push_back(now_ - item.at);
      controller_.on_collected(item.at, now_);
      return;
    }
    stages_[stage].in_flight += item.rows;
    stages_[stage].queue.push_back(item.rows > 0 ? Item{item.rows, now_} : item);
  }
  void work(size_t number) {
    Stage& stage = stages_[number];
    for (;;) {
      if (stage.at_work) {
        if (now_ < stage.free_at || (stage.at_work->rows > 0 && !room(number + 1))) return;
        send(number + 1, *stage.at_work);
        stage.at_work.reset();
      }
      if (stage.queue.empty()) return;
      const Item item = stage.queue.front();
      stage.queue.pop_front();
      if (item.rows > 0) stage.in_flight -= paced_ ? stage.window.take(item.rows, controller_.horizon(), now_) : item.rows;
      // Work that ended within the last step goes on at once.
      const TimePoint begin = std::max(stage.free_at, TimePoint{now_.nanos - kStep.count()});
      stage.at_work = item;
      const double times = number + 1 == stages_.size() ? cost_ : 1;
      stage.free_at = begin + Duration(static_cast<int64_t>(stage.nanos_per_row * times * static_cast<double>(item.rows)));
    }
  }
  void produce() {
    for (int i = 0; i < 64; ++i) {
      if (held_) {
        if (!room(0)) return;
        send(0, {*held_, now_});
        held_.reset();
      }
      for (const TimePoint injected : std::exchange(due_barriers_, {})) send(0, {0, injected});
      const size_t rows = sizer_.next(now_, pace_.chunk_time());
      sizer_.emitted(now_, rows);
      held_ = rows;
    }
  }

  const Pace pace_;
  PaceController controller_;
  const bool paced_;
  double cost_ = 1;
  std::vector<Stage> stages_;
  ChunkSizer sizer_{4096};
  TimePoint now_;
  TimePoint next_barrier_;
  std::vector<TimePoint> due_barriers_;
  std::optional<size_t> held_;
  std::vector<Duration> latencies_;
  double done_ = 0;
};

TEST(Pacing, barriers_are_on_time_from_the_first_on_and_nothing_is_lost_by_it_whatever_the_speed_of_the_job) {
  for (const double speed : {300.0, 3'000.0, 30'000.0, 300'000.0}) {
    for (const size_t stages : {1u, 2u, 4u}) {
      SCOPED_TRACE(fmt::format("{} rows/s, {} stages", speed, stages));
      Pipeline paced(milliseconds(500), speed, stages), free(Duration::zero(), speed, stages);
      paced.run(seconds(10));
      EXPECT_GE(paced.barriers(), 4u);
      EXPECT_LE(paced.slowest(), milliseconds(300)) << "in the beginning";
      paced.run(seconds(10));
      paced.forget();
      paced.run(seconds(60));
      EXPECT_GE(paced.barriers(), 59u);
      EXPECT_LE(paced.slowest(), milliseconds(150));
      EXPECT_GE(paced.rows(), 0.97 * 60 * speed);
      if (speed > 10'000) continue;
      free.run(seconds(80));
      EXPECT_TRUE(free.slowest() > seconds(3) || free.barriers() < 30) << "without a target all is well, too: this test shows nothing";
    }
  }
}

TEST(Pacing, barriers_are_on_time_when_rows_suddenly_cost_ten_times_as_much) {
  for (const double speed : {3'000.0, 30'000.0, 300'000.0, 3'000'000.0}) {
    for (const size_t stages : {1u, 2u, 4u}) {
      SCOPED_TRACE(fmt::format("{} rows/s, {} stages", speed, stages));
      Pipeline paced(milliseconds(500), speed, stages);
      paced.run(seconds(10));
      paced.forget();
      for (int i = 0; i < 20; ++i) {
        // Not in step with the barriers.
        paced.rows_cost(10);
        paced.run(milliseconds(2370));
        paced.rows_cost(1);
        paced.run(milliseconds(2370));
      }
      EXPECT_GE(paced.barriers(), 90u);
      EXPECT_LE(paced.slowest(), milliseconds(800));
      EXPECT_GE(paced.rows(), 0.97 * 20 * 2.37 * (speed + speed / 10));
    }
  }
}

}  // namespace
}  // namespace penstock::stream
