// What both runtimes promise, tested on both.
#include "runtime/runtime.h"

#include <gtest/gtest.h>

#include "runtime/sim_runtime.h"
#include "runtime/threaded_runtime.h"

namespace penstock::runtime {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Runtime> make_runtime(const std::string& kind) {
  if (kind == "simulated") return std::make_unique<SimRuntime>(7);
  return make_threaded_runtime({.pool_threads = 3, .blocking_threads = 2});
}

class RuntimeTest : public ::testing::TestWithParam<std::string> {
 protected:
  // Waits for `count` calls of the result.
  class Countdown {
   public:
    Countdown(Runtime& runtime, int count) : waiter_(runtime.make_waiter()), left_(count) {}
    void hit() {
      const auto waiter = waiter_;  // the last hit may end the test, and us with it
      if (left_.fetch_sub(1) == 1) waiter->notify();
    }
    [[nodiscard]] bool wait() { return waiter_->wait_for(60s); }

   private:
    std::shared_ptr<Waiter> waiter_;
    std::atomic<int> left_;
  };

  std::unique_ptr<Runtime> runtime_ = make_runtime(GetParam());
};

TEST_P(RuntimeTest, pool_runs_every_job_once) {
  constexpr int kJobs = 20'000;
  std::vector<std::atomic<int>> runs(kJobs);
  Countdown done(*runtime_, kJobs);
  for (int i = 0; i < kJobs; ++i) {
    runtime_->pool().post([&, i] {
      ++runs[i];
      done.hit();
    });
  }
  ASSERT_TRUE(done.wait());
  EXPECT_TRUE(std::ranges::all_of(runs, [](const auto& count) { return count == 1; }));
}

TEST_P(RuntimeTest, pool_runs_jobs_that_jobs_post) {
  constexpr int kDepth = 12;
  Countdown done(*runtime_, 1 << kDepth);
  std::function<void(int)> fork = [&](int depth) {
    if (depth == 0) return done.hit();
    runtime_->pool().post([&, depth] { fork(depth - 1); });
    runtime_->pool().post([&, depth] { fork(depth - 1); });
  };
  fork(kDepth);
  EXPECT_TRUE(done.wait());
}

TEST_P(RuntimeTest, serial_executors_run_jobs_in_order_one_at_a_time) {
  for (const bool own_thread : {false, true}) {
    constexpr int kJobs = 5'000;
    const auto serial = runtime_->make_serial("a name longer than 15", own_thread);
    std::vector<int> order;  // unguarded on purpose
    Countdown done(*runtime_, 1);
    for (int i = 0; i < kJobs; ++i) {
      serial->post([&, i] { order.push_back(i); });
    }
    serial->post([&] { done.hit(); });
    ASSERT_TRUE(done.wait());
    ASSERT_EQ(order.size(), kJobs);
    EXPECT_TRUE(std::ranges::is_sorted(order));
  }
}

TEST_P(RuntimeTest, serial_executor_with_much_to_do_lets_others_run) {
  const auto busy = runtime_->make_serial("busy", false);
  std::atomic<bool> stop{false};
  Countdown ended(*runtime_, 3);
  std::function<void()> again = [&] {
    if (stop) return ended.hit();
    busy->post([&] { again(); });
  };
  for (int i = 0; i < 3; ++i) runtime_->pool().post([&] { again(); });
  Countdown other(*runtime_, 1);
  runtime_->pool().post([&] { other.hit(); });
  EXPECT_TRUE(other.wait());
  stop = true;
  EXPECT_TRUE(ended.wait());
}

TEST_P(RuntimeTest, serial_executor_may_be_dropped_by_its_own_job) {
  for (const bool own_thread : {false, true}) {
    auto token = std::make_shared<int>(0);
    Countdown done(*runtime_, 1);
    auto serial = runtime_->make_serial("self", own_thread);
    Executor& executor = *serial;
    executor.post([&done, token, serial = std::move(serial)]() mutable {
      serial->post([token] { FAIL() << "ran after its executor was gone"; });
      serial.reset();
      EXPECT_EQ(token.use_count(), 2);
      done.hit();
    });
    EXPECT_TRUE(done.wait());
  }
}

TEST_P(RuntimeTest, timers_fire_in_order_of_their_time_and_not_before) {
  const auto serial = runtime_->make_serial("timers", false);
  std::vector<int> order;
  Countdown done(*runtime_, 3);
  const TimePoint start = runtime_->now();
  const auto fire = [&](int ms) {
    return [&, ms] {
      EXPECT_GE(runtime_->now() - start, ms * 1ms);
      order.push_back(ms);
      done.hit();
    };
  };
  const Timer c = runtime_->after(30ms, *serial, fire(30));
  const Timer a = runtime_->after(0ms, *serial, fire(0));
  const Timer b = runtime_->after(10ms, *serial, fire(10));
  EXPECT_TRUE(done.wait());
  EXPECT_EQ(order, (std::vector{0, 10, 30}));
}

TEST_P(RuntimeTest, timer_cancelled_from_its_executor_never_runs_though_it_was_due) {
  const auto serial = runtime_->make_serial("timers", false);
  Countdown done(*runtime_, 1);
  const auto token = std::make_shared<int>(0);
  Timer timer;
  serial->post([&] {
    timer = runtime_->after(0ms, *serial, [token] { FAIL() << "cancelled timer ran"; });
    // While this job holds the executor the timer is posted behind it: the pool's timer below is due later and has run.
    const auto later = runtime_->make_waiter();
    runtime_->post_after(1ms, runtime_->pool(), [later] { later->notify(); });
    EXPECT_TRUE(later->wait_for(60s));
    timer.cancel();
    EXPECT_EQ(token.use_count(), 1);
    serial->post([&] { done.hit(); });
  });
  EXPECT_TRUE(done.wait());
}

TEST_P(RuntimeTest, timer_is_cancelled_by_its_end_and_by_assignment) {
  const auto serial = runtime_->make_serial("timers", false);
  const auto token = std::make_shared<int>(0);
  {
    const Timer dropped = runtime_->after(1h, *serial, [token] {});
  }
  EXPECT_EQ(token.use_count(), 1);
  Timer timer = runtime_->after(1h, *serial, [token] {});
  timer = Timer();
  EXPECT_EQ(token.use_count(), 1);
}

TEST_P(RuntimeTest, timer_outlived_by_nothing_lasts_for_ever) {
  Timer timer = runtime_->after(Duration::max(), runtime_->pool(), [] { FAIL(); });
  Countdown done(*runtime_, 1);
  runtime_->post_after(1ms, runtime_->pool(), [&] { done.hit(); });
  EXPECT_TRUE(done.wait());
}

TEST_P(RuntimeTest, blocking_jobs_may_wait_for_executors) {
  Countdown done(*runtime_, 3);
  for (int i = 0; i < 3; ++i) {
    runtime_->blocking().post([&] {
      const auto inner = runtime_->make_waiter();
      runtime_->pool().post([inner] { inner->notify(); });
      EXPECT_TRUE(inner->wait_for(60s));
      done.hit();
    });
  }
  EXPECT_TRUE(done.wait());
}

TEST_P(RuntimeTest, waiter_remembers_a_notify_and_times_out_without) {
  const auto waiter = runtime_->make_waiter();
  waiter->notify();
  waiter->notify();
  EXPECT_TRUE(waiter->wait_for(0ms));
  const TimePoint start = runtime_->now();
  EXPECT_FALSE(waiter->wait_for(3ms));
  EXPECT_GE(runtime_->now() - start, 3ms);
}

TEST_P(RuntimeTest, random_values_and_bytes_differ) {
  EXPECT_NE(runtime_->random(), runtime_->random());
  std::array<char, 33> a{};
  std::array<char, 33> b{};
  runtime_->random_bytes(a.data(), a.size());
  runtime_->random_bytes(b.data(), b.size());
  EXPECT_NE(a, b);
  EXPECT_GT(runtime_->unix_micros(), 1'700'000'000'000'000);
}

TEST_P(RuntimeTest, dropped_jobs_may_post_and_cancel_while_the_runtime_stops) {
  struct PostsWhenDestroyed {
    Runtime& runtime;
    Executor& serial;
    Timer timer;
    ~PostsWhenDestroyed() {
      runtime.pool().post([] {});
      serial.post([] {});
      timer.cancel();
    }
  };
  const auto token = std::make_shared<int>(0);
  const auto serial = runtime_->make_serial("serial", false);
  const auto own = runtime_->make_serial("own", true);
  for (int i = 0; i < 100; ++i) {
    for (Executor* executor : {serial.get(), own.get(), &runtime_->pool(), &runtime_->blocking()}) {
      auto timer = runtime_->after(1h, *executor, [token] {});
      executor->post([token, mine = std::make_unique<PostsWhenDestroyed>(*runtime_, *serial, std::move(timer))] {});
    }
  }
  if (GetParam() == "simulated") {
    static_cast<SimRuntime&>(*runtime_).stop();
  } else {
    static_cast<ThreadedRuntime&>(*runtime_).stop();
  }
  EXPECT_EQ(token.use_count(), 1);
  for (Executor* executor : {serial.get(), own.get(), &runtime_->pool(), &runtime_->blocking()}) {
    executor->post([token] { FAIL() << "ran after the runtime stopped"; });
  }
  const Timer timer = runtime_->after(0ms, *serial, [token] { FAIL() << "ran after the runtime stopped"; });
  EXPECT_EQ(token.use_count(), 1);
}

INSTANTIATE_TEST_SUITE_P(Both, RuntimeTest, ::testing::Values("threaded", "simulated"), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace penstock::runtime
