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
  return all_constant && once_ ? run_once(args, chunk.rows(), active, errors) : run(args, chunk.rows(), active, errors);
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

namespace {

// A column and the rows it was computed for.
struct Slot {
  std::optional<Column> column;
  std::optional<Bitmap> active;  // nothing: all

  [[nodiscard]] bool covers(const Bitmap* wanted) const {
    if (!column) return false;
    if (!active) return true;
    if (wanted == nullptr) return false;
    for (size_t w = 0; w < wanted->words().size(); ++w) {
      if ((wanted->words()[w] & ~active->words()[w]) != 0) return false;
    }
    return true;
  }
};

// Those of the innermost ScopeNode that is being evaluated on this thread.
thread_local Slot* current_slots = nullptr;

}  // namespace

Column SharedNode::evaluate(const DataChunk& chunk, const Bitmap* active, RowErrors& errors) const {
  PENSTOCK_CHECK(current_slots != nullptr, "a shared node outside of its scope");
  Slot& slot = current_slots[slot_];
  if (slot.covers(active)) return *slot.column;
  Column column = node_->evaluate(chunk, active, errors);
  slot.column = column;
  slot.active = active != nullptr ? std::optional(*active) : std::nullopt;
  return column;
}

Column ScopeNode::evaluate(const DataChunk& chunk, const Bitmap* active, RowErrors& errors) const {
  std::vector<Slot> slots(slots_);
  Slot* const outer = std::exchange(current_slots, slots.data());
  Column column = root_->evaluate(chunk, active, errors);
  current_slots = outer;
  return column;
}

std::optional<data::Datum> constant_of(const Expression& node) {
  const auto* const constant = dynamic_cast<const ConstantNode*>(&node);
  if (constant == nullptr) return std::nullopt;
  return constant->value();
}

}  // namespace penstock::expr
