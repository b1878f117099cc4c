#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/vnode.h"
#include "data/column.h"

namespace penstock::data {

/// Hashes of values: stable for ever, because vnodes on disk depend on them (golden tests).
///
///  - NULLs hash alike.
///  - Integers of 16, 32 and 64 bits, dates and timestamps of equal value hash alike, and so does a numeric of that value.
///  - Floats and doubles of equal value hash alike; -0 as 0, all NaNs alike.
///  - Numeric by value, not scale; Interval by `comparable()`.
///  - Text: XXH3 of its bytes.
/// vnodes are taken from the low bits: a hash table within an actor takes its bits from the top.

/// first: hashes[i] = hash of row i; else row i is mixed into hashes[i].
void hash_column(const Column& column, std::span<uint64_t> hashes, bool first);
[[nodiscard]] uint64_t hash_text(std::string_view text);
/// Of the physical value. T as `with_physical` says.
template <typename T>
[[nodiscard]] uint64_t hash_value(const T& value);

}  // namespace penstock::data
