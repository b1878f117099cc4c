// Each in a process of its own, which ends with 7 if it comes so far.
#include "cmd/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace penstock::cmd {
namespace {

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

class StopSignalsTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(StopSignalsTest, the_users_first_is_waited_for_and_the_second_ends_the_process) {
  const auto run = [](int signals) {
    StopSignals stop;
    for (int i = 0; i < signals; ++i) {
      ::raise(SIGINT);
      if (i == 0 && stop.wait() != SIGINT) std::_Exit(1);
    }
    std::_Exit(7);
  };
  EXPECT_EXIT(run(1), ExitedWithCode(7), "");
  EXPECT_EXIT(run(2), KilledBySignal(SIGINT), "");
}

TEST_F(StopSignalsTest, one_of_its_own_is_none_of_the_users) {
  const auto run = [](int signals) {
    StopSignals stop;
    stop.raise();
    if (stop.wait() != SIGTERM) std::_Exit(1);
    for (int i = 0; i < signals; ++i) ::raise(SIGINT);
    std::_Exit(7);
  };
  EXPECT_EXIT(run(1), ExitedWithCode(7), "") << "it is ending already";
  EXPECT_EXIT(run(2), KilledBySignal(SIGINT), "");
}

TEST_F(StopSignalsTest, one_of_its_own_that_comes_after_the_users_does_nothing) {
  const auto run = [](bool before) {
    StopSignals stop;
    ::raise(SIGTERM);
    if (before) stop.raise();
    if (stop.wait() != SIGTERM) std::_Exit(1);
    stop.raise();
    std::_Exit(7);
  };
  EXPECT_EXIT(run(false), ExitedWithCode(7), "");
  EXPECT_EXIT(run(true), ExitedWithCode(7), "");
}

}  // namespace
}  // namespace penstock::cmd
