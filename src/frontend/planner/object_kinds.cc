#include "frontend/planner/object_kinds.h"

#include <algorithm>

namespace penstock::frontend {
namespace {

constexpr KindName kKinds[] = {
    {ast::RelationKind::Source, pb::OBJECT_SOURCE, "source", "SOURCE"},
    {ast::RelationKind::Table, pb::OBJECT_TABLE, "table", "TABLE"},
    {ast::RelationKind::MaterializedView, pb::OBJECT_MATERIALIZED_VIEW, "materialized view", "MATERIALIZED VIEW"},
    {ast::RelationKind::Subscription, pb::OBJECT_SUBSCRIPTION, "subscription", "SUBSCRIPTION"},
    {ast::RelationKind::Sink, pb::OBJECT_SINK, "sink", "SINK"},
};

}  // namespace

const KindName& kind_of(ast::RelationKind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds) - 1, [&](const KindName& k) { return k.kind == kind; });
}

const KindName& kind_of(pb::ObjectKind kind) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds) - 1, [&](const KindName& k) { return k.object == kind; });
}

Error wrong_kind(const ResolvedRelation& found, const KindName& wanted, const ast::ObjectName& name) {
  Error e = error(Code::WrongObjectType, "\"{}\" is not a {}", name.name, wanted.name).at(name.position);
  if (found.object == nullptr) return e;
  const KindName& actual = kind_of(found.object->kind());
  return e.with_hint(fmt::format("It is a {}: use {}.", actual.name, actual.keyword));
}

Error unknown_of_kind(const Error& unknown, const KindName& kind, const ast::ObjectName& name) {
  Error result = error(Code::UndefinedTable, "{} \"{}\" does not exist", kind.name, name.name).at(name.position);
  return unknown.hint().empty() ? result : result.with_hint(unknown.hint());
}

}  // namespace penstock::frontend
