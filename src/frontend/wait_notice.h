#pragma once

#include <functional>
#include <string>

#include "frontend/meta_client.h"
#include "proto/inspect.pb.h"

namespace penstock::frontend {

/// Tells a client while its statement waits, not only after it, what the statement waits for: after 2 s, and again when the reason has
/// changed, more and more rarely (common/wait_report.h). What is to be said is asked of meta every second without waiting for the answer;
/// as long as nothing stands in the way (a backfill that goes on) nothing is said.
///
/// Called again and again, on the session's thread, while the statement waits: as the `go_on` of MetaClient. Errors: those of `say`, when
/// the client is gone. Copies share what they have said.
class WaitNotice {
 public:
  using Say = std::function<Status(const std::string& text)>;
  /// `say` sends the text at once.
  WaitNotice(runtime::Runtime& runtime, MetaClient& meta, const pb::WhyWaitingRequest& why, Say say);
  [[nodiscard]] Status operator()();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared by copies, and with an answer that may come after the statement's end
};

}  // namespace penstock::frontend
