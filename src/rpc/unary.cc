#include "rpc/unary.h"

#include "common/mutex.h"

namespace penstock::rpc {
namespace {

// Shared by the events of the stream and by the timer, whichever comes first.
class ClientCall : public std::enable_shared_from_this<ClientCall> {
 public:
  ClientCall(std::string method, CallDone done) : method_(std::move(method)), done_(std::move(done)) {}

  StreamEvents events() {
    return {[self = shared_from_this()](Bytes answer) { self->keep(std::move(answer)); },
            [self = shared_from_this()](Status reason) { self->on_closed(std::move(reason)); }};
  }

  void time_out(runtime::Duration timeout) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    finish(error(Code::Timeout, "{} was not answered within {} ms", method_, ms));
  }

  void attach(std::shared_ptr<Stream> stream, runtime::Timer timer) {
    const MutexLock lock(mutex_);
    if (!done_) return;  // finished meanwhile; the caller drops both
    stream_ = std::move(stream);
    timer_ = std::move(timer);
  }

 private:
  void keep(Bytes answer) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }

  void on_closed(Status reason) {
    if (reason.has_error()) return finish(reason.error());
    std::optional<Bytes> answer;
    {
      const MutexLock lock(mutex_);
      answer = std::exchange(answer_, std::nullopt);
    }
    if (answer) return finish(std::move(*answer));
    finish(error(Code::Protocol, "{} ended without an answer", method_));
  }

  void finish(Result<Bytes> result) {
    std::shared_ptr<Stream> stream;
    runtime::Timer timer;
    CallDone done;
    {
      const MutexLock lock(mutex_);
      stream = std::move(stream_);
      timer = std::move(timer_);
      done = std::exchange(done_, nullptr);
    }
    if (!done) return;
    timer.cancel();
    stream.reset();
    done(std::move(result));
  }

  const std::string method_;
  Mutex mutex_;
  CallDone done_ ABSL_GUARDED_BY(mutex_);  // empty once it was called
  std::optional<Bytes> answer_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);
  runtime::Timer timer_ ABSL_GUARDED_BY(mutex_);
};

// Answers exactly once, if need be by saying that the service did not.
class ReplyOnce {
 public:
  ReplyOnce(std::string method, std::shared_ptr<Stream> stream) : method_(std::move(method)), stream_(std::move(stream)) {}
  ReplyOnce(ReplyOnce&&) = default;
  ReplyOnce& operator=(ReplyOnce&&) = delete;
  ~ReplyOnce() {
    if (stream_) stream_->close(error(Code::Internal, "{} was dropped by its service without an answer", method_));
  }

  void operator()(Result<Bytes> result) {
    const auto stream = std::exchange(stream_, nullptr);
    if (!stream) return;
    if (result.has_error()) return stream->close(result.error());
    if (stream->write(std::move(result).value())) stream->close(ok());
  }

 private:
  std::string method_;
  std::shared_ptr<Stream> stream_;
};

}  // namespace

void call_over_stream(runtime::Runtime& runtime, runtime::Executor& executor, std::string_view method, Bytes request,
                      runtime::Duration timeout, CallDone done, absl::FunctionRef<std::shared_ptr<Stream>(StreamEvents events)> connect) {
  const auto call = std::make_shared<ClientCall>(std::string(method), std::move(done));
  auto stream = connect(call->events());
  stream->write(std::move(request));
  auto timer = runtime.after(timeout, executor, [call, timeout] { call->time_out(timeout); });
  call->attach(std::move(stream), std::move(timer));
}

StreamEvents answer_call(std::shared_ptr<Service> service, const std::string& method, std::shared_ptr<Stream> stream) {
  StreamEvents events;
  events.on_message = [service = std::move(service), method, stream = std::move(stream)](Bytes request) mutable {
    if (!stream) return;  // a second request is ignored
    service->call(method, std::move(request), ReplyOnce(method, std::move(stream)));
  };
  return events;
}

}  // namespace penstock::rpc
