#pragma once

#include "frontend/binder/plan.h"
#include "proto/expr.pb.h"

namespace penstock::frontend {

/// An aggregate call as executors take it; its filter is a column of the input.
[[nodiscard]] pb::AggCall to_proto(const logical::AggCall& call);

}  // namespace penstock::frontend
