#pragma once

#include "data/types.h"
#include "expr/expression.h"
#include "expr/kernel.h"
#include "expr/registry.h"

namespace penstock::expr {

/// Postgres' type categories, as far as there are types.
enum class TypeCategory : uint8_t { Boolean, Number, String, DateTime, Timespan };
[[nodiscard]] TypeCategory category_of(data::TypeKind kind);
/// The type that is preferred in its category when several would do.
[[nodiscard]] bool is_preferred(data::TypeKind kind);

/// The kernel that casts `from` to `to`; both kinds and numeric modifiers count. Errors: `DatatypeMismatch` if there is no cast.
[[nodiscard]] Result<Kernel> make_cast(data::DataType from, data::DataType to);
/// Any column as text, in the form of Postgres' output functions (booleans are t and f, while a cast makes true and false).
[[nodiscard]] data::Column output_text(const KernelCall& call);

}  // namespace penstock::expr
