#include "data/bitmap.h"

#include <gtest/gtest.h>

#include "unit/data/random_data.h"

namespace penstock::data {
namespace {

Bitmap random_bitmap(testing::RandomData& random, size_t size) {
  Bitmap bits;
  for (size_t i = 0; i < size; ++i) bits.push_back(random.one_in(2));
  return bits;
}

TEST(Bitmap, has_no_bits_beyond_its_size) {
  for (const size_t size : {0U, 1U, 63U, 64U, 65U, 200U}) {
    Bitmap bits(size, true);
    EXPECT_EQ(bits.count(), size);
    EXPECT_TRUE(bits.all());
    bits.flip();
    EXPECT_TRUE(bits.none());
    bits.flip();
    EXPECT_EQ(bits, Bitmap(size, true));
  }
}

TEST(Bitmap, grows_and_shrinks_like_a_vector_of_bools) {
  testing::RandomData random(1);
  Bitmap bits;
  std::vector<bool> model;
  for (int step = 0; step < 500; ++step) {
    const size_t size = random.below(200);
    const bool value = random.one_in(2);
    bits.resize(size, value);
    model.resize(size, value);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(bits.get(i), model[i]) << size << " at " << i;
    ASSERT_EQ(bits.count(), static_cast<size_t>(std::count(model.begin(), model.end(), true)));
  }
}

TEST(Bitmap, slices_and_gathers_bit_by_bit) {
  testing::RandomData random(2);
  for (int step = 0; step < 200; ++step) {
    const Bitmap bits = random_bitmap(random, 1 + random.below(300));
    const size_t begin = random.below(bits.size());
    const size_t count = random.below(bits.size() - begin + 1);
    const Bitmap slice = bits.slice(begin, count);
    std::vector<uint32_t> picks;
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(slice.get(i), bits.get(begin + i));
      picks.push_back(static_cast<uint32_t>(random.below(bits.size())));
    }
    const Bitmap gathered = bits.gather(picks);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(gathered.get(i), bits.get(picks[i]));
    EXPECT_EQ(bits.indices().size(), bits.count());
  }
}

TEST(Bitmap, combines_in_place) {
  Bitmap a(70, false);
  Bitmap b(70, false);
  a.set(1, true);
  a.set(69, true);
  b.set(69, true);
  Bitmap both = a;
  both &= b;
  EXPECT_EQ(both.indices(), std::vector<uint32_t>({69}));
  b |= a;
  EXPECT_EQ(b.indices(), std::vector<uint32_t>({1, 69}));
}

}  // namespace
}  // namespace penstock::data
