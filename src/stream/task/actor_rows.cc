// The part of an actor that moves rows: operators, state reads, input, generators.
#include "common/check.h"
#include "expr/pause.h"
#include "stream/task/actor.h"

namespace penstock::stream {

Result<Actor::Turn> Actor::step_operators() {
  const auto sink = [this](const data::StreamChunk& chunk) {
    stats_.add_rows_out(chunk.rows());
    return outputs_->dispatch(chunk);
  };
  PENSTOCK_TRY(const OperatorChain::Turn step, chain_->step(sink));
  if (const int64_t pause = expr::take_owed_pause(); pause > 0) begin_sleep(runtime::Duration(pause));
  if (step != OperatorChain::Turn::NeedState) return Turn::Worked;
  begin_state_read();
  return wait(WaitingFor::StateRead);
}

void Actor::begin_sleep(runtime::Duration pause) {
  asleep_until_ = context_.runtime.now() + pause;
  alarm_ = context_.runtime.after(pause, context_.runtime.pool(), [signal = signal_] { signal->wake(Wake::Control); });
}

void Actor::begin_state_read() {
  reading_state_ = true;
  // The job keeps the actor: the reader uses its operator. It has the actor to itself as far as `state_read_result_` goes.
  context_.runtime.blocking().post([self = shared_from_this(), read = chain_->take_state_read()]() mutable {
    self->state_read_result_ = read();
    read = nullptr;
    self->signal_->wake(Wake::StateRead);
  });
}

Result<Actor::Turn> Actor::take_input() {
  if (holds_for_memory()) return wait(WaitingFor::Memory);
  PENSTOCK_TRY(Merge::Item item, input_->next());
  if (auto* chunk = std::get_if<Merge::Chunk>(&item)) {
    stats_.add_rows_in(chunk->chunk.rows());
    keep_memory_budget();
    chain_->push(chunk->input, std::move(chunk->chunk));
    return Turn::Worked;
  }
  if (auto* barrier = std::get_if<Barrier>(&item)) {
    PENSTOCK_TRY(begin_barrier(std::move(*barrier)));
    return Turn::Worked;
  }
  PENSTOCK_TRY(const bool polled, poll_generators());
  if (polled) return Turn::Worked;
  arm_retry_timer();
  return wait(WaitingFor::Input);
}

/// True if one of them produced something. They take turns, each when it is due.
Result<bool> Actor::poll_generators() {
  if (!begun_ || paused_) return false;
  for (size_t tried = 0; tried < generators_.size(); ++tried) {
    const size_t i = next_generator_;
    next_generator_ = (next_generator_ + 1) % generators_.size();
    GeneratorState& generator = generators_[i];
    if (generator.retry_at && *generator.retry_at <= context_.runtime.now()) generator.due = true;
    if (!generator.due) continue;
    PENSTOCK_TRY(const OperatorChain::Polled polled, chain_->poll(i));
    generator.due = polled.produced;
    generator.retry_at.reset();
    if (polled.retry_after) generator.retry_at = context_.runtime.now() + *polled.retry_after;
    if (!polled.produced) continue;
    keep_memory_budget();
    return true;
  }
  return false;
}

void Actor::arm_retry_timer() {
  std::optional<runtime::TimePoint> next;
  for (const GeneratorState& generator : generators_) {
    if (generator.retry_at && (!next || *generator.retry_at < *next)) next = generator.retry_at;
  }
  if (!next || paused_ || !begun_) return;
  const runtime::TimePoint now = context_.runtime.now();
  if (timer_at_ && *timer_at_ <= *next && *timer_at_ > now) return;  // it will look in time
  timer_at_ = next;
  const auto delay = std::max(runtime::Duration::zero(), *next - now);
  timer_ = context_.runtime.after(delay, context_.runtime.pool(), [signal = signal_] { signal->wake(Wake::Generator); });
}

// State that this epoch has changed stays until a barrier has passed. Once the node is well over its budget and this actor has nothing left
// to evict, it takes only what is in front of the next barrier; its upstreams, and with them the sources, find no room and wait.
bool Actor::holds_for_memory() {
  constexpr size_t kSlack = 1 << 20;
  const size_t limit = context_.memory.limit();
  if (limit == 0 || !begun_ || context_.memory.excess() <= limit / 4 + kSlack || chain_->memory_bytes() == 0) return false;
  keep_memory_budget();
  return evicted_nothing_ && context_.memory.excess() > limit / 4 + kSlack && !input_->announced();
}

void Actor::keep_memory_budget() {
  const size_t excess = context_.memory.excess();
  if (excess == 0 || evicted_nothing_) return;
  const double share = static_cast<double>(chain_->memory_bytes()) / static_cast<double>(std::max<size_t>(1, context_.memory.used()));
  evicted_nothing_ = chain_->evict(static_cast<size_t>(static_cast<double>(excess) * std::min(1.0, share)) + 1) == 0;
}

}  // namespace penstock::stream
