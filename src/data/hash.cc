#include "data/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cmath>
#include <limits>

#include "data/chunk.h"
#include "data/mix.h"

namespace penstock::data {
namespace {

constexpr uint64_t kNullHash = 0xa0761d6478bd642fULL;
constexpr uint64_t kNoColumnsHash = 0;

// As in a join of float4 with float8: the value as a double.
uint64_t hash_double(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  return mix64(std::bit_cast<uint64_t>(value == 0 ? 0.0 : value));
}

template <typename T, bool First, bool Nullable>
void hash_rows_of(const Column& column, std::span<uint64_t> hashes) {
  const T* const values = column.values<T>();
  for (size_t i = 0; i < hashes.size(); ++i) {
    uint64_t hash = hash_value(values[i]);
    if constexpr (Nullable) hash = column.validity()->get(i) ? hash : kNullHash;
    hashes[i] = First ? hash : mix_pair(hashes[i], hash);
  }
}

template <bool First>
void hash_constant(uint64_t hash, std::span<uint64_t> hashes) {
  for (uint64_t& h : hashes) h = First ? hash : mix_pair(h, hash);
}

template <typename T, bool First>
void hash_column_of(const Column& column, std::span<uint64_t> hashes) {
  if (hashes.empty()) return;
  if (column.is_constant()) return hash_constant<First>(column.is_null(0) ? kNullHash : hash_value(column.value<T>(0)), hashes);
  if (column.validity() != nullptr) return hash_rows_of<T, First, true>(column, hashes);
  hash_rows_of<T, First, false>(column, hashes);
}

}  // namespace

uint64_t hash_text(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

template <typename T>
uint64_t hash_value(const T& value) {
  if constexpr (std::is_same_v<T, Text>) {
    return hash_text(value.view());
  } else if constexpr (std::is_same_v<T, Numeric>) {
    return value.hash();
  } else if constexpr (std::is_same_v<T, Interval>) {
    const auto total = static_cast<unsigned __int128>(value.comparable());
    return mix_pair(mix64(static_cast<uint64_t>(total)), static_cast<uint64_t>(total >> 64));
  } else if constexpr (std::is_floating_point_v<T>) {
    return hash_double(value);
  } else {
    return mix64(static_cast<uint64_t>(static_cast<int64_t>(value)));
  }
}
template uint64_t hash_value(const bool&);
template uint64_t hash_value(const int16_t&);
template uint64_t hash_value(const int32_t&);
template uint64_t hash_value(const int64_t&);
template uint64_t hash_value(const float&);
template uint64_t hash_value(const double&);
template uint64_t hash_value(const Numeric&);
template uint64_t hash_value(const Text&);
template uint64_t hash_value(const Interval&);

void hash_column(const Column& column, std::span<uint64_t> hashes, bool first) {
  PENSTOCK_CHECK(hashes.size() == column.size(), "{} hashes for {} rows", hashes.size(), column.size());
  with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) {
    first ? hash_column_of<T, true>(column, hashes) : hash_column_of<T, false>(column, hashes);
  });
}

void hash_rows(const DataChunk& chunk, std::span<const uint32_t> keys, std::vector<uint64_t>& out) {
  out.resize(chunk.rows());
  if (keys.empty()) std::fill(out.begin(), out.end(), kNoColumnsHash);
  for (size_t k = 0; k < keys.size(); ++k) hash_column(chunk.column(keys[k]), out, k == 0);
}

std::vector<VNode> vnodes_of(const DataChunk& chunk, std::span<const uint32_t> keys, uint32_t vnode_count) {
  std::vector<VNode> out(chunk.rows(), 0);
  if (keys.empty()) return out;
  std::vector<uint64_t> hashes;
  hash_rows(chunk, keys, hashes);
  if (std::has_single_bit(vnode_count)) {
    const uint64_t mask = vnode_count - 1;
    for (size_t i = 0; i < hashes.size(); ++i) out[i] = static_cast<VNode>(hashes[i] & mask);
  } else {
    for (size_t i = 0; i < hashes.size(); ++i) out[i] = static_cast<VNode>(hashes[i] % vnode_count);
  }
  return out;
}

}  // namespace penstock::data
