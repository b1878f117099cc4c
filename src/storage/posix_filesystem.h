#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/filesystem.h"

namespace penstock::storage {

/// The operating system's.
class PosixFileSystem final : public FileSystem {
 public:
  [[nodiscard]] Result<std::unique_ptr<WriteFile>> open_write(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) override;
  Status create_folder(const std::string& path) override;
  [[nodiscard]] Result<std::vector<Entry>> list(const std::string& path) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  [[nodiscard]] Result<uint64_t> free_bytes(const std::string& path) override;
  [[nodiscard]] Result<uint64_t> total_bytes(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
};

}  // namespace penstock::storage
