#include "frontend/pgwire/value_format.h"

#include <bit>
#include <cstring>

namespace penstock::frontend::pgwire {
namespace {

constexpr int64_t kPostgresEpochDays = 10957;  // 2000-01-01 since 1970-01-01
constexpr int64_t kPostgresEpochMicros = kPostgresEpochDays * 86'400'000'000;

template <typename T>
void append_be(T value, std::string& out) {
  using U = std::make_unsigned_t<T>;
  const auto bits = static_cast<U>(value);
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

template <typename T>
Result<T> read_be(std::string_view bytes) {
  if (bytes.size() != sizeof(T)) return error(Code::Protocol, "a binary parameter has {} bytes, its type {}", bytes.size(), sizeof(T));
  std::make_unsigned_t<T> bits = 0;
  for (const char c : bytes) bits = static_cast<std::make_unsigned_t<T>>(bits << 8 | static_cast<unsigned char>(c));
  return static_cast<T>(bits);
}

// numeric_send: count of base-10000 digits, weight of the first, sign, display scale, digits.
void append_numeric(const data::Numeric& value, std::string& out) {
  using Special = data::Numeric::Special;
  const auto head = [&](int16_t digits, int16_t weight, uint16_t sign, uint16_t scale) {
    append_be(digits, out);
    append_be(weight, out);
    append_be(sign, out);
    append_be(scale, out);
  };
  switch (value.special()) {
    case Special::NaN:
      return head(0, 0, 0xC000, 0);
    case Special::PositiveInfinity:
      return head(0, 0, 0xD000, 0);
    case Special::NegativeInfinity:
      return head(0, 0, 0xF000, 0);
    case Special::Finite:
      break;
  }
  std::string text = value.to_string();
  const bool negative = text.starts_with('-');
  if (negative) text.erase(0, 1);
  const size_t point = text.find('.');
  std::string whole = text.substr(0, point);
  std::string fraction = point == std::string::npos ? "" : text.substr(point + 1);
  const auto scale = static_cast<uint16_t>(fraction.size());
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  fraction.append((4 - fraction.size() % 4) % 4, '0');
  auto weight = static_cast<int16_t>(whole.size() / 4 - 1);
  std::vector<int16_t> digits;
  const std::string all = whole + fraction;
  for (size_t i = 0; i < all.size(); i += 4) digits.push_back(static_cast<int16_t>(std::stoi(all.substr(i, 4))));
  while (!digits.empty() && digits.front() == 0) {
    digits.erase(digits.begin());
    --weight;
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  if (digits.empty()) weight = 0;
  head(static_cast<int16_t>(digits.size()), weight, negative ? 0x4000 : 0, scale);
  for (const int16_t digit : digits) append_be(digit, out);
}

}  // namespace

void append_binary(const data::Datum& value, data::DataType type, std::string& out) {
  switch (type.kind) {
    case data::TypeKind::Boolean:
      out.push_back(std::get<bool>(value) ? 1 : 0);
      return;
    case data::TypeKind::Int16:
      return append_be(std::get<int16_t>(value), out);
    case data::TypeKind::Int32:
      return append_be(std::get<int32_t>(value), out);
    case data::TypeKind::Int64:
      return append_be(std::get<int64_t>(value), out);
    case data::TypeKind::Float32:
      return append_be(std::bit_cast<int32_t>(std::get<float>(value)), out);
    case data::TypeKind::Float64:
      return append_be(std::bit_cast<int64_t>(std::get<double>(value)), out);
    case data::TypeKind::Numeric:
      return append_numeric(std::get<data::Numeric>(value), out);
    case data::TypeKind::Varchar:
      out += std::get<std::string>(value);
      return;
    case data::TypeKind::Date:
      return append_be(static_cast<int32_t>(std::get<int32_t>(value) - kPostgresEpochDays), out);
    case data::TypeKind::Timestamp:
      return append_be(std::get<int64_t>(value) - kPostgresEpochMicros, out);
    case data::TypeKind::Interval: {
      const auto& interval = std::get<data::Interval>(value);
      append_be(interval.micros, out);
      append_be(interval.days, out);
      append_be(interval.months, out);
      return;
    }
  }
}

Result<std::string> binary_to_text(std::string_view bytes, data::DataType type) {
  const auto text = [&](auto value) { return data::to_text(data::Datum(value), type); };
  switch (type.kind) {
    case data::TypeKind::Boolean: {
      PENSTOCK_TRY(const int8_t b, read_be<int8_t>(bytes));
      return text(b != 0);
    }
    case data::TypeKind::Int16: {
      PENSTOCK_TRY(const int16_t v, read_be<int16_t>(bytes));
      return text(v);
    }
    case data::TypeKind::Int32: {
      PENSTOCK_TRY(const int32_t v, read_be<int32_t>(bytes));
      return text(v);
    }
    case data::TypeKind::Int64: {
      PENSTOCK_TRY(const int64_t v, read_be<int64_t>(bytes));
      return text(v);
    }
    case data::TypeKind::Float32: {
      PENSTOCK_TRY(const int32_t v, read_be<int32_t>(bytes));
      return text(std::bit_cast<float>(v));
    }
    case data::TypeKind::Float64: {
      PENSTOCK_TRY(const int64_t v, read_be<int64_t>(bytes));
      return text(std::bit_cast<double>(v));
    }
    case data::TypeKind::Varchar:
      return std::string(bytes);
    case data::TypeKind::Date: {
      PENSTOCK_TRY(const int32_t v, read_be<int32_t>(bytes));
      return text(static_cast<int32_t>(v + kPostgresEpochDays));
    }
    case data::TypeKind::Timestamp: {
      PENSTOCK_TRY(const int64_t v, read_be<int64_t>(bytes));
      if (v > INT64_MAX - kPostgresEpochMicros) return error(Code::DatetimeOverflow, "timestamp out of range");
      return text(v + kPostgresEpochMicros);
    }
    case data::TypeKind::Numeric:
    case data::TypeKind::Interval:
      break;
  }
  return error(Code::NotSupported, "a parameter of type {} in binary form is not supported", type.to_string())
      .with_hint("Send it as text.");
}

}  // namespace penstock::frontend::pgwire
