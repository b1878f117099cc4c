#pragma once

#include "ctl/views.h"
#include "proto/inspect.pb.h"

namespace penstock::ctl {

/// What a command that waits tells those who wait for it.
struct Waiting {
  pb::WhyWaitingRequest why;
  std::string goes_on;  // what is true when the user stops waiting: "the drain of node 2 goes on"
  std::string undo;     // and how to withdraw it
};

/// Calls meta, however long it takes. After 2 s it says on standard error for what it waits, and again when that changes: on a terminal
/// (`options.columns` wide) in one line that is replaced, else in lines of their own. Errors: those of the call; `Cancelled` once
/// `options.interrupted` is true, when meta goes on with what it was asked for.
[[nodiscard]] Status call_and_tell(MetaCaller& meta, std::string_view method, const google::protobuf::Message& request,
                                   google::protobuf::Message& reply, const ViewOptions& options, const Waiting& waiting);

/// "2 jobs (sums, t) of database dev have 4 actors on node 2; database dev recovers: …"; empty when nothing stands in the way. Pure.
[[nodiscard]] std::string describe_wait(const pb::WhyWaitingReply& reply, uint32_t node);

/// As much of a text as a line of a terminal holds, without control characters, ending with "…" if there was more. Pure.
[[nodiscard]] std::string fit_line(std::string_view text, uint32_t columns);

}  // namespace penstock::ctl
