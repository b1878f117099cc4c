#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/error.h"

namespace penstock::frontend::pgwire {

/// SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677; without channel binding). Passwords are kept only as verifiers in Postgres' form:
/// "SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>", base64.
class ScramServer {
 public:
  /// Errors: `InvalidConfig` if the verifier has another form.
  [[nodiscard]] static Result<ScramServer> create(std::string_view verifier);
  /// The client's SASLInitialResponse body -> the challenge. Errors: `Protocol`.
  [[nodiscard]] Result<std::string> first(std::string_view body, std::span<const char> nonce);
  /// The client's proof -> the server's signature. Errors: `AuthenticationFailed`.
  [[nodiscard]] Result<std::string> final(std::string_view body) const;

 private:
  std::string salt_base64_;
  uint32_t iterations_ = 0;
  std::string stored_key_;
  std::string server_key_;
  std::string nonce_;
  std::string client_first_bare_;
  std::string server_first_;
};

/// The verifier of a password.
[[nodiscard]] std::string make_verifier(std::string_view password, std::span<const char> salt, uint32_t iterations = 4096);

}  // namespace penstock::frontend::pgwire
