#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "data/datum.h"
#include "data/types.h"
#include "proto/catalog.pb.h"
#include "proto/expr.pb.h"

/// The plan of a SELECT, of the rows of an INSERT, or of the rows that UPDATE and DELETE change: plain structs, made by the planner, run
/// elsewhere. Headers only, so that whoever runs it links nothing of the frontend.
namespace penstock::batch_plan {

struct Plan;
using PlanPtr = std::unique_ptr<Plan>;

/// Rows whose key lies in a range: `prefix` are the values of the first pk columns, the bounds are on the next one, as values (whatever
/// the sort direction). All of it follows from the scan's filter, so it only saves work.
struct KeyRange {
  struct Bound {
    data::Datum value;
    bool inclusive = true;
  };
  data::Row prefix;
  std::optional<Bound> lower;
  std::optional<Bound> upper;
  [[nodiscard]] bool whole_table() const { return prefix.empty() && !lower && !upper; }
};

/// Committed rows of a table or materialized view.
struct Scan {
  uint32_t object_id = 0;
  pb::TableDesc table;             // global table id
  std::vector<uint32_t> columns;   // of the table, those read: the output
  std::optional<pb::Expr> filter;  // over the output
  KeyRange range;
};
/// A relation that the system answers itself.
struct SystemScan {
  std::string schema;
  std::string name;
  std::vector<uint32_t> columns;
};
struct Values {
  std::vector<std::vector<pb::Expr>> rows;  // without columns
};
struct Filter {
  pb::Expr predicate;
};
struct Project {
  std::vector<pb::Expr> exprs;
};
/// Output: the keys, then one column a call. Without keys one row always. Distinct is this without calls. A call's filter is a column.
struct HashAgg {
  std::vector<uint32_t> keys;
  std::vector<pb::AggCall> calls;
};
enum class JoinKind : uint8_t { Inner, Left, Right, Full };
/// Without keys every pair is tried. `condition` is over (left, right); `output` picks from the same.
struct HashJoin {
  JoinKind kind = JoinKind::Inner;
  std::vector<std::pair<uint32_t, uint32_t>> keys;
  std::optional<pb::Expr> condition;
  std::vector<uint32_t> output;
};
/// TUMBLE (slide = size) and HOP; `output` picks from (input columns, window_start, window_end).
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
/// With `limit` only the first so many rows are wanted (LIMIT and OFFSET stand above).
struct Sort {
  std::vector<SortKey> keys;
  std::optional<uint64_t> limit;
};
struct Limit {
  std::optional<uint64_t> count;
  uint64_t offset = 0;
};

struct Plan {
  std::variant<Scan, SystemScan, Values, Filter, Project, HashAgg, HashJoin, Window, UnionAll, Sort, Limit> node;
  std::vector<PlanPtr> inputs;
  std::vector<data::Field> fields;  // output
  /// "BatchScan { table: t, columns: [a, b] }" for EXPLAIN and errors.
  std::string identity;
};

}  // namespace penstock::batch_plan
