#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace penstock {

void check_failed(const char* file, int line, const char* condition, std::string_view why) {
  fmt::print(stderr, "penstock: internal invariant broken at {}:{}: {} {}\n", file, line, condition, why);
  std::fflush(stderr);
  std::abort();
}

}  // namespace penstock
