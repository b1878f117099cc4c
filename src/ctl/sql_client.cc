#include "ctl/sql_client.h"

#include <libpq-fe.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

namespace penstock::ctl {
namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The end of what begins at `at` and holds no variables: a quoted text or name, a comment; `at` itself if nothing does.
size_t skip_opaque(std::string_view text, size_t at) {
  const auto after = [&](std::string_view end, size_t from) {
    const size_t found = text.find(end, from);
    return found == std::string_view::npos ? text.size() : found + end.size();
  };
  if (text[at] == '\'' || text[at] == '"') return after(text.substr(at, 1), at + 1);
  if (text.substr(at, 2) == "--") return after("\n", at);
  if (text.substr(at, 2) == "/*") return after("*/", at + 2);
  if (text.substr(at, 2) == "::") return at + 2;  // a cast
  return at;
}

std::string in_quotes(std::string_view value, char quote) {
  std::string out(1, quote);
  for (const char c : value) out += c == quote ? std::string(2, quote) : std::string(1, c);
  return out + quote;
}

std::string trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  return text;
}

// Columns as people see them: bytes that begin a UTF-8 character.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string as_table(const std::vector<std::string>& columns, const std::vector<std::vector<Cell>>& rows) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    size_t width = width_of(columns[i]);
    for (const auto& row : rows) width = std::max(width, width_of(row[i].text));
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](auto&& cell) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string text = cell(i);
      out += fmt::format("{} {}{} ", i == 0 ? "" : "|", text, std::string(widths[i] - width_of(text), ' '));
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  };
  line([&](size_t i) { return columns[i]; });
  for (size_t i = 0; i < columns.size(); ++i) out += (i == 0 ? "-" : "+-") + std::string(widths[i] + 1, '-');
  out += '\n';
  for (const auto& row : rows) line([&](size_t i) { return row[i].text; });
  return out + fmt::format("({} row{})\n", rows.size(), rows.size() == 1 ? "" : "s");
}

std::string as_json(const std::vector<std::string>& columns, const std::vector<std::vector<Cell>>& rows) {
  std::string out;
  for (const auto& row : rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (row[i].null) {
        object[columns[i]] = nullptr;
      } else {
        object[columns[i]] = row[i].text;
      }
    }
    out += object.dump() + "\n";
  }
  return out;
}

std::string as_csv(const std::vector<std::string>& columns, const std::vector<std::vector<Cell>>& rows) {
  const auto field = [](const std::string& text, bool null) {
    if (null) return std::string();
    return text.empty() || text.find_first_of(",\"\n\r") != std::string::npos ? in_quotes(text, '"') : text;
  };
  std::string out;
  for (size_t i = 0; i < columns.size(); ++i) out += (i == 0 ? "" : ",") + field(columns[i], false);
  out += '\n';
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : ",") + field(row[i].text, row[i].null);
    out += '\n';
  }
  return out;
}

void print_result(PGresult* result, RowFormat format) {
  if (PQresultStatus(result) != PGRES_TUPLES_OK) {
    if (format == RowFormat::Table) std::fputs((std::string(PQcmdStatus(result)) + "\n").c_str(), stdout);
    return;
  }
  std::vector<std::string> columns;
  for (int i = 0; i < PQnfields(result); ++i) columns.emplace_back(PQfname(result, i));
  std::vector<std::vector<Cell>> rows(static_cast<size_t>(PQntuples(result)));
  for (size_t r = 0; r < rows.size(); ++r) {
    for (int i = 0; i < PQnfields(result); ++i) {
      const bool null = PQgetisnull(result, static_cast<int>(r), i) != 0;
      rows[r].push_back({null, PQgetvalue(result, static_cast<int>(r), i)});
    }
  }
  std::fputs(format_rows(columns, rows, format).c_str(), stdout);
}

// "job.sql:3:15: column "x" does not exist", the line itself and a caret below it.
Error server_error(PGresult* result, std::string_view name, std::string_view sql) {
  const auto field = [&](int code) -> std::string {
    const char* value = PQresultErrorField(result, code);
    return value == nullptr ? "" : value;
  };
  std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = trimmed(PQresultErrorMessage(result));
  const std::string position = field(PG_DIAG_STATEMENT_POSITION);
  std::string where(name);
  std::string shown;
  if (!position.empty()) {
    size_t at = 0;  // the position counts characters
    for (size_t left = std::stoul(position) - 1; left > 0 && at < sql.size(); ++at) {
      if (at + 1 == sql.size() || (static_cast<unsigned char>(sql[at + 1]) & 0xC0) != 0x80) --left;
    }
    const size_t begin = at == 0 ? 0 : sql.rfind('\n', at - 1) + 1;
    const std::string line(sql.substr(begin, std::min(sql.find('\n', at), sql.size()) - begin));
    where += fmt::format(":{}:{}", 1 + std::ranges::count(sql.substr(0, at), '\n'), at - begin + 1);
    if (line.size() <= 200) shown = fmt::format("\n{}\n{}^", line, std::string(at - begin, ' '));
  }
  Error failed(Code::Internal, fmt::format("{}: {} [{}]{}", where, message, field(PG_DIAG_SQLSTATE), shown));
  if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) failed = failed.with_detail(detail);
  if (const std::string hint = field(PG_DIAG_MESSAGE_HINT); !hint.empty()) failed = failed.with_hint(hint);
  return failed;
}

}  // namespace

Result<std::string> substitute(std::string_view text, const std::map<std::string, std::string>& variables) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (const size_t after = skip_opaque(text, at); after != at) {
      out += text.substr(at, after - at);
      at = after;
      continue;
    }
    const char quote = at + 1 < text.size() && (text[at + 1] == '\'' || text[at + 1] == '"') ? text[at + 1] : '\0';
    const size_t begin = at + 1 + (quote == '\0' ? 0 : 1);
    size_t end = begin;
    while (end < text.size() && is_name(text[end])) ++end;
    const bool closed = quote == '\0' || (end < text.size() && text[end] == quote);
    if (text[at] != ':' || end == begin || !closed || std::isdigit(static_cast<unsigned char>(text[begin])) != 0) {
      out += text[at++];
      continue;
    }
    const std::string name(text.substr(begin, end - begin));
    const auto found = variables.find(name);
    if (found == variables.end())
      return error(Code::InvalidParameter, "variable {} is not set", name).with_hint(fmt::format("Add --set {}=VALUE.", name));
    out += quote == '\0' ? found->second : in_quotes(found->second, quote);
    at = end + (quote == '\0' ? 0 : 1);
  }
  return out;
}

std::string format_rows(const std::vector<std::string>& columns, const std::vector<std::vector<Cell>>& rows, RowFormat format) {
  switch (format) {
    case RowFormat::Table:
      return as_table(columns, rows);
    case RowFormat::Json:
      return as_json(columns, rows);
    case RowFormat::Csv:
      return as_csv(columns, rows);
  }
  return {};
}

Status run_sql(const SqlOptions& options, std::string_view name, std::string_view sql) {
  PENSTOCK_TRY(const std::string text, substitute(sql, options.variables));
  const std::string port = fmt::format("{}", options.port);
  const char* keys[] = {"host", "port", "dbname", "user", "application_name", nullptr};
  const char* values[] = {options.host.c_str(), port.c_str(), options.database.c_str(), options.user.c_str(), "penstock sql", nullptr};
  const Connection connection(PQconnectdbParams(keys, values, 0), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return error(Code::Unavailable, "no server at {}:{}: {}", options.host, options.port, trimmed(PQerrorMessage(connection.get())))
        .with_hint("Start one with: penstock playground");
  }
  PQsetNoticeProcessor(connection.get(), [](void*, const char* notice) { std::fputs(notice, stderr); }, nullptr);
  if (PQsendQuery(connection.get(), text.c_str()) == 0) return error(Code::Closed, "{}", trimmed(PQerrorMessage(connection.get())));
  Status outcome = ok();
  for (;;) {
    const PgResult result(PQgetResult(connection.get()), PQclear);
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
      if (outcome.has_value()) outcome = server_error(result.get(), name, text);
    } else if (status != PGRES_EMPTY_QUERY) {
      print_result(result.get(), options.format);
      std::fflush(stdout);
    }
  }
  return outcome;
}

}  // namespace penstock::ctl
