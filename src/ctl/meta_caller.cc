#include "ctl/meta_caller.h"

#include "common/mutex.h"

namespace penstock::ctl {
namespace {

constexpr runtime::Duration kLook = std::chrono::milliseconds(100);

/// Where an answer waits for the thread that wants it.
struct Mailbox {
  Mutex mutex;
  std::optional<Result<rpc::Bytes>> answer;
};

std::string path_of(std::string_view method) { return fmt::format("/penstock.Meta/{}", method); }

}  // namespace

Status MetaCaller::call(std::string_view method, const google::protobuf::Message& request, google::protobuf::Message& reply,
                        runtime::Duration timeout) {
  return take(method, transport_.call_and_wait(runtime_, address_, path_of(method), request.SerializeAsString(), timeout), reply);
}

Status MetaCaller::call_long(std::string_view method, const google::protobuf::Message& request, google::protobuf::Message& reply,
                             runtime::Duration timeout, const std::function<Status(runtime::Duration waited)>& meanwhile) {
  const auto mailbox = std::make_shared<Mailbox>();  // shared with an answer that may come after the waiting has ended
  const auto waiter = runtime_.make_waiter();
  const runtime::TimePoint began = runtime_.now();
  ask(method, request.SerializeAsString(), timeout, [mailbox, waiter](Result<rpc::Bytes> answer) {
    {
      const MutexLock lock(mailbox->mutex);
      mailbox->answer = std::move(answer);
    }
    waiter->notify();
  });
  for (;;) {
    (void)waiter->wait_for(kLook);
    {
      const MutexLock lock(mailbox->mutex);
      if (mailbox->answer) return take(method, *mailbox->answer, reply);
    }
    PENSTOCK_TRY(meanwhile(runtime_.now() - began));
  }
}

void MetaCaller::ask(std::string_view method, rpc::Bytes request, runtime::Duration timeout,
                     absl::AnyInvocable<void(Result<rpc::Bytes>)> done) {
  transport_.call(address_, path_of(method), std::move(request), timeout, runtime_.pool(), std::move(done));
}

Status MetaCaller::take(std::string_view method, const Result<rpc::Bytes>& answer, google::protobuf::Message& reply) const {
  if (answer.has_error()) {
    const Code code = answer.error().code();
    if (code != Code::Unavailable && code != Code::Closed && code != Code::Timeout) return answer.error();
    return error(Code::Unavailable, "meta does not answer at {}: {}", address_, answer.error().message())
        .with_hint("Is it running? A playground says at its start where penstock ctl finds it; give that address with --meta.");
  }
  if (!reply.ParseFromString(answer.value())) {
    return error(Code::Protocol, "meta at {} answered {} with something else; is it of another version?", address_, method);
  }
  return ok();
}

}  // namespace penstock::ctl
