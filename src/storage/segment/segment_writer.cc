#include "storage/segment/segment_writer.h"

#include <lz4.h>
#include <xxhash.h>

#include <algorithm>

#include "common/check.h"
#include "storage/key_range.h"

namespace penstock::storage {

namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kWriteBytes = 1024 * 1024;
constexpr size_t kSmallest = 512;  // blocks below are stored as they are
constexpr int kAcceleration = 4;   // of LZ4: about 80 ns for a row of 122 bytes
constexpr uint32_t kSkipAfterFailure = 15;
constexpr size_t kRangeKeyBytes = 64;

/// The block's key range, from its rows in any order.
void set_range(SegmentBlock& block, const WriteBatch& rows, size_t begin, size_t end) {
  std::string_view low = rows.key(begin), high = low;
  for (size_t i = begin + 1; i < end; ++i) {
    const std::string_view key = rows.key(i);
    if (key > high) {
      high = key;
    } else if (key < low) {
      low = key;
    }
  }
  block.key_begin = low.substr(0, kRangeKeyBytes);
  block.key_end = high.size() < kRangeKeyBytes ? std::string(high) + '\0' : prefix_end(high.substr(0, kRangeKeyBytes));
}

}  // namespace

Status SegmentWriter::add(TableId table, Epoch epoch, const WriteBatch& rows) {
  if (poisoned_) return *poisoned_;
  size_t begin = 0;
  while (begin < rows.entries.size()) {
    size_t end = begin, bytes = 0;
    while (end < rows.entries.size() && (end == begin || bytes < kBlockBytes)) {
      const auto& entry = rows.entries[end++];
      bytes += 8 + entry.key_size + (entry.value_size == WriteBatch::kTombstone ? 0 : entry.value_size);
    }
    add_block(table, epoch, rows, begin, end);
    begin = end;
    if (pending_.size() >= kWriteBytes) {
      PENSTOCK_TRY(write_pending());
    }
  }
  return ok();
}

void SegmentWriter::add_block(TableId table, Epoch epoch, const WriteBatch& rows, size_t begin, size_t end) {
  SegmentBlock block;
  block.table = table;
  block.epoch = epoch;
  block.rows = static_cast<uint32_t>(end - begin);
  set_range(block, rows, begin, end);
  raw_.clear();
  encode_block_rows(rows, begin, end, raw_);
  store(block);
  blocks_.push_back(std::move(block));
}

// Compressed where it pays: at least an eighth must be saved, and a table whose blocks do not shrink is not tried again for a while.
void SegmentWriter::store(SegmentBlock& block) {
  block.offset = offset_ + pending_.size();
  block.raw_size = static_cast<uint32_t>(raw_.size());
  const size_t at = pending_.size();
  Compression& compression = compression_[block.table];
  int packed = 0;
  if (raw_.size() >= kSmallest && raw_.size() <= LZ4_MAX_INPUT_SIZE && compression.skip == 0) {
    const size_t most = raw_.size() - raw_.size() / 8;
    pending_.resize(at + most);
    packed = LZ4_compress_fast(raw_.data(), pending_.data() + at, static_cast<int>(raw_.size()), static_cast<int>(most), kAcceleration);
    if (packed == 0) compression.skip = kSkipAfterFailure;
    pending_.resize(at + static_cast<size_t>(packed));
  } else if (compression.skip > 0) {
    --compression.skip;
  }
  if (packed == 0) pending_.append(raw_);
  block.stored_size = static_cast<uint32_t>(pending_.size() - at);
  block.checksum = XXH3_64bits_withSeed(pending_.data() + at, block.stored_size, salt_);
}

Status SegmentWriter::write_pending() {
  if (pending_.empty()) return ok();
  PENSTOCK_TRY(poison(file_->write(offset_, pending_)));
  offset_ += pending_.size();
  pending_.clear();
  return ok();
}

Status SegmentWriter::poison(Status status) {
  if (status.has_error()) poisoned_ = status.error();
  return status;
}

Result<SegmentInfo> SegmentWriter::finish() {
  if (poisoned_) return *poisoned_;
  const std::string footer = encode_segment_footer(blocks_);
  SegmentHeader header{id_, offset_ + pending_.size(), footer.size(), XXH3_64bits_withSeed(footer.data(), footer.size(), salt_)};
  pending_.append(footer);
  PENSTOCK_TRY(write_pending());
  PENSTOCK_TRY(poison(file_->write(0, encode_segment_header(header))));
  PENSTOCK_TRY(poison(file_->sync()));

  SegmentInfo info;
  info.ref = {id_.sequence, header.footer_checksum, id_.epoch, id_.graph};
  info.bytes = offset_;
  std::set<TableId> tables;
  for (const SegmentBlock& block : blocks_) {
    info.rows += block.rows;
    tables.insert(block.table);
  }
  info.tables.assign(tables.begin(), tables.end());
  return info;
}

}  // namespace penstock::storage
