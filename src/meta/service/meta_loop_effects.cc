// What the machines want done, one small arm each, and what nodes say on their control streams.
#include "common/log.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/model/rows.h"
#include "meta/service/inspector.h"
#include "meta/service/meta_loop.h"
#include "meta/service/source_watch.h"

namespace penstock::meta {
namespace {

constexpr runtime::Duration kLeaveDelay = std::chrono::milliseconds(200);

}  // namespace

// ---- databases ------------------------------------------------------------------------------------------------------------------------

void MetaLoop::perform(DatabaseId, SendRequest& effect) { streams_.send(effect.worker, effect.request); }

void MetaLoop::perform(DatabaseId database, CommitCheckpoint& effect) {
  const auto plan = std::make_shared<CommitPlan>();  // shared by the two ends of the commit
  submit(
      [this, plan, record = effect.record]() -> Result<Txn> {
        *plan = build_commit(model_, record);
        return std::move(plan->txn);
      },
      [this, plan, database, epoch = effect.record.epoch, placed = !effect.record.placed.empty()](const Status&) {
        if (placed) changed_placements_ = true;
        enqueue(database, CheckpointCommitted{epoch, std::move(plan->struck_off), std::move(plan->finished)});
        if (!plan->replaced.empty()) on_dropped(std::move(plan->replaced), error(Code::Cancelled, "it was given another query"));
        sources_->on_progress();
      });
}

void MetaLoop::perform(DatabaseId database, CommitRescale& effect) {
  submit([this, record = effect.record]() -> Result<Txn> { return build_commit(model_, record).txn; },
         [this, database](const Status&) {
           changed_placements_ = true;
           enqueue(database, RescaleCommitted{});
         });
}

void MetaLoop::perform(DatabaseId, RescaleDone& effect) {
  auto found = rescales_.extract(effect.waiter.id);
  if (!found.empty()) found.mapped()(effect.result);
}

void MetaLoop::perform(DatabaseId, LeaseWanted& effect) {
  if (std::exchange(lease_wanted_, true)) return;
  submit(
      [this, actors = effect.actors]() -> Result<Txn> {
        Txn txn;
        rows::put_counter(txn, Counter::EpochLease, epochs_.next_lease(runtime_.unix_micros()));
        rows::put_counter(txn, Counter::ActorLimit, ids_.next_actor_limit(actors));
        return txn;
      },
      [this](const Status&) {
        lease_wanted_ = false;
        for (const auto& [id, control] : databases_) enqueue(id, Tick{});
      });
}

void MetaLoop::perform(DatabaseId, FlushDone& effect) {
  auto found = flushes_.extract(effect.waiter.id);
  if (!found.empty()) found.mapped()(effect);
}

void MetaLoop::perform(DatabaseId, JobCreated& effect) {
  log::info("meta", "job {} is created", effect.job);
  finish_created(effect.job, ok());
}

void MetaLoop::perform(DatabaseId database, JobFailed& effect) {
  log_event(database, "job failed", effect.reason.to_string(), effect.job, {});
  const auto dropped = std::make_shared<catalog::DropPlan>();  // shared by the two ends of the commit
  submit(
      [this, dropped, job = effect.job, reason = effect.reason]() -> Result<Txn> {
        const pb::CatalogObject* object = model_.object(job);
        if (object == nullptr) return Txn{};
        if (object->rebuilt()) return catalog::plan_quarantine(model_, job, reason.message());
        PENSTOCK_TRY(*dropped, catalog::plan_drop(model_, job, true));
        return std::move(dropped->txn);
      },
      [this, dropped, job = effect.job, reason = effect.reason](const Status&) {
        finish_created(job, reason);
        on_dropped(std::move(dropped->jobs), reason);
      });
}

void MetaLoop::perform(DatabaseId database, QuarantineJob& effect) {
  submit([this, job = effect.job, reason = effect.reason]() -> Result<Txn> { return catalog::plan_quarantine(model_, job, reason); },
         [this, database](const Status&) {
           sources_->on_progress();
           enqueue(database, JobsQuarantined{});
         });
}

void MetaLoop::perform(DatabaseId, TermEnded& effect) { new_ended_terms_.push_back(effect); }

void MetaLoop::perform(DatabaseId database, StatusChanged&) { changed_databases_.insert(database); }

void MetaLoop::perform(DatabaseId database, EventHappened& effect) {
  log::warn("meta", "database {}: {}: {}", database, effect.kind, effect.text);
  log_event(database, std::move(effect.kind), std::move(effect.text), effect.job, effect.worker);
}

void MetaLoop::perform(DatabaseId database, BarrierStuck& effect) { inspector_->on_stuck(database, effect); }

void MetaLoop::perform(DatabaseId database, CulpritsWanted& effect) {
  inspector_->await_tree(AwaitFilter{}, [this, database, prev = effect.prev](const pb::AwaitTreeReply& tree) {
    CulpritsNamed named{prev, {}};
    for (const pb::AwaitDatabase& entry : tree.databases()) {
      if (entry.database() != database_name(database) || entry.oldest_prev() != prev.value) continue;
      uint32_t held = 0;
      for (const pb::AwaitCulprit& culprit : entry.culprits()) {
        named.actors.emplace_back(culprit.actor_id());
        held += culprit.held();
      }
      if (held < static_cast<uint32_t>(entry.missing_actors_size())) named.actors.clear();  // not all of them are named
    }
    enqueue(database, std::move(named));
  });
}

void MetaLoop::perform(DatabaseId, DisconnectWorker& effect) {
  Cluster::Effects effects;
  cluster_.disconnect(now(), effect.worker, effect.reason, effects);
  perform(std::move(effects));
}

void MetaLoop::perform(DatabaseId database, TransactionDecided& effect) {
  auto found = transactions_.extract({database, effect.transaction});
  if (!found.empty()) found.mapped()(effect);
}

// ---- nodes ----------------------------------------------------------------------------------------------------------------------------

void MetaLoop::perform(Cluster::Effects effects) {
  for (Cluster::Effect& effect : effects) {
    std::visit([this](auto& e) { perform(e); }, effect);
  }
  if (!draining_events_) {
    publish();
    arm();
  }
}

void MetaLoop::perform(Cluster::Connect& effect) {
  ControlStreams::Handlers handlers;
  const auto self = shared_from_this();
  handlers.owner = self;
  handlers.on_message = [this](WorkerId worker, uint64_t attempt, pb::ControlResponse message) {
    on_control_message(worker, attempt, std::move(message));
  };
  handlers.on_closed = [this](WorkerId worker, uint64_t attempt, const Error& reason) { on_control_closed(worker, attempt, reason); };
  streams_.open(effect.worker, effect.attempt, effect.endpoint, std::move(handlers));
  // Behind every commit that may list segments of this node: a list without them would make the node delete what is being committed.
  submit([] { return Txn{}; }, [this, worker = effect.worker, attempt = effect.attempt](const Status&) { send_init(worker, attempt); });
}

void MetaLoop::send_init(WorkerId worker, uint64_t attempt) {
  const pb::WorkerRecord* record = model_.worker(worker);
  if (record == nullptr || !cluster_.is_current(worker, attempt)) return;
  pb::ControlRequest request;
  pb::InitRequest* init = request.mutable_init();
  init->set_protocol_version(kControlVersion);
  init->set_min_supported(kControlMinSupported);
  init->set_cluster_id(cluster_id());
  init->set_node_id(record->node_id());
  init->set_incarnation(record->incarnation());
  init->set_leader_term(leader_.value);
  init->set_worker_id(worker.value);
  init->mutable_leaders()->Assign(leaders_.begin(), leaders_.end());
  init->set_highest_segment(record->highest_segment());
  for (const auto& [graph, by_worker] : model_.segments()) {
    const auto own = by_worker.find(worker);
    if (own == by_worker.end()) continue;
    for (const auto& [sequence, ref] : own->second) *init->add_live_segments() = ref;
  }
  streams_.send(worker, request);
}

void MetaLoop::perform(Cluster::Ping& effect) {
  pb::ControlRequest request;
  request.mutable_ping();
  streams_.send(effect.worker, request);
}

void MetaLoop::perform(Cluster::Close& effect) { streams_.close(effect.worker, effect.attempt, effect.reason); }

void MetaLoop::perform(Cluster::Ready& effect) {
  log::info("meta", "{} is connected", cluster_.describe(effect.worker, now()));
  changed_workers_ = true;
  for (const auto& [id, control] : databases_) enqueue(id, WorkerReady{effect.worker});
  // One that is new gets its share of the adaptive jobs; several may be on their way.
  for (const auto& [id, control] : databases_) enqueue(id, RescaleWanted{std::nullopt, options_.rescale_delay});
}

void MetaLoop::perform(Cluster::Lost& effect) {
  log::warn("meta", "lost {}", cluster_.describe(effect.worker, now()));
  changed_workers_ = true;
  log_event({}, "worker lost", cluster_.describe(effect.worker, now()), {}, effect.worker);
  for (const auto& [id, control] : databases_) enqueue(id, WorkerLost{effect.worker, effect.reason});
}

void MetaLoop::on_control_closed(WorkerId worker, uint64_t attempt, const Error& reason) {
  if (stopped_) return;
  Cluster::Effects effects;
  cluster_.on_closed(now(), worker, attempt, reason, effects);
  perform(std::move(effects));
}

void MetaLoop::on_control_message(WorkerId worker, uint64_t attempt, pb::ControlResponse message) {
  if (stopped_ || !cluster_.is_current(worker, attempt)) return;
  cluster_.on_heard(now(), worker, attempt);
  dispatch(worker, attempt, message);
}

void MetaLoop::dispatch(WorkerId worker, uint64_t attempt, pb::ControlResponse& message) {
  if (message.has_init()) return on_init(worker, attempt, message.init());
  if (!cluster_.is_live(worker)) return on_control_closed(worker, attempt, error(Code::Protocol, "node spoke before it answered Init"));
  const auto database = [](const pb::GraphId& graph) { return database_of(PartialGraphId{graph.id()}); };
  switch (message.kind_case()) {
    case pb::ControlResponse::kBarrierComplete: {
      const DatabaseId id = database(message.barrier_complete().graph());
      note_sources(message.barrier_complete());
      return enqueue(id, BarrierCompleted{worker, std::move(*message.mutable_barrier_complete())});
    }
    case pb::ControlResponse::kPartialGraphFailure: {
      auto& failure = *message.mutable_partial_graph_failure();
      return enqueue(database(failure.graph()), GraphFailed{worker, from_pb(failure.graph()), std::move(*failure.mutable_error())});
    }
    case pb::ControlResponse::kResetPartialGraph: {
      auto& reset = *message.mutable_reset_partial_graph();
      auto root = reset.has_error() ? std::optional(std::move(*reset.mutable_root_error())) : std::nullopt;
      return enqueue(database(reset.graph()), GraphReset{worker, from_pb(reset.graph()), std::move(root)});
    }
    case pb::ControlResponse::kVnodesTransferred: {
      const DatabaseId id = database(message.vnodes_transferred().graph());
      return enqueue(id, VnodesTransferred{worker, std::move(*message.mutable_vnodes_transferred())});
    }
    case pb::ControlResponse::kInspect: {
      auto found = inspections_.extract(message.inspect().request());
      if (!found.empty()) found.mapped().done(std::move(*message.mutable_inspect()));
      return;
    }
    case pb::ControlResponse::kPressure: {
      const bool disk_changed = cluster_.disk(worker).level() != message.pressure().level();
      cluster_.on_pressure(worker, message.pressure());
      if (disk_changed) on_disk_changed();
      return relieve_memory(message.pressure());
    }
    case pb::ControlResponse::kShutdown:
      return on_leaving(worker, attempt);
    case pb::ControlResponse::kPong:
      return;
    default:
      return on_control_closed(worker, attempt, error(Code::Protocol, "node sent a message of no known kind; is it newer than meta?"));
  }
}

void MetaLoop::on_init(WorkerId worker, uint64_t attempt, const pb::InitResponse& answer) {
  if (answer.protocol_version() < kControlMinSupported || answer.min_supported() > kControlVersion) {
    return on_control_closed(worker, attempt,
                             error(Code::Protocol, "node speaks versions {}..{} of the control stream, meta {}..{}", answer.min_supported(),
                                   answer.protocol_version(), kControlMinSupported, kControlVersion));
  }
  Cluster::Effects effects;
  cluster_.on_init_answered(now(), worker, attempt, answer, effects);
  perform(std::move(effects));
}

// What runs there moves to the others, if there are any; then a last checkpoint of what could not, and the node may go.
void MetaLoop::on_leaving(WorkerId worker, uint64_t attempt) {
  log::info("meta", "{} is leaving", cluster_.describe(worker, now()));
  cluster_.on_leaving(worker);
  // Others may be leaving as well: moving to them would be for nothing.
  rescale_all(kLeaveDelay, [this, worker, attempt](const Status&) { checkpoint_and_close(worker, attempt); });
}

void MetaLoop::checkpoint_and_close(WorkerId worker, uint64_t attempt) {
  const auto waiting = std::make_shared<size_t>(1);  // shared by the flushes
  const auto one_less = [this, waiting, worker, attempt] {
    if (--*waiting > 0) return;
    streams_.close(worker, attempt, ok());
    on_control_closed(worker, attempt, error(Code::Closed, "node has left in good order"));
  };
  for (const auto& [id, control] : databases_) {
    if (control->recovering() || !control->inflight().workers().contains(worker)) continue;
    ++*waiting;
    flush(id, [one_less](const FlushDone&) { one_less(); });
  }
  one_less();
}

// What an epoch has changed can be evicted only after its barrier, and what operators have given out to the store goes to sorted files only
// when it is committed: a node that has too much of either waits for the next checkpoint.
void MetaLoop::relieve_memory(const pb::Pressure& pressure) {
  constexpr uint64_t kLeastUnflushed = 256 << 20;
  const uint64_t limit = pressure.state_limit();
  const bool state = pressure.state_bytes() > limit + limit / 4;
  const bool rows = pressure.unflushed_bytes() > std::max(limit, kLeastUnflushed);
  if (limit == 0 || (!state && !rows)) return;
  for (const auto& [id, control] : databases_) enqueue(id, CheckpointWanted{});
}

void MetaLoop::note_sources(const pb::BarrierComplete& report) {
  for (const pb::SourceProgress& progress : report.sources()) {
    SourceStats& stats = source_stats_[{ObjectId{progress.source_id()}, ActorId{progress.actor_id()}}];
    stats = {progress.skipped_rows(), progress.last_error(), progress.rate_limited()};
  }
}

}  // namespace penstock::meta
