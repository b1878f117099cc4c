#include "runtime/threaded_runtime.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <barrier>
#include <latch>

namespace penstock::runtime {
namespace {

using namespace std::chrono_literals;

std::string thread_name() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  return name.data();
}

TEST(ThreadedRuntime, dropped_serial_executor_waits_for_its_job_and_destroys_the_others) {
  const auto runtime = make_threaded_runtime({.pool_threads = 2});
  for (const bool own_thread : {false, true}) {
    auto serial = runtime->make_serial("dropped", own_thread);
    const auto token = std::make_shared<int>(0);
    std::latch started(1);
    std::latch dropping(1);
    std::atomic<bool> ended{false};
    serial->post([&] {
      started.count_down();
      dropping.wait();
      ended = true;
    });
    started.wait();
    std::atomic<int> late{0};
    for (int i = 0; i < 10; ++i) serial->post([token, &late] { ++late; });
    std::latch dropped(1);
    runtime->spawn_thread("dropper", [&, serial = std::move(serial)]() mutable {
      serial.reset();
      EXPECT_TRUE(ended);
      dropped.count_down();
    });
    dropping.count_down();
    dropped.wait();
    EXPECT_EQ(token.use_count(), 1);
  }
}

TEST(ThreadedRuntime, pool_uses_all_its_threads) {
  constexpr int kThreads = 4;
  std::barrier meet(kThreads + 1);  // passes only if all jobs run at once
  const auto runtime = make_threaded_runtime({.pool_threads = kThreads});
  for (int round = 0; round < 20; ++round) {
    runtime->pool().post([&] {
      // Posted from a thread of the pool, so they lie in its own queue and must be stolen.
      for (int i = 1; i < kThreads; ++i) runtime->pool().post([&] { meet.arrive_and_wait(); });
      meet.arrive_and_wait();
    });
    meet.arrive_and_wait();
  }
}

TEST(ThreadedRuntime, posts_from_many_threads_are_all_run) {
  constexpr int kPosters = 4;
  constexpr int kJobs = 5'000;
  const auto runtime = make_threaded_runtime({.pool_threads = 2});
  const auto serial = runtime->make_serial("serial", false);
  std::latch done(2 * kPosters * kJobs);
  int serial_runs = 0;  // unguarded on purpose
  for (int t = 0; t < kPosters; ++t) {
    runtime->spawn_thread("poster", [&] {
      for (int i = 0; i < kJobs; ++i) {
        runtime->pool().post([&] { done.count_down(); });
        serial->post([&] {
          ++serial_runs;
          done.count_down();
        });
      }
    });
  }
  done.wait();
  EXPECT_EQ(serial_runs, kPosters * kJobs);
}

TEST(ThreadedRuntime, names_its_threads) {
  const auto runtime = make_threaded_runtime({.pool_threads = 1});
  const auto own = runtime->make_serial("barrier_worker_of_node", true);
  std::latch done(3);
  own->post([&] {
    EXPECT_EQ(thread_name(), "barrier_worker_");
    done.count_down();
  });
  runtime->pool().post([&] {
    EXPECT_EQ(thread_name(), "pool-0");
    done.count_down();
  });
  runtime->blocking().post([&] {
    EXPECT_EQ(thread_name(), "blocking");
    done.count_down();
  });
  done.wait();
}

constexpr size_t kFrameBytes = size_t{64} << 10U;

// A stack that is too small ends the test.
[[gnu::noinline]] int use_stack(size_t frames) {
  volatile char frame[kFrameBytes];  // NOLINT(modernize-avoid-c-arrays)
  frame[frames % kFrameBytes] = 1;
  return frames == 0 ? 0 : use_stack(frames - 1) + frame[frames % kFrameBytes];
}

TEST(ThreadedRuntime, sessions_have_a_deep_stack) {
  const auto runtime = make_threaded_runtime({.pool_threads = 1});
  int frames = 0;
  runtime->spawn_thread("session", [&] { frames = use_stack(48 * 16); });
  runtime->stop();
  EXPECT_EQ(frames, 48 * 16);
}

TEST(ThreadedRuntime, stop_waits_for_sessions_which_still_have_executors_and_timers) {
  const auto runtime = make_threaded_runtime({.pool_threads = 1});
  std::latch stopping(1);
  bool served = false;
  runtime->spawn_thread("session", [&] {
    stopping.wait();
    const auto waiter = runtime->make_waiter();
    runtime->post_after(1ms, runtime->blocking(), [&] { runtime->pool().post([&] { waiter->notify(); }); });
    served = waiter->wait_for(60s);
  });
  stopping.count_down();
  runtime->stop();
  EXPECT_TRUE(served);
  bool late = false;
  runtime->spawn_thread("late", [&] { late = true; });
  runtime->stop();
  EXPECT_FALSE(late);
}

TEST(ThreadedRuntime, stop_destroys_jobs_that_had_no_turn) {
  const auto token = std::make_shared<int>(0);
  auto runtime = make_threaded_runtime({.pool_threads = 1, .blocking_threads = 1});
  const auto serial = runtime->make_serial("serial", true);
  std::latch running(3);
  std::atomic<bool> stop{false};
  const auto hold = [&] {
    running.count_down();
    while (!stop) runtime->pool().post([token] {});
  };
  runtime->pool().post(hold);
  runtime->blocking().post(hold);
  serial->post(hold);
  running.wait();
  for (Executor* executor : {serial.get(), &runtime->pool(), &runtime->blocking()}) {
    for (int i = 0; i < 100; ++i) executor->post([token] {});
  }
  stop = true;
  runtime->stop();
  EXPECT_EQ(token.use_count(), 1);
}

TEST(ThreadedRuntime, costs_no_processor_time_when_idle) {
  const auto runtime = make_threaded_runtime();
  const auto own = runtime->make_serial("own", true);
  const Timer timer = runtime->after(1h, runtime->pool(), [] {});
  const auto waiter = runtime->make_waiter();
  own->post([&] { runtime->pool().post([&] { waiter->notify(); }); });
  ASSERT_TRUE(waiter->wait_for(60s));
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const auto before = used();
  EXPECT_FALSE(waiter->wait_for(200ms));
  EXPECT_LT(used() - before, 20ms);
}

}  // namespace
}  // namespace penstock::runtime
