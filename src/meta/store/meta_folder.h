#pragma once

#include <string>
#include <string_view>

#include "common/error.h"

namespace penstock::meta {

/// A folder that holds a meta store, locked for this process while the object lives.
///
///     FORMAT   text, written once:   penstock meta
///                                    version 1
///                                    cluster 0f8e…
///     LOCK     flock'ed by the owner; holds its process id, so that a second one can name it
///     db/      RocksDB
class MetaFolder {
 public:
  static constexpr int kVersion = 1;

  /// Opens, or makes the folder (and its parents) with `new_cluster_id`. Errors as open_rocksdb_meta_store.
  [[nodiscard]] static Result<MetaFolder> open(const std::string& path, std::string_view new_cluster_id);

  MetaFolder(MetaFolder&& other) noexcept;
  MetaFolder& operator=(MetaFolder&&) = delete;
  ~MetaFolder();

  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  [[nodiscard]] std::string db_path() const { return path_ + "/db"; }

 private:
  MetaFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  Status read_format();
  Status write_format(std::string_view cluster_id);

  std::string path_;
  int lock_;
  std::string cluster_id_;
};

}  // namespace penstock::meta
