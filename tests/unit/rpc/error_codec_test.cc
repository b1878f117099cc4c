#include "rpc/error_codec.h"

#include <gtest/gtest.h>

#include "runtime/random.h"

namespace penstock::rpc {
namespace {

Status through_bytes(const Status& status) { return decode_status(encode_status(status)); }

TEST(ErrorCodec, success_is_no_bytes) {
  EXPECT_EQ(encode_status(ok()), "");
  EXPECT_TRUE(decode_status("").has_value());
}

TEST(ErrorCodec, keeps_every_field) {
  const Error before = error(Code::UndefinedColumn, "column \"{}\" does not exist", "café")
                           .at(17)
                           .with_hint("did you mean \"cafe\"?")
                           .with_detail(std::string("zero \0 inside", 13))
                           .with_context("view v")
                           .with_context("node 2");
  const Status after = through_bytes(before);
  ASSERT_TRUE(after.has_error());
  EXPECT_EQ(after.error().code(), Code::UndefinedColumn);
  EXPECT_EQ(after.error().message(), before.message());
  EXPECT_EQ(after.error().context(), "view v, node 2");
  EXPECT_EQ(after.error().hint(), before.hint());
  EXPECT_EQ(after.error().detail(), before.detail());
  EXPECT_EQ(after.error().position(), 17U);
}

TEST(ErrorCodec, tells_no_position_from_position_zero) {
  EXPECT_EQ(through_bytes(error(Code::Syntax, "")).error().position(), std::nullopt);
  EXPECT_EQ(through_bytes(error(Code::Syntax, "").at(0)).error().position(), 0U);
}

TEST(ErrorCodec, knows_every_code) {
  for (int i = 0; i <= static_cast<int>(Code::Stale); ++i) {
    EXPECT_EQ(through_bytes(Error(Code(i), "x")).error().code(), Code(i)) << code_name(Code(i));
  }
}

TEST(ErrorCodec, takes_a_code_of_the_future_for_internal) {
  std::string bytes = encode_status(error(Code::Stale, "from tomorrow"));
  bytes.replace(bytes.find("Stale"), 5, "Rusty");
  const Status status = decode_status(bytes);
  EXPECT_EQ(status.error().code(), Code::Internal);
  EXPECT_EQ(status.error().message(), "from tomorrow");
}

TEST(ErrorCodec, golden_bytes) {
  EXPECT_EQ(encode_status(error(Code::Io, "no").at(258).with_hint("h")),
            std::string("\x01\x02Io\x01\x02\x01\x00\x00\x02\x00\x00\x00no\x00\x00\x00\x00\x01\x00\x00\x00h\x00\x00\x00\x00", 28));
}

TEST(ErrorCodec, refuses_every_truncation_and_anything_behind) {
  const std::string whole = encode_status(error(Code::Timeout, "slow").with_detail("very"));
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(decode_status(whole.substr(0, size)).error().code(), Code::Protocol) << size;
  }
  EXPECT_EQ(decode_status(whole + "x").error().code(), Code::Protocol);
}

TEST(ErrorCodec, survives_random_bytes) {
  runtime::SplitMix random(1);
  const std::string whole = encode_status(error(Code::Timeout, "slow").with_detail("very"));
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = i % 2 == 0 ? whole : std::string(random.below(60), '\0');
    const uint64_t changes = i % 2 == 0 ? 1 + random.below(3) : bytes.size();
    for (uint64_t c = 0; c < changes; ++c) bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    EXPECT_EQ(decode_status(bytes).has_error(), !bytes.empty());
  }
}

}  // namespace
}  // namespace penstock::rpc
