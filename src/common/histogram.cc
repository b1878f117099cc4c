#include "common/histogram.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/check.h"

namespace penstock {
namespace {

constexpr uint32_t kPlainCookie = 0x1c849313;
constexpr uint32_t kCompressedCookie = 0x1c849314;
constexpr size_t kHeaderBytes = 40;
constexpr size_t kMaxPlainBytes = size_t{16} << 20U;

template <typename T>
void put_big_endian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

template <typename T>
T get_big_endian(std::string_view bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8U) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put_zigzag(std::string& out, int64_t number) {
  uint64_t value = (static_cast<uint64_t>(number) << 1U) ^ static_cast<uint64_t>(number >> 63);
  for (int i = 0; i < 8 && value >= 0x80; ++i) {
    out.push_back(static_cast<char>(value | 0x80U));
    value >>= 7U;
  }
  out.push_back(static_cast<char>(value));
}

// False at the end of the bytes.
bool get_zigzag(std::string_view& bytes, int64_t& number) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 9; ++i) {
    if (bytes.empty()) return false;
    const auto byte = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    const bool last = i == 8 || byte < 0x80;
    value |= static_cast<uint64_t>(i == 8 ? byte : byte & 0x7FU) << (7 * i);
    if (last) break;
  }
  number = static_cast<int64_t>(value >> 1U) ^ -static_cast<int64_t>(value & 1U);
  return true;
}

Error broken(std::string_view why) { return error(Code::Corruption, "this is no histogram in HdrHistogram's V2 encoding: {}", why); }

}  // namespace

Histogram::Histogram(uint32_t digits, uint64_t highest) : digits_(digits), highest_(highest) {
  PENSTOCK_CHECK(digits >= 1 && digits <= 5 && highest >= 2 && highest <= static_cast<uint64_t>(INT64_MAX) / 2, "{} digits, highest {}",
                 digits, highest);
  const auto needed = 2 * static_cast<uint64_t>(std::pow(10, digits));
  half_bits_ = static_cast<uint32_t>(std::bit_width(needed - 1)) - 1;
}

size_t Histogram::index_of(uint64_t value) const {
  const uint64_t mask = (uint64_t{2} << half_bits_) - 1;
  const auto bucket = static_cast<uint32_t>(std::bit_width(value | mask)) - (half_bits_ + 1);
  return (static_cast<size_t>(bucket) << half_bits_) + static_cast<size_t>(value >> bucket);
}

uint64_t Histogram::lowest_of(size_t index) const {
  const size_t half = size_t{1} << half_bits_;
  if (index < 2 * half) return index;
  const size_t bucket = (index >> half_bits_) - 1;
  return static_cast<uint64_t>(index - (bucket << half_bits_)) << bucket;
}

uint64_t Histogram::highest_of(size_t index) const { return lowest_of(index + 1) - 1; }

void Histogram::record(uint64_t value, uint64_t count) {
  const size_t index = index_of(std::min(value, highest_));
  if (index >= counts_.size()) counts_.resize(((index >> half_bits_) + 1) << half_bits_);
  counts_[index] += count;
  total_ += count;
}

Status Histogram::merge(const Histogram& other) {
  if (other.digits_ != digits_) return error(Code::InvalidParameter, "histograms of {} and {} digits do not merge", digits_, other.digits_);
  if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  return ok();
}

uint64_t Histogram::min() const {
  const auto first = std::ranges::find_if(counts_, [](uint64_t n) { return n > 0; });
  return first == counts_.end() ? 0 : lowest_of(static_cast<size_t>(first - counts_.begin()));
}

uint64_t Histogram::max() const {
  for (size_t i = counts_.size(); i-- > 0;) {
    if (counts_[i] > 0) return highest_of(i);
  }
  return 0;
}

double Histogram::mean() const {
  double sum = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0)
      sum += static_cast<double>(counts_[i]) * (static_cast<double>(lowest_of(i)) + static_cast<double>(highest_of(i))) / 2;
  }
  return total_ == 0 ? 0 : sum / static_cast<double>(total_);
}

uint64_t Histogram::percentile(double percent) const {
  if (total_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(total_);
  // 99.9 % of 1000 is 999.0000000000001 in binary.
  const uint64_t wanted = std::clamp(static_cast<uint64_t>(std::ceil(share * (1 - 1e-12))), uint64_t{1}, total_);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return highest_of(i);
  }
  return max();
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> buckets;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0) buckets.push_back({highest_of(i), counts_[i]});
  }
  return buckets;
}

std::string Histogram::encode() const {
  std::string payload;
  size_t size = counts_.size();
  while (size > 0 && counts_[size - 1] == 0) --size;
  for (size_t i = 0; i < size;) {
    const auto next = std::find_if(counts_.begin() + static_cast<ptrdiff_t>(i), counts_.begin() + static_cast<ptrdiff_t>(size),
                                   [](uint64_t n) { return n > 0; });
    const auto zeros = static_cast<size_t>(next - counts_.begin()) - i;
    put_zigzag(payload, zeros > 1 ? -static_cast<int64_t>(zeros) : static_cast<int64_t>(counts_[i]));
    i += std::max<size_t>(zeros, 1);
  }
  std::string out;
  put_big_endian<uint32_t>(out, kPlainCookie);
  put_big_endian<uint32_t>(out, static_cast<uint32_t>(payload.size()));
  put_big_endian<uint32_t>(out, 0);
  put_big_endian<uint32_t>(out, digits_);
  put_big_endian<uint64_t>(out, 1);
  put_big_endian<uint64_t>(out, highest_);
  put_big_endian<uint64_t>(out, std::bit_cast<uint64_t>(1.0));
  return out + payload;
}

std::string Histogram::encode_compressed() const {
  const std::string plain = encode();
  uLongf size = compressBound(plain.size());
  std::string packed(size, '\0');
  const int status = compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(plain.data()), plain.size());
  PENSTOCK_CHECK(status == Z_OK, "zlib says {}", status);
  packed.resize(size);
  std::string out;
  put_big_endian<uint32_t>(out, kCompressedCookie);
  put_big_endian<uint32_t>(out, static_cast<uint32_t>(packed.size()));
  return out + packed;
}

Result<Histogram> Histogram::decode(std::string_view bytes) {
  if (bytes.size() < 8) return broken("too short");
  if (get_big_endian<uint32_t>(bytes, 0) != kCompressedCookie) return decode_plain(bytes);
  const std::string_view packed = bytes.substr(8);
  if (packed.size() != get_big_endian<uint32_t>(bytes, 4)) return broken("its length is wrong");
  std::string plain(std::min(kMaxPlainBytes, packed.size() * 1100 + 64), '\0');  // zlib's best is 1 : 1032
  uLongf size = plain.size();
  if (uncompress(reinterpret_cast<Bytef*>(plain.data()), &size, reinterpret_cast<const Bytef*>(packed.data()), packed.size()) != Z_OK) {
    return broken("it does not unpack");
  }
  return decode_plain(std::string_view(plain).substr(0, size));
}

Result<Histogram> Histogram::decode_plain(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || get_big_endian<uint32_t>(bytes, 0) != kPlainCookie) return broken("wrong cookie");
  const auto digits = get_big_endian<uint32_t>(bytes, 12);
  const auto highest = get_big_endian<uint64_t>(bytes, 24);
  if (bytes.size() - kHeaderBytes != get_big_endian<uint32_t>(bytes, 4)) return broken("its length is wrong");
  if (digits < 1 || digits > 5 || highest < 2 || highest > static_cast<uint64_t>(INT64_MAX) / 2) return broken("its range is wrong");
  if (get_big_endian<uint32_t>(bytes, 8) != 0 || get_big_endian<uint64_t>(bytes, 16) != 1)
    return broken("offset or unit are not what is supported");
  Histogram histogram(digits, highest);
  PENSTOCK_TRY(histogram.decode_counts(bytes.substr(kHeaderBytes)));
  return histogram;
}

Status Histogram::decode_counts(std::string_view payload) {
  const size_t limit = index_of(highest_) + 1;
  counts_.resize(((limit >> half_bits_) + 1) << half_bits_);
  size_t index = 0;
  while (!payload.empty()) {
    int64_t number = 0;
    if (!get_zigzag(payload, number)) return broken("it breaks off");
    if (number < 0) {
      if (static_cast<uint64_t>(-(number + 1)) >= limit - index) return broken("too many buckets");
      index += static_cast<size_t>(-number);
      continue;
    }
    if (index >= limit) return broken("too many buckets");
    counts_[index++] = static_cast<uint64_t>(number);
    if (__builtin_add_overflow(total_, static_cast<uint64_t>(number), &total_)) return broken("too many values");
  }
  return ok();
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8U | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out.push_back(k <= have ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=');
  }
  return out;
}

}  // namespace penstock
