#include <CLI/CLI.hpp>

#include "cmd/command.h"
#include "cmd/roles.h"
#include "cmd/settings.h"
#include "cmd/signals.h"
#include "cmd/tls_settings.h"
#include "common/log.h"
#include "rpc/grpc_transport.h"

namespace penstock::cmd {
namespace {

struct Options {
  TlsSettings tls;
  std::string meta = "127.0.0.1:5690";
  std::string sql_listen = "127.0.0.1:4566";
  uint32_t max_connections = 100;
  uint32_t login_seconds = 60;
  std::string metrics_listen;
  std::string password_file;
  std::string sql_tls_cert, sql_tls_key;
};

Status run(const Options& options) {
  PENSTOCK_TRY(rpc::GrpcOptions grpc, options.tls.load());
  StopSignals signals;
  const metrics::Registry registry;
  PENSTOCK_TRY(auto verifiers, read_password_file(options.password_file));
  if (options.sql_tls_cert.empty() != options.sql_tls_key.empty()) {
    return error(Code::InvalidConfig, "TLS for SQL clients needs both --sql-tls-cert and --sql-tls-key");
  }
  std::unique_ptr<rpc::TlsContext> sql_tls;
  if (!options.sql_tls_cert.empty()) {
    PENSTOCK_TRY(sql_tls, rpc::TlsContext::load(options.sql_tls_cert, options.sql_tls_key));
  }
  const auto runtime = runtime::make_threaded_runtime();
  auto transport = rpc::make_grpc_transport(*runtime, std::move(grpc));
  PENSTOCK_TRY(auto node, frontend::FrontendNode::start({.sql_listen = options.sql_listen,
                                                         .meta = options.meta,
                                                         .max_connections = options.max_connections,
                                                         .login_patience = std::chrono::seconds(options.login_seconds),
                                                         .verifiers = std::move(verifiers),
                                                         .tls = std::move(sql_tls)},
                                                        *runtime, *transport));
  log::info("frontend", "SQL on {}; meta is {}", node->sql_address(), options.meta);
  auto monitor = start_monitor(options.metrics_listen, "127.0.0.1:4567", *runtime, registry, {node->monitored()});
  if (monitor.has_value()) {
    signals.wait();
    monitor.value().reset();
  }
  node->stop();
  transport.reset();
  runtime->stop();
  if (monitor.has_error()) return monitor.error();
  return ok();
}

}  // namespace

void add_frontend(CLI::App& app) {
  auto* command = app.add_subcommand("frontend", "The SQL port of a cluster");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "frontend");
  settings->add("meta", options->meta, "Address of meta");
  settings->add("sql-listen", options->sql_listen, "Address for psql and drivers");
  settings->add("max-connections", options->max_connections, "Connections at once");
  settings->add("authentication-timeout-s", options->login_seconds, "Time for a client to log in before it is cut off");
  settings->add("metrics-listen", options->metrics_listen, std::string(kMetricsHelp) + "127.0.0.1:4567, or a free port if that is taken");
  settings->add("password-file", options->password_file,
                "Users and their SCRAM verifiers; none: no password is asked for, on loopback only");
  settings->add("sql-tls-cert", options->sql_tls_cert, "Certificate for SQL clients that ask for TLS, PEM");
  settings->add("sql-tls-key", options->sql_tls_key, "Its key, PEM");
  options->tls.add_to(*settings);
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
