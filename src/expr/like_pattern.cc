#include "expr/like_pattern.h"

#include "expr/text_find.h"
#include "expr/utf8.h"

namespace penstock::expr {

Result<LikePattern> LikePattern::compile(std::string_view pattern, std::string_view escape) {
  if (char_count(escape) > 1) {
    return Error(Code::InvalidParameter, "invalid escape string").with_hint("Escape string must be empty or one character.");
  }
  LikePattern out;
  out.pieces_.emplace_back();
  bool percent = false;  // the last character was one
  for (bool first = true; !pattern.empty(); first = false) {
    std::string_view c = first_char(pattern);
    pattern.remove_prefix(c.size());
    if (c == "%" && c != escape) {
      if (first) out.open_start_ = true;
      if (!first && !percent) out.pieces_.emplace_back();
      percent = true;
      continue;
    }
    percent = false;
    Piece& piece = out.pieces_.back();
    const bool any = c == "_" && c != escape;
    if (!escape.empty() && c == escape) {
      if (pattern.empty()) return Error(Code::InvalidParameter, "LIKE pattern must not end with escape character");
      c = first_char(pattern);
      pattern.remove_prefix(c.size());
    }
    if (any) piece.any.push_back(piece.bytes.size());
    piece.bytes += c;
    ++piece.chars;
  }
  if (percent) {
    out.open_end_ = true;
    if (out.pieces_.size() > 1) out.pieces_.pop_back();
  }
  out.settle_shape();
  return out;
}

void LikePattern::settle_shape() {
  if (pieces_.size() != 1 || !pieces_[0].any.empty()) return;
  shape_ = open_start_ ? (open_end_ ? Shape::Contains : Shape::Suffix) : (open_end_ ? Shape::Prefix : Shape::Equal);
}

// The bytes that `piece` takes at the beginning of `text`.
std::optional<size_t> LikePattern::match_at(const Piece& piece, std::string_view text) {
  if (piece.any.empty()) return text.starts_with(piece.bytes) ? std::optional(piece.bytes.size()) : std::nullopt;
  size_t at = 0;
  size_t from = 0;
  for (const size_t any : piece.any) {
    const std::string_view literal = std::string_view(piece.bytes).substr(from, any - from);
    if (!text.substr(at).starts_with(literal)) return std::nullopt;
    at += literal.size();
    if (at == text.size()) return std::nullopt;
    at += first_char(text.substr(at)).size();
    from = any + 1;
  }
  const std::string_view rest = std::string_view(piece.bytes).substr(from);
  if (!text.substr(at).starts_with(rest)) return std::nullopt;
  return at + rest.size();
}

// The first place where `piece` fits; `text` is then what follows.
bool LikePattern::find_in(const Piece& piece, std::string_view& text) {
  if (piece.any.empty()) {
    const size_t at = find_text(text, piece.bytes);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + piece.bytes.size());
    return true;
  }
  while (true) {
    if (const auto bytes = match_at(piece, text)) {
      text.remove_prefix(*bytes);
      return true;
    }
    if (text.empty()) return false;
    text.remove_prefix(first_char(text).size());
  }
}

bool LikePattern::matches(std::string_view text) const {
  switch (shape_) {
    case Shape::Equal:
      return text == literal();
    case Shape::Prefix:
      return text.starts_with(literal());
    case Shape::Suffix:
      return text.ends_with(literal());
    case Shape::Contains:
      return find_text(text, literal()) != std::string_view::npos;
    case Shape::General:
      return matches_pieces(text);
  }
  return false;
}

// The first and last piece are tied to the ends unless the pattern is open there; taking each of the others as early as it fits loses
// nothing.
bool LikePattern::matches_pieces(std::string_view text) const {
  size_t first = 0;
  size_t end = pieces_.size();
  if (!open_start_) {
    const auto bytes = match_at(pieces_[first], text);
    if (!bytes) return false;
    text.remove_prefix(*bytes);
    if (++first == end) return open_end_ || text.empty();
  }
  if (!open_end_) --end;
  for (; first < end; ++first) {
    if (!find_in(pieces_[first], text)) return false;
  }
  if (open_end_) return true;
  const Piece& last = pieces_[end];
  if (last.any.empty()) return text.ends_with(last.bytes);
  if (char_count(text) < last.chars) return false;
  text = text.substr(text.size() - suffix_bytes(text, last.chars));
  return match_at(last, text) == text.size();
}

}  // namespace penstock::expr
