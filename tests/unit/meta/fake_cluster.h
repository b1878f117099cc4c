#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "meta/meta_node.h"
#include "meta/store/memory_meta_store.h"
#include "proto/control_stream.pb.h"
#include "proto/meta_service.pb.h"
#include "rpc/memory_transport.h"
#include "runtime/sim_runtime.h"
#include "unit/meta/plans.h"

namespace penstock::meta::testing {

/// A split of a job: the job by the first of its tables, which changes when its creation begins anew.
using FakeSplit = std::pair<uint32_t, uint32_t>;
using FakeRows = std::map<FakeSplit, uint64_t>;

/// What stands for the rest of the state: by table and vnode, the epoch that its owner last wrote, which is every one.
using FakeState = std::map<std::pair<uint32_t, VNode>, uint64_t>;

/// What a compute keeps over restarts: segments with the positions its actors had read to, which stand for all state.
struct FakeDisk {
  std::string uuid;
  uint64_t incarnation = 0;
  uint64_t next_sequence = 1;
  struct Segment {
    pb::SegmentRef ref;
    FakeRows rows;  // as of the end of the epoch
    FakeState state;
  };
  std::map<uint64_t, Segment> segments;
  std::set<uint64_t> committed;  // of them
  FakeRows flushed;              // what went to the sorted store
  FakeState flushed_state;
  std::map<uint64_t, uint32_t> flushed_marks;  // with the database
  uint64_t highest_leader = 0;
  uint64_t leader_id = 0;
};

/// What all computes of a test saw, to check meta against: a commit only after every node of the barrier has completed it.
struct Ledger {
  struct Barrier {
    std::set<std::string> injected;
    std::set<std::string> completed;
  };
  std::map<std::pair<uint64_t, uint64_t>, Barrier> barriers;  // by term and prev
  std::set<uint64_t> currs;                                   // every epoch that was ever begun, of one graph
  uint64_t commits = 0;
  uint64_t recoveries = 0;      // graphs that were built with adopted state
  std::set<uint32_t> left_out;  // tables that were quarantined for a while: their state is of an older epoch
  uint64_t merges = 0;
  int backfill_barriers = 0;       // an actor's backfill takes so many
  uint64_t backfills_started = 0;  // that had waited, by actor
  uint64_t transfers = 0;
  uint64_t copies = 0;                                   // ahead of them
  std::map<uint64_t, FakeRows> positions;                // by epoch: how far the splits were read at its end
  std::map<std::string, class FakeCompute*> computes;    // by name: those that live
  std::map<std::pair<uint32_t, uint64_t>, int> columns;  // by job and term: of its table, as it was built
};

/// A compute that speaks the control stream as LocalBarrierWorker does and runs no actors: each split it has moves by one row a barrier
/// until it has `kRows`. It checks all that meta says, above all that whoever owns a vnode has what its owner last wrote.
class FakeCompute : public rpc::Service, public std::enable_shared_from_this<FakeCompute> {
 public:
  static constexpr uint64_t kRows = 20;

  FakeCompute(std::string name, runtime::Runtime& runtime, rpc::MemoryNetwork& network, std::shared_ptr<FakeDisk> disk, Ledger& ledger);
  void start();
  void stop();

  void call(std::string_view, rpc::Bytes, Reply reply) override { reply(error(Code::NotSupported, "fake")); }
  Result<Accepted> open(std::string_view method, std::shared_ptr<rpc::Stream> stream) override;

  /// Completes nothing while true; what was held is completed in order afterwards.
  void hold(bool held);
  /// From now on it hears and says nothing, as a stopped process.
  void mute() { muted_ = true; }
  /// Of the graph that has the actor; of all databases' graphs if none has.
  void send_failure(uint32_t actor, const std::string& message);
  /// Of every job that is being created here.
  void fail_creating(uint32_t score);
  void send_shutdown();
  bool left_in_good_order() const { return left_in_good_order_; }
  bool connected() const { return stream_ != nullptr && initialized_; }

 private:
  struct Graph {
    uint64_t term = 0;
    uint64_t chain_end = 0;
    bool has_initial = false;
    FakeRows rows;
    FakeState state;
    std::map<uint32_t, FakeRows> by_actor;
    std::map<uint32_t, std::vector<std::pair<uint32_t, VNode>>> owned;  // by actor
    std::set<uint32_t> actors;
    std::deque<pb::InjectBarrier> held;
    std::map<uint64_t, std::vector<uint64_t>> staged;  // by prev: segments not committed yet
    std::map<uint32_t, uint32_t> table_base;           // of an actor's job
    uint64_t trunk = 0;                                // of a job that is being created: the graph it belongs to
    bool merged = false;                               // answers for what it has in flight
    bool failed = false;                               // takes part in nothing until it is reset
    std::map<uint32_t, int> barriers;                  // each actor has passed
    std::map<uint32_t, uint32_t> waiting;              // actors whose backfill waits, and their fragments
  };

  void on_bytes(const rpc::Bytes& bytes);
  void handle(const pb::InitRequest& init);
  void handle(const pb::CreatePartialGraph& create);
  void handle(const pb::InjectBarrier& inject);
  void handle(const pb::CommitEpoch& commit);
  void handle(const pb::ResetPartialGraphs& reset);
  void handle(const pb::RemovePartialGraphs& remove);
  void handle(const pb::MergePartialGraph& merge);
  void handle(const pb::TransferVnodes& transfer);
  void adopt(Graph& graph, const pb::SegmentRef& ref, uint64_t committed);
  void drain(Graph& graph);
  void hand_over(uint64_t id);
  void take_committed(const pb::GraphId& graph, uint64_t epoch);
  void complete(Graph& graph, const pb::InjectBarrier& inject);
  void write_segment(Graph& graph, const pb::InjectBarrier& inject, pb::BarrierComplete& complete);
  void build(Graph& graph, const pb::InjectBarrier& inject);
  void start_backfills(Graph& graph, const pb::Mutation& mutation);
  void register_again();
  void send(const pb::ControlResponse& response);
  void send_failure(uint64_t id, uint32_t actor, const std::string& message, uint32_t score);

  const std::string name_;
  runtime::Runtime& runtime_;
  rpc::MemoryNetwork& network_;
  const std::shared_ptr<FakeDisk> disk_;  // shared with the next incarnation
  Ledger& ledger_;
  std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<rpc::Transport> transport_;
  std::unique_ptr<rpc::Listener> listener_;
  runtime::Timer timer_;
  std::vector<runtime::Timer> timers_;  // of answers that take time
  std::shared_ptr<rpc::Stream> stream_;
  bool initialized_ = false;
  bool stopped_ = false;
  bool held_ = false;
  bool muted_ = false;
  bool left_in_good_order_ = false;
  std::string cluster_;
  std::map<uint64_t, Graph> graphs_;
};

/// A meta and computes in simulation, each a node of the network; any of them can be killed and started again on what it had on disk.
class FakeCluster {
 public:
  explicit FakeCluster(uint64_t seed = 1, size_t computes = 2, size_t started = SIZE_MAX);
  ~FakeCluster();

  void start_meta();
  void kill_meta();
  void start_compute(size_t i);
  void kill_compute(size_t i);
  [[nodiscard]] bool has_meta() const { return meta_ != nullptr; }
  [[nodiscard]] bool has_compute(size_t i) const { return computes_[i].compute != nullptr; }

  runtime::SimRuntime& sim() { return sim_; }
  rpc::MemoryNetwork& network() { return network_; }
  Ledger& ledger() { return ledger_; }
  FakeCompute& compute(size_t i) { return *computes_[i].compute; }
  MetaNode& meta() { return *meta_; }
  MetaNode::Options& options() { return options_; }
  std::shared_ptr<MemoryMetaStore::Disk> disk() { return disk_; }
  const std::optional<Error>& fatal() const { return fatal_; }

  /// A call to meta; waiting runs the simulation.
  template <typename Response, typename Request>
  Result<Response> call(std::string_view method, const Request& request, runtime::Duration timeout = std::chrono::seconds(60)) {
    auto bytes = client_->call_and_wait(sim_, "meta", fmt::format("/penstock.Meta/{}", method), request.SerializeAsString(), timeout);
    if (bytes.has_error()) return bytes.error();
    Response response;
    EXPECT_TRUE(response.ParseFromString(bytes.value()));
    return response;
  }
  /// A call whose answer comes later or never.
  void send(std::string_view method, const google::protobuf::Message& request);
  Result<pb::CreateObjectResponse> create(const pb::CreateObjectRequest& request) {
    return call<pb::CreateObjectResponse>("CreateObject", request);
  }
  Result<pb::AlterParallelismResponse> alter_parallelism(uint32_t object, uint32_t parallelism);
  Result<pb::DrainWorkerResponse> drain(uint32_t worker, bool undo = false);
  Result<pb::DropObjectResponse> drop(uint32_t object, bool cascade = false);
  Result<pb::FlushResponse> flush(runtime::Duration timeout = std::chrono::seconds(60));
  Result<pb::WaitForSourceResponse> wait_for_source(uint32_t source, runtime::Duration timeout = std::chrono::seconds(120));
  /// Rows of a system relation, columns separated by '|'.
  std::vector<std::string> rows(const std::string& relation);
  std::string inspect();
  pb::MetaSnapshot snapshot() { return std::move(call<pb::MetaSnapshot>("GetCatalog", pb::GetCatalogRequest()).value()); }
  /// What is durable, read as a restarted meta would.
  MetaModel durable();

 private:
  struct Compute {
    std::shared_ptr<FakeDisk> disk;
    std::shared_ptr<FakeCompute> compute;
  };

  runtime::SimRuntime sim_;
  rpc::MemoryNetwork network_;
  Ledger ledger_;
  std::shared_ptr<MemoryMetaStore::Disk> disk_ = std::make_shared<MemoryMetaStore::Disk>("cluster-1");
  MetaNode::Options options_;
  std::optional<Error> fatal_;
  std::unique_ptr<rpc::Transport> meta_transport_;
  std::unique_ptr<MetaNode> meta_;
  std::vector<Compute> computes_;
  std::unique_ptr<rpc::Transport> client_;
  std::unique_ptr<runtime::Executor> client_executor_;
};

}  // namespace penstock::meta::testing
