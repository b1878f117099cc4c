// Postgres' choice among overloads: "Type Conversion: Functions" and "Operators" in its manual. Steps are numbered as there.
#include <algorithm>

#include "expr/casts.h"
#include "expr/function_table.h"

namespace penstock::expr {

using data::DataType;
using data::TypeKind;

namespace {

struct OperatorName {
  std::string_view symbol;
  size_t arity;
  std::string_view name;
};
constexpr std::array kOperators = {
    OperatorName{"+", 2, "add"},
    OperatorName{"-", 2, "subtract"},
    OperatorName{"*", 2, "multiply"},
    OperatorName{"/", 2, "divide"},
    OperatorName{"%", 2, "mod"},
    OperatorName{"^", 2, "power"},
    OperatorName{"+", 1, "plus"},
    OperatorName{"-", 1, "negate"},
    OperatorName{"@", 1, "abs"},
    OperatorName{"|/", 1, "sqrt"},
    OperatorName{"||/", 1, "cbrt"},
    OperatorName{"=", 2, "equal"},
    OperatorName{"<>", 2, "not_equal"},
    OperatorName{"!=", 2, "not_equal"},
    OperatorName{"<", 2, "less_than"},
    OperatorName{"<=", 2, "less_than_or_equal"},
    OperatorName{">", 2, "greater_than"},
    OperatorName{">=", 2, "greater_than_or_equal"},
    OperatorName{"&", 2, "bitwise_and"},
    OperatorName{"|", 2, "bitwise_or"},
    OperatorName{"#", 2, "bitwise_xor"},
    OperatorName{"~", 1, "bitwise_not"},
    OperatorName{"<<", 2, "shift_left"},
    OperatorName{">>", 2, "shift_right"},
    OperatorName{"||", 2, "concat_op"},
    OperatorName{"~~", 2, "like"},
    OperatorName{"!~~", 2, "not_like"},
    OperatorName{"~~*", 2, "ilike"},
    OperatorName{"!~~*", 2, "not_ilike"},
    OperatorName{"~", 2, "regexp_like"},
    OperatorName{"~*", 2, "regexp_ilike"},
    OperatorName{"!~", 2, "not_regexp_like"},
    OperatorName{"!~*", 2, "not_regexp_ilike"},
    OperatorName{"^@", 2, "starts_with"},
};

const OperatorName* operator_of(std::string_view name, size_t arity) {
  const auto* const found =
      std::find_if(kOperators.begin(), kOperators.end(), [&](const OperatorName& op) { return op.name == name && op.arity == arity; });
  return found == kOperators.end() ? nullptr : found;
}

std::string type_text(const ArgType& arg) { return arg.unknown ? "unknown" : DataType(arg.type.kind).to_string(); }

using Kinds = std::vector<TypeKind>;

bool accepts(const Kinds& candidate, std::span<const ArgType> args) {
  if (candidate.size() != args.size()) return false;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!args[i].unknown && !can_cast(args[i].type, candidate[i], CastKind::Implicit)) return false;
  }
  return true;
}

bool is_exact(const Kinds& candidate, std::span<const ArgType> args) {
  if (candidate.size() != args.size()) return false;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].unknown || args[i].type.kind != candidate[i]) return false;
  }
  return true;
}

// The candidates still in the running, by index.
class Choice {
 public:
  Choice(std::span<const Kinds> candidates, std::span<const ArgType> args) : candidates_(candidates), args_(args) {
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (accepts(candidates[i], args)) left_.push_back(i);
    }
  }
  [[nodiscard]] const std::vector<size_t>& left() const { return left_; }
  [[nodiscard]] bool decided() const { return left_.size() <= 1; }

  // Steps 4.c and 4.d: those with the most arguments for which `counts(argument, kind)`.
  template <typename F>
  void keep_best(F&& counts) {
    std::vector<size_t> best;
    int most = 0;
    for (const size_t candidate : left_) {
      int score = 0;
      for (size_t i = 0; i < args_.size(); ++i) score += counts(args_[i], candidates_[candidate][i]) ? 1 : 0;
      if (score > most) best.clear();
      if (score >= most) best.push_back(candidate);
      most = std::max(most, score);
    }
    left_ = std::move(best);
  }

  // Step 4.e: what an unknown literal is, by what the candidates take at its place: a string if any takes one, else what all agree on.
  // Returns whether every unknown argument could be settled.
  bool settle_unknowns() {
    for (size_t i = 0; i < args_.size(); ++i) {
      if (!args_[i].unknown) continue;
      std::optional<TypeCategory> category;
      for (const size_t candidate : left_) {
        const TypeCategory here = category_of(candidates_[candidate][i]);
        if (here == TypeCategory::String) category = here;
        if (!category) category = here;
      }
      const bool agreed = *category == TypeCategory::String || std::all_of(left_.begin(), left_.end(), [&](size_t candidate) {
        return category_of(candidates_[candidate][i]) == *category;
      });
      if (!agreed) return false;
      keep_if([&](const Kinds& kinds) { return category_of(kinds[i]) == *category; });
      keep_if([&](const Kinds& kinds) { return is_preferred(kinds[i]); });
    }
    return true;
  }

  // Step 4.f: unknown arguments take the type of the known ones, if those agree.
  void assume_unknown_as_known() {
    std::optional<DataType> known;
    for (const ArgType& arg : args_) {
      if (arg.unknown) continue;
      if (known && known->kind != arg.type.kind) return;
      known = arg.type;
    }
    if (!known) return;
    keep_if([&](const Kinds& kinds) {
      return std::all_of(kinds.begin(), kinds.end(), [&](TypeKind kind) { return can_cast(*known, kind, CastKind::Implicit); });
    });
  }

 private:
  // Unless none would be left.
  template <typename F>
  void keep_if(F&& keep) {
    std::vector<size_t> kept;
    for (const size_t candidate : left_) {
      if (keep(candidates_[candidate])) kept.push_back(candidate);
    }
    if (!kept.empty()) left_ = std::move(kept);
  }

  std::span<const Kinds> candidates_;
  std::span<const ArgType> args_;
  std::vector<size_t> left_;
};

// An operator with one unknown side is tried first with the type of the other (step 2.a of operators).
std::optional<size_t> same_type_operator(std::string_view name, std::span<const Kinds> candidates, std::span<const ArgType> args) {
  if (operator_of(name, args.size()) == nullptr || args.size() != 2 || args[0].unknown == args[1].unknown) return std::nullopt;
  const ArgType known = args[0].unknown ? args[1] : args[0];
  const std::array both = {known, known};
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (is_exact(candidates[i], both)) return i;
  }
  return std::nullopt;
}

}  // namespace

std::string_view operator_name(std::string_view symbol, size_t arity) {
  for (const OperatorName& op : kOperators) {
    if (op.symbol == symbol && op.arity == arity) return op.name;
  }
  return {};
}

namespace {

// "bigint + text", "- boolean" or "lower(bigint)".
std::string call_text(std::string_view name, std::span<const ArgType> args) {
  if (const OperatorName* const op = operator_of(name, args.size())) {
    const std::string left = args.size() == 2 ? type_text(args[0]) + " " : std::string();
    return fmt::format("{}{} {}", left, op->symbol, type_text(args.back()));
  }
  std::string types;
  for (const ArgType& arg : args) types += (types.empty() ? "" : ", ") + type_text(arg);
  return fmt::format("{}({})", name, types);
}

}  // namespace

Error undefined_function(std::string_view name, std::span<const ArgType> args) {
  const bool is_operator = operator_of(name, args.size()) != nullptr;
  return error(Code::UndefinedFunction, "{}",
               is_operator ? "operator does not exist: " + call_text(name, args) : "function " + call_text(name, args) + " does not exist")
      .with_hint(fmt::format("No {} matches the given name and argument types. You might need to add explicit type casts.",
                             is_operator ? "operator" : "function"));
}

Result<size_t> choose_overload(std::string_view name, std::span<const Kinds> candidates, std::span<const ArgType> args) {
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (is_exact(candidates[i], args)) return i;
  }
  if (const auto same = same_type_operator(name, candidates, args)) return *same;
  Choice choice(candidates, args);
  if (choice.left().empty()) return undefined_function(name, args);
  const auto exact = [](const ArgType& arg, TypeKind kind) { return !arg.unknown && arg.type.kind == kind; };
  if (!choice.decided()) choice.keep_best(exact);
  if (!choice.decided()) {
    choice.keep_best([&](const ArgType& arg, TypeKind kind) {
      return exact(arg, kind) || (!arg.unknown && is_preferred(kind) && category_of(kind) == category_of(arg.type.kind));
    });
  }
  if (!choice.decided()) {
    choice.settle_unknowns();
    if (!choice.decided()) choice.assume_unknown_as_known();
  }
  if (choice.decided()) return choice.left().front();
  return error(Code::UndefinedFunction, "{} is not unique: {}", operator_of(name, args.size()) != nullptr ? "operator" : "function",
               call_text(name, args))
      .with_hint("Could not choose a best candidate. You might need to add explicit type casts.");
}

}  // namespace penstock::expr
