#include "rpc/transport.h"

#include "common/mutex.h"

namespace penstock::rpc {
namespace {

// Where the answer of a call meets the thread that waits for it: shared by both.
struct Rendezvous {
  std::shared_ptr<runtime::Waiter> waiter;
  Mutex mutex;
  std::optional<Result<Bytes>> result ABSL_GUARDED_BY(mutex);

  void deliver(Result<Bytes> value) {
    {
      const MutexLock lock(mutex);
      if (!result) result.emplace(std::move(value));
    }
    waiter->notify();
  }
};

// Delivers even if it is destroyed without being called, which happens when the runtime stops.
class Delivery {
 public:
  explicit Delivery(std::shared_ptr<Rendezvous> meeting) : meeting_(std::move(meeting)) {}
  Delivery(Delivery&&) = default;
  Delivery& operator=(Delivery&&) = delete;
  ~Delivery() {
    if (meeting_) meeting_->deliver(error(Code::Unavailable, "this process is stopping"));
  }
  void operator()(Result<Bytes> value) { std::exchange(meeting_, nullptr)->deliver(std::move(value)); }

 private:
  std::shared_ptr<Rendezvous> meeting_;
};

}  // namespace

Result<Bytes> Transport::call_and_wait(runtime::Runtime& runtime, std::string_view address, std::string_view method, Bytes request,
                                       runtime::Duration timeout) {
  const auto meeting = std::make_shared<Rendezvous>();
  meeting->waiter = runtime.make_waiter();
  call(address, method, std::move(request), timeout, runtime.pool(), Delivery(meeting));
  for (;;) {
    static_cast<void>(meeting->waiter->wait_for(timeout));  // it is the transport that keeps to the timeout
    const MutexLock lock(meeting->mutex);
    if (meeting->result) return std::move(*meeting->result);
  }
}

}  // namespace penstock::rpc
