#include "expr/build_helpers.h"

#include "expr/expression.h"
#include "expr/pb_types.h"
#include "proto/expr.pb.h"

namespace penstock::expr {

using data::DataType;
using data::Datum;

namespace {

bool is_unknown(const pb::Expr& node) { return node.has_literal() && node.literal().type().kind() == 0; }

Error at_position(const Error& e, uint32_t position) { return position != 0 && !e.position() ? e.at(position) : e; }

// An unknown literal read as `to`.
Result<pb::Expr> literal_as(pb::Expr node, DataType to) {
  if (!node.literal().is_null()) {
    auto value = data::from_text(node.literal().text(), to);
    if (value.has_error()) return at_position(value.error(), node.position());
  }
  type_to_pb(to, *node.mutable_type());
  type_to_pb(to, *node.mutable_literal()->mutable_type());
  return node;
}

// `arg` is of another kind than `to`, or `to` constrains it.
pb::Expr wrap_in_cast(pb::Expr arg, DataType to, uint32_t position) {
  pb::Expr out;
  type_to_pb(to, *out.mutable_type());
  out.set_position(position);
  out.mutable_call()->set_function("cast");
  *out.mutable_call()->add_args() = std::move(arg);
  return out;
}

Result<pb::Expr> coerce(pb::Expr arg, DataType to) {
  if (is_unknown(arg)) return literal_as(std::move(arg), to);
  PENSTOCK_TRY(const DataType from, type_from_pb(arg.type()));
  const uint32_t position = arg.position();
  return from == to ? std::move(arg) : wrap_in_cast(std::move(arg), to, position);
}

}  // namespace

pb::Expr make_input(uint32_t column, DataType type, uint32_t position) {
  pb::Expr out;
  type_to_pb(type, *out.mutable_type());
  out.set_input(column);
  out.set_position(position);
  return out;
}

pb::Expr make_literal(const Datum& value, DataType type, uint32_t position) {
  pb::Expr out;
  type_to_pb(type, *out.mutable_type());
  out.set_position(position);
  pb::Literal& literal = *out.mutable_literal();
  type_to_pb(type, *literal.mutable_type());
  literal.set_is_null(data::is_null(value));
  if (!data::is_null(value)) literal.set_text(data::to_text(value, type));
  return out;
}

pb::Expr make_unknown(std::string_view text, uint32_t position) {
  pb::Expr out;
  out.set_position(position);
  out.mutable_literal()->set_text(std::string(text));
  return out;
}

pb::Expr make_unknown_null(uint32_t position) {
  pb::Expr out;
  out.set_position(position);
  out.mutable_literal()->set_is_null(true);
  return out;
}

ArgType arg_type_of(const pb::Expr& node) {
  if (is_unknown(node)) return {data::TypeKind::Varchar, true};
  auto type = type_from_pb(node.type());
  PENSTOCK_CHECK(type.has_value(), "an expression without a type: {}", node.ShortDebugString());
  return {type.value(), false};
}

Result<pb::Expr> make_call(std::string_view name, std::vector<pb::Expr> args, uint32_t position) {
  std::vector<ArgType> types;
  types.reserve(args.size());
  for (const pb::Expr& arg : args) types.push_back(arg_type_of(arg));
  auto resolved = resolve_scalar(name, types);
  if (resolved.has_error()) return at_position(resolved.error(), position);
  pb::Expr out;
  type_to_pb(resolved.value().return_type, *out.mutable_type());
  out.set_position(position);
  out.mutable_call()->set_function(std::string(name));
  for (size_t i = 0; i < args.size(); ++i) {
    PENSTOCK_TRY(auto arg, coerce(std::move(args[i]), resolved.value().arg_types[i]));
    *out.mutable_call()->add_args() = std::move(arg);
  }
  return out;
}

Result<pb::Expr> make_cast(pb::Expr arg, DataType to, CastKind kind, uint32_t position) {
  if (is_unknown(arg)) return literal_as(std::move(arg), to);
  PENSTOCK_TRY(const DataType from, type_from_pb(arg.type()));
  if (from == to) return arg;
  if (!can_cast(from, to, kind)) {
    return at_position(error(Code::DatatypeMismatch, "cannot cast type {} to {}", from.to_string(), to.to_string()),
                       position != 0 ? position : arg.position());
  }
  return wrap_in_cast(std::move(arg), to, position);
}

pb::Expr settle(pb::Expr arg) {
  if (!is_unknown(arg)) return arg;
  type_to_pb(data::TypeKind::Varchar, *arg.mutable_type());
  type_to_pb(data::TypeKind::Varchar, *arg.mutable_literal()->mutable_type());
  return arg;
}

Result<Datum> evaluate_constant(const pb::Expr& node) {
  PENSTOCK_TRY(const ExpressionPtr expression, build(node, {}));
  RowErrors errors;
  const data::Column value = expression->evaluate(data::DataChunk({}, 1), nullptr, errors);
  if (errors.first) return at_position(*errors.first, node.position());
  return value.datum(0);
}

bool is_constant(const pb::Expr& node) {
  std::vector<const pb::Expr*> todo = {&node};
  while (!todo.empty()) {
    const pb::Expr* const next = todo.back();
    todo.pop_back();
    if (next->kind_case() == pb::Expr::kInput) return false;
    for (const pb::Expr& arg : next->call().args()) todo.push_back(&arg);
  }
  return true;
}

}  // namespace penstock::expr
