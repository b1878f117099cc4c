#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frontend/binder/catalog_reader.h"
#include "frontend/binder/expr.h"

namespace penstock::pb {
class CatalogObject;
}

/// The logical plan: relational algebra over columns by number, made by the binder, rewritten by the planner's rules, and turned into
/// a stream plan or a batch plan.
namespace penstock::frontend::logical {

struct Plan;
using PlanPtr = std::unique_ptr<Plan>;

/// Columns of a source, table or view. The object belongs to the catalog reader.
struct Scan {
  const pb::CatalogObject* object = nullptr;
  std::vector<uint32_t> columns;  // of the object, those read, in the order they come out
};
struct SystemScan {
  const SystemRelation* relation = nullptr;
  std::vector<uint32_t> columns;
};
/// Rows of expressions without columns.
struct Values {
  std::vector<std::vector<Expr>> rows;
};
struct Filter {
  Expr predicate;
};
struct Project {
  std::vector<Expr> exprs;
};
struct AggCall {
  std::string function;
  std::vector<uint32_t> args;  // columns of the input
  std::vector<data::DataType> arg_types;
  data::DataType type;
  bool distinct = false;
  std::optional<uint32_t> filter;  // boolean column of the input
  bool operator==(const AggCall&) const = default;
};
/// Output: the key columns, then one column a call. Without keys: one row always.
struct Aggregate {
  std::vector<uint32_t> keys;
  std::vector<AggCall> calls;
};
enum class JoinKind { Inner, Left, Right, Full };
/// `condition` is over (left columns, right columns); `keys` are pairs of equal columns, found by the rules; `output` picks from the
/// same as `condition`.
struct Join {
  JoinKind kind = JoinKind::Inner;
  std::vector<std::pair<uint32_t, uint32_t>> keys;
  std::optional<Expr> condition;
  std::vector<uint32_t> output;
};
/// TUMBLE (slide = size) and HOP. `output` picks from (input columns, window_start, window_end).
struct Window {
  uint32_t time_column = 0;
  int64_t slide_micros = 0;
  int64_t size_micros = 0;
  std::vector<uint32_t> output;
};
struct UnionAll {};
struct SortKey {
  uint32_t column = 0;
  bool descending = false;
  bool nulls_first = false;
};
struct Sort {
  std::vector<SortKey> keys;
};
struct Limit {
  std::optional<uint64_t> count;
  uint64_t offset = 0;
};

struct Column {
  std::string name;  // for people
  data::DataType type;
};

struct Plan {
  std::variant<Scan, SystemScan, Values, Filter, Project, Aggregate, Join, Window, UnionAll, Sort, Limit> node;
  std::vector<PlanPtr> inputs;
  std::vector<Column> columns;
  uint32_t position = 0;  // in the SQL text, for errors

  template <typename T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&node);
  }
  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&node);
  }
  [[nodiscard]] Plan& input(size_t i = 0) { return *inputs[i]; }
  [[nodiscard]] const Plan& input(size_t i = 0) const { return *inputs[i]; }
  [[nodiscard]] size_t width() const { return columns.size(); }
};

[[nodiscard]] PlanPtr make_scan(const pb::CatalogObject& object, std::vector<uint32_t> columns, uint32_t position);
[[nodiscard]] PlanPtr make_system_scan(const SystemRelation& relation, uint32_t position);
/// One row without columns.
[[nodiscard]] PlanPtr make_one_row(uint32_t position);
[[nodiscard]] PlanPtr make_filter(PlanPtr input, Expr predicate);
[[nodiscard]] PlanPtr make_project(PlanPtr input, std::vector<Expr> exprs, std::vector<std::string> names);
/// Columns of the input by number, with their names.
[[nodiscard]] PlanPtr make_selection(PlanPtr input, const std::vector<uint32_t>& columns);
[[nodiscard]] PlanPtr make_aggregate(PlanPtr input, Aggregate aggregate);
[[nodiscard]] PlanPtr make_join(PlanPtr left, PlanPtr right, JoinKind kind, std::optional<Expr> condition);
[[nodiscard]] PlanPtr make_window(PlanPtr input, Window window);
[[nodiscard]] PlanPtr make_union(std::vector<PlanPtr> inputs);
[[nodiscard]] PlanPtr make_sort(PlanPtr input, std::vector<SortKey> keys);
[[nodiscard]] PlanPtr make_limit(PlanPtr input, Limit limit);

[[nodiscard]] Expr column_of(const Plan& plan, uint32_t column);
/// Recomputes `columns` of a node from its inputs, after a rule changed them; names of projections stay.
void refresh_columns(Plan& plan);
[[nodiscard]] std::vector<std::string> column_names(const Plan& plan);

}  // namespace penstock::frontend::logical
