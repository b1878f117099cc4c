#pragma once

#include <absl/container/flat_hash_map.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>

#include "rpc/grpc_frame.h"
#include "rpc/inbox.h"
#include "runtime/ring_queue.h"

namespace penstock::rpc {

/// One end of a stream over gRPC, the same for client and server: queues writes, since gRPC takes one at a time, and stops reading
/// while the owner lags behind by `kWindow`, so that HTTP/2's flow control holds the peer back.
///
/// Ends: whoever closes first sends an End frame after its messages and then ends its writes; the other answers by ending its own.
/// Each side reads on to the very end, throwing away what nobody wants any more, because gRPC ends a stream only then. A stream that
/// has not come to its end `linger` after it was closed is cancelled.
///
/// Thread-safe. Shared by the `Stream` that the owner holds and by the gRPC call.
class GrpcPipe : public std::enable_shared_from_this<GrpcPipe> {
 public:
  static constexpr size_t kWindow = size_t{1} << 20U;

  /// The gRPC side: starts operations, one of a kind at a time, after `on_started`. Reads and writes are answered by `on_read` and
  /// `on_written`. Called under the pipe's lock, so it must not call back.
  class Wire {
   public:
    virtual void start_read(grpc::ByteBuffer* into) = 0;
    virtual void start_write(const grpc::ByteBuffer* frame) = 0;
    /// Once, when nothing is being written. Returns whether reads may still be started.
    virtual bool end_writes() = 0;
    /// Nothing will be started any more; leads to `on_done`.
    virtual void release() = 0;
    /// At any time; reads and writes then fail.
    virtual void cancel() = 0;

   protected:
    ~Wire() = default;
  };

  GrpcPipe(runtime::Runtime& runtime, runtime::Duration linger, std::string peer)
      : runtime_(runtime), linger_(linger), peer_(std::move(peer)) {}
  GrpcPipe(const GrpcPipe&) = delete;
  GrpcPipe& operator=(const GrpcPipe&) = delete;

  /// `wire` lives until `on_done`.
  void attach(Wire& wire);
  /// The receiving side, for the owner's events.
  [[nodiscard]] Inbox& inbox() { return *inbox_; }

  // For the owner's `Stream`.
  bool write(Bytes message);
  void close(const Status& own, const Status& told);
  [[nodiscard]] size_t queued_bytes() const { return queued_.load(std::memory_order_relaxed); }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  /// Cancels, and tells nobody.
  void tear_down();

  // For the wire.
  void on_started(bool good);
  void on_read(bool good);
  void on_written(bool good);
  void on_cancelled();
  /// The stream is over; `reason` counts if no End frame told a better one.
  void on_done(const Status& reason);

 private:
  /// Starts whatever can be started.
  void advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void advance_writes() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void advance_reads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void drop_outgoing() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void enqueue(GrpcFrame frame) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void start_linger() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void break_off();

  runtime::Runtime& runtime_;
  const runtime::Duration linger_;
  const std::string peer_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();  // shared with the job that drains it
  std::atomic<size_t> queued_{0};

  Mutex mutex_;
  Wire* wire_ ABSL_GUARDED_BY(mutex_) = nullptr;  // between attach and on_done
  runtime::RingQueue<GrpcFrame> outgoing_ ABSL_GUARDED_BY(mutex_);
  grpc::ByteBuffer writing_frame_ ABSL_GUARDED_BY(mutex_);
  size_t writing_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::ByteBuffer incoming_;  // being read; gRPC's while reading_, then on_read's
  runtime::Timer linger_timer_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;       // our End frame is queued or sent
  bool nobody_reads_ ABSL_GUARDED_BY(mutex_) = false;  // the peer has closed, or the connection broke
  bool writes_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool may_read_on_ ABSL_GUARDED_BY(mutex_) = true;
  bool reads_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

/// The owner's handle.
class GrpcStream final : public Stream {
 public:
  explicit GrpcStream(std::shared_ptr<GrpcPipe> pipe) : pipe_(std::move(pipe)) {}
  GrpcStream(const GrpcStream&) = delete;
  GrpcStream& operator=(const GrpcStream&) = delete;
  ~GrpcStream() override;
  bool write(Bytes message) override { return pipe_->write(std::move(message)); }
  size_t queued_bytes() const override { return pipe_->queued_bytes(); }
  void close(Status reason) override { pipe_->close(reason, reason); }
  std::string peer() const override { return pipe_->peer(); }

 private:
  const std::shared_ptr<GrpcPipe> pipe_;
};

/// The pipes whose gRPC calls are alive. Thread-safe; outlives them by `wait_until_empty`.
class GrpcPipes {
 public:
  /// False once closed.
  bool add(const std::shared_ptr<GrpcPipe>& pipe);
  void remove(const GrpcPipe* pipe);
  /// From now on nothing is added; returns what there is.
  [[nodiscard]] std::vector<std::shared_ptr<GrpcPipe>> close();
  void wait_until_empty();

 private:
  Mutex mutex_;
  CondVar empty_;
  absl::flat_hash_map<const GrpcPipe*, std::shared_ptr<GrpcPipe>> pipes_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::rpc
