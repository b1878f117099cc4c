#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/chunk.h"
#include "data/key_codec.h"
#include "expr/aggregate.h"
#include "expr/expression.h"

/// Reads of tables and views for SELECT: operators that pull chunks. One owner thread; calls may block. A row that cannot be computed is
/// an error (a SELECT is strict), unless `lenient`.
namespace penstock::batch {

class Operator {
 public:
  virtual ~Operator() = default;
  /// The next rows, never an empty chunk; nullopt at the end.
  [[nodiscard]] virtual Result<std::optional<data::DataChunk>> next() = 0;
};
using OperatorPtr = std::unique_ptr<Operator>;

/// Chunks that are there already.
[[nodiscard]] OperatorPtr make_chunks(std::vector<data::DataChunk> chunks);
/// Rows of expressions without columns.
[[nodiscard]] OperatorPtr make_values(std::vector<std::vector<expr::ExpressionPtr>> rows, std::vector<data::DataType> types);
[[nodiscard]] OperatorPtr make_filter(OperatorPtr input, expr::ExpressionPtr predicate, bool lenient);
[[nodiscard]] OperatorPtr make_project(OperatorPtr input, std::vector<expr::ExpressionPtr> exprs, bool lenient);
[[nodiscard]] OperatorPtr make_union(std::vector<OperatorPtr> inputs);
[[nodiscard]] OperatorPtr make_limit(OperatorPtr input, std::optional<uint64_t> count, uint64_t offset);

struct SortColumn {
  uint32_t column;
  data::SortOrder order;
};
/// All rows in order; with `limit`, only the first so many. Stable.
[[nodiscard]] OperatorPtr make_sort(OperatorPtr input, std::vector<SortColumn> keys, std::optional<uint64_t> limit);

struct AggCall {
  std::unique_ptr<const expr::Aggregate> aggregate;
  std::vector<uint32_t> args;
  bool distinct = false;
  std::optional<uint32_t> filter;  // boolean column of the input
};
/// Group keys, then one column a call. Without keys: one row always.
[[nodiscard]] OperatorPtr make_aggregate(OperatorPtr input, std::vector<data::DataType> input_types, std::vector<uint32_t> keys,
                                         std::vector<AggCall> calls);

enum class JoinKind : uint8_t { Inner, Left, Right, Full };
struct JoinSpec {
  JoinKind kind = JoinKind::Inner;
  std::vector<std::pair<uint32_t, uint32_t>> keys;  // columns that must be equal; none: every pair
  expr::ExpressionPtr condition;                    // over (left, right); may be null
  std::vector<uint32_t> output;                     // of (left, right)
  std::vector<data::DataType> left_types;
  std::vector<data::DataType> right_types;
};
[[nodiscard]] OperatorPtr make_join(OperatorPtr left, OperatorPtr right, JoinSpec spec);

/// Asks before each chunk whether to go on, and shows it what comes; an error ends the read.
using Watch = std::function<Status(const data::DataChunk* rows)>;
[[nodiscard]] OperatorPtr make_watched(OperatorPtr input, Watch watch);

/// TUMBLE and HOP: each row once for every window it is in; `output` picks from (input columns, window_start, window_end). Rows without a
/// time are left out.
[[nodiscard]] OperatorPtr make_window(OperatorPtr input, uint32_t time_column, int64_t slide_micros, int64_t size_micros,
                                      std::vector<uint32_t> output);

/// Reads everything.
[[nodiscard]] Result<std::vector<data::DataChunk>> drain(Operator& input);
[[nodiscard]] data::DataChunk concat_chunks(const std::vector<data::DataChunk>& chunks, const std::vector<data::DataType>& types);

}  // namespace penstock::batch
