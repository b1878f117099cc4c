#include "frontend/planner/subscription.h"

#include "data/text_io.h"
#include "frontend/binder/definition.h"
#include "frontend/planner/object_kinds.h"

namespace penstock::frontend {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

/// An interval, a month counting 30 days.
Result<std::chrono::milliseconds> duration_of(const ast::Option& option) {
  const auto interval = data::parse_interval(option.value);
  if (interval.has_error()) {
    return error(Code::InvalidParameter, "{} must be an interval, as '1 hour', not \"{}\"", option.key, option.value).at(option.position);
  }
  constexpr int64_t kMostDays = 36'500;
  const int64_t days = int64_t{interval.value().months} * 30 + interval.value().days;
  const int64_t micros = interval.value().micros;
  if (days < 0 || days > kMostDays || micros / kMicrosPerDay > kMostDays || (days == 0 && micros < 0)) {
    return error(Code::InvalidParameter, "{} of \"{}\" is out of range", option.key, option.value).at(option.position);
  }
  return std::chrono::milliseconds((days * kMicrosPerDay + micros) / 1000);
}

Error unknown_option(const ast::Option& option, std::string_view what, std::string_view known) {
  return error(Code::InvalidParameter, "unknown option \"{}\" of a {}", option.key, what)
      .at(option.position)
      .with_hint(fmt::format("There is {}.", known));
}

}  // namespace

Result<pb::CatalogObject> bind_subscription(const ast::CreateSubscription& create, std::string_view definition, BindContext& context) {
  PENSTOCK_TRY(auto object, new_object(create.name, create.if_not_exists, definition, context));
  object.set_kind(pb::OBJECT_SUBSCRIPTION);
  PENSTOCK_TRY(const auto found, resolve_relation(create.from, context.catalog, context.settings));
  const pb::ObjectKind kind = found.object == nullptr ? pb::OBJECT_UNKNOWN : found.object->kind();
  if (kind != pb::OBJECT_TABLE && kind != pb::OBJECT_MATERIALIZED_VIEW) {
    return error(Code::WrongObjectType, "\"{}\" has no changes to subscribe to", create.from.name)
        .at(create.from.position)
        .with_hint("Subscribe to a table or a materialized view.");
  }
  object.add_depends_on(found.object->id());
  for (const ast::Option& option : create.options) {
    if (option.key != "retention") return unknown_option(option, "subscription", "retention");
    PENSTOCK_TRY(const auto retention, duration_of(option));
    if (retention < std::chrono::seconds(1)) {
      return error(Code::InvalidParameter, "retention must be a second or more, not \"{}\"", option.value).at(option.position);
    }
    object.set_retention_ms(static_cast<uint64_t>(retention.count()));
  }
  if (object.retention_ms() != 0) return object;
  return error(Code::InvalidParameter, "subscription \"{}\" needs WITH (retention = '…')", create.name.name)
      .at(create.name.position)
      .with_hint("It says how long changes are kept for readers that are away, as '1 hour' or '7 days'.");
}

Result<DeclareCursor> bind_cursor(const ast::DeclareCursor& declare, BindContext& context) {
  const auto found = resolve_relation(declare.subscription, context.catalog, context.settings);
  const KindName& subscription = kind_of(ast::RelationKind::Subscription);
  if (found.has_error()) {
    return found.error().code() == Code::UndefinedTable ? unknown_of_kind(found.error(), subscription, declare.subscription)
                                                        : found.error();
  }
  if (found.value().object == nullptr || found.value().object->kind() != pb::OBJECT_SUBSCRIPTION) {
    const Error wrong = error(Code::WrongObjectType, "\"{}\" is not a subscription", declare.subscription.name);
    return wrong.at(declare.subscription.position)
        .with_hint(fmt::format("CREATE SUBSCRIPTION s FROM {} WITH (retention = '1 hour'), and declare the cursor for s.",
                               declare.subscription.name));
  }
  return DeclareCursor{declare.name, found.value().object->id(), declare.start};
}

Result<FetchCursor> bind_fetch(const ast::FetchCursor& fetch) {
  FetchCursor result{fetch.name, fetch.count, {}};
  for (const ast::Option& option : fetch.options) {
    if (option.key != "timeout") return unknown_option(option, "FETCH", "timeout");
    PENSTOCK_TRY(result.timeout, duration_of(option));
  }
  return result;
}

}  // namespace penstock::frontend
