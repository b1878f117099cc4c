#include "rpc/address.h"

#include <charconv>

namespace penstock::rpc {

Result<Address> Address::parse(std::string_view text) {
  const auto bad = [text] {
    return error(Code::InvalidParameter, "\"{}\" is no address", text).with_hint("write HOST:PORT, as in 127.0.0.1:4566 or [::1]:4566");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();  // IPv6 needs its brackets
  }
  Address address{std::string(host), 0};
  const auto [end, failed] = std::from_chars(port.begin(), port.end(), address.port);
  if (host.empty() || port.empty() || failed != std::errc() || end != port.end()) return bad();
  return address;
}

std::string Address::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace penstock::rpc
