#include "frontend/parser/pg_convert.h"

namespace penstock::frontend {
namespace {

template <typename T>
std::unique_ptr<T> boxed(T value) {
  return std::make_unique<T>(std::move(value));
}

// Postgres gives a SELECT no location; its first part that has one will do.
int location_of(const PgQuery__SelectStmt& node) {
  if (node.n_target_list > 0) return node.target_list[0]->res_target->location;
  return node.larg != nullptr ? location_of(*node.larg) : -1;
}

}  // namespace

Result<ast::Query> PgConverter::query(const PgQuery__SelectStmt& node) {
  PENSTOCK_TRY(refuse_select_clauses(node));
  ast::Query result;
  result.position = text_.position(location_of(node));
  PENSTOCK_TRY(result.with, with(node.with_clause));
  if (node.op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
    PENSTOCK_TRY(result.body, set_operation(node));
  } else if (node.n_values_lists > 0) {
    PENSTOCK_TRY(result.body, values(node));
  } else {
    PENSTOCK_TRY(result.body, select_core(node));
  }
  PENSTOCK_TRY(result.order_by, sort_items({node.n_sort_clause, node.sort_clause}));
  PENSTOCK_TRY(result.limit, optional_expr(node.limit_count));
  PENSTOCK_TRY(result.offset, optional_expr(node.limit_offset));
  return result;
}

Status PgConverter::refuse_select_clauses(const PgQuery__SelectStmt& node) const {
  if (node.into_clause != nullptr) return not_supported("SELECT INTO", node.into_clause->rel->location);
  if (node.n_window_clause > 0) return not_supported("WINDOW", node.window_clause[0]->window_def->location);
  if (node.n_locking_clause > 0) return not_supported("FOR UPDATE or FOR SHARE", location_of(node));
  if (node.limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES)
    return not_supported("FETCH FIRST … WITH TIES", location_of(node));
  if (node.group_distinct) return not_supported("GROUP BY DISTINCT", location_of(node));
  return ok();
}

Result<std::vector<ast::SelectItem>> PgConverter::select_items(PgList list) {
  std::vector<ast::SelectItem> items;
  for (const PgNode* item : list) {
    PENSTOCK_TRY(auto value, expr(item->res_target->val));
    items.push_back({std::move(value), item->res_target->name});
  }
  return items;
}

Result<ast::Select> PgConverter::select_core(const PgQuery__SelectStmt& node) {
  ast::Select select;
  if (node.n_distinct_clause > 0) {
    select.distinct = true;  // plain DISTINCT is one empty node
    if (node.distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET) return not_supported("DISTINCT ON", location_of(node));
  }
  PENSTOCK_TRY(select.items, select_items({node.n_target_list, node.target_list}));
  for (const PgNode* from : PgList{node.n_from_clause, node.from_clause}) {
    PENSTOCK_TRY(auto ref, table_ref(*from));
    select.from.push_back(std::move(ref));
  }
  PENSTOCK_TRY(select.where, optional_expr(node.where_clause));
  PENSTOCK_TRY(select.group_by, exprs({node.n_group_clause, node.group_clause}));
  PENSTOCK_TRY(select.having, optional_expr(node.having_clause));
  return select;
}

Result<ast::Values> PgConverter::values(const PgQuery__SelectStmt& node) {
  ast::Values values;
  for (const PgNode* row : PgList{node.n_values_lists, node.values_lists}) {
    PENSTOCK_TRY(auto cells, exprs({row->list->n_items, row->list->items}));
    values.rows.push_back(std::move(cells));
  }
  return values;
}

Result<ast::SetOperation> PgConverter::set_operation(const PgQuery__SelectStmt& node) {
  ast::SetOperation result;
  result.op = node.op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? ast::SetOp::Union
              : node.op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? ast::SetOp::Intersect
                                                                    : ast::SetOp::Except;
  result.all = node.all;
  PENSTOCK_TRY(auto left, query(*node.larg));
  PENSTOCK_TRY(auto right, query(*node.rarg));
  result.left = boxed(std::move(left));
  result.right = boxed(std::move(right));
  return result;
}

Result<std::vector<ast::Cte>> PgConverter::with(const PgQuery__WithClause* clause) {
  std::vector<ast::Cte> ctes;
  if (clause == nullptr) return ctes;
  if (clause->recursive) return not_supported("WITH RECURSIVE", clause->location);
  for (const PgNode* node : PgList{clause->n_ctes, clause->ctes}) {
    const auto& cte = *node->common_table_expr;
    if (cte.ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) return not_supported("INSERT, UPDATE or DELETE in WITH", cte.location);
    PENSTOCK_TRY(auto inner, query(*cte.ctequery->select_stmt));
    ctes.push_back(
        {cte.ctename, pg_strings({cte.n_aliascolnames, cte.aliascolnames}), boxed(std::move(inner)), text_.position(cte.location)});
  }
  return ctes;
}

Result<std::vector<ast::SortItem>> PgConverter::sort_items(PgList list) {
  std::vector<ast::SortItem> items;
  for (const PgNode* node : list) {
    const auto& sort = *node->sort_by;
    if (sort.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) return not_supported("ORDER BY … USING", sort.location);
    ast::SortItem item;
    PENSTOCK_TRY(item.expr, expr(sort.node));
    item.descending = sort.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    item.nulls_first = sort.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                           ? item.descending
                           : sort.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
    items.push_back(std::move(item));
  }
  return items;
}

Result<ast::Alias> PgConverter::alias(const PgQuery__Alias* node) {
  if (node == nullptr) return ast::Alias{};
  return ast::Alias{node->aliasname, pg_strings({node->n_colnames, node->colnames})};
}

Result<ast::ObjectName> PgConverter::object_name(const PgQuery__RangeVar& name) {
  return ast::ObjectName{name.catalogname, name.schemaname, name.relname, text_.position(name.location)};
}

Result<ast::TableRef> PgConverter::table_ref(const PgNode& node) {
  ast::TableRef ref;
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR: {
      const auto& table = *node.range_var;
      PENSTOCK_TRY(auto name, object_name(table));
      ref.position = name.position;
      ref.node = std::move(name);
      PENSTOCK_TRY(ref.alias, alias(table.alias));
      return ref;
    }
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: {
      const auto& derived = *node.range_subselect;
      const auto& select = *derived.subquery->select_stmt;
      if (derived.lateral) return not_supported("LATERAL", location_of(select));
      PENSTOCK_TRY(auto inner, query(select));
      ref.position = inner.position;
      ref.node = ast::DerivedTable{boxed(std::move(inner))};
      PENSTOCK_TRY(ref.alias, alias(derived.alias));
      return ref;
    }
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
      return join(*node.join_expr);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
      return table_function(*node.range_function);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
      return not_supported("TABLESAMPLE", node.range_table_sample->location);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC:
      return not_supported("XMLTABLE", node.range_table_func->location);
    default:
      return not_supported("this item of FROM", -1);
  }
}

Result<ast::TableRef> PgConverter::join(const PgQuery__JoinExpr& node) {
  ast::Join join;
  PENSTOCK_TRY(auto left, table_ref(*node.larg));
  PENSTOCK_TRY(auto right, table_ref(*node.rarg));
  ast::TableRef ref;
  ref.position = left.position;
  join.left = boxed(std::move(left));
  join.right = boxed(std::move(right));
  switch (node.jointype) {
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
      join.kind = ast::JoinKind::Left;
      break;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
      join.kind = ast::JoinKind::Right;
      break;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL:
      join.kind = ast::JoinKind::Full;
      break;
    default:
      join.kind = ast::JoinKind::Inner;
      break;
  }
  PENSTOCK_TRY(join.on, optional_expr(node.quals));
  join.using_columns = pg_strings({node.n_using_clause, node.using_clause});
  join.natural = node.is_natural;
  if (!join.on && join.using_columns.empty() && !join.natural) join.kind = ast::JoinKind::Cross;
  if (node.join_using_alias != nullptr) {
    return error(Code::NotSupported, "an alias of JOIN … USING is not supported").at(ref.position);
  }
  ref.node = std::move(join);
  PENSTOCK_TRY(ref.alias, alias(node.alias));
  return ref;
}

Result<ast::TableRef> PgConverter::table_function(const PgQuery__RangeFunction& node) {
  const PgNode& first = *node.functions[0]->list->items[0];
  if (first.node_case != PG_QUERY__NODE__NODE_FUNC_CALL) return not_supported("this function in FROM", -1);
  const auto& call = *first.func_call;
  if (node.lateral) return not_supported("LATERAL", call.location);
  if (node.ordinality) return not_supported("WITH ORDINALITY", call.location);
  if (node.is_rowsfrom || node.n_functions > 1) return not_supported("ROWS FROM", call.location);
  if (node.n_coldeflist > 0) return not_supported("a column definition list of a function", call.location);
  ast::TableRef ref;
  ref.position = text_.position(call.location);
  PENSTOCK_TRY(auto converted, function(call));
  ref.node = ast::TableFunction{std::move(converted)};
  PENSTOCK_TRY(ref.alias, alias(node.alias));
  return ref;
}

}  // namespace penstock::frontend
