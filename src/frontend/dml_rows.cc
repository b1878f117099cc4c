#include "frontend/dml_rows.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "batch/operator.h"
#include "data/key_codec.h"
#include "frontend/planner/state_tables.h"

namespace penstock::frontend {

using data::DataChunk;
using data::Op;

namespace {

// More than that are read with the whole table.
constexpr size_t kMostPointReads = 64;

std::vector<uint32_t> key_columns(const pb::CatalogObject& table) {
  std::vector<uint32_t> key;
  for (const pb::SortKey& column : table.table().pk()) key.push_back(column.column());
  return key;
}

std::vector<std::string> keys_of(const DataChunk& rows, const std::vector<uint32_t>& key) {
  std::vector<uint32_t> all(rows.rows());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<std::string> out(rows.rows());
  data::encode_keys(rows, all, key, std::vector<data::SortOrder>(key.size()), out);
  return out;
}

DataChunk side_by_side(const DataChunk& left, const DataChunk& right) {
  std::vector<data::Column> columns = left.columns();
  columns.insert(columns.end(), right.columns().begin(), right.columns().end());
  return {std::move(columns), left.rows()};
}

Result<std::vector<expr::ExpressionPtr>> build_all(std::span<const pb::Expr> exprs, const std::vector<data::DataType>& types) {
  std::vector<expr::ExpressionPtr> out;
  for (const pb::Expr& e : exprs) {
    PENSTOCK_TRY(out.emplace_back(), expr::build(e, types));
  }
  return out;
}

}  // namespace

Status check_not_null(const pb::CatalogObject& table, const DataChunk& rows, size_t first_column) {
  for (int i = 0; i < table.columns_size(); ++i) {
    const pb::Column& column = table.columns(i);
    const bool key = std::ranges::find(table.pk_columns(), static_cast<uint32_t>(i)) != table.pk_columns().end();
    if ((!column.not_null() && !key) || column.hidden()) continue;
    const data::Column& values = rows.column(first_column + static_cast<size_t>(i));
    for (size_t row = 0; row < rows.rows() && values.validity() != nullptr; ++row) {
      if (!values.is_null(row)) continue;
      return error(Code::NotNullViolation, "null value in column \"{}\" of relation \"{}\" violates not-null constraint", column.name(),
                   table.name());
    }
  }
  return ok();
}

data::StreamChunk with_op(DataChunk rows, Op op) {
  const size_t count = rows.rows();
  return {std::move(rows), std::make_shared<const std::vector<Op>>(count, op)};
}

data::StreamChunk update_pairs(const DataChunk& both, size_t width) {
  std::vector<uint32_t> twice;
  std::vector<Op> ops;
  for (uint32_t row = 0; row < both.rows(); ++row) {
    twice.insert(twice.end(), {row, static_cast<uint32_t>(both.rows()) + row});
    ops.insert(ops.end(), {Op::UpdateDelete, Op::UpdateInsert});
  }
  std::vector<data::Column> columns;
  for (size_t i = 0; i < width; ++i)
    columns.push_back(data::concat(std::vector<data::Column>{both.column(i), both.column(width + i)}).gather(twice));
  return {DataChunk(std::move(columns), twice.size()), std::make_shared<const std::vector<Op>>(std::move(ops))};
}

DataChunk columns_from(const DataChunk& rows, size_t first, size_t count) {
  std::vector<uint32_t> columns(count);
  std::iota(columns.begin(), columns.end(), static_cast<uint32_t>(first));
  return rows.project(columns);
}

batch_plan::PlanPtr plan_rows_of_keys(const pb::CatalogObject& table, const DataChunk& rows) {
  const auto scan = [&](data::Row prefix) {
    auto plan = std::make_unique<batch_plan::Plan>();
    batch_plan::Scan node{
        .object_id = table.id(), .table = table.table(), .columns = {}, .filter = {}, .range = {std::move(prefix), {}, {}}};
    for (uint32_t i = 0; i < static_cast<uint32_t>(table.columns_size()); ++i) {
      node.columns.push_back(i);
      plan->fields.push_back({table.columns(static_cast<int>(i)).name(), rows.column(i).type()});
    }
    plan->node = std::move(node);
    return plan;
  };
  if (rows.rows() > kMostPointReads) return scan({});
  auto plan = std::make_unique<batch_plan::Plan>();
  plan->node = batch_plan::UnionAll{};
  for (size_t row = 0; row < rows.rows(); ++row) {
    data::Row key;
    for (const uint32_t column : key_columns(table)) key.push_back(rows.column(column).datum(row));
    plan->inputs.push_back(scan(std::move(key)));
  }
  plan->fields = plan->inputs.front()->fields;
  return plan;
}

Result<Merged> merge_conflicts(const Insert& insert, const DataChunk& rows, const DataChunk& stored, bool lenient) {
  const std::vector<uint32_t> key = key_columns(insert.table);
  std::map<std::string, uint32_t> stored_at;
  const std::vector<std::string> stored_keys = keys_of(stored, key);
  for (uint32_t i = 0; i < stored_keys.size(); ++i) stored_at.emplace(stored_keys[i], i);

  std::vector<uint32_t> fresh, met, met_stored;
  std::map<std::string, uint32_t> seen;
  const std::vector<std::string> keys = keys_of(rows, key);
  for (uint32_t i = 0; i < keys.size(); ++i) {
    if (!seen.emplace(keys[i], i).second) {
      if (!insert.on_conflict->update) continue;
      return error(Code::InvalidParameter, "ON CONFLICT DO UPDATE command cannot affect row a second time")
          .with_hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
    }
    const auto found = stored_at.find(keys[i]);
    if (found == stored_at.end()) {
      fresh.push_back(i);
    } else if (insert.on_conflict->update) {
      met.push_back(i);
      met_stored.push_back(found->second);
    }
  }
  const size_t width = rows.width();
  Merged out{rows.gather(fresh), {}};
  const DataChunk both = side_by_side(stored.gather(met_stored), rows.gather(met));
  std::vector<data::DataType> types = both.types();
  batch::OperatorPtr op = batch::make_chunks(both.rows() == 0 ? std::vector<DataChunk>() : std::vector<DataChunk>{both});
  if (insert.on_conflict->where) {
    PENSTOCK_TRY(auto predicate, expr::build(*insert.on_conflict->where, types));
    op = batch::make_filter(std::move(op), std::move(predicate), lenient);
  }
  if (insert.on_conflict->update) {
    PENSTOCK_TRY(auto exprs, build_all(insert.on_conflict->row, types));
    op = batch::make_project(std::move(op), std::move(exprs), lenient);
    types.resize(2 * width);
  }
  PENSTOCK_TRY(const auto chunks, batch::drain(*op));
  out.updated = batch::concat_chunks(chunks, types);
  return out;
}

Result<std::vector<DataChunk>> returned(const Returning& returning, const DataChunk& rows, bool lenient) {
  if (rows.rows() == 0) return std::vector<DataChunk>();
  PENSTOCK_TRY(auto exprs, build_all(returning.exprs, rows.types()));
  const batch::OperatorPtr op = batch::make_project(batch::make_chunks({rows}), std::move(exprs), lenient);
  return batch::drain(*op);
}

}  // namespace penstock::frontend
