#include "stream/task/barrier_worker/local_barrier_worker.h"

#include <span>

#include "common/log.h"

namespace penstock::stream {
namespace {

constexpr runtime::Duration kLivenessCheck = std::chrono::seconds(1);
constexpr size_t kMostCandidates = 8;
constexpr runtime::Duration kSlowArm = std::chrono::milliseconds(10);
constexpr size_t kCollectsAtOnce = 8192;

double millis(runtime::Duration d) { return static_cast<double>(d.count()) / 1e6; }

}  // namespace

LocalBarrierWorker::LocalBarrierWorker(Options options, runtime::Runtime& runtime, storage::StateStore& store, ActorManager& actors)
    : options_(std::move(options)),
      runtime_(runtime),
      store_(store),
      actors_(actors),
      loop_(runtime.make_serial("barrier-worker", true)),
      metrics_(options_.metrics, options_.labels),
      tasks_(runtime),
      leader_(options_.leader),
      syncs_(runtime) {}

LocalBarrierWorker::~LocalBarrierWorker() = default;

// ---- the loop -----------------------------------------------------------------------------------------------------------------------

void LocalBarrierWorker::post_event(BarrierEvent event) {
  if (queue_.put_event(std::move(event))) wake();
}

void LocalBarrierWorker::post_collect(BarrierCollected event) {
  event.at = runtime_.now();
  queue_.put_collect(std::move(event));
}

void LocalBarrierWorker::look_at_collects() {
  if (queue_.ask()) wake();
}

void LocalBarrierWorker::post(WorkerQueue::Lane lane, runtime::Job job) {
  if (queue_.put(lane, std::move(job))) wake();
}

void LocalBarrierWorker::wake() {
  loop_->post([this, asked = runtime_.now()] {
    metrics_.observe_lag(runtime_.now() - asked);
    run();
  });
}

void LocalBarrierWorker::run() {
  WorkerQueue::Events events;
  for (;;) {
    runtime::TimePoint begin = runtime_.now();
    auto job = queue_.take(events);
    if (events.empty() && !job) return;
    for (BarrierEvent& event : events.others) apply(std::move(event));
    for (std::span<const BarrierCollected> left(events.collects); !left.empty();) {
      const auto some = left.first(std::min(left.size(), kCollectsAtOnce));
      for (const BarrierCollected& collect : some) apply(collect);
      left = left.subspan(some.size());
      if (!left.empty()) begin = observe_arm(begin, "events of actors", some.size());
    }
    if (job) (*job)();
    static_cast<void>(observe_arm(begin, job ? "requests" : "events of actors", job ? 1 : events.others.size() + events.collects.size()));
    events.clear();
  }
}

/// Returns the end, which is the next one's beginning.
runtime::TimePoint LocalBarrierWorker::observe_arm(runtime::TimePoint begin, std::string_view what, size_t count) {
  const runtime::TimePoint end = runtime_.now();
  metrics_.observe_lag(end - begin);
  if (end - begin > kSlowArm) log::warn("barrier-worker", "the loop spent {:.1f} ms on {} {}", millis(end - begin), count, what);
  return end;
}

void LocalBarrierWorker::off_loop(WorkerQueue::Lane lane, absl::AnyInvocable<runtime::Job()> work) {
  ++off_loop_jobs_;
  runtime_.blocking().post([this, lane, work = std::move(work)]() mutable {
    post(lane, [this, then = work()]() mutable {
      --off_loop_jobs_;
      then();
      finish_stop();
    });
  });
}

void LocalBarrierWorker::stop(runtime::Job done) {
  post(WorkerQueue::Lane::Operation, [this, done = std::move(done)]() mutable {
    stopping_ = std::move(done);
    close_stream(error(Code::Closed, "this node is shutting down"));
    while (!candidates_.empty()) refuse_candidate(candidates_.begin()->first, error(Code::Closed, "this node is shutting down"));
    pending_init_.reset();
    liveness_timer_.cancel();
    reset_all();
    finish_stop();
  });
}

void LocalBarrierWorker::finish_stop() {
  if (!stopping_ || off_loop_jobs_ > 0 || !state_.graphs().empty()) return;
  timers_.clear();
  runtime::Job done = std::move(*stopping_);
  stopping_.reset();
  done();
}

// ---- the control stream -------------------------------------------------------------------------------------------------------------

rpc::Service::Accepted LocalBarrierWorker::on_control_stream(std::shared_ptr<rpc::Stream> stream) {
  const uint64_t number = ++streams_opened_;
  post(WorkerQueue::Lane::Operation, [this, number, stream = std::move(stream)] { on_stream_opened(number, stream); });
  rpc::StreamEvents events;
  events.on_message = [this, number](const rpc::Bytes& bytes) {
    post(WorkerQueue::Lane::Request, [this, number, bytes] { on_bytes(number, bytes); });
  };
  events.on_closed = [this, number](const Status& reason) {
    post(WorkerQueue::Lane::Operation, [this, number, reason] { on_stream_closed(number, reason); });
  };
  return {loop_.get(), std::move(events)};
}

void LocalBarrierWorker::on_stream_opened(uint64_t number, std::shared_ptr<rpc::Stream> stream) {
  if (stopping_) return stream->close(error(Code::Closed, "this node is shutting down"));
  if (candidates_.size() == kMostCandidates) {
    refuse_candidate(candidates_.begin()->first, error(Code::Closed, "{} newer control streams wait to be initialized", kMostCandidates));
  }
  candidates_[number] = {std::move(stream), runtime_.now()};
  check_liveness();
}

// What is known of a candidate is its number: everything else is said by its Init.
void LocalBarrierWorker::on_candidate(uint64_t number, const rpc::Bytes& bytes) {
  Candidate& candidate = candidates_.at(number);
  candidate.last_heard = runtime_.now();
  auto request = decode_control_request(bytes);
  if (request.has_error()) return refuse_candidate(number, request.error());
  if (std::holds_alternative<PingRequest>(request.value())) {
    candidate.stream->write(encode_pong());
    return;
  }
  auto* init = std::get_if<InitRequest>(&request.value());
  if (init == nullptr) return refuse_candidate(number, error(Code::Protocol, "the first request on a control stream must be Init"));
  if (const Status checked = check_init(*init); checked.has_error()) return refuse_candidate(number, checked.error());
  if (number < control_.number) return refuse_candidate(number, error(Code::Closed, "a newer control stream took over"));
  take_over(number, std::move(*init));
}

void LocalBarrierWorker::refuse_candidate(uint64_t number, const Error& reason) {
  log::warn("barrier-worker", "refused a control stream: {}", reason);
  const auto found = candidates_.find(number);
  found->second.stream->close(reason);
  candidates_.erase(found);
}

void LocalBarrierWorker::take_over(uint64_t number, InitRequest request) {
  close_stream(error(Code::Closed, "a newer control stream took over"));
  control_ = {std::move(candidates_.at(number).stream), number, false, runtime_.now()};
  candidates_.erase(number);
  handle(std::move(request));
}

void LocalBarrierWorker::close_silent_candidates() {
  std::vector<uint64_t> silent;
  for (const auto& [number, candidate] : candidates_) {
    if (runtime_.now() - candidate.last_heard > options_.liveness_timeout) silent.push_back(number);
  }
  for (const uint64_t number : silent) refuse_candidate(number, error(Code::Timeout, "no Init came"));
}

void LocalBarrierWorker::on_stream_closed(uint64_t number, const Status& reason) {
  candidates_.erase(number);
  if (number != control_.number || !control_.stream) return;
  log::warn("barrier-worker", "control stream to meta ended: {}", reason.has_error() ? reason.error().to_string() : "closed");
  control_.stream.reset();
  connected_ = false;
  finish_leave();
}

void LocalBarrierWorker::close_stream(const Error& reason) {
  connected_ = false;
  if (!control_.stream) return;
  control_.stream->close(reason);
  control_.stream.reset();
  finish_leave();
}

void LocalBarrierWorker::leave(runtime::Job left) {
  post(WorkerQueue::Lane::Operation, [this, left = std::move(left)]() mutable {
    leaving_ = std::move(left);
    if (!control_.stream || !control_.initialized) return finish_leave();
    send(encode_shutdown());
  });
}

void LocalBarrierWorker::finish_leave() {
  if (auto left = std::exchange(leaving_, std::nullopt)) (*left)();
}

void LocalBarrierWorker::check_liveness() {
  if (stopping_) return;
  close_silent_candidates();
  if (!control_.stream && candidates_.empty()) return;
  if (const auto silent = runtime_.now() - control_.last_heard; control_.stream && silent > options_.liveness_timeout) {
    log::warn("barrier-worker", "meta was silent for {:.1f} s", millis(silent) / 1000);
    close_stream(error(Code::Timeout, "meta was silent for {:.1f} s", millis(silent) / 1000));
  }
  liveness_timer_ = runtime_.after(kLivenessCheck, *loop_, [this] { check_liveness(); });
}

void LocalBarrierWorker::send(std::string response) {
  if (control_.stream) control_.stream->write(std::move(response));
}

void LocalBarrierWorker::on_bytes(uint64_t number, const rpc::Bytes& bytes) {
  if (candidates_.contains(number)) return on_candidate(number, bytes);
  if (number != control_.number || !control_.stream) return;
  control_.last_heard = runtime_.now();
  auto request = decode_control_request(bytes);
  if (request.has_error()) {
    log::error("barrier-worker", "{}", request.error());
    return close_stream(request.error());
  }
  on_request(std::move(request).value());
}

void LocalBarrierWorker::on_request(ControlRequest request) {
  if (std::holds_alternative<PingRequest>(request)) return send(encode_pong());
  if (auto* init = std::get_if<InitRequest>(&request)) return handle(std::move(*init));
  if (auto* inspect = std::get_if<InspectRequest>(&request)) return handle(*inspect);
  if (!control_.initialized) return close_stream(error(Code::Protocol, "a request came before the answer to Init"));
  if (auto* create = std::get_if<CreatePartialGraph>(&request)) {
    note_owned(*create);
    metrics_.name_graph(create->graph.graph, create->database);
    return apply(std::move(*create));
  }
  if (auto* transfer = std::get_if<TransferVnodes>(&request)) return handle(std::move(*transfer));
  if (auto* inject = std::get_if<InjectBarrier>(&request)) return apply(std::move(*inject));
  if (auto* commit = std::get_if<CommitEpoch>(&request)) return handle(*commit);
  if (auto* reset = std::get_if<ResetGraphs>(&request)) return handle(*reset);
  if (auto* remove = std::get_if<RemoveGraphs>(&request)) return handle(*remove);
  if (auto* merge = std::get_if<MergePartialGraph>(&request)) return apply(*merge);
}

Status LocalBarrierWorker::check_init(const InitRequest& request) const {
  if (request.protocol_version < kControlMinSupported || request.min_supported > kControlVersion) {
    return error(Code::Protocol, "meta speaks versions {}..{} of the control stream, this node {}..{}", request.min_supported,
                 request.protocol_version, kControlMinSupported, kControlVersion);
  }
  if (request.node_id != options_.node_id || request.incarnation != options_.incarnation) {
    return error(Code::Stale, "meta means node {} incarnation {}, this is {} incarnation {}", request.node_id, request.incarnation,
                 options_.node_id, options_.incarnation);
  }
  return leader_.admits(request.leader_term, request.leaders);
}

void LocalBarrierWorker::handle(InitRequest request) {
  if (const Status checked = check_init(request); checked.has_error()) {
    log::error("barrier-worker", "refused a control stream: {}", checked.error());
    return close_stream(checked.error());
  }
  leader_ = request.leader();
  if (worker_id_told_) worker_id_told_(request.worker);
  control_.initialized = false;
  pending_init_ = PendingInit{std::move(request)};
  reset_all();
  continue_init();
}

void LocalBarrierWorker::reset_all() {
  for (const GraphTerm graph : state_.graphs()) apply(ResetPartialGraph{graph});
}

// Every graph must be gone before segment files are deleted and the answer says "reset done".
void LocalBarrierWorker::continue_init() {
  if (!pending_init_ || !state_.graphs().empty()) return;
  InitRequest request = std::move(pending_init_->request);
  pending_init_.reset();
  off_loop(WorkerQueue::Lane::Request, [this, number = control_.number, request = std::move(request)]() -> runtime::Job {
    Status prepared = options_.persist_leader ? options_.persist_leader(request.leader()) : ok();
    if (prepared.has_value()) prepared = store_.retain_segments(request.live_segments, request.highest_segment);
    return [this, number, request, prepared] { finish_init(number, request, prepared); };
  });
}

void LocalBarrierWorker::finish_init(uint64_t number, const InitRequest& request, const Status& prepared) {
  if (number != control_.number || !control_.stream) return;
  if (prepared.has_error()) {
    log::error("barrier-worker", "cannot serve meta: {}", prepared.error());
    return close_stream(prepared.error());
  }
  control_.initialized = true;
  control_.last_heard = runtime_.now();
  connected_ = true;
  log::info("barrier-worker", "joined cluster {} as worker {} (leader term {})", request.cluster_id, request.worker, request.leader_term);
  send(encode_init_response(options_.node_id, options_.incarnation));
  if (disk_.level != storage::DiskLevel::Enough) send(encode_pressure(disk_, memory_));
}

void LocalBarrierWorker::report_memory(const NodeMemory& memory) {
  post(WorkerQueue::Lane::Operation, [this, memory] {
    if (std::exchange(memory_, memory) != memory && control_.initialized) send(encode_pressure(disk_, memory_));
  });
}

void LocalBarrierWorker::report_disk(storage::DiskReport report) {
  post(WorkerQueue::Lane::Operation, [this, report = std::move(report)]() mutable {
    disk_ = std::move(report);
    if (control_.initialized) send(encode_pressure(disk_, memory_));
  });
}

// ---- requests -----------------------------------------------------------------------------------------------------------------------

void LocalBarrierWorker::handle(const CommitEpoch& request) {
  if (state_.current_term(request.graph.graph) != request.graph) return;  // of an ended term
  if (const auto taking = taking_vnodes_.find(request.graph); taking != taking_vnodes_.end()) return taking->second.push_back(request);
  if (request.vnodes_here) return take_vnodes(request);
  if (Status committed = store_.commit_epoch(request.graph.graph, request.epoch, request.struck_off, request.with); committed.has_error()) {
    return apply(ActorFailed{request.graph, ActorId{0}, committed.error().with_context(fmt::format("commit of epoch {}", request.epoch))});
  }
  if (!request.dropped_tables.empty()) store_.drop_tables(request.dropped_tables);
}

// The files first: whoever then reads, or begins, finds all that it owns. Later commits wait, because the files belong to this one's
// version.
void LocalBarrierWorker::take_vnodes(const CommitEpoch& request) {
  auto task = tasks_.begin(fmt::format("taking vnodes of graph {} as of epoch {}", request.graph.graph, request.epoch));
  taking_vnodes_[request.graph] = {};
  off_loop(WorkerQueue::Lane::Sync, [this, request, task = std::move(task)]() -> runtime::Job {
    Status adopted = store_.adopt_segments(request.graph, request.epoch, request.adopt);
    return [this, request, adopted] { vnodes_taken(request, adopted); };
  });
}

void LocalBarrierWorker::vnodes_taken(const CommitEpoch& request, const Status& adopted) {
  const GraphTerm graph = request.graph;
  const auto waiting = taking_vnodes_.extract(graph);
  if (state_.current_term(graph.graph) != graph) return;
  if (adopted.has_error()) {
    apply(ActorFailed{graph, ActorId{0}, adopted.error()});
  } else {
    if (ownership_ != nullptr) {
      ownership_->stopped(graph.graph, request.epoch);
      ownership_->assign(graph.graph, request.epoch, request.owned, runtime_.now());
    }
    if (const auto manager = managers_.find(graph.graph); manager != managers_.end()) manager->second->note_vnodes_here(request.epoch);
  }
  for (const CommitEpoch& commit : waiting.mapped()) handle(commit);
}

void LocalBarrierWorker::handle(const ResetGraphs& request) {
  for (const GraphTerm graph : request.graphs) apply(ResetPartialGraph{graph});
}

void LocalBarrierWorker::handle(const RemoveGraphs& request) {
  for (const GraphTerm graph : request.graphs) {
    if (state_.current_term(graph.graph) != graph) continue;
    apply(RemovePartialGraph{graph});
    if (state_.current_term(graph.graph)) continue;  // refused
    store_.remove_graph(graph.graph);
    if (ownership_ != nullptr) ownership_->removed(graph.graph);
    forget_managers(graph.graph);
    metrics_.forget_graph(graph.graph);
  }
}

void LocalBarrierWorker::note_owned(const CreatePartialGraph& request) {
  std::erase_if(owned_, [&](const auto& entry) { return entry.first.graph == request.graph.graph; });
  if (ownership_ != nullptr) owned_[request.graph] = request.owned;
}

void LocalBarrierWorker::handle(TransferVnodes request) {
  const GraphTerm graph = request.graph;
  const Epoch epoch = request.epoch;
  if (state_.current_term(graph.graph) != graph) return;  // of an ended term
  if (mover_ == nullptr) return send(encode_transferred(graph, epoch, error(Code::NotSupported, "this node cannot pull vnodes")));
  for (const TransferVnodes::Part& part : request.parts) {
    if (!request.ahead) ownership_->expect(graph.graph, part.tables, part.vnodes);
  }
  ++off_loop_jobs_;
  mover_->pull(std::move(request), [this, graph, epoch](Result<std::vector<storage::SegmentInfo>> files) {
    post(WorkerQueue::Lane::Sync, [this, graph, epoch, files = std::move(files)] {
      --off_loop_jobs_;
      if (state_.current_term(graph.graph) == graph) send(encode_transferred(graph, epoch, files));
      finish_stop();
    });
  });
}

}  // namespace penstock::stream
