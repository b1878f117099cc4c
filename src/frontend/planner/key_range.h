#pragma once

#include <string>

#include "frontend/binder/plan.h"
#include "frontend/planner/batch_plan.h"

namespace penstock::frontend {

/// The part of the scanned table's key order in which rows that pass `filter` (over the scan's columns) can lie: equalities of the first
/// key columns with constants, then bounds of the next. The whole table if the filter says nothing of that kind.
[[nodiscard]] batch_plan::KeyRange key_range(const Expr& filter, const logical::Scan& scan);
/// "[id = 5, at >= '2015-07-15 00:00:00']"
[[nodiscard]] std::string to_string(const batch_plan::KeyRange& range, const pb::TableDesc& table);

}  // namespace penstock::frontend
