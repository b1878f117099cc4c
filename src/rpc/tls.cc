#include "rpc/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>

namespace penstock::rpc {
namespace {

std::string reason_of_openssl() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::string& certificate_file, const std::string& key_file) {
  // OpenSSL writes without MSG_NOSIGNAL; a client that went away must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<TlsContext> tls(new TlsContext(SSL_CTX_new(TLS_server_method())));
  if (tls->context_ == nullptr) return error(Code::InvalidConfig, "cannot set up TLS: {}", reason_of_openssl());
  SSL_CTX_set_min_proto_version(tls->context_, TLS1_2_VERSION);
  SSL_CTX_set_mode(tls->context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(tls->context_, certificate_file.c_str()) != 1) {
    return error(Code::InvalidConfig, "cannot read the TLS certificate {}: {}", certificate_file, reason_of_openssl());
  }
  if (SSL_CTX_use_PrivateKey_file(tls->context_, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return error(Code::InvalidConfig, "cannot use the TLS key {}: {}", key_file, reason_of_openssl());
  }
  return tls;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace penstock::rpc
