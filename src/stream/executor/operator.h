#pragma once

#include <absl/functional/any_invocable.h>

#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "data/chunk.h"
#include "stream/message.h"

namespace penstock::stream {

/// Chunks an operator produced in one step, in order.
using Output = std::vector<data::StreamChunk>;

/// What a step came to.
enum class Step : uint8_t {
  Done,        // the input was taken in
  MoreOutput,  // output was bounded: call `resume` again before anything else
  NeedState,   // rows must come from the store: run `take_state_read` on the blocking pool, then `resume`
};

/// One operator of an actor: deterministic given its input order and its state. The operators of an actor form a tree that the actor's
/// runner drives; an operator never blocks, never calls another, and sees one call at a time.
///
/// Calls: `init` once, with the pair of the actor's first barrier. Then any number of `on_chunk`; whenever a call answered MoreOutput or
/// NeedState, `resume` until Done. `on_barrier` comes when every input of the actor has reached the barrier and everything before it has
/// been taken in; it flushes changes into `out` and commits the tables; the chunks of `out` belong before the barrier. It may answer
/// MoreOutput or NeedState too. `after_barrier` comes once the barrier has been passed on (new vnodes, cache clearing, token.post_yield).
/// An error is the failure of the actor.
class Operator {
 public:
  virtual ~Operator() = default;

  virtual Status init(EpochPair first) = 0;
  /// `port`: which input (0 = left or only).
  [[nodiscard]] virtual Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) = 0;
  [[nodiscard]] virtual Result<Step> resume(Output& out);
  [[nodiscard]] virtual Result<Step> on_barrier(const Barrier& barrier, Output& out) = 0;
  virtual Status after_barrier(const Barrier& barrier) = 0;

  /// After NeedState: a piece of work that reads the store; it has the operator to itself until it returns.
  using StateRead = absl::AnyInvocable<Status()>;
  [[nodiscard]] virtual StateRead take_state_read();

  /// Bytes of state kept in memory, and a request to give back about `bytes` of clean state (what was flushed and can be read again).
  [[nodiscard]] virtual size_t memory_bytes() const { return 0; }
  virtual size_t evict(size_t bytes);
};

/// A leaf that makes rows by itself: a source, a DML ingress, a backfill's snapshot side. The runner asks it when its inputs are idle and
/// the actor has output budget.
class Generator {
 public:
  virtual ~Generator() = default;
  /// Appends a bounded amount to `out`; nothing when there is nothing now.
  [[nodiscard]] virtual Result<Step> poll(Output& out) = 0;
};

}  // namespace penstock::stream
