#include <CLI/CLI.hpp>
#include <filesystem>

#include "cmd/command.h"
#include "cmd/disk_settings.h"
#include "cmd/roles.h"
#include "cmd/settings.h"
#include "cmd/signals.h"
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

void say_ready(const DataDir& data, const frontend::FrontendNode& sql) {
  const std::string address = sql.sql_address();
  fmt::print("Penstock playground is ready. Data folder: {}{}\n\n    psql -h 127.0.0.1 -p {} -d dev -U root\n\nCtrl-C ends it.\n",
             data.path(), data.temporary() ? " (temporary: removed at the end; keep one with --data-dir DIR)" : "",
             address.substr(address.rfind(':') + 1));
  std::fflush(stdout);
}

Status run(const Options& options) {
  StopSignals signals;
  const DataDir data(options.data_dir);
  std::error_code failed;
  std::filesystem::create_directories(data.path(), failed);
  if (failed) return error(Code::Io, "cannot make data folder {}: {}", data.path(), failed.message());
  const uint32_t parallelism = options.parallelism == 0 ? default_parallelism() : options.parallelism;
  const auto runtime = runtime::make_threaded_runtime();
  rpc::MemoryNetwork network(*runtime);
  std::vector<std::unique_ptr<rpc::Transport>> transports;
  const auto transport = [&](std::string_view node) -> rpc::Transport& { return *transports.emplace_back(network.transport(node)); };

  std::optional<Error> fatal;
  meta::MetaNode::Options meta_options{.data_dir = data.folder("meta"),
                                       .barrier_interval_ms = options.barrier_interval_ms,
                                       .checkpoint_frequency = options.checkpoint_frequency,
                                       .list_splits = list_source};
  meta_options.disk_reserve = options.disk.reserve_bytes();
  meta_options.ballast_bytes = options.disk.ballast_bytes();
  meta_options.on_fatal = [&](const Error& e) {
    fatal = e;
    signals.raise();
  };
  std::unique_ptr<meta::MetaNode> meta;
  std::vector<std::unique_ptr<ComputeRole>> computes;
  std::unique_ptr<frontend::FrontendNode> sql;
  const auto start = [&]() -> Status {
    PENSTOCK_TRY(meta, meta::MetaNode::start(std::move(meta_options), *runtime, transport("meta"), "meta:5690"));
    for (uint32_t i = 0; i < std::max(1U, options.computes); ++i) {
      const std::string name = fmt::format("compute-{}", i);
      compute::ComputeNode::Options compute{.listen = name + ":5688", .meta = "meta:5690", .parallelism = parallelism};
      compute.memory_bytes = options.memory_mb == 0 ? default_memory(options.computes) : options.memory_mb << 20;
      compute.ballast_bytes = options.disk.ballast_bytes();
      PENSTOCK_TRY(computes.emplace_back(),
                   ComputeRole::start(data.folder(name), std::move(compute), options.disk.reserve_bytes(), *runtime, transport(name)));
    }
    PENSTOCK_TRY(sql, frontend::FrontendNode::start({.sql_listen = fmt::format("127.0.0.1:{}", options.sql_port), .meta = "meta:5690"},
                                                    *runtime, transport("frontend")));
    return ok();
  };
  Status outcome = start();
  if (outcome.has_value()) {
    say_ready(data, *sql);
    signals.wait();
  }
  if (sql) sql->stop();
  if (outcome.has_value() && !fatal) wait_for(*runtime, [&](runtime::Job done) { meta->shutdown(std::move(done)); });
  for (const auto& compute : computes) {
    if (compute) wait_for(*runtime, [&](runtime::Job done) { compute->node().stop(std::move(done)); });
  }
  meta.reset();
  runtime->stop();
  if (fatal) return *fatal;
  return outcome;
}

}  // namespace

void add_playground(CLI::App& app) {
  auto* command = app.add_subcommand("playground", "Meta, compute and frontend in one process: the quickest way to try Penstock");
  const auto options = std::make_shared<Options>();
  const auto settings = std::make_shared<Settings>(*command, "playground");
  settings->add("data-dir", options->data_dir, "Folder for everything durable; none: a temporary one, removed at the end");
  settings->add("sql-port", options->sql_port, "Port for psql and drivers, on 127.0.0.1; 0: any free one");
  settings->add("parallelism", options->parallelism, "Actors a compute runs of each fragment; 0: one a core");
  settings->add("computes", options->computes, "Computes in this process");
  settings->add("barrier-interval-ms", options->barrier_interval_ms, "Time between barriers");
  settings->add("checkpoint-frequency", options->checkpoint_frequency, "Every how many barriers a checkpoint is made");
  settings->add("memory-mb", options->memory_mb, "Memory for operators' state; 0: a quarter of the machine's");
  options->disk.add_to(*settings);
  command->callback([=] {
    Status loaded = settings->load();
    finish(loaded.has_error() ? loaded : run(*options));
  });
}

}  // namespace penstock::cmd
