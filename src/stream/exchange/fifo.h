#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace penstock::stream {

/// A queue for few elements that keeps its memory: a vector with a head. (A deque takes half a kilobyte even when it is empty, and there is
/// a queue for each channel.) It is compacted when it runs empty, or when more than half of it is behind the head.
template <typename T>
class Fifo {
 public:
  [[nodiscard]] bool empty() const { return head_ == items_.size(); }
  [[nodiscard]] size_t size() const { return items_.size() - head_; }
  [[nodiscard]] T& front() { return items_[head_]; }
  void push(T item) { items_.push_back(std::move(item)); }
  T pop() {
    T first = std::move(items_[head_++]);
    if (head_ == items_.size()) {
      clear();
    } else if (head_ > kCompact && head_ * 2 > items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
    return first;
  }
  void clear() {
    items_.clear();
    head_ = 0;
  }

 private:
  static constexpr size_t kCompact = 32;
  std::vector<T> items_;
  size_t head_ = 0;
};

}  // namespace penstock::stream
