#include <gtest/gtest.h>

#include "expr/registry.h"

namespace penstock::expr {
namespace {

using data::DataType;
using data::TypeKind;

constexpr ArgType kUnknown{TypeKind::Varchar, true};

std::string scalar(std::string_view name, std::vector<ArgType> args) {
  const auto resolved = resolve_scalar(name, args);
  if (resolved.has_error()) return std::string(sqlstate(resolved.error().code())) + " " + resolved.error().message();
  std::string out;
  for (const DataType type : resolved.value().arg_types) out += (out.empty() ? "" : ", ") + type.to_string();
  return "(" + out + ") -> " + resolved.value().return_type.to_string();
}
ArgType of(DataType type) { return {type}; }

TEST(Resolve, prefers_the_exact_overload) {
  EXPECT_EQ(scalar("add", {of(TypeKind::Int16), of(TypeKind::Int16)}), "(smallint, smallint) -> smallint");
  EXPECT_EQ(scalar("add", {of(TypeKind::Float32), of(TypeKind::Float64)}), "(real, double precision) -> double precision");
}

TEST(Resolve, casts_implicitly_to_the_nearest) {
  EXPECT_EQ(scalar("add", {of(TypeKind::Int16), of(TypeKind::Int64)}), "(bigint, bigint) -> bigint");
  EXPECT_EQ(scalar("add", {of(TypeKind::Int32), of(TypeKind::Numeric)}), "(numeric, numeric) -> numeric");
  EXPECT_EQ(scalar("add", {of(TypeKind::Float32), of(TypeKind::Int32)}), "(real, double precision) -> double precision");
  EXPECT_EQ(scalar("add", {of(TypeKind::Numeric), of(TypeKind::Float64)}), "(double precision, double precision) -> double precision");
}

TEST(Resolve, prefers_float8_among_equals) {
  EXPECT_EQ(scalar("round", {of(TypeKind::Int32)}), "(double precision) -> double precision");
  EXPECT_EQ(scalar("ceil", {of(TypeKind::Numeric)}), "(numeric) -> numeric");
  EXPECT_EQ(scalar("round", {of(TypeKind::Int64), of(TypeKind::Int16)}), "(numeric, integer) -> numeric");
}

TEST(Resolve, keeps_the_modifiers_of_arguments_that_fit) {
  EXPECT_EQ(scalar("add", {of(DataType(TypeKind::Numeric, 10, 2)), of(TypeKind::Int32)}), "(numeric(10,2), numeric) -> numeric");
}

TEST(Resolve, lets_unknown_literals_follow_the_known_side) {
  EXPECT_EQ(scalar("equal", {of(TypeKind::Date), kUnknown}), "(date, date) -> boolean");
  EXPECT_EQ(scalar("add", {kUnknown, of(TypeKind::Int64)}), "(bigint, bigint) -> bigint");
  EXPECT_EQ(scalar("equal", {kUnknown, kUnknown}), "(character varying, character varying) -> boolean");
  EXPECT_EQ(scalar("add", {kUnknown, kUnknown}), "42883 operator is not unique: unknown + unknown");
}

TEST(Resolve, names_functions_and_operators_that_are_not_there) {
  EXPECT_EQ(scalar("frobnicate", {of(TypeKind::Int64), kUnknown}), "42883 function frobnicate(bigint, unknown) does not exist");
  EXPECT_EQ(scalar("add", {of(TypeKind::Int64), of(TypeKind::Varchar)}), "42883 operator does not exist: bigint + character varying");
  EXPECT_EQ(scalar("negate", {of(TypeKind::Boolean)}), "42883 operator does not exist: - boolean");
  EXPECT_EQ(scalar("abs", {of(TypeKind::Int64), of(TypeKind::Int64)}), "42883 function abs(bigint, bigint) does not exist");
}

TEST(Resolve, knows_operators_by_symbol_and_arity) {
  EXPECT_EQ(operator_name("+", 2), "add");
  EXPECT_EQ(operator_name("+", 1), "plus");
  EXPECT_EQ(operator_name("-", 1), "negate");
  EXPECT_EQ(operator_name("<>", 2), "not_equal");
  EXPECT_EQ(operator_name("!=", 2), "not_equal");
  EXPECT_EQ(operator_name("~~", 2), "like");
  EXPECT_EQ(operator_name("@@", 2), "");
}

TEST(Resolve, finds_every_function_by_name) {
  EXPECT_TRUE(is_scalar("case"));
  EXPECT_FALSE(is_scalar("sum"));
  EXPECT_TRUE(is_aggregate("count"));
  EXPECT_FALSE(is_aggregate("abs"));
}

TEST(Resolve, finds_the_common_type_as_union_does) {
  const auto common = [](std::vector<ArgType> args) {
    const auto type = common_type(args, "UNION");
    return type.has_value() ? type.value().to_string() : type.error().message();
  };
  EXPECT_EQ(common({of(TypeKind::Int16), of(TypeKind::Int64), of(TypeKind::Int32)}), "bigint");
  EXPECT_EQ(common({of(TypeKind::Int32), of(TypeKind::Numeric)}), "numeric");
  EXPECT_EQ(common({of(TypeKind::Float32), of(TypeKind::Numeric)}), "real");
  EXPECT_EQ(common({kUnknown, kUnknown}), "character varying");
  EXPECT_EQ(common({kUnknown, of(TypeKind::Date)}), "date");
  EXPECT_EQ(common({of(TypeKind::Date), of(TypeKind::Timestamp)}), "timestamp without time zone");
  EXPECT_EQ(common({of(DataType(TypeKind::Numeric, 10, 2)), of(DataType(TypeKind::Numeric, 10, 2))}), "numeric(10,2)");
  EXPECT_EQ(common({of(DataType(TypeKind::Numeric, 10, 2)), of(DataType(TypeKind::Numeric, 12, 2))}), "numeric");
  EXPECT_EQ(common({of(TypeKind::Int32), of(TypeKind::Varchar)}), "UNION types integer and character varying cannot be matched");
}

std::string aggregate(std::string_view name, std::vector<ArgType> args) {
  const auto resolved = resolve_aggregate(name, args);
  return resolved.has_value() ? resolved.value().return_type.to_string() : resolved.error().message();
}

TEST(Resolve, gives_aggregates_the_types_of_postgres) {
  EXPECT_EQ(aggregate("count", {}), "bigint");
  EXPECT_EQ(aggregate("count", {of(TypeKind::Varchar)}), "bigint");
  EXPECT_EQ(aggregate("sum", {of(TypeKind::Int16)}), "bigint");
  EXPECT_EQ(aggregate("sum", {of(TypeKind::Int32)}), "bigint");
  EXPECT_EQ(aggregate("sum", {of(TypeKind::Int64)}), "numeric");
  EXPECT_EQ(aggregate("sum", {of(TypeKind::Float32)}), "real");
  EXPECT_EQ(aggregate("sum", {of(TypeKind::Interval)}), "interval");
  EXPECT_EQ(aggregate("avg", {of(TypeKind::Int32)}), "numeric");
  EXPECT_EQ(aggregate("avg", {of(TypeKind::Float32)}), "double precision");
  EXPECT_EQ(aggregate("max", {of(TypeKind::Varchar)}), "character varying");
  EXPECT_EQ(aggregate("max", {of(TypeKind::Date)}), "date");
  EXPECT_EQ(aggregate("max", {of(DataType(TypeKind::Numeric, 10, 2))}), "numeric");
  EXPECT_EQ(aggregate("bool_and", {of(TypeKind::Boolean)}), "boolean");
  EXPECT_EQ(aggregate("sum", {of(TypeKind::Varchar)}), "function sum(character varying) does not exist");
  EXPECT_EQ(aggregate("min", {of(TypeKind::Boolean)}), "function min(boolean) does not exist");
  EXPECT_EQ(aggregate("sum", {}), "function sum() does not exist");
}

TEST(Registry, lists_each_signature_once) {
  const auto functions = list_functions();
  EXPECT_NE(std::find(functions.begin(), functions.end(), "add(bigint, bigint) -> bigint"), functions.end());
  EXPECT_NE(std::find(functions.begin(), functions.end(), "coalesce(any, same, ...) -> any"), functions.end());
  EXPECT_TRUE(std::is_sorted(functions.begin(), functions.end(),
                             [](const auto& a, const auto& b) { return a.substr(0, a.find('(')) < b.substr(0, b.find('(')); }));
  EXPECT_EQ(std::set<std::string>(functions.begin(), functions.end()).size(), functions.size());
}

}  // namespace
}  // namespace penstock::expr
