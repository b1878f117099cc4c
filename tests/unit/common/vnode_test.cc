#include "common/vnode.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(VNodeBitmap, survives_its_bytes) {
  VNodeBitmap bitmap(256);
  for (const VNode v : {0, 1, 2, 63, 64, 255}) bitmap.add(v);
  const auto back = VNodeBitmap::from_bytes(256, bitmap.to_bytes());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back.value(), bitmap);
  EXPECT_EQ(bitmap.to_string(), "0-2,63-64,255");
  EXPECT_EQ(bitmap.count(), 6U);
}

TEST(VNodeBitmap, refuses_bytes_of_another_size) {
  EXPECT_EQ(VNodeBitmap::from_bytes(256, "abc").error().code(), Code::Protocol);
  EXPECT_FALSE(VNodeBitmap::from_bytes(3, std::string("\x0f\0\0\0\0\0\0\0", 8)).has_value());
}

TEST(VNodeBitmap, of_all_covers_all) {
  EXPECT_TRUE(VNodeBitmap::all(100).covers_all());
  EXPECT_FALSE(VNodeBitmap(100).covers_all());
  EXPECT_TRUE(VNodeBitmap(100).empty());
}

}  // namespace
}  // namespace penstock
