#pragma once

#include <atomic>

#include "common/mutex.h"
#include "rpc/transport.h"
#include "runtime/ring_queue.h"

namespace penstock::rpc {

/// The receiving side of one end of a stream, the same for every transport: it hands messages to the owner's `StreamEvents`, on the
/// owner's executor, in order, one at a time, and tells of the end exactly once, last.
///
/// Thread-safe. The executor is not touched after the end, apart from the job that tells of it.
/// Shared by the transport, which delivers, and by the job that runs on the executor.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Called after messages of that many bytes have been handled; before `start`.
  void on_handled(absl::AnyInvocable<void(size_t bytes)> handled) { handled_ = std::move(handled); }
  /// Until now messages wait. Once.
  void start(runtime::Executor& executor, StreamEvents events);

  /// Ignored after the end.
  void deliver(Bytes message);
  /// The stream ends after what was delivered. The first end is the one that counts; false when this is not the first.
  bool finish(const Status& reason);
  /// The same, and what was delivered and not handled yet is dropped.
  bool abandon(const Status& reason);
  /// Ends the stream without telling anybody.
  void discard();

  [[nodiscard]] bool ended() const;
  /// Of messages that wait for the owner.
  [[nodiscard]] size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  class DrainJob;

  void schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void drain();
  /// Handles one message or the end; false when there is nothing to do.
  bool step();
  bool end(const Status& reason, bool drop_messages);
  /// The scheduled job was destroyed: its executor has stopped, nobody will be told.
  void orphan();
  void release_events();

  std::atomic<size_t> bytes_{0};
  absl::AnyInvocable<void(size_t)> handled_;  // constant after start

  // Owned by the scheduled job, or if none will run any more by whoever claims it.
  StreamEvents events_;
  std::atomic<bool> events_released_{false};
  std::atomic<bool> orphaned_{false};
  std::atomic<bool> discarded_{false};

  mutable Mutex mutex_;
  runtime::Executor* executor_ ABSL_GUARDED_BY(mutex_) = nullptr;  // null before start
  runtime::RingQueue<Bytes> messages_ ABSL_GUARDED_BY(mutex_);
  std::optional<Status> ended_ ABSL_GUARDED_BY(mutex_);
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::rpc
