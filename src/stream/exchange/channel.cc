#include "stream/exchange/channel.h"

#include "data/physical.h"

namespace penstock::stream {
namespace {

/// Bytes of the texts in a column, as a few rows say that are spread over it.
size_t text_bytes(const data::Column& column) {
  constexpr size_t kSamples = 16;
  const size_t samples = std::min(kSamples, column.size());
  size_t bytes = 0;
  for (size_t i = 0; i < samples; ++i) {
    const size_t row = i * column.size() / samples;
    if (!column.is_null(row)) bytes += column.value<data::Text>(row).size();
  }
  return bytes * column.size() / samples;
}

size_t column_bytes(const data::Column& column) {
  if (column.is_constant() || column.size() == 0) return 0;
  return data::with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) {
    size_t bytes = sizeof(T) * column.size();
    if constexpr (std::is_same_v<T, data::Text>) bytes += text_bytes(column);
    return bytes;
  });
}

}  // namespace

size_t chunk_weight(const data::StreamChunk& chunk) {
  size_t bytes = 0;
  for (const data::Column& column : chunk.data().columns()) bytes += column_bytes(column);
  return std::max({size_t{1}, chunk.rows(), bytes / kBytesPerRow});
}

}  // namespace penstock::stream
