#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "stream/flow_rate.h"

namespace penstock::stream {

/// How much of a channel's budget its sender may use: about what the receiver works off within a horizon, so that rows do not wait longer,
/// however slow it is. The receiving end keeps back what it would return; the sender needs to know nothing of it.
///
/// What was let in cannot be called back, so it opens with care and closes at once. It goes by the mean of some horizons, into which a
/// burst that only fills the channels behind the receiver does not count for much, and which begins with nothing; and by the last quarter
/// of a horizon if that was slower: one that has become slower gets no more before what waits fits its present speed.
///
/// A chunk may always pass an empty channel: what is kept back and not yet returned stays below the budget. Pure; one owner.
class ReceiveWindow {
 public:
  /// Weight that is open at first, and at least, over all channels of an actor; in each of them never nothing.
  static constexpr size_t kFirst = 64;
  static constexpr size_t kLeast = 4;
  /// Of the budget at most: a chunk or two in the channel beside the one at work lose no time, and when a job becomes a thousand times
  /// slower from one row to the next, what was let in before has to be worked off first.
  static constexpr size_t kMostOf = 4;
  /// Horizons that the mean goes over.
  static constexpr int kMemory = 4;

  /// `budget`: what the sender believes to have; it begins with `kept_back()` of it used. `fan_in`: channels of the actor.
  explicit ReceiveWindow(size_t budget, size_t fan_in = 1)
      : budget_(budget), least_(share(kLeast, fan_in)), open_(share(kFirst, fan_in)), owed_(kept_back()) {}

  [[nodiscard]] size_t open() const { return open_; }
  [[nodiscard]] size_t kept_back() const { return budget_ - open_; }

  /// A chunk of this weight was taken in. How much goes back to the sender now.
  [[nodiscard]] size_t take(size_t weight, runtime::Duration horizon, runtime::TimePoint now) {
    adapt(weight, horizon, now);
    owed_ += weight;
    if (owed_ <= kept_back()) return 0;
    const size_t due = owed_ - kept_back();
    if (due < open_ / 4) return 0;
    owed_ -= due;
    return due;
  }
  /// Soon rows may cost much more than they did: what was worked off until now counts no more.
  void begin_anew() {
    open_ = least_;
    mean_ = {};
    last_.reset();
  }

 private:
  [[nodiscard]] size_t share(size_t of_all, size_t fan_in) const {
    return std::clamp<size_t>(of_all / std::max<size_t>(fan_in, 1), 1, budget_);
  }

  // What is taken in now is not worked off yet, so it counts from the next time on.
  void adapt(size_t weight, runtime::Duration horizon, runtime::TimePoint now) {
    if (horizon == runtime::Duration::zero()) {
      open_ = budget_;
      return;
    }
    if (last_) {
      mean_.pass(now - *last_, horizon * kMemory);
      look(horizon, now);
    } else {
      since_ = now;
      taken_ = 0;
    }
    last_ = now;
    mean_.add(static_cast<double>(weight));
    taken_ += weight;
  }
  void look(runtime::Duration horizon, runtime::TimePoint now) {
    const runtime::Duration measured = now - since_;
    if (measured < horizon / 4) return;
    const double lately = static_cast<double>(taken_) * static_cast<double>(horizon.count()) / static_cast<double>(measured.count());
    const double in_horizon = std::min(lately, mean_.within(horizon, horizon * kMemory));
    open_ = std::clamp(static_cast<size_t>(in_horizon), least_, std::max(budget_ / kMostOf, least_));
    since_ = now;
    taken_ = 0;
  }

  size_t budget_;  // constant, as the next one
  size_t least_;
  size_t open_;
  size_t owed_;  // taken in, not returned
  FlowRate mean_;
  std::optional<runtime::TimePoint> last_;  // that something was taken in
  runtime::TimePoint since_;                // of taken_
  size_t taken_ = 0;
};

}  // namespace penstock::stream
