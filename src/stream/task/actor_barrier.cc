// The part of an actor that takes a barrier through its stages.
#include <algorithm>

#include "common/check.h"
#include "proto/control_stream.pb.h"
#include "stream/executor/mutation.h"
#include "stream/task/actor.h"

namespace penstock::stream {

namespace {

// Of so many barriers one goes through the operators although they have nothing to do, so that those that kept something for the next
// barrier (a view of rows that have moved to the disk) let go of it; each actor's is another one.
constexpr uint32_t kBarriersLeftOut = 64;

/// Whom a barrier ends downstream; of a fragment that ends, also actors that it does not name.
class Ended {
 public:
  explicit Ended(const Barrier& barrier) : barrier_(barrier) {}
  [[nodiscard]] bool anybody() const { return barrier_.mutation && (barrier_.mutation->has_stop() || barrier_.mutation->has_update()); }
  bool operator()(FragmentId fragment, ActorId actor) const {
    return std::ranges::binary_search(barrier_.mutation->stop().fragments(), fragment.value) || barrier_.stops(actor);
  }

 private:
  const Barrier& barrier_;
};

}  // namespace

bool Actor::leaves_out(const Barrier& barrier) { return ++passed_ % kBarriersLeftOut != 0 && chain_->skip_barrier(barrier); }

uint32_t Actor::barriers_to_leave_out() const { return kBarriersLeftOut - 1 - passed_ % kBarriersLeftOut; }

// A chain of sleeping actors is passed in one go, up to a depth that any stack has room for. Collecting before sending harms nobody: if the
// sending fails, so does the graph.
bool Actor::pass(ActorId self, EpochPair epoch, BarrierKind kind) {
  constexpr int kDeepest = 32;
  static thread_local int depth = 0;
  if (depth == kDeepest || pass_error_ || !manager_->pass(self, epoch, kind)) return false;
  ++depth;
  const Status sent = outputs_->send_barrier(Barrier{epoch, kind, nullptr, nullptr});
  --depth;
  if (sent.has_error()) {
    pass_error_ = sent.error();
    signal_->wake(Wake::Control);
  }
  return true;
}

Status Actor::begin_barrier(Barrier barrier) {
  barrier_ = std::move(barrier);
  left_out_ = awaits_vnodes_ || leaves_out(*barrier_);
  if (left_out_) {
    stage_ = Stage::Sending;
    return outputs_->send_barrier(*barrier_);
  }
  stage_ = Stage::Flushing;
  chain_->begin_barrier(*barrier_);
  return ok();
}

/// The chain is idle and no output is blocked: what the present stage waited for is done.
Result<Actor::Turn> Actor::next_stage() {
  switch (stage_) {
    case Stage::Running:
      PENSTOCK_CHECK(false, "no barrier is at work");
    case Stage::Flushing: {
      PENSTOCK_TRY(send_barrier());
      stage_ = Stage::Sending;
      return Turn::Worked;
    }
    case Stage::Sending:
      remove_outputs();
      manager_->collect(context_.actor, *barrier_);
      if (barrier_->stops(context_.actor)) return Turn::Ended;
      if (awaits_vnodes_) {
        stage_ = Stage::Awaiting;
        return Turn::Worked;
      }
      if (left_out_) return finish_barrier();
      chain_->begin_after_barrier();
      stage_ = Stage::After;
      return Turn::Worked;
    case Stage::Awaiting:
      return await_vnodes();
    case Stage::Beginning:
      chain_->begin_after_barrier();
      stage_ = Stage::After;
      return Turn::Worked;
    case Stage::After:
      return finish_barrier();
  }
  return Turn::Worked;
}

// What comes meanwhile waits in the mailbox, and when that is full, with those who sent it.
Result<Actor::Turn> Actor::await_vnodes() {
  const Epoch prev = barrier_->epoch.prev;
  if (!manager_->vnodes_here(context_.actor, prev, [signal = signal_] { signal->wake(Wake::Control); })) {
    PENSTOCK_TRY(outputs_->send(true));
    stats_.wait(WaitingFor::Vnodes, context_.runtime.now(), {}, {}, prev);
    return Turn::Wait;
  }
  reading_state_ = true;
  context_.runtime.blocking().post([self = shared_from_this()] {
    self->state_read_result_ = self->chain_->init(self->barrier_->epoch);
    self->signal_->wake(Wake::StateRead);
  });
  return wait(WaitingFor::StateRead);
}

Status Actor::begin_with_vnodes() {
  awaits_vnodes_ = false;
  left_out_ = false;
  stage_ = Stage::Beginning;
  chain_->begin_barrier(*barrier_);
  return ok();
}

Status Actor::change_outputs() {
  if (!barrier_->mutation) return ok();
  const auto& added = barrier_->mutation->add().dispatchers();
  if (const auto own = added.find(context_.actor.value); own != added.end()) {
    for (const pb::Dispatcher& dispatcher : own->second.dispatchers()) {
      PENSTOCK_TRY(outputs_->add(dispatcher));
    }
  }
  const auto& replaced = barrier_->mutation->update().dispatchers();
  if (const auto own = replaced.find(context_.actor.value); own != replaced.end()) {
    for (const pb::Dispatcher& dispatcher : own->second.dispatchers()) {
      PENSTOCK_TRY(outputs_->replace(dispatcher));
    }
  }
  return ok();
}

Status Actor::send_barrier() {
  PENSTOCK_TRY(change_outputs());
  PENSTOCK_TRY(outputs_->send_barrier(*barrier_));
  // Whom it ends may be gone before the last of the others has it.
  const Ended ended(*barrier_);
  if (!outputs_->none() && ended.anybody()) outputs_->expect_end(ended);
  return ok();
}

void Actor::remove_outputs() {
  const Ended ended(*barrier_);
  if (!outputs_->none() && ended.anybody()) outputs_->remove(ended);
}

Actor::Turn Actor::finish_barrier() {
  const Barrier barrier = *std::exchange(barrier_, std::nullopt);
  if (barrier.mutation) {
    if (const auto paused = paused_by(barrier, context_.actor)) paused_ = *paused;
    // It may have given a generator new splits or another rate.
    for (GeneratorState& generator : generators_) generator.due = true;
  }
  begun_ = true;
  evicted_nothing_ = false;
  stats_.pass(barrier.epoch.curr);
  input_->pass_barrier(barrier);
  stage_ = Stage::Running;
  return Turn::Worked;
}

}  // namespace penstock::stream
