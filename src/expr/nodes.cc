#include "expr/nodes.h"

#include <limits>

namespace penstock::expr {

using data::Bitmap;
using data::Column;
using data::DataChunk;

Column InputNode::evaluate(const DataChunk& chunk, const Bitmap*, RowErrors&) const {
  PENSTOCK_CHECK(column_ < chunk.width(), "column {} of {}", column_, chunk.width());
  return chunk.column(column_);
}

ConstantNode::ConstantNode(data::DataType type, const data::Datum& value)
    : column_(Column::constant(type, value, std::numeric_limits<uint32_t>::max())) {}

Column ConstantNode::evaluate(const DataChunk& chunk, const Bitmap*, RowErrors&) const { return column_.slice(0, chunk.rows()); }

Column CallNode::evaluate(const DataChunk& chunk, const Bitmap* active, RowErrors& errors) const {
  std::vector<Column> args;
  args.reserve(args_.size());
  bool all_constant = true;
  for (const ExpressionPtr& arg : args_) {
    args.push_back(arg->evaluate(chunk, active, errors));
    const Column& column = args.back();
    all_constant &= column.is_constant();
    if (strict_ && column.is_constant() && column.is_null(0)) return null_column(type_, chunk.rows());
  }
  return all_constant ? run_once(args, chunk.rows(), active, errors) : run(args, chunk.rows(), active, errors);
}

Column CallNode::run(std::span<const Column> args, size_t rows, const Bitmap* active, RowErrors& errors) const {
  const bool first = errors.count == 0;
  Column out = kernel_({args, rows, active, type_, errors});
  if (first && errors.count != 0 && position_ != 0) errors.first = errors.first->at(position_);
  return out;
}

// The same for every row, so computed for one; an error counts for each row that matters.
Column CallNode::run_once(std::span<const Column> args, size_t rows, const Bitmap* active, RowErrors& errors) const {
  const size_t weight = active != nullptr ? active->count() : rows;
  if (weight == 0) return null_column(type_, rows);
  RowErrors own;
  const Column one = run(args, 1, nullptr, own);
  if (own.count != 0) {
    if (errors.count == 0) errors.first = std::move(own.first);
    errors.count += weight;
    return null_column(type_, rows);
  }
  return repeat_first(one, rows);
}

std::optional<data::Datum> constant_of(const Expression& node) {
  const auto* const constant = dynamic_cast<const ConstantNode*>(&node);
  if (constant == nullptr) return std::nullopt;
  return constant->value();
}

}  // namespace penstock::expr
