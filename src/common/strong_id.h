#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <functional>

namespace penstock {

/// An integer that is one kind of id and no other. Ordered, hashable, printable; conversion only by name.
template <typename Tag, typename Rep>
struct StrongId {
  using rep = Rep;
  Rep value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  constexpr auto operator<=>(const StrongId&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, StrongId id) {
    return H::combine(std::move(h), id.value);
  }
};

}  // namespace penstock

template <typename Tag, typename Rep>
struct std::hash<penstock::StrongId<Tag, Rep>> {
  size_t operator()(penstock::StrongId<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};

template <typename Tag, typename Rep>
struct fmt::formatter<penstock::StrongId<Tag, Rep>> : fmt::formatter<Rep> {
  auto format(penstock::StrongId<Tag, Rep> id, fmt::format_context& ctx) const { return fmt::formatter<Rep>::format(id.value, ctx); }
};
