#include "cmd/tls_settings.h"

#include "cmd/settings.h"
#include "common/log.h"
#include "rpc/address.h"

namespace penstock::cmd {

void TlsSettings::add_to(Settings& settings) {
  settings.add("tls-cert", files_.certificate, "Certificate of this node, PEM: connections between nodes are encrypted");
  settings.add("tls-key", files_.key, "Its key, PEM");
  settings.add("tls-ca", files_.authority, "Authority of the other nodes' certificates, PEM: no others are served");
}

Result<rpc::GrpcOptions> TlsSettings::load() const {
  rpc::GrpcOptions options;
  PENSTOCK_TRY(options.tls, rpc::GrpcTls::load(files_));
  return options;
}

void TlsSettings::warn_if_open(std::string_view listen) const {
  const auto address = rpc::Address::parse(listen);
  if (address.has_error() || address.value().is_loopback() || !files_.authority.empty()) return;
  log::warn("tls", "{} is open to other hosts, and whoever reaches it is served{}; give --tls-cert, --tls-key and --tls-ca", listen,
            files_.certificate.empty() ? ", without encryption" : "");
}

}  // namespace penstock::cmd
