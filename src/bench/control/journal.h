#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/bench.pb.h"
#include "storage/filesystem.h"

namespace penstock::bench {

/// What a run's controller may not forget: RUN/journal. Records as bench.proto draws them: u32 size | u32 crc32 | record, little-endian.
/// One owner.
class Journal {
 public:
  /// Errors: `Io`, also when the file exists.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> create(storage::FileSystem& files, const std::string& folder);
  /// Reads what is there and goes on after it; a torn last record is dropped. Errors: `Corruption` for a broken one before it;
  /// `ObjectInUse` when a controller is running.
  struct Opened {
    std::unique_ptr<Journal> journal;
    std::vector<pb::BenchJournal> records;
  };
  [[nodiscard]] static Result<Opened> open(storage::FileSystem& files, const std::string& folder);
  /// For reports: nothing is locked or changed.
  [[nodiscard]] static Result<std::vector<pb::BenchJournal>> read(storage::FileSystem& files, const std::string& folder);

  void append(const pb::BenchJournal& record);
  /// So large it will be.
  [[nodiscard]] uint64_t bytes() const { return offset_ + pending_.size(); }
  /// What was appended is durable when this returns.
  Status sync();

 private:
  Journal(std::unique_ptr<storage::FileLock> lock, std::unique_ptr<storage::WriteFile> file, uint64_t offset)
      : lock_(std::move(lock)), file_(std::move(file)), offset_(offset) {}

  const std::unique_ptr<storage::FileLock> lock_;
  const std::unique_ptr<storage::WriteFile> file_;
  uint64_t offset_;
  std::string pending_;
};

}  // namespace penstock::bench
