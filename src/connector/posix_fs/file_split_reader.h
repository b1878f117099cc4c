#pragma once

#include "connector/format/row_parser.h"
#include "connector/posix_fs/byte_source.h"
#include "connector/posix_fs/posix_fs.h"

namespace penstock::connector {

/// Reads one file. Offsets are "frame+within" of the next row, so that reading goes on inside a compressed file.
/// A file that is not the one its split was made of (size, hash of its head) or that is broken: an error under on_error = 'fail'; under
/// 'skip' the rest of it is passed over, counted and named.
class FileSplitReader : public SplitReader {
 public:
  FileSplitReader(PosixFsOptions options, std::unique_ptr<RowParser> parser, SplitPosition position, std::vector<data::Field> columns);

  Result<State> next(size_t max_rows, data::DataChunk& out) override;
  Status read_blocking() override;
  SplitPosition position() const override;
  uint64_t skipped() const override { return skipped_; }
  const std::string& last_error() const override { return last_error_; }

 private:
  /// Text read and not yet cut into rows: bytes [used, size) of `bytes`; `base` = number, in the bytes read since opening, of bytes[0].
  struct Block {
    std::shared_ptr<char[]> bytes;  // shared with the text columns made of it
    size_t size = 0;
    size_t used = 0;
    uint64_t base = 0;
    [[nodiscard]] std::string_view rest() const { return {bytes.get() + used, size - used}; }
  };

  Status open();
  Status read_header(uint64_t& header_bytes);
  Status fill();
  [[nodiscard]] Result<State> at_end();
  [[nodiscard]] Result<data::DataChunk> take(FieldBatch& batch);
  void check_utf8(FieldBatch& batch) const;
  Status skip_bad(const FieldBatch& batch, std::vector<uint32_t>& good);
  void note_skipped(std::string what);

  const PosixFsOptions options_;
  const std::unique_ptr<RowParser> parser_;
  const std::vector<data::Field> columns_;
  SplitPosition position_;
  std::unique_ptr<ByteSource> source_;
  Block block_;
  bool end_of_file_ = false;
  bool poll_file_ = false;  // a followed file was at its end: look again
  uint64_t skipped_ = 0;
  std::string last_error_;
};

}  // namespace penstock::connector
