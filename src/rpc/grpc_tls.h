#pragma once

#include <optional>
#include <string>

#include "common/error.h"

namespace penstock::rpc {

/// Files in PEM form; each may be missing.
struct TlsFiles {
  std::string certificate;  // this end's, with the chain up to its authority
  std::string key;          // of the certificate
  std::string authority;    // certificates that peers' are checked against

  [[nodiscard]] bool any() const { return !certificate.empty() || !key.empty() || !authority.empty(); }
};

/// How connections between nodes are encrypted; the same for both ends.
///  - A listener shows its certificate. With an authority it admits only peers that show one of that authority (mutual TLS).
///  - A client checks the listener's certificate, which must name the host (or address) it was called by, against the authority, or
///    without one against the system's; it shows its own certificate when it has one.
struct GrpcTls {
  std::string certificate;
  std::string key;
  std::string authority;

  [[nodiscard]] bool can_listen() const { return !certificate.empty(); }
  /// Nothing when no file is named: no encryption.
  /// Errors: `InvalidConfig`, naming the file: not readable, no PEM, a key of another certificate, or one of both alone.
  [[nodiscard]] static Result<std::optional<GrpcTls>> load(const TlsFiles& files);
};

}  // namespace penstock::rpc
