#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace penstock {

/// When somebody who waits is told for what: once it has taken a while, and again when the reason has become another one, but each time
/// only after twice as long a silence as the time before, so that reasons that alternate do not flood anybody. Pure; one owner.
class WaitReport {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kFirst = std::chrono::seconds(2);  // nothing is said before
  static constexpr Duration kMostGap = std::chrono::seconds(60);

  /// What to say now, `waited` after the beginning; nothing if there is no news, or it is too early for them. An empty reason is none.
  [[nodiscard]] std::optional<std::string> news(Duration waited, const std::string& reason) {
    if (reason.empty() || reason == told_ || waited < next_) return std::nullopt;
    told_ = reason;
    next_ = waited + std::exchange(gap_, std::min(2 * gap_, kMostGap));
    return told_;
  }

 private:
  std::string told_;
  Duration next_ = kFirst;
  Duration gap_ = kFirst;
};

}  // namespace penstock
