#include <gtest/gtest.h>

#include <random>

#include "storage/memory_filesystem.h"
#include "storage/segment/segment_reader.h"
#include "storage/segment/segment_writer.h"

namespace penstock::storage {

class SegmentTest : public ::testing::Test {
 protected:
  SegmentTest() {
    EXPECT_TRUE(files_.create_folder("/s").has_value());
    for (size_t i = 0; i < id_.node.size(); ++i) id_.node[i] = static_cast<uint8_t>(i);
  }

  SegmentInfo write(const std::vector<std::pair<uint32_t, WriteBatch>>& tables, const std::string& path = "/s/1") {
    SegmentWriter writer(id_, files_.open_write(path).value());
    for (const auto& [table, rows] : tables) EXPECT_TRUE(writer.add(TableId{table}, id_.epoch, rows).has_value());
    auto info = writer.finish();
    EXPECT_TRUE(info.has_value());
    return info.value();
  }
  Result<std::unique_ptr<SegmentReader>> open(uint64_t checksum, const std::string& path = "/s/1") {
    return SegmentReader::open(files_.open_read(path).value(), id_, checksum);
  }
  std::string bytes_of(const std::string& path) { return read_file(files_, path).value(); }

  MemoryFileSystem files_;
  SegmentId id_{.sequence = 7, .graph = {PartialGraphId{2}, Term{3}}, .epoch = Epoch{0x10000}};
};

WriteBatch rows_of(std::initializer_list<std::pair<std::string, std::optional<std::string>>> rows) {
  WriteBatch batch;
  for (const auto& [key, value] : rows) value ? batch.put(key, *value) : batch.erase(key);
  return batch;
}

std::string text_of(const WriteBatch& batch) {
  std::string out;
  for (size_t i = 0; i < batch.entries.size(); ++i) out += fmt::format("{}={} ", batch.key(i), batch.value(i).value_or("-"));
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

TEST_F(SegmentTest, bytes_are_what_they_always_were) {
  write({{9, rows_of({{"k1", "v1"}, {"k0", std::nullopt}, {"k2", ""}})}});
  const std::string bytes = bytes_of("/s/1");
  EXPECT_EQ(hex(bytes.substr(0, 96)),
            "504e53544b534547"
            "01000000"
            "00000000"
            "000102030405060708090a0b0c0d0e0f"
            "0700000000000000"
            "0200000000000000"
            "0300000000000000"
            "0000010000000000"
            "2010000000000000"
            "3900000000000000"
            "f94f93eee49ad5ab"
            "cd280d3a4162927f");
  EXPECT_EQ(bytes.substr(96, kSegmentPage - 96), std::string(kSegmentPage - 96, '\0'));
  EXPECT_EQ(hex(bytes.substr(kSegmentPage)),
            "0200000002000000"
            "02000000ffffffff"
            "0200000000000000"
            "6b3176316b306b32"
            "0100000000000000"
            "0010000000000000"
            "20000000"
            "20000000"
            "09000000"
            "03000000"
            "0000010000000000"
            "07204eaf87c6fcb6"
            "0200"
            "0300"
            "6b30"
            "6b3200");
}

TEST_F(SegmentTest, rows_come_back_in_order_by_table) {
  const SegmentInfo info = write({{9, rows_of({{"b", "1"}, {"a", std::nullopt}, {"b", "2"}})}, {4, rows_of({{"x", ""}})}});
  EXPECT_EQ(info.rows, 4u);
  EXPECT_EQ(info.tables, (std::vector{TableId{4}, TableId{9}}));
  auto reader = open(info.ref.checksum);
  ASSERT_TRUE(reader.has_value()) << reader.error().to_string();
  ASSERT_EQ(reader.value()->blocks().size(), 2u);
  const SegmentBlock& first = reader.value()->blocks()[0];
  EXPECT_EQ(first.table, TableId{9});
  EXPECT_EQ(first.epoch, id_.epoch);
  EXPECT_EQ(first.key_begin, "a");
  EXPECT_EQ(first.key_end, std::string("b\0", 2));
  EXPECT_EQ(text_of(reader.value()->read_block(first).value()), "b=1 a=- b=2 ");
  EXPECT_EQ(text_of(reader.value()->read_block(reader.value()->blocks()[1]).value()), "x= ");
}

TEST_F(SegmentTest, large_batches_are_cut_and_compressed_where_it_pays) {
  std::mt19937_64 random(1);
  WriteBatch dull, noise;
  for (int i = 0; i < 20000; ++i) dull.put(fmt::format("key{:08}", i), std::string(50, 'v'));
  for (int i = 0; i < 5000; ++i) {
    std::string value(200, '\0');
    for (char& c : value) c = static_cast<char>(random());
    noise.put(fmt::format("{:08}", random()), value);
  }
  const SegmentInfo info = write({{1, dull}, {2, noise}});
  auto reader = open(info.ref.checksum);
  ASSERT_TRUE(reader.has_value());
  WriteBatch dull_again, noise_again;
  for (const SegmentBlock& block : reader.value()->blocks()) {
    EXPECT_LE(block.raw_size, 257u * 1024);
    EXPECT_EQ(block.stored_size < block.raw_size, block.table == TableId{1});
    const WriteBatch rows = reader.value()->read_block(block).value();
    for (size_t i = 0; i < rows.entries.size(); ++i) {
      EXPECT_GE(rows.key(i), block.key_begin);
      EXPECT_LT(rows.key(i), block.key_end);
      (block.table == TableId{1} ? dull_again : noise_again).put(rows.key(i), *rows.value(i));
    }
  }
  EXPECT_EQ(dull_again.bytes, dull.bytes);
  EXPECT_EQ(noise_again.bytes, noise.bytes);
}

TEST_F(SegmentTest, a_row_larger_than_a_block_is_a_block_and_long_keys_have_short_ranges) {
  const std::string long_key = std::string(200, '\xff') + "x";
  const SegmentInfo info = write({{1, rows_of({{"a", std::string(1 << 20, 'x')}, {long_key, "y"}})}});
  auto reader = open(info.ref.checksum);
  ASSERT_TRUE(reader.has_value());
  ASSERT_EQ(reader.value()->blocks().size(), 2u);
  EXPECT_EQ(reader.value()->blocks()[1].key_begin, std::string(64, '\xff'));
  EXPECT_EQ(reader.value()->blocks()[1].key_end, "") << "nothing short is above it";
  EXPECT_EQ(reader.value()->read_block(reader.value()->blocks()[1]).value().key(0), long_key);
}

TEST_F(SegmentTest, an_older_segment_in_the_same_file_never_passes) {
  const SegmentInfo old = write({{1, rows_of({{"a", "old"}})}});
  const SegmentId old_id = id_;
  id_.sequence = 8;
  EXPECT_EQ(open(old.ref.checksum).error().code(), Code::Corruption);
  // The new header over the old blocks: what a crash between two sectors leaves.
  std::string page = bytes_of("/s/1").substr(0, kSegmentPage);
  SegmentHeader header = *decode_segment_header(page).value();
  header.id = id_;
  ASSERT_TRUE(files_.open_write("/s/1").value()->write(0, encode_segment_header(header)).has_value());
  const auto torn = open(old.ref.checksum);
  ASSERT_TRUE(torn.has_error());
  EXPECT_NE(torn.error().message().find("checksum of its footer"), std::string::npos) << torn.error().message();
  id_ = old_id;
}

TEST_F(SegmentTest, every_damaged_byte_that_matters_is_found) {
  const SegmentInfo info = write({{1, rows_of({{"a", "1"}, {"b", "2"}})}, {2, rows_of({{"c", "3"}})}});
  const size_t size = bytes_of("/s/1").size();
  for (size_t at = 0; at < size; at = at == 95 ? kSegmentPage : at + 1) {
    files_.damage("/s/1", at);
    auto reader = open(info.ref.checksum);
    bool found = reader.has_error();
    if (!found) {
      for (const SegmentBlock& block : reader.value()->blocks()) found = found || reader.value()->read_block(block).has_error();
    }
    EXPECT_TRUE(found) << "byte " << at;
    files_.damage("/s/1", at);
  }
  EXPECT_TRUE(open(info.ref.checksum).has_value());
}

TEST_F(SegmentTest, a_future_format_is_refused_with_both_versions) {
  const SegmentInfo info = write({{1, rows_of({{"a", "1"}})}});
  ASSERT_TRUE(files_.open_write("/s/1").value()->write(8, std::string("\x05\0\0\0", 4)).has_value());
  const auto refused = open(info.ref.checksum);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().message(), "a segment of format version 5; this program knows version 1");
}

TEST_F(SegmentTest, a_footer_of_any_bytes_is_an_error_and_no_crash) {
  std::mt19937_64 random(3);
  const std::string whole =
      encode_segment_footer({{4096, 10, 20, TableId{1}, 2, Epoch{3}, 4, "a", "b"}, {5000, 10, 20, TableId{1}, 2, Epoch{3}, 4, "", ""}});
  EXPECT_TRUE(decode_segment_footer(whole).has_value());
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_TRUE(decode_segment_footer(whole.substr(0, size)).has_error()) << size;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)decode_segment_footer(bytes);
    std::string rows(random() % 64, '\0');
    for (char& c : rows) c = static_cast<char>(random() % 4);
    (void)decode_block_rows(rows, static_cast<uint32_t>(random() % 8));
  }
}

TEST_F(SegmentTest, a_failed_write_poisons_the_file) {
  for (const auto call : {MemoryFileSystem::Call::Write, MemoryFileSystem::Call::Sync}) {
    SegmentWriter writer(id_, files_.open_write("/s/2").value());
    ASSERT_TRUE(writer.add(TableId{1}, id_.epoch, rows_of({{"a", "1"}})).has_value());
    files_.set_fault([call](MemoryFileSystem::Call c, const std::string&) -> Status {
      if (c == call) return error(Code::Io, "broken");
      return ok();
    });
    EXPECT_EQ(writer.finish().error().message(), "broken");
    files_.set_fault(nullptr);
    EXPECT_EQ(writer.finish().error().message(), "broken") << "never retried";
    EXPECT_EQ(writer.add(TableId{1}, id_.epoch, rows_of({{"a", "1"}})).error().message(), "broken");
  }
}

}  // namespace penstock::storage
