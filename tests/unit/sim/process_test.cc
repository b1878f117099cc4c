#include "sim/process.h"

#include <gtest/gtest.h>

#include "runtime/sim_runtime.h"

namespace penstock::sim {
namespace {

using namespace std::chrono_literals;

TEST(Process, runs_what_it_is_given_until_it_is_killed) {
  runtime::SimRuntime world;
  Process process(world);
  const auto serial = process.make_serial("s", false);
  std::string ran;
  process.pool().post([&] { ran += "p"; });
  serial->post([&] { ran += "s"; });
  process.blocking().post([&] { ran += "b"; });
  const auto timer = process.after(10ms, *serial, [&] { ran += "t"; });
  process.post_after(20ms, *serial, [&] { ran += "l"; });
  world.run_for(1s);
  std::ranges::sort(ran);
  EXPECT_EQ(ran, "blpst");
  process.post_after(20ms, *serial, [&] { ran += "never"; });
  serial->post([&] { ran += "never"; });
  process.kill();
  serial->post([&] { ran += "never"; });
  world.run_for(1s);
  EXPECT_EQ(ran, "blpst");
}

TEST(Process, destroys_at_its_end_what_has_not_run) {
  runtime::SimRuntime world;
  Process process(world);
  const auto owned = std::make_shared<int>(1);
  const auto serial = process.make_serial("s", false);
  process.pool().post([owned] {});
  serial->post([owned] {});
  process.post_after(1s, *serial, [owned] {});
  const auto timer = process.after(1s, *serial, [owned] {});
  EXPECT_EQ(owned.use_count(), 5);
  process.kill();
  EXPECT_EQ(owned.use_count(), 2);  // the timer's owner still has it
}

TEST(Process, may_be_destroyed_with_timers_that_would_have_fired) {
  runtime::SimRuntime world;
  bool fired = false;
  {
    Process process(world);
    const auto serial = process.make_serial("s", false);
    const auto timer = process.after(1ms, *serial, [&] { fired = true; });
    process.post_after(1ms, *serial, [&] { fired = true; });
    process.kill();
  }
  world.run_for(1s);
  EXPECT_FALSE(fired);
}

TEST(Process, does_not_run_a_timer_that_was_cancelled_on_its_executor) {
  runtime::SimRuntime world;
  Process process(world);
  const auto serial = process.make_serial("s", false);
  for (int i = 0; i < 50; ++i) {
    bool cancelled = false;
    auto timer = process.after(1ms, *serial, [&] { EXPECT_FALSE(cancelled); });
    const auto other = process.after(1ms, *serial, [&] {
      timer.cancel();
      cancelled = true;
    });
    world.run_for(5ms);
  }
}

}  // namespace
}  // namespace penstock::sim
