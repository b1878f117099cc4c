#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/error.h"

namespace penstock::rpc {

/// "127.0.0.1:4566", "[::1]:4566", "localhost:4566".
struct Address {
  std::string host;  // without brackets
  uint16_t port = 0;

  /// Errors: `InvalidParameter`, with the form that is expected.
  [[nodiscard]] static Result<Address> parse(std::string_view text);
  /// Nobody off this host can reach it. By its text: a name other than localhost is not looked up.
  [[nodiscard]] bool is_loopback() const { return host == "::1" || host == "localhost" || host.starts_with("127."); }
  /// The form that `parse` reads.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace penstock::rpc
