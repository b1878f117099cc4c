#include "frontend/parser/source_text.h"

#include <algorithm>

namespace penstock::frontend {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMarkEvery = 64;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the well-formed character at `at`, 0 if there is none: no overlong forms, no surrogates, nothing above U+10FFFF.
size_t character_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

}  // namespace

Result<SourceText> SourceText::check(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return error(Code::TooComplex, "statement of {} bytes is too long: the limit is {}", text.size(), kMaxBytes).at(1);
  }
  SourceText source(text);
  uint32_t characters = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text, at);
    if (length == 0) {
      return error(Code::InvalidText, "invalid byte sequence for encoding \"UTF8\": 0x{:02x}", static_cast<unsigned char>(text[at]))
          .at(characters + 1);
    }
    if (text[at] == '\0') return error(Code::Syntax, "zero byte in statement").at(characters + 1);
    source.ascii_ &= length == 1;
    ++characters;
    at += length;
  }
  if (source.ascii_) return source;
  uint32_t before = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (at % kMarkEvery == 0) source.marks_.push_back(before);
    before += is_continuation(text[at]) ? 0 : 1;
  }
  return source;
}

uint32_t SourceText::position(size_t offset) const {
  offset = std::min(offset, text_.size());
  if (ascii_ || offset == 0) return static_cast<uint32_t>(offset + 1);
  const size_t mark = (offset - 1) / kMarkEvery;
  uint32_t before = marks_[mark];
  for (size_t i = mark * kMarkEvery; i < offset; ++i) before += is_continuation(text_[i]) ? 0 : 1;
  return before + 1;
}

size_t SourceText::offset(uint32_t position) const {
  if (position == 0) return 0;
  if (ascii_) return std::min<size_t>(position - 1, text_.size());
  // The last mark with fewer characters before it than are asked for.
  const auto mark = std::upper_bound(marks_.begin(), marks_.end(), position - 1) - marks_.begin() - 1;
  uint32_t before = marks_[mark];
  for (size_t i = mark * kMarkEvery; i < text_.size(); ++i) {
    if (is_continuation(text_[i])) continue;
    if (before++ == position - 1) return i;
  }
  return text_.size();
}

}  // namespace penstock::frontend
