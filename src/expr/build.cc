#include <absl/container/flat_hash_map.h>

#include "expr/casts.h"
#include "expr/expression.h"
#include "expr/function_table.h"
#include "expr/nodes.h"
#include "expr/pb_types.h"
#include "expr/vector_bits.h"
#include "proto/expr.pb.h"

namespace penstock::expr {

using data::DataType;
using data::Datum;
using data::TypeKind;

namespace {

// Trees are walked recursively, here and at every evaluation, on threads with ordinary stacks.
constexpr int kMaxDepth = 1000;

// A chain `a and b and c`, however it leans, is one `and` of three: it may be much longer than a tree may be deep.
std::vector<const pb::Expr*> arguments(const pb::Call& call) {
  std::vector<const pb::Expr*> out;
  const bool chain = call.function() == "and" || call.function() == "or";
  std::vector<const pb::Expr*> todo;
  for (int i = call.args_size(); i-- > 0;) todo.push_back(&call.args(i));
  while (!todo.empty()) {
    const pb::Expr* const next = todo.back();
    todo.pop_back();
    if (chain && next->has_call() && next->call().function() == call.function()) {
      for (int i = next->call().args_size(); i-- > 0;) todo.push_back(&next->call().args(i));
    } else {
      out.push_back(next);
    }
  }
  return out;
}

// Numbers the nodes of a tree so that equal subtrees have one number, wherever in the SQL text they came from.
class Numbering {
 public:
  Result<uint32_t> number(const pb::Expr& node, int depth = 0) {
    if (depth > kMaxDepth) {
      const auto e = error(Code::TooComplex, "expression is nested more than {} levels deep", kMaxDepth);
      return node.position() != 0 ? e.at(node.position()) : e;
    }
    std::string key = fmt::format("{} {} {} ", node.type().kind(), node.type().precision(), node.type().scale());
    if (node.has_call()) {
      key += "call " + node.call().function();
      for (const pb::Expr* arg : arguments(node.call())) {
        PENSTOCK_TRY(const uint32_t number_of_arg, number(*arg, depth + 1));
        key += fmt::format(" {}", number_of_arg);
      }
    } else if (node.has_literal()) {
      key += fmt::format("literal {} {} {}", node.literal().type().kind(), node.literal().is_null(), node.literal().text());
    } else {
      key += fmt::format("input {}", node.input());
    }
    const auto [found, added] = numbers_.emplace(std::move(key), static_cast<uint32_t>(uses_.size()));
    if (added) uses_.push_back(0);
    ++uses_[found->second];
    of_node_[&node] = found->second;
    return found->second;
  }
  [[nodiscard]] uint32_t number_of(const pb::Expr& node) const { return of_node_.at(&node); }
  [[nodiscard]] bool is_repeated(const pb::Expr& node) const { return uses_[number_of(node)] > 1; }

 private:
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  absl::flat_hash_map<const pb::Expr*, uint32_t> of_node_;
  std::vector<uint32_t> uses_;  // by number
};

class Builder {
 public:
  explicit Builder(std::span<const DataType> input) : input_(input) {}

  Result<ExpressionPtr> build_tree(const pb::Expr& root) {
    PENSTOCK_TRY(numbering_.number(root));
    PENSTOCK_TRY(auto tree, build(root));
    if (shared_.empty()) return tree;
    return std::make_unique<ScopeNode>(std::move(tree), shared_.size());
  }

 private:
  struct Shared {
    std::shared_ptr<const Expression> node;  // shared by the places of the tree it stands in
    size_t slot;
  };

  // A call that stands in several places is built once.
  Result<ExpressionPtr> build(const pb::Expr& node) {
    const bool repeated = node.has_call() && numbering_.is_repeated(node);
    if (const auto found = shared_.find(numbering_.number_of(node)); found != shared_.end()) {
      return std::make_unique<SharedNode>(found->second.node, found->second.slot);
    }
    auto result = build_kind(node);
    // The innermost position is the one that says most.
    if (result.has_error()) return node.position() != 0 && !result.error().position() ? result.error().at(node.position()) : result.error();
    if (!repeated || constant_of(*result.value())) return result;
    Shared shared{std::move(result).value(), shared_.size()};
    shared_.emplace(numbering_.number_of(node), shared);
    return std::make_unique<SharedNode>(shared.node, shared.slot);
  }

  Result<ExpressionPtr> build_kind(const pb::Expr& node) {
    switch (node.kind_case()) {
      case pb::Expr::kInput:
        return input(node);
      case pb::Expr::kLiteral:
        return literal(node);
      case pb::Expr::kCall:
        return call(node);
      case pb::Expr::KIND_NOT_SET:
        break;
    }
    return error(Code::Protocol, "an expression that is neither column, literal nor call");
  }

  Result<ExpressionPtr> input(const pb::Expr& node) {
    if (node.input() >= input_.size()) return error(Code::Protocol, "column {} of an input with {}", node.input(), input_.size());
    const DataType type = input_[node.input()];
    if (node.type().kind() != 0 && node.type().kind() != static_cast<uint32_t>(type.kind)) {
      return error(Code::DatatypeMismatch, "column {} is of type {}, not of kind {}", node.input(), type.to_string(), node.type().kind());
    }
    return std::make_unique<InputNode>(type, node.input());
  }

  // A literal without a type is text, as Postgres has it where nothing else settles it.
  static Result<ExpressionPtr> literal(const pb::Expr& node) {
    if (node.literal().type().kind() == 0) {
      Datum value;
      if (!node.literal().is_null()) value = node.literal().text();
      return std::make_unique<ConstantNode>(TypeKind::Varchar, value);
    }
    PENSTOCK_TRY(const DataType type, type_from_pb(node.literal().type()));
    PENSTOCK_TRY(const Datum value, value_of_literal(node.literal()));
    return std::make_unique<ConstantNode>(type, value);
  }

  Result<ExpressionPtr> call(const pb::Expr& node) {
    std::vector<ExpressionPtr> args;
    for (const pb::Expr* arg : arguments(node.call())) {
      PENSTOCK_TRY(auto built, build(*arg));
      args.push_back(std::move(built));
    }
    if (node.call().function() == "cast") {
      if (args.size() != 1) return error(Code::Protocol, "cast of {} arguments", args.size());
      PENSTOCK_TRY(const DataType to, type_from_pb(node.type()));
      return cast(std::move(args[0]), to, node.position());
    }
    PENSTOCK_TRY(auto made, apply(node.call().function(), std::move(args), node.position()));
    if (node.type().kind() != 0 && node.type().kind() != static_cast<uint32_t>(made->type().kind)) {
      return error(Code::DatatypeMismatch, "{} returns {}, not a value of kind {}", node.call().function(), made->type().to_string(),
                   node.type().kind());
    }
    return made;
  }

  static Result<ExpressionPtr> cast(ExpressionPtr arg, DataType to, uint32_t position) {
    if (arg->type() == to) return arg;
    PENSTOCK_TRY(Kernel kernel, make_cast(arg->type(), to));
    std::vector<ExpressionPtr> args;
    args.push_back(std::move(arg));
    return fold(std::move(args), [&](std::vector<ExpressionPtr> a) {
      return std::make_unique<CallNode>(to, std::move(kernel), true, std::move(a), position);
    });
  }

  static Result<ExpressionPtr> apply(const std::string& name, std::vector<ExpressionPtr> args, uint32_t position) {
    const auto* const function = FunctionTable::instance().find(name);
    std::vector<ArgType> types;
    for (const ExpressionPtr& arg : args) types.push_back({arg->type()});
    PENSTOCK_TRY(const Resolution resolution, resolve_scalar(name, types));
    for (size_t i = 0; i < args.size(); ++i) {
      if (args[i]->type() == resolution.arg_types[i]) continue;
      PENSTOCK_TRY(args[i], cast(std::move(args[i]), resolution.arg_types[i], position));
    }
    if (!function->special.empty()) {
      const auto make = function->special.front().make;
      return fold(std::move(args), [&](std::vector<ExpressionPtr> a) { return make(resolution.return_type, std::move(a)); });
    }
    return call_overload(*function, resolution, std::move(args), position);
  }

  static Result<ExpressionPtr> call_overload(const FunctionTable::Function& function, const Resolution& resolution,
                                             std::vector<ExpressionPtr> args, uint32_t position) {
    const Overload* overload = nullptr;
    for (const Overload& candidate : function.overloads) {
      const bool same = std::equal(candidate.args.begin(), candidate.args.end(), resolution.arg_types.begin(), resolution.arg_types.end(),
                                   [](TypeKind kind, DataType type) { return kind == type.kind; });
      if (same) overload = &candidate;
    }
    PENSTOCK_CHECK(overload != nullptr);
    Kernel kernel = overload->run;
    if (overload->make != nullptr) {
      std::vector<std::optional<Datum>> constants;
      for (const ExpressionPtr& arg : args) {
        constants.push_back(constant_of(*arg));
        if (constants.back() && data::is_null(*constants.back())) return std::make_unique<ConstantNode>(resolution.return_type, Datum());
      }
      PENSTOCK_TRY(kernel, overload->make({resolution.arg_types, constants, resolution.return_type}));
    }
    if (!overload->pure) {
      return std::make_unique<CallNode>(resolution.return_type, std::move(kernel), overload->strict, std::move(args), position, false);
    }
    return fold(std::move(args), [&](std::vector<ExpressionPtr> a) {
      return std::make_unique<CallNode>(resolution.return_type, std::move(kernel), overload->strict, std::move(a), position);
    });
  }

  // Every pure function is immutable: over constants only, its value is one. What fails (1 / 0) stays, to fail for the rows that come.
  template <typename Make>
  static ExpressionPtr fold(std::vector<ExpressionPtr> args, Make&& make) {
    const bool constant = std::all_of(args.begin(), args.end(), [](const ExpressionPtr& arg) { return constant_of(*arg).has_value(); });
    ExpressionPtr node = make(std::move(args));
    if (!constant) return node;
    RowErrors errors;
    const data::Column value = node->evaluate(data::DataChunk({}, 1), nullptr, errors);
    if (errors.count != 0) return node;
    return std::make_unique<ConstantNode>(node->type(), value.datum(0));
  }

  std::span<const DataType> input_;
  Numbering numbering_;
  absl::flat_hash_map<uint32_t, Shared> shared_;  // by number
};

}  // namespace

Result<ExpressionPtr> build(const pb::Expr& node, std::span<const DataType> input) { return Builder(input).build_tree(node); }

data::Bitmap evaluate_predicate(const Expression& predicate, const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) {
  PENSTOCK_CHECK(predicate.type().kind == TypeKind::Boolean, "a predicate of type {}", predicate.type().to_string());
  data::Bitmap rows = true_rows(predicate.evaluate(chunk, active, errors));
  if (active != nullptr) rows &= *active;
  return rows;
}

}  // namespace penstock::expr
