#pragma once

#include <functional>

#include "data/chunk.h"
#include "frontend/planner/planner.h"

/// Rows of INSERT, UPDATE and DELETE between the query that makes them and the table. Pure.
namespace penstock::frontend {

/// Errors: `NotNullViolation`. Columns of `table` are columns `first_column`, … of `rows`.
[[nodiscard]] Status check_not_null(const pb::CatalogObject& table, const data::DataChunk& rows, size_t first_column);

[[nodiscard]] data::StreamChunk with_op(data::DataChunk rows, data::Op op);
/// (old row, new row) side by side become update pairs, one after another.
[[nodiscard]] data::StreamChunk update_pairs(const data::DataChunk& both, size_t width);
/// Columns [first, first + count).
[[nodiscard]] data::DataChunk columns_from(const data::DataChunk& rows, size_t first, size_t count);

/// Reads the rows of `table` that have a key of one of `rows`, and perhaps others.
[[nodiscard]] batch_plan::PlanPtr plan_rows_of_keys(const pb::CatalogObject& table, const data::DataChunk& rows);

/// What an INSERT … ON CONFLICT comes to.
struct Merged {
  data::DataChunk inserted;  // all columns
  data::DataChunk updated;   // all columns of the row as it is, then as it shall be
};
/// `stored`: at least the rows of the table that have a key of one of `rows`. Errors: what an expression says; `InvalidParameter` if DO
/// UPDATE meets one key twice.
[[nodiscard]] Result<Merged> merge_conflicts(const Insert& insert, const data::DataChunk& rows, const data::DataChunk& stored,
                                             bool lenient);

/// What RETURNING makes of rows of the table.
[[nodiscard]] Result<std::vector<data::DataChunk>> returned(const Returning& returning, const data::DataChunk& rows, bool lenient);

}  // namespace penstock::frontend
