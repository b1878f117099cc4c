#pragma once

#include <absl/functional/any_invocable.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "data/chunk.h"
#include "runtime/runtime.h"
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
/// Calls: `init` once, with the pair of the actor's first barrier, before anything else. Then any number of `on_chunk`; whenever a call
/// answered MoreOutput or NeedState, `resume` until Done, before anything else. `on_barrier` comes when every input of the actor has
/// reached the barrier and everything before it has been taken in; it flushes changes into `out` and commits the tables; the chunks of
/// `out` belong before the barrier. `after_barrier` comes once the whole actor has passed the barrier on: take new vnodes, clear caches,
/// post_yield; the chunks of its `out` belong after the barrier (a backfill's next batch of snapshot rows). The actor's first barrier (the
/// pair of `init`) comes through both like any other; nothing comes out before it, and tables have nothing to seal at it.
/// An error is the failure of the actor; what was sent before it is void with the graph's reset.
class Operator {
 public:
  virtual ~Operator() = default;

  virtual Status init(EpochPair first) = 0;
  /// `port`: which input (0 = left or only).
  [[nodiscard]] virtual Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) = 0;
  /// Checks that it is never called, unless the operator answers MoreOutput or NeedState.
  [[nodiscard]] virtual Result<Step> resume(Output& out);
  [[nodiscard]] virtual Result<Step> on_barrier(const Barrier& barrier, Output& out) = 0;
  [[nodiscard]] virtual Result<Step> after_barrier(const Barrier& barrier, Output& out) = 0;

  /// False: a barrier without mutation, before which nothing came in and nothing went out, changes nothing here but which epoch the tables
  /// are in. Such barriers may be left out, and are told of all at once, by `skip`, before anything else is called.
  [[nodiscard]] virtual bool acts_at_barriers() const { return true; }
  /// The barriers from `skipped.prev` to `skipped.curr` were left out.
  virtual Status skip(EpochPair /*skipped*/) { return ok(); }

  /// After NeedState: a piece of work that reads the store or a file; it has the operator to itself until it returns.
  using StateRead = absl::AnyInvocable<Status()>;
  [[nodiscard]] virtual StateRead take_state_read();

  /// Operators account for what they keep in `ActorContext::memory` themselves, and give back their share at each chunk when it is over its
  /// limit; `evict` is for whoever needs memory while this actor is idle.
  /// Bytes of state kept in memory, and a request to give back about `bytes` of clean state (what was flushed and can be read again);
  /// returns the bytes given back.
  [[nodiscard]] virtual size_t memory_bytes() const { return 0; }
  virtual size_t evict(size_t bytes);

  /// Not null for one that makes rows by itself: a leaf, or a backfill that reads on while its input is quiet.
  [[nodiscard]] virtual class Generator* generator() { return nullptr; }
};

/// What makes rows by itself: a source's reader, the ingress of DML, a backfill. Implemented by the Operator that returns it; its rows go
/// to that operator's parent.
class Generator {
 public:
  virtual ~Generator() = default;

  struct Poll {
    Step step = Step::Done;
    /// Done without output: ask again after this long (a rate limit, a file that is followed), or only when woken (nullopt).
    std::optional<runtime::Duration> retry_after;
  };
  /// Appends a bounded amount (about one chunk) to `out`; nothing when there is nothing now. The runner calls it when nothing else is to be
  /// done, the outputs have budget and the actor is not paused. NeedState and MoreOutput go on with `Operator::resume`.
  [[nodiscard]] virtual Result<Poll> poll(Output& out) = 0;
  /// The barrier is next: append what must come before it (DML accepted before the barrier was injected). Sources add nothing.
  virtual Status before_barrier(Output& out) = 0;
};

}  // namespace penstock::stream
