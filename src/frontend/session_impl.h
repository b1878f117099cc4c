#pragma once

#include <atomic>

#include "frontend/dml.h"
#include "frontend/dml_rows.h"
#include "frontend/planner/planner.h"
#include "frontend/session.h"
#include "frontend/session_variables.h"
#include "frontend/subscription_cursor.h"
#include "frontend/table_changes.h"
#include "frontend/transaction.h"

/// The class behind `make_session`, in four files: session.cc (parsing, reading, variables), session_ddl.cc (definitions, FLUSH, WAIT),
/// session_dml.cc (rows and transaction blocks), session_cursor.cc (subscriptions).
namespace penstock::frontend {

constexpr runtime::Duration kApplyTimeout = std::chrono::seconds(30);

struct Parsed : ParsedStatement {
  std::shared_ptr<const Statement> statement;  // shared with what is prepared of it
};
struct Prepared : PreparedStatement {
  std::shared_ptr<const Statement> statement;  // shared with the parsed form and other preparations
  std::vector<data::DataType> types;
  std::vector<ResultColumn> result;
  std::optional<uint16_t> copy_fields;
  const std::vector<data::DataType>& parameters() const override { return types; }
  const std::vector<ResultColumn>& columns() const override { return result; }
  std::optional<uint16_t> copies_in() const override { return copy_fields; }
};

class Session : public SqlSession {
 public:
  Session(const SessionServices& services, SessionIdentity identity) : services_(services), identity_(std::move(identity)) {}

  Result<std::vector<std::unique_ptr<ParsedStatement>>> parse(std::string_view sql) override;
  Result<std::unique_ptr<PreparedStatement>> prepare(const ParsedStatement& statement,
                                                     std::vector<std::optional<data::DataType>> types) override;
  Result<std::string> execute(const PreparedStatement& statement, const std::vector<std::optional<std::string>>& parameters,
                              ResultSink& sink) override;
  Result<std::unique_ptr<CopyIn>> begin_copy(const PreparedStatement& statement) override;
  TransactionStatus transaction_status() const override { return transaction_; }
  void on_error() override;
  void set_deallocator(Deallocator deallocator) override { deallocator_ = std::move(deallocator); }
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
  Result<std::string> execute_once(const Prepared& prepared, const std::vector<std::optional<std::string>>& parameters, ResultSink& sink);
  [[nodiscard]] SessionSettings settings() const;
  /// Waits as long as pg_sleep calls asked for. Errors: `Cancelled`.
  [[nodiscard]] Status sleep_what_is_owed();
  [[nodiscard]] Status not_failed(const Statement& statement) const;
  [[nodiscard]] Status still_fits(const Prepared& prepared, const BoundStatement& bound, const CatalogView& catalog) const;
  [[nodiscard]] Status allowed_now(const BoundStatement& statement) const;

  Result<std::string> run(const Query& query, Run run);
  Result<std::string> run(const CreateSource& create, Run run);
  Result<std::string> run(const CreateJob& create, Run run);
  Result<std::string> run(const CreateSubscription& create, Run run);
  Result<std::string> run(const DeclareCursor& declare, Run run);
  Result<std::string> run(const FetchCursor& fetch, Run run);
  Result<std::string> run(const ast::CloseCursor& close, Run run);
  Result<std::string> run(const CreateDatabase& create, Run run);
  Result<std::string> run(const Drop& drop, Run run);
  Result<std::string> run(const DropDatabase& drop, Run run);
  Result<std::string> run(const Alter& alter, Run run);
  Result<std::string> run(const ast::CancelJobs& cancel, Run run);
  Result<std::string> run(const ast::WaitForJobs& wait, Run run);
  Result<std::string> run(const Insert& insert, Run run);
  Result<std::string> run(const Update& update, Run run);
  Result<std::string> run(const Delete& remove, Run run);
  Result<std::string> run(const Copy& copy, Run run);
  Result<std::string> run(const Explain& explain, Run run);
  Result<std::string> run(const Show& show, Run run);
  Result<std::string> run(const ast::SetVariable& set, Run run);
  Result<std::string> run(const ast::ResetVariable& reset, Run run);
  Result<std::string> run(const ast::Deallocate& deallocate, Run run);
  Result<std::string> run(const Flush& flush, Run run);
  Result<std::string> run(const WaitForSource& wait, Run run);
  Result<std::string> run(const ast::Transaction& transaction, Run run);
  Result<std::string> run(const Skip& skip, Run run);

  struct Cursor {
    uint32_t subscription;
    std::unique_ptr<SubscriptionCursor> reader;
  };
  struct Subscribed;
  [[nodiscard]] Result<Subscribed> subscribed(uint32_t subscription);
  [[nodiscard]] Result<const Cursor*> cursor(const ast::NameAt& name) const;
  [[nodiscard]] Result<ChangePosition> start_of(const ast::CursorStart& start, const Subscribed& on);
  [[nodiscard]] Status wait_for_position(const ast::CursorStart& start);
  [[nodiscard]] Result<std::unique_ptr<SubscriptionCursor>> begin_full(uint32_t subscription);
  [[nodiscard]] Result<data::DataChunk> next_changes(const Cursor& cursor, size_t most);
  [[nodiscard]] data::DataChunk show_cursors(const CatalogView& catalog) const;
  [[nodiscard]] Result<std::vector<ResultColumn>> columns_of(const BoundStatement& bound) const;

  Status create(const pb::CatalogObject& object, const pb::FragmentGraph* graph, bool if_not_exists, const CatalogView& bound);
  Result<std::string> commit();
  Status insert_rows(const pb::CatalogObject& table, data::DataChunk rows, const CatalogView& catalog);
  class CopyInto;
  struct Change {
    data::StreamChunk rows;
    size_t count = 0;               // of rows that the statement says it has changed
    data::DataChunk returned = {};  // rows that RETURNING is about
  };
  /// The rows to change, as of what `read_all` read last.
  using Reads = std::function<Result<Change>(const CatalogView&)>;
  [[nodiscard]] Result<Change> change_read_rows(const pb::CatalogObject& table, const Reads& reads);
  [[nodiscard]] Result<Merged> merged(const Insert& insert, const data::DataChunk& rows, const CatalogView& catalog);
  Status return_rows(const Returning& returning, const data::DataChunk& rows, ResultSink& sink);
  [[nodiscard]] TableChanges& changes_of(const pb::CatalogObject& table);
  Status stream_rows(const batch_plan::Plan& plan, const CatalogView& catalog, ResultSink& sink);
  Result<data::DataChunk> read_all(const batch_plan::Plan& plan, const CatalogView& catalog);
  Status wait_for_newer_than(Epoch epoch);
  Status wait_for_epoch(Epoch epoch);
  Status wait_for_catalog(uint64_t version);
  [[nodiscard]] Error bound_too_early(const CatalogView& bound, const Error& refused);
  struct Bound {
    CatalogView view;
    BoundStatement statement;
  };
  /// By the catalog as it is now; `parameters` get their types.
  [[nodiscard]] Result<Bound> bind_now(const ast::Statement& statement, Parameters& parameters);
  [[nodiscard]] bool hear_of_newer(const CatalogView& known);

  const SessionServices services_;
  Deallocator deallocator_;
  const SessionIdentity identity_;
  SessionVariables variables_;
  TransactionStatus transaction_ = TransactionStatus::Idle;
  Epoch least_epoch_;  // what the session was told is committed: reads are never older
  std::vector<std::string> notices_;
  CancelFlag cancelled_{false};
  std::atomic<bool> timed_out_{false};  // that was why

  std::map<std::string, Cursor> cursors_;

  Epoch last_read_;           // as of which the last query read
  bool plan_is_old_ = false;  // what the statement was to read is gone, and no row was sent

  /// Of a transaction block: what it has changed, applied at COMMIT, and the epoch that all of it reads.
  std::map<ObjectId, TableChanges> changes_;
  std::optional<Epoch> pinned_;
  bool read_only_ = false;
  void end_block() {
    changes_.clear();
    pinned_.reset();
    read_only_ = false;
  }
};

}  // namespace penstock::frontend
