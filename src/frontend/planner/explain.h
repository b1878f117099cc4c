#pragma once

#include <string>
#include <vector>

#include "frontend/planner/batch_plan.h"
#include "proto/stream_plan.pb.h"

namespace penstock::frontend {

/// One line a node, inputs below and to the right of their consumer, as users of RisingWave know it. Exchanges stand where fragments meet.
/// `verbose` adds the fragments and the state tables.
[[nodiscard]] std::vector<std::string> explain(const pb::FragmentGraph& graph, bool verbose);
[[nodiscard]] std::vector<std::string> explain(const batch_plan::Plan& plan);

}  // namespace penstock::frontend
