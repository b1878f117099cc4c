#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::expr {

/// Lower and upper case. ASCII in one pass; other letters one by one by Unicode's simple mapping (glibc's C.UTF-8).
/// `out` must have room for `2 * text.size()` bytes (U+0250 and its like grow); returns the bytes written.
size_t to_lower_case(std::string_view text, char* out);
size_t to_upper_case(std::string_view text, char* out);
/// First letter of each word upper, the others lower; a word is a run of letters and digits.
size_t to_title_case(std::string_view text, char* out);

}  // namespace penstock::expr
