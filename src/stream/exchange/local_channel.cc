#include "stream/exchange/local_channel.h"

#include <atomic>

#include "common/check.h"

namespace penstock::stream {
namespace {

/// Both ends of a channel, which keep nothing for themselves: there is one for each pair of actors, so its size counts.
struct LocalState {
  LocalState(std::shared_ptr<Mailbox> to, uint32_t number, size_t limit, ActorId up, ActorId down)
      : mailbox(std::move(to)), channel(number), upstream(up), downstream(down), budget(limit) {}

  // Either this sees the owner, or the owner's first look at `receiver_gone` comes after.
  void wake_sender() {
    if (owned.load()) owner->wake(Wake::Output);
  }

  const std::shared_ptr<Mailbox> mailbox;  // shared with the receiving actor and its other channels
  const uint32_t channel;
  const ActorId upstream;
  const ActorId downstream;
  std::atomic<uint32_t> barriers{0};
  const size_t budget;
  std::atomic<size_t> in_flight{0};
  size_t unreturned = 0;          // the receiver's
  std::shared_ptr<Signal> owner;  // of the sender, constant once `owned`; shared with everything else that may wake it
  std::atomic<bool> owned{false};
  std::atomic<bool> waiting{false};  // the sender found no budget
  std::atomic<bool> receiver_gone{false};
  bool closed = false;  // the sender's
};

class LocalSender final : public ChannelSender {
 public:
  explicit LocalSender(std::shared_ptr<LocalState> state) : state_(std::move(state)) {}
  LocalSender(const LocalSender&) = delete;
  LocalSender& operator=(const LocalSender&) = delete;
  ~LocalSender() override {
    if (!state_->closed) LocalSender::close(error(Code::Closed, "upstream actor {} has ended", state_->upstream));
  }

  void close(Error reason) override {
    state_->closed = true;
    state_->mailbox->push({state_->channel, 0, Mailbox::End{std::move(reason)}});
  }

  void set_owner(std::shared_ptr<Signal> owner) override {
    PENSTOCK_CHECK(!state_->owned.load(), "the channel of actor {} has an owner", state_->upstream);
    state_->owner = std::move(owner);
    state_->owned.store(true);
  }

  Status state() const override {
    if (!state_->receiver_gone.load()) return ok();
    return error(Code::Closed, "downstream actor {} has ended", state_->downstream);
  }

  size_t room() const override { return state_->budget - std::min(state_->budget, state_->in_flight.load(std::memory_order_relaxed)); }

  BarrierLane lane() const override { return {state_->mailbox.get(), state_->channel}; }

  Result<bool> try_send(Message& message) override {
    PENSTOCK_TRY(state());
    if (auto* chunk = std::get_if<data::StreamChunk>(&message)) return send_chunk(*chunk);
    const auto& barrier = std::get<Barrier>(message);
    if (state_->barriers.fetch_add(1, std::memory_order_relaxed) >= kMaxBarriersInFlight) {
      return error(Code::Protocol, "more than {} barriers are in flight from actor {} to actor {}", kMaxBarriersInFlight, state_->upstream,
                   state_->downstream);
    }
    if (state_->mailbox->push_barrier(state_->channel, barrier)) state_->barriers.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

 private:
  bool send_chunk(data::StreamChunk& chunk) {
    if (!has_budget()) return false;
    const size_t weight = chunk_weight(chunk);
    state_->in_flight.fetch_add(weight, std::memory_order_relaxed);
    state_->mailbox->push({state_->channel, static_cast<uint32_t>(weight), std::move(chunk)});
    return true;
  }

  // The flag is raised before the second look and the receiver gives back before it looks at the flag, so one of the two sees the other.
  bool has_budget() {
    if (state_->in_flight.load(std::memory_order_relaxed) < state_->budget) return true;
    state_->waiting.store(true);
    if (state_->in_flight.load() >= state_->budget) return false;
    state_->waiting.store(false);
    return true;
  }

  const std::shared_ptr<LocalState> state_;  // shared with the receiver
};

class LocalReceiver final : public ChannelReceiver {
 public:
  explicit LocalReceiver(std::shared_ptr<LocalState> state) : state_(std::move(state)) {}
  LocalReceiver(const LocalReceiver&) = delete;
  LocalReceiver& operator=(const LocalReceiver&) = delete;
  ~LocalReceiver() override {
    state_->receiver_gone.store(true);
    state_->wake_sender();
  }

  void release_chunk(size_t weight) override {
    state_->unreturned += weight;
    if (state_->unreturned >= state_->budget / 4) give_back(std::exchange(state_->unreturned, 0));
  }

  void give_back(size_t weight) override {
    state_->in_flight.fetch_sub(weight);
    if (state_->waiting.load() && state_->waiting.exchange(false)) state_->wake_sender();
  }

  void release_barrier() override { state_->barriers.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::shared_ptr<LocalState> state_;  // shared with the sender
};

}  // namespace

LocalChannel make_local_channel(std::shared_ptr<Mailbox> mailbox, uint32_t channel, size_t budget, ActorId upstream, ActorId downstream,
                                size_t kept_back) {
  auto state = std::make_shared<LocalState>(std::move(mailbox), channel, budget, upstream, downstream);
  state->in_flight.store(kept_back);
  return {std::make_unique<LocalSender>(state), std::make_unique<LocalReceiver>(state)};
}

}  // namespace penstock::stream
