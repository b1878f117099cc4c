#include "sim/sql_client.h"

#include "data/datum.h"

namespace penstock::sim {
namespace {

struct RowsAsText : frontend::ResultSink {
  std::vector<SqlClient::Row> all;
  Status rows(const data::DataChunk& chunk) override {
    for (size_t i = 0; i < chunk.rows(); ++i) {
      SqlClient::Row row;
      for (size_t c = 0; c < chunk.columns().size(); ++c) {
        const data::Datum value = chunk.column(c).datum(i);
        row.push_back(data::is_null(value) ? "NULL" : data::to_text(value, chunk.column(c).type()));
      }
      all.push_back(std::move(row));
    }
    return ok();
  }
};

}  // namespace

Result<std::vector<SqlClient::Row>> SqlClient::query(std::string_view sql) {
  RowsAsText sink;
  const auto attempt = [&]() -> Status {
    PENSTOCK_TRY(const auto statements, session_->parse(sql));
    for (const auto& statement : statements) {
      sink.all.clear();
      PENSTOCK_TRY(const auto prepared, session_->prepare(*statement, {}));
      PENSTOCK_TRY(session_->execute(*prepared, {}, sink));
    }
    return ok();
  };
  if (Status done = attempt(); done.has_error()) {
    session_->on_error();
    return done.error();
  }
  return std::move(sink.all);
}

Status SqlClient::run(std::string_view sql) {
  auto rows = query(sql);
  if (rows.has_error()) return rows.error();
  return ok();
}

}  // namespace penstock::sim
