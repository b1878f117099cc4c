#include "stream/exchange/merge.h"

#include "common/check.h"

namespace penstock::stream {

Merge::~Merge() { mailbox_->close(); }

uint32_t Merge::add_channel(Upstream upstream) {
  mailbox_->name_channel(upstream.actor, upstream.fragment);
  channels_.push_back({.upstream = upstream});
  ++live_;
  return static_cast<uint32_t>(channels_.size() - 1);
}

void Merge::set_receiver(uint32_t channel, std::unique_ptr<ChannelReceiver> receiver) { channels_[channel].receiver = std::move(receiver); }

void Merge::set_pace(const runtime::Runtime& clock, std::shared_ptr<const Pace> pace, size_t budget, size_t fan_in) {
  clock_ = &clock;
  budget_ = static_cast<uint32_t>(budget);
  fan_in_ = static_cast<uint32_t>(fan_in);
  pace_ = std::move(pace);
}

void Merge::begin_windows_anew() {
  windows_begin_anew_ = true;
  for (Channel& channel : channels_) {
    if (channel.window) channel.window->begin_anew();
  }
}

ReceiveWindow& Merge::window(Channel& channel) {
  if (!channel.window) {
    channel.window = std::make_unique<ReceiveWindow>(budget_, fan_in_);
    if (windows_begin_anew_) channel.window->begin_anew();
  }
  return *channel.window;
}

void Merge::release(Channel& channel, const Mailbox::Delivery& delivery) {
  if (clock_ == nullptr) return channel.receiver->release_chunk(delivery.weight);
  const size_t due = window(channel).take(delivery.weight, pace_->horizon(), busy_time());
  if (due > 0) channel.receiver->give_back(due);
}

// Time that was spent waiting for input says nothing of how fast the actor is: were it counted, a round trip that is longer than the
// horizon would close the windows, and closed windows would make every row wait for a round trip.
runtime::TimePoint Merge::busy_time() {
  const runtime::TimePoint now = clock_->now();
  if (dry_since_) waited_ += now - *std::exchange(dry_since_, std::nullopt);
  return {now.nanos - waited_.count()};
}

void Merge::note_dry() {
  if (clock_ != nullptr && !dry_since_) dry_since_ = clock_->now();
}

Result<Merge::Item> Merge::next() {
  if (given_) return Item{};
  if (ready_.empty()) {
    PENSTOCK_TRY(sort_in());
  }
  while (!ready_.empty()) {
    const uint32_t number = ready_.pop();
    Channel& channel = channels_[number];
    channel.queued = false;
    if (channel.removed || channel.blocked) continue;
    PENSTOCK_TRY(Item item, take(number, channel.backlog.pop()));
    if (!channel.backlog.empty() && !channel.blocked) enqueue(number);
    if (!std::holds_alternative<std::monostate>(item)) return item;
    if (ready_.empty()) {
      PENSTOCK_TRY(sort_in());
    }
  }
  if (live_ == 0 || arrived_ < live_) {
    note_dry();
    return Item{};
  }
  given_ = true;
  return Item{*barrier_};
}

// Everything goes through the backlogs, so that channels take turns whatever order their senders were quick in; but for a barrier that is
// next in its channel, which gives nothing yet.
Status Merge::sort_in() {
  mailbox_->take(batch_);
  for (Mailbox::Delivery& delivery : batch_) {
    const uint32_t number = delivery.channel;
    Channel& channel = channels_[number];
    if (channel.removed) continue;
    if (!channel.blocked && channel.backlog.empty() && std::holds_alternative<Barrier>(delivery.what)) {
      PENSTOCK_TRY(arrive(number, std::get<Barrier>(delivery.what)));
      continue;
    }
    channel.backlog.push(std::move(delivery));
    if (!channel.blocked) enqueue(number);
  }
  batch_.clear();
  return ok();
}

void Merge::enqueue(uint32_t number) {
  if (std::exchange(channels_[number].queued, true)) return;
  ready_.push(number);
}

Result<Merge::Item> Merge::take(uint32_t number, Mailbox::Delivery delivery) {
  Channel& channel = channels_[number];
  if (auto* end = std::get_if<Mailbox::End>(&delivery.what)) {
    return end->reason.with_context(fmt::format("input from actor {} of fragment {}", channel.upstream.actor, channel.upstream.fragment));
  }
  if (const auto* barrier = std::get_if<Barrier>(&delivery.what)) {
    PENSTOCK_TRY(arrive(number, *barrier));
    return Item{};
  }
  if (!channel.begun) {
    return error(Code::Protocol, "actor {} of fragment {} sent rows before its first barrier", channel.upstream.actor,
                 channel.upstream.fragment);
  }
  release(channel, delivery);
  return Item{Chunk{channel.upstream.input, std::get<data::StreamChunk>(std::move(delivery.what))}};
}

Status Merge::arrive(uint32_t number, const Barrier& barrier) {
  Channel& channel = channels_[number];
  if (!barrier_) {
    barrier_ = barrier;
    first_arrived_ = number;
  } else if (barrier_->epoch != barrier.epoch || barrier_->kind != barrier.kind) {
    const Upstream& first = channels_[first_arrived_].upstream;
    return error(Code::Protocol, "barriers differ: actor {} of fragment {} sent {}..{}, actor {} of fragment {} sent {}..{}", first.actor,
                 first.fragment, barrier_->epoch.prev, barrier_->epoch.curr, channel.upstream.actor, channel.upstream.fragment,
                 barrier.epoch.prev, barrier.epoch.curr);
  }
  channel.blocked = true;
  channel.begun = true;
  ++arrived_;
  channel.receiver->release_barrier();
  return ok();
}

void Merge::pass_barrier() {
  PENSTOCK_CHECK(given_, "no barrier to pass");
  given_ = false;
  barrier_.reset();
  arrived_ = 0;
  missing_hint_ = 0;
  for (uint32_t number = 0; number < channels_.size(); ++number) {
    Channel& channel = channels_[number];
    channel.blocked = false;
    if (!channel.removed && !channel.backlog.empty()) enqueue(number);
  }
}

bool Merge::stand_by(ActorId owner, Epoch next, BarrierPasser* passer, uint32_t may_pass, const runtime::Runtime& clock) {
  if (barrier_ || !ready_.empty()) return false;
  if (passer != nullptr) {  // it may be for long
    mailbox_->shrink();
    batch_.shrink_to_fit();
  }
  Standby::Plan plan{
      .actor = owner, .next = next, .channels = channels_.size(), .gone = {}, .passer = passer, .may_pass = may_pass, .clock = &clock};
  for (uint32_t number = 0; number < channels_.size(); ++number) {
    if (channels_[number].removed) plan.gone.push_back(number);
  }
  return mailbox_->stand_by(std::move(plan));
}

Standby::Record Merge::resume(runtime::TimePoint now) {
  Standby::Record record = mailbox_->resume(now);
  for (const uint32_t number : record.arrived) channels_[number].blocked = true;
  arrived_ = record.arrived.size();
  if (record.arriving) {
    barrier_ = record.arriving;
    first_arrived_ = record.arrived.front();
  }
  return record;
}

void Merge::remove_upstreams(const absl::flat_hash_set<ActorId>& upstreams) {
  PENSTOCK_CHECK(!barrier_, "upstreams were removed while barrier {} is being aligned", barrier_->epoch.prev);
  for (Channel& channel : channels_) {
    if (channel.removed || !upstreams.contains(channel.upstream.actor)) continue;
    channel.removed = true;
    channel.receiver.reset();
    channel.backlog = {};
    --live_;
  }
}

const Merge::Upstream* Merge::missing() const {
  if (!barrier_ || given_) return nullptr;
  for (; missing_hint_ < channels_.size(); ++missing_hint_) {
    const Channel& channel = channels_[missing_hint_];
    if (!channel.removed && !channel.blocked) return &channel.upstream;
  }
  return nullptr;
}

}  // namespace penstock::stream
