#include "stream/exchange/outputs.h"

#include "proto/control_stream.pb.h"

namespace penstock::stream {

Status Outputs::add(const pb::Dispatcher& description) {
  PENSTOCK_TRY(Dispatcher made, Dispatcher::make(description, width_, own_));
  for (Dispatcher& there : dispatchers_) {
    if (there.downstream() == made.downstream() && there.ports().front()->link() == made.ports().front()->link()) {
      return error(Code::Protocol, "an edge to fragment {} over link {} is there already", made.downstream(), description.link());
    }
  }
  dispatchers_.push_back(std::move(made));
  for (AttachedOutput& output : std::exchange(unclaimed_, {})) attach(std::move(output));
  return ok();
}

void Outputs::expect_end(const std::set<FragmentId>& fragments, const std::set<ActorId>& actors) {
  for (Dispatcher& dispatcher : dispatchers_) {
    const bool whole = fragments.contains(dispatcher.downstream());
    for (const auto& port : dispatcher.ports()) {
      if (whole || actors.contains(port->downstream())) port->expect_end();
    }
  }
}

void Outputs::remove(const std::set<FragmentId>& fragments, const std::set<ActorId>& actors) {
  std::erase_if(dispatchers_, [&](Dispatcher& dispatcher) {
    return fragments.contains(dispatcher.downstream()) ||
           std::ranges::all_of(dispatcher.ports(), [&](const auto& port) { return actors.contains(port->downstream()); });
  });
  note_pending();
}

void Outputs::attach(AttachedOutput output) {
  for (Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) {
      if (port->connected() || port->downstream() != output.downstream || port->link() != output.link) continue;
      output.sender->set_owner(owner_);
      port->connect(std::move(output.sender));
      return;
    }
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
  for (Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) {
      PENSTOCK_TRY(port->push_barrier(barrier));
    }
  }
  note_pending();
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

void Outputs::note_pending() {
  pending_.clear();
  for (Dispatcher& dispatcher : dispatchers_) {
    for (const auto& port : dispatcher.ports()) {
      if (!port->empty()) pending_.push_back(port.get());
    }
  }
}

}  // namespace penstock::stream
