// One barrier through meta: tick, a request a node, an answer a node, the commit's transaction applied to the model. No store, no network.
#include <benchmark/benchmark.h>

#include "common/check.h"
#include "meta/barrier/checkpoint_control.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/model/rows.h"

namespace penstock::meta {
namespace {

/// `fragments` x `parallelism` actors on two nodes, in one job.
pb::CreateObjectRequest wide_job(uint32_t fragments, uint32_t parallelism) {
  pb::CreateObjectRequest request;
  request.mutable_object()->set_database_id(1);
  request.mutable_object()->set_name("wide");
  request.mutable_object()->set_kind(pb::OBJECT_TABLE);
  pb::FragmentGraph& graph = *request.mutable_graph();
  graph.set_vnode_count(parallelism);
  graph.set_parallelism(parallelism);
  graph.set_table_count(fragments);
  for (uint32_t i = 0; i < fragments; ++i) {
    pb::Fragment* fragment = graph.add_fragments();
    fragment->set_fragment_id(i);
    fragment->mutable_root()->mutable_materialize()->mutable_table()->set_table_id(i);
    fragment->set_has_materialize(i == 0);
  }
  return request;
}

class World {
 public:
  explicit World(uint32_t actors) : cluster_(Cluster::Options{}), epochs_(0), ids_(LeaderTerm{1}, 1) {
    epochs_.on_leased(UINT64_MAX >> 17);
    ids_.on_leased(UINT32_MAX);
    must(model_.apply(catalog::bootstrap(model_)));
    for (uint32_t i = 1; i <= 2; ++i) add_node(i);
    auto plan = catalog::plan_create(model_, wide_job(std::max(1U, actors / 1000), std::min(actors, 1000U)), {}, 0);
    must(model_.apply(plan.value().txn));
    control_ = std::make_unique<CheckpointControl>(DatabaseId{1}, CheckpointControl::Options{},
                                                   CheckpointControl::Environment{model_, cluster_, epochs_, ids_}, 1);
    handle(Tick{});
    handle(CommandQueued{CreateJob{plan.value().object}});
    settle();
  }

  size_t barrier() {
    now_.mono.nanos += 1'000'000'000;
    now_.unix_micros += 1'000'000;
    bytes_ = 0;
    handle(Tick{});
    settle();
    return bytes_;
  }

 private:
  static void must(const Status& status) { PENSTOCK_CHECK(status.has_value(), "{}", status.error()); }

  void add_node(uint32_t i) {
    pb::WorkerRecord record;
    record.set_worker_id(i);
    record.set_node_id(std::to_string(i));
    record.set_parallelism(1);
    Txn txn;
    rows::put(txn, record);
    must(model_.apply(txn));
    Cluster::Effects effects;
    cluster_.on_registered(now_, record, effects);
    pb::InitResponse answer;
    answer.set_node_id(record.node_id());
    cluster_.on_init_answered(now_, WorkerId{i}, std::get<Cluster::Connect>(effects.at(0)).attempt, answer, effects);
  }

  void handle(ControlEvent event) {
    ControlEffects effects;
    control_->handle(now_, std::move(event), effects);
    for (ControlEffect& effect : effects) {
      if (auto* send = std::get_if<SendRequest>(&effect)) {
        bytes_ += send->request.SerializeAsString().size();
        if (send->request.has_inject_barrier()) sent_.push_back(std::move(*send));
      } else if (auto* commit = std::get_if<CommitCheckpoint>(&effect)) {
        record_ = std::move(commit->record);
      }
    }
  }

  void settle() {
    while (!sent_.empty() || record_) {
      if (!sent_.empty()) {
        const SendRequest send = std::move(sent_.front());
        sent_.pop_front();
        const pb::InjectBarrier& inject = send.request.inject_barrier();
        BarrierCompleted done{send.worker, {}};
        *done.report.mutable_graph() = inject.graph();
        done.report.set_epoch(inject.barrier().epoch().prev());
        done.report.set_kind(inject.barrier().kind());
        handle(std::move(done));
      } else {
        const CommitPlan plan = build_commit(model_, *record_);
        must(model_.apply(plan.txn));
        const Epoch epoch = record_->epoch;
        record_.reset();
        handle(CheckpointCommitted{epoch, plan.struck_off, plan.finished});
      }
    }
  }

  MetaModel model_;
  Cluster cluster_;
  EpochGenerator epochs_;
  IdAllocator ids_;
  std::unique_ptr<CheckpointControl> control_;
  Now now_;
  std::deque<SendRequest> sent_;
  std::optional<CommitRecord> record_;
  size_t bytes_ = 0;
};

void barrier_through_meta(benchmark::State& state) {
  World world(static_cast<uint32_t>(state.range(0)));
  size_t bytes = 0;
  for (auto _ : state) bytes = world.barrier();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(barrier_through_meta)->Arg(10)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penstock::meta
