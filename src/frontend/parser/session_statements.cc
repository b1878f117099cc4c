// SHOW, DESCRIBE, EXPLAIN, WAIT.
#include "frontend/parser/statement_parser.h"

namespace penstock::frontend {
namespace {

struct ShowWords {
  std::initializer_list<std::string_view> words;
  ast::ShowKind kind;
};

// In order: a longer one before what it begins with.
const ShowWords kShowWords[] = {
    {{"materialized", "views"}, ast::ShowKind::MaterializedViews},
    {{"internal", "tables"}, ast::ShowKind::InternalTables},
    {{"tables"}, ast::ShowKind::Tables},
    {{"sources"}, ast::ShowKind::Sources},
    {{"views"}, ast::ShowKind::Views},
    {{"sinks"}, ast::ShowKind::Sinks},
    {{"subscriptions"}, ast::ShowKind::Subscriptions},
    {{"cursors"}, ast::ShowKind::Cursors},
    {{"subscription", "cursors"}, ast::ShowKind::Cursors},
    {{"indexes"}, ast::ShowKind::Indexes},
    {{"databases"}, ast::ShowKind::Databases},
    {{"schemas"}, ast::ShowKind::Schemas},
    {{"jobs"}, ast::ShowKind::Jobs},
    {{"functions"}, ast::ShowKind::Functions},
    {{"parameters"}, ast::ShowKind::Parameters},
    {{"cluster"}, ast::ShowKind::Cluster},
    {{"all"}, ast::ShowKind::All},
};

}  // namespace

Result<StatementParser::Body> StatementParser::show() {
  if (cursor_.accept({"create"})) return show_create();
  if (cursor_.accept({"columns", "from"}) || cursor_.accept({"columns", "in"})) return describe();
  for (const ShowWords& entry : kShowWords) {
    if (cursor_.accept(entry.words)) return show_list(entry.kind);
  }
  return show_variable();
}

Result<StatementParser::Body> StatementParser::show_list(ast::ShowKind kind) {
  ast::Show result{.kind = kind};
  if (cursor_.accept({"from"}) || cursor_.accept({"in"})) {
    result.name.position = cursor_.position();
    PENSTOCK_TRY(result.name.schema, cursor_.name());
  }
  if (cursor_.accept({"like"})) {
    PENSTOCK_TRY(result.like, cursor_.string_literal());
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<StatementParser::Body> StatementParser::show_create() {
  ast::Show result{.kind = ast::ShowKind::Create};
  if (cursor_.accept({"source"})) {
    result.create_kind = ast::RelationKind::Source;
  } else if (cursor_.accept({"table"})) {
    result.create_kind = ast::RelationKind::Table;
  } else if (cursor_.accept({"sink"})) {
    result.create_kind = ast::RelationKind::Sink;
  } else if (cursor_.accept({"subscription"})) {
    result.create_kind = ast::RelationKind::Subscription;
  } else if (cursor_.accept({"materialized", "view"})) {
    result.create_kind = ast::RelationKind::MaterializedView;
  } else {
    return cursor_.syntax_error();
  }
  PENSTOCK_TRY(result.name, cursor_.object_name());
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<StatementParser::Body> StatementParser::show_variable() {
  ast::Show result{.kind = ast::ShowKind::Variable};
  result.name.position = cursor_.position();
  if (cursor_.accept({"time", "zone"})) {
    result.name.name = "timezone";
  } else if (cursor_.accept({"transaction", "isolation", "level"})) {
    result.name.name = "transaction_isolation";
  } else {
    PENSTOCK_TRY(result.name.name, cursor_.name());
    while (cursor_.accept_symbol(".")) {
      PENSTOCK_TRY(const auto part, cursor_.name());
      result.name.name += "." + part;
    }
  }
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<StatementParser::Body> StatementParser::describe() {
  ast::Show result{.kind = ast::ShowKind::Columns};
  if (cursor_.at({"fragments"}) || cursor_.at({"fragment"})) return cursor_.not_supported("DESCRIBE FRAGMENTS");
  PENSTOCK_TRY(result.name, cursor_.object_name());
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

Result<StatementParser::Body> StatementParser::explain() {
  ast::Explain result;
  if (cursor_.accept_symbol("(")) {
    do {
      if (cursor_.at({"analyze"}) || cursor_.at({"analyse"})) return cursor_.not_supported("EXPLAIN ANALYZE");
      if (cursor_.accept({"verbose"})) {
        result.verbose = true;
      } else {
        return cursor_.not_supported("this option of EXPLAIN");
      }
    } while (cursor_.accept_symbol(","));
    PENSTOCK_TRY(cursor_.expect_symbol(")"));
  }
  if (cursor_.at({"analyze"}) || cursor_.at({"analyse"})) return cursor_.not_supported("EXPLAIN ANALYZE");
  if (cursor_.accept({"verbose"})) result.verbose = true;
  if (cursor_.done() || cursor_.at({"explain"})) return cursor_.syntax_error();
  const size_t start = cursor_.index();
  PENSTOCK_TRY(auto inner, StatementParser(source_, tokens_.subspan(start)).parse());
  const bool planned = std::holds_alternative<ast::Query>(inner.body) || std::holds_alternative<ast::CreateRelation>(inner.body) ||
                       std::holds_alternative<ast::CreateMaterializedView>(inner.body) ||
                       std::holds_alternative<ast::CreateSink>(inner.body) || std::holds_alternative<ast::Insert>(inner.body) ||
                       std::holds_alternative<ast::Update>(inner.body) || std::holds_alternative<ast::Delete>(inner.body);
  if (!planned) return cursor_.not_supported("EXPLAIN of this statement");
  parameters_ = inner.parameters;
  result.statement = std::make_unique<ast::Statement>(std::move(inner));
  return Body(std::move(result));
}

Result<StatementParser::Body> StatementParser::wait() {
  if (cursor_.done()) return Body(ast::WaitForJobs{});
  PENSTOCK_TRY(cursor_.expect("for"));
  PENSTOCK_TRY(cursor_.expect("source"));
  ast::WaitForSource result;
  PENSTOCK_TRY(result.source, cursor_.object_name());
  PENSTOCK_TRY(cursor_.expect_end());
  return Body(std::move(result));
}

}  // namespace penstock::frontend
