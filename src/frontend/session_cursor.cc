// Subscriptions, and cursors over the changes they keep.
#include "frontend/change_reader.h"
#include "frontend/session_impl.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kReadPatience = std::chrono::seconds(5);
constexpr runtime::Duration kReadPause = std::chrono::milliseconds(20);
constexpr runtime::Duration kHearsSoon = std::chrono::seconds(5);
constexpr runtime::Duration kDay = std::chrono::hours(24);

const pb::CatalogObject* object_of(const MetaView& view, uint32_t id) {
  const auto& objects = view.catalog->objects();
  const auto found = std::ranges::find(objects, id, [](const pb::CatalogObject& object) { return object.id(); });
  return found == objects.end() ? nullptr : &*found;
}

Epoch committed_of(const MetaView& view, DatabaseId database) {
  const auto status = view.databases.find(database);
  return status == view.databases.end() ? Epoch{} : status->second.committed;
}

Error no_cursor(const ast::NameAt& name) {
  return error(Code::UndefinedCursor, "cursor \"{}\" does not exist", name.name)
      .at(name.position)
      .with_hint("DECLARE c SUBSCRIPTION CURSOR FOR a subscription; a cursor lives as long as its session.");
}

bool passes_by(const Error& e) { return e.code() == Code::Unavailable || e.code() == Code::SnapshotTooOld || e.code() == Code::Closed; }

}  // namespace

/// A subscription and what it is of, as the catalog has them, and where the log is.
struct Session::Subscribed {
  CatalogView catalog;
  pb::CatalogObject subscription;
  pb::CatalogObject table;
  PartialGraphId graph;
  Epoch committed;
};

Result<Session::Subscribed> Session::subscribed(uint32_t subscription) {
  const MetaViewPtr view = services_.meta.view();
  const pb::CatalogObject* object = object_of(*view, subscription);
  const pb::CatalogObject* table = object == nullptr ? nullptr : object_of(*view, object->depends_on(0));
  if (table == nullptr) return error(Code::UndefinedObject, "the subscription of this cursor was dropped");
  const auto status = view->databases.find(identity_.database_id);
  if (status == view->databases.end()) return error(Code::Unavailable, "nothing is known yet of the state of this database");
  return Subscribed{CatalogView(view, identity_.database_id), *object, *table, status->second.graph, status->second.committed};
}

// It can be used once its first changes can be committed; a session that does not wait for that leaves it behind all the same.
Result<std::string> Session::run(const CreateSubscription& create, Run run) {
  PENSTOCK_TRY(this->create(create.object, nullptr, create.if_not_exists, run.catalog));
  const auto ready = [&](const MetaView& view) {
    const CatalogView catalog(MetaViewPtr(MetaViewPtr(), &view), identity_.database_id);
    const pb::CatalogObject* object = catalog.find(create.object.schema(), create.object.name());
    return object == nullptr || object->kind() != pb::OBJECT_SUBSCRIPTION || object->log_since() != 0;
  };
  const auto waited = services_.meta.wait(ready, kDay, &cancelled_, "the subscription's first checkpoint");
  if (waited.has_error()) {
    return waited.error().with_detail(
        fmt::format("The subscription \"{}\" exists; it can be used after the next checkpoint.", create.object.name()));
  }
  return run.tag;
}

Result<ChangePosition> Session::start_of(const ast::CursorStart& start, const Subscribed& on) {
  const Epoch since{on.subscription.log_since()};
  switch (start.kind) {
    case ast::CursorStart::Kind::Begin: {
      const uint64_t kept = on.subscription.retention_ms() << 16;
      return ChangePosition{std::max(since, Epoch{on.committed.value < kept ? 0 : on.committed.value - kept}), std::nullopt};
    }
    case ast::CursorStart::Kind::Millis:
      if (epoch_of_unix_millis(start.millis) > on.committed) {
        return error(Code::InvalidParameter, "{} is later than the last checkpoint, {}", start.millis, unix_millis_of(on.committed))
            .at(start.at);
      }
      return ChangePosition{Epoch{std::max<uint64_t>(epoch_of_unix_millis(start.millis).value, 1) - 1}, std::nullopt};
    case ast::CursorStart::Kind::Position:
      return ChangePosition::parse(start.position);
    default:
      return ChangePosition{on.committed, std::nullopt};
  }
}

Result<std::string> Session::run(const DeclareCursor& declare, Run run) {
  if (cursors_.contains(declare.name.name)) {
    return error(Code::DuplicateCursor, "cursor \"{}\" already exists", declare.name.name).at(declare.name.position);
  }
  if (declare.start.kind == ast::CursorStart::Kind::Position) {
    PENSTOCK_TRY(wait_for_position(declare.start));
  }
  PENSTOCK_TRY(const auto known, subscribed(declare.subscription_id));
  if (known.subscription.log_since() == 0) {
    return error(Code::Stale, "subscription \"{}\" waits for its first checkpoint", known.subscription.name())
        .with_hint("Run it again in a moment.");
  }
  PENSTOCK_TRY(wait_for_epoch(Epoch{known.subscription.log_since()}));
  PENSTOCK_TRY(const auto on, subscribed(declare.subscription_id));
  Cursor cursor{declare.subscription_id, nullptr};
  if (declare.start.kind == ast::CursorStart::Kind::Full) {
    PENSTOCK_TRY(cursor.reader, begin_full(declare.subscription_id));
  } else {
    PENSTOCK_TRY(const ChangePosition start, start_of(declare.start, on));
    cursor.reader = std::make_unique<SubscriptionCursor>(shape_of(on.table), start);
    PENSTOCK_TRY(cursor.reader->check_kept(Epoch{on.subscription.log_since()}, std::chrono::milliseconds(on.subscription.retention_ms()),
                                           on.committed));
  }
  cursors_.emplace(declare.name.name, std::move(cursor));
  return run.tag;
}

// Another frontend may have known more.
Status Session::wait_for_position(const ast::CursorStart& start) {
  const auto position = ChangePosition::parse(start.position);
  if (position.has_error()) return position.error().at(start.at);
  const auto known = [&](const MetaView& view) { return committed_of(view, identity_.database_id) >= position.value().epoch; };
  const auto waited = services_.meta.wait(known, kHearsSoon, &cancelled_, "the position");
  if (!waited.has_error()) return ok();
  if (waited.error().code() != Code::Timeout) return waited.error();
  return error(Code::InvalidParameter, "position {} is not committed here", start.position).at(start.at);
}

// The nodes' readers are opened now, so that the rows stay however late they are fetched.
Result<std::unique_ptr<SubscriptionCursor>> Session::begin_full(uint32_t subscription) {
  const runtime::TimePoint deadline = services_.runtime.now() + kReadPatience;
  const auto pause = services_.runtime.make_waiter();
  for (;;) {
    PENSTOCK_TRY(const auto on, subscribed(subscription));
    const ReadContext context{services_.runtime, services_.loop, services_.transport, on.catalog, cancelled_};
    auto cursor =
        std::make_unique<SubscriptionCursor>(shape_of(on.table), on.committed, read_snapshot(context, on.table, on.graph, on.committed));
    const Status begun = cursor->begin_snapshot();
    if (!begun.has_error()) return cursor;
    if (!passes_by(begun.error()) || cancelled_ || services_.runtime.now() > deadline) return begun.error();
    (void)pause->wait_for(kReadPause);
  }
}

Result<const Session::Cursor*> Session::cursor(const ast::NameAt& name) const {
  const auto found = cursors_.find(name.name);
  if (found == cursors_.end()) return no_cursor(name);
  return &found->second;
}

// While the cluster recovers, or vnodes move, a node may not answer yet.
Result<data::DataChunk> Session::next_changes(const Cursor& cursor, size_t most) {
  const runtime::TimePoint deadline = services_.runtime.now() + kReadPatience;
  const auto pause = services_.runtime.make_waiter();
  for (;;) {
    PENSTOCK_TRY(const auto on, subscribed(cursor.subscription));
    const Epoch since{on.subscription.log_since() == 0 ? UINT64_MAX : on.subscription.log_since()};  // it begins anew
    PENSTOCK_TRY(cursor.reader->check_kept(since, std::chrono::milliseconds(on.subscription.retention_ms()), on.committed));
    const ReadContext context{services_.runtime, services_.loop, services_.transport, on.catalog, cancelled_};
    ChangeReader reader(context, on.subscription, on.table);
    auto rows = cursor.reader->next(most, on.committed, reader);
    if (rows.has_value()) return rows;
    const Error& e = rows.error();
    if (!passes_by(e) || cursor.reader->failed() || cancelled_ || services_.runtime.now() > deadline) {
      return e.code() == Code::Closed ? error(Code::Unavailable, "a node went away: {}", e.message()) : e;
    }
    (void)pause->wait_for(kReadPause);
  }
}

Result<std::string> Session::run(const FetchCursor& fetch, Run run) {
  PENSTOCK_TRY(const Cursor* const at, cursor(fetch.name));
  const runtime::TimePoint deadline = services_.runtime.now() + fetch.timeout;
  uint64_t count = 0;
  while (count < fetch.count) {
    const Epoch seen = committed_of(*services_.meta.view(), identity_.database_id);
    PENSTOCK_TRY(const auto rows, next_changes(*at, static_cast<size_t>(std::min<uint64_t>(fetch.count - count, data::kChunkRows))));
    if (rows.rows() > 0) {
      count += rows.rows();
      PENSTOCK_TRY(run.sink.rows(rows));
      continue;
    }
    const runtime::TimePoint now = services_.runtime.now();
    if (count > 0 || now >= deadline) break;
    const auto newer = [&](const MetaView& view) {
      return committed_of(view, identity_.database_id) > seen || object_of(view, at->subscription) == nullptr;
    };
    const auto waited = services_.meta.wait(newer, deadline - now, &cancelled_, "changes");
    if (waited.has_error() && waited.error().code() != Code::Timeout) return waited.error();
  }
  return fmt::format("{} {}", run.tag, count);
}

Result<std::string> Session::run(const ast::CloseCursor& close, Run run) {
  if (!close.name) {
    cursors_.clear();
    return run.tag;
  }
  PENSTOCK_TRY(cursor(*close.name));
  cursors_.erase(close.name->name);
  return run.tag;
}

data::DataChunk Session::show_cursors(const CatalogView& catalog) const {
  data::ColumnBuilder<data::Text> names(data::TypeKind::Varchar, cursors_.size());
  data::ColumnBuilder<data::Text> of(data::TypeKind::Varchar, cursors_.size());
  data::ColumnBuilder<data::Text> positions(data::TypeKind::Varchar, cursors_.size());
  for (const auto& [name, cursor] : cursors_) {
    names.append(std::string_view(name));
    const pb::CatalogObject* subscription = catalog.find(cursor.subscription);
    subscription == nullptr ? of.append_null() : of.append(std::string_view(subscription->name()));
    const auto position = cursor.reader->position();
    position ? positions.append(std::string_view(position->to_string())) : positions.append_null();
  }
  return {{names.finish(), of.finish(), positions.finish()}, cursors_.size()};
}

}  // namespace penstock::frontend
