#include "common/histogram.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

Histogram of(std::initializer_list<uint64_t> values) {
  Histogram histogram;
  for (const uint64_t value : values) histogram.record(value);
  return histogram;
}

TEST(Histogram, is_empty_at_first) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.percentile(99), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(Histogram, small_values_are_exact_and_large_ones_to_three_digits) {
  for (uint64_t value = 0; value < 2048; ++value) EXPECT_EQ(of({value}).max(), value);
  for (uint64_t value = 2048; value < Histogram::kHighest; value = value * 5 / 3 + 1) {
    const Histogram one = of({value});
    EXPECT_LE(one.min(), value);
    EXPECT_GE(one.max(), value);
    EXPECT_LE(static_cast<double>(one.max() - one.min()), static_cast<double>(value) / 1000);
  }
}

TEST(Histogram, a_value_above_the_highest_counts_as_the_highest) {
  const Histogram histogram = of({UINT64_MAX});
  EXPECT_EQ(histogram.max(), of({Histogram::kHighest}).max());
}

TEST(Histogram, percentiles_are_the_least_value_that_covers_them) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  EXPECT_EQ(histogram.percentile(0), 1U);
  EXPECT_EQ(histogram.percentile(50), 500U);
  EXPECT_EQ(histogram.percentile(99), 990U);
  EXPECT_EQ(histogram.percentile(99.9), 999U);
  EXPECT_EQ(histogram.percentile(99.91), 1000U);
  EXPECT_EQ(histogram.percentile(100), 1000U);
  EXPECT_DOUBLE_EQ(histogram.mean(), 500.5);
}

TEST(Histogram, merged_ones_answer_as_one_that_saw_everything) {
  Histogram fast, slow, all;
  for (uint64_t i = 0; i < 1000; ++i) {
    fast.record(100 + i);
    slow.record(1'000'000 + i * 1000);
    all.record(100 + i);
    all.record(1'000'000 + i * 1000);
  }
  ASSERT_TRUE(fast.merge(slow));
  EXPECT_EQ(fast.encode(), all.encode());
  EXPECT_FALSE(fast.merge(Histogram(2)));
}

TEST(Histogram, is_encoded_as_hdrhistogram_documents) {
  // cookie, 4 bytes of payload, offset 0, 3 digits, lowest 1, highest 2^41 …, ratio 1.0; one 0 bucket is a 0, then 1 x 1, 3 empty, 2 x 5.
  const std::string bytes = of({1, 5, 5}).encode();
  EXPECT_EQ(bytes.substr(0, 16), std::string("\x1c\x84\x93\x13\0\0\0\x04\0\0\0\0\0\0\0\x03", 16));
  EXPECT_EQ(bytes.substr(16, 8), std::string("\0\0\0\0\0\0\0\x01", 8));
  EXPECT_EQ(bytes.substr(32, 8), std::string("\x3f\xf0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(40), std::string("\0\x02\x05\x04", 4));
}

TEST(Histogram, is_decoded_from_both_forms) {
  Histogram histogram = of({0, 1, 2047, 2048, 123456789, Histogram::kHighest});
  histogram.record(77, uint64_t{1} << 60U);
  for (const std::string& bytes : {histogram.encode(), histogram.encode_compressed()}) {
    const Result<Histogram> back = Histogram::decode(bytes);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back.value().encode(), histogram.encode());
    EXPECT_EQ(back.value().count(), histogram.count());
  }
}

TEST(Histogram, refuses_bytes_that_are_none) {
  const std::string good = of({1, 5, 70000}).encode();
  for (size_t size = 0; size < good.size(); ++size) EXPECT_TRUE(Histogram::decode(good.substr(0, size)).has_error()) << size;
  EXPECT_TRUE(Histogram::decode(good + "x").has_error());
  const std::string packed = of({1, 5, 70000}).encode_compressed();
  for (size_t size = 0; size < packed.size(); ++size) EXPECT_TRUE(Histogram::decode(packed.substr(0, size)).has_error()) << size;
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1 << bit);
      const Result<Histogram> back = Histogram::decode(bad);  // must not crash, whatever it says
      if (i < 4) {
        EXPECT_TRUE(back.has_error());
      }
    }
  }
}

TEST(Base64, pads) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

}  // namespace
}  // namespace penstock
