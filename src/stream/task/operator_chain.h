#pragma once

#include <absl/functional/function_ref.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stream/executor/actor_context.h"
#include "stream/executor/operator_tree.h"
#include "stream/task/actor_stats.h"

namespace penstock::stream {

/// Drives the operators of one actor, one operator call a step, and can be left between any two steps: what a call produced lies in a frame
/// of an explicit stack until its consumer has taken it, chunk by chunk, so output stays bounded and in order.
///
/// New work is given only when the chain is idle. Pure and synchronous: it knows no thread, clock or channel.
class OperatorChain {
 public:
  enum class Turn {
    Idle,       // nothing to do
    Worked,     // call again
    NeedState,  // run `take_state_read` somewhere, then `state_read_done`
  };
  /// Takes what comes out of the root.
  using Sink = absl::FunctionRef<Status(data::StreamChunk)>;

  /// `names`: of the tree's nodes, for errors. `stats`: told of each operator before it is called. Both outlive the chain.
  OperatorChain(OperatorTree tree, std::span<const std::string> names, ActorStats& stats);
  OperatorChain(const OperatorChain&) = delete;
  OperatorChain& operator=(const OperatorChain&) = delete;

  [[nodiscard]] Status init(EpochPair first);

  [[nodiscard]] bool idle() const { return depth_ == 0 && pass_ == Pass::None; }
  /// One operator call, or one chunk handed to `sink`. Errors name the operator.
  [[nodiscard]] Result<Turn> step(Sink sink);

  /// A chunk that arrived at the merge `node`.
  void push(size_t node, data::StreamChunk chunk);
  /// The barrier's first half: generators give what must come before it, then each operator flushes, inputs before their consumer, what it
  /// produces flowing up before the consumer's own turn. The chain is busy until all of it has left the root.
  void begin_barrier(Barrier barrier);
  /// For a barrier before which nothing came in: true if the whole chain is through with it, because nothing was done since the last one
  /// and no operator acts by itself at barriers. Operators are told when there is something for them again.
  [[nodiscard]] bool skip_barrier(const Barrier& barrier);
  /// Nothing was done since the last barrier, and no operator acts by itself at barriers: `skip_barrier` is true for every barrier without
  /// mutation that comes before anything else.
  [[nodiscard]] bool quiet() const { return quiet_ && !worked_ && idle(); }
  /// Such barriers have passed, and the operators are to be told.
  void note_skipped(EpochPair skipped);
  /// The second half, once the barrier was sent on: each operator again, consumers before their inputs.
  void begin_after_barrier();

  [[nodiscard]] size_t generators() const { return generators_.size(); }
  /// Polls the `i`th generator. `produced`: ask again when the chain is idle; otherwise as `Generator::Poll` says.
  struct Polled {
    bool produced = false;
    std::optional<runtime::Duration> retry_after;
  };
  [[nodiscard]] Result<Polled> poll(size_t i);

  /// After `Turn::NeedState`.
  [[nodiscard]] Operator::StateRead take_state_read();
  [[nodiscard]] Status state_read_done(Status result);

  [[nodiscard]] size_t memory_bytes() const;
  /// Asks each operator for its share of `bytes`; returns the bytes given back.
  size_t evict(size_t bytes);

  /// Node of the merge that reads `link`.
  [[nodiscard]] std::optional<size_t> merge_of(uint32_t link) const;
  [[nodiscard]] std::vector<uint32_t> links() const;
  [[nodiscard]] const std::vector<data::DataType>& output_types() const { return tree_.output_types; }

 private:
  enum class Pass { None, Before, On, After };
  /// What one operator produced and is not yet taken; `step` says what the operator wants next.
  struct Frame {
    size_t node = 0;
    Output chunks;
    size_t next = 0;
    Step step = Step::Done;
  };

  Frame& push_frame(size_t node);
  [[nodiscard]] Status settle(Frame& frame, Result<Step> step);
  [[nodiscard]] Status hand_up(Frame& frame, Sink sink);
  [[nodiscard]] Status feed(size_t node, size_t port, data::StreamChunk chunk);
  [[nodiscard]] Status next_of_pass();
  void end_pass();
  [[nodiscard]] Status catch_up();

  /// The operator, which is called next.
  [[nodiscard]] Operator& at_work(size_t node) {
    stats_.call(node);
    return *tree_.nodes[node].op;
  }

  OperatorTree tree_;
  std::span<const std::string> names_;
  ActorStats& stats_;
  std::vector<size_t> generators_;  // nodes
  std::vector<Frame> frames_;       // the first `depth_` are in use; the others keep their memory
  size_t depth_ = 0;
  Pass pass_ = Pass::None;
  size_t pass_node_ = 0;              // next node of the pass
  Barrier barrier_;                   // of the pass
  bool worked_ = true;                // rows or a state read since the last barrier ended
  bool quiet_ = false;                // the last barrier found nothing, and the next may find nothing
  std::optional<EpochPair> skipped_;  // barriers that the operators do not know of
};

}  // namespace penstock::stream
