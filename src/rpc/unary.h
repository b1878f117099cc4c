#pragma once

#include <absl/functional/function_ref.h>

#include "rpc/transport.h"

namespace penstock::rpc {

/// A call is a stream with one message each way; these are its two ends, the same for every transport.

using CallDone = absl::AnyInvocable<void(Result<Bytes>)>;

/// The caller's end: opens a stream by `connect`, sends `request` and tells `done`, on `executor`, exactly once.
void call_over_stream(runtime::Runtime& runtime, runtime::Executor& executor, std::string_view method, Bytes request,
                      runtime::Duration timeout, CallDone done, absl::FunctionRef<std::shared_ptr<Stream>(StreamEvents events)> connect);

/// The server's end: what `stream` has to hear so that its one message becomes `service->call`.
[[nodiscard]] StreamEvents answer_call(std::shared_ptr<Service> service, const std::string& method, std::shared_ptr<Stream> stream);

}  // namespace penstock::rpc
