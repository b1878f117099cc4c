#pragma once

#include "stream/executor/actor_context.h"

namespace penstock::stream {

/// What one operator's state takes from the node's budget; gives it back when the operator goes.
class MemoryAccount {
 public:
  explicit MemoryAccount(MemoryBudget& budget) : budget_(budget) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;
  ~MemoryAccount() { set(0); }

  void set(size_t bytes) {
    budget_.add(static_cast<ptrdiff_t>(bytes) - static_cast<ptrdiff_t>(bytes_));
    bytes_ = bytes;
  }
  /// How much this operator should give back: its share of what the node has too much, and a little more so that it is not asked for each
  /// chunk. 0 when the node is within its budget, or when there was nothing to give the last time and not much has come since.
  [[nodiscard]] size_t owed() const {
    const size_t excess = budget_.excess();
    if (excess == 0 || bytes_ < ask_again_at_) return 0;
    const double share = static_cast<double>(bytes_) / static_cast<double>(std::max<size_t>(budget_.used(), 1));
    return static_cast<size_t>(static_cast<double>(excess) * share) + bytes_ / 32;
  }

  /// Sets what is used now, after `owed()` bytes were asked for. False if most of it could not be given, because it is dirty: then walking
  /// all of the state for each chunk would help nobody.
  bool gave_back(size_t owed, size_t bytes) {
    const size_t before = bytes_;
    set(bytes);
    const bool enough = before - std::min(before, bytes) >= owed / 2;
    ask_again_at_ = enough ? 0 : bytes + bytes / 8;
    return enough;
  }
  /// What was dirty is clean now.
  void all_clean() { ask_again_at_ = 0; }

 private:
  MemoryBudget& budget_;
  size_t bytes_ = 0;
  size_t ask_again_at_ = 0;
};

}  // namespace penstock::stream
