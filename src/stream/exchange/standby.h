#pragma once

#include <absl/container/inlined_vector.h>

#include <optional>
#include <vector>

#include "runtime/runtime.h"
#include "stream/message.h"

namespace penstock::stream {

/// Passes barriers for a sleeping actor that has nothing to do for them.
class BarrierPasser {
 public:
  virtual ~BarrierPasser() = default;
  /// The barrier has come on all channels of `actor`. True: it is passed, as if the actor had run. False: the actor must see it itself.
  /// On a sender's thread, under the lock of the actor's mailbox: the actor does not run meanwhile.
  [[nodiscard]] virtual bool pass(ActorId actor, EpochPair epoch, BarrierKind kind) = 0;
};

/// The alignment of barriers while an actor sleeps with everything worked off: they are counted as they come, and the actor is woken by the
/// last of a barrier's, if at all. So an idle actor costs a bit a channel and its collect, and none of its own memory is touched.
///
/// Whatever is not the next barrier on a channel that has not brought it yet is refused: then the actor is to be woken, and goes on from
/// `end`. Pure; guarded by the mailbox's lock.
class Standby {
 public:
  struct Plan {
    ActorId actor;
    Epoch next;                       // prev of the next barrier
    size_t channels = 0;              // numbered from 0
    std::vector<uint32_t> gone;       // of them, removed: nothing is expected there
    BarrierPasser* passer = nullptr;  // outlives the standby; null: every barrier wakes the actor
    uint32_t may_pass = 0;            // so many barriers, then one wakes it all the same
    const runtime::Runtime* clock = nullptr;
  };
  /// What happened meanwhile.
  struct Record {
    std::optional<EpochPair> passed;  // from the first to the last barrier that was passed
    uint32_t passes = 0;
    std::optional<Barrier> arriving;  // has come on `arrived`, which may be all
    std::vector<uint32_t> arrived;
    runtime::Duration aligning{};  // how long some channels had a barrier and others had not
  };
  /// A channel that the others wait for.
  struct Missing {
    uint32_t channel = 0;
    Epoch prev;
    runtime::TimePoint since;
  };
  enum class Took : uint8_t { Refused, Counted, Passed, Complete };

  void begin(Plan plan);
  [[nodiscard]] Took arrive(uint32_t channel, const Barrier& barrier);
  [[nodiscard]] Record end(runtime::TimePoint now);

  [[nodiscard]] std::optional<Missing> missing() const;
  /// curr of the last barrier that was passed.
  [[nodiscard]] std::optional<Epoch> passed() const;

 private:
  using Bits = absl::InlinedVector<uint64_t, 2>;
  [[nodiscard]] bool complete() const { return to_come_ == 0; }
  void begin_barrier();

  ActorId actor_;
  BarrierPasser* passer_ = nullptr;
  const runtime::Runtime* clock_ = nullptr;
  uint32_t may_pass_ = 0;
  uint32_t passes_ = 0;
  uint32_t live_ = 0;
  uint32_t to_come_ = 0;                     // channels that have not brought the present barrier
  BarrierKind kind_ = BarrierKind::Barrier;  // of the present barrier, once `to_come_` < `live_`
  EpochPair epoch_;                          // likewise; before it only `prev` is known
  Epoch begin_;                              // prev of the first barrier
  runtime::TimePoint since_;                 // the first channel brought it; only kept if there are several
  runtime::Duration aligning_{};
  Bits here_;  // channels that have brought it, and those that are gone
  Bits gone_;
};

}  // namespace penstock::stream
