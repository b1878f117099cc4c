#include "connector/posix_fs/file_split_reader.h"

#include <simdjson.h>

#include <cstring>

namespace penstock::connector {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
constexpr size_t kLongestRow = 64 << 20;

}  // namespace

FileSplitReader::FileSplitReader(PosixFsOptions options, std::unique_ptr<RowParser> parser, SplitPosition position,
                                 std::vector<data::Field> columns)
    : options_(std::move(options)), parser_(std::move(parser)), columns_(std::move(columns)), position_(std::move(position)) {}

SplitPosition FileSplitReader::position() const {
  SplitPosition now = position_;
  if (source_) now.offset = source_->position_of(block_.base + block_.used).to_string();
  return now;
}

void FileSplitReader::note_skipped(std::string what) {
  ++skipped_;
  last_error_ = std::move(what);
}

// ---- on the blocking pool -----------------------------------------------------------------------------------------------------------

Status FileSplitReader::read_blocking() {
  Status read = ok();
  if (!source_) read = open();
  if (read.has_value() && source_) read = fill();
  if (read.has_error() && options_.on_error == OnError::Skip) {
    note_skipped(read.error().to_string() + "; the rest of the file is passed over");
    end_of_file_ = true;
    position_.finished = true;
    return ok();
  }
  return read;
}

Status FileSplitReader::open() {
  if (position_.identity.empty()) {
    PENSTOCK_TRY(position_.identity, file_identity(position_.id));
  } else {
    PENSTOCK_TRY(check_identity(position_.id, position_.identity, options_.follow));
  }
  PENSTOCK_TRY(FilePosition start, FilePosition::parse(position_.offset));
  uint64_t header_bytes = 0;
  if (parser_->has_header()) {
    PENSTOCK_TRY(read_header(header_bytes));
  }
  const Compression compression = compression_of(position_.id);
  const bool at_start = start == FilePosition{};
  if (at_start && compression == Compression::None) start.within = header_bytes;
  PENSTOCK_TRY(source_, open_bytes(position_.id, compression, start));
  if (!at_start || compression == Compression::None || header_bytes == 0) return ok();
  std::vector<char> header(header_bytes);
  PENSTOCK_TRY(source_->read(header));
  block_.base = header_bytes;
  return ok();
}

// Columns are found by the header's names also when reading goes on in the middle of the file.
Status FileSplitReader::read_header(uint64_t& header_bytes) {
  PENSTOCK_TRY(const auto source, open_bytes(position_.id, compression_of(position_.id), {}));
  std::string head(kBlockBytes, '\0');
  PENSTOCK_TRY(const size_t size, source->read(head));
  const auto header = parser_->read_header(std::string_view(head).substr(0, size));
  if (header.has_error()) return header.error().with_context(fmt::format("file {}", position_.id));
  header_bytes = header.value();
  return ok();
}

// The rest of the old block goes in front of the new bytes, so that every row lies in one piece.
Status FileSplitReader::fill() {
  const std::string_view rest = block_.bytes ? block_.rest() : std::string_view();
  if (rest.size() > kLongestRow) return error(Code::InvalidText, "file {}: a row is longer than {} bytes", position_.id, kLongestRow);
  const size_t fresh = std::max(kBlockBytes, rest.size());
  Block next{.bytes = std::make_shared_for_overwrite<char[]>(rest.size() + fresh), .base = block_.base + block_.used};
  if (!rest.empty()) std::memcpy(next.bytes.get(), rest.data(), rest.size());
  PENSTOCK_TRY(const size_t read, source_->read({next.bytes.get() + rest.size(), fresh}));
  next.size = rest.size() + read;
  end_of_file_ = read < fresh;
  poll_file_ = false;
  source_->forget(next.base);
  block_ = std::move(next);
  return ok();
}

// ---- on the actor -------------------------------------------------------------------------------------------------------------------

Result<SplitReader::State> FileSplitReader::next(size_t max_rows, data::DataChunk& out) {
  if (position_.finished) return State::Finished;
  if (!source_ || !block_.bytes || poll_file_) return State::NeedRead;
  FieldBatch batch(columns_.size());
  parser_->parse(block_.rest(), end_of_file_ && !options_.follow, max_rows, batch);
  if (batch.rows() == 0) return end_of_file_ ? at_end() : State::NeedRead;
  PENSTOCK_TRY(out, take(batch));
  return State::Rows;
}

Result<SplitReader::State> FileSplitReader::at_end() {
  if (options_.follow) {
    poll_file_ = true;
    return State::Idle;
  }
  block_.used = block_.size;
  position_.offset = position().offset;
  position_.finished = true;
  source_.reset();
  block_ = {};
  return State::Finished;
}

Result<data::DataChunk> FileSplitReader::take(FieldBatch& batch) {
  check_utf8(batch);
  std::vector<data::Column> columns = convert_fields(batch, columns_, {block_.bytes});
  data::DataChunk chunk(std::move(columns), batch.rows());
  if (!batch.bad.empty()) {
    std::vector<uint32_t> good;
    PENSTOCK_TRY(skip_bad(batch, good));
    chunk = chunk.gather(good);
  }
  block_.used += batch.ends.back();
  position_.rows += batch.rows();
  return chunk;
}

void FileSplitReader::check_utf8(FieldBatch& batch) const {
  const std::string_view text = block_.rest().substr(0, batch.ends.back());
  if (simdjson::validate_utf8(text.data(), text.size())) return;
  for (size_t i = 0; i < batch.fields.size(); ++i) {
    const std::string_view field = batch.fields[i];
    if (field.data() == nullptr || simdjson::validate_utf8(field.data(), field.size())) continue;
    batch.bad.push_back({i / batch.width, fmt::format("column {}: the text is not UTF-8", columns_[i % batch.width].name)});
  }
}

Status FileSplitReader::skip_bad(const FieldBatch& batch, std::vector<uint32_t>& good) {
  std::map<size_t, std::string> bad;
  for (const FieldBatch::Bad& row : batch.bad) bad.try_emplace(row.row, row.what);
  for (const auto& [row, what] : bad) {
    std::string message = fmt::format("file {}, row {}: {}", position_.id, position_.rows + row + 1, what);
    if (options_.on_error == OnError::Fail) {
      return Error(Code::InvalidText, std::move(message)).with_hint("Mend the file, or create the source with on_error = 'skip'.");
    }
    note_skipped(std::move(message));
  }
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    if (!bad.contains(row)) good.push_back(row);
  }
  return ok();
}

}  // namespace penstock::connector
