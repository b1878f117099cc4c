#include "storage/segment/segment_reader.h"

#include <lz4.h>
#include <xxhash.h>

#include <set>

namespace penstock::storage {

namespace {

Error broken(const SegmentId& id, std::string_view why) { return error(Code::Corruption, "segment {}: {}", id.sequence, why); }

}  // namespace

Result<std::optional<SegmentHeader>> read_segment_header(const ReadFile& file) {
  if (file.size() < kSegmentPage) return std::nullopt;
  std::string page;
  PENSTOCK_TRY(file.read(0, kSegmentPage, page));
  return decode_segment_header(page);
}

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(std::unique_ptr<ReadFile> file, const SegmentId& id, uint64_t checksum) {
  PENSTOCK_TRY(const auto header, read_segment_header(*file));
  if (!header) return broken(id, "its file has no whole header");
  if (header->id != id) return broken(id, fmt::format("its file holds segment {} of another graph, term or epoch", header->id.sequence));
  if (header->footer_checksum != checksum) return broken(id, "its checksum is not the one that meta lists");
  if (header->footer_offset > file->size() || header->footer_size > file->size() - header->footer_offset) {
    return broken(id, "its footer lies beyond the end of its file");
  }
  std::string footer;
  PENSTOCK_TRY(file->read(header->footer_offset, header->footer_size, footer));
  if (XXH3_64bits_withSeed(footer.data(), footer.size(), id.salt()) != checksum) return broken(id, "the checksum of its footer is wrong");
  PENSTOCK_TRY(auto blocks, in_context(decode_segment_footer(footer), fmt::format("segment {}", id.sequence)));
  return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(file), *header, std::move(blocks)));
}

SegmentInfo SegmentReader::info() const {
  SegmentInfo info;
  info.ref = {header_.id.sequence, header_.footer_checksum, header_.id.epoch, header_.id.graph};
  info.bytes = header_.footer_offset + header_.footer_size;
  std::set<TableId> tables;
  for (const SegmentBlock& block : blocks_) {
    info.rows += block.rows;
    tables.insert(block.table);
  }
  info.tables.assign(tables.begin(), tables.end());
  return info;
}

Result<WriteBatch> SegmentReader::read_block(const SegmentBlock& block) const {
  std::string stored;
  PENSTOCK_TRY(file_->read(block.offset, block.stored_size, stored));
  if (XXH3_64bits_withSeed(stored.data(), stored.size(), salt_) != block.checksum) {
    return broken(header_.id, fmt::format("the checksum of its block at {} is wrong", block.offset));
  }
  if (block.stored_size != block.raw_size) {
    std::string raw(block.raw_size, '\0');
    const int size = LZ4_decompress_safe(stored.data(), raw.data(), static_cast<int>(stored.size()), static_cast<int>(raw.size()));
    if (size != static_cast<int>(block.raw_size)) return broken(header_.id, fmt::format("its block at {} does not unpack", block.offset));
    stored = std::move(raw);
  }
  auto rows = decode_block_rows(std::move(stored), block.rows);
  if (rows.has_error()) return rows.error().with_context(fmt::format("segment {}", header_.id.sequence));
  return rows;
}

}  // namespace penstock::storage
