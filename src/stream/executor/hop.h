#pragma once

#include <vector>

#include "stream/executor/chunk_rows.h"
#include "stream/executor/expression_errors.h"
#include "stream/executor/operator.h"

namespace penstock::stream {

/// TUMBLE and HOP: each row once for every window [start, start + size) that holds its time; starts are multiples of `slide`.
///
///  - A row whose time is NULL is in no window. One whose window would leave the range of timestamps is dropped and counted as an error.
///  - An update stays an update if both halves are in the same windows, else its halves are Deletes and Inserts.
///  - Output is bounded by a chunk a step, however many windows a row is in. Tumbling windows copy no column.
class HopOperator final : public Operator {
 public:
  struct Options {
    uint32_t time_column = 0;      // Timestamp or Date
    int64_t slide_micros = 0;      // > 0
    int64_t size_micros = 0;       // > 0
    std::vector<uint32_t> output;  // of (input columns, window_start, window_end)
  };
  HopOperator(Options options, EpochReports& reports) : options_(std::move(options)), errors_(reports) {}

  Status init(EpochPair /*first*/) override { return ok(); }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& /*barrier*/, Output& /*out*/) override { return Step::Done; }
  [[nodiscard]] bool acts_at_barriers() const override { return false; }

 private:
  // The windows of one row: `count` starts, `slide` apart. None: the row is in no window.
  struct Windows {
    int64_t first = 0;
    int64_t count = 0;
    bool operator==(const Windows&) const = default;
  };
  // Where the expansion of the chunk at hand stands.
  struct Cursor {
    size_t row = 0;
    int64_t window = 0;
  };
  struct Expansion {
    std::vector<uint32_t> rows;
    std::vector<int64_t> starts;
    std::vector<Op> ops;
    void add(uint32_t row, int64_t start, Op op);
  };

  void find_windows();
  [[nodiscard]] Windows windows_of(int64_t time);
  void tumble(Output& out) const;
  void expand(Expansion& to);
  [[nodiscard]] bool is_whole_update(size_t row) const;
  [[nodiscard]] std::vector<data::Column> with_windows(const data::DataChunk& data, const std::vector<int64_t>& starts) const;

  const Options options_;
  ExpressionErrors errors_;
  data::StreamChunk chunk_;
  std::vector<Windows> windows_;  // of each row of chunk_; none for those that do not count
  Cursor cursor_;
};

}  // namespace penstock::stream
