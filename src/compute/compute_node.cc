#include "compute/compute_node.h"

#include <charconv>

#include "common/log.h"
#include "compute/compute_service.h"
#include "proto/meta_service.pb.h"
#include "stream/executor/operator_tree.h"

namespace penstock::compute {
namespace {

constexpr runtime::Duration kRetry = std::chrono::milliseconds(100);
constexpr runtime::Duration kLook = std::chrono::milliseconds(500);
constexpr runtime::Duration kRegisterTimeout = std::chrono::seconds(5);
constexpr std::string_view kLeaderFile = "LEADER";

// The meta that was followed last, as decimal text: "TERM ID"; nothing when there is no file yet, no id when an older version wrote it.
Result<stream::LeaderSeen> load_leader(storage::DataFolder& folder) {
  const std::string path = fmt::format("{}/{}", folder.path(), kLeaderFile);
  stream::LeaderSeen seen;
  if (!folder.files().exists(path)) return seen;
  PENSTOCK_TRY(const std::string text, storage::read_file(folder.files(), path));
  const char* const end = text.data() + text.size();
  auto [at, failed] = std::from_chars(text.data(), end, seen.term.value);
  if (failed == std::errc() && at != end && *at == ' ') {
    const auto id = std::from_chars(at + 1, end, seen.id);
    at = id.ptr;
    failed = id.ec;
  }
  if (failed != std::errc() || std::string_view(at, end) != "\n") return error(Code::Corruption, "{} does not hold a term and an id", path);
  return seen;
}

Status save_leader(storage::DataFolder& folder, const stream::LeaderSeen& seen) {
  return storage::write_file_atomically(folder.files(), folder.path(), std::string(kLeaderFile),
                                        fmt::format("{} {}\n", seen.term, seen.id));
}

storage::DiskGuard::Space space_of(const storage::StateStore& store) {
  const auto disk = store.disk();
  return {disk.free_bytes, disk.reserve_bytes, disk.lacks_space()};
}

}  // namespace

Result<std::unique_ptr<ComputeNode>> ComputeNode::start(Options options, runtime::Runtime& runtime, rpc::Transport& transport,
                                                        storage::DataFolder& folder, storage::NodeIdentity identity,
                                                        storage::StateStore& store) {
  PENSTOCK_TRY(const stream::LeaderSeen leader, load_leader(folder));
  std::unique_ptr<ComputeNode> node(new ComputeNode(std::move(options), runtime, transport, folder, std::move(identity), store, leader));
  PENSTOCK_TRY(node->listen());
  node->loop_->post([raw = node.get()] { raw->register_with_meta(); });
  return node;
}

ComputeNode::ComputeNode(Options options, runtime::Runtime& runtime, rpc::Transport& transport, storage::DataFolder& folder,
                         storage::NodeIdentity identity, storage::StateStore& store, const stream::LeaderSeen& leader)
    : options_(std::move(options)),
      runtime_(runtime),
      transport_(transport),
      folder_(folder),
      store_(store),
      loop_(runtime.make_serial("compute", false)),
      identity_(std::move(identity)),
      memory_(options_.memory_bytes),
      actors_({runtime, store, dml_, memory_, stream::build_operator_tree}),
      exchange_client_(runtime, transport, identity_.uuid_text()),
      exchange_service_(runtime, actors_),
      puller_(runtime, transport, store),
      worker_({.node_id = identity_.uuid_text(),
               .incarnation = identity_.incarnation,
               .leader = leader,
               .persist_leader = [this](const stream::LeaderSeen& seen) { return save_leader(folder_, seen); },
               .barrier_target = options_.barrier_target,
               .metrics = options_.metrics,
               .labels = options_.labels,
               .facts = [this](pb::NodeFacts& facts) { fill_facts(facts); }},
              runtime, store, actors_),
      disk_(
          {.folder = folder.path(), .ballast_bytes = options_.ballast_bytes}, runtime, folder.files(), [&store] { return space_of(store); },
          [this](const storage::DiskReport& report) { worker_.report_disk(report); }),
      scans_(runtime, store, ownership_),
      transfers_(runtime, store) {
  actors_.set_remote(exchange_client_);
  worker_.on_transactions(dml_);
  worker_.set_vnodes(puller_, ownership_);
  worker_.on_worker_id([this](WorkerId worker) { actors_.set_worker(worker); });
}

ComputeNode::~ComputeNode() = default;

Status ComputeNode::listen() {
  service_ = std::make_shared<Service>(*this);
  PENSTOCK_TRY(listener_, transport_.listen(options_.listen, service_));
  address_ = options_.advertise.empty() ? listener_->address() : options_.advertise;
  exchange_client_.rename(address_);
  return ok();
}

void ComputeNode::register_with_meta() {
  if (stopping_) return;
  if (worker_.connected()) {
    worker_.report_memory({memory_.used(), memory_.limit(), store_.usage().batch_bytes, actors_.exchange_bytes()});
    return retry_later(kLook);
  }
  pb::RegisterWorkerRequest request;
  request.set_node_id(identity_.uuid_text());
  request.set_cluster_id(identity_.cluster_id);
  request.set_incarnation(identity_.incarnation.value);
  request.set_endpoint(address_);
  request.set_parallelism(options_.parallelism);
  transport_.call(options_.meta, "/penstock.Meta/RegisterWorker", request.SerializeAsString(), kRegisterTimeout, *loop_,
                  [this](const Result<rpc::Bytes>& answer) { on_registered(answer); });
}

void ComputeNode::on_registered(const Result<rpc::Bytes>& answer) {
  if (answer.has_error()) {
    // Once, unless the reason becomes another one: meta is back, and refuses.
    if (std::exchange(said_, answer.error().code()) != answer.error().code()) {
      log::warn("compute", "cannot join at meta {}: {}", options_.meta, answer.error());
    }
    return retry_later(kRetry);
  }
  said_.reset();
  pb::RegisterWorkerResponse response;
  if (!response.ParseFromString(answer.value())) {
    log::error("compute", "meta at {} answers with bytes that are no RegisterWorkerResponse", options_.meta);
    return retry_later(kLook);
  }
  if (identity_.cluster_id != response.cluster_id()) {
    if (Status joined = identity_.join_cluster(folder_, response.cluster_id()); joined.has_error()) {
      log::error("compute", "cannot join the cluster of meta {}: {}", options_.meta, joined.error());
      return retry_later(kRegisterTimeout);
    }
  }
  retry_later(kLook);
}

void ComputeNode::retry_later(runtime::Duration delay) {
  retry_ = runtime_.after(delay, *loop_, [this] { register_with_meta(); });
}

void ComputeNode::leave(runtime::Job done) {
  stopping_ = true;  // it does not come back by itself
  worker_.leave(std::move(done));
}

void ComputeNode::stop(runtime::Job done) {
  stopping_ = true;
  worker_.stop(std::move(done));
}

}  // namespace penstock::compute
