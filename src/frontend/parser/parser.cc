#include "frontend/parser/parser.h"

#include "frontend/parser/guard.h"
#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {

Result<std::vector<Statement>> parse(std::string_view sql) {
  PENSTOCK_TRY(const auto source, SourceText::check(sql));
  PENSTOCK_TRY(const auto tokens, scan(source));
  PENSTOCK_TRY(check_complexity(source, tokens));
  std::vector<Statement> statements;
  for (const auto& range : split_statements(tokens)) {
    PENSTOCK_TRY(auto statement, StatementParser(source, range).parse());
    statements.push_back(std::move(statement));
  }
  return statements;
}

}  // namespace penstock::frontend
