#pragma once

#include "proto/inspect.pb.h"

namespace penstock::meta {

class MetaLoop;

/// Why somebody who waits for a database waits: it recovers, a node holds its oldest barrier up, rows move, a command waits for another,
/// what is being created or read is paused. Each reason says what to do, and stays the same text while nothing changes, so that whoever
/// asks again and again can tell news from no news. With `worker_id`: only databases that have actors there. Used on the loop only; asks no
/// node.
[[nodiscard]] pb::WhyWaitingReply why_waiting(MetaLoop& loop, const pb::WhyWaitingRequest& request);

}  // namespace penstock::meta
