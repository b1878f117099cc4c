#pragma once

#include <span>
#include <string>
#include <string_view>

namespace penstock::frontend {

/// The candidate that `name` is most likely a misspelling of; empty if none is near.
[[nodiscard]] std::string nearest(std::string_view name, std::span<const std::string> candidates);

}  // namespace penstock::frontend
