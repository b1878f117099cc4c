#pragma once

#include <absl/functional/any_invocable.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/error.h"
#include "runtime/runtime.h"

namespace penstock::rpc {

/// Serialized messages; what is inside is the business of the two ends.
using Bytes = std::string;
/// A larger one is not sent: it ends its stream, or fails its call, with `ConfigurationLimit`.
inline constexpr size_t kMaxMessageBytes = size_t{64} << 20U;

/// One end of a bidirectional, ordered stream of messages. Thread-safe.
/// Dropping the last reference closes the stream, with `Closed`. Both ends learn of the end exactly once, through `on_closed`.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Queues one message; false when the stream has ended (the message is dropped). Never blocks. The caller bounds what it has
  /// in flight: `queued_bytes` says how much of it the peer's flow control has not taken yet.
  virtual bool write(Bytes message) = 0;
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  /// Ends the stream after what was written; the peer sees `reason` (a success means "done"), and so does this end's own
  /// `on_closed`. Messages that have not reached this end's owner by then are dropped.
  virtual void close(Status reason) = 0;
  /// "127.0.0.1:5688" of the peer, for errors and logs.
  [[nodiscard]] virtual std::string peer() const = 0;
};

/// What the owner of a stream's end wants to hear, called on the executor it named, in order, one at a time.
struct StreamEvents {
  absl::AnyInvocable<void(Bytes)> on_message;
  /// Last call. Success: the peer closed in good order. `Closed`/`Unavailable`: broken or never reached.
  absl::AnyInvocable<void(Status)> on_closed;
};

/// What a server offers. Handlers are called on any thread and must not block: they post.
class Service {
 public:
  virtual ~Service() = default;
  /// One request, one answer; `reply` is called exactly once, from any thread.
  using Reply = absl::AnyInvocable<void(Result<Bytes>)>;
  virtual void call(std::string_view method, Bytes request, Reply reply) = 0;
  /// A peer opened a stream. Returns what it wants to hear, on which executor (which must outlive the stream); or refuses.
  struct Accepted {
    runtime::Executor* executor;
    StreamEvents events;
  };
  virtual Result<Accepted> open(std::string_view method, std::shared_ptr<Stream> stream) = 0;
};

/// While it lives, the address is served.
class Listener {
 public:
  virtual ~Listener() = default;
  /// With the real port where 0 was asked for.
  [[nodiscard]] virtual std::string address() const = 0;
};

/// Moves bytes between processes (gRPC) or within one (in memory, also simulated). Messages up to 64 MiB. Methods are named as
/// gRPC does: "/penstock.meta.Meta/Ddl". Errors keep code, message, hint, detail and position across the wire.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Errors: `Io` when the address cannot be taken, saying which and why.
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> listen(std::string_view address, std::shared_ptr<Service> service) = 0;
  /// Opens a stream; failure to connect is told through `on_closed`. `executor` must outlive the stream.
  [[nodiscard]] virtual std::shared_ptr<Stream> connect(std::string_view address, std::string_view method, runtime::Executor& executor,
                                                        StreamEvents events) = 0;
  /// `done` is called exactly once, on `executor`, at the latest when `timeout` is over (`Timeout`).
  virtual void call(std::string_view address, std::string_view method, Bytes request, runtime::Duration timeout,
                    runtime::Executor& executor, absl::AnyInvocable<void(Result<Bytes>)> done) = 0;
  /// The same for a thread that may block (a SQL session).
  [[nodiscard]] Result<Bytes> call_and_wait(runtime::Runtime& runtime, std::string_view address, std::string_view method, Bytes request,
                                            runtime::Duration timeout);
};

}  // namespace penstock::rpc
