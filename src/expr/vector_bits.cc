#include "expr/vector_bits.h"

#include <cstring>

namespace penstock::expr {

using data::Bitmap;
using data::Column;

namespace {

static_assert(sizeof(bool) == 1);

// Eight bytes of 0 or 1 into eight bits, lowest first: the multiplication moves bit 8k to bit 56 + k.
uint64_t pack_eight(const bool* bytes) {
  uint64_t x;
  std::memcpy(&x, bytes, 8);
  return x * 0x0102040810204080 >> 56;
}

// Eight bits into eight bytes of 0 or 1: each byte keeps its own bit, adding 0x7f carries it to the top.
void unpack_eight(uint64_t bits, bool* bytes) {
  const uint64_t own = (bits & 0xff) * 0x0101010101010101 & 0x8040201008040201;
  const uint64_t x = (own + 0x7f7f7f7f7f7f7f7f) >> 7 & 0x0101010101010101;
  std::memcpy(bytes, &x, 8);
}

Bitmap pack(const bool* bytes, size_t rows) {
  Bitmap out(rows, false);
  auto& words = out.words();
  const size_t whole = rows / 64;
  for (size_t w = 0; w < whole; ++w) {
    uint64_t word = 0;
    for (size_t k = 0; k < 8; ++k) word |= pack_eight(bytes + w * 64 + k * 8) << (k * 8);
    words[w] = word;
  }
  for (size_t i = whole * 64; i < rows; ++i) words[whole] |= static_cast<uint64_t>(bytes[i]) << (i % 64);
  return out;
}

}  // namespace

Bitmap true_rows(const Column& column) {
  if (column.is_constant()) return Bitmap(column.size(), column.size() > 0 && !column.is_null(0) && column.values<bool>()[0]);
  Bitmap out = pack(column.values<bool>(), column.size());
  if (column.validity() != nullptr) out &= *column.validity();
  return out;
}

Bitmap false_rows(const Column& column) {
  if (column.is_constant()) return Bitmap(column.size(), column.size() > 0 && !column.is_null(0) && !column.values<bool>()[0]);
  Bitmap out = pack(column.values<bool>(), column.size());
  out.flip();
  if (column.validity() != nullptr) out &= *column.validity();
  return out;
}

Bitmap null_rows(const Column& column) {
  if (column.is_constant()) return Bitmap(column.size(), column.size() > 0 && column.is_null(0));
  if (column.validity() == nullptr) return Bitmap(column.size(), false);
  Bitmap out = *column.validity();
  out.flip();
  return out;
}

Column boolean_column(const Bitmap& values, std::shared_ptr<const Bitmap> validity) {
  const size_t rows = values.size();
  auto out = data::make_values<bool>(values.words().size() * 64);
  for (size_t w = 0; w < values.words().size(); ++w) {
    const uint64_t word = values.words()[w];
    for (size_t k = 0; k < 8; ++k) unpack_eight(word >> (k * 8), out.get() + w * 64 + k * 8);
  }
  return Column(data::TypeKind::Boolean, rows, std::shared_ptr<const bool[]>(std::move(out)), std::move(validity));
}

void remove_rows(Bitmap& a, const Bitmap& b) {
  for (size_t w = 0; w < a.words().size(); ++w) a.words()[w] &= ~b.words()[w];
}

std::shared_ptr<const Bitmap> unless_all(Bitmap bits) {
  if (bits.all()) return nullptr;
  return std::make_shared<const Bitmap>(std::move(bits));
}

}  // namespace penstock::expr
