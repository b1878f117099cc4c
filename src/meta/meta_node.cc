#include "meta/meta_node.h"

#include "common/log.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/service/meta_loop.h"

namespace penstock::meta {
namespace {

std::string new_cluster_id(runtime::Runtime& runtime) {
  std::array<uint8_t, 16> bytes;
  runtime.random_bytes(bytes.data(), bytes.size());
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) out += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  return out;
}

// Tells this meta from one on a copy of the folder, which counts the same term.
uint64_t new_leader_id(runtime::Runtime& runtime) {
  uint64_t id = 0;
  while (id == 0) runtime.random_bytes(&id, sizeof id);
  return id;
}

}  // namespace

Result<std::unique_ptr<MetaNode>> MetaNode::start(Options options, runtime::Runtime& runtime, rpc::Transport& transport,
                                                  std::string_view address) {
  if (!options.store) {
    PENSTOCK_TRY(auto store, open_rocksdb_meta_store(options.data_dir, new_cluster_id(runtime)));
    options.store = std::move(store);
  }
  PENSTOCK_TRY(const LeaderTerm leader, options.store->lead(new_leader_id(runtime)));
  PENSTOCK_TRY(auto leaders, options.store->leaders());
  PENSTOCK_TRY(const auto rows, options.store->scan(""));
  PENSTOCK_TRY(auto model, MetaModel::load(rows));
  if (const Txn first = catalog::bootstrap(model); !first.empty()) {
    PENSTOCK_TRY(options.store->commit(leader, first));
    PENSTOCK_TRY(model.apply(first));
  }
  const std::string cluster_id = options.store->cluster_id();
  auto loop = std::make_shared<MetaLoop>(std::move(options), runtime, transport, leader, std::move(leaders), std::move(model));
  auto listening = loop->listen(address);
  if (listening.has_error()) return listening.error();
  loop->post([loop = loop.get()] { loop->begin(); });
  return std::unique_ptr<MetaNode>(new MetaNode(runtime, std::move(loop), std::move(listening).value(), cluster_id));
}

MetaNode::MetaNode(runtime::Runtime& runtime, std::shared_ptr<MetaLoop> loop, std::string address, std::string cluster_id)
    : runtime_(runtime), loop_(std::move(loop)), address_(std::move(address)), cluster_id_(std::move(cluster_id)) {}

MetaNode::~MetaNode() {
  const auto waiter = runtime_.make_waiter();
  loop_->executor().post([loop = loop_, signal = Signal(waiter)] { loop->stop(); });
  while (!waiter->wait_for(std::chrono::seconds(1))) {
  }
  if (!loop_->stopped()) loop_->stop();  // the runtime has stopped: nothing runs any more
  // A commit may be under way, and streams tell of their end; only then is the store free for the next meta.
  const auto gone = runtime_.make_waiter();
  loop_->signal_when_gone(Signal(gone));
  loop_.reset();
  if (!gone->wait_for(std::chrono::seconds(10))) log::error("meta", "the loop did not end within 10 s");
}

void MetaNode::shutdown(runtime::Job done, runtime::Duration patience) {
  loop_->post([loop = loop_.get(), done = std::move(done), patience]() mutable { loop->shutdown(std::move(done), patience); });
}

}  // namespace penstock::meta
