// ALTER of what is ours; the rest is Postgres' or nobody's.
#include <charconv>

#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {
namespace {

struct AlterWords {
  std::initializer_list<std::string_view> words;
  ast::RelationKind kind;
};

const AlterWords kAlterWords[] = {
    {{"alter", "source"}, ast::RelationKind::Source},
    {{"alter", "table"}, ast::RelationKind::Table},
    {{"alter", "materialized", "view"}, ast::RelationKind::MaterializedView},
    {{"alter", "sink"}, ast::RelationKind::Sink},
};

}  // namespace

Result<StatementParser::Body> StatementParser::alter() {
  const size_t start = cursor_.index();
  for (const AlterWords& entry : kAlterWords) {
    if (!cursor_.accept(entry.words)) continue;
    auto name = cursor_.object_name();
    if (name.has_value() && cursor_.accept({"set", "parallelism"})) return alter_parallelism(entry.kind, std::move(name).value());
    break;
  }
  cursor_.seek(start);
  return other();
}

// = or TO may stand before the value, as in RisingWave.
Result<StatementParser::Body> StatementParser::alter_parallelism(ast::RelationKind kind, ast::ObjectName name) {
  if (!cursor_.accept_symbol("=")) cursor_.accept({"to"});
  ast::AlterParallelism result{kind, std::move(name), 0};
  const uint32_t position = cursor_.position();
  if (cursor_.done()) return cursor_.syntax_error();
  const Token& value = cursor_.front();
  if (value.kind == TokenKind::Number) {
    const auto [end, failed] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), result.parallelism);
    if (failed != std::errc() || end != value.text.data() + value.text.size()) {
      return error(Code::InvalidParameter, "parallelism is a whole number or ADAPTIVE, not {}", value.text).at(position);
    }
    if (result.parallelism == 0) {
      return error(Code::InvalidParameter, "parallelism must be at least 1")
          .at(position)
          .with_hint("ADAPTIVE follows the nodes there are.");
    }
    cursor_.skip();
  } else if (!cursor_.accept({"adaptive"}) && !cursor_.accept({"default"})) {
    return cursor_.syntax_error();
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

}  // namespace penstock::frontend
