#include "frontend/planner/key_range.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "frontend/planner/state_tables.h"

namespace penstock::frontend {
namespace {

enum class Comparison { Equal, Less, LessOrEqual, Greater, GreaterOrEqual, None };

Comparison comparison_of(const Expr& e) {
  if (e.is_call("equal")) return Comparison::Equal;
  if (e.is_call("less_than")) return Comparison::Less;
  if (e.is_call("less_than_or_equal")) return Comparison::LessOrEqual;
  if (e.is_call("greater_than")) return Comparison::Greater;
  if (e.is_call("greater_than_or_equal")) return Comparison::GreaterOrEqual;
  return Comparison::None;
}

Comparison mirrored(Comparison c) {
  switch (c) {
    case Comparison::Less:
      return Comparison::Greater;
    case Comparison::LessOrEqual:
      return Comparison::GreaterOrEqual;
    case Comparison::Greater:
      return Comparison::Less;
    case Comparison::GreaterOrEqual:
      return Comparison::LessOrEqual;
    default:
      return c;
  }
}

// `column <comparison> value`, the column being one of the table.
struct Condition {
  uint32_t column;
  Comparison comparison;
  data::Datum value;
};

std::vector<Condition> conditions_of(const Expr& filter, const logical::Scan& scan) {
  std::vector<Condition> conditions;
  for (const Expr& part : split_conjunction(filter)) {
    Comparison comparison = comparison_of(part);
    if (comparison == Comparison::None) continue;
    const bool swapped = part.args[1].is_column();
    const Expr& column = part.args[swapped ? 1 : 0];
    const Expr& literal = part.args[swapped ? 0 : 1];
    if (swapped) comparison = mirrored(comparison);
    if (!column.is_column() || !literal.is_literal() || literal.null || literal.type.kind != column.type.kind) continue;
    // Floats that are equal need not be the same bytes.
    if (column.type.kind == data::TypeKind::Float32 || column.type.kind == data::TypeKind::Float64) continue;
    auto value = data::from_text(literal.text, literal.type);
    if (value.has_value()) conditions.push_back({scan.columns[column.index], comparison, std::move(value.value())});
  }
  return conditions;
}

void add_bound(const Condition& condition, batch_plan::KeyRange& range) {
  const bool inclusive = condition.comparison == Comparison::LessOrEqual || condition.comparison == Comparison::GreaterOrEqual;
  const bool lower = condition.comparison == Comparison::Greater || condition.comparison == Comparison::GreaterOrEqual;
  auto& bound = lower ? range.lower : range.upper;
  if (!bound) bound = {condition.value, inclusive};  // a second one is left to the filter
}

}  // namespace

batch_plan::KeyRange key_range(const Expr& filter, const logical::Scan& scan) {
  const auto conditions = conditions_of(filter, scan);
  batch_plan::KeyRange range;
  for (const auto& key : scan.object->table().pk()) {
    const auto equal = std::find_if(conditions.begin(), conditions.end(),
                                    [&](const Condition& c) { return c.column == key.column() && c.comparison == Comparison::Equal; });
    if (equal != conditions.end()) {
      range.prefix.push_back(equal->value);
      continue;
    }
    for (const Condition& c : conditions) {
      if (c.column == key.column()) add_bound(c, range);
    }
    break;
  }
  return range;
}

std::string to_string(const batch_plan::KeyRange& range, const pb::TableDesc& table) {
  std::vector<std::string> parts;
  const auto part = [&](size_t key, std::string_view symbol, const data::Datum& value) {
    const auto& column = table.columns(static_cast<int>(table.pk(static_cast<int>(key)).column()));
    parts.push_back(fmt::format("{} {} {}", column.name(), symbol, data::to_text(value, type_of(column.type()))));
  };
  for (size_t i = 0; i < range.prefix.size(); ++i) part(i, "=", range.prefix[i]);
  const size_t next = range.prefix.size();
  if (range.lower) part(next, range.lower->inclusive ? ">=" : ">", range.lower->value);
  if (range.upper) part(next, range.upper->inclusive ? "<=" : "<", range.upper->value);
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

}  // namespace penstock::frontend
