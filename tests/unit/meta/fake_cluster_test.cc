// The other half of fake_cluster.h: the cluster.
#include "unit/meta/fake_cluster.h"

namespace penstock::meta::testing {

using runtime::Duration;

FakeCluster::FakeCluster(uint64_t seed, size_t computes, size_t started)
    : sim_(seed), network_(sim_), client_(network_.transport("client")), client_executor_(sim_.make_serial("client", false)) {
  options_.list_splits = [](const pb::CatalogObject& object) -> Result<SourceListing> {
    if (object.properties().contains("missing")) return error(Code::Io, "folder /nowhere does not exist");
    SourceListing listing;
    for (int i = 0; i < 3; ++i) listing.splits.push_back({fmt::format("file-{}", i), "identity"});
    listing.finite = !object.properties().contains("follow");
    return listing;
  };
  options_.on_fatal = [this](const Error& error) { fatal_ = error; };
  for (size_t i = 0; i < computes; ++i) {
    computes_.push_back({std::make_shared<FakeDisk>(), nullptr});
    computes_.back().disk->uuid = fmt::format("uuid-{}", i + 1);
  }
  start_meta();
  for (size_t i = 0; i < std::min(started, computes); ++i) {
    start_compute(i);  // one after the other, so that node i + 1 is compute i
    EXPECT_TRUE(sim_.run_until([&] { return compute(i).connected(); }, std::chrono::seconds(5)));
  }
  sim_.run_until_idle();
}

FakeCluster::~FakeCluster() {
  for (size_t i = 0; i < computes_.size(); ++i) kill_compute(i);
  kill_meta();
  sim_.stop();
}

void FakeCluster::start_meta() {
  options_.store = std::make_shared<MemoryMetaStore>(disk_);
  meta_transport_ = network_.transport("meta");
  auto started = MetaNode::start(options_, sim_, *meta_transport_, "meta");
  if (started.has_error() && started.error().code() == Code::DiskFull) {  // whoever starts it makes room and tries again
    disk_->fail_commits(ok());
    started = MetaNode::start(options_, sim_, *meta_transport_, "meta");
  }
  ASSERT_TRUE(started.has_value()) << started.error().to_string();
  meta_ = std::move(started).value();
}

void FakeCluster::kill_meta() {
  network_.kill("meta");
  meta_.reset();
}

void FakeCluster::start_compute(size_t i) {
  computes_[i].compute = std::make_shared<FakeCompute>(fmt::format("compute-{}", i + 1), sim_, network_, computes_[i].disk, ledger_);
  computes_[i].compute->start();
}

void FakeCluster::kill_compute(size_t i) {
  if (computes_[i].compute) computes_[i].compute->stop();
  computes_[i].compute.reset();
}

void FakeCluster::send(std::string_view method, const google::protobuf::Message& request) {
  client_->call("meta", fmt::format("/penstock.Meta/{}", method), request.SerializeAsString(), std::chrono::seconds(600), *client_executor_,
                [](const Result<rpc::Bytes>&) {});
}

Result<pb::AlterParallelismResponse> FakeCluster::alter_parallelism(uint32_t object, uint32_t parallelism) {
  pb::AlterParallelismRequest request;
  request.set_object_id(object);
  request.set_parallelism(parallelism);
  return call<pb::AlterParallelismResponse>("AlterParallelism", request);
}

Result<pb::DrainWorkerResponse> FakeCluster::drain(uint32_t worker, bool undo) {
  pb::DrainWorkerRequest request;
  request.set_worker_id(worker);
  request.set_undo(undo);
  return call<pb::DrainWorkerResponse>("DrainWorker", request);
}

Result<pb::DropObjectResponse> FakeCluster::drop(uint32_t object, bool cascade) {
  pb::DropObjectRequest request;
  request.set_object_id(object);
  request.set_cascade(cascade);
  return call<pb::DropObjectResponse>("DropObject", request);
}

Result<pb::FlushResponse> FakeCluster::flush(Duration timeout) {
  pb::FlushRequest request;
  request.set_database_id(1);
  return call<pb::FlushResponse>("Flush", request, timeout);
}

Result<pb::WaitForSourceResponse> FakeCluster::wait_for_source(uint32_t source, Duration timeout) {
  pb::WaitForSourceRequest request;
  request.set_source_id(source);
  return call<pb::WaitForSourceResponse>("WaitForSource", request, timeout);
}

std::vector<std::string> FakeCluster::rows(const std::string& relation) {
  pb::SystemRowsRequest request;
  request.set_relation(relation);
  const auto response = call<pb::SystemRowsResponse>("SystemRows", request);
  EXPECT_TRUE(response.has_value());
  std::vector<std::string> out;
  for (const pb::SystemRow& row : response.value().rows()) {
    std::vector<std::string> values;
    for (int i = 0; i < row.values_size(); ++i) values.push_back(row.nulls(i) ? "NULL" : row.values(i));
    out.push_back(fmt::format("{}", fmt::join(values, "|")));
  }
  return out;
}

std::string FakeCluster::inspect() { return call<pb::InspectReply>("Inspect", pb::InspectRequest()).value().text(); }

MetaModel FakeCluster::durable() { return std::move(MetaModel::load(MemoryMetaStore(disk_).scan("").value()).value()); }

}  // namespace penstock::meta::testing
