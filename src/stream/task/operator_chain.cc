#include "stream/task/operator_chain.h"

#include <algorithm>

#include "common/check.h"

namespace penstock::stream {

using data::StreamChunk;

OperatorChain::OperatorChain(OperatorTree tree, std::span<const std::string> names, ActorStats& stats)
    : tree_(std::move(tree)), names_(names), stats_(stats) {
  for (size_t node = 0; node < tree_.nodes.size(); ++node) {
    const auto& op = tree_.nodes[node].op;
    if (op && op->generator() != nullptr) generators_.push_back(node);
  }
}

Status OperatorChain::init(EpochPair first) {
  for (size_t node = 0; node < tree_.nodes.size(); ++node) {
    if (const auto& op = tree_.nodes[node].op) {
      PENSTOCK_TRY(in_context(op->init(first), names_[node]));
    }
  }
  return ok();
}

Result<OperatorChain::Turn> OperatorChain::step(Sink sink) {
  if (skipped_) {
    PENSTOCK_TRY(catch_up());
  }
  if (depth_ == 0) {
    if (pass_ == Pass::None) return Turn::Idle;
    PENSTOCK_TRY(next_of_pass());
    return Turn::Worked;
  }
  Frame& top = frames_[depth_ - 1];
  if (top.next < top.chunks.size()) {
    PENSTOCK_TRY(hand_up(top, sink));
  } else if (top.step == Step::NeedState) {
    return Turn::NeedState;
  } else if (top.step == Step::MoreOutput) {
    PENSTOCK_TRY(settle(top, at_work(top.node).resume(top.chunks)));
  } else {
    --depth_;
  }
  return Turn::Worked;
}

bool OperatorChain::skip_barrier(const Barrier& barrier) {
  PENSTOCK_CHECK(idle(), "barrier {} came into a busy chain", barrier.epoch.prev);
  if (!quiet() || barrier.mutation) return false;
  note_skipped(barrier.epoch);
  return true;
}

void OperatorChain::note_skipped(EpochPair skipped) {
  if (!skipped_) skipped_ = skipped;
  skipped_->curr = skipped.curr;
}

Status OperatorChain::catch_up() {
  const EpochPair skipped = *std::exchange(skipped_, std::nullopt);
  for (size_t node = 0; node < tree_.nodes.size(); ++node) {
    if (const auto& op = tree_.nodes[node].op) {
      PENSTOCK_TRY(in_context(op->skip(skipped), names_[node]));
    }
  }
  return ok();
}

void OperatorChain::push(size_t node, StreamChunk chunk) {
  PENSTOCK_CHECK(idle(), "rows were pushed into a busy chain");
  worked_ = true;
  Frame& frame = push_frame(node);
  frame.chunks.push_back(std::move(chunk));
}

void OperatorChain::begin_barrier(Barrier barrier) {
  PENSTOCK_CHECK(idle(), "barrier {} came into a busy chain", barrier.epoch.prev);
  barrier_ = std::move(barrier);
  pass_ = generators_.empty() ? Pass::On : Pass::Before;
  pass_node_ = 0;
}

void OperatorChain::begin_after_barrier() {
  PENSTOCK_CHECK(idle(), "barrier {} has not left the chain", barrier_.epoch.prev);
  pass_ = Pass::After;
  pass_node_ = 0;
}

/// The next operator's turn. A pass that finds nobody else is over; the one before the barrier goes over into the barrier's own. Up to the
/// barrier inputs come before their consumer; after it the consumer comes first, so that what an input then gives finds it in the new
/// epoch.
Status OperatorChain::next_of_pass() {
  while (pass_node_ < tree_.nodes.size()) {
    const size_t turn = pass_node_++;
    const size_t node = pass_ == Pass::After ? tree_.nodes.size() - 1 - turn : turn;
    Operator* op = tree_.nodes[node].op.get();
    if (op == nullptr) continue;
    if (pass_ != Pass::Before) {
      Frame& frame = push_frame(node);
      stats_.call(node);
      return settle(frame, pass_ == Pass::On ? op->on_barrier(barrier_, frame.chunks) : op->after_barrier(barrier_, frame.chunks));
    }
    if (Generator* generator = op->generator()) {
      Frame& frame = push_frame(node);
      stats_.call(node);
      return in_context(generator->before_barrier(frame.chunks), names_[node]);
    }
  }
  end_pass();
  return ok();
}

void OperatorChain::end_pass() {
  if (pass_ == Pass::After) {
    quiet_ = !worked_ && std::ranges::none_of(tree_.nodes, [](const auto& node) { return node.op && node.op->acts_at_barriers(); });
    worked_ = false;
  }
  pass_ = pass_ == Pass::Before ? Pass::On : Pass::None;
  pass_node_ = 0;
}

Result<OperatorChain::Polled> OperatorChain::poll(size_t i) {
  PENSTOCK_CHECK(idle(), "a generator was polled in a busy chain");
  if (skipped_) {
    PENSTOCK_TRY(catch_up());
  }
  const size_t node = generators_[i];
  Frame& frame = push_frame(node);
  const auto poll = at_work(node).generator()->poll(frame.chunks);
  if (poll.has_error()) return poll.error().with_context(names_[node]);
  frame.step = poll.value().step;
  if (frame.step != Step::Done || !frame.chunks.empty()) {
    worked_ = true;
    return Polled{true, std::nullopt};
  }
  --depth_;
  return Polled{false, poll.value().retry_after};
}

Operator::StateRead OperatorChain::take_state_read() { return tree_.nodes[frames_[depth_ - 1].node].op->take_state_read(); }

Status OperatorChain::state_read_done(Status result) {
  Frame& top = frames_[depth_ - 1];
  top.step = Step::MoreOutput;
  return in_context(std::move(result), names_[top.node]);
}

OperatorChain::Frame& OperatorChain::push_frame(size_t node) {
  if (depth_ == frames_.size()) frames_.emplace_back();
  Frame& frame = frames_[depth_++];
  frame.node = node;
  frame.chunks.clear();
  frame.next = 0;
  frame.step = Step::Done;
  return frame;
}

Status OperatorChain::settle(Frame& frame, Result<Step> step) {
  if (step.has_error()) return step.error().with_context(names_[frame.node]);
  frame.step = step.value();
  if (frame.step != Step::Done || !frame.chunks.empty()) worked_ = true;
  return ok();
}

Status OperatorChain::hand_up(Frame& frame, Sink sink) {
  StreamChunk chunk = std::move(frame.chunks[frame.next++]);
  const size_t node = frame.node;
  if (frame.next == frame.chunks.size()) {
    frame.chunks.clear();
    frame.next = 0;
    if (frame.step == Step::Done) --depth_;  // the consumer takes its place
  }
  if (chunk.rows() == 0) return ok();
  const OperatorTree::Node& from = tree_.nodes[node];
  return from.parent == OperatorTree::kNoParent ? sink(std::move(chunk)) : feed(from.parent, from.port, std::move(chunk));
}

Status OperatorChain::feed(size_t node, size_t port, StreamChunk chunk) {
  worked_ = true;
  Frame& frame = push_frame(node);
  return settle(frame, at_work(node).on_chunk(port, std::move(chunk), frame.chunks));
}

size_t OperatorChain::memory_bytes() const {
  size_t bytes = 0;
  for (const OperatorTree::Node& node : tree_.nodes) {
    if (node.op) bytes += node.op->memory_bytes();
  }
  return bytes;
}

size_t OperatorChain::evict(size_t bytes) {
  const size_t all = memory_bytes();
  if (all == 0) return 0;
  size_t freed = 0;
  for (const OperatorTree::Node& node : tree_.nodes) {
    if (!node.op) continue;
    const auto share =
        static_cast<size_t>(static_cast<double>(bytes) * static_cast<double>(node.op->memory_bytes()) / static_cast<double>(all));
    if (share > 0) freed += node.op->evict(share);
  }
  return freed;
}

std::optional<size_t> OperatorChain::merge_of(uint32_t link) const {
  for (size_t node = 0; node < tree_.nodes.size(); ++node) {
    if (!tree_.nodes[node].op && tree_.nodes[node].link == link) return node;
  }
  return std::nullopt;
}

std::vector<uint32_t> OperatorChain::links() const {
  std::vector<uint32_t> links;
  for (const OperatorTree::Node& node : tree_.nodes) {
    if (!node.op) links.push_back(node.link);
  }
  return links;
}

}  // namespace penstock::stream
