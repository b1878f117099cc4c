#pragma once

#include <string>
#include <vector>

#include "expr/expression.h"
#include "expr/kernel.h"

namespace penstock::expr {

/// A column of the input.
class InputNode final : public Expression {
 public:
  InputNode(data::DataType type, uint32_t column) : type_(type), column_(column) {}
  [[nodiscard]] data::DataType type() const override { return type_; }
  [[nodiscard]] data::Column evaluate(const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) const override;

 private:
  data::DataType type_;
  uint32_t column_;
};

/// A value; `node.value()` is what others fold.
class ConstantNode final : public Expression {
 public:
  ConstantNode(data::DataType type, const data::Datum& value);
  [[nodiscard]] data::DataType type() const override { return column_.type(); }
  [[nodiscard]] data::Column evaluate(const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) const override;
  [[nodiscard]] data::Datum value() const { return column_.datum(0); }

 private:
  data::Column column_;  // constant, longer than any chunk
};

/// A kernel over the values of its arguments.
class CallNode final : public Expression {
 public:
  /// `once`: where its arguments are constant, it is called for one row instead of all.
  CallNode(data::DataType type, Kernel kernel, bool strict, std::vector<ExpressionPtr> args, uint32_t position, bool once = true)
      : type_(type), strict_(strict), once_(once), position_(position), kernel_(std::move(kernel)), args_(std::move(args)) {}
  [[nodiscard]] data::DataType type() const override { return type_; }
  [[nodiscard]] data::Column evaluate(const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) const override;

 private:
  [[nodiscard]] data::Column run(std::span<const data::Column> args, size_t rows, const data::Bitmap* active, RowErrors& errors) const;
  [[nodiscard]] data::Column run_once(std::span<const data::Column> args, size_t rows, const data::Bitmap* active, RowErrors& errors) const;

  data::DataType type_;
  bool strict_;
  bool once_;
  uint32_t position_;  // in the SQL text; 0: none
  Kernel kernel_;
  std::vector<ExpressionPtr> args_;
};

/// What is computed once a chunk although it stands in several places of a tree. Each place is a `SharedNode` with one `slot`; the tree's
/// root is a `ScopeNode`, which makes the slots anew for every chunk.
class SharedNode final : public Expression {
 public:
  SharedNode(std::shared_ptr<const Expression> node, size_t slot) : node_(std::move(node)), slot_(slot) {}
  [[nodiscard]] data::DataType type() const override { return node_->type(); }
  [[nodiscard]] data::Column evaluate(const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) const override;

 private:
  std::shared_ptr<const Expression> node_;  // shared by the places it stands in
  size_t slot_;
};

class ScopeNode final : public Expression {
 public:
  ScopeNode(ExpressionPtr root, size_t slots) : root_(std::move(root)), slots_(slots) {}
  [[nodiscard]] data::DataType type() const override { return root_->type(); }
  [[nodiscard]] data::Column evaluate(const data::DataChunk& chunk, const data::Bitmap* active, RowErrors& errors) const override;

 private:
  ExpressionPtr root_;
  size_t slots_;
};

/// The value of `node` if it is a constant.
[[nodiscard]] std::optional<data::Datum> constant_of(const Expression& node);

}  // namespace penstock::expr
