#include "frontend/planner/replace_view.h"

#include <algorithm>

#include "expr/pb_types.h"
#include "frontend/binder/resolve_name.h"
#include "frontend/planner/object_kinds.h"

namespace penstock::frontend {
namespace {

std::vector<const pb::Column*> visible(const pb::CatalogObject& object) {
  std::vector<const pb::Column*> out;
  for (const pb::Column& column : object.columns()) {
    if (!column.hidden()) out.push_back(&column);
  }
  return out;
}

std::string type_name(const pb::Column& column) {
  const auto type = expr::type_from_pb(column.type());
  return type.has_error() ? "an unknown type" : type.value().to_string();
}

}  // namespace

Result<const pb::CatalogObject*> view_to_replace(const ast::CreateMaterializedView& create, BindContext& context) {
  const pb::CatalogObject* nothing = nullptr;
  if (!create.or_replace) return nothing;
  const KindName& kind = kind_of(ast::RelationKind::MaterializedView);
  const auto found = resolve_relation(create.name, context.catalog, context.settings);
  if (found.has_error()) {
    if (found.error().code() != Code::UndefinedTable) return found.error();
    if (!create.must_exist) return nothing;
    if (!create.if_exists) return unknown_of_kind(found.error(), kind, create.name);
    context.notices.push_back(fmt::format("{} \"{}\" does not exist, skipping", kind.name, create.name.name));
    return nothing;
  }
  const pb::CatalogObject* object = found.value().object;
  if (object == nullptr || object->kind() != kind.object) return wrong_kind(found.value(), kind, create.name);
  return object;
}

Status take_place_of(const pb::CatalogObject& view, const ast::CreateMaterializedView& create, pb::CatalogObject& object) {
  const auto refuse = [&](std::string what) {
    return error(Code::InvalidDefinition, "{}", std::move(what))
        .at(create.name.position)
        .with_hint("The columns of a view stay as they are, new ones may follow; for others, drop the view and create it anew.");
  };
  const auto before = visible(view);
  const auto after = visible(object);
  for (size_t i = 0; i < before.size(); ++i) {
    const std::string& name = before[i]->name();
    if (i >= after.size()) return refuse(fmt::format("cannot drop column \"{}\" from view \"{}\"", name, view.name()));
    if (after[i]->name() != name) {
      return refuse(fmt::format("cannot change name of view column \"{}\" to \"{}\"", name, after[i]->name()));
    }
    if (const std::string was = type_name(*before[i]), is = type_name(*after[i]); was != is) {
      return refuse(fmt::format("cannot change data type of view column \"{}\" from {} to {}", name, was, is));
    }
  }
  if (std::ranges::find(object.depends_on(), view.id()) != object.depends_on().end()) {
    return error(Code::InvalidDefinition, "view \"{}\" cannot read itself", view.name()).at(create.name.position);
  }
  object.set_replaces(view.id());
  object.set_name(fmt::format("{} (new query)", view.name()));
  return ok();
}

}  // namespace penstock::frontend
