#include "common/version.h"
#include "expr/pause.h"
#include "frontend/dml_routes.h"
#include "frontend/plan_executor.h"
#include "frontend/session_impl.h"
#include "frontend/show.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kReadRetry = std::chrono::seconds(5);
constexpr runtime::Duration kReadPause = std::chrono::milliseconds(20);

bool reads_what_is(const batch_plan::Plan& plan, const CatalogView& catalog) {
  const auto* scan = std::get_if<batch_plan::Scan>(&plan.node);
  if (scan != nullptr && catalog.find(scan->object_id) == nullptr) return false;
  return std::ranges::all_of(plan.inputs, [&](const auto& input) { return reads_what_is(*input, catalog); });
}

struct CountingSink : ResultSink {
  explicit CountingSink(ResultSink& to) : to(to) {}
  Status rows(const data::DataChunk& chunk) override {
    count += chunk.rows();
    return to.rows(chunk);
  }
  ResultSink& to;
  uint64_t count = 0;
};

}  // namespace

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
  settings.order_backfills = variables_.order_backfills();
  settings.backfill_rate_limit = variables_.backfill_rate_limit();
  settings.variables = variables_.all();
  return settings;
}

namespace {

const Returning* returning_of(const BoundStatement& bound) {
  if (const auto* insert = std::get_if<Insert>(&bound.body)) return &insert->returning;
  if (const auto* update = std::get_if<Update>(&bound.body)) return &update->returning;
  if (const auto* remove = std::get_if<Delete>(&bound.body)) return &remove->returning;
  return nullptr;
}

}  // namespace

// Of a cursor only the session knows.
Result<std::vector<ResultColumn>> Session::columns_of(const BoundStatement& bound) const {
  std::vector<ResultColumn> columns;
  if (const auto* query = std::get_if<Query>(&bound.body)) {
    for (const data::Field& field : query->columns) columns.push_back({field.name, field.type});
  } else if (const auto* show = std::get_if<Show>(&bound.body)) {
    columns = show_columns(*show);
  } else if (const Returning* returning = returning_of(bound); returning != nullptr) {
    for (const data::Field& field : returning->fields) columns.push_back({field.name, field.type});
  } else if (std::holds_alternative<Explain>(bound.body)) {
    columns = {{"QUERY PLAN", data::TypeKind::Varchar}};
  } else if (const auto* fetch = std::get_if<FetchCursor>(&bound.body)) {
    PENSTOCK_TRY(const Cursor* const at, cursor(fetch->name));
    for (const data::Field& field : at->reader->fields()) columns.push_back({field.name, field.type});
  } else if (std::holds_alternative<ast::CancelJobs>(bound.body)) {
    columns = {{"id", data::TypeKind::Int32}};
  } else if (std::holds_alternative<Flush>(bound.body)) {
    columns = {{"epoch", data::TypeKind::Int64}};
  }
  return columns;
}

// What was made or altered through another frontend a moment ago may be unknown here, though its maker has been answered.
Result<Session::Bound> Session::bind_now(const ast::Statement& statement, Parameters& parameters) {
  for (bool last = false;; last = true) {
    PENSTOCK_TRY(CatalogView view, catalog());
    Parameters given = parameters;
    auto bound = bind(statement, view, settings(), given);
    const bool unknown =
        bound.has_error() && (bound.error().code() == Code::UndefinedTable || bound.error().code() == Code::UndefinedColumn);
    if (unknown && !last && hear_of_newer(view)) continue;
    PENSTOCK_TRY(auto body, std::move(bound));
    parameters = std::move(given);
    return Bound{std::move(view), std::move(body)};
  }
}

Result<std::unique_ptr<PreparedStatement>> Session::prepare(const ParsedStatement& statement,
                                                            std::vector<std::optional<data::DataType>> types) {
  cancelled_ = false;
  auto prepared = std::make_unique<Prepared>();
  prepared->statement = static_cast<const Parsed&>(statement).statement;
  PENSTOCK_TRY(not_failed(*prepared->statement));
  Parameters parameters{.types = std::move(types), .values = std::nullopt};
  PENSTOCK_TRY(const auto now, bind_now(*prepared->statement, parameters));
  const BoundStatement& bound = now.statement;
  for (const auto& type : parameters.types) prepared->types.push_back(type.value_or(data::TypeKind::Varchar));
  PENSTOCK_TRY(prepared->result, columns_of(bound));
  if (const auto* copy = std::get_if<Copy>(&bound.body)) prepared->copy_fields = static_cast<uint16_t>(copy->columns.size());
  return prepared;
}

// A view may get another query between binding and reading: then it is another table that is to be read, by the same name.
Result<std::string> Session::execute(const PreparedStatement& statement, const std::vector<std::optional<std::string>>& values,
                                     ResultSink& sink) {
  constexpr int kMostPlans = 10;
  cancelled_ = false;
  const auto& prepared = static_cast<const Prepared&>(statement);
  PENSTOCK_TRY(not_failed(*prepared.statement));
  for (int plans = 1;; ++plans) {
    plan_is_old_ = false;
    auto done = execute_once(prepared, values, sink);
    if (done.has_value() || !plan_is_old_ || plans == kMostPlans) return done;
  }
}

Result<std::string> Session::execute_once(const Prepared& prepared, const std::vector<std::optional<std::string>>& values,
                                          ResultSink& sink) {
  Parameters parameters;
  parameters.types.assign(prepared.types.begin(), prepared.types.end());
  parameters.values = values;
  PENSTOCK_TRY(const auto now, bind_now(*prepared.statement, parameters));
  const auto& [view, bound] = now;
  notices_.insert(notices_.end(), bound.notices.begin(), bound.notices.end());
  PENSTOCK_TRY(allowed_now(bound));
  PENSTOCK_TRY(still_fits(prepared, bound, view));
  runtime::Timer timeout;
  timed_out_ = false;
  if (const int64_t ms = variables_.statement_timeout_ms(); ms > 0) {
    timeout = services_.runtime.after(std::chrono::milliseconds(ms), services_.loop, [this] {
      timed_out_ = true;
      cancel();
    });
  }
  (void)expr::take_owed_pause();  // of a statement that failed
  auto done = std::visit([&](const auto& body) { return run(body, {view, bound.tag, sink}); }, bound.body);
  if (done.has_value()) {
    PENSTOCK_TRY(sleep_what_is_owed());  // by what is no SELECT
  } else if (done.error().code() == Code::Cancelled && timed_out_.exchange(false)) {
    return error(Code::Cancelled, "canceling statement due to statement timeout")
        .with_detail(done.error().detail())
        .with_hint(done.error().hint());
  }
  return done;
}

Status Session::sleep_what_is_owed() {
  const runtime::Duration pause(expr::take_owed_pause());
  if (pause == runtime::Duration::zero()) return ok();
  const auto slept = services_.meta.wait([](const MetaView&) { return false; }, pause, &cancelled_, "pg_sleep");
  return slept.error().code() == Code::Timeout ? ok() : Status(slept.error());
}

// Tables change their columns between statements, also of a block and of what was prepared.
Status Session::still_fits(const Prepared& prepared, const BoundStatement& bound, const CatalogView& catalog) const {
  if (std::holds_alternative<ast::Transaction>(bound.body)) return ok();
  for (const auto& [table, changes] : changes_) {
    PENSTOCK_TRY(check_shape(catalog, changes.table()));
  }
  const auto same = [](const ResultColumn& a, const ResultColumn& b) { return a.type == b.type; };
  PENSTOCK_TRY(const auto columns, columns_of(bound));
  if (std::ranges::equal(prepared.result, columns, same)) return ok();
  return error(Code::NotSupported, "cached plan must not change result type").with_hint("Prepare the statement again.");
}

Status Session::not_failed(const Statement& statement) const {
  if (transaction_ != TransactionStatus::Failed || std::holds_alternative<ast::Transaction>(statement.body)) return ok();
  return error(Code::FailedTransaction, "current transaction is aborted, commands ignored until end of transaction block");
}

Status Session::allowed_now(const BoundStatement& statement) const {
  if (transaction_ != TransactionStatus::InBlock) return ok();
  const auto is = [&]<typename... T>(std::type_identity<T>...) { return (std::holds_alternative<T>(statement.body) || ...); };
  if (is(std::type_identity<CreateSource>(), std::type_identity<CreateJob>(), std::type_identity<CreateSubscription>(),
         std::type_identity<CreateDatabase>(), std::type_identity<Drop>(), std::type_identity<DropDatabase>(), std::type_identity<Alter>(),
         std::type_identity<ast::CancelJobs>(), std::type_identity<Flush>(), std::type_identity<WaitForSource>(),
         std::type_identity<ast::WaitForJobs>())) {
    return error(Code::ActiveTransaction, "{} cannot run inside a transaction block", statement.tag);
  }
  if (read_only_ &&
      is(std::type_identity<Insert>(), std::type_identity<Update>(), std::type_identity<Delete>(), std::type_identity<Copy>())) {
    return error(Code::NotSupported, "cannot execute {} in a read-only transaction", statement.tag);
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
    if (!reads_what_is(plan, catalog)) {
      plan_is_old_ = true;
      return error(Code::UndefinedTable, "a relation was dropped, or replaced, while it was to be read").with_hint("Run it again.");
    }
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
        PENSTOCK_TRY(sleep_what_is_owed());
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
      // A node that is being recovered knows no epoch yet.
      if (transient && !pinned_ && done.error().code() == Code::SnapshotTooOld) {
        PENSTOCK_TRY(check_running(services_, identity_.database_id));
      }
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
  if (show.kind == ast::ShowKind::Cursors) {
    PENSTOCK_TRY(run.sink.rows(show_cursors(run.catalog)));
    return run.tag;
  }
  PENSTOCK_TRY(const data::DataChunk rows, show_rows(show, run.catalog, variables_, services_.meta, cancelled_));
  if (rows.rows() > 0) {
    PENSTOCK_TRY(run.sink.rows(rows));
  }
  return run.tag;
}

// ---- the session itself -------------------------------------------------------------------------------------------------------------

Result<std::string> Session::run(const ast::SetVariable& set, Run run) {
  PENSTOCK_TRY(variables_.set(set.name, set.value));
  return run.tag;
}

Result<std::string> Session::run(const ast::ResetVariable& reset, Run run) {
  PENSTOCK_TRY(variables_.reset(reset.name));
  if (reset.discards) cursors_.clear();
  if (reset.discards && deallocator_) {
    PENSTOCK_TRY(deallocator_(std::nullopt));
  }
  return run.tag;
}

Result<std::string> Session::run(const ast::Deallocate& deallocate, Run run) {
  if (deallocator_) {
    PENSTOCK_TRY(deallocator_(deallocate.name));
  }
  return run.tag;
}

Result<std::string> Session::run(const Skip&, Run run) { return run.tag; }

std::unique_ptr<SqlSession> make_session(const SessionServices& services, SessionIdentity identity) {
  return std::make_unique<Session>(services, std::move(identity));
}

}  // namespace penstock::frontend
