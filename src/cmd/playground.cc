#include <CLI/CLI.hpp>
#include <filesystem>

#include "cmd/command.h"
#include "cmd/disk_settings.h"
#include "cmd/roles.h"
#include "cmd/settings.h"
#include "cmd/signals.h"
#include "common/log.h"
#include "rpc/address.h"
#include "rpc/grpc_transport.h"
#include "rpc/memory_transport.h"

namespace penstock::cmd {
namespace {

struct Options {
  std::string data_dir;
  uint32_t sql_port = 4566;
  uint32_t parallelism = 0;
  uint32_t computes = 1;
  uint32_t barrier_interval_ms = 1000;
  uint32_t checkpoint_frequency = 1;
  uint64_t memory_mb = 0;
  std::string meta_listen;
  std::string metrics_listen;
  uint32_t barrier_target_ms = 500;
  DiskSettings disk;
};

/// A folder that goes away with the process, unless it was the user's.
class DataDir {
 public:
  explicit DataDir(const std::string& given) : path_(given) {
    if (!given.empty()) return;
    std::string name = (std::filesystem::temp_directory_path() / "penstock-playground-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = temporary_ = name;
  }
  ~DataDir() {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
  }
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;
  [[nodiscard]] std::string folder(const std::string& role) const { return path_ + "/" + role; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool temporary() const { return !temporary_.empty(); }

 private:
  std::string path_, temporary_;
};

constexpr std::string_view kMetaDoor = "127.0.0.1:5690";

/// Lets `penstock ctl` in: meta also answers on a port. As the user says, or else the usual port, or else any. Returns the address.
Result<std::string> open_meta_door(const std::string& wanted, meta::MetaNode& meta, rpc::Transport& transport) {
  if (const auto open = rpc::Address::parse(wanted); open.has_value() && !open.value().is_loopback()) {
    log::warn("playground", "{} is open to other hosts, and whoever reaches it can steer this playground", wanted);
  }
  auto address = meta.listen_also(transport, wanted.empty() ? kMetaDoor : wanted);
  if (address.has_error() && wanted.empty()) {
    log::warn("playground", "{}; taking a free port for penstock ctl instead", address.error().message());
    address = meta.listen_also(transport, "127.0.0.1:0");
  }
  if (address.has_error()) return address.error().with_context("--meta-listen");
  return address;
}

void say_ready(const DataDir& data, const frontend::FrontendNode& sql, const std::string& meta_address, const http::Monitor* monitor) {
  const std::string address = sql.sql_address();
  fmt::print("Penstock playground is ready. Data folder: {}{}\n\n    psql -h 127.0.0.1 -p {} -d dev -U root\n", data.path(),
             data.temporary() ? " (temporary: removed at the end; keep one with --data-dir DIR)" : "",
             address.substr(address.rfind(':') + 1));
  if (!meta_address.empty()) {
    fmt::print("    penstock ctl{} cluster\n", meta_address == kMetaDoor ? "" : " --meta " + meta_address);
  }
  if (monitor != nullptr) fmt::print("    http://{}/metrics\n", monitor->address());
  fmt::print("\nCtrl-C ends it.\n");
  std::fflush(stdout);
}

/// All roles in one process, over links in memory. Steps of its life in order: start, wait, stop.
class Playground {
 public:
  Playground(const Options& options, const DataDir& data) : options_(options), data_(data) {}
  ~Playground() { stop(); }
  Playground(const Playground&) = delete;
  Playground& operator=(const Playground&) = delete;

  /// Stop it also if this failed.
  Status start() {
    PENSTOCK_TRY(start_meta());
    for (uint32_t i = 0; i < std::max(1U, options_.computes); ++i) {
      PENSTOCK_TRY(start_compute(fmt::format("compute-{}", i)));
    }
    PENSTOCK_TRY(sql_, frontend::FrontendNode::start({.sql_listen = fmt::format("127.0.0.1:{}", options_.sql_port), .meta = "meta:5690"},
                                                     *runtime_, transport("frontend")));
    std::vector<http::MonitoredRole> roles{meta_->monitored(), sql_->monitored()};
    for (const auto& compute : computes_) roles.push_back(compute->node().monitored());
    PENSTOCK_TRY(monitor_, start_monitor(options_.metrics_listen, "127.0.0.1:5691", *runtime_, registry_, std::move(roles)));
    started_ = true;
    return ok();
  }

  /// Until the user or a failure ends it.
  void wait() {
    say_ready(data_, *sql_, meta_address_, monitor_.get());
    signals_.wait();
  }

  /// After a last checkpoint, if it ran. Again: does nothing.
  void stop() {
    if (std::exchange(stopped_, true)) return;
    monitor_.reset();
    if (sql_) sql_->stop();
    if (started_ && !fatal_) wait_for(*runtime_, [&](runtime::Job done) { meta_->shutdown(std::move(done)); });
    for (const auto& compute : computes_) {
      if (compute) wait_for(*runtime_, [&](runtime::Job done) { compute->node().stop(std::move(done)); });
    }
    meta_.reset();
    door_.reset();
    runtime_->stop();
  }

  /// What made meta give up.
  [[nodiscard]] Status outcome() const { return fatal_ ? Status(*fatal_) : ok(); }

 private:
  rpc::Transport& transport(std::string_view node) { return *transports_.emplace_back(network_.transport(node)); }

  Status start_meta() {
    meta::MetaNode::Options options{.data_dir = data_.folder("meta"),
                                    .barrier_interval_ms = options_.barrier_interval_ms,
                                    .checkpoint_frequency = options_.checkpoint_frequency,
                                    .list_splits = list_source,
                                    .metrics = &registry_};
    options.disk_reserve = options_.disk.reserve_bytes();
    options.ballast_bytes = options_.disk.ballast_bytes();
    options.on_fatal = [this](const Error& e) {
      fatal_ = e;
      signals_.raise();
    };
    PENSTOCK_TRY(meta_, meta::MetaNode::start(std::move(options), *runtime_, transport("meta"), "meta:5690"));
    if (options_.meta_listen == "off") return ok();
    door_ = rpc::make_grpc_transport(*runtime_);
    PENSTOCK_TRY(meta_address_, open_meta_door(options_.meta_listen, *meta_, *door_));
    return ok();
  }

  Status start_compute(const std::string& name) {
    const uint32_t parallelism = options_.parallelism == 0 ? default_parallelism() : options_.parallelism;
    compute::ComputeNode::Options compute{.listen = name + ":5688", .meta = "meta:5690", .parallelism = parallelism};
    compute.metrics = &registry_;
    compute.labels = {{"compute", name}};
    compute.memory_bytes = options_.memory_mb == 0 ? default_memory(options_.computes) : options_.memory_mb << 20;
    compute.barrier_target = std::chrono::milliseconds(options_.barrier_target_ms);
    compute.ballast_bytes = options_.disk.ballast_bytes();
    PENSTOCK_TRY(computes_.emplace_back(),
                 ComputeRole::start(data_.folder(name), std::move(compute), options_.disk.reserve_bytes(), *runtime_, transport(name)));
    return ok();
  }

  const Options& options_;
  const DataDir& data_;
  StopSignals signals_;
  metrics::Registry registry_;
  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime();
  rpc::MemoryNetwork network_{*runtime_};
  std::vector<std::unique_ptr<rpc::Transport>> transports_;
  std::unique_ptr<rpc::Transport> door_;  // for penstock ctl
  std::string meta_address_;
  std::optional<Error> fatal_;
  std::unique_ptr<meta::MetaNode> meta_;
  std::vector<std::unique_ptr<ComputeRole>> computes_;
  std::unique_ptr<frontend::FrontendNode> sql_;
  std::unique_ptr<http::Monitor> monitor_;
  bool started_ = false, stopped_ = false;
};

Status run(const Options& options) {
  const DataDir data(options.data_dir);
  std::error_code failed;
  std::filesystem::create_directories(data.path(), failed);
  if (failed) return error(Code::Io, "cannot make data folder {}: {}", data.path(), failed.message());
  Playground playground(options, data);
  PENSTOCK_TRY(playground.start());
  playground.wait();
  playground.stop();
  return playground.outcome();
}

}  // namespace

void add_playground(CLI::App& app) {
  auto* command = app.add_subcommand("playground", "Meta, compute and frontend in one process: the quickest way to try Penstock");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "playground");
  settings->add("data-dir", options->data_dir, "Folder for everything durable; none: a temporary one, removed at the end");
  settings->add("sql-port", options->sql_port, "Port for psql and drivers, on 127.0.0.1; 0: any free one");
  settings->add("meta-listen", options->meta_listen,
                "Address of meta for penstock ctl; off: none; left out: 127.0.0.1:5690, or a free port if that is taken");
  settings->add("metrics-listen", options->metrics_listen, std::string(kMetricsHelp) + "127.0.0.1:5691, or a free port if that is taken");
  settings->add("parallelism", options->parallelism, "Actors a compute runs of each fragment; 0: one a core");
  settings->add("computes", options->computes, "Computes in this process");
  settings->add("barrier-interval-ms", options->barrier_interval_ms, "Time between barriers");
  settings->add("checkpoint-frequency", options->checkpoint_frequency, "Every how many barriers a checkpoint is made");
  settings->add("memory-mb", options->memory_mb, "Memory for operators' state; 0: a quarter of the machine's");
  settings->add("barrier-target-ms", options->barrier_target_ms,
                "How long a barrier may be under way: sources that are faster than their jobs are held back; 0: they are not");
  options->disk.add_to(*settings);
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
