#include "cmd/roles.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "common/log.h"
#include "connector/source/catalog_spec.h"
#include "frontend/pgwire/scram.h"
#include "proto/catalog.pb.h"
#include "storage/disk_guard.h"
#include "storage/rocksdb/rocksdb_state_store.h"

namespace penstock::cmd {

Result<std::unique_ptr<ComputeRole>> ComputeRole::start(const std::string& data_dir, compute::ComputeNode::Options options,
                                                        uint64_t disk_reserve, runtime::Runtime& runtime, rpc::Transport& transport) {
  auto role = std::make_unique<ComputeRole>();
  PENSTOCK_TRY(role->folder_, storage::DataFolder::open(role->files_, data_dir));
  PENSTOCK_TRY(storage::make_room_to_begin(role->files_, data_dir));
  PENSTOCK_TRY(storage::NodeIdentity identity,
               storage::NodeIdentity::load_or_create(*role->folder_, [&](void* out, size_t size) { runtime.random_bytes(out, size); }));
  storage::RocksDbOptions store_options;
  store_options.log.disk_reserve = disk_reserve;
  store_options.log.memory_budget = std::max<uint64_t>(options.memory_bytes, 256ULL << 20);
  PENSTOCK_TRY(role->store_, storage::open_rocksdb_state_store(runtime, *role->folder_, identity.uuid, store_options));
  PENSTOCK_TRY(role->node_,
               compute::ComputeNode::start(std::move(options), runtime, transport, *role->folder_, std::move(identity), *role->store_));
  return role;
}

Result<std::unique_ptr<http::Monitor>> start_monitor(const std::string& wanted, const std::string& preferred, runtime::Runtime& runtime,
                                                     const metrics::Registry& registry, std::vector<http::MonitoredRole> roles) {
  if (wanted == "off") return std::unique_ptr<http::Monitor>();
  auto monitor = http::Monitor::start(runtime, wanted.empty() ? preferred : wanted, registry, roles);
  if (monitor.has_error() && wanted.empty()) {
    log::warn("monitor", "{}; taking a free port instead", monitor.error().message());
    monitor = http::Monitor::start(runtime, preferred.substr(0, preferred.rfind(':')) + ":0", registry, std::move(roles));
  }
  if (monitor.has_error()) return monitor.error().with_context("--metrics-listen");
  log::info("monitor", "metrics on http://{}/metrics, health on /healthz and /readyz", monitor.value()->address());
  return monitor;
}

Result<meta::SourceListing> list_source(const pb::CatalogObject& source) {
  const connector::SourceSpec spec = connector::spec_of(source);
  PENSTOCK_TRY(const auto splits, connector::list_splits(spec));
  meta::SourceListing listing{.finite = connector::is_finite(spec)};
  for (const connector::SplitPosition& split : splits) listing.splits.push_back({split.id, split.identity});
  return listing;
}

size_t default_memory(uint32_t computes) {
  const auto pages = static_cast<size_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) / 4 / std::max(1U, computes);
}

uint32_t default_parallelism() { return static_cast<uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); }

void wait_for(runtime::Runtime& runtime, const std::function<void(runtime::Job)>& start) {
  const auto waiter = runtime.make_waiter();
  start([waiter] { waiter->notify(); });
  (void)waiter->wait_for(std::chrono::seconds(30));
}

Result<std::map<std::string, std::string>> read_password_file(const std::string& path) {
  std::map<std::string, std::string> verifiers;
  if (path.empty()) return verifiers;
  std::ifstream file(path);
  if (!file) return error(Code::InvalidConfig, "cannot read password file {}", path);
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos || frontend::pgwire::ScramServer::create(line.substr(colon + 1)).has_error()) {
      return error(Code::InvalidConfig, "{}:{}: a line is user:SCRAM-SHA-256$…", path, number)
          .with_hint("Make one with: penstock password USER");
    }
    verifiers[line.substr(0, colon)] = line.substr(colon + 1);
  }
  return verifiers;
}

}  // namespace penstock::cmd
