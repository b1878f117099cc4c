#pragma once

#include <cstdint>
#include <string>

namespace penstock::storage {

enum class DiskLevel : uint8_t {
  Enough = 0,
  Low = 1,   // below the reserve: sources and DML should pause, all else goes on
  Full = 2,  // something cannot be written at this moment
};

/// What is kept free of a disk of `total` bytes if nothing else is said: a twentieth, at most 1 GB. More would stop a large disk that has
/// room for days, and a fixed size would stop a small one before it begins.
[[nodiscard]] uint64_t default_disk_reserve(uint64_t total);

struct DiskSample {
  uint64_t free_bytes = UINT64_MAX;
  uint64_t reserve_bytes = 0;
  bool lacks_space = false;   // a write failed for space and is waited for
  bool ballast_held = false;  // the ballast file is there
};

/// What a node does about the space on its disk: decides the level, and when the ballast is given up and taken again. Levels do not
/// flicker: going back up needs an eighth more than the reserve. Space that the ballast will take again does not count as free. Pure; one
/// owner.
class DiskPressure {
 public:
  explicit DiskPressure(uint64_t ballast_bytes) : ballast_bytes_(ballast_bytes) {}

  struct Actions {
    bool level_changed = false;
    bool release_ballast = false;
    bool take_ballast = false;
  };
  [[nodiscard]] Actions on_sample(const DiskSample& sample);
  [[nodiscard]] DiskLevel level() const { return level_; }

 private:
  const uint64_t ballast_bytes_;
  DiskLevel level_ = DiskLevel::Enough;
};

}  // namespace penstock::storage
