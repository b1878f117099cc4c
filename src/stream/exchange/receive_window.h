#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "runtime/runtime.h"

namespace penstock::stream {

/// How much of a channel's budget its sender may use: about what the receiver works off within a horizon, so that rows do not wait longer,
/// however slow it is. The receiving end keeps back what it would return; the sender needs to know nothing of it. Begins small and doubles
/// at most once in a quarter of the horizon, so that the first rows of a job whose speed nobody knows do not fill every channel.
///
/// A chunk may always pass an empty channel: what is kept back and not yet returned stays below the budget. Pure; one owner.
class ReceiveWindow {
 public:
  /// Weight that is open at first, and at least.
  static constexpr size_t kFirst = 256;
  static constexpr size_t kLeast = 16;

  /// `budget`: what the sender believes to have; it begins with `kept_back()` of it used.
  explicit ReceiveWindow(size_t budget) : budget_(budget), open_(std::min(budget, kFirst)), owed_(kept_back()) {}

  [[nodiscard]] size_t open() const { return open_; }
  [[nodiscard]] size_t kept_back() const { return budget_ - open_; }

  /// A chunk of this weight was taken in. How much goes back to the sender now.
  [[nodiscard]] size_t take(size_t weight, runtime::Duration horizon, runtime::TimePoint now) {
    adapt(horizon, now);
    taken_ += weight;
    owed_ += weight;
    if (owed_ <= kept_back()) return 0;
    const size_t due = owed_ - kept_back();
    if (due < open_ / 4) return 0;
    owed_ -= due;
    return due;
  }

 private:
  void adapt(runtime::Duration horizon, runtime::TimePoint now) {
    if (horizon == runtime::Duration::zero()) {
      open_ = budget_;
      return;
    }
    if (!since_) since_ = now;
    const runtime::Duration measured = now - *since_;
    if (measured < horizon / 4) return;
    const double in_horizon = static_cast<double>(taken_) * static_cast<double>(horizon.count()) / static_cast<double>(measured.count());
    const double bounded = std::clamp(in_horizon, static_cast<double>(open_) / 2, static_cast<double>(open_) * 2);
    open_ = std::clamp(static_cast<size_t>(bounded), std::min(kLeast, budget_), budget_);
    since_ = now;
    taken_ = 0;
  }

  size_t budget_;  // constant
  size_t open_;
  size_t owed_;  // taken in, not returned
  size_t taken_ = 0;
  std::optional<runtime::TimePoint> since_;  // of taken_
};

}  // namespace penstock::stream
