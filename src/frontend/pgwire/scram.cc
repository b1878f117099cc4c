#include "frontend/pgwire/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <charconv>
#include <vector>

namespace penstock::frontend::pgwire {
namespace {

constexpr std::string_view kPrefix = "SCRAM-SHA-256$";

std::string hmac(std::string_view key, std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

std::string sha256(std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(n));
  return out;
}

Result<std::string> unbase64(std::string_view text) {
  std::string out(3 * text.size() / 4 + 3, '\0');
  const int n = text.size() % 4 != 0 ? -1
                                     : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                       reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0) return error(Code::Protocol, "malformed SCRAM message: no base64");
  out.resize(static_cast<size_t>(n));
  for (size_t i = text.size(); i > 0 && text[i - 1] == '=' && !out.empty(); --i) out.pop_back();
  return out;
}

// The value of attribute `name` in "a=…,b=…"; nullopt if it is not there.
std::optional<std::string_view> attribute(std::string_view message, char name) {
  while (!message.empty()) {
    const size_t comma = std::min(message.find(','), message.size());
    const std::string_view part = message.substr(0, comma);
    if (part.size() >= 2 && part[0] == name && part[1] == '=') return part.substr(2);
    message.remove_prefix(std::min(comma + 1, message.size()));
  }
  return std::nullopt;
}

Error malformed(std::string_view what) { return error(Code::Protocol, "malformed SCRAM message: {}", what); }

}  // namespace

Result<ScramServer> ScramServer::create(std::string_view verifier) {
  const auto bad = [] { return error(Code::InvalidConfig, "a stored password is no SCRAM-SHA-256 verifier"); };
  if (!verifier.starts_with(kPrefix)) return bad();
  verifier.remove_prefix(kPrefix.size());
  const size_t colon = verifier.find(':');
  const size_t dollar = verifier.find('$');
  const size_t second = dollar == std::string_view::npos ? dollar : verifier.find(':', dollar);
  if (colon == std::string_view::npos || dollar == std::string_view::npos || second == std::string_view::npos || colon > dollar)
    return bad();
  ScramServer server;
  const auto [end, failed] = std::from_chars(verifier.data(), verifier.data() + colon, server.iterations_);
  if (failed != std::errc() || end != verifier.data() + colon || server.iterations_ == 0) return bad();
  server.salt_base64_ = verifier.substr(colon + 1, dollar - colon - 1);
  auto stored = unbase64(verifier.substr(dollar + 1, second - dollar - 1));
  auto key = unbase64(verifier.substr(second + 1));
  if (stored.has_error() || key.has_error() || stored.value().size() != SHA256_DIGEST_LENGTH || key.value().size() != SHA256_DIGEST_LENGTH)
    return bad();
  server.stored_key_ = stored.value();
  server.server_key_ = key.value();
  return server;
}

Result<std::string> ScramServer::first(std::string_view body, std::span<const char> nonce) {
  const size_t name_end = body.find('\0');
  if (name_end == std::string_view::npos || body.substr(0, name_end) != "SCRAM-SHA-256")
    return malformed("the mechanism is not SCRAM-SHA-256");
  body.remove_prefix(name_end + 1);
  if (body.size() < 4) return malformed("no initial response");
  body.remove_prefix(4);  // its length; the message ends with it
  if (!body.starts_with("n,") && !body.starts_with("y,")) return malformed("channel binding is not supported");
  const size_t bare = body.find(',', 2);
  if (bare == std::string_view::npos) return malformed("no GS2 header");
  client_first_bare_ = body.substr(bare + 1);
  const auto client_nonce = attribute(client_first_bare_, 'r');
  if (!client_nonce || client_nonce->empty()) return malformed("no nonce");
  nonce_ = std::string(*client_nonce) + base64({nonce.data(), nonce.size()});
  server_first_ = fmt::format("r={},s={},i={}", nonce_, salt_base64_, iterations_);
  return server_first_;
}

Result<std::string> ScramServer::final(std::string_view body) const {
  const auto failed = [] { return error(Code::AuthenticationFailed, "wrong password"); };
  const size_t proof_at = body.rfind(",p=");
  const auto nonce = attribute(body, 'r');
  if (proof_at == std::string_view::npos || !nonce || *nonce != nonce_) return failed();
  auto proof = unbase64(body.substr(proof_at + 3));
  if (proof.has_error() || proof.value().size() != SHA256_DIGEST_LENGTH) return failed();
  const std::string auth = fmt::format("{},{},{}", client_first_bare_, server_first_, body.substr(0, proof_at));
  std::string client_key = hmac(stored_key_, auth);
  for (size_t i = 0; i < client_key.size(); ++i) client_key[i] = static_cast<char>(client_key[i] ^ proof.value()[i]);
  if (CRYPTO_memcmp(sha256(client_key).data(), stored_key_.data(), stored_key_.size()) != 0) return failed();
  return "v=" + base64(hmac(server_key_, auth));
}

std::string make_verifier(std::string_view password, std::span<const char> salt, uint32_t iterations) {
  std::string salted(SHA256_DIGEST_LENGTH, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(salt.data()),
                    static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(), SHA256_DIGEST_LENGTH,
                    reinterpret_cast<unsigned char*>(salted.data()));
  return fmt::format("{}{}:{}${}:{}", kPrefix, iterations, base64({salt.data(), salt.size()}), base64(sha256(hmac(salted, "Client Key"))),
                     base64(hmac(salted, "Server Key")));
}

}  // namespace penstock::frontend::pgwire
