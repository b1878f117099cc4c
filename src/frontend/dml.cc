#include "frontend/dml.h"

#include "proto/catalog.pb.h"
#include "proto/compute_service.pb.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kSendTimeout = std::chrono::seconds(30);
constexpr runtime::Duration kCommitTimeout = std::chrono::seconds(600);

struct Taken {
  PartialGraphId graph;
  Term term;
  Epoch epoch;
};

// One of the nodes that hold rows of the table, chosen at random: each has actors that take rows for all vnodes.
Result<std::string> pick_node(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table) {
  const auto placement = catalog.meta().placements.find(TableId{table.table().table_id()});
  std::vector<std::string> endpoints;
  if (placement != catalog.meta().placements.end()) {
    for (const pb::VnodeOwner& owner : placement->second->owners()) {
      const auto worker = catalog.meta().workers.find(WorkerId{owner.worker_id()});
      if (worker != catalog.meta().workers.end() && worker->second->alive()) endpoints.push_back(worker->second->endpoint());
    }
  }
  if (endpoints.empty()) {
    return error(Code::Unavailable, "no node takes rows for table \"{}\" now", table.name())
        .with_hint("The cluster is recovering; try again.");
  }
  return endpoints[services.runtime.random() % endpoints.size()];
}

Result<Taken> send(const SessionServices& services, const std::string& endpoint, const pb::CatalogObject& table,
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
  return Taken{PartialGraphId{response.graph().id()}, Term{response.graph().term()}, Epoch{response.epoch()}};
}

enum class Fate { Open, Committed, Lost };

// By (term, epoch): a commit of another term says nothing about rows of this one.
Fate fate_of(const Taken& taken, const MetaView& view, DatabaseId database) {
  const auto ended = view.ended_terms.find({taken.graph, taken.term});
  if (ended != view.ended_terms.end()) return ended->second >= taken.epoch ? Fate::Committed : Fate::Lost;
  const auto status = view.databases.find(database);
  if (status == view.databases.end() || status->second.term != taken.term) return Fate::Open;
  return status->second.committed >= taken.epoch ? Fate::Committed : Fate::Open;
}

}  // namespace

Status check_disk(const MetaView& view, DatabaseId database) {
  const auto status = view.databases.find(database);
  if (status == view.databases.end() || status->second.disk_low.empty()) return ok();
  return error(Code::DiskFull, "{}", status->second.disk_low)
      .with_hint("Nothing was written. Free space there or drop what is not needed; sources and writes then go on by themselves.");
}

Result<Epoch> write_rows(const SessionServices& services, const CatalogView& catalog, const pb::CatalogObject& table,
                         const data::StreamChunk& rows, bool accepted_is_enough, const CancelFlag& cancel) {
  PENSTOCK_TRY(check_disk(catalog.meta(), catalog.database()));
  PENSTOCK_TRY(const std::string endpoint, pick_node(services, catalog, table));
  PENSTOCK_TRY(const Taken taken, send(services, endpoint, table, rows));
  if (accepted_is_enough) return taken.epoch;
  pb::FlushRequest soon;
  soon.set_database_id(catalog.database().value);
  soon.set_checkpoint_soon(true);
  services.meta.send("/penstock.Meta/Flush", soon.SerializeAsString());
  Fate fate = Fate::Open;
  PENSTOCK_TRY(services.meta.wait(
      [&](const MetaView& view) {
        fate = fate_of(taken, view, catalog.database());
        return fate != Fate::Open;
      },
      kCommitTimeout, &cancel, fmt::format("the commit of epoch {}", taken.epoch)));
  if (fate == Fate::Lost) {
    return error(Code::SerializationFailure, "a recovery dropped the rows before they were committed; nothing of the statement was applied")
        .with_hint("Run the statement again.");
  }
  return taken.epoch;
}

}  // namespace penstock::frontend
