#include "stream/exchange/barrier_gather.h"

#include "common/check.h"
#include "stream/exchange/exchange_frames.h"

namespace penstock::stream {

void BarrierGather::add(uint32_t channel, const Edge& edge) {
  const auto at = edges_.try_emplace(edge).first;
  ++at->second.holds;
  const bool added = channels_.try_emplace(channel, Channel{at, {}, std::nullopt, false}).second;
  PENSTOCK_CHECK(added, "channel {} is there already", channel);
}

void BarrierGather::send(uint32_t channel, std::string frame, Frames& out) {
  Channel& from = channels_.at(channel);
  if (from.held.empty()) {
    out.push_back(std::move(frame));
  } else {
    from.held.push({std::move(frame), std::nullopt});
  }
}

void BarrierGather::send_barrier(uint32_t channel, const Barrier& barrier, Frames& out) {
  Channel& from = channels_.at(channel);
  set_passed(from, barrier.epoch.prev);
  if (from.held.empty()) from.edge->second.waiting[barrier.epoch.prev].push_back(channel);
  from.held.push({{}, barrier});
  emit(from.edge, out);
}

void BarrierGather::send_last(uint32_t channel, std::string frame, Frames& out) {
  send(channel, std::move(frame), out);
  Channel& from = channels_.at(channel);
  const auto edge = from.edge;
  from.last = true;
  set_passed(from, std::nullopt);  // it will pass no other: nobody need wait for it
  ++edge->second.holds;
  if (from.held.empty()) forget(channel);
  emit(edge, out);
  drop(edge);
}

void BarrierGather::remove(uint32_t channel, Frames& out) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  Channel& gone = found->second;
  const auto edge = gone.edge;
  set_passed(gone, std::nullopt);
  if (!gone.held.empty()) {
    const auto waiting = edge->second.waiting.find(gone.held.front().barrier->epoch.prev);
    std::erase(waiting->second, channel);
    if (waiting->second.empty()) edge->second.waiting.erase(waiting);
  }
  ++edge->second.holds;
  forget(channel);
  emit(edge, out);
  drop(edge);
}

/// Sends the oldest barriers as far as no channel of the edge is behind them.
void BarrierGather::emit(Edges::iterator edge, Frames& out) {
  EdgeState& state = edge->second;
  ++state.holds;
  while (!state.waiting.empty()) {
    const auto oldest = state.waiting.begin();
    if (!state.passed.empty() && state.passed.begin()->first < oldest->first) break;
    const std::vector<uint32_t> channels = std::move(oldest->second);
    state.waiting.erase(oldest);
    out.push_back(barrier_frame(channels, *channels_.at(channels.front()).held.front().barrier));
    for (const uint32_t channel : channels) release(channel, out);
  }
  drop(edge);
}

/// The barrier that the channel's held items begin with is out.
void BarrierGather::release(uint32_t number, Frames& out) {
  Channel& channel = channels_.at(number);
  channel.held.pop();
  while (!channel.held.empty() && !channel.held.front().barrier) out.push_back(channel.held.pop().frame);
  if (!channel.held.empty()) {
    channel.edge->second.waiting[channel.held.front().barrier->epoch.prev].push_back(number);
  } else if (channel.last) {
    forget(number);
  }
}

void BarrierGather::set_passed(Channel& channel, std::optional<Epoch> passed) {
  auto& counts = channel.edge->second.passed;
  if (channel.passed) {
    const auto old = counts.find(*channel.passed);
    if (--old->second == 0) counts.erase(old);
  }
  channel.passed = passed;
  if (passed) ++counts[*passed];
}

void BarrierGather::forget(uint32_t number) {
  const auto found = channels_.find(number);
  const auto edge = found->second.edge;
  channels_.erase(found);
  drop(edge);
}

void BarrierGather::drop(Edges::iterator edge) {
  if (--edge->second.holds == 0) edges_.erase(edge);
}

}  // namespace penstock::stream
