#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/error.h"

namespace penstock::connector {

enum class Compression : uint8_t { None, Gzip, Zstd };

/// Where a byte of the decompressed text is in a file: the start of its compressed frame (gzip: member) and the bytes before it within the
/// frame. Uncompressed: a frame is the file, `within` the offset. Text form "frame+within".
struct FilePosition {
  uint64_t frame = 0;
  uint64_t within = 0;
  bool operator==(const FilePosition&) const = default;
  [[nodiscard]] std::string to_string() const { return fmt::format("{}+{}", frame, within); }
  /// Errors: `Corruption`. Empty text is the start.
  [[nodiscard]] static Result<FilePosition> parse(std::string_view text);
};

/// Decompressed bytes of one file from a position on. Blocking. One owner.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `out` as far as the file goes; 0 at the end (a file that grows may give more later).
  /// Errors: `Io` with the path, `Corruption` for broken compression.
  [[nodiscard]] virtual Result<size_t> read(std::span<char> out) = 0;
  /// Position of decompressed byte number `at` counted from the position opened at; not before the last `forget`.
  [[nodiscard]] FilePosition position_of(uint64_t at) const;
  /// Positions before `at` are not asked for any more.
  void forget(uint64_t at);

 protected:
  explicit ByteSource(FilePosition start) : frames_{{0, start}} {}
  /// A frame begins at file offset `frame`; its first byte is decompressed byte number `at`.
  void note_frame(uint64_t at, uint64_t frame) { frames_.push_back({at, {frame, 0}}); }

 private:
  struct Frame {
    uint64_t at;
    FilePosition position;
  };
  std::vector<Frame> frames_;  // by `at`; the first is at or before every position that may be asked for
};

[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path, Compression compression, FilePosition start);
/// By the name's ending: .gz, .zst, .zstd.
[[nodiscard]] Compression compression_of(std::string_view path);

}  // namespace penstock::connector
