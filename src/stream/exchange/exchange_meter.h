#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace penstock::stream {

/// What waits in the channels of a node, by weight (`chunk_weight`). Thread-safe.
class ExchangeMeter {
 public:
  /// Counted while it lives. The meter outlives it.
  class Share {
   public:
    Share() = default;
    Share(ExchangeMeter& meter, uint32_t weight) : meter_(&meter), weight_(weight) {
      meter.weight_.fetch_add(weight, std::memory_order_relaxed);
    }
    Share(Share&& other) noexcept : meter_(std::exchange(other.meter_, nullptr)), weight_(other.weight_) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(meter_, other.meter_);
      std::swap(weight_, other.weight_);
      return *this;
    }
    ~Share() {
      if (meter_ != nullptr) meter_->weight_.fetch_sub(weight_, std::memory_order_relaxed);
    }

   private:
    ExchangeMeter* meter_ = nullptr;
    uint32_t weight_ = 0;
  };

  [[nodiscard]] uint64_t weight() const { return weight_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> weight_{0};
};

}  // namespace penstock::stream
