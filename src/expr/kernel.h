#pragma once

#include <functional>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "data/chunk.h"
#include "expr/expression.h"
#include "expr/text_arena.h"

namespace penstock::expr {

/// One call of a kernel. A strict kernel is never given a constant NULL; any argument may be constant (`Column::stride`).
struct KernelCall {
  std::span<const data::Column> args;
  size_t rows;                 // to compute: 1 if every argument is constant
  const data::Bitmap* active;  // rows that matter, null: all; null if every argument is constant
  data::DataType type;         // of the result
  RowErrors& errors;
};
using KernelFunction = data::Column (*)(const KernelCall&);
using Kernel = std::function<data::Column(const KernelCall&)>;

/// A kernel with the C++ types it reads and writes, so that the registry can check them against the SQL types of its entry.
struct TypedKernel {
  KernelFunction run;
  bool (*fits)(std::span<const data::TypeKind> args, data::TypeKind result);
};

/// An argument as an array, constant or not.
template <typename T>
struct Arg {
  const T* values;
  size_t stride;
  explicit Arg(const data::Column& column) : values(column.values<T>()), stride(column.stride()) {}
  const T& operator[](size_t row) const { return values[row * stride]; }
};

/// Rows where no argument is NULL; null if that is all of them. Constant arguments must not be NULL.
[[nodiscard]] std::shared_ptr<const data::Bitmap> strict_validity(std::span<const data::Column> args);
/// A constant NULL.
[[nodiscard]] data::Column null_column(data::DataType type, size_t rows);
/// The value of row 0 of `column` for each of `rows` rows.
[[nodiscard]] data::Column repeat_first(const data::Column& column, size_t rows);
/// Blocks of the arena and what the text arguments keep alive.
[[nodiscard]] std::vector<data::BufferPtr> text_owners(TextArena& arena, std::span<const data::Column> args);

/// Calls `f(row)` for the rows of both bitmaps, ascending (null: all rows).
template <typename F>
void for_each_row(size_t rows, const data::Bitmap* a, const data::Bitmap* b, F&& f) {
  if (a == nullptr) std::swap(a, b);
  if (a == nullptr) {
    for (size_t i = 0; i < rows; ++i) f(i);
    return;
  }
  for (size_t w = 0; w < a->words().size(); ++w) {
    uint64_t bits = a->words()[w];
    if (b != nullptr) bits &= b->words()[w];
    for (; bits != 0; bits &= bits - 1) f(w * 64 + static_cast<size_t>(__builtin_ctzll(bits)));
  }
}

/// Collects the rows of one kernel call that failed or came to NULL, and takes them out of its validity.
class FailedRows {
 public:
  explicit FailedRows(const KernelCall& call) : rows_(call.rows), errors_(call.errors) {}
  /// `make` is called only for the first error of all, which is the one that is kept.
  template <typename F>
  void add(size_t row, F&& make) {
    if (errors_.count++ == 0) errors_.first = make();
    set_null(row);
  }
  void set_null(size_t row) {
    if (!failed_) failed_.emplace(rows_, false);
    failed_->set(row, true);
  }
  [[nodiscard]] std::shared_ptr<const data::Bitmap> taken_from(std::shared_ptr<const data::Bitmap> validity) &&;

 private:
  size_t rows_;
  RowErrors& errors_;
  std::optional<data::Bitmap> failed_;
};

namespace internal {

template <typename T>
struct Unwrap {
  using Value = T;
  static constexpr bool kFallible = false;
};
template <typename T>
struct Unwrap<std::optional<T>> {
  using Value = T;
  static constexpr bool kFallible = true;
};
template <typename T>
struct Unwrap<Result<T>> {
  using Value = typename Unwrap<T>::Value;
  static constexpr bool kFallible = true;
};

// Takes what a row came to: a value, NULL or an error.
template <typename R>
void store_row(R& out, size_t, FailedRows&, const R& value) {
  out = value;
}
template <typename R>
void store_row(R& out, size_t row, FailedRows& failed, const std::optional<R>& value) {
  if (!value) failed.set_null(row);
  out = value ? *value : R{};
}
template <typename R, typename T>
void store_row(R& out, size_t row, FailedRows& failed, const Result<T>& result) {
  if (result.has_value()) [[likely]] {
    store_row(out, row, failed, result.value());
  } else {
    out = R{};
    failed.add(row, [&] { return result.error(); });
  }
}

template <typename F>
struct Signature;
template <typename R, typename... A>
struct Signature<R (*)(A...)> {
  using Return = R;
  using Args = std::tuple<std::remove_cvref_t<A>...>;
  static constexpr bool kArena = false;
};
template <typename R, typename... A>
struct Signature<R (*)(TextArena&, A...)> {
  using Return = R;
  using Args = std::tuple<std::remove_cvref_t<A>...>;
  static constexpr bool kArena = true;
};

template <typename Tuple>
struct Columns;
template <typename... A>
struct Columns<std::tuple<A...>> {
  static constexpr size_t kCount = sizeof...(A);
  static constexpr bool kHasText = (std::is_same_v<A, data::Text> || ...);
  using Args = std::tuple<Arg<A>...>;
  static Args of(std::span<const data::Column> columns) {
    return [&]<size_t... I>(std::index_sequence<I...>) { return Args(Arg<A>(columns[I])...); }(std::index_sequence_for<A...>());
  }
  static bool fit(std::span<const data::TypeKind> kinds) {
    if (kinds.size() != sizeof...(A)) return false;
    return [&]<size_t... I>(std::index_sequence<I...>) { return (data::is_physical<A>(kinds[I]) && ...); }(std::index_sequence_for<A...>());
  }
};

template <typename F, typename Args>
decltype(auto) at_row(F&& f, const Args& args, size_t row) {
  return std::apply([&](const auto&... arg) -> decltype(auto) { return f(arg[row]...); }, args);
}

// One loop for each way two arguments can be constant, so that each is a plain vector loop.
template <typename Args, typename F>
void dense_loop(size_t rows, const Args& args, F&& body) {
  if constexpr (std::tuple_size_v<Args> == 1) {
    const auto* const a = std::get<0>(args).values;
    if (std::get<0>(args).stride == 0) {
      for (size_t i = 0; i < rows; ++i) body(i, *a);
    } else {
      for (size_t i = 0; i < rows; ++i) body(i, a[i]);
    }
  } else if constexpr (std::tuple_size_v<Args> == 2) {
    const auto* const a = std::get<0>(args).values;
    const auto* const b = std::get<1>(args).values;
    if (std::get<0>(args).stride == 0) {
      const auto x = *a;
      for (size_t i = 0; i < rows; ++i) body(i, x, b[i]);
    } else if (std::get<1>(args).stride == 0) {
      const auto y = *b;
      for (size_t i = 0; i < rows; ++i) body(i, a[i], y);
    } else {
      for (size_t i = 0; i < rows; ++i) body(i, a[i], b[i]);
    }
  } else {
    for (size_t i = 0; i < rows; ++i) std::apply([&](const auto&... arg) { body(i, arg[i]...); }, args);
  }
}

template <auto F>
data::Column run_dense(const KernelCall& call) {
  using S = Signature<decltype(F)>;
  using R = typename S::Return;
  auto out = data::make_values<R>(call.rows);
  R* const to = out.get();
  dense_loop(call.rows, Columns<typename S::Args>::of(call.args), [to](size_t i, const auto&... x) { to[i] = F(x...); });
  return data::Column(call.type, call.rows, std::shared_ptr<const R[]>(std::move(out)), strict_validity(call.args));
}

}  // namespace internal

/// A strict column of `f(TextArena&, const A&...)`, which gives an R, Result<R> or Result<optional<R>>, one call for each row that is
/// active and not NULL: for what is dear to compute or may fail, and for kernels bound to a constant.
template <typename R, typename... A, typename F>
data::Column map_rows(const KernelCall& call, F&& f) {
  auto out = data::make_values<R>(call.rows);
  R* const to = out.get();
  auto validity = strict_validity(call.args);
  if (validity != nullptr || call.active != nullptr) std::fill_n(to, call.rows, R{});
  const auto args = internal::Columns<std::tuple<A...>>::of(call.args);
  TextArena arena;
  FailedRows failed(call);
  for_each_row(call.rows, validity.get(), call.active, [&](size_t i) {
    internal::store_row(to[i], i, failed, internal::at_row([&](const auto&... x) { return f(arena, x...); }, args, i));
  });
  std::vector<data::BufferPtr> owners;
  if constexpr (std::is_same_v<R, data::Text>) owners = text_owners(arena, call.args);
  return data::Column(call.type, call.rows, std::shared_ptr<const R[]>(std::move(out)), std::move(failed).taken_from(std::move(validity)),
                      std::move(owners));
}

namespace internal {

template <auto F, typename S, typename... A>
data::Column run_sparse(const KernelCall& call, std::type_identity<std::tuple<A...>>) {
  return map_rows<typename Unwrap<typename S::Return>::Value, A...>(call, [](TextArena& arena, const A&... x) {
    if constexpr (S::kArena) {
      return F(arena, x...);
    } else {
      (void)arena;
      return F(x...);
    }
  });
}

template <auto F>
data::Column run_each(const KernelCall& call) {
  using S = Signature<decltype(F)>;
  constexpr bool kText = Columns<typename S::Args>::kHasText || std::is_same_v<typename Unwrap<typename S::Return>::Value, data::Text>;
  if constexpr (kText || Unwrap<typename S::Return>::kFallible) {
    return run_sparse<F, S>(call, std::type_identity<typename S::Args>());
  } else {
    return run_dense<F>(call);
  }
}

template <typename Flag>
bool is_failure(Flag flag) {
  if constexpr (std::is_same_v<Flag, bool>) {
    return flag;
  } else {
    return flag < 0;
  }
}

template <typename F>
struct CheckedSignature;
template <typename Flag, typename R, typename... A>
struct CheckedSignature<Flag (*)(R&, A...)> {
  using FlagType = Flag;
  using Value = R;
  using Args = std::tuple<std::remove_cvref_t<A>...>;
};

// First all rows without a branch, gathering whether any failed; only then a look at which of them counts.
template <auto F, auto Fail>
data::Column run_checked(const KernelCall& call) {
  using S = CheckedSignature<decltype(F)>;
  using R = typename S::Value;
  auto out = data::make_values<R>(call.rows);
  R* const to = out.get();
  auto validity = strict_validity(call.args);
  const auto args = Columns<typename S::Args>::of(call.args);
  typename S::FlagType any{};
  dense_loop(call.rows, args, [&](size_t i, const auto&... x) {
    R value;
    any |= F(value, x...);
    to[i] = value;
  });
  if (is_failure(any)) [[unlikely]] {
    FailedRows failed(call);
    for_each_row(call.rows, validity.get(), call.active, [&](size_t i) {
      R ignored;
      if (is_failure(at_row([&](const auto&... x) { return F(ignored, x...); }, args, i)))
        failed.add(i, [&] { return at_row(Fail, args, i); });
    });
    validity = std::move(failed).taken_from(std::move(validity));
  }
  return data::Column(call.type, call.rows, std::shared_ptr<const R[]>(std::move(out)), std::move(validity));
}

template <typename Args, typename R>
bool fits(std::span<const data::TypeKind> args, data::TypeKind result) {
  return Columns<Args>::fit(args) && data::is_physical<R>(result);
}

}  // namespace internal

/// The strict kernel that calls `F` for each row: `R f(A...)`, `Result<R> f(A...)` or with `optional<R>` where a row may come to NULL, each
/// with a leading `TextArena&` where it makes text (a text result must lie in the arena or be part of an argument). Functions without text
/// that cannot fail are computed for all rows in a loop that vectorizes; the others only for rows that are active and not NULL.
template <auto F>
inline constexpr TypedKernel each = {
    &internal::run_each<F>,
    &internal::fits<typename internal::Signature<decltype(F)>::Args,
                    typename internal::Unwrap<typename internal::Signature<decltype(F)>::Return>::Value>,
};

/// The strict kernel of `F`: `Flag f(R& out, A...)`, which must be cheap, without branches and defined for any input. A row has failed if
/// the flag is true (bool) or negative (integers; one as wide as R vectorizes best); its error is `Fail(A...)`.
template <auto F, auto Fail>
inline constexpr TypedKernel checked = {
    &internal::run_checked<F, Fail>,
    &internal::fits<typename internal::CheckedSignature<decltype(F)>::Args, typename internal::CheckedSignature<decltype(F)>::Value>,
};

}  // namespace penstock::expr
