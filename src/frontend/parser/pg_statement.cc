#include <fmt/ranges.h>

#include "frontend/parser/pg_convert.h"

namespace penstock::frontend {

Result<ast::Insert> PgConverter::insert(const PgQuery__InsertStmt& node) {
  if (node.with_clause != nullptr) return not_supported("WITH before INSERT", node.with_clause->location);
  if (node.override != PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET) return not_supported("OVERRIDING", node.relation->location);
  ast::Insert result;
  PENSTOCK_TRY(result.table, object_name(*node.relation));
  for (const PgNode* column : PgList{node.n_cols, node.cols}) {
    const auto& target = *column->res_target;
    if (target.n_indirection > 0) return not_supported("INSERT into a part of a column", target.location);
    result.columns.push_back({target.name, text_.position(target.location)});
  }
  if (node.select_stmt != nullptr) {
    PENSTOCK_TRY(auto rows, query(*node.select_stmt->select_stmt));
    result.query = std::make_unique<ast::Query>(std::move(rows));
  }
  if (node.on_conflict_clause != nullptr) {
    PENSTOCK_TRY(result.on_conflict, on_conflict(*node.on_conflict_clause));
  }
  PENSTOCK_TRY(result.returning, select_items({node.n_returning_list, node.returning_list}));
  return result;
}

Result<ast::OnConflictDo> PgConverter::on_conflict(const PgQuery__OnConflictClause& node) {
  ast::OnConflictDo result;
  result.position = text_.position(node.location);
  result.update = node.action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE;
  if (const auto* infer = node.infer; infer != nullptr) {
    if (infer->conname != nullptr && *infer->conname != '\0') return not_supported("ON CONFLICT ON CONSTRAINT", infer->location);
    if (infer->where_clause != nullptr) return not_supported("WHERE in the target of ON CONFLICT", infer->location);
    for (const PgNode* element : PgList{infer->n_index_elems, infer->index_elems}) {
      if (element->index_elem->expr != nullptr) return not_supported("an expression in the target of ON CONFLICT", infer->location);
      result.columns.push_back({element->index_elem->name, text_.position(infer->location)});
    }
  }
  PENSTOCK_TRY(result.assignments, assignments({node.n_target_list, node.target_list}));
  PENSTOCK_TRY(result.where, optional_expr(node.where_clause));
  return result;
}

Result<std::vector<ast::Assignment>> PgConverter::assignments(PgList list) {
  std::vector<ast::Assignment> result;
  for (const PgNode* target : list) {
    PENSTOCK_TRY(auto set, assignment(*target->res_target));
    result.push_back(std::move(set));
  }
  return result;
}

Result<ast::Assignment> PgConverter::assignment(const PgQuery__ResTarget& node) {
  if (node.n_indirection > 0) return not_supported("UPDATE of a part of a column", node.location);
  if (node.val->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF) return not_supported("assignment to a list of columns", node.location);
  ast::Assignment result;
  result.column = {node.name, text_.position(node.location)};
  PENSTOCK_TRY(result.value, expr(node.val));
  return result;
}

Result<ast::Update> PgConverter::update(const PgQuery__UpdateStmt& node) {
  if (node.with_clause != nullptr) return not_supported("WITH before UPDATE", node.with_clause->location);
  if (node.n_from_clause > 0) return not_supported("UPDATE … FROM", node.relation->location);
  ast::Update result;
  PENSTOCK_TRY(result.table, object_name(*node.relation));
  if (node.relation->alias != nullptr) result.alias = node.relation->alias->aliasname;
  PENSTOCK_TRY(result.assignments, assignments({node.n_target_list, node.target_list}));
  PENSTOCK_TRY(result.where, optional_expr(node.where_clause));
  PENSTOCK_TRY(result.returning, select_items({node.n_returning_list, node.returning_list}));
  return result;
}

Result<ast::Delete> PgConverter::delete_from(const PgQuery__DeleteStmt& node) {
  if (node.with_clause != nullptr) return not_supported("WITH before DELETE", node.with_clause->location);
  if (node.n_using_clause > 0) return not_supported("DELETE … USING", node.relation->location);
  ast::Delete result;
  PENSTOCK_TRY(result.table, object_name(*node.relation));
  if (node.relation->alias != nullptr) result.alias = node.relation->alias->aliasname;
  PENSTOCK_TRY(result.where, optional_expr(node.where_clause));
  PENSTOCK_TRY(result.returning, select_items({node.n_returning_list, node.returning_list}));
  return result;
}

Result<ast::CreateRelation> PgConverter::create_table(const PgQuery__CreateStmt& node) {
  const int at = node.relation->location;
  if (std::string_view(node.relation->relpersistence) != "p") return not_supported("a temporary or unlogged table", at);
  if (node.n_inh_relations > 0) return not_supported("INHERITS", at);
  if (node.partspec != nullptr || node.partbound != nullptr) return not_supported("partitioning", at);
  if (node.of_typename != nullptr) return not_supported("a table OF a type", at);
  ast::CreateRelation result;
  PENSTOCK_TRY(result.name, object_name(*node.relation));
  result.if_not_exists = node.if_not_exists;
  for (const PgNode* element : PgList{node.n_table_elts, node.table_elts}) {
    if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
      PENSTOCK_TRY(auto column, column_def(*element->column_def, result));
      result.columns.push_back(std::move(column));
    } else if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
      PENSTOCK_TRY(table_constraint(*element->constraint, result));
    } else {
      return not_supported("LIKE another table", at);
    }
  }
  return result;
}

Result<ast::AddColumn> PgConverter::add_column(const PgQuery__AlterTableStmt& node) {
  const int at = node.relation->location;
  if (node.n_cmds > 1) return not_supported("more than one change in an ALTER TABLE", at);
  const auto& command = *node.cmds[0]->alter_table_cmd;
  if (command.subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint) {
    return not_supported("ADD of a constraint", command.def->constraint->location);
  }
  if (command.subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn) return not_supported("this ALTER TABLE", at);
  ast::AddColumn result;
  ast::CreateRelation owner;
  owner.name.name = node.relation->relname;
  result.if_not_exists = command.missing_ok != 0;
  PENSTOCK_TRY(result.column, column_def(*command.def->column_def, owner));
  result.primary_key = std::move(owner.primary_key);
  return result;
}

Result<ast::ColumnDef> PgConverter::column_def(const PgQuery__ColumnDef& node, ast::CreateRelation& owner) {
  ast::ColumnDef column;
  column.name = node.colname;
  column.position = text_.position(node.location);
  PENSTOCK_TRY(column.type, type_name(*node.type_name));
  if (node.coll_clause != nullptr) return not_supported("COLLATE", node.coll_clause->location);
  for (const PgNode* constraint : PgList{node.n_constraints, node.constraints}) {
    PENSTOCK_TRY(column_constraint(*constraint->constraint, column, owner));
  }
  return column;
}

Status PgConverter::column_constraint(const PgQuery__Constraint& node, ast::ColumnDef& column, ast::CreateRelation& owner) {
  switch (node.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
      return ok();
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
      column.not_null = true;
      return ok();
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT: {
      PENSTOCK_TRY(column.default_value, expr(node.raw_expr));
      return ok();
    }
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
      if (!owner.primary_key.empty()) {
        return error(Code::InvalidDefinition, "multiple primary keys for table \"{}\" are not allowed", owner.name.name)
            .at(text_.position(node.location));
      }
      owner.primary_key.push_back({column.name, text_.position(node.location)});
      return ok();
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
      return not_supported("an identity column", node.location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
      return not_supported("a generated column", node.location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
      return not_supported("CHECK", node.location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
      return not_supported("UNIQUE", node.location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
      return not_supported("REFERENCES", node.location);
    default:
      return not_supported("this column constraint", node.location);
  }
}

Status PgConverter::table_constraint(const PgQuery__Constraint& node, ast::CreateRelation& owner) const {
  switch (node.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
      break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
      return not_supported("CHECK", node.location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
      return not_supported("UNIQUE", node.location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
      return not_supported("FOREIGN KEY", node.location);
    default:
      return not_supported("this table constraint", node.location);
  }
  if (!owner.primary_key.empty()) {
    return error(Code::InvalidDefinition, "multiple primary keys for table \"{}\" are not allowed", owner.name.name)
        .at(text_.position(node.location));
  }
  for (const auto& key : pg_strings({node.n_keys, node.keys})) owner.primary_key.push_back({key, text_.position(node.location)});
  return ok();
}

Result<ast::CreateMaterializedView> PgConverter::create_view(const PgQuery__CreateTableAsStmt& node) {
  if (node.query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) return not_supported("EXECUTE in a view", node.into->rel->location);
  if (node.into->skip_data) return not_supported("WITH NO DATA", node.into->rel->location);
  ast::CreateMaterializedView result;
  PENSTOCK_TRY(result.name, object_name(*node.into->rel));
  result.if_not_exists = node.if_not_exists;
  result.columns = pg_strings({node.into->n_col_names, node.into->col_names});
  PENSTOCK_TRY(auto select, query(*node.query->select_stmt));
  result.query = std::make_unique<ast::Query>(std::move(select));
  return result;
}

Result<std::string> PgConverter::setting_value(const PgQuery__VariableSetStmt& set) {
  std::vector<std::string> values;
  for (const PgNode* arg : PgList{set.n_args, set.args}) {
    if (arg->node_case != PG_QUERY__NODE__NODE_A_CONST) return not_supported("this value of a setting", -1);
    const auto& value = *arg->a_const;
    switch (value.val_case) {
      case PG_QUERY__A__CONST__VAL_IVAL:
        values.push_back(std::to_string(value.ival->ival));
        break;
      case PG_QUERY__A__CONST__VAL_FVAL:
        values.emplace_back(value.fval->fval);
        break;
      case PG_QUERY__A__CONST__VAL_SVAL:
        values.emplace_back(value.sval->sval);
        break;
      case PG_QUERY__A__CONST__VAL_BOOLVAL:
        values.emplace_back(value.boolval->boolval ? "true" : "false");
        break;
      default:
        return not_supported("this value of a setting", value.location);
    }
  }
  return fmt::format("{}", fmt::join(values, ", "));
}

}  // namespace penstock::frontend
