#pragma once

#include "frontend/binder/plan.h"
#include "frontend/planner/batch_plan.h"

namespace penstock::frontend {

/// From an optimized logical plan to what is run once over committed rows. Conditions on a scanned relation go into the scan, and those on
/// the first columns of its key become a range of keys.
[[nodiscard]] batch_plan::PlanPtr plan_batch(const logical::Plan& plan);

}  // namespace penstock::frontend
