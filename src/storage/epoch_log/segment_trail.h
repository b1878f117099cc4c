#pragma once

#include <memory>
#include <vector>

#include "common/epoch.h"
#include "common/mutex.h"
#include "storage/epoch_log/log_segment.h"

namespace penstock::storage {

/// The segments of a graph that were committed since somebody began to follow it, kept although they may be flushed meanwhile. It ends, and
/// lets go of them, when the graph is closed, or when they become too many to be worth it. Thread-safe.
class SegmentTrail {
 public:
  explicit SegmentTrail(uint64_t most_bytes) : most_bytes_(most_bytes) {}

  /// A commit of `epoch`, with these segments.
  void add(Epoch epoch, std::span<const LogSegmentPtr> segments) {
    MutexLock lock(mutex_);
    if (ended_) return;
    reached_ = epoch;
    for (const LogSegmentPtr& segment : segments) {
      bytes_ += segment->raw_bytes();
      segments_.push_back(segment);
    }
    if (bytes_ > most_bytes_) end_locked();
  }
  void end() {
    MutexLock lock(mutex_);
    end_locked();
  }
  /// Everything committed up to `until`, oldest first. Errors: `SnapshotTooOld` if that is not known here, or not any more.
  [[nodiscard]] Result<std::vector<LogSegmentPtr>> until(Epoch until) const {
    MutexLock lock(mutex_);
    if (ended_)
      return error(Code::SnapshotTooOld, "what changed is not known any more: the graph was reset, or it was more than {} MB",
                   most_bytes_ >> 20U);
    if (reached_ != until) return error(Code::SnapshotTooOld, "what changed is known up to epoch {}, not {}", reached_, until);
    return segments_;
  }
  /// Where it begins.
  void begin_at(Epoch epoch) {
    MutexLock lock(mutex_);
    reached_ = epoch;
  }

 private:
  void end_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ended_ = true;
    segments_.clear();
  }

  const uint64_t most_bytes_;
  mutable Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  Epoch reached_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<LogSegmentPtr> segments_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::storage
