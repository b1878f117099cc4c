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
  std::string meta = "127.0.0.1:5690";
  std::string listen = "127.0.0.1:5688";
  std::string advertise;
  std::string metrics_listen;
  uint32_t parallelism = 0;
  uint64_t memory_mb = 0;
  uint32_t barrier_target_ms = 500;
  DiskSettings disk;
};

Status run(const Options& options) {
  PENSTOCK_TRY(rpc::GrpcOptions grpc, options.tls.load());
  if (options.data_dir.empty())
    return error(Code::InvalidConfig, "a compute needs a folder for its state").with_hint("Give --data-dir DIR.");
  options.tls.warn_if_open(options.listen);
  StopSignals signals;
  metrics::Registry registry;
  const auto runtime = runtime::make_threaded_runtime();
  auto transport = rpc::make_grpc_transport(*runtime, std::move(grpc));
  compute::ComputeNode::Options node{.listen = options.listen, .advertise = options.advertise, .meta = options.meta};
  node.parallelism = options.parallelism == 0 ? default_parallelism() : options.parallelism;
  node.memory_bytes = options.memory_mb == 0 ? default_memory(1) : options.memory_mb << 20;
  node.metrics = &registry;
  node.barrier_target = std::chrono::milliseconds(options.barrier_target_ms);
  node.ballast_bytes = options.disk.ballast_bytes();
  PENSTOCK_TRY(auto role, ComputeRole::start(options.data_dir, std::move(node), options.disk.reserve_bytes(), *runtime, *transport));
  log::info("compute", "serving {} with data in {}; meta is {}", role->node().address(), options.data_dir, options.meta);
  auto monitor = start_monitor(options.metrics_listen, "127.0.0.1:1222", *runtime, registry, {role->node().monitored()});
  if (monitor.has_value()) {
    signals.wait();
    monitor.value().reset();
  }
  wait_for(*runtime, [&](runtime::Job done) { role->node().stop(std::move(done)); });
  transport.reset();
  runtime->stop();
  if (monitor.has_error()) return monitor.error();
  return ok();
}

}  // namespace

void add_compute(CLI::App& app) {
  auto* command = app.add_subcommand("compute", "A worker of a cluster: runs the views' actors and keeps their state");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "compute");
  settings->add("meta", options->meta, "Address of meta");
  settings->add("listen", options->listen, "Address for meta, frontends and other computes");
  settings->add("advertise", options->advertise, "Address the others reach this one at; none: the one listened on");
  settings->add("metrics-listen", options->metrics_listen, std::string(kMetricsHelp) + "127.0.0.1:1222, or a free port if that is taken");
  settings->add("data-dir", options->data_dir, "Folder of this node's state (needed)");
  settings->add("parallelism", options->parallelism, "Actors this node runs of each fragment; 0: one a core");
  settings->add("memory-mb", options->memory_mb, "Memory for operators' state; 0: a quarter of the machine's");
  settings->add("barrier-target-ms", options->barrier_target_ms,
                "How long a barrier may be under way: sources that are faster than their jobs are held back; 0: they are not");
  options->tls.add_to(*settings);
  options->disk.add_to(*settings);
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
