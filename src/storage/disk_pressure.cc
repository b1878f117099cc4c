#include "storage/disk_pressure.h"

#include <algorithm>
#include <utility>

namespace penstock::storage {

uint64_t default_disk_reserve(uint64_t total) { return std::min<uint64_t>(total / 20, uint64_t{1} << 30); }

DiskPressure::Actions DiskPressure::on_sample(const DiskSample& sample) {
  const uint64_t owed = sample.ballast_held ? 0 : ballast_bytes_;
  const uint64_t spare = sample.free_bytes - std::min(sample.free_bytes, owed);
  const uint64_t comfortable = sample.reserve_bytes + sample.reserve_bytes / 8;
  const bool low = spare < (level_ == DiskLevel::Enough ? sample.reserve_bytes : comfortable);
  const DiskLevel level = sample.lacks_space ? DiskLevel::Full : low ? DiskLevel::Low : DiskLevel::Enough;
  return {.level_changed = std::exchange(level_, level) != level,
          .release_ballast = level == DiskLevel::Full && sample.ballast_held,
          .take_ballast = level == DiskLevel::Enough && owed > 0};
}

}  // namespace penstock::storage
