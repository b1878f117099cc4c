#include "frontend/binder/expr.h"

#include <iterator>

#include "expr/pb_types.h"
#include "proto/expr.pb.h"

namespace penstock::frontend {

Expr Expr::column(uint32_t index, data::DataType type, uint32_t position) {
  Expr e;
  e.kind = Kind::Column;
  e.type = type;
  e.index = index;
  e.position = position;
  return e;
}

Expr Expr::literal(data::DataType type, std::string text, uint32_t position) {
  Expr e;
  e.type = type;
  e.text = std::move(text);
  e.position = position;
  return e;
}

Expr Expr::null_of(data::DataType type, uint32_t position) {
  Expr e = literal(type, {}, position);
  e.null = true;
  return e;
}

bool operator==(const Expr& a, const Expr& b) {
  return a.kind == b.kind && a.type == b.type && a.unknown == b.unknown && a.null == b.null && a.index == b.index && a.text == b.text &&
         a.args == b.args;
}

void for_each_column(const Expr& expr, const std::function<void(uint32_t)>& f) {
  if (expr.is_column()) f(expr.index);
  for (const Expr& arg : expr.args) for_each_column(arg, f);
}

Expr replace_columns(Expr expr, const std::function<Expr(const Expr&)>& f) {
  if (expr.is_column()) return f(expr);
  uint32_t depth = 0;
  for (Expr& arg : expr.args) {
    arg = replace_columns(std::move(arg), f);
    depth = std::max(depth, arg.depth);
  }
  if (expr.kind == Expr::Kind::Call) expr.depth = depth + 1;
  return expr;
}

Expr shift_columns(Expr expr, int64_t by) {
  return replace_columns(std::move(expr),
                         [by](const Expr& c) { return Expr::column(static_cast<uint32_t>(c.index + by), c.type, c.position); });
}

Expr map_columns(Expr expr, std::span<const uint32_t> mapping) {
  return replace_columns(std::move(expr), [mapping](const Expr& c) { return Expr::column(mapping[c.index], c.type, c.position); });
}

std::vector<Expr> split_conjunction(Expr predicate) {
  std::vector<Expr> parts;
  if (!predicate.is_call("and")) {
    parts.push_back(std::move(predicate));
    return parts;
  }
  for (Expr& arg : predicate.args) {
    auto inner = split_conjunction(std::move(arg));
    std::move(inner.begin(), inner.end(), std::back_inserter(parts));
  }
  return parts;
}

Expr conjunction(std::vector<Expr> parts) {
  if (parts.empty()) return Expr::literal(data::TypeKind::Boolean, "t");
  if (parts.size() == 1) return std::move(parts.front());
  Expr all;
  all.kind = Expr::Kind::Call;
  all.type = data::TypeKind::Boolean;
  all.text = "and";
  all.position = parts.front().position;
  for (const Expr& part : parts) all.depth = std::max(all.depth, part.depth + 1);
  all.args = std::move(parts);
  return all;
}

void to_proto(const Expr& expr, pb::Expr& out) {
  expr::type_to_pb(expr.type, *out.mutable_type());
  out.set_position(expr.position);
  switch (expr.kind) {
    case Expr::Kind::Column:
      out.set_input(expr.index);
      return;
    case Expr::Kind::Call: {
      auto& call = *out.mutable_call();
      call.set_function(expr.text);
      for (const Expr& arg : expr.args) to_proto(arg, *call.add_args());
      return;
    }
    case Expr::Kind::Literal:
    case Expr::Kind::Parameter:
    case Expr::Kind::Aggregate:
      break;
  }
  // A parameter without a value is NULL: such a plan serves to describe a statement, not to run it.
  auto& literal = *out.mutable_literal();
  *literal.mutable_type() = out.type();
  literal.set_is_null(expr.null || !expr.is_literal());
  if (!literal.is_null()) literal.set_text(expr.text);
}

Expr from_proto(const pb::Expr& message) {
  const auto& t = message.type();
  const data::DataType type(static_cast<data::TypeKind>(t.kind()), static_cast<int16_t>(t.precision()), static_cast<int16_t>(t.scale()));
  if (message.has_input()) return Expr::column(message.input(), type, message.position());
  if (!message.has_call()) {
    const auto& literal = message.literal();
    return literal.is_null() ? Expr::null_of(type, message.position()) : Expr::literal(type, literal.text(), message.position());
  }
  Expr e;
  e.kind = Expr::Kind::Call;
  e.type = type;
  e.text = message.call().function();
  e.position = message.position();
  for (const auto& arg : message.call().args()) {
    e.args.push_back(from_proto(arg));
    e.depth = std::max(e.depth, e.args.back().depth + 1);
  }
  return e;
}

pb::Expr to_proto(const Expr& expr) {
  pb::Expr out;
  to_proto(expr, out);
  return out;
}

}  // namespace penstock::frontend
