#pragma once

#include <string_view>
#include <vector>

#include "common/error.h"
#include "frontend/parser/statement.h"

namespace penstock::frontend {

using ast::Statement;

/// The statements of a SQL text: Postgres' grammar, and the streaming statements in RisingWave's. Empty statements are left out.
///
/// All or nothing: a mistake anywhere is the error of the whole text. Every error carries a SQLSTATE and the 1-based character.
/// Errors: `Syntax`; `NotSupported` for what is understood but not done, by name; `TooComplex` before anything is parsed that could
/// exhaust the stack (guard.h); `InvalidText` for bytes that are not UTF-8.
///
/// Pure and thread-safe. Deep recursion follows the nesting that the guard lets through: call it, and destroy what it returns, on a
/// thread with a stack of 64 MB (`Runtime::spawn_thread`).
[[nodiscard]] Result<std::vector<Statement>> parse(std::string_view sql);

/// The text of a CREATE of a source, table, materialized view or sink, with another name. Errors: `Syntax` if it is no such text.
[[nodiscard]] Result<std::string> renamed_definition(std::string_view definition, std::string_view name);
/// The text of a CREATE TABLE with one more column at its end, which `column` defines. Errors: `Syntax` if it is no such text.
[[nodiscard]] Result<std::string> widened_definition(std::string_view definition, std::string_view column);

}  // namespace penstock::frontend
