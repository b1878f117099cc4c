#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "stream/flow_rate.h"

namespace penstock::stream {

/// How many rows a source, or a backfill, gives at once: as many as go out in a given time, because a barrier does not get past a chunk
/// that is being worked off. It goes by the mean of some such times, because what only fills empty channels goes out at once, and by the
/// last one if that was slower; so it begins small, grows step by step, and shrinks at once. Pure; one owner.
class ChunkSizer {
 public:
  static constexpr size_t kLeast = 4;
  static constexpr int kLooks = 4;
  /// Times that the mean goes over.
  static constexpr int kMemory = 8;

  explicit ChunkSizer(size_t most) : most_(most), rows_(std::min(most, kLeast)) {}

  /// Rows are asked for, which may take so long; zero: no limit.
  [[nodiscard]] size_t next(runtime::TimePoint now, runtime::Duration time) {
    if (time == runtime::Duration::zero()) return most_;
    gone_out(now);
    mean_.pass(took_ - counted_, time * kMemory);
    counted_ = took_;
    if (took_ >= time / kLooks) adapt(time);
    return rows_;
  }
  /// So many were given.
  void emitted(runtime::TimePoint now, size_t rows) { emitted_ = Emitted{now, rows}; }
  /// They have gone out by now; also what `next` is to mean. For one that is not asked again at once.
  void gone_out(runtime::TimePoint now) {
    if (!emitted_) return;
    took_ += std::max(now - emitted_->at, runtime::Duration(1));
    given_ += emitted_->rows;
    mean_.add(static_cast<double>(emitted_->rows));
    emitted_.reset();
  }

 private:
  struct Emitted {
    runtime::TimePoint at;
    size_t rows;
  };

  void adapt(runtime::Duration time) {
    const double lately = static_cast<double>(given_) * static_cast<double>(time.count()) / static_cast<double>(took_.count());
    rows_ = std::clamp(static_cast<size_t>(std::min(lately, mean_.within(time, time * kMemory))), std::min(kLeast, most_), most_);
    given_ = 0;
    took_ = counted_ = {};
  }

  const size_t most_;
  size_t rows_;
  std::optional<Emitted> emitted_;
  size_t given_ = 0;             // since the last change
  runtime::Duration took_{};     // to go out
  runtime::Duration counted_{};  // of it, in the mean
  FlowRate mean_;
};

}  // namespace penstock::stream
