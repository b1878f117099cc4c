#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/plan/workload_options.h"
#include "common/error.h"

struct pg_conn;

namespace penstock::bench {

/// A connection to a Postgres server, made when it is first needed and made anew after it broke. Blocks; one user at a time.
class SqlConnection {
 public:
  using Rows = std::vector<std::vector<std::optional<std::string>>>;

  /// `stop`: ends what waits for the server; outlives this.
  SqlConnection(SqlServer server, runtime::Runtime& runtime, const std::atomic<bool>& stop);
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;
  ~SqlConnection();

  /// Rows of the last statement of `sql`. Errors: `Unavailable` when there is no server or the connection broke, so that the outcome is
  /// not known; `Timeout`; `Cancelled` by `stop`; else the server's, as `Io` with its SQLSTATE in the text.
  Result<Rows> query(const std::string& sql);
  [[nodiscard]] bool connected() const { return connection_ != nullptr; }
  /// The next query connects anew.
  void disconnect();

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  Status connect();
  Status wait_for_answer(runtime::TimePoint deadline);
  Result<Rows> take_results();
  [[nodiscard]] Error broken();

  const SqlServer server_;
  runtime::Runtime& runtime_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace penstock::bench
