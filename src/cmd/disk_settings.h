#pragma once

#include <cstdint>

#include "cmd/settings.h"

namespace penstock::cmd {

/// What roles with a data folder are told of their disk.
struct DiskSettings {
  uint64_t reserve_mb = 0;
  uint64_t ballast_mb = 256;

  void add_to(Settings& settings) {
    settings.add("disk-reserve-mb", reserve_mb, "Free space below which sources and DML pause; 0: 5 % of the disk, at most 1 GB");
    settings.add("disk-ballast-mb", ballast_mb, "Space held back to be given up when the disk is full; at most 1/16 of the disk, 0: none");
  }
  [[nodiscard]] uint64_t reserve_bytes() const { return reserve_mb << 20; }
  [[nodiscard]] uint64_t ballast_bytes() const { return ballast_mb << 20; }
};

}  // namespace penstock::cmd
