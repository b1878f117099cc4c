#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a query says, before anything of the catalog is known: plain structs, made by the parser, read by the binder. Names are as
/// Postgres keeps them (unquoted ones in lower case). `position` is the 1-based character in the whole SQL text; 0: unknown.
namespace penstock::frontend::ast {

struct Expr;
struct Query;
struct TableRef;
using ExprPtr = std::unique_ptr<Expr>;
using QueryPtr = std::unique_ptr<Query>;
using TableRefPtr = std::unique_ptr<TableRef>;

struct TypeName {
  std::string name;                // "int4", "varchar", "jsonb": the last part, in Postgres' own spelling
  std::vector<int32_t> modifiers;  // numeric(10, 2)
  uint32_t position = 0;
};

enum class LiteralKind { Null, Boolean, Integer, Decimal, String };
/// Integer: digits that fit BIGINT; Decimal: any other number; Boolean: "t" or "f".
struct Literal {
  LiteralKind kind = LiteralKind::Null;
  std::string text;
};
struct Parameter {
  uint32_t number = 1;  // $1
};
struct ColumnRef {
  std::vector<std::string> parts;  // [[database.]schema.]table.column
};
/// `*` or `t.*`.
struct Star {
  std::vector<std::string> qualifier;
};
/// Any operator by its symbol, LIKE as "~~" and so on; without `left` a prefix operator.
struct Operator {
  std::string symbol;
  ExprPtr left;
  ExprPtr right;
};
enum class LogicalOp { And, Or, Not };
struct Logical {
  LogicalOp op = LogicalOp::And;
  std::vector<ExprPtr> args;
};
enum class TestKind { IsNull, IsNotNull, IsTrue, IsNotTrue, IsFalse, IsNotFalse, IsUnknown, IsNotUnknown };
struct Test {
  TestKind kind = TestKind::IsNull;
  ExprPtr arg;
};
/// `left IS [NOT] DISTINCT FROM right`.
struct Distinct {
  ExprPtr left;
  ExprPtr right;
  bool negated = false;
};
struct Between {
  ExprPtr arg;
  ExprPtr low;
  ExprPtr high;
  bool negated = false;
  bool symmetric = false;
};
struct InList {
  ExprPtr arg;
  std::vector<ExprPtr> items;
  bool negated = false;
};
struct When {
  ExprPtr condition;
  ExprPtr result;
};
struct Case {
  ExprPtr operand;  // CASE operand WHEN value …; absent: WHEN condition
  std::vector<When> whens;
  ExprPtr otherwise;
};
struct Cast {
  ExprPtr arg;
  TypeName type;
};
/// Also COALESCE, NULLIF, GREATEST, LEAST, EXTRACT, CURRENT_TIMESTAMP and what else Postgres' grammar makes of its own.
struct Function {
  std::string schema;
  std::string name;
  std::vector<ExprPtr> args;
  bool star = false;  // count(*)
  bool distinct = false;
  ExprPtr filter;
};
enum class SubqueryKind { Scalar, Exists, In };
struct Subquery {
  SubqueryKind kind = SubqueryKind::Scalar;
  ExprPtr test;  // In: test IN (query)
  QueryPtr query;
};

struct Expr {
  std::variant<Literal, Parameter, ColumnRef, Star, Operator, Logical, Test, Distinct, Between, InList, Case, Cast, Function, Subquery>
      node;
  uint32_t position = 0;
};

struct SortItem {
  ExprPtr expr;
  bool descending = false;
  bool nulls_first = false;
};

struct Alias {
  std::string name;
  std::vector<std::string> columns;
};
/// [database.][schema.]name
struct ObjectName {
  std::string database;
  std::string schema;
  std::string name;
  uint32_t position = 0;
};
struct DerivedTable {
  QueryPtr query;
};
/// TUMBLE(bid, date_time, INTERVAL '10' SECOND)
struct TableFunction {
  Function call;
};
enum class JoinKind { Inner, Left, Right, Full, Cross };
struct Join {
  JoinKind kind = JoinKind::Inner;
  TableRefPtr left;
  TableRefPtr right;
  ExprPtr on;
  std::vector<std::string> using_columns;
  bool natural = false;
};
struct TableRef {
  std::variant<ObjectName, DerivedTable, TableFunction, Join> node;
  Alias alias;
  uint32_t position = 0;
};

struct SelectItem {
  ExprPtr expr;
  std::string alias;  // empty: none given
};
struct Select {
  bool distinct = false;
  std::vector<SelectItem> items;
  std::vector<TableRef> from;  // joined by comma
  ExprPtr where;
  std::vector<ExprPtr> group_by;
  ExprPtr having;
};
struct Values {
  std::vector<std::vector<ExprPtr>> rows;
};
enum class SetOp { Union, Intersect, Except };
struct SetOperation {
  SetOp op = SetOp::Union;
  bool all = false;
  QueryPtr left;
  QueryPtr right;
};
struct Cte {
  std::string name;
  std::vector<std::string> columns;
  QueryPtr query;
  uint32_t position = 0;
};
struct Query {
  std::vector<Cte> with;
  std::variant<Select, Values, SetOperation> body;
  std::vector<SortItem> order_by;
  ExprPtr limit;
  ExprPtr offset;
  uint32_t position = 0;
};

}  // namespace penstock::frontend::ast
