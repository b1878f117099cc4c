#include "connector/posix_fs/byte_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace penstock::connector {
namespace {

constexpr size_t kInputBytes = 256 << 10;

Error io_error(const std::string& path, std::string_view doing) {
  return error(Code::Io, "cannot {} file {}: {}", doing, path, std::strerror(errno));
}

class File {
 public:
  static Result<File> open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error(path, "open");
    return File(path, fd);
  }
  File(File&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), offset_(other.offset_) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  void seek(uint64_t offset) { offset_ = offset; }
  [[nodiscard]] uint64_t offset() const { return offset_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  Result<size_t> read(std::span<char> out) {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset_));
    if (n < 0) return io_error(path_, "read");
    offset_ += static_cast<size_t>(n);
    return static_cast<size_t>(n);
  }

 private:
  File(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
  uint64_t offset_ = 0;
};

class PlainSource : public ByteSource {
 public:
  PlainSource(File file, FilePosition start) : ByteSource(start), file_(std::move(file)) { file_.seek(start.within); }
  Result<size_t> read(std::span<char> out) override {
    size_t filled = 0;
    while (filled < out.size()) {
      PENSTOCK_TRY(const size_t n, file_.read(out.subspan(filled)));
      if (n == 0) break;
      filled += n;
    }
    return filled;
  }

 private:
  File file_;
};

/// What gzip and zstd share: compressed input in pieces, frames one after another, bytes to skip after a seek.
class FramedSource : public ByteSource {
 public:
  FramedSource(File file, FilePosition start) : ByteSource(start), file_(std::move(file)), skip_(start.within), input_(kInputBytes) {
    file_.seek(start.frame);
  }

  Result<size_t> read(std::span<char> out) final {
    while (skip_ > 0) {
      PENSTOCK_TRY(const size_t n, fill(out.subspan(0, std::min<uint64_t>(skip_, out.size()))));
      if (n == 0) return error(Code::Corruption, "file {} is shorter than the position to continue at", file_.path());
      skip_ -= n;
    }
    PENSTOCK_TRY(const size_t n, fill(out));
    handed_out_ += n;
    return n;
  }

 protected:
  struct Piece {
    size_t consumed = 0;
    size_t produced = 0;
    bool frame_ended = false;
  };
  virtual Result<Piece> decompress(std::string_view in, std::span<char> out) = 0;
  virtual Status begin_frame() = 0;
  [[nodiscard]] const std::string& path() const { return file_.path(); }

 private:
  Result<size_t> fill(std::span<char> out) {
    size_t filled = 0;
    while (filled < out.size()) {
      if (used_ == available_) {
        PENSTOCK_TRY(available_, file_.read(input_));
        used_ = 0;
      }
      if (available_ == 0 && !in_frame_) break;
      if (!in_frame_) {
        PENSTOCK_TRY(begin_frame());
        in_frame_ = true;
        const uint64_t at = file_.offset() - (available_ - used_);
        if (began_) note_frame(handed_out_ + filled, at);
        began_ = true;
      }
      PENSTOCK_TRY(const Piece piece, decompress({input_.data() + used_, available_ - used_}, out.subspan(filled)));
      used_ += piece.consumed;
      filled += piece.produced;
      if (piece.frame_ended) in_frame_ = false;
      if (available_ == 0 && piece.produced == 0 && in_frame_) {
        return error(Code::Corruption, "file {} ends inside a compressed frame", path());
      }
    }
    return filled;
  }

  File file_;
  uint64_t skip_;
  uint64_t handed_out_ = 0;
  std::vector<char> input_;
  size_t used_ = 0;
  size_t available_ = 0;
  bool in_frame_ = false;
  bool began_ = false;  // the first frame's position is the one opened at
};

class ZstdSource : public FramedSource {
 public:
  ZstdSource(File file, FilePosition start) : FramedSource(std::move(file), start), context_(ZSTD_createDCtx()) {}
  ~ZstdSource() override { ZSTD_freeDCtx(context_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

 protected:
  Status begin_frame() override {
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    return ok();
  }
  Result<Piece> decompress(std::string_view in, std::span<char> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const size_t code = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(code)) return error(Code::Corruption, "file {} is no sound zstd: {}", path(), ZSTD_getErrorName(code));
    return Piece{input.pos, output.pos, code == 0};
  }

 private:
  ZSTD_DCtx* context_;
};

class GzipSource : public FramedSource {
 public:
  GzipSource(File file, FilePosition start) : FramedSource(std::move(file), start) {
    std::memset(&stream_, 0, sizeof(stream_));
    PENSTOCK_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK, "zlib");
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

 protected:
  Status begin_frame() override {
    inflateReset(&stream_);
    return ok();
  }
  Result<Piece> decompress(std::string_view in, std::span<char> out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(out.size(), 1 << 30));
    const uInt out_before = stream_.avail_out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return error(Code::Corruption, "file {} is no sound gzip: {}", path(), stream_.msg == nullptr ? "data error" : stream_.msg);
    }
    return Piece{in.size() - stream_.avail_in, out_before - stream_.avail_out, code == Z_STREAM_END};
  }

 private:
  z_stream stream_;
};

}  // namespace

Result<FilePosition> FilePosition::parse(std::string_view text) {
  FilePosition position;
  if (text.empty()) return position;
  const size_t plus = text.find('+');
  const auto number = [&](std::string_view digits, uint64_t& out) {
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return failed == std::errc() && end == digits.data() + digits.size() && !digits.empty();
  };
  if (plus == std::string_view::npos || !number(text.substr(0, plus), position.frame) || !number(text.substr(plus + 1), position.within)) {
    return error(Code::Corruption, "'{}' is no position in a file", text);
  }
  return position;
}

FilePosition ByteSource::position_of(uint64_t at) const {
  const auto after = std::ranges::upper_bound(frames_, at, {}, &Frame::at);
  const Frame& frame = *std::prev(after);
  return {frame.position.frame, frame.position.within + (at - frame.at)};
}

void ByteSource::forget(uint64_t at) {
  const auto after = std::ranges::upper_bound(frames_, at, {}, &Frame::at);
  if (after - frames_.begin() > 1) frames_.erase(frames_.begin(), std::prev(after));
}

Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path, Compression compression, FilePosition start) {
  PENSTOCK_TRY(File file, File::open(path));
  std::unique_ptr<ByteSource> source;
  switch (compression) {
    case Compression::None:
      source = std::make_unique<PlainSource>(std::move(file), start);
      break;
    case Compression::Gzip:
      source = std::make_unique<GzipSource>(std::move(file), start);
      break;
    case Compression::Zstd:
      source = std::make_unique<ZstdSource>(std::move(file), start);
      break;
  }
  return source;
}

Compression compression_of(std::string_view path) {
  if (path.ends_with(".gz")) return Compression::Gzip;
  if (path.ends_with(".zst") || path.ends_with(".zstd")) return Compression::Zstd;
  return Compression::None;
}

}  // namespace penstock::connector
