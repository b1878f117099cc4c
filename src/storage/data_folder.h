#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "storage/filesystem.h"

namespace penstock::storage {

constexpr uint32_t kDataFolderVersion = 1;

/// A node's data folder, held for the life of the process: it is ours, of a format we know, and nobody else uses it.
///
///     VERSION     "penstock data folder, format 1\n"
///     LOCK        held by the process that uses the folder
///     NODE        node_identity.h
///     BALLAST     ballast.h
///     segments/   segment files
///     sorted/     RocksDB
class DataFolder {
 public:
  /// Makes the folder if needed. Errors: `ObjectInUse` when another process holds it, `InvalidConfig` for a folder that is not empty and
  /// not ours, `Corruption` for another format (with both versions). Each names the folder.
  [[nodiscard]] static Result<std::unique_ptr<DataFolder>> open(FileSystem& files, const std::string& path);
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] FileSystem& files() const { return files_; }

 private:
  DataFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock)
      : files_(files), path_(std::move(path)), lock_(std::move(lock)) {}

  FileSystem& files_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
};

}  // namespace penstock::storage
