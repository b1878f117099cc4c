#include "sim/protocol_checker.h"

#include "proto/control_stream.pb.h"

namespace penstock::sim {

// Hands everything on, and shows it.
class ProtocolChecker::WatchedStream final : public rpc::Stream {
 public:
  WatchedStream(std::shared_ptr<rpc::Stream> inner, ProtocolChecker& checker, std::string node)
      : inner_(std::move(inner)), checker_(checker), node_(std::move(node)) {}
  bool write(rpc::Bytes message) override {
    pb::ControlRequest request;
    if (request.ParseFromString(message)) checker_.on_request(node_, request);
    return inner_->write(std::move(message));
  }
  size_t queued_bytes() const override { return inner_->queued_bytes(); }
  void close(Status reason) override { inner_->close(std::move(reason)); }
  std::string peer() const override { return inner_->peer(); }

 private:
  const std::shared_ptr<rpc::Stream> inner_;  // as the transport shares it
  ProtocolChecker& checker_;
  const std::string node_;
};

class ProtocolChecker::Watched final : public rpc::Transport {
 public:
  Watched(std::unique_ptr<rpc::Transport> inner, ProtocolChecker& checker) : inner_(std::move(inner)), checker_(checker) {}
  Result<std::unique_ptr<rpc::Listener>> listen(std::string_view address, std::shared_ptr<rpc::Service> service) override {
    return inner_->listen(address, std::move(service));
  }
  std::shared_ptr<rpc::Stream> connect(std::string_view address, std::string_view method, runtime::Executor& executor,
                                       rpc::StreamEvents events) override {
    if (!method.ends_with("/Control")) return inner_->connect(address, method, executor, std::move(events));
    std::string node(address);
    events.on_message = [this, node, next = std::move(events.on_message)](rpc::Bytes bytes) mutable {
      pb::ControlResponse response;
      if (response.ParseFromString(bytes)) checker_.on_response(node, response);
      next(std::move(bytes));
    };
    auto stream = inner_->connect(address, method, executor, std::move(events));
    return std::make_shared<WatchedStream>(std::move(stream), checker_, std::move(node));
  }
  void call(std::string_view address, std::string_view method, rpc::Bytes request, runtime::Duration timeout, runtime::Executor& executor,
            absl::AnyInvocable<void(Result<rpc::Bytes>)> done) override {
    inner_->call(address, method, std::move(request), timeout, executor, std::move(done));
  }

 private:
  const std::unique_ptr<rpc::Transport> inner_;
  ProtocolChecker& checker_;
};

std::unique_ptr<rpc::Transport> ProtocolChecker::watch(std::unique_ptr<rpc::Transport> inner) {
  return std::make_unique<Watched>(std::move(inner), *this);
}

void ProtocolChecker::count_message() {
  if (!then_) return;
  if (left_ == 0) return std::exchange(then_, nullptr)();
  --left_;
}

void ProtocolChecker::on_request(const std::string& node, const pb::ControlRequest& request) {
  if (!request.has_ping()) count_message();
  if (request.has_create_partial_graph()) {
    const auto& create = request.create_partial_graph();
    const auto [at, added] = terms_.try_emplace(GraphTerm{create.graph().id(), create.graph().term()});
    at->second.begins_at[node] = create.committed_epoch();
    if (!added) return;
    ++counts_.terms;
    const uint64_t committed = committed_[create.graph().id()];
    if (create.committed_epoch() < committed) {
      violation("graph {} begins term {} at epoch {}, but {} was committed before", create.graph().id(), create.graph().term(),
                create.committed_epoch(), committed);
    }
  } else if (request.has_inject_barrier()) {
    on_inject(node, {request.inject_barrier().graph().id(), request.inject_barrier().graph().term()}, request);
  } else if (request.has_commit_epoch()) {
    const auto& commit = request.commit_epoch();
    on_commit(node, {commit.graph().id(), commit.graph().term()}, commit.epoch());
    for (const pb::GraphId& with : commit.with()) on_commit_with({with.id(), with.term()}, commit.epoch());
  }
}

void ProtocolChecker::on_inject(const std::string& node, GraphTerm graph, const pb::ControlRequest& request) {
  const auto found = terms_.find(graph);
  if (found == terms_.end())
    return violation("{} gets a barrier of graph {} term {}, which was never created", node, graph.first, graph.second);
  TermState& term = found->second;
  const pb::Barrier& barrier = request.inject_barrier().barrier();
  if (barrier.mutation().has_combined()) ++counts_.combined;
  const uint64_t prev = barrier.epoch().prev();
  if (barrier.kind() == pb::BARRIER_INITIAL && !term.barriers.empty()) return on_joined(node, graph, term, barrier);
  const auto [at, added] = term.barriers.try_emplace(prev);
  if (added) {
    ++counts_.barriers;
    at->second.curr = barrier.epoch().curr();
    at->second.checkpoint = barrier.kind() == pb::BARRIER_CHECKPOINT;
    if (barrier.epoch().curr() <= prev) violation("barrier {} -> {} of graph {} goes back", prev, barrier.epoch().curr(), graph.first);
    const bool continues = at == term.barriers.begin() || std::prev(at)->second.curr == prev;
    if (!continues || std::next(at) != term.barriers.end()) {
      violation("graph {} term {}: barrier {} -> {} does not continue the chain, which ends at {}", graph.first, graph.second, prev,
                barrier.epoch().curr(), term.barriers.rbegin()->second.curr);
    }
  } else if (at->second.curr != barrier.epoch().curr()) {
    violation("graph {} term {}: epoch {} ends with {} at {} and with {} elsewhere", graph.first, graph.second, prev,
              barrier.epoch().curr(), node, at->second.curr);
  }
  if (const auto begin = term.begins_at.find(node); begin != term.begins_at.end()) {
    if (begin->second != prev) {
      violation("graph {} term {} begins at {} with epoch {}, its first barrier there ends {}", graph.first, graph.second, node,
                begin->second, prev);
    }
    term.begins_at.erase(begin);
  }
  if (!at->second.nodes.insert(node).second) violation("barrier {} of graph {} is injected twice at {}", prev, graph.first, node);
}

// A node that comes into a graph that runs has a first barrier of its own: from what is committed to where the others are.
void ProtocolChecker::on_joined(const std::string& node, GraphTerm graph, TermState& term, const pb::Barrier& barrier) {
  const uint64_t prev = barrier.epoch().prev(), curr = barrier.epoch().curr();
  const auto begin = term.begins_at.find(node);
  if (begin == term.begins_at.end()) {
    // The first barrier of the term, at another of its first nodes.
    return violation("graph {} term {}: {} gets a second Initial, {} -> {}", graph.first, graph.second, node, prev, curr);
  }
  if (begin->second != prev) {
    violation("graph {} term {} begins at {} with epoch {}, its first barrier there ends {}", graph.first, graph.second, node,
              begin->second, prev);
  }
  term.begins_at.erase(begin);
  const auto first = term.barriers.find(prev);
  if (first != term.barriers.end() && first->second.curr == curr) {
    first->second.nodes.insert(node);
  } else if (term.barriers.rbegin()->second.curr != curr) {
    violation("graph {} term {}: {} joins at {}, the chain ends at {}", graph.first, graph.second, node, curr,
              term.barriers.rbegin()->second.curr);
  } else {
    term.joining[node] = prev;
  }
}

void ProtocolChecker::on_response(const std::string& node, const pb::ControlResponse& response) {
  if (!response.has_pong()) count_message();
  if (!response.has_barrier_complete()) return;
  const auto& complete = response.barrier_complete();
  const GraphTerm graph{complete.graph().id(), complete.graph().term()};
  const auto found = terms_.find(graph);
  if (found == terms_.end())
    return violation("{} completes a barrier of graph {} term {}, which was never created", node, graph.first, graph.second);
  TermState& term = found->second;
  if (const auto joining = term.joining.find(node); joining != term.joining.end() && joining->second == complete.epoch()) {
    term.last_completed[node] = complete.epoch();
    term.joining.erase(joining);
    return;
  }
  const auto barrier = term.barriers.find(complete.epoch());
  if (barrier == term.barriers.end() || !barrier->second.nodes.contains(node)) {
    return violation("{} completes barrier {} of graph {} term {}, which it was not given", node, complete.epoch(), graph.first,
                     graph.second);
  }
  if (!barrier->second.completed.insert(node).second)
    violation("{} completes barrier {} of graph {} twice", node, complete.epoch(), graph.first);
  uint64_t& last = term.last_completed[node];
  if (complete.epoch() < last) violation("{} completes barrier {} of graph {} after {}", node, complete.epoch(), graph.first, last);
  last = complete.epoch();
}

void ProtocolChecker::on_commit(const std::string& node, GraphTerm graph, uint64_t epoch) {
  uint64_t& committed = committed_[graph.first];
  if (epoch < committed) {
    // Another node may hear of a commit later than the first one, but only within a term.
    const auto found = terms_.find(graph);
    if (found == terms_.end() || !found->second.barriers.contains(epoch)) {
      return violation("{} is told that epoch {} of graph {} is committed, after {}", node, epoch, graph.first, committed);
    }
    return;
  }
  if (epoch == committed) return;
  committed = epoch;
  ++counts_.commits;
  const auto found = terms_.find(graph);
  if (found == terms_.end())
    return violation("epoch {} of graph {} commits in term {}, which was never created", epoch, graph.first, graph.second);
  const auto barrier = found->second.barriers.find(epoch);
  if (barrier == found->second.barriers.end()) {
    return violation("epoch {} of graph {} term {} commits without a barrier", epoch, graph.first, graph.second);
  }
  if (!barrier->second.checkpoint) violation("epoch {} of graph {} commits, but its barrier was no checkpoint", epoch, graph.first);
  expect_completed(graph, epoch, barrier->second);
}

void ProtocolChecker::on_commit_with(GraphTerm graph, uint64_t epoch) {
  const auto found = terms_.find(graph);
  if (found == terms_.end()) return violation("a commit names graph {} term {}, which was never created", graph.first, graph.second);
  const auto barrier = found->second.barriers.find(epoch);
  if (barrier != found->second.barriers.end()) expect_completed(graph, epoch, barrier->second);
}

void ProtocolChecker::expect_completed(GraphTerm graph, uint64_t epoch, const Barrier& barrier) {
  for (const std::string& needed : barrier.nodes) {
    if (!barrier.completed.contains(needed)) {
      violation("epoch {} of graph {} term {} commits before {} has completed it", epoch, graph.first, graph.second, needed);
    }
  }
}

}  // namespace penstock::sim
