#include "frontend/dml.h"

#include "frontend/dml_routes.h"
#include "frontend/readiness.h"
#include "proto/catalog.pb.h"
#include "proto/compute_service.pb.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kSendTimeout = std::chrono::seconds(30);
constexpr runtime::Duration kOfferAgain = std::chrono::milliseconds(100);
constexpr runtime::Duration kCommitTimeout = std::chrono::seconds(600);

Result<TakenRows> send(const SessionServices& services, const std::string& endpoint, const pb::CatalogObject& table,
                       const data::StreamChunk& rows) {
  pb::DmlRequest request;
  request.set_object_id(table.id());
  data::encode_chunk(rows, *request.mutable_chunk());
  auto answer =
      services.transport.call_and_wait(services.runtime, endpoint, "/penstock.Compute/Dml", request.SerializeAsString(), kSendTimeout);
  if (answer.has_error()) {
    const Code code = answer.error().code();
    const bool unknown = code == Code::Closed || code == Code::Timeout;
    if (!unknown) return answer.error();
    return error(Code::OutcomeUnknown, "the node that took the rows gave no answer ({}); they may or may not be applied",
                 answer.error().message());
  }
  pb::DmlResponse response;
  if (!response.ParseFromString(answer.value())) return error(Code::Protocol, "a node answered with bytes that are no DmlResponse");
  return TakenRows{PartialGraphId{response.graph().id()}, Term{response.graph().term()}, Epoch{response.epoch()}};
}

enum class Fate { Open, Committed, Lost, Unknown };

// Of rows of a term that is over, and of whose end nobody told: meta died in it. The next meta began by naming the term that had committed
// last: if that is an older one, the term of the rows never committed anything. If a later term has committed since, nobody knows any more.
Fate fate_without_end(PartialGraphId graph, Term term, const MetaView& view) {
  const auto later = view.ended_terms.upper_bound({graph, term});
  return later == view.ended_terms.end() || later->first.first != graph ? Fate::Lost : Fate::Unknown;
}

// By (term, epoch): a commit of another term says nothing about rows of this one.
Fate fate_of(const TakenRows& taken, const MetaView& view, DatabaseId database) {
  const auto ended = view.ended_terms.find({taken.graph, taken.term});
  if (ended != view.ended_terms.end()) return ended->second >= taken.epoch ? Fate::Committed : Fate::Lost;
  const auto status = view.databases.find(database);
  if (status == view.databases.end() || status->second.term < taken.term) return Fate::Open;
  if (status->second.term > taken.term) return fate_without_end(taken.graph, taken.term, view);
  return status->second.committed >= taken.epoch ? Fate::Committed : Fate::Open;
}

}  // namespace

Error nobody_takes(const pb::CatalogObject& table) {
  return error(Code::Unavailable, "no node takes rows for table \"{}\" now", table.name())
      .with_hint("The cluster is recovering; try again.");
}

Status check_shape(const CatalogView& catalog, const pb::CatalogObject& table) {
  const pb::CatalogObject* now = catalog.find(table.id());
  if (now != nullptr && now->columns_size() == table.columns_size()) return ok();
  return error(Code::SerializationFailure, "table \"{}\" was {} meanwhile; nothing was applied", table.name(),
               now == nullptr ? "dropped" : "altered")
      .with_hint("Run it again.");
}

Result<DmlRoute> pick_route(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table) {
  PENSTOCK_TRY(check_shape(catalog, table));
  const auto placement = catalog.meta().placements.find(TableId{table.table().table_id()});
  std::vector<DmlRoute> routes;
  if (placement != catalog.meta().placements.end()) {
    for (const pb::VnodeOwner& owner : placement->second->owners()) {
      const auto worker = catalog.meta().workers.find(WorkerId{owner.worker_id()});
      if (worker == catalog.meta().workers.end() || !worker->second->alive()) continue;
      routes.push_back({WorkerId{owner.worker_id()}, worker->second->endpoint()});
    }
  }
  if (routes.empty()) return nobody_takes(table);
  return routes[services.runtime.random() % routes.size()];
}

Status before_offer(const SessionServices& services, DatabaseId database, const CancelFlag& cancel, int attempt) {
  if (attempt > 1) (void)services.meta.wait([](const MetaView&) { return false; }, kOfferAgain, &cancel, "the next offer");
  if (cancel) return error(Code::Cancelled, "canceling statement due to user request");
  return wait_until_running(services, database, cancel);
}

Status check_disk(const MetaView& view, DatabaseId database) {
  const auto status = view.databases.find(database);
  if (status == view.databases.end() || status->second.disk_low.empty()) return ok();
  return error(Code::DiskFull, "{}", status->second.disk_low)
      .with_hint("Nothing was written. Free space there or drop what is not needed; sources and writes then go on by themselves.");
}

Status wait_for_commit(const SessionServices& services, const TakenRows& taken, DatabaseId database, const CancelFlag& cancel) {
  Fate fate = Fate::Open;
  const auto waited = services.meta.wait(
      [&](const MetaView& view) {
        fate = fate_of(taken, view, database);
        return fate != Fate::Open;
      },
      kCommitTimeout, &cancel, fmt::format("the commit of epoch {}", taken.epoch));
  if (waited.has_error() && waited.error().code() == Code::Timeout) {
    return error(Code::OutcomeUnknown, "{}; the rows may or may not be applied", waited.error().message());
  }
  if (waited.has_error()) return waited.error().with_detail("The rows had been sent: they may or may not be applied.");
  if (fate == Fate::Unknown) {
    return error(Code::OutcomeUnknown, "meta restarted more than once meanwhile and no longer knows whether the rows were committed");
  }
  if (fate == Fate::Lost) {
    return error(Code::SerializationFailure, "a recovery dropped the rows before they were committed; nothing of the statement was applied")
        .with_hint("Run the statement again.");
  }
  return ok();
}

Result<Epoch> write_rows(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table,
                         const data::StreamChunk& rows, bool accepted_is_enough, const CancelFlag& cancel) {
  PENSTOCK_TRY(check_disk(catalog.meta(), catalog.database()));
  PENSTOCK_TRY(const TakenRows taken, offer_until_taken(services, catalog.database(), table, cancel, [&](const DmlRoute& route) {
                 return send(services, route.endpoint, table, rows);
               }));
  if (accepted_is_enough) return taken.epoch;
  pb::FlushRequest soon;
  soon.set_database_id(catalog.database().value);
  soon.set_checkpoint_soon(true);
  services.meta.send("/penstock.Meta/Flush", soon.SerializeAsString());
  PENSTOCK_TRY(wait_for_commit(services, taken, catalog.database(), cancel));
  return taken.epoch;
}

}  // namespace penstock::frontend
