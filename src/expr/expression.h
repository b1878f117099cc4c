#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/chunk.h"

namespace penstock::pb {
class Expr;
}

namespace penstock::expr {

/// What happened to rows whose value could not be computed. In a view such a row's value is NULL and counted; a SELECT is strict.
struct RowErrors {
  uint64_t count = 0;
  std::optional<Error> first;
  void add(Error e) {
    if (count++ == 0) first = std::move(e);
  }
};

/// A bound scalar expression: a tree of kernels that work on whole columns. Immutable after construction, so one tree may serve several
/// threads; never throws.
class Expression {
 public:
  virtual ~Expression() = default;
  [[nodiscard]] virtual data::DataType type() const = 0;
  /// One value a row of `chunk` (constant columns allowed). `active`: rows that matter (null: all); others may hold anything and never
  /// cause an error. Rows that fail are NULL and go to `errors`.
  [[nodiscard]] virtual data::Column evaluate(const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) const = 0;
};
using ExpressionPtr = std::unique_ptr<const Expression>;

/// Builds the kernels: functions are found in the registry, constants are folded. Errors: `UndefinedFunction`, `DatatypeMismatch`,
/// `Protocol` (column out of range of `input`), each at the expression's position.
[[nodiscard]] Result<ExpressionPtr> build(const pb::Expr& node, std::span<const data::DataType> input);

/// A function that does something beside giving a value, so that it must not be called before its rows come.
[[nodiscard]] bool is_impure(std::string_view function);

/// Rows of `chunk` where the boolean `predicate` is true (NULL is not true), among `active`.
[[nodiscard]] data::Bitmap evaluate_predicate(const Expression& predicate, const data::DataChunk& chunk, const data::Bitmap* active,
                                              RowErrors& errors);

}  // namespace penstock::expr
