#include <gtest/gtest.h>

#include "frontend/binder/query_binder.h"
#include "frontend/parser/parser.h"

namespace penstock::frontend {
namespace {

class NoCatalog : public CatalogReader {
 public:
  const pb::CatalogObject* find(std::string_view, std::string_view) const override { return nullptr; }
  const pb::CatalogObject* find(uint32_t) const override { return nullptr; }
  std::vector<const pb::CatalogObject*> objects() const override { return {}; }
  bool has_schema(std::string_view) const override { return false; }
  const SystemRelation* find_system(std::string_view, std::string_view) const override { return nullptr; }
  std::optional<uint32_t> database_id(std::string_view) const override { return std::nullopt; }
};

// The expressions of a query without FROM, or the error; types of the parameters after a bar.
std::string bound(std::string_view sql, Parameters parameters) {
  const NoCatalog catalog;
  const SessionSettings settings;
  ExprFactory factory(parameters);
  BindContext context{catalog, settings, factory, false, {}, {}, 0};
  const auto statements = parse(sql).value();
  const auto query = QueryBinder(context).bind(std::get<ast::Query>(statements[0].body));
  if (query.has_error())
    return fmt::format("{} @{} {}", sqlstate(query.error().code()), query.error().position().value_or(0), query.error().message());
  const auto* plan = query.value().plan.get();
  while (plan->as<logical::Project>() == nullptr) plan = &plan->input();
  std::string out;
  for (const Expr& e : plan->as<logical::Project>()->exprs) out += to_string(e, {}) + " ";
  out += "|";
  for (const auto& type : parameters.types) out += " " + (type ? type->to_string() : "?");
  return out;
}

std::string described(std::string_view sql) { return bound(sql, {}); }

std::string run(std::string_view sql, std::vector<std::optional<std::string>> values) {
  return bound(sql, {.types = {}, .values = std::move(values)});
}

TEST(Parameters, take_the_type_of_what_stands_beside_them) {
  EXPECT_EQ(described("SELECT $1 + 1"), "($1 + 1) | integer");
  EXPECT_EQ(described("SELECT $1::bigint, $1"), "$1 $1 | bigint");
  EXPECT_EQ(described("SELECT 1.5 < $2, $1 LIKE 'a%'"), "(1.5 < $2) ($1 LIKE 'a%') | character varying numeric");
  EXPECT_EQ(described("SELECT CASE WHEN $1 THEN $2 ELSE 1 END"), "case($1, $2, 1) | boolean integer");
  EXPECT_EQ(described("SELECT 1 IN ($1, $2)"), "(1 IN ($1, $2)) | integer integer");
}

TEST(Parameters, are_text_where_nothing_says_more) { EXPECT_EQ(described("SELECT $1"), "$1 | character varying"); }

TEST(Parameters, become_typed_literals_when_values_are_there) {
  EXPECT_EQ(run("SELECT $1 + 1", {"41"}), "42 | integer");
  EXPECT_EQ(run("SELECT $1, $1 || 'x'", {"a'b"}), "'a''b' 'a''bx' | character varying");
  EXPECT_EQ(run("SELECT $1::timestamp", {"2015-07-15"}), "'2015-07-15 00:00:00' | timestamp without time zone");
}

TEST(Parameters, may_be_null) { EXPECT_EQ(run("SELECT $1 + 1", {std::nullopt}), "NULL | integer"); }

TEST(Parameters, use_the_type_that_the_client_gave) {
  EXPECT_EQ(bound("SELECT $1", {.types = {data::TypeKind::Int64}, .values = {{"7"}}}), "7 | bigint");
  EXPECT_EQ(bound("SELECT $1 + 1", {.types = {data::TypeKind::Float64}, .values = std::nullopt}), "($1 + 1) | double precision");
}

TEST(Parameters, report_values_that_are_none_of_their_type) {
  EXPECT_EQ(run("SELECT $1 + 1", {"x"}), "22P02 @8 invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(run("SELECT $2 + 1", {"1"}), "42704 @8 there is no parameter $2");
}

TEST(Parameters, can_limit_rows) {
  EXPECT_EQ(described("SELECT 1 LIMIT $1"), "1 | bigint");
  EXPECT_EQ(run("SELECT 1 LIMIT $1", {"5"}), "1 | bigint");
  EXPECT_EQ(run("SELECT 1 LIMIT $1", {"-5"}), "22023 @16 LIMIT must not be negative");
}

}  // namespace
}  // namespace penstock::frontend
