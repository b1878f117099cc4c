#include "storage/segment/segment_format.h"

#include <xxhash.h>

#include <bit>
#include <cstring>

#include "common/check.h"

namespace penstock::storage {

namespace {

static_assert(std::endian::native == std::endian::little, "the file's integers are copied as they are in memory");

constexpr std::string_view kMagic = "PNSTKSEG";
constexpr size_t kHeaderUsed = 88;
constexpr size_t kBlockEntry = 44;
constexpr uint32_t kDeleted = WriteBatch::kTombstone;

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// Takes integers off the front of bytes that the caller has measured.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] size_t left() const { return bytes_.size(); }
  template <typename T>
  T take() {
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(value));  // NOLINT(bugprone-suspicious-stringview-data-usage): as many as it has
    bytes_.remove_prefix(sizeof(value));
    return value;
  }
  std::string_view take_bytes(size_t n) {
    const auto front = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return front;
  }

 private:
  std::string_view bytes_;
};

void put_id(std::string& out, const SegmentId& id) {
  out.append(reinterpret_cast<const char*>(id.node.data()), id.node.size());
  put(out, id.sequence);
  put(out, id.graph.graph.value);
  put(out, id.graph.term.value);
  put(out, id.epoch.value);
}

}  // namespace

uint64_t SegmentId::salt() const {
  std::string bytes;
  put_id(bytes, *this);
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string encode_segment_header(const SegmentHeader& header) {
  std::string page;
  page.reserve(kSegmentPage);
  page.append(kMagic);
  put(page, kSegmentVersion);
  put(page, uint32_t{0});
  put_id(page, header.id);
  put(page, header.footer_offset);
  put(page, header.footer_size);
  put(page, header.footer_checksum);
  PENSTOCK_CHECK(page.size() == kHeaderUsed);
  put(page, static_cast<uint64_t>(XXH3_64bits(page.data(), kHeaderUsed)));
  page.resize(kSegmentPage);
  return page;
}

Result<std::optional<SegmentHeader>> decode_segment_header(std::string_view page) {
  if (page.size() < kSegmentPage || !page.starts_with(kMagic)) return std::nullopt;
  Cursor in(page.substr(kMagic.size()));
  const auto version = in.take<uint32_t>();
  uint64_t checksum;
  std::memcpy(&checksum, page.data() + kHeaderUsed, sizeof(checksum));
  const bool whole = checksum == XXH3_64bits(page.data(), kHeaderUsed);
  if (version != kSegmentVersion && (whole || version > kSegmentVersion)) {
    return error(Code::Corruption, "a segment of format version {}; this program knows version {}", version, kSegmentVersion);
  }
  if (!whole) return std::nullopt;
  (void)in.take<uint32_t>();
  SegmentHeader header;
  std::memcpy(header.id.node.data(), in.take_bytes(16).data(), 16);
  header.id.sequence = in.take<uint64_t>();
  header.id.graph.graph = PartialGraphId{in.take<uint64_t>()};
  header.id.graph.term = Term{in.take<uint64_t>()};
  header.id.epoch = Epoch{in.take<uint64_t>()};
  header.footer_offset = in.take<uint64_t>();
  header.footer_size = in.take<uint64_t>();
  header.footer_checksum = in.take<uint64_t>();
  return header;
}

std::string encode_segment_footer(const std::vector<SegmentBlock>& blocks) {
  std::string out;
  put(out, static_cast<uint32_t>(blocks.size()));
  put(out, uint32_t{0});
  for (const SegmentBlock& block : blocks) {
    put(out, block.offset);
    put(out, block.stored_size);
    put(out, block.raw_size);
    put(out, block.table.value);
    put(out, block.rows);
    put(out, block.epoch.value);
    put(out, block.checksum);
    put(out, static_cast<uint16_t>(block.key_begin.size()));
    put(out, static_cast<uint16_t>(block.key_end.size()));
    out.append(block.key_begin).append(block.key_end);
  }
  return out;
}

Result<std::vector<SegmentBlock>> decode_segment_footer(std::string_view bytes) {
  Cursor in(bytes);
  if (in.left() < 8) return error(Code::Corruption, "a segment footer of {} bytes", bytes.size());
  const auto count = in.take<uint32_t>();
  (void)in.take<uint32_t>();
  if (count > in.left() / kBlockEntry) return error(Code::Corruption, "a segment footer of {} bytes with {} blocks", bytes.size(), count);
  std::vector<SegmentBlock> blocks(count);
  for (SegmentBlock& block : blocks) {
    if (in.left() < kBlockEntry) return error(Code::Corruption, "a segment footer ends within its list of blocks");
    block.offset = in.take<uint64_t>();
    block.stored_size = in.take<uint32_t>();
    block.raw_size = in.take<uint32_t>();
    block.table = TableId{in.take<uint32_t>()};
    block.rows = in.take<uint32_t>();
    block.epoch = Epoch{in.take<uint64_t>()};
    block.checksum = in.take<uint64_t>();
    const size_t begin_size = in.take<uint16_t>();
    const size_t end_size = in.take<uint16_t>();
    if (in.left() < begin_size + end_size) return error(Code::Corruption, "a segment footer ends within a key");
    block.key_begin = in.take_bytes(begin_size);
    block.key_end = in.take_bytes(end_size);
    if (block.rows > block.raw_size / 8)
      return error(Code::Corruption, "a segment block of {} bytes with {} rows", block.raw_size, block.rows);
  }
  if (in.left() != 0) return error(Code::Corruption, "a segment footer with {} bytes too many", in.left());
  return blocks;
}

void encode_block_rows(const WriteBatch& batch, size_t begin, size_t end, std::string& out) {
  const size_t sizes_at = out.size();
  out.resize(sizes_at + (end - begin) * 8);
  char* sizes = out.data() + sizes_at;
  size_t total = 0;
  for (size_t i = begin; i < end; ++i, sizes += 8) {
    const auto& entry = batch.entries[i];
    std::memcpy(sizes, &entry.key_size, 4);
    std::memcpy(sizes + 4, &entry.value_size, 4);
    total += entry.key_size + (entry.value_size == kDeleted ? 0 : entry.value_size);
  }
  out.reserve(out.size() + total);
  // Rows that lie as `WriteBatch::put` lays them are copied as one piece.
  size_t run_begin = 0, run_size = 0;
  const auto copy = [&](size_t offset, size_t size) {
    if (run_size != 0 && run_begin + run_size == offset) {
      run_size += size;
      return;
    }
    out.append(batch.bytes, run_begin, run_size);
    run_begin = offset;
    run_size = size;
  };
  for (size_t i = begin; i < end; ++i) {
    const auto& entry = batch.entries[i];
    copy(entry.key_offset, entry.key_size);
    if (entry.value_size != kDeleted && entry.value_size != 0) copy(entry.value_offset, entry.value_size);
  }
  out.append(batch.bytes, run_begin, run_size);
}

Result<WriteBatch> decode_block_rows(std::string raw, uint32_t rows) {
  WriteBatch batch;
  batch.bytes = std::move(raw);
  if (rows > batch.bytes.size() / 8) return error(Code::Corruption, "a segment block of {} bytes with {} rows", batch.bytes.size(), rows);
  batch.entries.resize(rows);
  uint64_t at = uint64_t{rows} * 8;
  const char* sizes = batch.bytes.data();
  for (auto& entry : batch.entries) {
    std::memcpy(&entry.key_size, sizes, 4);
    std::memcpy(&entry.value_size, sizes + 4, 4);
    sizes += 8;
    entry.key_offset = static_cast<uint32_t>(at);
    at += entry.key_size;
    entry.value_offset = static_cast<uint32_t>(at);
    if (entry.value_size != kDeleted) at += entry.value_size;
    if (at > batch.bytes.size()) return error(Code::Corruption, "a row reaches beyond its segment block");
  }
  if (at != batch.bytes.size()) return error(Code::Corruption, "a segment block with {} bytes too many", batch.bytes.size() - at);
  return batch;
}

}  // namespace penstock::storage
