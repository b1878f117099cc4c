#include "rpc/grpc_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>
#include <iterator>

namespace penstock::rpc {
namespace {

Error tls_file_error(std::string_view what, const std::string& file) {
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return error(Code::InvalidConfig, "cannot use the TLS {} {}: {}", what, file, reason != nullptr ? reason : "not readable");
}

// gRPC finds a bad file only when the first peer comes, and does not say which; OpenSSL does, now.
Status check_files(const TlsFiles& files) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), &SSL_CTX_free);
  if (!context) return error(Code::InvalidConfig, "cannot set up TLS");
  ERR_clear_error();
  if (!files.certificate.empty() && SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return tls_file_error("certificate", files.certificate);
  }
  if (!files.key.empty() && SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return tls_file_error("key", files.key);
  }
  if (!files.authority.empty() && SSL_CTX_load_verify_locations(context.get(), files.authority.c_str(), nullptr) != 1) {
    return tls_file_error("authority", files.authority);
  }
  return ok();
}

std::string text_of_file(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Result<std::optional<GrpcTls>> GrpcTls::load(const TlsFiles& files) {
  if (!files.any()) return std::optional<GrpcTls>();
  if (files.certificate.empty() != files.key.empty()) {
    return error(Code::InvalidConfig, "a TLS {} needs its {} as well", files.key.empty() ? "certificate" : "key",
                 files.key.empty() ? "key" : "certificate");
  }
  PENSTOCK_TRY(check_files(files));
  return std::optional(GrpcTls{text_of_file(files.certificate), text_of_file(files.key), text_of_file(files.authority)});
}

}  // namespace penstock::rpc
