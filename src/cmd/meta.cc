#include <CLI/CLI.hpp>

#include "cmd/command.h"
#include "cmd/disk_settings.h"
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
  std::string data_dir;
  std::string listen = "127.0.0.1:5690";
  std::string metrics_listen;
  uint32_t barrier_interval_ms = 1000;
  uint32_t checkpoint_frequency = 1;
  uint32_t copy_ahead = 1;
  DiskSettings disk;
};

Status run(const Options& options) {
  PENSTOCK_TRY(rpc::GrpcOptions grpc, options.tls.load());
  if (options.data_dir.empty()) return error(Code::InvalidConfig, "meta needs a folder for its state").with_hint("Give --data-dir DIR.");
  options.tls.warn_if_open(options.listen);
  StopSignals signals;
  metrics::Registry registry;
  const auto runtime = runtime::make_threaded_runtime();
  auto transport = rpc::make_grpc_transport(*runtime, std::move(grpc));
  std::optional<Error> fatal;
  meta::MetaNode::Options meta_options{.data_dir = options.data_dir,
                                       .barrier_interval_ms = options.barrier_interval_ms,
                                       .checkpoint_frequency = options.checkpoint_frequency,
                                       .list_splits = list_source,
                                       .metrics = &registry};
  meta_options.copy_ahead = options.copy_ahead != 0;
  meta_options.disk_reserve = options.disk.reserve_bytes();
  meta_options.ballast_bytes = options.disk.ballast_bytes();
  meta_options.on_fatal = [&](const Error& e) {
    fatal = e;
    signals.raise();
  };
  PENSTOCK_TRY(auto meta, meta::MetaNode::start(std::move(meta_options), *runtime, *transport, options.listen));
  log::info("meta", "serving {} (cluster {})", meta->address(), meta->cluster_id());
  auto monitor = start_monitor(options.metrics_listen, "127.0.0.1:5691", *runtime, registry, {meta->monitored()});
  if (monitor.has_value()) {
    signals.wait();
    monitor.value().reset();
  }
  if (!fatal) wait_for(*runtime, [&](runtime::Job done) { meta->shutdown(std::move(done)); });
  meta.reset();
  transport.reset();
  runtime->stop();
  if (fatal) return *fatal;
  if (monitor.has_error()) return monitor.error();
  return ok();
}

}  // namespace

void add_meta(CLI::App& app) {
  auto* command = app.add_subcommand("meta", "The coordinator of a cluster: catalog, barriers, checkpoints, recovery");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "meta");
  settings->add("data-dir", options->data_dir, "Folder of the catalog and of what is committed (needed)");
  settings->add("listen", options->listen, "Address for computes and frontends");
  settings->add("metrics-listen", options->metrics_listen, std::string(kMetricsHelp) + "127.0.0.1:5691, or a free port if that is taken");
  settings->add("barrier-interval-ms", options->barrier_interval_ms, "Time between barriers");
  settings->add("copy-ahead", options->copy_ahead, "Rows that move to another node are copied while their jobs run; 0: while they stand still");
  settings->add("checkpoint-frequency", options->checkpoint_frequency, "Every how many barriers a checkpoint is made");
  options->tls.add_to(*settings);
  options->disk.add_to(*settings);
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
