#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/types.h"

namespace penstock::expr {

/// What the binder asks: functions by name and argument types. A function is one entry in one place (src/expr/functions/*.cc), made of
/// its signature and its kernel.

/// An argument of unknown type is a bare string literal or NULL, as in Postgres.
struct ArgType {
  data::DataType type;
  bool unknown = false;
};

/// How to call the function: casts to apply to each argument (implicit ones only), and the type it returns.
struct Resolution {
  std::vector<data::DataType> arg_types;
  data::DataType return_type;
};

/// Scalar functions and operators by their registry name ("add", "lower", "equal", "date_trunc", …), with Postgres' rules of implicit
/// casts and best match. Errors: `UndefinedFunction` ("function lower(bigint) does not exist", or "operator does not exist: bigint +
/// text").
[[nodiscard]] Result<Resolution> resolve_scalar(std::string_view name, std::span<const ArgType> args);
/// Aggregates: count, sum, min, max, avg, bool_and, bool_or, …; return types as Postgres (sum(bigint) and avg(bigint) are numeric).
[[nodiscard]] Result<Resolution> resolve_aggregate(std::string_view name, std::span<const ArgType> args);
[[nodiscard]] bool is_scalar(std::string_view name);
[[nodiscard]] bool is_aggregate(std::string_view name);
/// Registry name of a SQL operator: "+" -> "add", "<>" -> "not_equal", "~~" -> "like"; empty if there is none.
[[nodiscard]] std::string_view operator_name(std::string_view symbol, size_t arity);

enum class CastKind { Implicit, Assignment, Explicit };
/// Whether a cast exists at that level (an implicit cast may be used everywhere).
[[nodiscard]] bool can_cast(data::DataType from, data::DataType to, CastKind kind);
/// The common type of CASE, COALESCE, UNION, VALUES, IN (…), as Postgres' UNION rule. Errors: `DatatypeMismatch`.
[[nodiscard]] Result<data::DataType> common_type(std::span<const ArgType> args, std::string_view construct);

/// One line a function, for `SHOW FUNCTIONS` and the docs: "date_trunc(varchar, timestamp) -> timestamp".
[[nodiscard]] std::vector<std::string> list_functions();

}  // namespace penstock::expr
