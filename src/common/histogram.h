#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock {

/// Counts of values from 0 to `highest`, each kept to `digits` significant decimal digits, in the buckets and the encoding of HdrHistogram:
/// 2^b values share a bucket where they are so large that 2^b is less than their last digit that matters. What two hosts recorded is
/// merged without loss; percentiles are read from the merged counts, never averaged.
///
/// Memory grows with the largest value recorded: 8 kB up to 2047, and 8 kB more each time it doubles (3 digits). Not thread-safe.
///
/// V2 encoding, integers big-endian:
///
///     i32 cookie 0x1c849313 | i32 payload bytes | i32 0 | i32 digits | i64 lowest = 1 | i64 highest | f64 1.0 | payload
///     payload: the counts from bucket 0 on, as zigzag LEB128 of at most 9 bytes; -n stands for n buckets of count 0
///
/// Compressed: i32 cookie 0x1c849314 | i32 bytes that follow | the above, deflated by zlib.
class Histogram {
 public:
  static constexpr uint64_t kHighest = 3'600'000'000'000;  // an hour in nanoseconds

  explicit Histogram(uint32_t digits = 3, uint64_t highest = kHighest);

  /// A value above `highest` counts as `highest`.
  void record(uint64_t value, uint64_t count = 1);
  /// Errors: `InvalidParameter` when the other has other digits.
  Status merge(const Histogram& other);

  [[nodiscard]] uint64_t count() const { return total_; }
  /// Of the buckets: equal to what was recorded up to `digits`. All 0 when nothing was.
  [[nodiscard]] uint64_t min() const;
  [[nodiscard]] uint64_t max() const;
  [[nodiscard]] double mean() const;
  /// The least value that at least `percent` of the values do not exceed; `percent` from 0 to 100.
  [[nodiscard]] uint64_t percentile(double percent) const;
  /// Buckets that have counts, in order: for plots.
  struct Bucket {
    uint64_t highest_value;
    uint64_t count;
  };
  [[nodiscard]] std::vector<Bucket> buckets() const;

  [[nodiscard]] std::string encode() const;
  [[nodiscard]] std::string encode_compressed() const;
  /// Of either form. Errors: `Corruption`.
  [[nodiscard]] static Result<Histogram> decode(std::string_view bytes);

 private:
  [[nodiscard]] size_t index_of(uint64_t value) const;
  [[nodiscard]] uint64_t lowest_of(size_t index) const;
  [[nodiscard]] uint64_t highest_of(size_t index) const;
  [[nodiscard]] static Result<Histogram> decode_plain(std::string_view bytes);
  Status decode_counts(std::string_view payload);

  uint32_t digits_;
  uint64_t highest_;
  uint32_t half_bits_;  // a power of two has 2^half_bits_ buckets
  uint64_t total_ = 0;
  std::vector<uint64_t> counts_;
};

/// Standard alphabet, with padding: as HdrHistogram's log files have it.
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace penstock
