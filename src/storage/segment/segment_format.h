#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "storage/state_store.h"

/// Bytes of a segment file: what `SegmentWriter` writes and `SegmentReader` checks. All integers are little endian.
///
///   0      header page, 4096 bytes, written last; zeros after what is drawn here
///            0  8   "PNSTKSEG"
///            8  4   format version, 1
///           12  4   zero
///           16 16   node uuid         |
///           32  8   sequence          |  the segment's id; its XXH3 salts every checksum of the file, so that an old block in a
///           40  8   graph             |  recycled file can never pass for a new one
///           48  8   term              |
///           56  8   epoch             |
///           64  8   offset of the footer
///           72  8   size of the footer
///           80  8   checksum of the footer: the one that SegmentRef carries, and the root of all others
///           88  8   checksum of bytes 0..87
///   4096   blocks, back to back, each the rows of one table in one epoch
///            as stored, or LZ4 of: rows * { u32 key size, u32 value size or 0xffffffff for a delete }, then key, value, key, value, …
///   …      footer
///            0  4   number of blocks
///            4  4   zero
///            8  …   a block each:
///                     0  8  offset      8  4  stored size     12  4  raw size (equal to the stored size: not compressed)
///                    16  4  table      20  4  rows            24  8  epoch      32  8  checksum of the stored bytes
///                    40  2  size b     42  2  size e          44  b  first key at most (a prefix of it), 44+b  e  a key above all
///                                                                    (empty: none is known)
namespace penstock::storage {

using NodeUuid = std::array<uint8_t, 16>;

constexpr uint32_t kSegmentVersion = 1;
constexpr uint64_t kSegmentPage = 4096;

struct SegmentId {
  NodeUuid node{};
  uint64_t sequence = 0;
  GraphTerm graph;
  Epoch epoch;
  bool operator==(const SegmentId&) const = default;
  /// Seed of every checksum in the file.
  [[nodiscard]] uint64_t salt() const;
};

struct SegmentHeader {
  SegmentId id;
  uint64_t footer_offset = 0;
  uint64_t footer_size = 0;
  uint64_t footer_checksum = 0;
};

struct SegmentBlock {
  uint64_t offset = 0;
  uint32_t stored_size = 0;
  uint32_t raw_size = 0;
  TableId table;
  uint32_t rows = 0;
  Epoch epoch;
  uint64_t checksum = 0;
  std::string key_begin;  // at or below the first key
  std::string key_end;    // above the last key; empty: unknown
  bool operator==(const SegmentBlock&) const = default;
};

/// `size` bytes: exactly one page.
[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);
/// nullopt: these bytes are no header (a fresh file, a torn one). Errors: `Corruption` for a whole header of another format version.
[[nodiscard]] Result<std::optional<SegmentHeader>> decode_segment_header(std::string_view page);

[[nodiscard]] std::string encode_segment_footer(const std::vector<SegmentBlock>& blocks);
/// Every length is checked against the bytes. Errors: `Corruption`.
[[nodiscard]] Result<std::vector<SegmentBlock>> decode_segment_footer(std::string_view bytes);

/// Rows [begin, end) of `batch` as the raw bytes of a block, appended to `out`.
void encode_block_rows(const WriteBatch& batch, size_t begin, size_t end, std::string& out);
/// The batch keeps `raw` as its bytes. Errors: `Corruption`.
[[nodiscard]] Result<WriteBatch> decode_block_rows(std::string raw, uint32_t rows);

}  // namespace penstock::storage
