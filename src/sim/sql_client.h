#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/pgwire/sql_session.h"

namespace penstock::sim {

/// A client of one SQL session, as psql is one. Calls block; in simulation that runs the simulation. One thread, but for `cancel`.
class SqlClient {
 public:
  /// Values in text form, "NULL" for NULL.
  using Row = std::vector<std::string>;

  explicit SqlClient(std::unique_ptr<frontend::SqlSession> session) : session_(std::move(session)) {}

  /// Runs all statements of the text; the rows of the last one.
  [[nodiscard]] Result<std::vector<Row>> query(std::string_view sql);
  /// The same, for a statement whose rows nobody wants.
  Status run(std::string_view sql);
  void cancel() { session_->cancel(); }

 private:
  std::unique_ptr<frontend::SqlSession> session_;
};

}  // namespace penstock::sim
