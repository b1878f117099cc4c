#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "data/chunk.h"
#include "data/datetime.h"

/// Random values, rows and chunks from a seed: many NULLs, small numbers that repeat, and every edge of each type.
namespace penstock::data::testing {

inline const std::vector<DataType> kAllTypes = {TypeKind::Boolean, TypeKind::Int16,     TypeKind::Int32,   TypeKind::Int64,
                                                TypeKind::Float32, TypeKind::Float64,   TypeKind::Numeric, TypeKind::Varchar,
                                                TypeKind::Date,    TypeKind::Timestamp, TypeKind::Interval};

class RandomData {
 public:
  explicit RandomData(uint64_t seed) : engine_(seed) {}

  uint64_t below(uint64_t n) { return engine_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  template <typename T>
  T integer() {
    switch (below(5)) {
      case 0:
        return static_cast<T>(static_cast<int64_t>(below(7)) - 3);
      case 1:
        return std::numeric_limits<T>::min();
      case 2:
        return std::numeric_limits<T>::max();
      default:
        return static_cast<T>(engine_() >> below(60));
    }
  }
  template <typename T>
  T floating() {
    constexpr T kEdges[] = {T{0},
                            -T{0},
                            std::numeric_limits<T>::infinity(),
                            -std::numeric_limits<T>::infinity(),
                            std::numeric_limits<T>::quiet_NaN(),
                            std::numeric_limits<T>::denorm_min(),
                            std::numeric_limits<T>::max()};
    if (one_in(3)) return kEdges[below(std::size(kEdges))];
    return static_cast<T>(static_cast<double>(static_cast<int64_t>(engine_())) * std::pow(10, static_cast<double>(below(30)) - 30));
  }
  std::string text() {
    std::string out;
    const size_t size = one_in(4) ? below(40) : below(6);
    for (size_t i = 0; i < size; ++i)
      out += one_in(3) ? static_cast<char>(below(3)) : static_cast<char>(one_in(8) ? 0xff - below(3) : 'a' + below(3));
    return out;
  }
  Numeric numeric() {
    switch (below(12)) {
      case 0:
        return Numeric::special(Numeric::Special::NaN);
      case 1:
        return Numeric::special(Numeric::Special::PositiveInfinity);
      case 2:
        return Numeric::special(Numeric::Special::NegativeInfinity);
      case 3:
        return Numeric::of(static_cast<int64_t>(0)).round(static_cast<int>(below(5))).value();
      default:
        break;
    }
    __int128 value = 0;
    for (size_t digits = below(39); digits > 0; --digits) value = value * 10 + static_cast<int>(one_in(2) ? 0 : below(10));
    return Numeric::of(one_in(2) ? value : -value, static_cast<uint8_t>(below(39)));
  }
  Interval interval() {
    if (one_in(2))
      return {static_cast<int32_t>(below(3)), static_cast<int32_t>(below(60)) - 30, static_cast<int64_t>(below(3)) * kMicrosPerDay};
    return {integer<int32_t>(), integer<int32_t>(), integer<int64_t>()};
  }
  Datum value(TypeKind kind, uint64_t null_one_in = 5) {
    if (one_in(null_one_in)) return {};
    switch (kind) {
      case TypeKind::Boolean:
        return one_in(2);
      case TypeKind::Int16:
        return integer<int16_t>();
      case TypeKind::Int32:
      case TypeKind::Date:
        return integer<int32_t>();
      case TypeKind::Int64:
      case TypeKind::Timestamp:
        return integer<int64_t>();
      case TypeKind::Float32:
        return floating<float>();
      case TypeKind::Float64:
        return floating<double>();
      case TypeKind::Numeric:
        return numeric();
      case TypeKind::Varchar:
        return text();
      case TypeKind::Interval:
        return interval();
    }
    return {};
  }
  Row row(const std::vector<DataType>& types, uint64_t null_one_in = 5) {
    Row out;
    for (const DataType type : types) out.push_back(value(type.kind, null_one_in));
    return out;
  }
  std::vector<DataType> types(size_t most) {
    std::vector<DataType> out(1 + below(most));
    for (DataType& type : out) type = kAllTypes[below(kAllTypes.size())];
    return out;
  }
  DataChunk chunk(const std::vector<DataType>& types, size_t rows, uint64_t null_one_in = 5) {
    StreamChunkBuilder builder(types);
    for (size_t i = 0; i < rows; ++i) builder.append(Op::Insert, row(types, null_one_in));
    return builder.finish().data();
  }

 private:
  std::mt19937_64 engine_;
};

inline std::vector<uint32_t> all_of(size_t n) {
  std::vector<uint32_t> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(i);
  return out;
}

inline std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

/// A chunk as its text table, without anything that the text form does not show.
inline std::string table_of(const DataChunk& chunk) { return to_table(StreamChunk(chunk)); }

}  // namespace penstock::data::testing
