#include "bench/workload/run_resources.h"

#include <filesystem>

#include "storage/memory/memory_state_store.h"
#include "storage/node_identity.h"
#include "storage/rocksdb/rocksdb_state_store.h"

namespace penstock::bench {

Result<RunResources::OpenStore*> RunResources::open(const std::string& kind, const std::string& path) {
  const auto [found, fresh] = stores_.try_emplace(kind + ":" + path);
  OpenStore& open = found->second;
  if (!fresh) return &open;
  if (kind == "memory") {
    open.store = std::make_unique<storage::MemoryStateStore>(storage::MemoryStateStore::Options{.disk = nullptr, .runtime = &runtime_});
    return &open;
  }
  Result<std::unique_ptr<storage::DataFolder>> folder = storage::DataFolder::open(files_, folder_of(path));
  if (folder.has_error()) {
    stores_.erase(found);
    return folder.error();
  }
  open.folder = std::move(folder.value());
  storage::NodeUuid node{};
  runtime_.random_bytes(node.data(), node.size());
  auto store = storage::open_rocksdb_state_store(runtime_, *open.folder, node);
  if (store.has_error()) {
    stores_.erase(found);
    return store.error();
  }
  open.store = std::move(store.value());
  return &open;
}

Result<storage::StateStore*> RunResources::state_store(const std::string& kind, const std::string& path) {
  const MutexLock lock(mutex_);
  PENSTOCK_TRY(OpenStore * store, open(kind, path));
  return store->store.get();
}

// A graph for each worker: its checkpoints are its own.
Result<StateSlot*> RunResources::state_slot(const std::string& kind, const std::string& path, uint32_t index) {
  const MutexLock lock(mutex_);
  PENSTOCK_TRY(OpenStore * store, open(kind, path));
  std::unique_ptr<StateSlot>& slot = store->slots[index];
  if (slot) return slot.get();
  auto made = std::make_unique<StateSlot>();
  made->graph = PartialGraphId{index + 1};
  made->table = TableId{index + 1};
  made->committed = epoch_of_unix_millis(runtime_.unix_micros() / 1000);
  made->current = Epoch{made->committed.value + (uint64_t{1} << 16U)};
  const storage::GraphTerm term{made->graph, Term{1}};
  PENSTOCK_TRY(store->store->open_graph(term, made->committed, {}));
  PENSTOCK_TRY(
      made->rows,
      store->store->open_table(
          {.table = made->table, .graph = made->graph, .vnodes = VNodeBitmap::all(), .name = fmt::format("bench worker {}", index)}));
  PENSTOCK_TRY(store->store->start_epoch(made->graph, made->current, std::span(&made->table, 1)));
  PENSTOCK_TRY(made->rows->init({made->committed, made->current}));
  slot = std::move(made);
  return slot.get();
}

StreamLedger& RunResources::stream_ledger(const std::string& table, uint32_t index) {
  const MutexLock lock(mutex_);
  return ledgers_[table][index];
}

void RunResources::forget_streams(const std::string& table) {
  const MutexLock lock(mutex_);
  ledgers_.erase(table);
}

Status RunResources::remove_state(const std::string& kind, const std::string& path) {
  const MutexLock lock(mutex_);
  stores_.erase(kind + ":" + path);
  if (kind == "memory") return ok();
  std::error_code failed;
  std::filesystem::remove_all(folder_of(path), failed);
  if (failed) return error(Code::Io, "cannot remove {}: {}", folder_of(path), failed.message());
  return ok();
}

}  // namespace penstock::bench
