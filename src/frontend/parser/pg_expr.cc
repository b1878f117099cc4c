#include <charconv>

#include "frontend/parser/pg_convert.h"

namespace penstock::frontend {
namespace {

// Location of the first thing of an expression that knows one: Postgres leaves it out of some nodes.
int location_of(const PgNode& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_A_EXPR:
      return node.a_expr->location;
    case PG_QUERY__NODE__NODE_A_CONST:
      return node.a_const->location;
    case PG_QUERY__NODE__NODE_COLUMN_REF:
      return node.column_ref->location;
    case PG_QUERY__NODE__NODE_FUNC_CALL:
      return node.func_call->location;
    case PG_QUERY__NODE__NODE_TYPE_CAST:
      return node.type_cast->location >= 0 ? node.type_cast->location : node.type_cast->type_name->location;
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      return node.collate_clause->location;
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return node.a_array_expr->location;
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      return node.row_expr->location;
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
      return node.grouping_func->location;
    case PG_QUERY__NODE__NODE_GROUPING_SET:
      return node.grouping_set->location;
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
      return node.set_to_default->location;
    case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR:
      return node.named_arg_expr->location;
    case PG_QUERY__NODE__NODE_XML_EXPR:
      return node.xml_expr->location;
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
      return location_of(*node.a_indirection->arg);
    default:
      return -1;
  }
}

std::string_view construct_name(const PgNode& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      return "COLLATE";
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return "ARRAY";
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      return "a row value";
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
      return "GROUPING";
    case PG_QUERY__NODE__NODE_GROUPING_SET:
      return "GROUPING SETS, ROLLUP or CUBE";
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
      return "DEFAULT as a value";
    case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR:
      return "an argument by name";
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
      return "a subscript or field selection";
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
      return "XML";
    case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
      return "WHERE CURRENT OF";
    default:
      return "this expression";
  }
}

bool fits_bigint(std::string_view digits) {
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return failure == std::errc{} && end == digits.data() + digits.size();
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size();
}

// The fields of `INTERVAL '…' DAY`: Postgres gives a bit a unit (1 << the number of its field).
std::string_view interval_unit(int mask) {
  switch (mask) {
    case 1 << 2:
      return "year";
    case 1 << 1:
      return "month";
    case 1 << 3:
      return "day";
    case 1 << 10:
      return "hour";
    case 1 << 11:
      return "minute";
    case 1 << 12:
      return "second";
    default:
      return {};
  }
}

}  // namespace

std::vector<std::string> pg_strings(PgList list) {
  std::vector<std::string> strings;
  for (const PgNode* node : list) {
    if (node->node_case == PG_QUERY__NODE__NODE_STRING) strings.emplace_back(node->string->sval);
  }
  return strings;
}

Error PgConverter::not_supported(std::string_view what, int location) const {
  const Error e = error(Code::NotSupported, "{} is not supported", what);
  return location < 0 ? e : e.at(text_.position(location));
}

Result<std::vector<ast::ExprPtr>> PgConverter::exprs(PgList list) {
  std::vector<ast::ExprPtr> out;
  out.reserve(list.size);
  for (const PgNode* node : list) {
    PENSTOCK_TRY(auto e, expr(node));
    out.push_back(std::move(e));
  }
  return out;
}

Result<ast::ExprPtr> PgConverter::optional_expr(const PgNode* node) {
  if (node == nullptr || node->node_case == PG_QUERY__NODE__NODE__NOT_SET) return ast::ExprPtr{};
  return expr(node);
}

Result<ast::ExprPtr> PgConverter::expr(const PgNode* node) {
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
      return constant(*node->a_const);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
      return column(*node->column_ref);
    case PG_QUERY__NODE__NODE_PARAM_REF:
      return parameter(*node->param_ref);
    case PG_QUERY__NODE__NODE_A_EXPR:
      return operation(*node->a_expr);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
      return logical(*node->bool_expr);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
      return case_when(*node->case_expr);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
      return cast(*node->type_cast);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: {
      // Text is compared by its bytes: what "C" says, and what the default is.
      const auto names = pg_strings({node->collate_clause->n_collname, node->collate_clause->collname});
      const bool ours = !names.empty() && (names.back() == "default" || names.back() == "C" || names.back() == "POSIX");
      if (ours) return expr(node->collate_clause->arg);
      return not_supported("COLLATE other than \"C\"", node->collate_clause->location);
    }
    case PG_QUERY__NODE__NODE_SUB_LINK:
      return subquery(*node->sub_link);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      return value_function(*node->sqlvalue_function);
    case PG_QUERY__NODE__NODE_FUNC_CALL: {
      PENSTOCK_TRY(auto call, function(*node->func_call));
      return make(std::move(call), node->func_call->location);
    }
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: {
      const auto& n = *node->coalesce_expr;
      return named_function("coalesce", {n.n_args, n.args}, n.location);
    }
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
      const auto& n = *node->min_max_expr;
      return named_function(n.op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least", {n.n_args, n.args}, n.location);
    }
    case PG_QUERY__NODE__NODE_NULL_TEST: {
      const auto& n = *node->null_test;
      PENSTOCK_TRY(auto arg, expr(n.arg));
      const bool null = n.nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL;
      return make(ast::Test{null ? ast::TestKind::IsNull : ast::TestKind::IsNotNull, std::move(arg)}, n.location);
    }
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST: {
      const auto& n = *node->boolean_test;
      PENSTOCK_TRY(auto arg, expr(n.arg));
      static constexpr ast::TestKind kKinds[] = {ast::TestKind::IsTrue,     ast::TestKind::IsNotTrue, ast::TestKind::IsFalse,
                                                 ast::TestKind::IsNotFalse, ast::TestKind::IsUnknown, ast::TestKind::IsNotUnknown};
      return make(ast::Test{kKinds[n.booltesttype - PG_QUERY__BOOL_TEST_TYPE__IS_TRUE], std::move(arg)}, n.location);
    }
    default:
      return not_supported(construct_name(*node), location_of(*node));
  }
}

Result<ast::ExprPtr> PgConverter::constant(const PgQuery__AConst& node) {
  ast::Literal literal;
  if (node.isnull) return make(std::move(literal), node.location);
  switch (node.val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      literal = {ast::LiteralKind::Integer, std::to_string(node.ival->ival)};
      break;
    case PG_QUERY__A__CONST__VAL_FVAL: {
      const std::string_view text = node.fval->fval;
      literal = {fits_bigint(text) ? ast::LiteralKind::Integer : ast::LiteralKind::Decimal, std::string(text)};
      break;
    }
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      literal = {ast::LiteralKind::Boolean, node.boolval->boolval ? "t" : "f"};
      break;
    case PG_QUERY__A__CONST__VAL_SVAL:
      literal = {ast::LiteralKind::String, node.sval->sval};
      break;
    case PG_QUERY__A__CONST__VAL_BSVAL:
      return not_supported("a bit string", node.location);
    default:
      return error(Code::Internal, "a constant without a value").at(text_.position(node.location));
  }
  return make(std::move(literal), node.location);
}

Result<ast::ExprPtr> PgConverter::column(const PgQuery__ColumnRef& node) {
  const PgList fields{node.n_fields, node.fields};
  auto parts = pg_strings(fields);
  if (fields.nodes[fields.size - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR) return make(ast::Star{std::move(parts)}, node.location);
  return make(ast::ColumnRef{std::move(parts)}, node.location);
}

Result<ast::ExprPtr> PgConverter::parameter(const PgQuery__ParamRef& node) {
  constexpr int kMaxParameters = 65'535;
  if (node.number < 1 || node.number > kMaxParameters) {
    return error(Code::Syntax, "there is no parameter ${}", node.number).at(text_.position(node.location));
  }
  parameters_ = std::max(parameters_, static_cast<uint32_t>(node.number));
  return make(ast::Parameter{static_cast<uint32_t>(node.number)}, node.location);
}

Result<ast::ExprPtr> PgConverter::operation(const PgQuery__AExpr& node) {
  switch (node.kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
      return between(node);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
      return not_supported("operator ANY (array)", node.location);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
      return not_supported("operator ALL (array)", node.location);
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
      return not_supported("SIMILAR TO", node.location);
    default:
      break;
  }
  const auto symbols = pg_strings({node.n_name, node.name});
  if (symbols.size() != 1 && symbols.front() != "pg_catalog") return not_supported("an operator of a schema", node.location);
  const std::string& symbol = symbols.back();
  PENSTOCK_TRY(auto left, optional_expr(node.lexpr));
  if (node.kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN) {
    PENSTOCK_TRY(auto items, exprs({node.rexpr->list->n_items, node.rexpr->list->items}));
    return make(ast::InList{std::move(left), std::move(items), symbol == "<>"}, node.location);
  }
  PENSTOCK_TRY(auto right, expr(node.rexpr));
  switch (node.kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
      return make(ast::Distinct{std::move(left), std::move(right), false}, node.location);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
      return make(ast::Distinct{std::move(left), std::move(right), true}, node.location);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: {
      ast::Function call{.name = "nullif"};
      call.args.push_back(std::move(left));
      call.args.push_back(std::move(right));
      return make(std::move(call), node.location);
    }
    default:
      return make(ast::Operator{symbol, std::move(left), std::move(right)}, node.location);
  }
}

Result<ast::ExprPtr> PgConverter::between(const PgQuery__AExpr& node) {
  PENSTOCK_TRY(auto arg, expr(node.lexpr));
  PENSTOCK_TRY(auto bounds, exprs({node.rexpr->list->n_items, node.rexpr->list->items}));
  const bool symmetric =
      node.kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM || node.kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
  const bool negated =
      node.kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN || node.kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
  return make(ast::Between{std::move(arg), std::move(bounds[0]), std::move(bounds[1]), negated, symmetric}, node.location);
}

Result<ast::ExprPtr> PgConverter::logical(const PgQuery__BoolExpr& node) {
  PENSTOCK_TRY(auto args, exprs({node.n_args, node.args}));
  const ast::LogicalOp op = node.boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR  ? ast::LogicalOp::And
                            : node.boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? ast::LogicalOp::Or
                                                                               : ast::LogicalOp::Not;
  return make(ast::Logical{op, std::move(args)}, node.location);
}

Result<ast::ExprPtr> PgConverter::case_when(const PgQuery__CaseExpr& node) {
  ast::Case result;
  PENSTOCK_TRY(result.operand, optional_expr(node.arg));
  for (const PgNode* arm : PgList{node.n_args, node.args}) {
    ast::When when;
    PENSTOCK_TRY(when.condition, expr(arm->case_when->expr));
    PENSTOCK_TRY(when.result, expr(arm->case_when->result));
    result.whens.push_back(std::move(when));
  }
  PENSTOCK_TRY(result.otherwise, optional_expr(node.defresult));
  return make(std::move(result), node.location);
}

// INTERVAL '10' SECOND: the unit is a modifier of the type; a bare number takes it, anything else would have to be cut to it.
Result<ast::ExprPtr> PgConverter::interval_with_unit(const PgQuery__TypeCast& node) {
  const PgQuery__TypeName& type = *node.type_name;
  const PgNode& mask = *type.typmods[0];
  const std::string_view unit = mask.node_case == PG_QUERY__NODE__NODE_A_CONST && type.n_typmods == 1 && mask.a_const->ival != nullptr
                                    ? interval_unit(mask.a_const->ival->ival)
                                    : std::string_view{};
  const bool bare = node.arg->node_case == PG_QUERY__NODE__NODE_A_CONST && node.arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL &&
                    is_number(node.arg->a_const->sval->sval);
  if (unit.empty() || !bare) return not_supported("an interval with this field or precision", type.location);
  ast::Cast result;
  result.arg =
      make(ast::Literal{ast::LiteralKind::String, fmt::format("{} {}", node.arg->a_const->sval->sval, unit)}, node.arg->a_const->location);
  result.type = {"interval", {}, text_.position(type.location)};
  return make(std::move(result), type.location);
}

Result<ast::ExprPtr> PgConverter::cast(const PgQuery__TypeCast& node) {
  const auto names = pg_strings({node.type_name->n_names, node.type_name->names});
  if (!names.empty() && names.back() == "interval" && node.type_name->n_typmods > 0) return interval_with_unit(node);
  ast::Cast result;
  PENSTOCK_TRY(result.arg, expr(node.arg));
  PENSTOCK_TRY(result.type, type_name(*node.type_name));
  // TRUE and FALSE were casts of 't' and 'f' once; a literal with a type in front has no location of its own.
  return make(std::move(result), node.location >= 0 ? node.location : node.type_name->location);
}

Result<ast::TypeName> PgConverter::type_name(const PgQuery__TypeName& type) {
  if (type.setof || type.pct_type) return not_supported("SETOF or %TYPE", type.location);
  if (type.n_array_bounds > 0) return not_supported("an array type", type.location);
  const auto names = pg_strings({type.n_names, type.names});
  if (names.empty() || names.size() > 2 || (names.size() == 2 && names[0] != "pg_catalog")) {
    return not_supported("a type of a schema", type.location);
  }
  ast::TypeName result{names.back(), {}, text_.position(type.location)};
  for (const PgNode* modifier : PgList{type.n_typmods, type.typmods}) {
    if (modifier->node_case != PG_QUERY__NODE__NODE_A_CONST || modifier->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL) {
      return error(Code::Syntax, "type modifiers must be simple constants").at(result.position);
    }
    result.modifiers.push_back(modifier->a_const->ival->ival);
  }
  return result;
}

Result<ast::Function> PgConverter::function(const PgQuery__FuncCall& node) {
  if (node.over != nullptr) return not_supported("OVER (a window function)", node.location);
  if (node.agg_within_group) return not_supported("WITHIN GROUP", node.location);
  if (node.n_agg_order > 0) return not_supported("ORDER BY in an aggregate", node.location);
  if (node.func_variadic) return not_supported("VARIADIC", node.location);
  const auto names = pg_strings({node.n_funcname, node.funcname});
  if (names.size() > 2) return not_supported("a function of another database", node.location);
  ast::Function call;
  call.name = names.back();
  if (names.size() == 2) call.schema = names.front();
  call.star = node.agg_star;
  call.distinct = node.agg_distinct;
  PENSTOCK_TRY(call.args, exprs({node.n_args, node.args}));
  PENSTOCK_TRY(call.filter, optional_expr(node.agg_filter));
  return call;
}

Result<ast::ExprPtr> PgConverter::named_function(std::string_view name, PgList args, int location) {
  ast::Function call{.name = std::string(name)};
  PENSTOCK_TRY(call.args, exprs(args));
  return make(std::move(call), location);
}

Result<ast::ExprPtr> PgConverter::value_function(const PgQuery__SQLValueFunction& node) {
  switch (node.op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
      return named_function("current_date", {0, nullptr}, node.location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
      return named_function("current_timestamp", {0, nullptr}, node.location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
      return named_function("localtimestamp", {0, nullptr}, node.location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
      return named_function("current_user", {0, nullptr}, node.location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
      return named_function("session_user", {0, nullptr}, node.location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
      return named_function("current_database", {0, nullptr}, node.location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
      return named_function("current_schema", {0, nullptr}, node.location);
    default:
      return not_supported("CURRENT_TIME, LOCALTIME or a time with a precision", node.location);
  }
}

Result<ast::ExprPtr> PgConverter::subquery(const PgQuery__SubLink& node) {
  ast::Subquery result;
  switch (node.sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
      result.kind = ast::SubqueryKind::Scalar;
      break;
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
      result.kind = ast::SubqueryKind::Exists;
      break;
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
      if (node.n_oper_name > 0) return not_supported("operator ANY (subquery)", node.location);
      result.kind = ast::SubqueryKind::In;
      break;
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK:
      return not_supported("operator ALL (subquery)", node.location);
    default:
      return not_supported("ARRAY (subquery) or an assignment from a subquery", node.location);
  }
  PENSTOCK_TRY(result.test, optional_expr(node.testexpr));
  PENSTOCK_TRY(auto inner, query(*node.subselect->select_stmt));
  result.query = std::make_unique<ast::Query>(std::move(inner));
  return make(std::move(result), node.location);
}

}  // namespace penstock::frontend
