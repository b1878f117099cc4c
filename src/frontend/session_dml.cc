// Rows: INSERT, UPDATE, DELETE, COPY, and the blocks they may be in.
#include "batch/operator.h"
#include "frontend/copy_rows.h"
#include "frontend/session_impl.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr size_t kInsertPieceRows = 1 << 15;
constexpr runtime::Duration kConflictRetry = std::chrono::seconds(30);

}  // namespace

TableChanges& Session::changes_of(const pb::CatalogObject& table) {
  return changes_.try_emplace(ObjectId{table.id()}, table).first->second;
}

// Rows of a table without declared key meet no other row: they need nobody's leave. Many go as a transaction, in pieces that are one.
Status Session::insert_rows(const pb::CatalogObject& table, data::DataChunk rows, const CatalogView& catalog) {
  if (rows.rows() == 0) return ok();
  if (transaction_ == TransactionStatus::InBlock) {
    changes_of(table).insert(rows);
    return ok();
  }
  const bool accepted = variables_.dml_acknowledged_when_accepted();
  if (accepted || (table.pk_columns().empty() && rows.rows() <= kInsertPieceRows)) {
    for (size_t begin = 0; begin < rows.rows(); begin += kInsertPieceRows) {
      const data::StreamChunk piece(rows.slice(begin, std::min(kInsertPieceRows, rows.rows() - begin)));
      PENSTOCK_TRY(const Epoch epoch, write_rows(services_, catalog, table, piece, accepted, cancelled_));
      if (!accepted) least_epoch_ = std::max(least_epoch_, epoch);
    }
    return ok();
  }
  PENSTOCK_TRY(const Committed done,
               commit_writes(services_, catalog, {{table, data::StreamChunk(std::move(rows))}}, least_epoch_, false, cancelled_));
  least_epoch_ = std::max(least_epoch_, done.epoch);
  return ok();
}

Status Session::wait_for_newer_than(Epoch epoch) {
  PENSTOCK_TRY(services_.meta.wait(
      [&](const MetaView& view) {
        const auto status = view.databases.find(identity_.database_id);
        return status != view.databases.end() && status->second.committed > epoch;
      },
      kApplyTimeout, &cancelled_, fmt::format("an epoch after {}", epoch)));
  return ok();
}

// UPDATE and DELETE outside of a block: read, change, and again if somebody was faster. Sessions of this frontend queue up for a table once
// they have met another.
Result<Session::Change> Session::change_read_rows(const pb::CatalogObject& table, const Reads& reads) {
  const runtime::TimePoint deadline = services_.runtime.now() + kConflictRetry;
  auto turn = services_.table_locks.of(ObjectId{table.id()});
  for (;;) {
    PENSTOCK_TRY(const CatalogView now, catalog());
    last_read_ = least_epoch_;
    PENSTOCK_TRY(Change change, reads(now));
    if (change.rows.rows() == 0) return change;
    const bool accepted = variables_.dml_acknowledged_when_accepted();
    PENSTOCK_TRY(const Committed done, commit_writes(services_, now, {{table, change.rows, true}}, last_read_, accepted, cancelled_));
    if (!done.conflict) {
      if (!accepted) least_epoch_ = std::max(least_epoch_, done.epoch);
      return change;
    }
    if (services_.runtime.now() > deadline) return serialization_failure();
    if (!turn.owns_lock()) turn.lock();
    PENSTOCK_TRY(wait_for_newer_than(last_read_));
  }
}

Status Session::return_rows(const Returning& returning, const data::DataChunk& rows, ResultSink& sink) {
  if (returning.fields.empty()) return ok();
  PENSTOCK_TRY(const auto chunks, returned(returning, rows, !variables_.strict_select()));
  for (const data::DataChunk& chunk : chunks) {
    PENSTOCK_TRY(sink.rows(chunk));
  }
  return ok();
}

Result<Merged> Session::merged(const Insert& insert, const data::DataChunk& rows, const CatalogView& catalog) {
  if (rows.rows() == 0) return Merged{};
  PENSTOCK_TRY(const data::DataChunk stored, read_all(*plan_rows_of_keys(insert.table, rows), catalog));
  PENSTOCK_TRY(Merged merged, merge_conflicts(insert, rows, stored, !variables_.strict_select()));
  if (insert.on_conflict->update) {
    PENSTOCK_TRY(check_not_null(insert.table, merged.updated, static_cast<size_t>(insert.table.columns_size())));
  }
  return merged;
}

Result<std::string> Session::run(const Insert& insert, Run run) {
  const auto width = static_cast<size_t>(insert.table.columns_size());
  const auto proposed = [&](const CatalogView& now) -> Result<data::DataChunk> {
    PENSTOCK_TRY(data::DataChunk rows, read_all(*insert.rows, now));
    PENSTOCK_TRY(check_not_null(insert.table, rows, 0));
    return rows;
  };
  size_t count = 0;
  data::DataChunk shown;
  if (!insert.on_conflict) {
    PENSTOCK_TRY(shown, proposed(run.catalog));
    count = shown.rows();
    PENSTOCK_TRY(insert_rows(insert.table, shown, run.catalog));
  } else {
    // The keys that were not there, and the rows that were, must be so still when the rows are applied.
    const auto change = [&](const CatalogView& now, Merged& merged_rows) -> Result<Change> {
      PENSTOCK_TRY(const data::DataChunk rows, proposed(now));
      PENSTOCK_TRY(merged_rows, merged(insert, rows, now));
      std::vector<data::StreamChunk> changes;
      std::vector<data::DataChunk> all;
      if (merged_rows.updated.rows() > 0) {
        changes.push_back(update_pairs(merged_rows.updated, width));
        all.push_back(columns_from(merged_rows.updated, width, width));
      }
      if (merged_rows.inserted.rows() > 0) {
        changes.emplace_back(merged_rows.inserted);
        all.push_back(merged_rows.inserted);
      }
      if (changes.empty()) return Change{};
      data::DataChunk result = batch::concat_chunks(all, rows.types());
      const size_t rows_changed = result.rows();
      return Change{data::concat(changes), rows_changed, std::move(result)};
    };
    Merged rows;
    Change done;
    if (transaction_ == TransactionStatus::InBlock) {
      PENSTOCK_TRY(done, change(run.catalog, rows));
      TableChanges& changes = changes_of(insert.table);
      if (rows.updated.rows() > 0) changes.update(rows.updated);
      if (rows.inserted.rows() > 0) changes.insert_absent(rows.inserted);
    } else {
      PENSTOCK_TRY(done, change_read_rows(insert.table, [&](const CatalogView& now) { return change(now, rows); }));
    }
    count = done.count;
    shown = std::move(done.returned);
  }
  PENSTOCK_TRY(return_rows(insert.returning, shown, run.sink));
  return fmt::format("INSERT 0 {}", count);
}

Result<std::string> Session::run(const Update& update, Run run) {
  const auto width = static_cast<size_t>(update.table.columns_size());
  const auto change = [&](const CatalogView& now, data::DataChunk& rows) -> Result<Change> {
    PENSTOCK_TRY(rows, read_all(*update.rows, now));
    PENSTOCK_TRY(check_not_null(update.table, rows, width));
    return Change{update_pairs(rows, width), rows.rows(), columns_from(rows, width, width)};
  };
  data::DataChunk rows;
  Change done;
  if (transaction_ == TransactionStatus::InBlock) {
    PENSTOCK_TRY(done, change(run.catalog, rows));
    changes_of(update.table).update(rows);
  } else {
    PENSTOCK_TRY(done, change_read_rows(update.table, [&](const CatalogView& now) { return change(now, rows); }));
  }
  PENSTOCK_TRY(return_rows(update.returning, done.returned, run.sink));
  return fmt::format("UPDATE {}", done.count);
}

Result<std::string> Session::run(const Delete& remove, Run run) {
  const auto change = [&](const CatalogView& now) -> Result<Change> {
    PENSTOCK_TRY(const data::DataChunk rows, read_all(*remove.rows, now));
    return Change{with_op(rows, data::Op::Delete), rows.rows(), rows};
  };
  Change done;
  if (transaction_ == TransactionStatus::InBlock) {
    PENSTOCK_TRY(done, change(run.catalog));
    changes_of(remove.table).remove(done.returned);
  } else {
    PENSTOCK_TRY(done, change_read_rows(remove.table, change));
  }
  PENSTOCK_TRY(return_rows(remove.returning, done.returned, run.sink));
  return fmt::format("DELETE {}", done.count);
}

/// Rows are kept until the client is done, then inserted as one; with dml_ack = 'accepted' they go as they come.
class Session::CopyInto : public CopyIn {
 public:
  CopyInto(Session& session, Copy copy, data::DataChunk defaults, data::Schema fields)
      : session_(session), copy_(std::move(copy)), defaults_(std::move(defaults)), rows_(copy_.format, std::move(fields)) {}

  Status add(std::string_view bytes) override {
    if (session_.cancelled_) return error(Code::Cancelled, "canceling statement due to user request");
    PENSTOCK_TRY(rows_.add(bytes));
    return take();
  }

  Result<std::string> finish() override {
    PENSTOCK_TRY(rows_.finish());
    PENSTOCK_TRY(take());
    if (!kept_.empty()) {
      PENSTOCK_TRY(insert(batch::concat_chunks(kept_, defaults_.types())));
    }
    return fmt::format("COPY {}", rows_.rows());
  }

 private:
  Status take() {
    for (const data::DataChunk& fields : rows_.take()) {
      PENSTOCK_TRY(data::DataChunk rows, whole(fields));
      if (session_.transaction_ == TransactionStatus::Idle && session_.variables_.dml_acknowledged_when_accepted()) {
        PENSTOCK_TRY(insert(std::move(rows)));
      } else {
        kept_.push_back(std::move(rows));
      }
    }
    return ok();
  }

  Result<data::DataChunk> whole(const data::DataChunk& fields) const {
    std::vector<data::Column> columns;
    for (const data::Column& value : defaults_.columns()) {
      columns.push_back(data::Column::constant(value.type(), value.datum(0), fields.rows()).flatten());
    }
    for (size_t i = 0; i < copy_.columns.size(); ++i) columns[copy_.columns[i]] = fields.column(i);
    data::DataChunk rows(std::move(columns), fields.rows());
    PENSTOCK_TRY(check_not_null(copy_.table, rows, 0));
    return rows;
  }

  Status insert(data::DataChunk rows) {
    PENSTOCK_TRY(const CatalogView now, session_.catalog());
    return session_.insert_rows(copy_.table, std::move(rows), now);
  }

  Session& session_;
  const Copy copy_;
  const data::DataChunk defaults_;  // one row, all columns
  CopyRows rows_;
  std::vector<data::DataChunk> kept_;
};

Result<std::unique_ptr<CopyIn>> Session::begin_copy(const PreparedStatement& statement) {
  cancelled_ = false;
  const auto& prepared = static_cast<const Prepared&>(statement);
  PENSTOCK_TRY(not_failed(*prepared.statement));
  PENSTOCK_TRY(const CatalogView view, catalog());
  PENSTOCK_TRY(BoundStatement bound, bind(*prepared.statement, view, settings()));
  PENSTOCK_TRY(allowed_now(bound));
  auto& copy = std::get<Copy>(bound.body);
  PENSTOCK_TRY(data::DataChunk defaults, read_all(*copy.defaults, view));
  data::Schema fields;
  for (const uint32_t column : copy.columns) {
    fields.fields.push_back({copy.table.columns(static_cast<int>(column)).name(), defaults.column(column).type()});
  }
  return std::unique_ptr<CopyIn>(std::make_unique<CopyInto>(*this, std::move(copy), std::move(defaults), std::move(fields)));
}

Result<std::string> Session::run(const Copy&, Run) {
  return error(Code::Protocol, "COPY FROM STDIN takes its rows from the client, which this way of running it does not allow");
}

Result<std::string> Session::run(const ast::Transaction& transaction, Run) {
  switch (transaction.kind) {
    case ast::TransactionKind::Begin:
      if (transaction_ == TransactionStatus::Idle) {
        transaction_ = TransactionStatus::InBlock;
        read_only_ = transaction.read_only;
      } else {
        notices_.emplace_back("there is already a transaction in progress");
      }
      return std::string("BEGIN");
    case ast::TransactionKind::Commit:
      return commit();
    case ast::TransactionKind::Rollback:
      transaction_ = TransactionStatus::Idle;
      end_block();
      return std::string("ROLLBACK");
  }
  return std::string();
}

// All of a block, or nothing of it. A table of which it changed what it had read must be as it was in the epoch that the block read.
Result<std::string> Session::commit() {
  const bool failed = transaction_ == TransactionStatus::Failed;
  if (transaction_ == TransactionStatus::Idle) notices_.emplace_back("there is no transaction in progress");
  transaction_ = TransactionStatus::Idle;
  const auto changes = std::exchange(changes_, {});
  const Epoch read = pinned_.value_or(least_epoch_);
  end_block();
  if (failed) return std::string("ROLLBACK");
  std::vector<TableWrite> writes;
  for (const auto& [table, change] : changes) {
    if (!change.empty()) writes.push_back({change.table(), change.changelog(), change.has_read(), change.has_read()});
  }
  if (writes.empty()) return std::string("COMMIT");
  PENSTOCK_TRY(const CatalogView now, catalog());
  const bool accepted = variables_.dml_acknowledged_when_accepted();
  PENSTOCK_TRY(const Committed done, commit_writes(services_, now, writes, read, accepted, cancelled_));
  if (done.conflict) return serialization_failure();
  if (!accepted) least_epoch_ = std::max(least_epoch_, done.epoch);
  return std::string("COMMIT");
}

}  // namespace penstock::frontend
