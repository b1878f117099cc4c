#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "runtime/runtime.h"

namespace penstock::stream {

/// Lets `rate` rows a second through, a tenth of a second's worth at a time. A caller that comes late finds `most` of those at most (two),
/// so a short delay loses no row and a source that was held up for long does not make up for it at once. Whole numbers only: nothing is
/// lost or won by rounding. A rate of 0 lets everything through.
class TokenBucket {
 public:
  explicit TokenBucket(uint64_t rate, uint64_t most = 2) : most_(most) { set_rate(rate); }

  void set_rate(uint64_t rate) {
    rate_ = rate;
    batch_ = std::max<uint64_t>(rate / 10, 1) * kSecond;
    tokens_ = std::min(tokens_, most_ * batch_);
  }
  /// How many of `wanted` rows may come now.
  [[nodiscard]] uint64_t available(runtime::TimePoint now, uint64_t wanted) {
    if (rate_ == 0) return wanted;
    refill(now);
    return std::min(wanted, tokens_ / kSecond);
  }
  /// `rows` came, not more than `available` said.
  void take(uint64_t rows) {
    if (rate_ != 0) tokens_ -= std::min(tokens_, rows * kSecond);
  }
  /// How long until the next batch is there.
  [[nodiscard]] runtime::Duration wait() const {
    const uint64_t missing = batch_ - std::min(tokens_, batch_);
    return runtime::Duration((missing + rate_ - 1) / rate_);
  }

 private:
  static constexpr uint64_t kSecond = 1'000'000'000;  // tokens of one row: one comes each nanosecond and row a second

  void refill(runtime::TimePoint now) {
    if (!last_) last_ = now;
    const auto nanos = static_cast<uint64_t>(std::max<int64_t>((now - *last_).count(), 0));
    last_ = now;
    const unsigned __int128 filled = tokens_ + static_cast<unsigned __int128>(nanos) * rate_;
    tokens_ = filled > most_ * batch_ ? most_ * batch_ : static_cast<uint64_t>(filled);
  }

  const uint64_t most_;
  uint64_t rate_ = 0;
  uint64_t batch_ = 0;
  uint64_t tokens_ = 0;
  std::optional<runtime::TimePoint> last_;
};

}  // namespace penstock::stream
