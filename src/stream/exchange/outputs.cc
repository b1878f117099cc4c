#include "stream/exchange/outputs.h"

#include <ranges>

#include "proto/control_stream.pb.h"
#include "stream/exchange/mailbox.h"

namespace penstock::stream {
namespace {

// The lines that counting a barrier in a mailbox touches.
void fetch_ahead(const Mailbox* mailbox) {
  if (mailbox == nullptr) return;
  const auto* at = reinterpret_cast<const char*>(mailbox);
  for (size_t line = 0; line < 3; ++line) __builtin_prefetch(at + 64 * line, 1);
}

}  // namespace

Status Outputs::add(const pb::Dispatcher& description) { return add(description, 0); }

Status Outputs::replace(const pb::Dispatcher& description) { return add(description, 1); }

Status Outputs::add(const pb::Dispatcher& description, ptrdiff_t there) {
  PENSTOCK_TRY(Dispatcher made, Dispatcher::make(description, width_, own_));
  const auto found = std::ranges::count_if(dispatchers_, [&](const Dispatcher& other) { return other.same_edge(made); });
  if (found != there) {
    return error(Code::Protocol, "an edge to fragment {} over link {} is there {}", made.downstream(), description.link(),
                 found == 0 ? "not" : "already");
  }
  for (const auto& port : made.ports()) lanes_.push_back({port.get(), port->lane()});
  dispatchers_.push_back(std::move(made));
  for (AttachedOutput& output : std::exchange(unclaimed_, {})) attach(std::move(output));
  return ok();
}

void Outputs::expect_end(Ended ended) {
  for (Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) {
      if (ended(dispatcher.downstream(), port->downstream())) port->expect_end();
    }
  }
}

void Outputs::remove(Ended ended) {
  const size_t gone = std::erase_if(dispatchers_, [&](Dispatcher& dispatcher) {
    return std::ranges::all_of(dispatcher.ports(), [&](const auto& port) { return ended(dispatcher.downstream(), port->downstream()); });
  });
  if (gone == 0) return;
  note_lanes();
  note_pending();
}

void Outputs::attach(AttachedOutput output) {
  // Latest first: an actor may have a thousand outputs, and who comes now belongs to the newest.
  for (Lane& lane : std::views::reverse(lanes_)) {
    if (lane.direct.mailbox != nullptr) continue;
    OutputPort& port = *lane.port;
    if (port.connected() || port.downstream() != output.downstream || port.link() != output.link) continue;
    output.sender->set_owner(owner_);
    port.connect(std::move(output.sender));
    lane.direct = port.lane();
    return;
  }
  unclaimed_.push_back(std::move(output));
}

Status Outputs::dispatch(const data::StreamChunk& chunk) {
  for (Dispatcher& dispatcher : dispatchers_) {
    PENSTOCK_TRY(dispatcher.dispatch(chunk));
  }
  note_pending();
  return ok();
}

Status Outputs::send_barrier(const Barrier& barrier) {
  // Of jobs whose creation was given up before their edge came.
  std::erase_if(unclaimed_, [](const AttachedOutput& output) { return output.sender->state().has_error(); });
  if (!pending_.empty()) {
    for (const Lane& lane : lanes_) {
      PENSTOCK_TRY(lane.port->push_barrier(barrier));
    }
    note_pending();
    return ok();
  }
  // Nothing waits in any port, so that a barrier may go past it. Whatever it touches then is far from memory that was touched of late.
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (i + kAhead < lanes_.size()) fetch_ahead(lanes_[i + kAhead].direct.mailbox);
    const Lane& lane = lanes_[i];
    if (lane.direct.mailbox != nullptr && lane.direct.mailbox->count_barrier(lane.direct.channel, barrier)) continue;
    PENSTOCK_TRY(lane.port->push_barrier(barrier));
    if (!lane.port->empty()) pending_.push_back(lane.port);
  }
  return ok();
}

Status Outputs::send(bool small) {
  for (OutputPort* port : pending_) {
    PENSTOCK_TRY(port->send(small));
  }
  std::erase_if(pending_, [](const OutputPort* port) { return port->empty(); });
  return ok();
}

Status Outputs::check() {
  for (Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) {
      PENSTOCK_TRY(port->check());
    }
  }
  note_pending();
  return ok();
}

const OutputPort* Outputs::blocking() const {
  const auto found = std::ranges::find_if(pending_, [](const OutputPort* port) { return port->blocked(); });
  return found == pending_.end() ? nullptr : *found;
}

bool Outputs::settled() const {
  if (!pending_.empty() || !unclaimed_.empty()) return false;
  return std::ranges::all_of(dispatchers_, [](const Dispatcher& dispatcher) {
    return std::ranges::all_of(dispatcher.ports(), [](const auto& port) { return port->connected(); });
  });
}

void Outputs::note_lanes() {
  lanes_.clear();
  for (const Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) lanes_.push_back({port.get(), port->lane()});
  }
}

void Outputs::note_pending() {
  pending_.clear();
  for (Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) {
      if (!port->empty()) pending_.push_back(port.get());
    }
  }
}

}  // namespace penstock::stream
