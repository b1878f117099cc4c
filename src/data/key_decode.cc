#include <algorithm>

#include "data/key_codec.h"
#include "data/key_format.h"

namespace penstock::data {
namespace {

using namespace key_format;

// Reads bytes of a key, complemented where the column is descending.
class KeyReader {
 public:
  explicit KeyReader(std::string_view bytes) : rest_(bytes) {}
  void set_descending(bool descending) { mask_ = descending ? 0xff : 0; }
  [[nodiscard]] size_t left() const { return rest_.size(); }

  bool raw(unsigned char& out) {
    if (rest_.empty()) return false;
    out = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return true;
  }
  bool byte(unsigned char& out) {
    if (!raw(out)) return false;
    out ^= mask_;
    return true;
  }
  template <typename U>
  bool number(U& out) {
    if (rest_.size() < sizeof(U)) return false;
    std::memcpy(&out, rest_.begin(), sizeof(U));
    rest_.remove_prefix(sizeof(U));
    out = big_endian(out);
    if (mask_ != 0) out = static_cast<U>(~out);
    return true;
  }

  // Text up to its terminator if no byte of it was escaped or complemented.
  bool plain_text(std::string_view& out) {
    if (mask_ != 0) return false;
    const std::string_view text = rest_.substr(0, rest_.find('\0'));
    if (text.size() == rest_.size() || text.find('\1') != std::string_view::npos) return false;
    rest_.remove_prefix(text.size() + 1);
    out = text;
    return true;
  }

 private:
  std::string_view rest_;
  unsigned char mask_ = 0;
};

template <typename T>
bool read_payload(KeyReader& in, T& out) {
  Ordered<T> bits{};
  return in.number(bits) && value_of_bits(bits, out);
}

// Text is a view of the key where nothing was changed in it, else of a copy in `scratch`.
bool read_payload(KeyReader& in, std::string_view& out, std::string& scratch) {
  if (in.plain_text(out)) return true;
  scratch.clear();
  unsigned char byte = 0;
  while (in.byte(byte)) {
    if (byte == 0) {
      out = scratch;
      return true;
    }
    if (byte == 1) {
      if (!in.byte(byte) || byte < 1 || byte > 2) return false;
      --byte;
    }
    scratch += static_cast<char>(byte);
  }
  return false;
}

bool read_payload(KeyReader& in, Interval& out) {
  uint16_t high = 0;
  uint64_t low = 0;
  if (!in.number(high) || !in.number(low)) return false;
  int16_t top = 0;
  if (!value_of_bits(high, top)) return false;
  const auto total = static_cast<int128>(static_cast<uint128>(static_cast<int128>(top)) << 64 | low);
  // As many months and days as their fields hold; what is left is time.
  constexpr int128 kDay = 86'400'000'000LL;
  const auto as_int32 = [](int128 x) { return static_cast<int32_t>(std::clamp<int128>(x, INT32_MIN, INT32_MAX)); };
  out.months = as_int32(total / (30 * kDay));
  const int128 after_months = total - out.months * (30 * kDay);
  out.days = as_int32(after_months / kDay);
  out.micros = static_cast<int64_t>(after_months - out.days * kDay);
  return out.comparable() == total;
}

// The digits of a numeric and how many of them there are.
struct ReadDigits {
  uint128 value = 0;
  int count = 18;
};
bool read_digits(KeyReader& in, bool negative, ReadDigits& out) {
  const uint64_t mask = negative ? ~uint64_t{0} : 0;
  uint64_t group = 0;
  if (!in.number(group)) return false;
  group ^= mask;
  out.value = group >> 1;
  if (out.value < kPowersOfTen[17] || out.value >= kPowersOfTen[18]) return false;
  if ((group & 1) == 0) return true;
  if (!in.number(group)) return false;
  group ^= mask;
  const uint64_t second = group >> 1;
  unsigned char third = 0;
  if ((group & 1) != 0) {
    if (!in.byte(third)) return false;
    third ^= static_cast<unsigned char>(mask);
    if (third == 0) return false;
  }
  if (second >= kPowersOfTen[18] || third > 99 || (second == 0 && third == 0)) return false;
  out.value = (out.value * kPowersOfTen[18] + second) * 100 + third;
  out.count = 38;
  return true;
}

bool read_payload(KeyReader& in, Numeric& out) {
  unsigned char head = 0;
  if (!in.byte(head)) return false;
  switch (head) {
    case kNaN:
      out = Numeric::special(Numeric::Special::NaN);
      return true;
    case kPositiveInfinity:
      out = Numeric::special(Numeric::Special::PositiveInfinity);
      return true;
    case kNegativeInfinity:
      out = Numeric::special(Numeric::Special::NegativeInfinity);
      return true;
    case kZero:
      out = Numeric();
      return true;
    default:
      break;
  }
  const bool negative = head < kZero;
  const int exponent = static_cast<unsigned char>(negative ? ~head : head) - kZero - 1 + kLeastExponent;
  ReadDigits digits;
  if (exponent < kLeastExponent || exponent > kGreatestExponent || !read_digits(in, negative, digits)) return false;
  int scale = digits.count - exponent;
  if (scale < 0) {
    digits.value *= kPowersOfTen[static_cast<size_t>(-scale)];
    scale = 0;
  }
  for (; scale > 0 && digits.value % 10 == 0; --scale) digits.value /= 10;
  if (scale > Numeric::kMaxDigits) return false;
  const auto value = static_cast<int128>(digits.value);
  out = Numeric::of(negative ? -value : value, static_cast<uint8_t>(scale));
  return true;
}

// Gives each column of the key, NULL or a value, to `use(column, value or nullptr)`.
template <typename F>
Status read_columns(std::string_view bytes, std::span<const DataType> types, std::span<const SortOrder> orders, F&& use) {
  KeyReader in(bytes);
  std::string scratch;
  const auto broken = [&](size_t column, std::string_view what) {
    return error(Code::Corruption, "key of {} bytes: column {} ({}) {} at byte {}", bytes.size(), column, types[column].to_string(), what,
                 bytes.size() - in.left());
  };
  for (size_t c = 0; c < types.size(); ++c) {
    unsigned char marker = 0;
    if (!in.raw(marker)) return broken(c, "is missing");
    if (marker == (orders[c].nulls_first ? kNullFirst : kNullLast)) {
      use.null(c);
      continue;
    }
    if (marker != kNotNull) return broken(c, "has a marker that means nothing");
    in.set_descending(orders[c].descending);
    const bool read = with_physical(types[c].kind, [&]<typename T>(std::type_identity<T>) {
      if constexpr (std::is_same_v<T, Text>) {
        std::string_view text;
        if (!read_payload(in, text, scratch)) return false;
        use.template value<T>(c, text);
      } else {
        T value{};
        if (!read_payload(in, value)) return false;
        use.template value<T>(c, value);
      }
      return true;
    });
    if (!read) return broken(c, "has no readable value before");
  }
  if (in.left() != 0) return error(Code::Corruption, "key of {} bytes: {} are left behind its last column", bytes.size(), in.left());
  return ok();
}

struct KeyIntoRow {
  Row& row;
  void null(size_t) { row.emplace_back(); }
  template <typename T>
  void value(size_t, std::string_view text) {
    row.emplace_back(std::string(text));
  }
  template <typename T>
  void value(size_t, const T& value) {
    row.emplace_back(value);
  }
};

struct KeyIntoBuilders {
  std::span<AnyColumnBuilder> builders;
  void null(size_t c) { builders[c].append_null(); }
  template <typename T, typename Value>
  void value(size_t c, const Value& value) {
    builders[c].as<T>().append(value);
  }
};

}  // namespace

Result<Row> decode_key(std::string_view bytes, std::span<const DataType> types, std::span<const SortOrder> orders) {
  Row row;
  row.reserve(types.size());
  PENSTOCK_TRY(read_columns(bytes, types, orders, KeyIntoRow{row}));
  return row;
}

Status decode_key_into(std::string_view bytes, std::span<const DataType> types, std::span<const SortOrder> orders,
                       std::span<AnyColumnBuilder> builders) {
  return read_columns(bytes, types, orders, KeyIntoBuilders{builders});
}

}  // namespace penstock::data
