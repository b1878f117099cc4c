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
  std::string password_file;
};

Status run(const Options& options) {
  PENSTOCK_TRY(rpc::GrpcOptions grpc, options.tls.load());
  StopSignals signals;
  PENSTOCK_TRY(auto verifiers, read_password_file(options.password_file));
  const auto runtime = runtime::make_threaded_runtime();
  auto transport = rpc::make_grpc_transport(*runtime, std::move(grpc));
  PENSTOCK_TRY(auto node, frontend::FrontendNode::start({.sql_listen = options.sql_listen,
                                                         .meta = options.meta,
                                                         .max_connections = options.max_connections,
                                                         .verifiers = std::move(verifiers)},
                                                        *runtime, *transport));
  log::info("frontend", "SQL on {}; meta is {}", node->sql_address(), options.meta);
  signals.wait();
  node->stop();
  transport.reset();
  runtime->stop();
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
  settings->add("password-file", options->password_file,
                "Users and their SCRAM verifiers; none: no password is asked for, on loopback only");
  options->tls.add_to(*settings);
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
