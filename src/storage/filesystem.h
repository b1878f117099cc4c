#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

/// The operating system's files as the store sees them: one seam for every test of crashes, torn writes and full disks.
/// Paths are absolute or relative to the working folder, with '/'. Errors: `DiskFull` when there is no space, else `Io`, always with the
/// path.
namespace penstock::storage {

/// A file that is written at given offsets. One owner.
class WriteFile {
 public:
  virtual ~WriteFile() = default;
  virtual Status write(uint64_t offset, std::string_view bytes) = 0;
  /// Reserves space up to `size`, so that later writes below it neither fail for space nor change the file's size.
  virtual Status preallocate(uint64_t size) = 0;
  /// What was written is durable when this returns (fdatasync). After an error nothing is known of any of it.
  virtual Status sync() = 0;
};

/// A file that is read at given offsets. Thread-safe.
class ReadFile {
 public:
  virtual ~ReadFile() = default;
  /// Appends exactly `size` bytes to `out`. Errors: `Io` also when the file is shorter.
  virtual Status read(uint64_t offset, size_t size, std::string& out) const = 0;
  [[nodiscard]] virtual uint64_t size() const = 0;
};

/// Held while it lives; goes with the process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  struct Entry {
    std::string name;
    uint64_t size = 0;
    bool folder = false;
  };

  /// An existing file keeps its content and is overwritten in place; a new one is durable only after `sync_folder`.
  [[nodiscard]] virtual Result<std::unique_ptr<WriteFile>> open_write(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) = 0;
  /// With its parents. Existing is fine.
  virtual Status create_folder(const std::string& path) = 0;
  /// By name. Errors: `Io` if there is no such folder.
  [[nodiscard]] virtual Result<std::vector<Entry>> list(const std::string& path) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  /// Names made, changed and removed in the folder are durable when this returns.
  virtual Status sync_folder(const std::string& path) = 0;
  [[nodiscard]] virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  [[nodiscard]] virtual Result<uint64_t> total_bytes(const std::string& path) = 0;
  /// Makes the file if needed. Errors: `ObjectInUse` when another process (or another lock of this one) holds it.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

[[nodiscard]] Result<std::string> read_file(FileSystem& files, const std::string& path);
/// After a crash at any point `folder/name` holds the old bytes or the new ones; the new ones once this has returned.
Status write_file_atomically(FileSystem& files, const std::string& folder, const std::string& name, std::string_view bytes);

}  // namespace penstock::storage
