#include "stream/task/actor.h"

#include <algorithm>

#include "common/check.h"
#include "common/log.h"
#include "proto/control_stream.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream {
namespace {

// A slice is over after so long, looked at every few steps; the count bounds it where time stands still (simulation).
constexpr runtime::Duration kSlice = std::chrono::milliseconds(1);
constexpr int kStepsPerLook = 8;
constexpr int kMostSteps = 1024;
// Slices in one run: more than one only if the actor was woken when it was about to rest.
constexpr int kMostSlices = 4;

std::vector<SplitState> splits_of(const pb::BuildActor& plan) {
  std::vector<SplitState> splits;
  splits.reserve(static_cast<size_t>(plan.splits_size()));
  for (const pb::Split& split : plan.splits()) {
    splits.push_back({split.id(), split.number(), split.offset(), split.finished(), split.rows(), split.identity()});
  }
  return splits;
}

std::vector<Subscriber> subscribers_of(const pb::BuildFragment& fragment) {
  std::vector<Subscriber> subscribers;
  for (const pb::Subscriber& subscriber : fragment.subscribers()) subscribers.push_back(from_proto::subscriber_of(subscriber));
  return subscribers;
}

}  // namespace

Result<std::shared_ptr<Actor>> Actor::make(const Environment& environment, storage::GraphTerm graph, FragmentPlan fragment,
                                           const pb::BuildActor& plan, std::shared_ptr<LocalBarrierManager> manager,
                                           std::shared_ptr<void> alive) {
  PENSTOCK_TRY(VNodeBitmap vnodes, VNodeBitmap::from_bytes(fragment.plan->vnode_count(), plan.vnodes()));
  auto actor = std::make_shared<Actor>(Key(), environment, graph, std::move(fragment), plan, std::move(manager), std::move(alive));
  actor->context_.vnodes = std::move(vnodes);
  actor->signal_->set_target(actor);
  return actor;
}

Actor::Actor(Key, const Environment& environment, storage::GraphTerm graph, FragmentPlan fragment, const pb::BuildActor& plan,
             std::shared_ptr<LocalBarrierManager> manager, std::shared_ptr<void> alive)
    : fragment_(std::move(fragment.plan)),
      plan_(&plan),
      names_(std::move(fragment.names)),
      manager_(std::move(manager)),
      signal_(std::make_shared<ActorSignal>(environment.runtime.pool())),
      mailbox_(std::make_shared<Mailbox>(signal_)),
      keeper_(environment.keeper),
      context_{.actor = ActorId{plan.actor_id()},
               .fragment = FragmentId{fragment_->fragment_id()},
               .job = JobId{fragment_->job_id()},
               .graph = graph,
               .vnodes = {},
               .index = plan.index(),
               .parallelism = plan.fragment_parallelism(),
               .table_base = fragment_->table_base(),
               .operator_base = fragment_->operator_base(),
               .splits = splits_of(plan),
               .paused = fragment_->paused(),
               .backfill_waits = fragment_->backfill_waits(),
               .subscribers = subscribers_of(*fragment_),
               .runtime = environment.runtime,
               .store = environment.store,
               .reports = *manager_,
               .dml = environment.dml,
               .memory = environment.memory,
               .pace = manager_->pace(),
               .wake = [signal = signal_] { signal->wake(Wake::Generator); }},
      alive_(std::move(alive)),
      passed_(plan.actor_id()),
      awaits_vnodes_(fragment_->awaits_vnodes()),
      paused_(context_.paused) {}

// One that was never run to its end may stand by, and its parts must not be gone while a barrier is passed for it.
Actor::~Actor() {
  if (input_) mailbox_->close();
}

Status Actor::build(const TreeBuilder& tree, EpochPair first) {
  PENSTOCK_TRY(OperatorTree operators, tree(fragment_->root(), context_));
  chain_.emplace(std::move(operators), names_->operators, stats_);
  if (!awaits_vnodes_) {
    PENSTOCK_TRY(chain_->init(first));
  }
  generators_.resize(chain_->generators());
  outputs_.emplace(context_.graph, chain_->output_types().size(), signal_);
  for (const pb::Dispatcher& dispatcher : plan_->dispatchers()) {
    PENSTOCK_TRY(outputs_->add(dispatcher));
  }
  input_.emplace(mailbox_, first);
  return ok();
}

Result<size_t> Actor::leaf_of(uint32_t link) const {
  const std::optional<size_t> leaf = chain_->merge_of(link);
  if (!leaf) return error(Code::Protocol, "no operator reads link {}", link);
  return *leaf;
}

Status Actor::check_links() const {
  for (const uint32_t link : chain_->links()) {
    const bool fed = std::ranges::any_of(plan_->upstreams(), [&](const auto& up) { return up.link() == link && up.actors_size() > 0; });
    if (!fed) return error(Code::Protocol, "link {} has no upstream actor", link);
  }
  return ok();
}

void Actor::start() {
  input_->set_subscription(manager_->subscribe_barrier(context_.actor, [signal = signal_] { signal->wake(Wake::Barrier); }));
  plan_ = nullptr;
  fragment_ = nullptr;
  stats_.run(context_.runtime.now());
  signal_->yield();
}

void Actor::attach_output(AttachedOutput output) {
  {
    MutexLock lock(mutex_);
    if (ended_) return;  // destroying the sender tells the downstream
    attached_.push_back(std::move(output));
  }
  signal_->wake(Wake::Control);
}

// ---- the run loop -------------------------------------------------------------------------------------------------------------------

// Whoever runs the actor keeps it: when it ends, its keeper forgets it.
void Actor::run() {
  for (int slice = 0; slice < kMostSlices; ++slice) {
    const Turn turn = run_slice();
    if (turn == Turn::Ended) return end();
    if (turn == Turn::Worked) break;
    if (signal_->rest()) return;
  }
  signal_->yield();
}

Actor::Turn Actor::run_slice() {
  catch_up();
  if (stats_.waits()) stats_.run(context_.runtime.now());
  std::optional<runtime::TimePoint> begin;  // most runs end before the first look at the clock
  for (int steps = 1;; ++steps) {
    const Result<Turn> result = turn();
    if (result.has_error()) {
      fail(result.error());
      continue;
    }
    if (result.value() != Turn::Worked || steps == kMostSteps) return result.value();
    if (steps % kStepsPerLook != 0) continue;
    const runtime::TimePoint now = context_.runtime.now();
    if (now - begin.value_or(now) > kSlice) return Turn::Worked;
    if (!begin) begin = now;
  }
}

Result<Actor::Turn> Actor::turn() {
  PENSTOCK_TRY(look_at_wakes());
  if (pass_error_) return *std::exchange(pass_error_, std::nullopt);
  if (stop_requested_.load(std::memory_order_relaxed)) return reading_state_ ? Turn::Wait : Turn::Ended;
  if (reading_state_) return wait(WaitingFor::StateRead);
  if (asleep_until_) {
    if (*asleep_until_ > context_.runtime.now()) return wait(WaitingFor::Sleep);
    asleep_until_.reset();
  }
  if (outputs_->blocked()) {
    PENSTOCK_TRY(outputs_->send(false));
    if (outputs_->blocked()) return wait_for_output();
  }
  if (!chain_->idle()) return step_operators();
  return stage_ == Stage::Running ? take_input() : next_stage();
}

ActorStatus Actor::status() const {
  const Mailbox::Standing standing = mailbox_->standing();
  const runtime::TimePoint now = context_.runtime.now();
  ActorStatus out{.actor = context_.actor,
                  .fragment = context_.fragment,
                  .job = context_.job,
                  .job_name = job_name(),
                  .graph = context_.graph,
                  .waiting_for = {},
                  .wait = stats_.record(now),
                  .epoch = std::max(stats_.epoch(), standing.passed.value_or(Epoch{})),
                  .rows_in = stats_.rows_in(),
                  .rows_out = stats_.rows_out(),
                  .at_work = {}};
  if (out.wait.at_work) out.at_work = names_->operators.at(*out.wait.at_work);
  if (standing.missing)
    out.wait.align(standing.missing->actor, standing.missing->fragment, standing.missing->prev, now - standing.missing->since);
  out.waiting_for = in_words(out.wait);
  return out;
}

// Barriers that come while it sleeps are counted, and passed if there is nothing to do for them.
void Actor::stand_by() {
  const bool asks = std::ranges::any_of(generators_, [](const GeneratorState& generator) { return generator.due || generator.retry_at; });
  const bool rests = !asks && chain_->quiet() && outputs_->settled();
  // Without outputs there is nothing of its own to be touched.
  BarrierPasser* passer = outputs_->none() ? static_cast<BarrierPasser*>(manager_.get()) : this;
  input_->stand_by(context_.actor, rests ? passer : nullptr, rests ? barriers_to_leave_out() : 0, context_.runtime);
}

void Actor::catch_up() {
  const std::optional<Standby::Record> rested = input_->resume(context_.runtime);
  if (!rested) return;
  stats_.was_aligning(rested->aligning);
  if (!rested->passed) return;
  passed_ += rested->passes;
  evicted_nothing_ = false;
  chain_->note_skipped(*rested->passed);
  stats_.pass(rested->passed->curr);
}

Status Actor::look_at_wakes() {
  const uint32_t why = signal_->take();
  const auto says = [why](Wake reason) { return (why & static_cast<uint32_t>(reason)) != 0; };
  if (why == 0) return ok();
  if (says(Wake::Barrier)) input_->on_subscription_wake();
  if (says(Wake::Generator)) {
    for (GeneratorState& generator : generators_) generator.due = true;
  }
  if (says(Wake::StateRead)) reading_state_ = false;
  if (stop_requested_.load(std::memory_order_relaxed)) return ok();
  if (says(Wake::StateRead)) {
    const Status result = *std::exchange(state_read_result_, std::nullopt);
    PENSTOCK_TRY(awaits_vnodes_ ? result : chain_->state_read_done(result));
    if (awaits_vnodes_) {
      PENSTOCK_TRY(begin_with_vnodes());
    }
  }
  if (says(Wake::Control)) {
    std::vector<AttachedOutput> attached;
    {
      MutexLock lock(mutex_);
      attached.swap(attached_);
    }
    for (AttachedOutput& output : attached) outputs_->attach(std::move(output));
  }
  if (says(Wake::Output)) {
    PENSTOCK_TRY(outputs_->check());
  }
  return ok();
}

// Whoever waits downstream gets all there is before this actor goes to sleep.
Result<Actor::Turn> Actor::wait(WaitingFor what) {
  PENSTOCK_TRY(outputs_->send(true));
  if (what == WaitingFor::Input) {
    if (outputs_->blocked()) return wait_for_output();
    input_->note_wait(stats_, context_.runtime.now());
    stand_by();
  } else {
    stats_.wait(what, context_.runtime.now());
  }
  return Turn::Wait;
}

Result<Actor::Turn> Actor::wait_for_output() {
  PENSTOCK_TRY(outputs_->send(true));
  const OutputPort* port = outputs_->blocking();
  if (port == nullptr) return Turn::Worked;
  stats_.wait(port->connected() ? WaitingFor::Output : WaitingFor::Connection, context_.runtime.now(), port->downstream());
  return Turn::Wait;
}

// Its neighbours' channels close afterwards, when it ends: at once, or when a state read, which has the operator to itself, is back.
void Actor::fail(const Error& error) {
  if (stop_requested_.exchange(true)) return;
  const std::string where = fmt::format("actor {} of fragment {}, job {}", context_.actor, context_.fragment, job_name());
  manager_->notify_failure(context_.actor, error.with_context(where));
}

void Actor::end() {
  timer_.cancel();
  alarm_.cancel();
  std::vector<AttachedOutput> unclaimed;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    unclaimed.swap(attached_);
  }
  unclaimed.clear();
  chain_.reset();
  outputs_.reset();
  input_.reset();
  keeper_.actor_ended(context_.graph, context_.actor);
  alive_.reset();
}

}  // namespace penstock::stream
