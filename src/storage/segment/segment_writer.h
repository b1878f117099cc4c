#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/filesystem.h"
#include "storage/segment/segment_format.h"

namespace penstock::storage {

/// Writes one segment into a file, which may hold an older one. Blocks go to the file as they come, so `finish` costs its own tail and a
/// sync, however much was added. One caller at a time.
///
/// Errors: after one the file is poisoned: what it holds is unknown, each later call answers the same error, and nothing is tried again.
class SegmentWriter {
 public:
  SegmentWriter(SegmentId id, std::unique_ptr<WriteFile> file) : id_(id), salt_(id.salt()), file_(std::move(file)) {}

  /// The rows of one table in one epoch; later rows of a key win, within a call and from call to call.
  Status add(TableId table, Epoch epoch, const WriteBatch& rows);
  /// Footer, header, sync. The segment is durable when this returns.
  [[nodiscard]] Result<SegmentInfo> finish();

  [[nodiscard]] const SegmentId& id() const { return id_; }
  [[nodiscard]] uint64_t bytes() const { return offset_ + pending_.size(); }

 private:
  /// Of one table: whether LZ4 has been worth its time.
  struct Compression {
    uint32_t skip = 0;  // blocks that are not tried
  };

  void add_block(TableId table, Epoch epoch, const WriteBatch& rows, size_t begin, size_t end);
  void store(SegmentBlock& block);
  Status write_pending();
  Status poison(Status status);

  const SegmentId id_;
  const uint64_t salt_;
  const std::unique_ptr<WriteFile> file_;
  std::optional<Error> poisoned_;
  uint64_t offset_ = kSegmentPage;  // of pending_ in the file
  std::string pending_;
  std::string raw_;  // of the block that is being made
  std::vector<SegmentBlock> blocks_;
  std::map<TableId, Compression> compression_;
};

}  // namespace penstock::storage
