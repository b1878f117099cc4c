#pragma once

#include "expr/casts.h"
#include "expr/function_table.h"
#include "expr/nodes.h"

namespace penstock::expr {

/// Rules for the types of special forms' arguments.

/// All arguments of one common type, which is also the result's (COALESCE, GREATEST).
[[nodiscard]] Result<Resolution> resolve_to_common_type(std::string_view name, std::span<const ArgType> args);
/// All arguments boolean (AND).
[[nodiscard]] Result<Resolution> resolve_to_booleans(std::string_view name, std::span<const ArgType> args);
/// One argument of any type, result boolean (IS NULL).
[[nodiscard]] Result<Resolution> resolve_one_of_any_type(std::string_view name, std::span<const ArgType> args);
/// Two arguments that `=` compares, result boolean (IS DISTINCT FROM).
[[nodiscard]] Result<Resolution> resolve_comparison(std::string_view name, std::span<const ArgType> args);

/// The node of a special form that is a kernel after all, but one that sees NULLs.
template <KernelFunction Run>
ExpressionPtr make_call_node(data::DataType type, std::vector<ExpressionPtr> args) {
  return std::make_unique<CallNode>(type, Run, false, std::move(args), 0);
}

}  // namespace penstock::expr
