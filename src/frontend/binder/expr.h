#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/types.h"

namespace penstock::pb {
class Expr;
}

namespace penstock::frontend {

/// A bound scalar expression over the columns of one input: a plain value, compared by structure.
struct Expr {
  enum class Kind : uint8_t { Column, Literal, Call, Parameter, Aggregate };

  Kind kind = Kind::Literal;
  data::DataType type = data::TypeKind::Varchar;
  /// A bare string, NULL or parameter that nothing has given a type yet.
  bool unknown = false;
  bool null = false;       // Literal
  uint32_t index = 0;      // Column: of the input; Parameter: number; Aggregate: of the query's aggregates (binder only)
  uint32_t depth = 1;      // levels of calls
  uint32_t position = 0;   // in the SQL text; no part of its identity
  std::string text;        // Literal: value in Postgres' text form. Call: registry name
  std::vector<Expr> args;  // Call

  [[nodiscard]] static Expr column(uint32_t index, data::DataType type, uint32_t position = 0);
  [[nodiscard]] static Expr literal(data::DataType type, std::string text, uint32_t position = 0);
  [[nodiscard]] static Expr null_of(data::DataType type, uint32_t position = 0);

  [[nodiscard]] bool is_column() const { return kind == Kind::Column; }
  [[nodiscard]] bool is_literal() const { return kind == Kind::Literal; }
  [[nodiscard]] bool is_call(std::string_view function) const { return kind == Kind::Call && text == function; }
  [[nodiscard]] bool is_true() const { return is_literal() && !null && type.kind == data::TypeKind::Boolean && text == "t"; }
  friend bool operator==(const Expr& a, const Expr& b);
};

/// Levels of calls that an expression may have: everything behind the binder walks it recursively, on ordinary stacks.
constexpr uint32_t kMaxExprDepth = 800;

/// Calls `f` with each column (of `Column` nodes) that `expr` reads.
void for_each_column(const Expr& expr, const std::function<void(uint32_t)>& f);
/// Every column replaced by what `f` makes of its node.
[[nodiscard]] Expr replace_columns(Expr expr, const std::function<Expr(const Expr&)>& f);
[[nodiscard]] Expr shift_columns(Expr expr, int64_t by);
/// Column i becomes mapping[i], which must be there.
[[nodiscard]] Expr map_columns(Expr expr, std::span<const uint32_t> mapping);

/// The parts of `a AND b AND …`; one if there is no AND.
[[nodiscard]] std::vector<Expr> split_conjunction(Expr predicate);
/// All of them together; a true literal if there are none.
[[nodiscard]] Expr conjunction(std::vector<Expr> parts);

void to_proto(const Expr& expr, pb::Expr& out);
[[nodiscard]] pb::Expr to_proto(const Expr& expr);
/// Back from its message: the catalog keeps defaults of columns.
[[nodiscard]] Expr from_proto(const pb::Expr& message);
/// "(price > 100)" with the names of the input's columns; $i where there is none.
[[nodiscard]] std::string to_string(const Expr& expr, std::span<const std::string> columns);

}  // namespace penstock::frontend
