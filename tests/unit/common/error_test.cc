#include "common/error.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(Error, keeps_what_where_and_what_to_do) {
  const Error e =
      error(Code::UndefinedColumn, "column \"{}\" does not exist", "x").at(8).with_hint("did you mean \"y\"?").with_context("view v");
  EXPECT_EQ(e.to_string(), "column \"x\" does not exist (in view v). Hint: did you mean \"y\"?");
  EXPECT_EQ(e.position(), 8U);
  EXPECT_EQ(sqlstate(e.code()), "42703");
}

TEST(Error, is_passed_up_by_try) {
  const auto inner = []() -> Result<int> { return error(Code::Io, "no"); };
  const auto outer = [&]() -> Status {
    PENSTOCK_TRY(auto value, inner());
    (void)value;
    return ok();
  };
  EXPECT_EQ(outer().error().code(), Code::Io);
}

}  // namespace
}  // namespace penstock
