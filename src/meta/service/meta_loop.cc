#include "meta/service/meta_loop.h"

#include "common/log.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/model/keys.h"
#include "meta/model/rows.h"
#include "meta/service/inspector.h"
#include "meta/service/meta_metrics.h"
#include "meta/service/requests.h"
#include "meta/service/snapshots.h"
#include "meta/service/source_watch.h"

namespace penstock::meta {
namespace {

constexpr uint64_t kEventsKept = 1000;
constexpr size_t kEndedTermsKept = 200;

std::deque<TermEnded> terms_of_metas_before(const MetaModel& model) {
  std::deque<TermEnded> out;
  for (const auto& [graph, commit] : model.commits()) out.push_back({{graph, commit.first}, commit.second});
  return out;
}

}  // namespace

MetaLoop::MetaLoop(MetaNode::Options options, runtime::Runtime& runtime, rpc::Transport& transport, LeaderTerm leader,
                   std::vector<uint64_t> leaders, MetaModel model)
    : options_(std::move(options)),
      runtime_(runtime),
      transport_(transport),
      leader_(leader),
      leaders_(std::move(leaders)),
      executor_(runtime.make_serial("meta", true)),
      model_(std::move(model)),
      cluster_(options_.cluster),
      epochs_(model_.counter(Counter::EpochLease)),
      ids_(leader, static_cast<uint32_t>(std::max<uint64_t>(1, model_.counter(Counter::ActorLimit)))),
      commits_({.store = options_.store,
                .leader = leader,
                .extend = [this](Txn& txn) { extend(txn); },
                .committed = [this] { on_committed(); },
                .fatal = [this](const Error& reason) { on_fatal(reason); },
                .off_loop = [this](absl::AnyInvocable<runtime::Job()> work) { off_loop(std::move(work)); },
                .no_space =
                    [this] {
                      if (disk_) disk_->look_soon();
                    }},
               model_, runtime, *executor_),
      streams_(transport, *executor_),
      ended_terms_(terms_of_metas_before(model_)),
      published_catalog_(model_.counter(Counter::CatalogVersion)) {
  requests_ = std::make_unique<Requests>(*this);
  sources_ = std::make_unique<SourceWatch>(*this);
  inspector_ = std::make_unique<Inspector>(*this);
  metrics_ = std::make_unique<MetaMetrics>(options_.metrics);
}

MetaLoop::~MetaLoop() = default;

void MetaLoop::post(runtime::Job job) {
  executor_->post([self = shared_from_this(), job = std::move(job)]() mutable {
    if (!self->stopped_) job();
  });
}

void MetaLoop::off_loop(absl::AnyInvocable<runtime::Job()> work) {
  runtime_.blocking().post([self = shared_from_this(), work = std::move(work)]() mutable { self->post(work()); });
}

Result<std::string> MetaLoop::listen(std::string_view address) {
  PENSTOCK_TRY(listener_, transport_.listen(address, make_meta_service(shared_from_this())));
  return listener_->address();
}

Result<std::string> MetaLoop::listen_also(rpc::Transport& transport, std::string_view address) {
  PENSTOCK_TRY(auto listener, transport.listen(address, make_meta_service(shared_from_this())));
  std::string where = listener->address();
  post([this, listener = std::move(listener)]() mutable { second_listener_ = std::move(listener); });
  return where;
}

// ---- life -----------------------------------------------------------------------------------------------------------------------------

void MetaLoop::begin() {
  log::info("meta", "cluster {}, leader term {}", cluster_id(), leader_);
  Cluster::Effects effects;
  for (const auto& [id, record] : model_.workers()) cluster_.on_registered(now(), record, effects);
  perform(std::move(effects));
  for (const auto& [id, database] : model_.databases()) add_database(id);
  forget_dropped_databases();
  sources_->begin();
  if (!options_.data_dir.empty()) watch_disk();
}

void MetaLoop::watch_disk() {
  const auto space = [this] {
    auto space = storage::space_of(files_, options_.data_dir, options_.disk_reserve);
    space.lacks_space = commits_.lacks_space();
    return space;
  };
  disk_ = std::make_unique<storage::DiskGuard>(
      storage::DiskGuard::Options{.folder = options_.data_dir, .ballast_bytes = std::min(options_.ballast_bytes, MetaNode::kMostBallast)},
      runtime_, files_, space, [this](const storage::DiskReport& report) {
        pb::Pressure pressure;
        pressure.set_level(static_cast<pb::DiskLevel>(report.level));
        pressure.set_folder(report.folder);
        pressure.set_free_bytes(report.free_bytes);
        pressure.set_reserve_bytes(report.reserve_bytes);
        post([this, pressure] {
          cluster_.set_own_disk(pressure);
          on_disk_changed();
        });
      });
}

void MetaLoop::on_disk_changed() {
  for (const auto& [id, control] : databases_) enqueue(id, DiskChanged{});
}

void MetaLoop::add_database(DatabaseId id) {
  CheckpointControl::Options options;
  options.schedule.interval = std::chrono::milliseconds(std::max(1U, options_.barrier_interval_ms));
  options.schedule.checkpoint_frequency = std::max(1U, options_.checkpoint_frequency);
  options.copy_ahead = options_.copy_ahead;
  options.max_in_flight = std::max<size_t>(1, options_.max_in_flight_barriers);
  const CheckpointControl::Environment environment{model_, cluster_, epochs_, ids_};
  databases_[id] = std::make_unique<CheckpointControl>(id, options, environment, runtime_.random());
  // What is in the catalog and owns nothing was being created when the last meta ended.
  for (const auto& [job, plan] : model_.jobs()) {
    if (plan->database() == id && model_.placement(job) == nullptr) enqueue(id, CommandQueued{CreateJob{job}});
  }
  enqueue(id, Tick{});
}

void MetaLoop::stop() {
  if (std::exchange(stopped_, true)) return;
  const Error reason = error(Code::Closed, "meta is stopping");
  disk_.reset();
  timer_.cancel();
  shutdown_timer_.cancel();
  sources_->stop();
  commits_.stop();
  inspections_.clear();
  creations_.clear();
  flushes_.clear();
  rescales_.clear();
  transactions_.clear();
  streams_.close_all(reason);
  subscribers_.close_all(reason);
  second_listener_.reset();
  listener_.reset();
}

void MetaLoop::shutdown(runtime::Job done, runtime::Duration patience) {
  struct Last {
    size_t waiting = 1;
    bool finished = false;
    runtime::Job done;
  };
  const auto last = std::make_shared<Last>();  // shared by the flushes and the timer
  last->done = std::move(done);
  const auto finish = [this, last] {
    if (std::exchange(last->finished, true)) return;
    shut_down_ = true;
    // No epoch is given out any more, so the next meta need not begin above the whole lease.
    submit(
        [this]() -> Result<Txn> {
          Txn txn;
          rows::put_counter(txn, Counter::EpochLease, epochs_.last());
          return txn;
        },
        [last](const Status&) {
          log::info("meta", "last checkpoint is committed; stopping");
          last->done();
        });
  };
  const auto one_less = [last, finish] {
    if (--last->waiting == 0) finish();
  };
  for (const auto& [id, database] : databases_) {
    if (database->recovering()) continue;
    ++last->waiting;
    flush(id, [one_less](const FlushDone&) { one_less(); });
  }
  shutdown_timer_ = runtime_.after(patience, *executor_, [finish] { finish(); });
  one_less();
}

void MetaLoop::on_fatal(const Error& reason) {
  log::error("meta", "cannot go on: {}", reason);
  const auto keep = shared_from_this();
  stop();
  if (options_.on_fatal) options_.on_fatal(reason);
}

// ---- events ---------------------------------------------------------------------------------------------------------------------------

CheckpointControl* MetaLoop::database(DatabaseId id) {
  const auto found = databases_.find(id);
  return found == databases_.end() ? nullptr : found->second.get();
}

std::string MetaLoop::database_name(DatabaseId id) const {
  const auto found = model_.databases().find(id);
  return found == model_.databases().end() ? fmt::format("{}", id) : found->second.name();
}

void MetaLoop::enqueue(DatabaseId database, ControlEvent event) {
  events_.emplace_back(database, std::move(event));
  if (!draining_events_) drain();
}

void MetaLoop::drain() {
  draining_events_ = true;
  while (!events_.empty()) {
    auto [id, event] = std::move(events_.front());
    events_.pop_front();
    CheckpointControl* control = database(id);
    if (control == nullptr || stopped_ || shut_down_) continue;
    ControlEffects effects;
    control->handle(now(), std::move(event), effects);
    for (ControlEffect& effect : effects) {
      std::visit([&](auto& e) { perform(id, e); }, effect);
    }
    metrics_->observe(database_name(id), *control, runtime_.now());
  }
  draining_events_ = false;
  if (stopped_) return;
  if (!dropped_databases_.empty()) post([this] { retire_dropped_databases(); });
  publish();
  arm();
}

void MetaLoop::tick() {
  armed_.reset();
  Cluster::Effects effects;
  cluster_.on_tick(now(), effects);
  perform(std::move(effects));
  const runtime::TimePoint at = runtime_.now();
  for (const auto& [id, control] : databases_) {
    if (const auto wake = control->next_wake(); wake && *wake <= at) enqueue(id, Tick{});
  }
  arm();
}

void MetaLoop::arm() {
  if (stopped_ || shut_down_) return;
  std::optional<runtime::TimePoint> wake = cluster_.next_wake();
  for (const auto& [id, control] : databases_) {
    if (const auto at = control->next_wake()) wake = wake ? std::min(*wake, *at) : at;
  }
  if (!wake || (armed_ && *armed_ <= *wake)) return;
  armed_ = wake;
  const auto delay = std::max(*wake - runtime_.now(), runtime::Duration::zero());
  timer_ = runtime_.after(delay, *executor_, [self = shared_from_this()] {
    if (!self->stopped_) self->tick();
  });
}

// ---- commits --------------------------------------------------------------------------------------------------------------------------

/// Leases ride with whatever is committed anyway.
void MetaLoop::extend(Txn& txn) {
  if (shut_down_) return;
  const int64_t micros = runtime_.unix_micros();
  if (epochs_.wants_lease(micros)) rows::put_counter(txn, Counter::EpochLease, epochs_.next_lease(micros));
  if (ids_.wants_actors()) rows::put_counter(txn, Counter::ActorLimit, ids_.next_actor_limit(0));
}

void MetaLoop::on_committed() {
  epochs_.on_leased(model_.counter(Counter::EpochLease));
  ids_.on_leased(static_cast<uint32_t>(model_.counter(Counter::ActorLimit)));
}

void MetaLoop::log_event(DatabaseId database, std::string kind, std::string text, JobId job, WorkerId worker) {
  pb::EventRecord record;
  record.set_at_micros(runtime_.unix_micros());
  record.set_database_id(database.value);
  record.set_kind(std::move(kind));
  record.set_text(std::move(text));
  record.set_job_id(job.value);
  record.set_worker_id(worker.value);
  submit(
      [this, record = std::move(record)]() mutable -> Result<Txn> {
        const uint64_t sequence = model_.counter(Counter::NextEvent);
        record.set_sequence(sequence);
        Txn txn;
        rows::put(txn, record);
        rows::put_counter(txn, Counter::NextEvent, sequence + 1);
        if (sequence >= kEventsKept) txn.erase(keys::event(sequence - kEventsKept));
        return txn;
      },
      [](const Status&) {});
}

// ---- what others see ------------------------------------------------------------------------------------------------------------------

void MetaLoop::publish() {
  const uint64_t version = model_.counter(Counter::CatalogVersion);
  const bool catalog = version != published_catalog_;
  const bool placements = std::exchange(changed_placements_, false) || catalog;
  const bool workers = std::exchange(changed_workers_, false);
  const auto databases = std::exchange(changed_databases_, {});
  const auto ended = std::exchange(new_ended_terms_, {});
  published_catalog_ = version;
  for (const TermEnded& end : ended) {
    ended_terms_.push_back(end);
    if (ended_terms_.size() > kEndedTermsKept) ended_terms_.pop_front();
  }
  if (subscribers_.empty() || (!catalog && !placements && !workers && databases.empty() && ended.empty())) return;
  pb::MetaUpdate update;
  if (catalog) *update.mutable_catalog() = catalog::snapshot(model_);
  update.set_has_workers(workers);
  if (workers) fill_workers(model_, cluster_, update.mutable_workers());
  update.set_has_placements(placements);
  if (placements) fill_placements(model_, update.mutable_placements());
  for (const DatabaseId id : databases) {
    if (const CheckpointControl* control = database(id)) fill_status(*control, update.add_databases());
  }
  for (const TermEnded& end : ended) fill_term_end(end, update.add_ended_terms());
  subscribers_.send(update);
}

pb::MetaSnapshot MetaLoop::snapshot() {
  pb::MetaSnapshot out;
  out.set_cluster_id(cluster_id());
  *out.mutable_catalog() = catalog::snapshot(model_);
  fill_workers(model_, cluster_, out.mutable_workers());
  fill_placements(model_, out.mutable_placements());
  for (const auto& [id, control] : databases_) fill_status(*control, out.add_databases());
  for (const TermEnded& end : ended_terms_) fill_term_end(end, out.add_ended_terms());
  for (const TermEnded& end : new_ended_terms_) fill_term_end(end, out.add_ended_terms());
  return out;
}

std::string MetaLoop::debug_text() const {
  std::string out = fmt::format("cluster {} leader term {}\n", cluster_id(), leader_);
  for (const auto& [id, record] : model_.workers()) {
    out += fmt::format("{}{}\n", cluster_.describe(id, now()), cluster_.is_live(id) ? ", alive" : "");
  }
  for (const auto& [id, control] : databases_) out += control->debug_string(now());
  return out;
}

// ---- waiters --------------------------------------------------------------------------------------------------------------------------

void MetaLoop::flush(DatabaseId id, absl::AnyInvocable<void(const FlushDone&)> done) {
  flushes_[++flushes_made_] = std::move(done);
  enqueue(id, FlushWanted{{flushes_made_}});
}

void MetaLoop::settle(DatabaseId id, absl::AnyInvocable<void(const FlushDone&)> done) {
  flushes_[++flushes_made_] = std::move(done);
  enqueue(id, FlushWanted{{.id = flushes_made_, .of_setting = true}});
}

void MetaLoop::rescale(DatabaseId id, runtime::Duration delay, absl::AnyInvocable<void(const Status&)> done) {
  rescales_[++rescales_made_] = std::move(done);
  enqueue(id, RescaleWanted{RescaleWaiter{rescales_made_}, delay});
}

void MetaLoop::rescale_all(runtime::Duration delay, absl::AnyInvocable<void(const Status&)> done) {
  struct All {
    size_t waiting = 1;
    Status result = ok();
    absl::AnyInvocable<void(const Status&)> done;
  };
  const auto all = std::make_shared<All>();  // shared by the rescales
  all->done = std::move(done);
  const auto one_less = [all](const Status& result) {
    if (result.has_error() && all->result.has_value()) all->result = result;
    if (--all->waiting == 0) all->done(all->result);
  };
  for (const auto& [id, control] : databases_) {
    ++all->waiting;
    rescale(id, delay, one_less);
  }
  one_less(ok());
}

uint32_t MetaLoop::actors_on(WorkerId worker) const {
  uint32_t actors = 0;
  for (const auto& [id, plan] : model_.jobs()) {
    const JobPlacement* placement = model_.placement(id);
    if (placement == nullptr) continue;
    for (const auto& [fragment, placed] : placement->fragments) {
      actors += static_cast<uint32_t>(std::ranges::count(placed, worker, &ActorPlacement::worker));
    }
  }
  return actors;
}

Status MetaLoop::commit_transaction(DatabaseId id, TransactionWanted wanted, absl::AnyInvocable<void(const TransactionDecided&)> done) {
  const auto [at, added] = transactions_.try_emplace({id, wanted.transaction}, std::move(done));
  if (!added) return error(Code::Protocol, "transaction {:016x} is asked for twice", wanted.transaction.value);
  enqueue(id, std::move(wanted));
  return ok();
}

void MetaLoop::wait_created(JobId job, absl::AnyInvocable<void(const Status&)> done) { creations_[job].push_back(std::move(done)); }

void MetaLoop::finish_created(JobId job, const Status& status) {
  const auto found = creations_.find(job);
  if (found == creations_.end()) return;
  auto waiting = std::move(found->second);
  creations_.erase(found);
  for (auto& done : waiting) done(status);
}

void MetaLoop::on_dropped(std::map<DatabaseId, std::vector<JobId>> jobs, const Error& reason) {
  for (auto& [id, dropped] : jobs) {
    for (const JobId job : dropped) finish_created(job, reason);
    enqueue(id, JobsDropped{std::move(dropped)});
  }
  sources_->on_progress();
  std::erase_if(source_stats_, [&](const auto& stats) {
    return std::ranges::none_of(databases_, [&](const auto& d) { return d.second->inflight().find(stats.first.second).has_value(); });
  });
  publish();
}

void MetaLoop::inspect_worker(WorkerId worker, std::string what, runtime::Duration patience,
                              absl::AnyInvocable<void(Result<pb::InspectResponse>)> done) {
  if (!cluster_.is_live(worker)) return done(error(Code::Unavailable, "{} is not connected", cluster_.describe(worker, now())));
  const uint64_t number = ++inspections_made_;
  pb::ControlRequest request;
  request.mutable_inspect()->set_what(std::move(what));
  request.mutable_inspect()->set_request(number);
  Inspection& inspection = inspections_[number];
  inspection.worker = worker;
  inspection.done = std::move(done);
  inspection.timeout = runtime_.after(patience, *executor_, [self = shared_from_this(), number, patience] {
    auto found = self->inspections_.extract(number);
    if (found.empty()) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
    found.mapped().done(error(Code::Timeout, "node {} did not answer for {} s", found.mapped().worker, seconds));
  });
  streams_.send(worker, request);
}

}  // namespace penstock::meta
