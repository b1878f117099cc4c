// A segment file that a disk or a crash has changed.
#include "common/check.h"
#include "fuzz/fuzz.h"
#include "storage/memory_filesystem.h"
#include "storage/segment/segment_reader.h"
#include "storage/segment/segment_writer.h"

namespace penstock::storage {
namespace {

const SegmentId kId{.node = {}, .sequence = 7, .graph = {PartialGraphId{2}, Term{3}}, .epoch = Epoch{0x10000}};

// The checksum comes with the bytes (its own place in front of them): else nothing but the check of it would ever run.
void read_segment(std::string_view bytes) {
  uint64_t checksum = 0;
  if (bytes.size() < sizeof checksum) return;
  std::memcpy(&checksum, bytes.data(), sizeof checksum);
  bytes.remove_prefix(sizeof checksum);
  MemoryFileSystem files;
  PENSTOCK_CHECK(files.create_folder("/s").has_value(), "no folder");
  {
    const auto file = files.open_write("/s/1").value();
    PENSTOCK_CHECK(file->write(0, bytes).has_value(), "no file");
  }
  (void)read_segment_header(*files.open_read("/s/1").value());
  const auto reader = SegmentReader::open(files.open_read("/s/1").value(), kId, checksum);
  if (reader.has_error()) return;
  for (const SegmentBlock& block : reader.value()->blocks()) {
    const auto rows = reader.value()->read_block(block);
    if (rows.has_error()) continue;
    for (size_t i = 0; i < rows.value().entries.size(); ++i) {
      (void)rows.value().key(i);
      (void)rows.value().value(i);
    }
  }
}

std::vector<std::string> segment_seeds() {
  std::vector<std::string> out;
  for (const size_t rows : {1, 40, 3000}) {
    MemoryFileSystem files;
    PENSTOCK_CHECK(files.create_folder("/s").has_value(), "no folder");
    SegmentWriter writer(kId, files.open_write("/s/1").value());
    WriteBatch batch;
    for (size_t i = 0; i < rows; ++i)
      i % 3 == 2 ? batch.erase(fmt::format("key {:05}", i)) : batch.put(fmt::format("key {:05}", i), "value");
    PENSTOCK_CHECK(writer.add(TableId{9}, kId.epoch, batch).has_value(), "no rows");
    const auto info = writer.finish();
    std::string bytes(sizeof(uint64_t), '\0');
    std::memcpy(bytes.data(), &info.value().ref.checksum, sizeof(uint64_t));
    out.push_back(bytes + read_file(files, "/s/1").value());
  }
  return out;
}

const fuzz::Register kSegment({"segment", read_segment, segment_seeds});

}  // namespace
}  // namespace penstock::storage
