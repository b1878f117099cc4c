#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/filesystem.h"
#include "storage/segment/segment_format.h"

namespace penstock::storage {

/// Reads a segment back, checking every byte that it uses. Thread-safe.
class SegmentReader {
 public:
  /// Errors: `Corruption` when the file does not hold exactly the segment `id` with the checksum `checksum`.
  [[nodiscard]] static Result<std::unique_ptr<SegmentReader>> open(std::unique_ptr<ReadFile> file, const SegmentId& id, uint64_t checksum);

  [[nodiscard]] const std::vector<SegmentBlock>& blocks() const { return blocks_; }
  [[nodiscard]] SegmentInfo info() const;
  [[nodiscard]] Result<WriteBatch> read_block(const SegmentBlock& block) const;

 private:
  SegmentReader(std::unique_ptr<ReadFile> file, const SegmentHeader& header, std::vector<SegmentBlock> blocks)
      : file_(std::move(file)), header_(header), salt_(header.id.salt()), blocks_(std::move(blocks)) {}

  const std::unique_ptr<ReadFile> file_;
  const SegmentHeader header_;
  const uint64_t salt_;
  const std::vector<SegmentBlock> blocks_;
};

/// The header of a segment file; nullopt when it holds none. Errors: `Corruption` for a foreign or future format.
[[nodiscard]] Result<std::optional<SegmentHeader>> read_segment_header(const ReadFile& file);

}  // namespace penstock::storage
