// CASE, COALESCE, NULLIF, GREATEST, LEAST.
#include "expr/compare.h"
#include "expr/special_forms.h"
#include "expr/vector_bits.h"

namespace penstock::expr {

using data::Bitmap;
using data::Column;
using data::DataType;
using data::TypeKind;

namespace {

// Puts together a column from pieces: for each row the value of one of several columns.
class Assembler {
 public:
  Assembler(DataType type, size_t rows) : type_(type), rows_(rows) {}

  void take(Bitmap rows, Column column) {
    if (!rows.none()) pieces_.push_back({std::move(rows), std::move(column)});
  }

  // Rows that no piece covers are NULL.
  [[nodiscard]] Column finish() {
    if (pieces_.empty()) return null_column(type_, rows_);
    if (pieces_.size() == 1 && pieces_[0].rows.all()) return std::move(pieces_[0].column);
    return data::with_physical(type_.kind, [&]<typename T>(std::type_identity<T>) { return finish_as<T>(); });
  }

 private:
  struct Piece {
    Bitmap rows;
    Column column;
  };

  template <typename T>
  Column finish_as() {
    auto out = data::make_values<T>(rows_);
    std::fill_n(out.get(), rows_, T{});
    Bitmap valid(rows_, false);
    std::vector<data::BufferPtr> owners;
    for (const Piece& piece : pieces_) {
      const Arg<T> from(piece.column);
      if (from.stride == 0) {
        const T value = *from.values;
        piece.rows.for_each_set([&](size_t i) { out[i] = value; });
      } else {
        piece.rows.for_each_set([&](size_t i) { out[i] = from.values[i]; });
      }
      Bitmap not_null = piece.rows;
      if (piece.column.validity() != nullptr) remove_rows(not_null, null_rows(piece.column));
      valid |= not_null;
      owners.insert(owners.end(), piece.column.owners().begin(), piece.column.owners().end());
    }
    return Column(type_, rows_, std::shared_ptr<const T[]>(std::move(out)), unless_all(std::move(valid)), std::move(owners));
  }

  DataType type_;
  size_t rows_;
  std::vector<Piece> pieces_;
};

Bitmap active_rows(const data::DataChunk& chunk, const Bitmap* active) { return active != nullptr ? *active : Bitmap(chunk.rows(), true); }

// case(condition, value, …[, else]): a value is computed only for the rows whose condition was the first to hold.
class CaseNode final : public Expression {
 public:
  CaseNode(DataType type, std::vector<ExpressionPtr> args) : type_(type), args_(std::move(args)) {}
  [[nodiscard]] DataType type() const override { return type_; }

  [[nodiscard]] Column evaluate(const data::DataChunk& chunk, const Bitmap* active, RowErrors& errors) const override {
    Bitmap open = active_rows(chunk, active);
    Assembler out(type_, chunk.rows());
    size_t i = 0;
    for (; i + 1 < args_.size() && !open.none(); i += 2) {
      Bitmap holds = true_rows(args_[i]->evaluate(chunk, &open, errors));
      holds &= open;
      if (holds.none()) continue;
      remove_rows(open, holds);
      Column value = args_[i + 1]->evaluate(chunk, &holds, errors);
      out.take(std::move(holds), std::move(value));
    }
    if (args_.size() % 2 == 1 && !open.none()) {
      Column value = args_.back()->evaluate(chunk, &open, errors);
      out.take(std::move(open), std::move(value));
    }
    return out.finish();
  }

 private:
  DataType type_;
  std::vector<ExpressionPtr> args_;
};

// The first argument that is not NULL; later ones are computed only for rows that are still open.
class CoalesceNode final : public Expression {
 public:
  CoalesceNode(DataType type, std::vector<ExpressionPtr> args) : type_(type), args_(std::move(args)) {}
  [[nodiscard]] DataType type() const override { return type_; }

  [[nodiscard]] Column evaluate(const data::DataChunk& chunk, const Bitmap* active, RowErrors& errors) const override {
    Bitmap open = active_rows(chunk, active);
    Assembler out(type_, chunk.rows());
    for (const ExpressionPtr& arg : args_) {
      if (open.none()) break;
      Column value = arg->evaluate(chunk, &open, errors);
      if (value.validity() == nullptr && active == nullptr && &arg == &args_.front()) return value;
      Bitmap taken = open;
      if (value.validity() != nullptr) remove_rows(taken, null_rows(value));
      remove_rows(open, taken);
      out.take(std::move(taken), std::move(value));
    }
    return out.finish();
  }

 private:
  DataType type_;
  std::vector<ExpressionPtr> args_;
};

template <typename Node>
ExpressionPtr make_node(DataType type, std::vector<ExpressionPtr> args) {
  return std::make_unique<Node>(type, std::move(args));
}

Result<Resolution> resolve_case(std::string_view name, std::span<const ArgType> args) {
  if (args.size() < 2) return undefined_function(name, args);
  std::vector<ArgType> values;
  if (args.size() % 2 == 1) values.push_back(args.back());  // Postgres looks at ELSE first
  for (size_t i = 0; i < args.size(); ++i) {
    const bool is_condition = i % 2 == 0 && i + 1 < args.size();
    if (!is_condition) {
      if (i % 2 == 1) values.push_back(args[i]);
    } else if (!args[i].unknown && args[i].type.kind != TypeKind::Boolean) {
      return error(Code::DatatypeMismatch, "argument of CASE/WHEN must be type boolean, not type {}", args[i].type.to_string());
    }
  }
  PENSTOCK_TRY(const DataType common, common_type(values, "CASE"));
  Resolution out{std::vector<DataType>(args.size(), common), common};
  for (size_t i = 0; i + 1 < args.size(); i += 2) out.arg_types[i] = TypeKind::Boolean;
  return out;
}

Result<Resolution> resolve_nullif(std::string_view name, std::span<const ArgType> args) {
  PENSTOCK_TRY(auto resolution, resolve_comparison(name, args));
  resolution.return_type = resolution.arg_types[0];
  return resolution;
}

// The first argument, NULL where it equals the second.
Column null_if(const KernelCall& call) {
  const Column a = call.args[0].slice(0, call.rows).flatten();
  const Column& b = call.args[1];
  Bitmap keep(call.rows, true);
  data::with_physical(call.type.kind, [&]<typename T>(std::type_identity<T>) {
    const Arg<T> x(a);
    const Arg<T> y(b);
    for_each_row(call.rows, a.validity(), b.is_constant() ? nullptr : b.validity(), [&](size_t i) {
      if (!b.is_null(i) && equal_values(x[i], y[i])) keep.set(i, false);
    });
  });
  if (a.validity() != nullptr) keep &= *a.validity();
  return data::with_physical(call.type.kind, [&]<typename T>(std::type_identity<T>) {
    auto holder = std::make_shared<const Column>(a);
    const T* const values = a.values<T>();
    return Column(call.type, call.rows, std::shared_ptr<const T[]>(std::move(holder), values), unless_all(std::move(keep)), a.owners());
  });
}

// NULLs are ignored, as Postgres does; NULL if all are.
template <typename Comparison>
Column extreme(const KernelCall& call) {
  return data::with_physical(call.type.kind, [&]<typename T>(std::type_identity<T>) {
    auto out = data::make_values<T>(call.rows);
    std::fill_n(out.get(), call.rows, T{});
    Bitmap valid(call.rows, false);
    std::vector<data::BufferPtr> owners;
    for (const Column& column : call.args) {
      const Arg<T> from(column);
      Bitmap here = null_rows(column).slice(0, call.rows);
      here.flip();
      here.for_each_set([&](size_t i) {
        if (!valid.get(i) || Comparison::holds(from[i], out[i])) out[i] = from[i];
      });
      valid |= here;
      owners.insert(owners.end(), column.owners().begin(), column.owners().end());
    }
    return Column(call.type, call.rows, std::shared_ptr<const T[]>(std::move(out)), unless_all(std::move(valid)), std::move(owners));
  });
}

}  // namespace

void register_conditional(FunctionTable& table) {
  table.add_special("case", {"(boolean, any, ...[, any]) -> any", resolve_case, make_node<CaseNode>});
  table.add_special("coalesce", {"(any, same, ...) -> any", resolve_to_common_type, make_node<CoalesceNode>});
  table.add_special("nullif", {"(any, same) -> any", resolve_nullif, make_call_node<null_if>});
  table.add_special("greatest", {"(any, same, ...) -> any", resolve_to_common_type, make_call_node<extreme<Greater>>});
  table.add_special("least", {"(any, same, ...) -> any", resolve_to_common_type, make_call_node<extreme<Less>>});
}

}  // namespace penstock::expr
