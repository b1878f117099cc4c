#pragma once

#include "common/error.h"
#include "proto/stream_plan.pb.h"

namespace penstock::frontend {

/// The graph, unless its messages are nested deeper than whoever reads them on the way would accept: Protobuf's parsers stop at 100
/// levels, of which what carries the graph needs some. Errors: `TooComplex`.
[[nodiscard]] Result<pb::FragmentGraph> checked_depth(pb::FragmentGraph graph, uint32_t position);
/// Levels of messages within an expression.
[[nodiscard]] int message_depth(const pb::Expr& expr);

}  // namespace penstock::frontend
