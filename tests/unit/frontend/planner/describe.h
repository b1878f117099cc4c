#pragma once

#include <string>

#include "frontend/binder/expr.h"
#include "frontend/planner/explain.h"
#include "frontend/planner/planner.h"
#include "unit/frontend/fixture_catalog.h"

namespace penstock::testing {

inline std::string describe(const Error& e) {
  std::string out = fmt::format("ERROR {} @{}: {}\n", sqlstate(e.code()), e.position().value_or(0), e.message());
  if (!e.hint().empty()) out += fmt::format("HINT: {}\n", e.hint());
  return out;
}

inline std::string lines(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& line : all) out += line + "\n";
  return out;
}

inline std::string columns_of(const pb::CatalogObject& object) {
  std::string out;
  for (const auto& c : object.columns()) {
    const data::DataType type(static_cast<data::TypeKind>(c.type().kind()), static_cast<int16_t>(c.type().precision()),
                              static_cast<int16_t>(c.type().scale()));
    const std::vector<std::string> none;
    out += fmt::format("  {} {}{}{}{}\n", c.name(), type.to_string(), c.hidden() ? " hidden" : "", c.not_null() ? " not null" : "",
                       c.has_default_value() ? " default " + frontend::to_string(frontend::from_proto(c.default_value()), none) : "");
  }
  const std::map<std::string, std::string> properties(object.properties().begin(), object.properties().end());
  for (const auto& [key, value] : properties) out += fmt::format("  {} = {}\n", key, value);
  if (!object.format().empty()) out += fmt::format("  format {} {}\n", object.format(), object.encode());
  return out;
}

/// What a bound statement is, as text.
struct Describe {
  std::string operator()(const frontend::CreateSource& n) const { return columns_of(n.object); }
  std::string operator()(const frontend::CreateJob& n) const { return columns_of(n.object) + lines(frontend::explain(n.graph, false)); }
  std::string operator()(const frontend::CreateSubscription& n) const {
    return fmt::format("  of {}, retention {} ms\n", fmt::join(n.object.depends_on(), ", "), n.object.retention_ms());
  }
  std::string operator()(const frontend::DeclareCursor& n) const {
    using Kind = frontend::ast::CursorStart::Kind;
    const std::string start = n.start.kind == Kind::Now      ? "now"
                              : n.start.kind == Kind::Begin  ? "begin"
                              : n.start.kind == Kind::Full   ? "full"
                              : n.start.kind == Kind::Millis ? fmt::format("{} ms", n.start.millis)
                                                             : fmt::format("position {}", n.start.position);
    return fmt::format("  {} of {}, {}\n", n.name.name, n.subscription_id, start);
  }
  std::string operator()(const frontend::FetchCursor& n) const {
    return fmt::format("  {} of {}, {} ms\n", n.count == UINT64_MAX ? "all" : std::to_string(n.count), n.name.name, n.timeout.count());
  }
  std::string operator()(const frontend::ast::CloseCursor& n) const { return fmt::format("  {}\n", n.name ? n.name->name : "ALL"); }
  std::string operator()(const frontend::CreateDatabase& n) const {
    return fmt::format("  {} {} {}\n", n.name, n.barrier_interval_ms, n.checkpoint_frequency);
  }
  std::string operator()(const frontend::Drop& n) const {
    std::string out;
    for (const auto& t : n.targets) out += fmt::format("  {} {}{}\n", t.id, t.name, n.cascade ? " cascade" : "");
    return out;
  }
  std::string operator()(const frontend::DropDatabase& n) const {
    return fmt::format("  {}{}\n", n.database_id, n.cascade ? " cascade" : "");
  }
  std::string operator()(const frontend::Alter& n) const {
    struct Action {
      std::string operator()(const frontend::ast::SetPaused& a) const { return a.paused ? "pause" : "resume"; }
      std::string operator()(const frontend::SetRate& a) const {
        return fmt::format("{} rate {}", a.backfill ? "backfill" : "source", a.rate);
      }
      std::string operator()(const frontend::Rename& a) const { return fmt::format("rename to {}: {}", a.name, a.definition); }
      std::string operator()(const frontend::SetConnector& a) const {
        std::string out = a.source.name();
        for (const auto& option : a.options) out += fmt::format(" {} = {}", option.key, option.value);
        return out;
      }
      std::string operator()(const frontend::ast::SetParallelism& a) const { return fmt::format("parallelism {}", a.parallelism); }
      std::string operator()(const frontend::AddColumn& a) const {
        const pb::Literal& added = a.column.added();
        return fmt::format("add column {} behind {}, {}, old rows have {}: {}", a.column.name(), a.columns_before,
                           a.column.not_null() ? "not null" : "nullable", added.is_null() ? "NULL" : "'" + added.text() + "'",
                           a.definition);
      }
      std::string operator()(const frontend::SetIntervals& a) const {
        return fmt::format("barriers {} ms, checkpoint every {}", a.barrier_interval_ms, a.checkpoint_frequency);
      }
    };
    return fmt::format("  database {} object {}: {}\n", n.database_id, n.object_id, std::visit(Action{}, n.action));
  }
  std::string operator()(const frontend::ast::CancelJobs& n) const { return fmt::format("  {}\n", fmt::join(n.ids, ", ")); }
  std::string operator()(const frontend::ast::WaitForJobs& /*n*/) const { return ""; }
  std::string operator()(const frontend::Insert& n) const { return lines(frontend::explain(*n.rows)); }
  std::string operator()(const frontend::Update& n) const { return lines(frontend::explain(*n.rows)); }
  std::string operator()(const frontend::Delete& n) const { return lines(frontend::explain(*n.rows)); }
  std::string operator()(const frontend::Copy& n) const { return fmt::format("  columns {}\n", fmt::join(n.columns, ", ")); }
  std::string operator()(const frontend::Query& n) const {
    std::string out;
    for (const auto& f : n.columns) out += fmt::format("  {} {}\n", f.name, f.type.to_string());
    return out + lines(frontend::explain(*n.plan));
  }
  std::string operator()(const frontend::Explain& n) const { return lines(n.lines); }
  std::string operator()(const frontend::Show& n) const {
    return fmt::format("  kind {} variable '{}' schema '{}' like '{}' object '{}'\n", static_cast<int>(n.kind), n.variable, n.schema,
                       n.like.value_or(""), n.object ? n.object->name() : "");
  }
  std::string operator()(const frontend::ast::SetVariable& n) const {
    return fmt::format("  {} = {}{}\n", n.name, n.value.value_or("DEFAULT"), n.local ? " local" : "");
  }
  std::string operator()(const frontend::ast::Deallocate& n) const { return fmt::format("  {}\n", n.name.value_or("ALL")); }
  std::string operator()(const frontend::ast::ResetVariable& n) const { return fmt::format("  {}\n", n.name.empty() ? "ALL" : n.name); }
  std::string operator()(const frontend::Flush& /*n*/) const { return ""; }
  std::string operator()(const frontend::WaitForSource& n) const { return fmt::format("  {} {}\n", n.source_id, n.name); }
  std::string operator()(const frontend::ast::Transaction& /*n*/) const { return ""; }
  std::string operator()(const frontend::Skip& /*n*/) const { return "  skipped\n"; }
};

/// All statements of `sql`, one after the other: tag, notices and content, or the error.
inline std::string describe_sql(std::string_view sql, const FixtureCatalog& catalog) {
  const auto statements = frontend::parse(sql);
  if (statements.has_error()) return describe(statements.error());
  std::string out;
  for (const auto& statement : statements.value()) {
    const auto bound = frontend::bind(statement, catalog, catalog.settings);
    if (bound.has_error()) {
      out += describe(bound.error());
      continue;
    }
    if (!std::holds_alternative<frontend::Explain>(bound.value().body)) out += bound.value().tag + "\n";
    for (const auto& notice : bound.value().notices) out += fmt::format("NOTICE: {}\n", notice);
    out += std::visit(Describe{}, bound.value().body);
  }
  return out;
}

}  // namespace penstock::testing
