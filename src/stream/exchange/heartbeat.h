#pragma once

#include <memory>

#include "common/error.h"
#include "runtime/runtime.h"

namespace penstock::stream {

/// Keeps a stream alive and notices when the other end is not: a stopped process or a cut link sends nothing, and ends nothing.
/// Part of its owner; everything happens on the executor it was given.
class Heartbeat {
 public:
  static constexpr runtime::Duration kInterval = std::chrono::seconds(1);
  static constexpr runtime::Duration kSilence = std::chrono::seconds(10);

  /// `ping` is called each interval, `silent` once, when nothing was heard for `kSilence`.
  Heartbeat(runtime::Runtime& runtime, runtime::Executor& executor, runtime::Job ping, runtime::Job silent)
      : runtime_(runtime), executor_(executor), ping_(std::move(ping)), silent_(std::move(silent)), heard_(runtime.now()) {}
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// `owner`: what this is a part of; it is kept while the heart beats, because a timer that is cancelled elsewhere may be at work.
  void start(const std::weak_ptr<void>& owner) {
    timer_ = runtime_.after(kInterval, executor_, [this, owner] {
      if (const std::shared_ptr<void> alive = owner.lock()) beat(owner);
    });
  }
  [[nodiscard]] static Error silence() {
    return error(Code::Timeout, "nothing was heard for {} s", std::chrono::duration_cast<std::chrono::seconds>(kSilence).count());
  }
  void hear() { heard_ = runtime_.now(); }

 private:
  void beat(const std::weak_ptr<void>& owner) {
    if (runtime_.now() - heard_ >= kSilence) return silent_();
    start(owner);
    ping_();
  }

  runtime::Runtime& runtime_;
  runtime::Executor& executor_;
  runtime::Job ping_;
  runtime::Job silent_;
  runtime::TimePoint heard_;
  runtime::Timer timer_;
};

}  // namespace penstock::stream
