#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace penstock::data {

/// An array of `n` Ts, uninitialised, in one allocation together with its reference count; aligned to 16 bytes. The caller writes every
/// element before it shares the array. (`make_shared_for_overwrite<T[]>` would run the constructors of Text and Numeric, which write
/// zeros.)
template <typename T>
[[nodiscard]] std::shared_ptr<T[]> make_values(size_t n) {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  struct alignas(16) Cell {
    unsigned char bytes[16];
  };
  static_assert(alignof(T) <= alignof(Cell));
  auto cells = std::make_shared_for_overwrite<Cell[]>((n * sizeof(T) + sizeof(Cell) - 1) / sizeof(Cell) + 1);
  T* const values = reinterpret_cast<T*>(cells.get());
  return {std::move(cells), values};
}

}  // namespace penstock::data
