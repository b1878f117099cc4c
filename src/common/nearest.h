#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// The candidate with the smallest edit distance to `word`, if it is near enough to be a slip of the pen; else "".
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
/// "did you mean 'x'?", or the list of what is known.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace penstock
