#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "runtime/runtime.h"

namespace penstock::stream {

/// How many rows a source reads at once: as many as go out in a fraction of the time that rows may wait in a channel, because a barrier
/// does not get past a chunk that is being worked off. Begins small and doubles at most once in such a fraction. Pure; one owner.
class ChunkSizer {
 public:
  static constexpr size_t kFirst = 64;
  static constexpr size_t kLeast = 16;
  static constexpr int kFraction = 8;

  explicit ChunkSizer(size_t most) : most_(most), rows_(std::min(most, kFirst)) {}

  /// The source is asked for rows; `horizon` zero: no limit.
  [[nodiscard]] size_t next(runtime::TimePoint now, runtime::Duration horizon) {
    if (horizon == runtime::Duration::zero()) return most_;
    if (emitted_) {
      took_ += std::max(now - *emitted_, runtime::Duration(1));
      emitted_.reset();
    }
    if (took_ >= horizon / kFraction) adapt(horizon);
    return rows_;
  }
  /// It gave so many, and will be asked again as soon as they have gone out.
  void emitted(runtime::TimePoint now, size_t rows) {
    emitted_ = now;
    given_ += rows;
  }

 private:
  void adapt(runtime::Duration horizon) {
    const double fits = static_cast<double>(given_) * static_cast<double>(horizon.count()) / kFraction / static_cast<double>(took_.count());
    const double bounded = std::clamp(fits, static_cast<double>(rows_) / 4, static_cast<double>(rows_) * 2);
    rows_ = std::clamp(static_cast<size_t>(bounded), std::min(kLeast, most_), most_);
    given_ = 0;
    took_ = {};
  }

  const size_t most_;
  size_t rows_;
  std::optional<runtime::TimePoint> emitted_;
  size_t given_ = 0;          // since the last change
  runtime::Duration took_{};  // to go out
};

}  // namespace penstock::stream
