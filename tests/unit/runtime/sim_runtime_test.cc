#include "runtime/sim_runtime.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::runtime {
namespace {

using namespace std::chrono_literals;

// Four serial executors and the pool, each with jobs named by a letter and a number; the order in which they ran.
std::vector<std::string> interleaving(uint64_t seed, uint64_t* hash = nullptr) {
  SimRuntime sim(seed);
  std::vector<std::string> order;
  std::vector<std::unique_ptr<Executor>> serials;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    serials.push_back(sim.make_serial("serial", name == 'a'));
    for (int i = 0; i < 5; ++i) serials.back()->post([&order, name, i] { order.push_back(fmt::format("{}{}", name, i)); });
  }
  for (int i = 0; i < 5; ++i) sim.pool().post([&order, i] { order.push_back(fmt::format("p{}", i)); });
  sim.run_until_idle();
  if (hash != nullptr) *hash = sim.trace_hash();
  return order;
}

TEST(SimRuntime, replays_a_run_from_its_seed) {
  uint64_t first = 0;
  uint64_t second = 0;
  EXPECT_EQ(interleaving(1, &first), interleaving(1, &second));
  EXPECT_EQ(first, second);
}

TEST(SimRuntime, interleaves_differently_under_other_seeds) {
  std::set<std::vector<std::string>> orders;
  std::set<uint64_t> hashes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    uint64_t hash = 0;
    orders.insert(interleaving(seed, &hash));
    hashes.insert(hash);
  }
  EXPECT_EQ(orders.size(), 50U);
  EXPECT_EQ(hashes.size(), 50U);
}

TEST(SimRuntime, keeps_order_within_a_serial_executor_and_not_within_the_pool) {
  bool pool_reordered = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::map<char, std::string> per_executor;
    for (const std::string& job : interleaving(seed)) per_executor[job[0]] += job[1];
    for (const char name : {'a', 'b', 'c', 'd'}) EXPECT_EQ(per_executor[name], "01234");
    pool_reordered |= per_executor['p'] != "01234";
  }
  EXPECT_TRUE(pool_reordered);
}

TEST(SimRuntime, timers_fire_at_their_very_time) {
  SimRuntime sim;
  std::vector<int64_t> fired;
  const Timer b = sim.after(5s, sim.pool(), [&] { fired.push_back(sim.now().nanos); });
  const Timer a = sim.after(1h, sim.pool(), [&] { fired.push_back(sim.now().nanos); });
  const int64_t unix_before = sim.unix_micros();
  sim.run_for(2h);
  EXPECT_EQ(fired, (std::vector<int64_t>{Duration(5s).count(), Duration(1h).count()}));
  EXPECT_EQ(sim.now().nanos, Duration(2h).count());
  EXPECT_EQ(sim.unix_micros() - unix_before, 7'200'000'000);
}

TEST(SimRuntime, due_timers_compete_with_ready_jobs) {
  std::set<int> jobs_before_timer;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SimRuntime sim(seed);
    int ran = 0;
    std::function<void()> busy = [&] {
      if (++ran < 100) sim.pool().post([&] { busy(); });
    };
    busy();
    int at = -1;
    const Timer timer = sim.after(3us, sim.pool(), [&] { at = ran; });
    sim.run_until_idle();
    EXPECT_GE(at, 3);
    jobs_before_timer.insert(at);
  }
  EXPECT_GT(jobs_before_timer.size(), 2U);
}

TEST(SimRuntime, is_idle_although_a_timer_recurs_but_not_while_work_is_under_way) {
  SimRuntime sim;
  int ticks = 0;
  Timer timer;
  std::function<void()> tick = [&] {
    ++ticks;
    timer = sim.after(100us, sim.pool(), tick);
  };
  tick();
  bool arrived = false;
  sim.post_after(1ms, sim.pool(), [&] { arrived = true; });
  bool blocked = false;
  sim.blocking().post([&] { blocked = true; });
  sim.run_until_idle();
  EXPECT_TRUE(arrived);
  EXPECT_TRUE(blocked);
  EXPECT_GE(ticks, 10);
  EXPECT_LT(sim.now().nanos, Duration(10ms).count());
}

TEST(SimRuntime, run_until_stops_at_the_condition_or_the_limit) {
  SimRuntime sim;
  int ticks = 0;
  Timer timer;
  std::function<void()> tick = [&] {
    ++ticks;
    timer = sim.after(1ms, sim.pool(), tick);
  };
  tick();
  EXPECT_TRUE(sim.run_until([&] { return ticks == 5; }, 1s));
  EXPECT_EQ(ticks, 5);
  EXPECT_FALSE(sim.run_until([&] { return ticks == 1000; }, 10ms));
  EXPECT_LE(ticks, 16);
}

TEST(SimRuntime, blocking_jobs_finish_in_any_order) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimRuntime sim(seed);
    std::string order;
    for (const char name : {'a', 'b', 'c'}) sim.blocking().post([&order, name] { order += name; });
    EXPECT_EQ(order, "");
    sim.run_until_idle();
    EXPECT_EQ(order.size(), 3U);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 3U);
}

TEST(SimRuntime, job_that_waits_is_not_overtaken_within_its_serial_executor) {
  SimRuntime sim;
  const auto serial = sim.make_serial("serial", true);
  const auto waiter = sim.make_waiter();
  std::string order;
  serial->post([&] {
    order += "[";
    EXPECT_TRUE(waiter->wait_for(1s));
    order += "]";
  });
  serial->post([&] { order += "next"; });
  const Timer timer = sim.after(10ms, sim.pool(), [&] {
    order += "notify";
    waiter->notify();
  });
  sim.run_for(1s);
  EXPECT_EQ(order, "[notify]next");
}

TEST(SimRuntime, trace_tells_logical_events_apart) {
  const auto hash_of = [](std::string_view event) {
    SimRuntime sim;
    sim.trace(event);
    return sim.trace_hash();
  };
  EXPECT_NE(hash_of("collect 1"), hash_of("collect 2"));
  EXPECT_NE(hash_of(""), SimRuntime().trace_hash());
}

TEST(SimRuntimeThreads, take_turns_and_wait_in_virtual_time) {
  SimRuntime sim;
  std::string order;
  for (const char* name : {"a", "b"}) {
    sim.spawn_thread(name, [&sim, &order, name] {
      const auto waiter = sim.make_waiter();
      EXPECT_FALSE(waiter->wait_for(name[0] == 'a' ? 2s : 1s));
      order += name;
      EXPECT_FALSE(waiter->wait_for(5s));
      order += name;
    });
  }
  sim.run_for(3s);
  EXPECT_EQ(order, "ba");
  sim.run_for(10s);
  EXPECT_EQ(order, "baba");
  EXPECT_GE(sim.now().nanos, 13'000'000'000);
}

TEST(SimRuntimeThreads, are_woken_by_jobs_and_by_each_other) {
  SimRuntime sim;
  const auto first = sim.make_waiter(), second = sim.make_waiter();
  std::string order;
  sim.spawn_thread("first", [&] {
    EXPECT_TRUE(first->wait_for(60s));
    order += "first ";
    second->notify();
  });
  sim.spawn_thread("second", [&] {
    EXPECT_TRUE(second->wait_for(60s));
    order += "second";
  });
  sim.run_until_idle();
  EXPECT_EQ(order, "");
  sim.post_after(1s, sim.pool(), [&] { first->notify(); });
  sim.run_for(2s);
  EXPECT_EQ(order, "first second");
}

TEST(SimRuntimeThreads, end_before_the_runtime_does_with_their_time_over) {
  TimePoint end;
  {
    SimRuntime sim;
    sim.spawn_thread("patient", [&] {
      while (sim.now() < TimePoint{} + 3600s) (void)sim.make_waiter()->wait_for(600s);
      end = sim.now();
    });
    sim.run_for(1s);
    EXPECT_EQ(end.nanos, 0);
  }
  EXPECT_GE(end, TimePoint{} + 3600s);
}

TEST(SimRuntimeThreads, run_in_an_order_that_the_seed_decides) {
  const auto run = [](uint64_t seed) {
    SimRuntime sim(seed);
    std::string order;
    for (int i = 0; i < 6; ++i) {
      sim.spawn_thread("t", [&, i] {
        for (int k = 0; k < 5; ++k) {
          order += static_cast<char>('a' + i);
          (void)sim.make_waiter()->wait_for(Duration(sim.random() % 1000));
        }
      });
    }
    sim.run_for(1s);
    return std::pair(order, sim.trace_hash());
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7).first, run(8).first);
}

}  // namespace
}  // namespace penstock::runtime
