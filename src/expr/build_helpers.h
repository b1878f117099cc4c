#pragma once

#include <string_view>
#include <vector>

#include "data/datum.h"
#include "expr/registry.h"

namespace penstock::pb {
class Expr;
}

namespace penstock::expr {

/// Makes bound expressions, for the binder and for tests; include "proto/expr.pb.h" to hold what they return. `position` is that of the
/// SQL text, for errors; 0 = none.

[[nodiscard]] pb::Expr make_input(uint32_t column, data::DataType type, uint32_t position = 0);
/// A value of a known type.
[[nodiscard]] pb::Expr make_literal(const data::Datum& value, data::DataType type, uint32_t position = 0);
/// What a bare string or NULL is in SQL: its type follows from where it stands (`make_call`, `make_cast`, `settle`).
[[nodiscard]] pb::Expr make_unknown(std::string_view text, uint32_t position = 0);
[[nodiscard]] pb::Expr make_unknown_null(uint32_t position = 0);

/// A call of the function or operator `name` of the registry: finds the overload, casts the arguments implicitly and gives unknown
/// literals their type. Errors: `UndefinedFunction`, `DatatypeMismatch`, what reading a literal says; each at its position.
[[nodiscard]] Result<pb::Expr> make_call(std::string_view name, std::vector<pb::Expr> args, uint32_t position = 0);
/// `arg` as `to`; itself if it is of that type already. Errors: `DatatypeMismatch` if there is no such cast at that level.
[[nodiscard]] Result<pb::Expr> make_cast(pb::Expr arg, data::DataType to, CastKind kind, uint32_t position = 0);
/// Where an unknown literal may stay one no longer (a column of a view): text.
[[nodiscard]] pb::Expr settle(pb::Expr arg);

/// Type of a bound expression and whether it is an unknown literal.
[[nodiscard]] ArgType arg_type_of(const pb::Expr& node);

/// The value of an expression without columns: INSERT … VALUES, defaults, options. Errors: as `build`, and those of evaluating it.
[[nodiscard]] Result<data::Datum> evaluate_constant(const pb::Expr& node);
/// Whether no column is read anywhere in it.
[[nodiscard]] bool is_constant(const pb::Expr& node);

}  // namespace penstock::expr
