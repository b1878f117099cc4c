#include "frontend/session.h"

#include "common/version.h"
#include "connector/source/catalog_spec.h"
#include "frontend/ddl.h"
#include "frontend/dml.h"
#include "frontend/plan_executor.h"
#include "frontend/planner/planner.h"
#include "frontend/session_variables.h"
#include "frontend/show.h"
#include "frontend/transaction.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kDdlTimeout = std::chrono::hours(24);
constexpr runtime::Duration kApplyTimeout = std::chrono::seconds(30);
constexpr runtime::Duration kReadRetry = std::chrono::seconds(5);
constexpr runtime::Duration kConflictRetry = std::chrono::seconds(30);
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
  [[nodiscard]] Status not_failed(const Statement& statement) const;
  [[nodiscard]] Status allowed_now(const BoundStatement& statement) const;

  Result<std::string> run(const Query& query, Run run);
  Result<std::string> run(const CreateSource& create, Run run);
  Result<std::string> run(const CreateJob& create, Run run);
  Result<std::string> run(const CreateDatabase& create, Run run);
  Result<std::string> run(const Drop& drop, Run run);
  Result<std::string> run(const DropDatabase& drop, Run run);
  Result<std::string> run(const Alter& alter, Run run);
  Result<std::string> run(const ast::CancelJobs& cancel, Run run);
  Result<std::string> run(const ast::WaitForJobs& wait, Run run);
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
  Status insert_rows(const pb::CatalogObject& table, data::DataChunk rows, const CatalogView& catalog);
  struct Change {
    data::StreamChunk rows;
    size_t count = 0;  // of rows that the statement says it has changed
  };
  /// The rows to change, as of what `read_all` read last.
  using Reads = std::function<Result<Change>(const CatalogView&)>;
  [[nodiscard]] Result<size_t> change_read_rows(const pb::CatalogObject& table, const Reads& reads);
  [[nodiscard]] TableChanges& changes_of(const pb::CatalogObject& table);
  Status stream_rows(const batch_plan::Plan& plan, const CatalogView& catalog, ResultSink& sink);
  Result<data::DataChunk> read_all(const batch_plan::Plan& plan, const CatalogView& catalog);
  Status wait_for_newer_than(Epoch epoch);
  Status wait_for_epoch(Epoch epoch);
  Status wait_for_catalog(uint64_t version);

  const SessionServices services_;
  const SessionIdentity identity_;
  SessionVariables variables_;
  TransactionStatus transaction_ = TransactionStatus::Idle;
  Epoch least_epoch_;  // what the session was told is committed: reads are never older
  std::vector<std::string> notices_;
  CancelFlag cancelled_{false};

  Epoch last_read_;  // as of which the last query read

  /// Of a transaction block: what it has changed, applied at COMMIT, and the epoch that all of it reads.
  std::map<ObjectId, TableChanges> changes_;
  std::optional<Epoch> pinned_;
  void end_block() {
    changes_.clear();
    pinned_.reset();
  }
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
  settings.allow_stale_reads = variables_.allow_stale_reads();
  settings.backfill_rate_limit = variables_.backfill_rate_limit();
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
  } else if (std::holds_alternative<ast::CancelJobs>(bound.body)) {
    columns = {{"id", data::TypeKind::Int32}};
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
  PENSTOCK_TRY(not_failed(*prepared->statement));
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
  PENSTOCK_TRY(not_failed(*prepared.statement));
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

Status Session::not_failed(const Statement& statement) const {
  if (transaction_ != TransactionStatus::Failed || std::holds_alternative<ast::Transaction>(statement.body)) return ok();
  return error(Code::FailedTransaction, "current transaction is aborted, commands ignored until end of transaction block");
}

Status Session::allowed_now(const BoundStatement& statement) const {
  if (transaction_ != TransactionStatus::InBlock) return ok();
  const auto is = [&]<typename... T>(std::type_identity<T>...) { return (std::holds_alternative<T>(statement.body) || ...); };
  if (is(std::type_identity<CreateSource>(), std::type_identity<CreateJob>(), std::type_identity<CreateDatabase>(),
         std::type_identity<Drop>(), std::type_identity<DropDatabase>(), std::type_identity<Alter>(), std::type_identity<ast::CancelJobs>(),
         std::type_identity<Flush>(), std::type_identity<WaitForSource>(), std::type_identity<ast::WaitForJobs>())) {
    return error(Code::ActiveTransaction, "{} cannot run inside a transaction block", statement.tag);
  }
  return ok();
}

void Session::on_error() {
  if (transaction_ == TransactionStatus::InBlock) {
    transaction_ = TransactionStatus::Failed;
    end_block();
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
    const Epoch newest = status == view->databases.end() ? Epoch{0} : status->second.committed;
    if (transaction_ == TransactionStatus::InBlock && !pinned_ && newest >= least_epoch_) pinned_ = newest;
    const Epoch committed = pinned_.value_or(newest);
    bool sent = false;
    const auto attempt = [&]() -> Status {
      const ExecutionContext context{services_.runtime, services_.loop, services_.transport,         services_.meta, catalog,
                                     committed,         cancelled_,     !variables_.strict_select(), &changes_};
      PENSTOCK_TRY(const auto root, build_operators(plan, context));
      for (;;) {
        PENSTOCK_TRY(const auto chunk, root->next());
        if (!chunk) return ok();
        sent = true;
        PENSTOCK_TRY(sink.rows(*chunk));
      }
    };
    Status done = !pinned_ && committed < least_epoch_ ? Status(error(Code::SnapshotTooOld, "epoch {} is not known here yet", least_epoch_))
                                                       : attempt();
    if (done.has_value()) {
      least_epoch_ = std::max(least_epoch_, committed);
      last_read_ = committed;
    }
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
  uint64_t token = 0;
  services_.runtime.random_bytes(&token, sizeof(token));
  request.mutable_object()->set_creation(token);
  auto answer = services_.meta.call("/penstock.Meta/CreateObject", request.SerializeAsString(), kDdlTimeout, &cancelled_);
  if (answer.has_error() && cancelled_) {
    const auto created = ddl::cancel_creation(token, services_.meta);
    if (created.has_error()) {
      return error(Code::Cancelled, "canceling statement due to user request")
          .with_detail(fmt::format("Whether \"{}\" is being created is not known: {}", object.name(), created.error().message()))
          .with_hint("SHOW JOBS lists it then, CANCEL JOBS cancels it.");
    }
    if (!created.value()) return answer.error();
    cancelled_ = false;  // too late
    return wait_for_catalog(*created.value());
  }
  PENSTOCK_TRY(const auto created, decode<pb::CreateObjectResponse>(std::move(answer)));
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

Result<std::string> Session::run(const DropDatabase& drop, Run run) {
  PENSTOCK_TRY(const uint64_t version, ddl::drop_database(drop, {services_.meta, cancelled_}));
  PENSTOCK_TRY(wait_for_catalog(version));
  return run.tag;
}

Result<std::string> Session::run(const Alter& alter, Run run) {
  PENSTOCK_TRY(const uint64_t version, ddl::alter(alter, {services_.meta, cancelled_}));
  PENSTOCK_TRY(wait_for_catalog(version));
  return run.tag;
}

Result<std::string> Session::run(const ast::CancelJobs& cancel, Run run) {
  PENSTOCK_TRY(const auto cancelled, ddl::cancel_jobs(cancel.ids, {services_.meta, cancelled_}));
  data::ColumnBuilder<int32_t> ids(data::TypeKind::Int32, cancelled.size());
  for (const uint32_t id : cancelled) ids.append(static_cast<int32_t>(id));
  if (!cancelled.empty()) {
    PENSTOCK_TRY(run.sink.rows(data::DataChunk({ids.finish()}, cancelled.size())));
  }
  return run.tag;
}

Result<std::string> Session::run(const ast::WaitForJobs&, Run run) {
  PENSTOCK_TRY(ddl::wait_for_jobs(identity_.database_id, {services_.meta, cancelled_}));
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

TableChanges& Session::changes_of(const pb::CatalogObject& table) {
  return changes_.try_emplace(ObjectId{table.id()}, table).first->second;
}

// Rows of a table without declared key meet no other row: they need nobody's leave.
Status Session::insert_rows(const pb::CatalogObject& table, data::DataChunk rows, const CatalogView& catalog) {
  if (rows.rows() == 0) return ok();
  if (transaction_ == TransactionStatus::InBlock) {
    changes_of(table).insert(rows);
    return ok();
  }
  const bool accepted = variables_.dml_acknowledged_when_accepted();
  if (accepted || table.pk_columns().empty()) {
    PENSTOCK_TRY(const Epoch epoch, write_rows(services_, catalog, table, data::StreamChunk(std::move(rows)), accepted, cancelled_));
    if (!accepted) least_epoch_ = std::max(least_epoch_, epoch);
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
Result<size_t> Session::change_read_rows(const pb::CatalogObject& table, const Reads& reads) {
  const runtime::TimePoint deadline = services_.runtime.now() + kConflictRetry;
  auto turn = services_.table_locks.of(ObjectId{table.id()});
  for (;;) {
    PENSTOCK_TRY(const CatalogView now, catalog());
    last_read_ = least_epoch_;
    PENSTOCK_TRY(Change change, reads(now));
    if (change.rows.rows() == 0) return change.count;
    const bool accepted = variables_.dml_acknowledged_when_accepted();
    PENSTOCK_TRY(const Committed done,
                 commit_writes(services_, now, {{table, std::move(change.rows), true}}, last_read_, accepted, cancelled_));
    if (!done.conflict) {
      if (!accepted) least_epoch_ = std::max(least_epoch_, done.epoch);
      return change.count;
    }
    if (services_.runtime.now() > deadline) return serialization_failure();
    if (!turn.owns_lock()) turn.lock();
    PENSTOCK_TRY(wait_for_newer_than(last_read_));
  }
}

Result<std::string> Session::run(const Insert& insert, Run run) {
  PENSTOCK_TRY(data::DataChunk rows, read_all(*insert.rows, run.catalog));
  PENSTOCK_TRY(check_not_null(insert.table, rows, 0));
  const size_t count = rows.rows();
  PENSTOCK_TRY(insert_rows(insert.table, std::move(rows), run.catalog));
  return fmt::format("INSERT 0 {}", count);
}

Result<std::string> Session::run(const Update& update, Run run) {
  const auto width = static_cast<size_t>(update.table.columns_size());
  const auto rows_of = [&](const CatalogView& now) -> Result<data::DataChunk> {
    PENSTOCK_TRY(data::DataChunk rows, read_all(*update.rows, now));
    PENSTOCK_TRY(check_not_null(update.table, rows, width));
    return rows;
  };
  size_t count = 0;
  if (transaction_ == TransactionStatus::InBlock) {
    PENSTOCK_TRY(const data::DataChunk rows, rows_of(run.catalog));
    changes_of(update.table).update(rows);
    count = rows.rows();
  } else {
    PENSTOCK_TRY(count, change_read_rows(update.table, [&](const CatalogView& now) -> Result<Change> {
                   PENSTOCK_TRY(const data::DataChunk rows, rows_of(now));
                   return Change{update_pairs(rows, width), rows.rows()};
                 }));
  }
  return fmt::format("UPDATE {}", count);
}

Result<std::string> Session::run(const Delete& remove, Run run) {
  size_t count = 0;
  if (transaction_ == TransactionStatus::InBlock) {
    PENSTOCK_TRY(const data::DataChunk rows, read_all(*remove.rows, run.catalog));
    changes_of(remove.table).remove(rows);
    count = rows.rows();
  } else {
    PENSTOCK_TRY(count, change_read_rows(remove.table, [&](const CatalogView& now) -> Result<Change> {
                   PENSTOCK_TRY(data::DataChunk rows, read_all(*remove.rows, now));
                   const size_t rows_read = rows.rows();
                   return Change{with_op(std::move(rows), data::Op::Delete), rows_read};
                 }));
  }
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
  PENSTOCK_TRY(const Committed done, commit_writes(services_, now, std::move(writes), read, accepted, cancelled_));
  if (done.conflict) return serialization_failure();
  if (!accepted) least_epoch_ = std::max(least_epoch_, done.epoch);
  return std::string("COMMIT");
}

}  // namespace

std::unique_ptr<SqlSession> make_session(const SessionServices& services, SessionIdentity identity) {
  return std::make_unique<Session>(services, std::move(identity));
}

}  // namespace penstock::frontend
