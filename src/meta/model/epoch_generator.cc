#include "meta/model/epoch_generator.h"

#include <algorithm>

namespace penstock::meta {
namespace {

constexpr uint64_t kLeaseMillis = 10'000;

uint64_t millis_of(int64_t unix_micros) { return epoch_of_unix_millis(unix_micros / 1000).value >> 16; }

}  // namespace

bool EpochGenerator::has_next(int64_t unix_micros) const { return std::max(millis_of(unix_micros), last_ + 1) <= lease_; }

std::optional<Epoch> EpochGenerator::next(int64_t unix_micros) {
  const uint64_t candidate = std::max(millis_of(unix_micros), last_ + 1);
  if (candidate > lease_) return std::nullopt;
  last_ = candidate;
  return Epoch{candidate << 16};
}

uint64_t EpochGenerator::next_lease(int64_t unix_micros) const { return std::max(millis_of(unix_micros), lease_) + kLeaseMillis; }

void EpochGenerator::on_leased(uint64_t lease) { lease_ = std::max(lease_, lease); }

bool EpochGenerator::wants_lease(int64_t unix_micros) const { return lease_ < std::max(millis_of(unix_micros), last_) + kLeaseMillis / 2; }

}  // namespace penstock::meta
