#include "frontend/session.h"

#include "common/version.h"
#include "connector/source/catalog_spec.h"
#include "frontend/dml.h"
#include "frontend/plan_executor.h"
#include "frontend/planner/planner.h"
#include "frontend/session_variables.h"
#include "frontend/show.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kDdlTimeout = std::chrono::hours(24);
constexpr runtime::Duration kApplyTimeout = std::chrono::seconds(30);
constexpr runtime::Duration kReadRetry = std::chrono::seconds(5);
constexpr runtime::Duration kReadPause = std::chrono::milliseconds(20);

struct Parsed : ParsedStatement {
  std::shared_ptr<const Statement> statement;  // shared with what is prepared of it
};
struct Prepared : PreparedStatement {
  std::shared_ptr<const Statement> statement;  // shared with the parsed form and other preparations
  std::vector<data::DataType> types;
  std::vector<ResultColumn> result;
  const std::vector<data::DataType>& parameters() const override { return types; }
  const std::vector<ResultColumn>& columns() const override { return result; }
};

struct CountingSink : ResultSink {
  explicit CountingSink(ResultSink& to) : to(to) {}
  Status rows(const data::DataChunk& chunk) override {
    count += chunk.rows();
    return to.rows(chunk);
  }
  ResultSink& to;
  uint64_t count = 0;
};

class Session : public SqlSession {
 public:
  Session(const SessionServices& services, SessionIdentity identity) : services_(services), identity_(std::move(identity)) {}

  Result<std::vector<std::unique_ptr<ParsedStatement>>> parse(std::string_view sql) override;
  Result<std::unique_ptr<PreparedStatement>> prepare(const ParsedStatement& statement,
                                                     std::vector<std::optional<data::DataType>> types) override;
  Result<std::string> execute(const PreparedStatement& statement, const std::vector<std::optional<std::string>>& parameters,
                              ResultSink& sink) override;
  TransactionStatus transaction_status() const override { return transaction_; }
  void on_error() override;
  std::vector<std::string> take_notices() override { return std::exchange(notices_, {}); }
  void cancel() override {
    cancelled_ = true;
    services_.meta.wake_all();
  }

 private:
  struct Run {
    const CatalogView& catalog;
    const std::string& tag;
    ResultSink& sink;
  };

  [[nodiscard]] Result<CatalogView> catalog();
  [[nodiscard]] SessionSettings settings() const;
  [[nodiscard]] Status allowed_now(const BoundStatement& statement) const;

  Result<std::string> run(const Query& query, Run run);
  Result<std::string> run(const CreateSource& create, Run run);
  Result<std::string> run(const CreateJob& create, Run run);
  Result<std::string> run(const CreateDatabase& create, Run run);
  Result<std::string> run(const Drop& drop, Run run);
  Result<std::string> run(const AlterParallelism& alter, Run run);
  Result<std::string> run(const Insert& insert, Run run);
  Result<std::string> run(const Update& update, Run run);
  Result<std::string> run(const Delete& remove, Run run);
  Result<std::string> run(const Explain& explain, Run run);
  Result<std::string> run(const Show& show, Run run);
  Result<std::string> run(const ast::SetVariable& set, Run run);
  Result<std::string> run(const ast::ResetVariable& reset, Run run);
  Result<std::string> run(const Flush& flush, Run run);
  Result<std::string> run(const WaitForSource& wait, Run run);
  Result<std::string> run(const ast::Transaction& transaction, Run run);
  Result<std::string> run(const Skip& skip, Run run);

  Status create(const pb::CatalogObject& object, const pb::FragmentGraph* graph, bool if_not_exists);
  Result<std::string> commit();
  Result<std::string> write(const pb::CatalogObject& table, data::StreamChunk rows, const CatalogView& catalog);
  Status stream_rows(const batch_plan::Plan& plan, const CatalogView& catalog, ResultSink& sink);
  Result<data::DataChunk> read_all(const batch_plan::Plan& plan, const CatalogView& catalog);
  Status wait_for_epoch(Epoch epoch);
  Status wait_for_catalog(uint64_t version);

  const SessionServices services_;
  const SessionIdentity identity_;
  SessionVariables variables_;
  TransactionStatus transaction_ = TransactionStatus::Idle;
  Epoch least_epoch_;  // what the session was told is committed: reads are never older
  std::vector<std::string> notices_;
  CancelFlag cancelled_{false};

  /// Rows of a transaction block, applied at COMMIT.
  struct Pending {
    pb::CatalogObject table;
    std::vector<data::DataChunk> chunks;
  };
  std::optional<Pending> pending_;
};

// ---- parse, prepare, execute --------------------------------------------------------------------------------------------------------

Result<std::vector<std::unique_ptr<ParsedStatement>>> Session::parse(std::string_view sql) {
  PENSTOCK_TRY(auto statements, frontend::parse(sql));
  std::vector<std::unique_ptr<ParsedStatement>> out;
  for (Statement& statement : statements) {
    auto parsed = std::make_unique<Parsed>();
    parsed->statement = std::make_shared<const Statement>(std::move(statement));
    out.push_back(std::move(parsed));
  }
  return out;
}

Result<CatalogView> Session::catalog() {
  PENSTOCK_TRY(const MetaViewPtr view, services_.meta.wait([](const MetaView&) { return true; }, kApplyTimeout, &cancelled_, "meta"));
  return CatalogView(view, identity_.database_id);
}

SessionSettings Session::settings() const {
  SessionSettings settings;
  settings.database = identity_.database;
  settings.database_id = identity_.database_id.value;
  settings.user = identity_.user;
  settings.version = fmt::format("PostgreSQL 15.0 (Penstock {})", kVersion);
  settings.now_micros = services_.runtime.unix_micros();
  settings.streaming_parallelism = variables_.streaming_parallelism();
  settings.source_rate_limit = variables_.source_rate_limit();
  settings.variables = variables_.all();
  return settings;
}

std::vector<ResultColumn> columns_of(const BoundStatement& bound) {
  std::vector<ResultColumn> columns;
  if (const auto* query = std::get_if<Query>(&bound.body)) {
    for (const data::Field& field : query->columns) columns.push_back({field.name, field.type});
  } else if (const auto* show = std::get_if<Show>(&bound.body)) {
    columns = show_columns(*show);
  } else if (std::holds_alternative<Explain>(bound.body)) {
    columns = {{"QUERY PLAN", data::TypeKind::Varchar}};
  } else if (std::holds_alternative<Flush>(bound.body)) {
    columns = {{"epoch", data::TypeKind::Int64}};
  }
  return columns;
}

Result<std::unique_ptr<PreparedStatement>> Session::prepare(const ParsedStatement& statement,
                                                            std::vector<std::optional<data::DataType>> types) {
  cancelled_ = false;
  auto prepared = std::make_unique<Prepared>();
  prepared->statement = static_cast<const Parsed&>(statement).statement;
  PENSTOCK_TRY(const CatalogView view, catalog());
  Parameters parameters{.types = std::move(types), .values = std::nullopt};
  PENSTOCK_TRY(const BoundStatement bound, bind(*prepared->statement, view, settings(), parameters));
  for (const auto& type : parameters.types) prepared->types.push_back(type.value_or(data::TypeKind::Varchar));
  prepared->result = columns_of(bound);
  return prepared;
}

Result<std::string> Session::execute(const PreparedStatement& statement, const std::vector<std::optional<std::string>>& values,
                                     ResultSink& sink) {
  cancelled_ = false;
  const auto& prepared = static_cast<const Prepared&>(statement);
  PENSTOCK_TRY(const CatalogView view, catalog());
  Parameters parameters;
  parameters.types.assign(prepared.types.begin(), prepared.types.end());
  parameters.values = values;
  PENSTOCK_TRY(BoundStatement bound, bind(*prepared.statement, view, settings(), parameters));
  notices_.insert(notices_.end(), bound.notices.begin(), bound.notices.end());
  PENSTOCK_TRY(allowed_now(bound));
  runtime::Timer timeout;
  if (const int64_t ms = variables_.statement_timeout_ms(); ms > 0) {
    timeout = services_.runtime.after(std::chrono::milliseconds(ms), services_.loop, [this] { cancel(); });
  }
  return std::visit([&](const auto& body) { return run(body, {view, bound.tag, sink}); }, bound.body);
}

Status Session::allowed_now(const BoundStatement& statement) const {
  if (transaction_ == TransactionStatus::Failed && !std::holds_alternative<ast::Transaction>(statement.body)) {
    return error(Code::FailedTransaction, "current transaction is aborted, commands ignored until end of transaction block");
  }
  if (transaction_ != TransactionStatus::InBlock) return ok();
  const auto is = [&]<typename... T>(std::type_identity<T>...) { return (std::holds_alternative<T>(statement.body) || ...); };
  if (is(std::type_identity<CreateSource>(), std::type_identity<CreateJob>(), std::type_identity<CreateDatabase>(),
         std::type_identity<Drop>(), std::type_identity<AlterParallelism>(), std::type_identity<Flush>(),
         std::type_identity<WaitForSource>())) {
    return error(Code::ActiveTransaction, "{} cannot run inside a transaction block", statement.tag);
  }
  if (is(std::type_identity<Update>(), std::type_identity<Delete>())) {
    return error(Code::NotSupported, "{} inside a transaction block is not supported", statement.tag)
        .with_hint("Run it outside of BEGIN … COMMIT.");
  }
  if (pending_ && is(std::type_identity<Query>())) {
    return error(Code::NotSupported, "a query after an INSERT in the same transaction block is not supported: it would not see the rows")
        .with_hint("COMMIT first.");
  }
  return ok();
}

void Session::on_error() {
  if (transaction_ == TransactionStatus::InBlock) {
    transaction_ = TransactionStatus::Failed;
    pending_.reset();
  }
}

// ---- reading ------------------------------------------------------------------------------------------------------------------------

Status Session::wait_for_epoch(Epoch epoch) {
  least_epoch_ = std::max(least_epoch_, epoch);
  PENSTOCK_TRY(services_.meta.wait(
      [&](const MetaView& view) {
        const auto status = view.databases.find(identity_.database_id);
        return status != view.databases.end() && status->second.committed >= least_epoch_;
      },
      kApplyTimeout, &cancelled_, fmt::format("epoch {}", least_epoch_)));
  return ok();
}

// While the cluster recovers a node may not answer yet: as long as no row was sent, another try is invisible.
Status Session::stream_rows(const batch_plan::Plan& plan, const CatalogView& bound_catalog, ResultSink& sink) {
  const runtime::TimePoint deadline = services_.runtime.now() + kReadRetry;
  const auto pause = services_.runtime.make_waiter();
  for (MetaViewPtr view = bound_catalog.meta_ptr();; view = services_.meta.view()) {
    const CatalogView catalog(view, identity_.database_id);
    const auto status = view->databases.find(identity_.database_id);
    const Epoch committed = status == view->databases.end() ? Epoch{0} : status->second.committed;
    bool sent = false;
    const auto attempt = [&]() -> Status {
      const ExecutionContext context{services_.runtime, services_.loop, services_.transport, services_.meta,
                                     catalog,           committed,      cancelled_,          !variables_.strict_select()};
      PENSTOCK_TRY(const auto root, build_operators(plan, context));
      for (;;) {
        PENSTOCK_TRY(const auto chunk, root->next());
        if (!chunk) return ok();
        sent = true;
        PENSTOCK_TRY(sink.rows(*chunk));
      }
    };
    Status done =
        committed < least_epoch_ ? Status(error(Code::SnapshotTooOld, "epoch {} is not known here yet", least_epoch_)) : attempt();
    if (done.has_value()) least_epoch_ = std::max(least_epoch_, committed);
    const bool transient =
        done.has_error() && !sent &&
        (done.error().code() == Code::Unavailable || done.error().code() == Code::SnapshotTooOld || done.error().code() == Code::Closed);
    if (!transient || cancelled_ || services_.runtime.now() > deadline) {
      if (done.has_error() && done.error().code() == Code::Closed)
        return error(Code::Unavailable, "a node went away: {}", done.error().message());
      return done;
    }
    (void)pause->wait_for(kReadPause);
  }
}

Result<data::DataChunk> Session::read_all(const batch_plan::Plan& plan, const CatalogView& catalog) {
  struct Keep : ResultSink {
    std::vector<data::DataChunk> chunks;
    Status rows(const data::DataChunk& chunk) override {
      chunks.push_back(chunk);
      return ok();
    }
  } keep;
  PENSTOCK_TRY(stream_rows(plan, catalog, keep));
  std::vector<data::DataType> types;
  for (const data::Field& field : plan.fields) types.push_back(field.type);
  return batch::concat_chunks(keep.chunks, types);
}

Result<std::string> Session::run(const Query& query, Run run) {
  CountingSink counted(run.sink);
  PENSTOCK_TRY(stream_rows(*query.plan, run.catalog, counted));
  return fmt::format("SELECT {}", counted.count);
}

Result<std::string> Session::run(const Explain& explain, Run run) {
  data::ColumnBuilder<data::Text> builder(data::TypeKind::Varchar, explain.lines.size());
  for (const std::string& line : explain.lines) builder.append(std::string_view(line));
  PENSTOCK_TRY(run.sink.rows(data::DataChunk({builder.finish()}, explain.lines.size())));
  return run.tag;
}

Result<std::string> Session::run(const Show& show, Run run) {
  PENSTOCK_TRY(const data::DataChunk rows, show_rows(show, run.catalog, variables_, services_.meta, cancelled_));
  if (rows.rows() > 0) {
    PENSTOCK_TRY(run.sink.rows(rows));
  }
  return run.tag;
}

// ---- definitions --------------------------------------------------------------------------------------------------------------------

Status Session::wait_for_catalog(uint64_t version) {
  PENSTOCK_TRY(services_.meta.wait([&](const MetaView& view) { return view.catalog->version() >= version; }, kApplyTimeout, &cancelled_,
                                   "the catalog"));
  return ok();
}

template <typename Response>
Result<Response> decode(Result<rpc::Bytes> bytes) {
  if (bytes.has_error()) return bytes.error();
  Response response;
  if (!response.ParseFromString(bytes.value()))
    return error(Code::Protocol, "meta answered with bytes that are no {}", response.GetTypeName());
  return response;
}

Status Session::create(const pb::CatalogObject& object, const pb::FragmentGraph* graph, bool if_not_exists) {
  pb::CreateObjectRequest request;
  *request.mutable_object() = object;
  if (graph != nullptr) *request.mutable_graph() = *graph;
  request.set_if_not_exists(if_not_exists);
  request.set_background(variables_.background_ddl());
  PENSTOCK_TRY(const auto created, decode<pb::CreateObjectResponse>(services_.meta.call(
                                       "/penstock.Meta/CreateObject", request.SerializeAsString(), kDdlTimeout, &cancelled_)));
  if (created.existed()) notices_.push_back(fmt::format("relation \"{}\" already exists, skipping", object.name()));
  return wait_for_catalog(created.catalog_version());
}

Result<std::string> Session::run(const CreateSource& source, Run run) {
  PENSTOCK_TRY(connector::validate_source(connector::spec_of(source.object)));
  PENSTOCK_TRY(create(source.object, nullptr, source.if_not_exists));
  return run.tag;
}

Result<std::string> Session::run(const CreateJob& job, Run run) {
  PENSTOCK_TRY(create(job.object, &job.graph, job.if_not_exists));
  return run.tag;
}

Result<std::string> Session::run(const CreateDatabase& database, Run run) {
  pb::CreateDatabaseRequest request;
  request.set_name(database.name);
  request.set_if_not_exists(database.if_not_exists);
  request.set_barrier_interval_ms(database.barrier_interval_ms);
  request.set_checkpoint_frequency(database.checkpoint_frequency);
  PENSTOCK_TRY(const auto created, decode<pb::CreateDatabaseResponse>(services_.meta.call(
                                       "/penstock.Meta/CreateDatabase", request.SerializeAsString(), kDdlTimeout, &cancelled_)));
  PENSTOCK_TRY(wait_for_catalog(created.catalog_version()));
  return run.tag;
}

Result<std::string> Session::run(const Drop& drop, Run run) {
  for (const Drop::Target& target : drop.targets) {
    pb::DropObjectRequest request;
    request.set_object_id(target.id);
    request.set_cascade(drop.cascade);
    PENSTOCK_TRY(const auto dropped, decode<pb::DropObjectResponse>(services_.meta.call(
                                         "/penstock.Meta/DropObject", request.SerializeAsString(), kDdlTimeout, &cancelled_)));
    PENSTOCK_TRY(wait_for_catalog(dropped.catalog_version()));
  }
  return run.tag;
}

Result<std::string> Session::run(const AlterParallelism& alter, Run run) {
  pb::AlterParallelismRequest request;
  request.set_object_id(alter.object_id);
  request.set_parallelism(alter.parallelism);
  PENSTOCK_TRY(decode<pb::AlterParallelismResponse>(
      services_.meta.call("/penstock.Meta/AlterParallelism", request.SerializeAsString(), kDdlTimeout, &cancelled_)));
  return run.tag;
}

Result<std::string> Session::run(const Flush&, Run run) {
  pb::FlushRequest request;
  request.set_database_id(identity_.database_id.value);
  // While the disk is low a checkpoint goes through; when it is full nobody knows how long it takes.
  const auto disk_has_room = [this]() -> Status {
    const MetaViewPtr view = services_.meta.view();
    const auto status = view->databases.find(identity_.database_id);
    if (status == view->databases.end() || !status->second.disk_full) return ok();
    return error(Code::DiskFull, "the checkpoint waits for space: {}", status->second.disk_low)
        .with_hint("What was written before stays and is committed once there is space; run FLUSH again then.");
  };
  PENSTOCK_TRY(const auto flushed, decode<pb::FlushResponse>(services_.meta.call("/penstock.Meta/Flush", request.SerializeAsString(),
                                                                                 kDdlTimeout, &cancelled_, disk_has_room)));
  PENSTOCK_TRY(wait_for_epoch(Epoch{flushed.committed_epoch()}));
  PENSTOCK_TRY(run.sink.rows(
      data::DataChunk({data::Column::constant(data::TypeKind::Int64, static_cast<int64_t>(flushed.committed_epoch()), 1)}, 1)));
  return run.tag;
}

Result<std::string> Session::run(const WaitForSource& wait, Run run) {
  pb::WaitForSourceRequest request;
  request.set_source_id(wait.source_id);
  PENSTOCK_TRY(const auto done, decode<pb::WaitForSourceResponse>(services_.meta.call(
                                    "/penstock.Meta/WaitForSource", request.SerializeAsString(), kDdlTimeout, &cancelled_)));
  PENSTOCK_TRY(wait_for_epoch(Epoch{done.committed_epoch()}));
  return run.tag;
}

// ---- rows ---------------------------------------------------------------------------------------------------------------------------

Status check_not_null(const pb::CatalogObject& table, const data::DataChunk& rows, size_t first_column) {
  for (int i = 0; i < table.columns_size(); ++i) {
    const pb::Column& column = table.columns(i);
    const bool key = std::ranges::find(table.pk_columns(), static_cast<uint32_t>(i)) != table.pk_columns().end();
    if ((!column.not_null() && !key) || column.hidden()) continue;
    const data::Column& values = rows.column(first_column + static_cast<size_t>(i));
    for (size_t row = 0; row < rows.rows() && values.validity() != nullptr; ++row) {
      if (!values.is_null(row)) continue;
      return error(Code::NotNullViolation, "null value in column \"{}\" of relation \"{}\" violates not-null constraint", column.name(),
                   table.name());
    }
  }
  return ok();
}

data::StreamChunk with_op(data::DataChunk rows, data::Op op) {
  const size_t count = rows.rows();
  return {std::move(rows), std::make_shared<const std::vector<data::Op>>(count, op)};
}

// (old row, new row) pairs as update pairs, one after another.
data::StreamChunk update_pairs(const data::DataChunk& both, size_t width) {
  std::vector<uint32_t> twice;
  std::vector<data::Op> ops;
  for (uint32_t row = 0; row < both.rows(); ++row) {
    twice.insert(twice.end(), {row, static_cast<uint32_t>(both.rows()) + row});
    ops.insert(ops.end(), {data::Op::UpdateDelete, data::Op::UpdateInsert});
  }
  std::vector<data::Column> columns;
  for (size_t i = 0; i < width; ++i)
    columns.push_back(data::concat(std::vector<data::Column>{both.column(i), both.column(width + i)}).gather(twice));
  return {data::DataChunk(std::move(columns), twice.size()), std::make_shared<const std::vector<data::Op>>(std::move(ops))};
}

Result<std::string> Session::write(const pb::CatalogObject& table, data::StreamChunk rows, const CatalogView& catalog) {
  if (rows.rows() == 0) return std::string();
  const bool accepted = variables_.dml_acknowledged_when_accepted();
  PENSTOCK_TRY(const Epoch epoch, write_rows(services_, catalog, table, rows, accepted, cancelled_));
  if (!accepted) least_epoch_ = std::max(least_epoch_, epoch);
  return std::string();
}

Result<std::string> Session::run(const Insert& insert, Run run) {
  PENSTOCK_TRY(data::DataChunk rows, read_all(*insert.rows, run.catalog));
  PENSTOCK_TRY(check_not_null(insert.table, rows, 0));
  const std::string tag = fmt::format("INSERT 0 {}", rows.rows());
  if (transaction_ == TransactionStatus::InBlock) {
    if (pending_ && pending_->table.id() != insert.table.id()) {
      return error(Code::NotSupported, "a transaction that writes to two tables (\"{}\" and \"{}\") is not supported",
                   pending_->table.name(), insert.table.name());
    }
    if (!pending_) pending_ = Pending{insert.table, {}};
    pending_->chunks.push_back(std::move(rows));
    return tag;
  }
  PENSTOCK_TRY(write(insert.table, data::StreamChunk(std::move(rows)), run.catalog));
  return tag;
}

Result<std::string> Session::run(const Update& update, Run run) {
  auto lock = services_.table_locks.of(ObjectId{update.table.id()});
  lock.lock();
  PENSTOCK_TRY(const CatalogView now, catalog());
  PENSTOCK_TRY(const data::DataChunk rows, read_all(*update.rows, now));
  const auto width = static_cast<size_t>(update.table.columns_size());
  PENSTOCK_TRY(check_not_null(update.table, rows, width));
  PENSTOCK_TRY(write(update.table, update_pairs(rows, width), run.catalog));
  return fmt::format("UPDATE {}", rows.rows());
}

Result<std::string> Session::run(const Delete& remove, Run run) {
  auto lock = services_.table_locks.of(ObjectId{remove.table.id()});
  lock.lock();
  PENSTOCK_TRY(const CatalogView now, catalog());
  PENSTOCK_TRY(data::DataChunk rows, read_all(*remove.rows, now));
  const size_t count = rows.rows();
  PENSTOCK_TRY(write(remove.table, with_op(std::move(rows), data::Op::Delete), run.catalog));
  return fmt::format("DELETE {}", count);
}

// ---- the session itself -------------------------------------------------------------------------------------------------------------

Result<std::string> Session::run(const ast::SetVariable& set, Run run) {
  PENSTOCK_TRY(variables_.set(set.name, set.value));
  return run.tag;
}

Result<std::string> Session::run(const ast::ResetVariable& reset, Run run) {
  PENSTOCK_TRY(variables_.reset(reset.name));
  return run.tag;
}

Result<std::string> Session::run(const Skip&, Run run) { return run.tag; }

Result<std::string> Session::run(const ast::Transaction& transaction, Run) {
  switch (transaction.kind) {
    case ast::TransactionKind::Begin:
      if (transaction_ == TransactionStatus::Idle) {
        transaction_ = TransactionStatus::InBlock;
      } else {
        notices_.emplace_back("there is already a transaction in progress");
      }
      return std::string("BEGIN");
    case ast::TransactionKind::Commit:
      return commit();
    case ast::TransactionKind::Rollback:
      transaction_ = TransactionStatus::Idle;
      pending_.reset();
      return std::string("ROLLBACK");
  }
  return std::string();
}

// The rows of a block go to one table, so to one actor and one epoch: all of them or none.
Result<std::string> Session::commit() {
  const bool failed = transaction_ == TransactionStatus::Failed;
  if (transaction_ == TransactionStatus::Idle) notices_.emplace_back("there is no transaction in progress");
  transaction_ = TransactionStatus::Idle;
  const auto pending = std::exchange(pending_, std::nullopt);
  if (failed) return std::string("ROLLBACK");
  if (!pending) return std::string("COMMIT");
  std::vector<data::DataType> types;
  for (const data::Column& column : pending->chunks[0].columns()) types.push_back(column.type());
  PENSTOCK_TRY(const CatalogView now, catalog());
  PENSTOCK_TRY(write(pending->table, data::StreamChunk(batch::concat_chunks(pending->chunks, types)), now));
  return std::string("COMMIT");
}

}  // namespace

std::unique_ptr<SqlSession> make_session(const SessionServices& services, SessionIdentity identity) {
  return std::make_unique<Session>(services, std::move(identity));
}

}  // namespace penstock::frontend
