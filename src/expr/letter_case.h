#pragma once

#include <cstddef>
#include <string_view>

#include "expr/text_arena.h"

namespace penstock::expr {

/// Lower and upper case. ASCII eight bytes at a time; other letters one by one by Unicode's simple mapping (glibc's C.UTF-8).
[[nodiscard]] data::Text to_lower_case(TextArena& arena, const data::Text& text);
[[nodiscard]] data::Text to_upper_case(TextArena& arena, const data::Text& text);
/// First letter of each word upper, the others lower; a word is a run of letters and digits.
[[nodiscard]] data::Text to_title_case(TextArena& arena, const data::Text& text);

/// `out` must have room for `2 * text.size()` bytes, as U+0250 and its like grow; returns the bytes written.
size_t to_lower_case(std::string_view text, char* out);

}  // namespace penstock::expr
