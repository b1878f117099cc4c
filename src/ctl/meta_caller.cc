#include "ctl/meta_caller.h"

namespace penstock::ctl {

Status MetaCaller::call(std::string_view method, const google::protobuf::Message& request, google::protobuf::Message& reply,
                        runtime::Duration timeout) {
  auto answer =
      transport_.call_and_wait(runtime_, address_, fmt::format("/penstock.Meta/{}", method), request.SerializeAsString(), timeout);
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
