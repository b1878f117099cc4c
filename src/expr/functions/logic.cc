// AND, OR, NOT, IS [NOT] TRUE | FALSE | UNKNOWN in three-valued logic.
#include "expr/special_forms.h"
#include "expr/vector_bits.h"

namespace penstock::expr {

using data::Bitmap;
using data::Column;
using data::DataType;
using data::TypeKind;

namespace {

// AND and OR over any number of arguments, from left to right: a row is decided by the first argument that is false (AND) or true (OR);
// later arguments see it as inactive, so they cannot fail for it, and are not evaluated at all once every row is decided.
template <bool kAnd>
class LogicNode final : public Expression {
 public:
  explicit LogicNode(std::vector<ExpressionPtr> args) : args_(std::move(args)) {}
  [[nodiscard]] DataType type() const override { return TypeKind::Boolean; }

  [[nodiscard]] Column evaluate(const data::DataChunk& chunk, const Bitmap* active, RowErrors& errors) const override {
    Bitmap open = active != nullptr ? *active : Bitmap(chunk.rows(), true);
    Bitmap decided(chunk.rows(), false);
    std::optional<Bitmap> null;
    for (const ExpressionPtr& arg : args_) {
      const bool all_open = active == nullptr && &arg == &args_.front();
      const Column column = arg->evaluate(chunk, all_open ? nullptr : &open, errors);
      Bitmap decides = kAnd ? false_rows(column) : true_rows(column);
      decides &= open;
      decided |= decides;
      if (column.validity() != nullptr) {
        if (!null) null.emplace(chunk.rows(), false);
        *null |= null_rows(column);
      }
      remove_rows(open, decides);
      if (open.none()) break;
    }
    return result(std::move(decided), std::move(null));
  }

 private:
  static Column result(Bitmap decided, std::optional<Bitmap> null) {
    std::shared_ptr<const Bitmap> validity;
    if (null) {
      null->flip();
      *null |= decided;
      validity = unless_all(std::move(*null));
    }
    if (kAnd) decided.flip();
    return boolean_column(decided, std::move(validity));
  }

  std::vector<ExpressionPtr> args_;
};

template <bool kAnd>
ExpressionPtr make_logic(DataType, std::vector<ExpressionPtr> args) {
  return std::make_unique<LogicNode<kAnd>>(std::move(args));
}

bool logical_not(bool x) { return !x; }

ExpressionPtr make_not(DataType type, std::vector<ExpressionPtr> args) {
  return std::make_unique<CallNode>(type, each<&logical_not>.run, true, std::move(args), 0);
}

// IS TRUE and its kin: never NULL.
enum class Truth { True, False, Unknown };
template <Truth kTruth, bool kNegated>
Column is_truth(const KernelCall& call) {
  const Column& x = call.args[0];
  Bitmap rows = (kTruth == Truth::True ? true_rows(x) : kTruth == Truth::False ? false_rows(x) : null_rows(x)).slice(0, call.rows);
  if (kNegated) rows.flip();
  return boolean_column(rows, nullptr);
}

Result<Resolution> resolve_one_boolean(std::string_view name, std::span<const ArgType> args) {
  if (args.size() != 1) return undefined_function(name, args);
  return resolve_to_booleans(name, args);
}

template <Truth kTruth, bool kNegated>
void add_truth(FunctionTable& table, std::string_view name) {
  table.add_special(name, {"(boolean) -> boolean", resolve_one_boolean, make_call_node<is_truth<kTruth, kNegated>>});
}

}  // namespace

void register_logic(FunctionTable& table) {
  table.add_special("and", {"(boolean, ...) -> boolean", resolve_to_booleans, make_logic<true>});
  table.add_special("or", {"(boolean, ...) -> boolean", resolve_to_booleans, make_logic<false>});
  table.add_special("not", {"(boolean) -> boolean", resolve_one_boolean, make_not});
  add_truth<Truth::True, false>(table, "is_true");
  add_truth<Truth::True, true>(table, "is_not_true");
  add_truth<Truth::False, false>(table, "is_false");
  add_truth<Truth::False, true>(table, "is_not_false");
  add_truth<Truth::Unknown, false>(table, "is_unknown");
  add_truth<Truth::Unknown, true>(table, "is_not_unknown");
}

}  // namespace penstock::expr
