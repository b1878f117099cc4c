#include "frontend/transaction.h"

#include <algorithm>

#include "frontend/dml.h"
#include "frontend/dml_routes.h"
#include "frontend/readiness.h"
#include "proto/compute_service.pb.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kHoldTimeout = std::chrono::seconds(30);
constexpr runtime::Duration kNameTimeout = std::chrono::seconds(120);
constexpr size_t kPieceRows = 1 << 15;
constexpr size_t kMostKeys = 1 << 16;
constexpr int kMostOffers = 20;

/// One transaction on its way: rows to those who hold them, then to meta.
class Commit {
 public:
  Commit(const SessionServices& services, const CatalogView& catalog, const CancelFlag& cancel)
      : services_(services), catalog_(catalog), cancel_(cancel) {
    request_.set_database_id(catalog.database().value);
    do request_.set_transaction(services.runtime.random());
    while (request_.transaction() == 0);
  }

  // Nobody applies what was not named: a failure here is "not applied", whatever became of the message.
  Status hold(const TableWrite& write) {
    const Status held = hold_pieces(write);
    if (held.has_error()) give_up();
    return held;
  }

  Result<TakenRows> name(Epoch read_epoch, bool& conflict) {
    request_.set_read_epoch(read_epoch.value);
    // Not cancelled: what was asked for cannot be taken back, and a checkpoint comes soon.
    const auto answer = services_.meta.call("/penstock.Meta/CommitTransaction", request_.SerializeAsString(), kNameTimeout, nullptr);
    if (answer.has_error()) {
      if (answer.error().code() == Code::SerializationFailure) return answer.error();
      // It was never sent, or meta has refused it.
      if (answer.error().code() == Code::Unavailable) return answer.error().with_detail("Nothing was applied.");
      return error(Code::OutcomeUnknown, "the commit was not answered ({}); the transaction may or may not be applied",
                   answer.error().message());
    }
    pb::CommitTransactionResponse response;
    if (!response.ParseFromString(answer.value())) {
      return error(Code::OutcomeUnknown, "meta answered the commit with bytes that are no CommitTransactionResponse");
    }
    conflict = response.conflict();
    return TakenRows{PartialGraphId{response.graph().id()}, Term{response.graph().term()}, Epoch{response.epoch()}};
  }

  /// Its rows were dropped, but not by a recovery: those who held them have moved away, and others take rows in their place. So it has not
  /// been applied, and may come again as another transaction.
  [[nodiscard]] bool term_goes_on() const {
    const MetaViewPtr view = services_.meta.view();
    const auto status = view->databases.find(catalog_.database());
    const auto in_term = [&](const auto& participant) { return Term{participant.graph().term()} == status->second.term; };
    return status != view->databases.end() && std::ranges::all_of(request_.participants(), in_term);
  }

 private:
  Status hold_pieces(const TableWrite& write) {
    if (write.rows.rows() == 0) {
      add_keys(write);
      return ok();
    }
    DmlRoute route;
    PENSTOCK_TRY(const pb::DmlResponse first,
                 offer_until_taken(services_, catalog_.database(), write.table, cancel_, [&](const DmlRoute& offered) {
                   route = offered;
                   return hold_piece(offered, write, 0, 0);
                 }));
    pb::TransactionParticipant* participant = request_.add_participants();
    participant->set_worker_id(route.worker.value);
    participant->set_actor_id(first.actor_id());
    *participant->mutable_graph() = first.graph();
    for (size_t begin = kPieceRows; begin < write.rows.rows(); begin += kPieceRows) {
      if (cancel_) return error(Code::Cancelled, "canceling statement due to user request");
      PENSTOCK_TRY(const pb::DmlResponse next, hold_piece(route, write, begin, participant->actor_id()));
      if (participant->graph().term() != next.graph().term()) {
        return error(Code::SerializationFailure, "a recovery dropped a part of the rows; nothing was applied").with_hint("Run it again.");
      }
    }
    add_keys(write);
    return ok();
  }

  /// `actor`: who holds the pieces before it; 0: none has been held.
  Result<pb::DmlResponse> hold_piece(const DmlRoute& route, const TableWrite& write, size_t begin, uint32_t actor) {
    pb::DmlRequest request;
    request.set_object_id(write.table.id());
    request.set_transaction(request_.transaction());
    request.set_actor_id(actor);
    data::encode_chunk(piece(write.rows, begin), *request.mutable_chunk());
    auto answer = services_.transport.call_and_wait(services_.runtime, route.endpoint, "/penstock.Compute/Dml", request.SerializeAsString(),
                                                    kHoldTimeout);
    if (answer.has_error()) return not_held(answer.error(), write.table);
    pb::DmlResponse response;
    if (!response.ParseFromString(answer.value())) return error(Code::Protocol, "a node answered with bytes that are no DmlResponse");
    return response;
  }

  static data::StreamChunk piece(const data::StreamChunk& rows, size_t begin) {
    if (begin == 0 && rows.rows() <= kPieceRows) return rows;
    const size_t count = std::min(kPieceRows, rows.rows() - begin);
    if (rows.insert_only()) return data::StreamChunk(rows.data().slice(begin, count));
    // A pair is never parted: pairs and single rows do not mix, and kPieceRows is even.
    return {rows.data().slice(begin, count),
            std::make_shared<const std::vector<data::Op>>(rows.ops()->begin() + static_cast<ptrdiff_t>(begin),
                                                          rows.ops()->begin() + static_cast<ptrdiff_t>(begin + count))};
  }

  static Error not_held(const Error& reason, const pb::CatalogObject& table) {
    if (reason.code() != Code::Closed && reason.code() != Code::Timeout) return reason;
    return error(Code::SerializationFailure, "the node that was to hold rows of \"{}\" gave no answer ({}); nothing was applied",
                 table.name(), reason.message())
        .with_hint("Run it again.");
  }

  void add_keys(const TableWrite& write) {
    pb::TransactionWrites* out = request_.add_writes();
    out->set_table_id(write.table.table().table_id());
    out->set_read(write.read);
    out->set_whole_table(write.whole_table);
    const std::vector<uint64_t> keys = key_hashes(write.table, write.rows);
    if (keys.size() > kMostKeys) {
      out->set_whole_table(true);
    } else {
      out->mutable_keys()->Assign(keys.begin(), keys.end());
    }
  }

  void give_up() {
    pb::AbortTransactionRequest abort;
    abort.set_database_id(request_.database_id());
    abort.set_transaction(request_.transaction());
    services_.meta.send("/penstock.Meta/AbortTransaction", abort.SerializeAsString());
  }

  const SessionServices& services_;
  const CatalogView& catalog_;
  const CancelFlag& cancel_;
  pb::CommitTransactionRequest request_;
};

}  // namespace

std::vector<uint64_t> key_hashes(const pb::CatalogObject& table, const data::StreamChunk& rows) {
  std::vector<uint32_t> key;
  for (const pb::SortKey& column : table.table().pk()) key.push_back(column.column());
  std::vector<uint64_t> hashes;
  data::hash_rows(rows.data(), key, hashes);
  const auto generated = [&](size_t row) { return std::ranges::all_of(key, [&](uint32_t c) { return rows.column(c).is_null(row); }); };
  std::vector<uint64_t> out;
  for (size_t row = 0; row < rows.rows(); ++row) {
    if (!generated(row)) out.push_back(hashes[row]);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Error serialization_failure() {
  return error(Code::SerializationFailure, "could not serialize access due to a concurrent change; nothing was applied")
      .with_hint("Run it again.");
}

Result<Committed> commit_writes(const SessionServices& services, const CatalogView& catalog, const std::vector<TableWrite>& writes,
                                Epoch read_epoch, bool named_is_enough, const CancelFlag& cancel) {
  PENSTOCK_TRY(check_disk(catalog.meta(), catalog.database()));
  for (int attempt = 1;; ++attempt) {
    PENSTOCK_TRY(before_offer(services, catalog.database(), cancel, attempt));
    Commit commit(services, catalog, cancel);
    for (const TableWrite& write : writes) {
      PENSTOCK_TRY(commit.hold(write));
    }
    bool conflict = false;
    const Result<TakenRows> taken = commit.name(read_epoch, conflict);
    if (taken.has_error() && taken.error().code() == Code::SerializationFailure && attempt < kMostOffers && commit.term_goes_on()) continue;
    if (taken.has_error()) return taken.error();
    if (conflict) return Committed{true, {}};
    if (!named_is_enough) {
      PENSTOCK_TRY(wait_for_commit(services, taken.value(), catalog.database(), cancel));
    }
    return Committed{false, taken.value().epoch};
  }
}

}  // namespace penstock::frontend
