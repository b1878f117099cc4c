#include "bench/workload/sql_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include "bench/plan/plan.h"
#include "rpc/address.h"

namespace penstock::bench {
namespace {

constexpr int kLookMillis = 50;  // so soon `stop` is seen

std::string first_line(const char* text) {
  const std::string_view all(text == nullptr ? "" : text);
  return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

SqlConnection::SqlConnection(SqlServer server, runtime::Runtime& runtime, const std::atomic<bool>& stop)
    : server_(std::move(server)), runtime_(runtime), stop_(stop) {}

SqlConnection::~SqlConnection() = default;

void SqlConnection::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

void SqlConnection::disconnect() { connection_.reset(); }

Error SqlConnection::broken() {
  const std::string reason = connection_ ? first_line(PQerrorMessage(connection_.get())) : "no connection";
  connection_.reset();
  return error(Code::Unavailable, "{}: {}", server_.address, reason);
}

Status SqlConnection::connect() {
  PENSTOCK_TRY(const rpc::Address address, rpc::Address::parse(server_.address));
  const std::string port = std::to_string(address.port);
  const auto patience = std::max<int64_t>(2, std::chrono::duration_cast<std::chrono::seconds>(server_.timeout).count());
  const std::string timeout = std::to_string(patience);
  const char* names[] = {"host", "port", "user", "dbname", "connect_timeout", "application_name", "gssencmode", nullptr};
  const char* values[] = {address.host.c_str(),
                          port.c_str(),
                          server_.user.c_str(),
                          server_.database.c_str(),
                          timeout.c_str(),
                          "penstock bench",
                          "disable",
                          nullptr};
  connection_.reset(PQconnectdbParams(names, values, 0));
  if (!connection_ || PQstatus(connection_.get()) != CONNECTION_OK) return broken();
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  return ok();
}

Status SqlConnection::wait_for_answer(runtime::TimePoint deadline) {
  while (PQisBusy(connection_.get()) == 1) {
    pollfd socket{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
    if (::poll(&socket, 1, kLookMillis) > 0 && PQconsumeInput(connection_.get()) != 1) return broken();
    if (stop_.load(std::memory_order_relaxed)) {
      connection_.reset();
      return error(Code::Cancelled, "{}: the stage is being stopped", server_.address);
    }
    if (runtime_.now() >= deadline) {
      connection_.reset();
      return error(Code::Timeout, "{}: no answer within {}", server_.address, format_duration(server_.timeout));
    }
  }
  return ok();
}

Result<SqlConnection::Rows> SqlConnection::take_results() {
  Rows rows;
  std::optional<Error> failed;
  const runtime::TimePoint deadline = runtime_.now() + server_.timeout;
  for (;;) {
    PENSTOCK_TRY(wait_for_answer(deadline));
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_.get()), &PQclear);
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
      if (PQstatus(connection_.get()) != CONNECTION_OK) return broken();
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      failed = error(Code::Io, "{} (SQLSTATE {})", first_line(PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY)),
                     state != nullptr ? state : "?");
      continue;
    }
    rows.assign(static_cast<size_t>(PQntuples(result.get())), {});
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      for (int column = 0; column < PQnfields(result.get()); ++column) {
        const bool null = PQgetisnull(result.get(), row, column) == 1;
        rows[static_cast<size_t>(row)].push_back(null ? std::nullopt : std::optional<std::string>(PQgetvalue(result.get(), row, column)));
      }
    }
  }
  if (failed) return *failed;
  return rows;
}

Result<SqlConnection::Rows> SqlConnection::query(const std::string& sql) {
  if (!connection_) {
    PENSTOCK_TRY(connect());
  }
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return broken();
  return take_results();
}

}  // namespace penstock::bench
