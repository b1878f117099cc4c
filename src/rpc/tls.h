#pragma once

#include <memory>
#include <string>

#include "common/error.h"

struct ssl_ctx_st;
struct ssl_st;

namespace penstock::rpc {

/// A server's certificate and key. Thread-safe once loaded. TLS 1.2 and later.
class TlsContext {
 public:
  /// Files in PEM form; the certificate may be followed by its chain. Errors: `InvalidConfig`, naming the file and the reason.
  [[nodiscard]] static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate_file, const std::string& key_file);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

 private:
  friend class TcpStream;
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

}  // namespace penstock::rpc
