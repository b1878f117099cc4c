#pragma once

#include "rpc/grpc_transport.h"

namespace penstock::cmd {

class Settings;

/// `--tls-cert`, `--tls-key` and `--tls-ca` of a role: how it talks with the other nodes of its cluster. All of them have the same or none.
class TlsSettings {
 public:
  void add_to(Settings& settings);
  /// Errors: `InvalidConfig`, naming the file.
  [[nodiscard]] Result<rpc::GrpcOptions> load() const;
  /// Logs a warning when `listen` is open to other hosts and whoever comes is served.
  void warn_if_open(std::string_view listen) const;

 private:
  rpc::TlsFiles files_;
};

}  // namespace penstock::cmd
