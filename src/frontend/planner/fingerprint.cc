#include <fmt/ranges.h>

#include "frontend/planner/rules.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend::rules {
namespace {

using namespace logical;  // NOLINT(google-build-using-namespace): the nodes of the plan

// Exact, unlike the text for people: types of all parts, strings by their length.
void append(const Expr& e, std::string& out) {
  out +=
      fmt::format("{}{}:{}:{}{}'{}(", static_cast<int>(e.kind), e.type.to_string(), e.index, e.null ? "null" : "", e.text.size(), e.text);
  for (const Expr& arg : e.args) append(arg, out);
  out += ')';
}

std::string text_of(const Expr& e) {
  std::string out;
  append(e, out);
  return out;
}

std::string texts_of(const std::vector<Expr>& exprs) {
  std::string out;
  for (const Expr& e : exprs) out += text_of(e) + ",";
  return out;
}

struct Fingerprint {
  std::string operator()(const Scan& n) const { return fmt::format("scan {} {}", n.object->id(), fmt::join(n.columns, ",")); }
  std::string operator()(const SystemScan& n) const {
    return fmt::format("system {}.{} {}", n.relation->schema, n.relation->name, fmt::join(n.columns, ","));
  }
  std::string operator()(const Values& n) const {
    std::string out = "values";
    for (const auto& row : n.rows) out += " (" + texts_of(row) + ")";
    return out;
  }
  std::string operator()(const Filter& n) const { return "filter " + text_of(n.predicate); }
  std::string operator()(const Project& n) const { return "project " + texts_of(n.exprs); }
  std::string operator()(const Aggregate& n) const {
    std::string out = fmt::format("aggregate {}", fmt::join(n.keys, ","));
    for (const AggCall& c : n.calls) {
      out +=
          fmt::format(" {}({}){}:{}", c.function, fmt::join(c.args, ","), c.distinct ? "d" : "", c.filter ? std::to_string(*c.filter) : "");
    }
    return out;
  }
  std::string operator()(const Join& n) const {
    std::string out = fmt::format("join {} ", static_cast<int>(n.kind));
    for (const auto& [l, r] : n.keys) out += fmt::format("{}={},", l, r);
    return out + (n.condition ? text_of(*n.condition) : "") + fmt::format(" -> {}", fmt::join(n.output, ","));
  }
  std::string operator()(const Window& n) const {
    return fmt::format("window {} {} {} -> {}", n.time_column, n.slide_micros, n.size_micros, fmt::join(n.output, ","));
  }
  std::string operator()(const UnionAll& /*n*/) const { return "union"; }
  std::string operator()(const Sort& n) const {
    std::string out = "sort";
    for (const SortKey& k : n.keys) out += fmt::format(" {}{}{}", k.column, k.descending ? "d" : "a", k.nulls_first ? "f" : "l");
    return out;
  }
  std::string operator()(const Limit& n) const { return fmt::format("limit {} {}", n.count ? std::to_string(*n.count) : "", n.offset); }
};

}  // namespace

std::string fingerprint(const Plan& plan) {
  std::string out = std::visit(Fingerprint{}, plan.node);
  out += " [";
  for (const PlanPtr& input : plan.inputs) out += fingerprint(*input) + "; ";
  return out + "]";
}

}  // namespace penstock::frontend::rules
