#pragma once

#include <memory>
#include <string>

#include "compute/compute_node.h"
#include "frontend/frontend_node.h"
#include "http/monitor.h"
#include "meta/meta_node.h"
#include "runtime/threaded_runtime.h"
#include "storage/posix_filesystem.h"

/// The composition of each role: what `penstock playground` puts into one process and the other subcommands run alone.
namespace penstock::cmd {

/// A compute with its data folder and state store.
class ComputeRole {
 public:
  /// `disk_reserve` bytes; 0: the default. Errors: those of the data folder (in use, another format, not ours), of the store and of the
  /// address.
  [[nodiscard]] static Result<std::unique_ptr<ComputeRole>> start(const std::string& data_dir, compute::ComputeNode::Options options,
                                                                  uint64_t disk_reserve, runtime::Runtime& runtime,
                                                                  rpc::Transport& transport);
  [[nodiscard]] compute::ComputeNode& node() { return *node_; }

 private:
  storage::PosixFileSystem files_;
  std::unique_ptr<storage::DataFolder> folder_;
  std::unique_ptr<storage::StateStore> store_;
  std::unique_ptr<compute::ComputeNode> node_;
};

/// The port for machines that watch: `wanted` as the user says, "off" for none. If the user said nothing (""), it is `preferred`, or any
/// free port of that host when it is taken. What was done is logged. Errors: `Io` when the wanted address cannot be taken.
[[nodiscard]] Result<std::unique_ptr<http::Monitor>> start_monitor(const std::string& wanted, const std::string& preferred,
                                                                   runtime::Runtime& runtime, const metrics::Registry& registry,
                                                                   std::vector<http::MonitoredRole> roles);
constexpr std::string_view kMetricsHelp = "Address of /metrics, /healthz and /readyz; off: none; left out: ";

/// Splits as the connectors list them, for meta.
[[nodiscard]] Result<meta::SourceListing> list_source(const pb::CatalogObject& source);

/// Budget of operators' state: a quarter of the machine's memory, shared by `computes` in one process.
[[nodiscard]] size_t default_memory(uint32_t computes);
[[nodiscard]] uint32_t default_parallelism();

/// Blocks until `start(done)` has called done.
void wait_for(runtime::Runtime& runtime, const std::function<void(runtime::Job)>& start);

/// "user:SCRAM-SHA-256$…" lines. Errors: `InvalidConfig` with file and line.
[[nodiscard]] Result<std::map<std::string, std::string>> read_password_file(const std::string& path);

}  // namespace penstock::cmd
