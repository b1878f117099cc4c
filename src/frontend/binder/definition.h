#pragma once

#include "common/error.h"
#include "frontend/binder/bind_context.h"
#include "frontend/parser/statement.h"

namespace penstock::pb {
class Column;
}

namespace penstock::frontend {

/// Name of the column that identifies rows which nothing else does.
constexpr std::string_view kRowIdColumn = "_row_id";
/// Options of jobs and sources: rows a second that each actor reads.
constexpr std::string_view kSourceRateLimit = "source_rate_limit";
constexpr std::string_view kBackfillRateLimit = "backfill_rate_limit";

/// A catalog object with its name, owner and definition, and nothing else. Errors: `DuplicateTable` if the name is taken, unless
/// `if_not_exists`; those of an unknown schema or another database.
[[nodiscard]] Result<pb::CatalogObject> new_object(const ast::ObjectName& name, bool if_not_exists, std::string_view definition,
                                                   const BindContext& context);
/// CREATE SOURCE: the whole object. CREATE TABLE: all but its state table; a hidden row id is added where no primary key is declared.
/// Errors: types, duplicate columns, unknown options, formats that are not supported, defaults that do not fit.
[[nodiscard]] Result<pb::CatalogObject> bind_definition(const ast::CreateRelation& create, std::string_view definition,
                                                        BindContext& context);
/// A column that `table` is to get at its end, with the value that the rows there are have in it: that of its DEFAULT, which must be a
/// constant, or NULL. Errors: `DuplicateColumn`; `NotNullViolation` for NOT NULL without a DEFAULT; `NotSupported`; types and defaults that
/// do not fit.
[[nodiscard]] Result<pb::Column> bind_added_column(const ast::AddColumn& add, const pb::CatalogObject& table, BindContext& context);
/// WITH (…) as the catalog keeps it.
void set_properties(const std::vector<ast::Option>& options, pb::CatalogObject& object);
/// The value of an option that is a number of rows a second. Errors: `InvalidParameter`.
[[nodiscard]] Result<uint64_t> rate_limit_of(const ast::Option& option);

}  // namespace penstock::frontend
