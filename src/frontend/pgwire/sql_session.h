#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/chunk.h"

/// What the Postgres protocol needs of a SQL session; implemented by frontend::Session, and by fakes in tests.
namespace penstock::frontend {

struct ResultColumn {
  std::string name;
  data::DataType type;
};

/// Takes the rows of one statement as they come. An error stops the statement (the client is gone).
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual Status rows(const data::DataChunk& chunk) = 0;
};

/// One statement of a SQL text; positions in its errors count in the whole text. Opaque here.
class ParsedStatement {
 public:
  virtual ~ParsedStatement() = default;
};
/// A bound statement, ready to be executed any number of times with other parameters.
class PreparedStatement {
 public:
  virtual ~PreparedStatement() = default;
  [[nodiscard]] virtual const std::vector<data::DataType>& parameters() const = 0;
  /// Empty for a statement without rows.
  [[nodiscard]] virtual const std::vector<ResultColumn>& columns() const = 0;
  /// COPY … FROM STDIN: how many fields a row has; it is run by `begin_copy`. nullopt for any other statement.
  [[nodiscard]] virtual std::optional<uint16_t> copies_in() const { return std::nullopt; }
};

/// A COPY … FROM STDIN that runs. Dropped before `finish`: nothing of it is applied, but for what `dml_ack = 'accepted'` has sent already.
class CopyIn {
 public:
  virtual ~CopyIn() = default;
  /// What the client sent; rows end anywhere in it.
  virtual Status add(std::string_view bytes) = 0;
  /// The client is done: answers the command tag ("COPY 3").
  [[nodiscard]] virtual Result<std::string> finish() = 0;
};

enum class TransactionStatus : char { Idle = 'I', InBlock = 'T', Failed = 'E' };

/// One session: one owner thread, except `cancel`. Calls block.
class SqlSession {
 public:
  virtual ~SqlSession() = default;
  [[nodiscard]] virtual Result<std::vector<std::unique_ptr<ParsedStatement>>> parse(std::string_view sql) = 0;
  /// `parameter_types`: as the client declared them; nullopt: to be inferred.
  [[nodiscard]] virtual Result<std::unique_ptr<PreparedStatement>> prepare(const ParsedStatement& statement,
                                                                           std::vector<std::optional<data::DataType>> parameter_types) = 0;
  /// Runs to the end and answers the command tag ("SELECT 3", "CREATE_MATERIALIZED_VIEW"). Parameters in text form, nullopt is NULL.
  [[nodiscard]] virtual Result<std::string> execute(const PreparedStatement& statement,
                                                    const std::vector<std::optional<std::string>>& parameters, ResultSink& sink) = 0;
  /// Only for what `copies_in`. Of one session at a time, and before it runs anything else.
  [[nodiscard]] virtual Result<std::unique_ptr<CopyIn>> begin_copy(const PreparedStatement& /*statement*/) {
    return error(Code::NotSupported, "COPY is not supported");
  }
  [[nodiscard]] virtual TransactionStatus transaction_status() const = 0;
  /// A statement failed: a transaction block in progress is failed.
  virtual void on_error() = 0;
  /// What DEALLOCATE calls, with the name of a prepared statement or, for all of them, without: they belong to whoever drives the session.
  /// Errors: `UndefinedObject`. Called by `execute`; outlives the session.
  using Deallocator = std::function<Status(const std::optional<std::string>& name)>;
  virtual void set_deallocator(Deallocator /*deallocator*/) {}
  /// Sends a notice at once, while `execute` runs, which calls it; an error means that the client is gone. Outlives the session.
  using NoticeSink = std::function<Status(const std::string& text)>;
  virtual void set_notice_sink(NoticeSink /*sink*/) {}
  /// Warnings and notices since the last call.
  [[nodiscard]] virtual std::vector<std::string> take_notices() { return {}; }
  /// Ends the statement that runs, if any, with `Cancelled`. From any thread.
  virtual void cancel() = 0;
};

}  // namespace penstock::frontend
