#include "common/wait_report.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock {
namespace {

using namespace std::chrono_literals;

struct Look {
  WaitReport::Duration at;
  std::string reason;
  std::string said;  // empty: nothing
};

void expect(const std::vector<Look>& looks) {
  WaitReport report;
  for (const Look& look : looks) {
    EXPECT_EQ(report.news(look.at, look.reason).value_or(""), look.said) << look.at.count() / 1'000'000 << " ms, " << look.reason;
  }
}

TEST(WaitReport, says_nothing_for_two_seconds_then_the_reason_once) {
  expect({{0s, "a", ""}, {1999ms, "a", ""}, {2s, "a", "a"}, {3s, "a", ""}, {1h, "a", ""}});
}

TEST(WaitReport, says_a_reason_that_comes_late_at_once) { expect({{2s, "", ""}, {30s, "", ""}, {31s, "a", "a"}}); }

TEST(WaitReport, says_a_new_reason_and_the_old_one_when_it_comes_back_but_not_when_it_was_only_away) {
  expect({{2s, "a", "a"}, {12s, "b", "b"}, {30s, "a", "a"}, {100s, "", ""}, {200s, "a", ""}});
}

TEST(WaitReport, tells_reasons_that_alternate_more_and_more_rarely_but_once_a_minute) {
  WaitReport report;
  std::vector<int64_t> said;
  for (int64_t second = 0; second < 400; ++second) {
    if (report.news(std::chrono::seconds(second), second % 2 == 0 ? "even" : "odd")) said.push_back(second);
  }
  EXPECT_EQ(said, (std::vector<int64_t>{2, 5, 10, 19, 36, 69, 130, 191, 252, 313, 374}));
}

}  // namespace
}  // namespace penstock
