#include "frontend/parser/parser.h"

#include "frontend/parser/guard.h"
#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {

Result<std::vector<Statement>> parse(std::string_view sql) {
  PENSTOCK_TRY(const auto source, SourceText::check(sql));
  PENSTOCK_TRY(check_lexical(source));
  PENSTOCK_TRY(const auto tokens, scan(source));
  PENSTOCK_TRY(check_complexity(source, tokens));
  std::vector<Statement> statements;
  for (const auto& range : split_statements(tokens)) {
    auto statement = StatementParser(source, range).parse();
    if (statement.has_error()) {
      // Not every node of Postgres' tree knows where it stood; the statement does.
      const Error& e = statement.error();
      return e.position().value_or(0) != 0 ? e : e.at(source.position(range.front().start));
    }
    statements.push_back(std::move(statement.value()));
  }
  return statements;
}

}  // namespace penstock::frontend
