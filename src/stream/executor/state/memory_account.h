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
  /// chunk. 0 when the node is within its budget.
  [[nodiscard]] size_t owed() const {
    const size_t excess = budget_.excess();
    if (excess == 0) return 0;
    const double share = static_cast<double>(bytes_) / static_cast<double>(std::max<size_t>(budget_.used(), 1));
    return static_cast<size_t>(static_cast<double>(excess) * share) + bytes_ / 32;
  }

 private:
  MemoryBudget& budget_;
  size_t bytes_ = 0;
};

}  // namespace penstock::stream
