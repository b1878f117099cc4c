#include "frontend/binder/scope.h"

#include <fmt/ranges.h>
#include <algorithm>

#include "frontend/binder/suggest.h"

namespace penstock::frontend {
namespace {

// [database.][schema.]table; empty parts match any.
struct Qualifier {
  std::string schema;
  std::string table;
  [[nodiscard]] bool matches(const Scope::Column& column) const {
    return (table.empty() || column.table == table) && (schema.empty() || column.schema == schema);
  }
};

Qualifier qualifier_of(const std::vector<std::string>& parts, size_t count) {
  Qualifier q;
  if (count >= 1) q.table = parts[count - 1];
  if (count >= 2) q.schema = parts[count - 2];
  return q;
}

}  // namespace

Result<std::optional<Expr>> Scope::find(const std::string& name, uint32_t position) const {
  std::optional<Expr> found;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name != name || columns[i].shadowed) continue;
    if (found) return error(Code::AmbiguousColumn, "column reference \"{}\" is ambiguous", name).at(position);
    found = Expr::column(static_cast<uint32_t>(i), columns[i].type, position);
  }
  return found;
}

Result<Expr> Scope::resolve(const ast::ColumnRef& ref, uint32_t position) const {
  if (ref.parts.size() > 4) return error(Code::Syntax, "improper qualified name (too many dotted names)").at(position);
  const std::string& name = ref.parts.back();
  if (ref.parts.size() == 1) {
    PENSTOCK_TRY(auto found, find(name, position));
    if (!found) return unknown_column(ref, position);
    return std::move(*found);
  }
  const Qualifier qualifier = qualifier_of(ref.parts, ref.parts.size() - 1);
  std::optional<Expr> found;
  bool table_exists = false;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!qualifier.matches(columns[i])) continue;
    table_exists = true;
    if (columns[i].name != name) continue;
    if (found) return error(Code::AmbiguousColumn, "column reference \"{}\" is ambiguous", fmt::join(ref.parts, ".")).at(position);
    found = Expr::column(static_cast<uint32_t>(i), columns[i].type, position);
  }
  if (!table_exists) return unknown_table(qualifier.table, position);
  if (!found) return unknown_column(ref, position);
  return std::move(*found);
}

Error Scope::unknown_column(const ast::ColumnRef& ref, uint32_t position) const {
  Error e = error(Code::UndefinedColumn, "column {} does not exist",
                  ref.parts.size() == 1 ? fmt::format("\"{}\"", ref.parts[0]) : fmt::format("{}", fmt::join(ref.parts, ".")))
                .at(position);
  const Qualifier qualifier = qualifier_of(ref.parts, ref.parts.size() - 1);
  std::vector<std::string> names;
  for (const Column& c : columns) {
    if (qualifier.matches(c) && !c.hidden) names.push_back(c.name);
  }
  const std::string meant = nearest(ref.parts.back(), names);
  if (meant.empty()) return e;
  const auto column =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return qualifier.matches(c) && c.name == meant; });
  return e.with_hint(
      fmt::format("Perhaps you meant to reference the column \"{}{}{}\".", column->table, column->table.empty() ? "" : ".", meant));
}

Error Scope::unknown_table(const std::string& table, uint32_t position) const {
  const Error e = error(Code::UndefinedTable, "missing FROM-clause entry for table \"{}\"", table).at(position);
  std::vector<std::string> tables;
  for (const Column& c : columns) tables.push_back(c.table);
  const std::string meant = nearest(table, tables);
  return meant.empty() ? e : e.with_hint(fmt::format("Perhaps you meant to reference the table alias \"{}\".", meant));
}

Result<std::vector<uint32_t>> Scope::star(const std::vector<std::string>& qualifier, uint32_t position) const {
  const Qualifier wanted = qualifier_of(qualifier, qualifier.size());
  std::vector<uint32_t> found;
  bool table_exists = qualifier.empty();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!wanted.matches(columns[i])) continue;
    table_exists = true;
    if (!columns[i].hidden && (!columns[i].shadowed || !qualifier.empty())) found.push_back(static_cast<uint32_t>(i));
  }
  if (!table_exists) return unknown_table(wanted.table, position);
  return found;
}

bool Scope::has_table(const std::string& table) const {
  return std::any_of(columns.begin(), columns.end(), [&](const Column& c) { return c.table == table; });
}

void Scope::append(Scope right) { std::move(right.columns.begin(), right.columns.end(), std::back_inserter(columns)); }

}  // namespace penstock::frontend
