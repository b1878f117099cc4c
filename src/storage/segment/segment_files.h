#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "storage/filesystem.h"
#include "storage/segment/segment_format.h"

namespace penstock::storage {

class SegmentFiles;

/// A file of the pool in use by one segment. When the last holder lets go it stays on disk with its content, or is free for another
/// segment if `discard` was called.
class SegmentFile {
 public:
  SegmentFile(SegmentFiles& pool, uint64_t number, uint64_t size, uint64_t sequence, PartialGraphId graph)
      : number_(number), sequence_(sequence), graph_(graph), pool_(pool), size_(size) {}
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;
  ~SegmentFile();

  [[nodiscard]] std::string path() const;
  [[nodiscard]] uint64_t sequence() const { return sequence_; }
  /// The content is needed no more. Thread-safe.
  void discard() { discarded_.store(true); }
  /// Nothing is known of the file after a failed write: it is removed, not used again. Thread-safe.
  void distrust() { distrusted_.store(true); }
  /// Bytes written, if the file grew beyond what was reserved. Thread-safe.
  void grew_to(uint64_t bytes) {
    if (bytes > size_.load()) size_.store(bytes);
  }

 private:
  friend class SegmentFiles;
  const uint64_t number_;
  const uint64_t sequence_;
  const PartialGraphId graph_;
  SegmentFiles& pool_;
  std::atomic<uint64_t> size_;
  std::atomic<bool> discarded_{false};
  std::atomic<bool> distrusted_{false};
};
using SegmentFilePtr = std::shared_ptr<SegmentFile>;  // shared by a segment and those who still read it

/// The files of a node's segments. Their names mean nothing; what a file holds stands in its header. Files are reserved ahead and used
/// again, because making and growing files is what syncing is slow at.
///
/// Thread-safe; calls do I/O. Outlives its files. Errors carry the path.
class SegmentFiles {
 public:
  struct Limits {
    uint64_t smallest = 256 * 1024;       // size of a new file at least
    uint64_t largest = 64 * 1024 * 1024;  // reserved at most; a segment may grow beyond
    size_t free_files = 16;               // kept for use again
    uint64_t free_bytes = 512 * 1024 * 1024;
  };

  /// Looks at every file in `folder`. Errors: `Corruption` for a segment of a future format.
  [[nodiscard]] static Result<std::unique_ptr<SegmentFiles>> open(FileSystem& files, std::string folder, Limits limits);

  /// A file for segment `sequence`, of about `size` bytes.
  [[nodiscard]] Result<SegmentFilePtr> acquire(uint64_t sequence, PartialGraphId graph, uint64_t size);
  /// Reserves a file of about `size` bytes for a later `acquire`, if none is free.
  Status prepare_spare(uint64_t size);
  [[nodiscard]] bool has_spare() const;

  /// The file that holds segment `sequence`, shared with those who have it in use; null if there is none.
  [[nodiscard]] SegmentFilePtr find(uint64_t sequence);
  /// Of all segments on disk that nobody has in use, only these keep their files.
  void retain(const std::set<uint64_t>& live);
  /// Likewise, but only of this graph.
  void retain_of_graph(PartialGraphId graph, const std::set<uint64_t>& live);
  /// Removes free files to give their space back.
  void remove_free_files();

  /// Of the segments that have a file.
  [[nodiscard]] std::set<uint64_t> sequences() const;
  /// Of all files, free ones included.
  [[nodiscard]] uint64_t bytes() const;
  [[nodiscard]] FileSystem& files() const { return files_; }

 private:
  friend class SegmentFile;
  struct OnDisk {
    uint64_t number;
    uint64_t size;
    PartialGraphId graph;
  };

  SegmentFiles(FileSystem& files, std::string folder, Limits limits) : files_(files), folder_(std::move(folder)), limits_(limits) {}

  [[nodiscard]] std::string path_of(uint64_t number) const { return fmt::format("{}/{:08}.seg", folder_, number); }
  SegmentFilePtr use(uint64_t number, uint64_t size, uint64_t sequence, PartialGraphId graph) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status look_at(const FileSystem::Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Result<std::pair<uint64_t, uint64_t>> make_file(uint64_t size);
  void give_back(const SegmentFile& file);
  void free_file(uint64_t number, uint64_t size);
  void remove_file(uint64_t number);
  void release_unlisted(const std::set<uint64_t>& live, const std::optional<PartialGraphId>& graph);

  FileSystem& files_;
  const std::string folder_;
  const Limits limits_;
  mutable Mutex mutex_;
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, OnDisk> on_disk_ ABSL_GUARDED_BY(mutex_);                     // by sequence; in use by nobody
  std::map<uint64_t, std::weak_ptr<SegmentFile>> in_use_ ABSL_GUARDED_BY(mutex_);  // by sequence
  CondVar given_back_;
  std::multimap<uint64_t, uint64_t> free_ ABSL_GUARDED_BY(mutex_);  // size -> number
  uint64_t used_bytes_ ABSL_GUARDED_BY(mutex_) = 0;                 // of files in use
};

}  // namespace penstock::storage
