#pragma once

#include <cstdint>
#include <string>

#include "common/error.h"
#include "storage/filesystem.h"

namespace penstock::storage {

/// A file that takes space for nothing, so that there is some to give when the disk is full: what must be written then (a commit, a flush,
/// a DROP) goes through although somebody else has filled the disk. It is reserved, never written. One owner.
class Ballast {
 public:
  /// The file `BALLAST` in `folder`, of `bytes`; 0: none. One that is there from an earlier start counts as held.
  Ballast(FileSystem& files, const std::string& folder, uint64_t bytes);

  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Errors: `DiskFull`; then nothing of it stays.
  Status take();
  Status release();

 private:
  FileSystem& files_;
  const std::string path_;
  const uint64_t bytes_;
  bool held_ = false;
};

}  // namespace penstock::storage
