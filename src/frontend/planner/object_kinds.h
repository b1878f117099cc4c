#pragma once

#include <string_view>

#include "frontend/binder/resolve_name.h"
#include "frontend/parser/statement.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {

/// One kind of relation, under all its names.
struct KindName {
  ast::RelationKind kind;
  pb::ObjectKind object;
  std::string_view name;     // as in messages
  std::string_view keyword;  // as in DROP
};
[[nodiscard]] const KindName& kind_of(ast::RelationKind kind);
[[nodiscard]] const KindName& kind_of(pb::ObjectKind kind);

/// "x" is not a table: it is a view.
[[nodiscard]] Error wrong_kind(const ResolvedRelation& found, const KindName& wanted, const ast::ObjectName& name);
/// As `unknown`, the error of resolving the name, but said of its kind.
[[nodiscard]] Error unknown_of_kind(const Error& unknown, const KindName& kind, const ast::ObjectName& name);

}  // namespace penstock::frontend
