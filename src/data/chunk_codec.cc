#include <cstring>

#include "data/chunk.h"
#include "data/copy.h"
#include "data/value_format.h"

// A chunk on the wire; all numbers little-endian.
//
//   u8 version: 01 | u8 flags: 1 = ops, 2 = visibility | u16 columns | u32 rows
//   ops         if flagged: 2 bits a row (Op - 1), four rows a byte, lowest bits first
//   visibility  if flagged: one bit a row, lowest first, set = visible
//   column      u8 TypeKind | u8 flags: 1 = constant, 2 = validity | i16 precision | i16 scale
//               validity, if flagged: one bit a value, set = not NULL; then the values, `rows` of them or 1 if constant
//                 fixed    an array
//                 numeric  each as in value_codec.cc (of a NULL: nothing)
//                 varchar  u32 lengths (of a NULL: 0), then all bytes
namespace penstock::data {
namespace {

constexpr uint8_t kWireVersion = 1;
constexpr uint8_t kHasOps = 1;
constexpr uint8_t kHasVisibility = 2;
constexpr uint8_t kConstant = 1;
constexpr uint8_t kHasValidity = 2;
constexpr uint32_t kMaxWireRows = 1 << 20;

template <typename T>
void append_raw(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void append_bits(std::string& out, const Bitmap& bits) {
  out.append(reinterpret_cast<const char*>(bits.words().data()), (bits.size() + 7) / 8);
}

void append_ops(std::string& out, const std::vector<Op>& ops) {
  const size_t at = out.size();
  out.resize(at + (ops.size() + 3) / 4);
  for (size_t i = 0; i < ops.size(); ++i) {
    char& byte = out[at + i / 4];
    byte = static_cast<char>(byte | (static_cast<int>(ops[i]) - 1) << (i % 4 * 2));
  }
}

void append_texts(std::string& out, const Column& column, size_t stored) {
  const Text* const texts = column.values<Text>();
  const size_t lengths = out.size();
  out.resize(lengths + stored * sizeof(uint32_t));
  size_t total = 0;
  for (size_t i = 0; i < stored; ++i) {
    const uint32_t size = column.is_null(i) ? 0 : texts[i].size();
    std::memcpy(out.data() + lengths + i * sizeof(size), &size, sizeof(size));
    total += size;
  }
  const size_t bytes = out.size();
  out.resize(bytes + total);
  char* at = out.data() + bytes;
  for (size_t i = 0; i < stored; ++i) {
    if (column.is_null(i)) continue;
    copy_short(at, texts[i].data(), texts[i].size());
    at += texts[i].size();
  }
}

void append_numerics(std::string& out, const Column& column, size_t stored) {
  const Numeric* const values = column.values<Numeric>();
  constexpr size_t kLargest = 17;
  const size_t at = out.size();
  out.resize(at + stored * kLargest);
  char* end = out.data() + at;
  for (size_t i = 0; i < stored; ++i) {
    if (!column.is_null(i)) end = value_format::put_numeric(end, values[i]);
  }
  out.resize(static_cast<size_t>(end - out.data()));
}

void append_column(std::string& out, const Column& column) {
  const size_t stored = column.is_constant() ? 1 : column.size();
  append_raw(out, static_cast<uint8_t>(column.type().kind));
  append_raw(out, static_cast<uint8_t>((column.is_constant() ? kConstant : 0) | (column.validity() != nullptr ? kHasValidity : 0)));
  append_raw(out, column.type().precision);
  append_raw(out, column.type().scale);
  if (column.validity() != nullptr) append_bits(out, *column.validity());
  switch (column.type().kind) {
    case TypeKind::Varchar:
      return append_texts(out, column, stored);
    case TypeKind::Numeric:
      return append_numerics(out, column, stored);
    default:
      out.append(static_cast<const char*>(column.values<void>()), stored * physical_size(column.type().kind));
  }
}

}  // namespace

void encode_chunk(const StreamChunk& chunk, std::string& out) {
  PENSTOCK_CHECK(chunk.rows() <= kMaxWireRows && chunk.width() <= UINT16_MAX, "a chunk of {} rows and {} columns", chunk.rows(),
                 chunk.width());
  append_raw(out, kWireVersion);
  append_raw(out, static_cast<uint8_t>((chunk.ops() ? kHasOps : 0) | (chunk.visibility() ? kHasVisibility : 0)));
  append_raw(out, static_cast<uint16_t>(chunk.width()));
  append_raw(out, static_cast<uint32_t>(chunk.rows()));
  if (chunk.ops()) append_ops(out, *chunk.ops());
  if (chunk.visibility()) append_bits(out, *chunk.visibility());
  for (const Column& column : chunk.data().columns()) append_column(out, column);
}

namespace {

// Reads a chunk; every length is checked against the bytes that are there before anything is allocated for it.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes), total_(bytes.size()) {}

  Result<StreamChunk> read() {
    uint8_t version = 0, flags = 0;
    uint16_t width = 0;
    uint32_t rows = 0;
    PENSTOCK_TRY(number(version, "version"));
    if (version != kWireVersion) return broken(fmt::format("version {} is not known, only {}", version, kWireVersion));
    PENSTOCK_TRY(number(flags, "flags"));
    PENSTOCK_TRY(number(width, "column count"));
    PENSTOCK_TRY(number(rows, "row count"));
    if ((flags & ~(kHasOps | kHasVisibility)) != 0) return broken(fmt::format("flags {:#x}", flags));
    if (rows > kMaxWireRows) return broken(fmt::format("{} rows, more than {}", rows, kMaxWireRows));
    std::shared_ptr<const std::vector<Op>> ops;
    std::shared_ptr<const Bitmap> visibility;
    if ((flags & kHasOps) != 0) {
      PENSTOCK_TRY(ops, read_ops(rows));
    }
    if ((flags & kHasVisibility) != 0) {
      PENSTOCK_TRY(visibility, read_bits(rows, "visibility"));
    }
    std::vector<Column> columns;
    for (uint16_t c = 0; c < width; ++c) {
      PENSTOCK_TRY(auto column, read_column(rows));
      columns.push_back(std::move(column));
    }
    if (!rest_.empty()) return broken(fmt::format("{} bytes are left behind the last column", rest_.size()));
    return StreamChunk(DataChunk(std::move(columns), rows), std::move(ops), std::move(visibility));
  }

 private:
  [[nodiscard]] Error broken(std::string_view what) const {
    return error(Code::Corruption, "chunk of {} bytes, at byte {}: {}", total_, total_ - rest_.size(), what);
  }

  Result<const char*> take(size_t size, std::string_view what) {
    if (rest_.size() < size) return broken(fmt::format("{} of {} bytes, but {} are left", what, size, rest_.size()));
    const char* const at = rest_.data();
    rest_.remove_prefix(size);
    return at;
  }

  template <typename T>
  Status number(T& out, std::string_view what) {
    PENSTOCK_TRY(const auto at, take(sizeof(T), what));
    std::memcpy(&out, at, sizeof(T));
    return ok();
  }

  Result<std::shared_ptr<const std::vector<Op>>> read_ops(size_t rows) {
    PENSTOCK_TRY(const auto at, take((rows + 3) / 4, "ops"));
    auto ops = std::make_shared<std::vector<Op>>(rows);
    for (size_t i = 0; i < rows; ++i) (*ops)[i] = static_cast<Op>((at[i / 4] >> (i % 4 * 2) & 3) + 1);
    return std::shared_ptr<const std::vector<Op>>(std::move(ops));
  }

  Result<std::shared_ptr<const Bitmap>> read_bits(size_t size, std::string_view what) {
    PENSTOCK_TRY(const auto at, take((size + 7) / 8, what));
    auto bits = std::make_shared<Bitmap>(size, false);
    if (size > 0) std::memcpy(bits->words().data(), at, (size + 7) / 8);
    if (size % 64 != 0 && bits->words().back() >> (size % 64) != 0) return broken(fmt::format("{} has bits beyond {}", what, size));
    return std::shared_ptr<const Bitmap>(std::move(bits));
  }

  template <typename T>
  Status read_values(T* out, size_t stored, const Bitmap*, std::vector<BufferPtr>&) {
    PENSTOCK_TRY(const auto at, take(stored * sizeof(T), "values"));
    if constexpr (std::is_same_v<T, bool>) {
      if (std::any_of(at, at + stored, [](char byte) { return static_cast<unsigned char>(byte) > 1; })) return broken("a boolean above 1");
    }
    if (stored > 0) std::memcpy(out, at, stored * sizeof(T));
    return ok();
  }

  Status read_values(Numeric* out, size_t stored, const Bitmap* validity, std::vector<BufferPtr>&) {
    const char* const end = rest_.data() + rest_.size();
    const char* at = rest_.data();
    for (size_t i = 0; i < stored; ++i) {
      out[i] = Numeric();
      if (validity != nullptr && !validity->get(i)) continue;
      at = value_format::get_numeric(at, end, out[i]);
      if (at == nullptr) return broken(fmt::format("numeric {} cannot be read", i));
    }
    rest_.remove_prefix(static_cast<size_t>(at - rest_.data()));
    return ok();
  }

  Status read_values(Text* out, size_t stored, const Bitmap* validity, std::vector<BufferPtr>& owners) {
    PENSTOCK_TRY(const auto lengths, take(stored * sizeof(uint32_t), "text lengths"));
    const auto length = [lengths](size_t i) {
      uint32_t size = 0;
      std::memcpy(&size, lengths + i * sizeof(size), sizeof(size));
      return size;
    };
    uint64_t total = 0;
    uint32_t longest = 0;
    for (size_t i = 0; i < stored; ++i) {
      const uint32_t size = length(i);
      if (size != 0 && validity != nullptr && !validity->get(i)) return broken(fmt::format("text {} is NULL and has {} bytes", i, size));
      total += size;
      longest = std::max(longest, size);
    }
    PENSTOCK_TRY(auto at, take(total, "text"));
    if (longest > Text::kInline) {
      auto copy = std::make_shared_for_overwrite<char[]>(total);
      std::memcpy(copy.get(), at, total);
      at = copy.get();
      owners.emplace_back(std::move(copy), at);
    }
    for (size_t i = 0; i < stored; ++i) {
      const uint32_t size = length(i);
      out[i] = Text(std::string_view(at, size));
      at += size;
    }
    return ok();
  }

  Result<Column> read_column(size_t rows) {
    uint8_t kind = 0, flags = 0;
    DataType type;
    PENSTOCK_TRY(number(kind, "type"));
    PENSTOCK_TRY(number(flags, "column flags"));
    PENSTOCK_TRY(number(type.precision, "precision"));
    PENSTOCK_TRY(number(type.scale, "scale"));
    constexpr int16_t kLargestModifier = 1000;
    if (!is_type_kind(kind)) return broken(fmt::format("type {} is not known", kind));
    if ((flags & ~(kConstant | kHasValidity)) != 0) return broken(fmt::format("column flags {:#x}", flags));
    if (type.precision < -1 || type.precision > kLargestModifier || type.scale < -1 || type.scale > kLargestModifier) {
      return broken(fmt::format("type modifiers {}, {}", type.precision, type.scale));
    }
    type.kind = static_cast<TypeKind>(kind);
    const bool constant = (flags & kConstant) != 0;
    const size_t stored = constant ? 1 : rows;
    std::shared_ptr<const Bitmap> validity;
    if ((flags & kHasValidity) != 0) {
      PENSTOCK_TRY(validity, read_bits(stored, "validity"));
    }
    return with_physical(type.kind, [&]<typename T>(std::type_identity<T>) -> Result<Column> {
      std::vector<BufferPtr> owners;
      auto values = make_values<T>(stored);
      const Status status = read_values(values.get(), stored, validity.get(), owners);
      if (status.has_error()) return status.error();
      return Column(type, rows, std::shared_ptr<const T[]>(std::move(values)), std::move(validity), std::move(owners), constant);
    });
  }

  std::string_view rest_;
  const size_t total_;
};

}  // namespace

Result<StreamChunk> decode_chunk(std::string_view bytes) { return WireReader(bytes).read(); }

}  // namespace penstock::data
