#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>

#include "common/epoch.h"
#include "common/ids.h"
#include "runtime/runtime.h"

namespace penstock::stream {

/// What an actor waits on at this moment. Numbered as `pb::WaitKind` (proto/inspect.proto).
enum class WaitingFor : uint8_t {
  Nothing,       // it runs, or will as soon as a core is free
  Input,         // rows or a barrier
  Alignment,     // one upstream has not brought the barrier that others have
  Subscription,  // the barrier has come through exchange, not yet from meta
  Output,        // a downstream actor has not taken what was sent
  Connection,    // a downstream actor has not asked for its channel
  StateRead,     // rows from the state store
  Memory,        // the next barrier, which makes state clean that can then be evicted
  Sleep,         // the end of a pause that an expression asked for (pg_sleep)
  Vnodes,        // rows of vnodes that move here, and the commit that makes them its own
};
constexpr size_t kWaitKinds = static_cast<size_t>(WaitingFor::Vnodes) + 1;

/// An actor's record at one moment.
struct ActorWait {
  WaitingFor what = WaitingFor::Nothing;
  ActorId actor;                                   // whom it waits for, if anybody
  FragmentId fragment;                             // of that actor, if known
  Epoch awaited;                                   // prev of the barrier waited for
  std::optional<size_t> at_work;                   // the operator last called, by its place in the tree
  int64_t micros = 0;                              // how long already; how long it has been busy, if it waits for nothing
  std::array<int64_t, kWaitKinds> total_micros{};  // by `WaitingFor`, since the actor began, this wait included

  /// It waits for input, and the last part of that is for this upstream's barrier, which others have brought.
  void align(ActorId upstream, FragmentId of, Epoch prev, runtime::Duration since);
};

/// What it waits for, in words; nothing if it waits for nothing.
[[nodiscard]] std::string in_words(const ActorWait& wait);

/// The actor's record in the await tree: written on transitions only, read from any thread at any time. Fields are read one by one, so a
/// reader may see the beginning of one wait with the name of the last.
class ActorStats {
 public:
  /// `epoch`: prev of the barrier waited for; `who`: the other actor.
  void wait(WaitingFor what, runtime::TimePoint now, ActorId who = {}, FragmentId fragment = {}, Epoch epoch = {}) {
    who_.store(uint64_t{fragment.value} << 32 | who.value, std::memory_order_relaxed);
    awaited_.store(epoch.value, std::memory_order_relaxed);
    since_.store(now.nanos, std::memory_order_relaxed);
    what_.store(what, std::memory_order_relaxed);
  }
  /// It runs again, or for the first time.
  void run(runtime::TimePoint now) {
    const auto what = what_.load(std::memory_order_relaxed);
    if (what != WaitingFor::Nothing) {
      auto& total = waited_[static_cast<size_t>(what)];
      total.store(total.load(std::memory_order_relaxed) + now.nanos - since_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    since_.store(now.nanos, std::memory_order_relaxed);
    what_.store(WaitingFor::Nothing, std::memory_order_relaxed);
  }
  /// So much of what is counted as waiting for input was waiting for alignment. By the actor.
  void was_aligning(runtime::Duration time) {
    const auto add = [this](WaitingFor what, int64_t nanos) {
      auto& total = waited_[static_cast<size_t>(what)];
      total.store(total.load(std::memory_order_relaxed) + nanos, std::memory_order_relaxed);
    };
    add(WaitingFor::Alignment, time.count());
    add(WaitingFor::Input, -time.count());
  }
  [[nodiscard]] bool waits() const { return what_.load(std::memory_order_relaxed) != WaitingFor::Nothing; }
  /// The operator that is called now, or was last.
  void call(size_t node) { at_work_.store(static_cast<uint32_t>(node), std::memory_order_release); }
  void pass(Epoch curr) { epoch_.store(curr.value, std::memory_order_relaxed); }
  // One writer: no read-modify-write is needed.
  void add_rows_in(size_t rows) { rows_in_.store(rows_in_.load(std::memory_order_relaxed) + rows, std::memory_order_relaxed); }
  void add_rows_out(size_t rows) { rows_out_.store(rows_out_.load(std::memory_order_relaxed) + rows, std::memory_order_relaxed); }

  [[nodiscard]] ActorWait record(runtime::TimePoint now) const;
  [[nodiscard]] Epoch epoch() const { return Epoch{epoch_.load(std::memory_order_relaxed)}; }
  [[nodiscard]] uint64_t rows_in() const { return rows_in_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t rows_out() const { return rows_out_.load(std::memory_order_relaxed); }

 private:
  std::atomic<WaitingFor> what_{WaitingFor::Nothing};
  std::atomic<uint64_t> who_{0};  // fragment << 32 | actor
  std::atomic<uint64_t> awaited_{0};
  std::atomic<int64_t> since_{0};
  std::array<std::atomic<int64_t>, kWaitKinds> waited_{};  // nanoseconds, waits that are over
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> rows_in_{0};
  std::atomic<uint64_t> rows_out_{0};
  static constexpr uint32_t kNobody = UINT32_MAX;
  std::atomic<uint32_t> at_work_{kNobody};
};

}  // namespace penstock::stream
