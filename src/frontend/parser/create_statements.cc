// CREATE SOURCE | TABLE | MATERIALIZED VIEW | SINK | DATABASE, DROP.
#include "frontend/parser/ascii.h"
#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {

Result<bool> StatementParser::if_not_exists() {
  if (!cursor_.accept({"if"})) return false;
  PENSTOCK_TRY(cursor_.expect("not"));
  PENSTOCK_TRY(cursor_.expect("exists"));
  return true;
}

// What stands in RisingWave's column lists and not in Postgres'.
Status StatementParser::refuse_foreign_elements(size_t open) {
  int depth = 0;
  for (size_t i = open; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    const auto refuse = [&](std::string_view what) {
      return error(Code::NotSupported, "{} is not supported", what).at(source_.position(token.start));
    };
    if (is_symbol(token, "(")) ++depth;
    if (is_symbol(token, ")") && --depth == 0) break;
    const bool begins = depth == 1 && (i == open + 1 || is_symbol(tokens_[i - 1], ","));
    const auto next = [&](auto test) { return i + 1 < tokens_.size() && test(tokens_[i + 1]); };
    if (begins && is_word(token, "watermark") && next([](const Token& t) { return is_word(t, "for"); })) return refuse("WATERMARK FOR");
    if (begins && is_symbol(token, "*")) return refuse("* in place of columns");
    if (depth == 1 && is_word(token, "as")) return refuse("a generated column");
    if (is_word(token, "struct") && next([](const Token& t) { return t.text.starts_with("<"); })) return refuse("type STRUCT");
  }
  return ok();
}

Result<StatementParser::Body> StatementParser::create_relation(ast::RelationKind kind, size_t kind_token) {
  PENSTOCK_TRY(if_not_exists());
  PENSTOCK_TRY(cursor_.object_name());
  if (cursor_.at({"as"})) return cursor_.not_supported("CREATE TABLE … AS");
  if (!cursor_.at_symbol("(") && cursor_.at({"with"})) return cursor_.not_supported("CREATE without a column list");
  if (!cursor_.at_symbol("(")) return cursor_.syntax_error();
  PENSTOCK_TRY(refuse_foreign_elements(cursor_.index()));
  PENSTOCK_TRY(cursor_.skip_parentheses());

  const Token& word = tokens_[kind_token];
  PgText text(source_, tokens_.front().start, tokens_[cursor_.index() - 1].end);
  text.blank(word.start, word.end, "TABLE");
  PENSTOCK_TRY(const auto tree, pg_parse(text));
  const PgNode& node = *tree->stmts[0]->stmt;
  if (node.node_case != PG_QUERY__NODE__NODE_CREATE_STMT) return cursor_.syntax_error();
  PENSTOCK_TRY(auto relation, PgConverter(text).create_table(*node.create_stmt));
  relation.kind = kind;
  PENSTOCK_TRY(relation_clauses(relation));
  return Body(std::move(relation));
}

Status StatementParser::relation_clauses(ast::CreateRelation& relation) {
  if (cursor_.at({"append", "only"})) return cursor_.not_supported("APPEND ONLY");
  if (cursor_.at({"on", "conflict"})) {
    PENSTOCK_TRY(on_conflict(relation));
  }
  if (cursor_.at({"include"})) return cursor_.not_supported("INCLUDE");
  if (cursor_.accept({"with"})) {
    PENSTOCK_TRY(relation.options, cursor_.options());
  }
  if (cursor_.at({"include"})) return cursor_.not_supported("INCLUDE");
  if (cursor_.at({"row", "format"})) return cursor_.not_supported("ROW FORMAT (write FORMAT … ENCODE …)");
  if (cursor_.at({"from"})) return cursor_.not_supported("CREATE TABLE … FROM a source");
  if (cursor_.at({"as"})) return cursor_.not_supported("CREATE TABLE … AS");
  if (cursor_.at({"format"})) {
    PENSTOCK_TRY(format_clause(relation));
  }
  if (cursor_.at({"engine"})) return cursor_.not_supported("ENGINE");
  return cursor_.expect_end();
}

Status StatementParser::on_conflict(ast::CreateRelation& relation) {
  if (relation.kind != ast::RelationKind::Table) return cursor_.syntax_error();
  cursor_.skip(2);
  if (cursor_.accept({"overwrite"})) {
    relation.on_conflict = ast::OnConflict::Overwrite;
  } else if (cursor_.accept({"ignore"}) || cursor_.accept({"do", "nothing"})) {
    relation.on_conflict = ast::OnConflict::Ignore;
  } else if (cursor_.at({"do", "update"})) {
    return cursor_.not_supported("ON CONFLICT DO UPDATE");
  } else {
    return cursor_.syntax_error();
  }
  return ok();
}

Status StatementParser::format_clause(ast::CreateRelation& relation) {
  relation.format_position = cursor_.position();
  cursor_.skip();
  PENSTOCK_TRY(auto format, cursor_.name());
  PENSTOCK_TRY(cursor_.expect("encode"));
  PENSTOCK_TRY(auto encode, cursor_.name());
  relation.format = to_upper(format);
  relation.encode = to_upper(encode);
  if (cursor_.at_symbol("(")) {
    PENSTOCK_TRY(relation.encode_options, cursor_.options());
  }
  return ok();
}

Result<StatementParser::Body> StatementParser::create_materialized_view(bool or_replace) {
  const uint32_t position = cursor_.position();
  PENSTOCK_TRY(const bool conditional, if_not_exists());
  if (or_replace && conditional) return error(Code::Syntax, "OR REPLACE and IF NOT EXISTS cannot both be").at(position);
  PENSTOCK_TRY(cursor_.object_name());
  if (cursor_.at_symbol("(")) {
    PENSTOCK_TRY(cursor_.skip_parentheses());
  }
  PgText text(source_, tokens_.front().start, tokens_.back().end);
  if (or_replace) text.blank(tokens_[1].start, tokens_[2].end);
  std::vector<ast::Option> options;
  if (cursor_.at({"with"})) {
    const size_t start = cursor_.offset();
    cursor_.skip();
    PENSTOCK_TRY(options, cursor_.options());
    text.blank(start, cursor_.offset());
  }
  PENSTOCK_TRY(cursor_.expect("as"));
  PENSTOCK_TRY(refuse_silent_aliases(cursor_.index(), tokens_.size()));
  PENSTOCK_TRY(const auto tree, pg_parse(text));
  const PgNode& node = *tree->stmts[0]->stmt;
  if (node.node_case != PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT) return unsupported_statement();
  PgConverter converter(text);
  PENSTOCK_TRY(auto view, converter.create_view(*node.create_table_as_stmt));
  parameters_ = converter.parameters();
  view.options = std::move(options);
  view.or_replace = or_replace;
  if (or_replace)
    view.definition =
        fmt::format("CREATE {}", std::string_view(source_.text()).substr(tokens_[3].start, tokens_.back().end - tokens_[3].start));
  return Body(std::move(view));
}

Result<StatementParser::Body> StatementParser::create_sink() {
  ast::CreateSink sink;
  PENSTOCK_TRY(sink.if_not_exists, if_not_exists());
  PENSTOCK_TRY(sink.name, cursor_.object_name());
  if (cursor_.at({"into"})) return cursor_.not_supported("CREATE SINK … INTO a table");
  if (cursor_.accept({"from"})) {
    PENSTOCK_TRY(sink.from, cursor_.object_name());
  } else {
    PENSTOCK_TRY(cursor_.expect("as"));
    const size_t first = cursor_.index();
    // The query ends where WITH ( stands outside of parentheses: a WITH of the query itself is followed by a name.
    while (!cursor_.done() &&
           !(cursor_.at({"with"}) && cursor_.index() + 1 < cursor_.size() && is_symbol(tokens_[cursor_.index() + 1], "("))) {
      if (cursor_.at_symbol("(")) {
        PENSTOCK_TRY(cursor_.skip_parentheses());
      } else {
        cursor_.skip();
      }
    }
    PENSTOCK_TRY(auto select, query(first, cursor_.index()));
    sink.query = std::make_unique<ast::Query>(std::move(select));
  }
  PENSTOCK_TRY(cursor_.expect("with"));
  PENSTOCK_TRY(sink.options, cursor_.options());
  if (cursor_.at({"format"})) return cursor_.not_supported("FORMAT of a sink");
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(sink));
}

Result<StatementParser::Body> StatementParser::create_database() {
  ast::CreateDatabase database;
  PENSTOCK_TRY(database.if_not_exists, if_not_exists());
  database.position = cursor_.position();
  PENSTOCK_TRY(database.name, cursor_.name());
  if (cursor_.accept({"with"})) {
    PENSTOCK_TRY(database.options, cursor_.options());
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(database));
}

Result<StatementParser::Body> StatementParser::drop(ast::RelationKind kind) {
  ast::Drop result;
  result.kind = kind;
  if (cursor_.accept({"if"})) {
    PENSTOCK_TRY(cursor_.expect("exists"));
    result.if_exists = true;
  }
  do {
    PENSTOCK_TRY(auto name, cursor_.object_name());
    result.names.push_back(std::move(name));
  } while (cursor_.accept_symbol(","));
  if (kind == ast::RelationKind::Database && cursor_.accept({"with"})) {
    PENSTOCK_TRY(cursor_.expect_symbol("("));
    PENSTOCK_TRY(cursor_.expect("force"));
    PENSTOCK_TRY(cursor_.expect_symbol(")"));
    result.cascade = true;
  }
  result.cascade |= cursor_.accept({"cascade"});
  if (!result.cascade) cursor_.accept({"restrict"});
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

}  // namespace penstock::frontend
