#pragma once

#include <fmt/format.h>

#include <string_view>

/// `PENSTOCK_CHECK(condition, "why {}", x)` ends the process with a message when one of *our own* invariants is broken.
/// Always on. Never for input: what a client, a file or another process sends is answered with an `Error`.

namespace penstock {

[[noreturn]] void check_failed(const char* file, int line, const char* condition, std::string_view why);

}  // namespace penstock

#define PENSTOCK_CHECK(condition, ...)                                                         \
  do {                                                                                         \
    if (!(condition)) [[unlikely]] {                                                           \
      ::penstock::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
    }                                                                                          \
  } while (false)
