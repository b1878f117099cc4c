#include "batch/operator.h"

namespace penstock::batch {
namespace {

Status strict(const expr::RowErrors& errors, bool lenient) {
  if (errors.first && !lenient) return *errors.first;
  return ok();
}

std::vector<uint32_t> set_rows(const data::Bitmap& bitmap) {
  std::vector<uint32_t> rows;
  bitmap.for_each_set([&](size_t row) { rows.push_back(static_cast<uint32_t>(row)); });
  return rows;
}

class Chunks : public Operator {
 public:
  explicit Chunks(std::vector<data::DataChunk> chunks) : chunks_(std::move(chunks)) {}
  Result<std::optional<data::DataChunk>> next() override {
    while (next_ < chunks_.size()) {
      data::DataChunk chunk = std::move(chunks_[next_++]);
      if (chunk.rows() > 0) return std::optional(std::move(chunk));
    }
    return std::optional<data::DataChunk>();
  }

 private:
  std::vector<data::DataChunk> chunks_;
  size_t next_ = 0;
};

class Values : public Operator {
 public:
  Values(std::vector<std::vector<expr::ExpressionPtr>> rows, std::vector<data::DataType> types)
      : rows_(std::move(rows)), types_(std::move(types)) {}
  Result<std::optional<data::DataChunk>> next() override {
    if (done_ || rows_.empty()) return std::optional<data::DataChunk>();
    done_ = true;
    std::vector<data::AnyColumnBuilder> builders;
    for (const data::DataType type : types_) builders.emplace_back(type, rows_.size());
    const data::DataChunk one_row({}, 1);
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) {
        expr::RowErrors errors;
        const data::Column value = row[i]->evaluate(one_row, nullptr, errors);
        PENSTOCK_TRY(strict(errors, false));
        builders[i].append_from(value, 0);
      }
    }
    std::vector<data::Column> columns;
    for (auto& builder : builders) columns.push_back(builder.finish());
    return std::optional(data::DataChunk(std::move(columns), rows_.size()));
  }

 private:
  const std::vector<std::vector<expr::ExpressionPtr>> rows_;
  const std::vector<data::DataType> types_;
  bool done_ = false;
};

class Filter : public Operator {
 public:
  Filter(OperatorPtr input, expr::ExpressionPtr predicate, bool lenient)
      : input_(std::move(input)), predicate_(std::move(predicate)), lenient_(lenient) {}
  Result<std::optional<data::DataChunk>> next() override {
    for (;;) {
      PENSTOCK_TRY(auto chunk, input_->next());
      if (!chunk) return chunk;
      expr::RowErrors errors;
      const data::Bitmap kept = expr::evaluate_predicate(*predicate_, *chunk, nullptr, errors);
      PENSTOCK_TRY(strict(errors, lenient_));
      if (kept.none()) continue;
      if (kept.all()) return chunk;
      return std::optional(chunk->gather(set_rows(kept)));
    }
  }

 private:
  const OperatorPtr input_;
  const expr::ExpressionPtr predicate_;
  const bool lenient_;
};

class Project : public Operator {
 public:
  Project(OperatorPtr input, std::vector<expr::ExpressionPtr> exprs, bool lenient)
      : input_(std::move(input)), exprs_(std::move(exprs)), lenient_(lenient) {}
  Result<std::optional<data::DataChunk>> next() override {
    PENSTOCK_TRY(auto chunk, input_->next());
    if (!chunk) return chunk;
    expr::RowErrors errors;
    std::vector<data::Column> columns;
    for (const auto& expr : exprs_) columns.push_back(expr->evaluate(*chunk, nullptr, errors));
    PENSTOCK_TRY(strict(errors, lenient_));
    return std::optional(data::DataChunk(std::move(columns), chunk->rows()));
  }

 private:
  const OperatorPtr input_;
  const std::vector<expr::ExpressionPtr> exprs_;
  const bool lenient_;
};

class Union : public Operator {
 public:
  explicit Union(std::vector<OperatorPtr> inputs) : inputs_(std::move(inputs)) {}
  Result<std::optional<data::DataChunk>> next() override {
    for (; at_ < inputs_.size(); ++at_) {
      PENSTOCK_TRY(auto chunk, inputs_[at_]->next());
      if (chunk) return chunk;
    }
    return std::optional<data::DataChunk>();
  }

 private:
  const std::vector<OperatorPtr> inputs_;
  size_t at_ = 0;
};

class Limit : public Operator {
 public:
  Limit(OperatorPtr input, std::optional<uint64_t> count, uint64_t offset)
      : input_(std::move(input)), left_(count.value_or(UINT64_MAX)), skip_(offset) {}
  Result<std::optional<data::DataChunk>> next() override {
    while (left_ > 0) {
      PENSTOCK_TRY(auto chunk, input_->next());
      if (!chunk) return chunk;
      const size_t begin = static_cast<size_t>(std::min<uint64_t>(skip_, chunk->rows()));
      const size_t count = static_cast<size_t>(std::min<uint64_t>(left_, chunk->rows() - begin));
      skip_ -= begin;
      left_ -= count;
      if (count == 0) continue;
      std::vector<data::Column> columns;
      for (const data::Column& column : chunk->columns()) columns.push_back(column.slice(begin, count));
      return std::optional(data::DataChunk(std::move(columns), count));
    }
    return std::optional<data::DataChunk>();
  }

 private:
  const OperatorPtr input_;
  uint64_t left_;
  uint64_t skip_;
};

class Window : public Operator {
 public:
  Window(OperatorPtr input, uint32_t time_column, int64_t slide, int64_t size, std::vector<uint32_t> output)
      : input_(std::move(input)), time_column_(time_column), slide_(slide), size_(size), output_(std::move(output)) {}
  Result<std::optional<data::DataChunk>> next() override {
    for (;;) {
      PENSTOCK_TRY(auto chunk, input_->next());
      if (!chunk) return chunk;
      data::DataChunk out = expand(*chunk);
      if (out.rows() > 0) return std::optional(std::move(out));
    }
  }

 private:
  [[nodiscard]] data::DataChunk expand(const data::DataChunk& chunk) const {
    std::vector<uint32_t> rows;
    data::ColumnBuilder<int64_t> starts(data::TypeKind::Timestamp, chunk.rows());
    data::ColumnBuilder<int64_t> ends(data::TypeKind::Timestamp, chunk.rows());
    const data::Column& times = chunk.column(time_column_);
    for (uint32_t row = 0; row < chunk.rows(); ++row) {
      if (times.is_null(row)) continue;
      const int64_t time = times.value<int64_t>(row);
      const int64_t last = time - ((time % slide_) + slide_) % slide_;
      for (int64_t start = last; start > time - size_; start -= slide_) {
        rows.push_back(row);
        starts.append(start);
        ends.append(start + size_);
      }
    }
    const data::DataChunk kept = chunk.gather(rows);
    std::vector<data::Column> all = kept.columns();
    all.push_back(starts.finish());
    all.push_back(ends.finish());
    return data::DataChunk(std::move(all), rows.size()).project(output_);
  }

  const OperatorPtr input_;
  const uint32_t time_column_;
  const int64_t slide_, size_;
  const std::vector<uint32_t> output_;
};

class Watched : public Operator {
 public:
  Watched(OperatorPtr input, Watch watch) : input_(std::move(input)), watch_(std::move(watch)) {}
  Result<std::optional<data::DataChunk>> next() override {
    PENSTOCK_TRY(watch_(nullptr));
    PENSTOCK_TRY(auto chunk, input_->next());
    if (chunk) {
      PENSTOCK_TRY(watch_(&*chunk));
    }
    return chunk;
  }

 private:
  const OperatorPtr input_;
  const Watch watch_;
};

}  // namespace

OperatorPtr make_watched(OperatorPtr input, Watch watch) { return std::make_unique<Watched>(std::move(input), std::move(watch)); }

OperatorPtr make_chunks(std::vector<data::DataChunk> chunks) { return std::make_unique<Chunks>(std::move(chunks)); }
OperatorPtr make_values(std::vector<std::vector<expr::ExpressionPtr>> rows, std::vector<data::DataType> types) {
  return std::make_unique<Values>(std::move(rows), std::move(types));
}
OperatorPtr make_filter(OperatorPtr input, expr::ExpressionPtr predicate, bool lenient) {
  return std::make_unique<Filter>(std::move(input), std::move(predicate), lenient);
}
OperatorPtr make_project(OperatorPtr input, std::vector<expr::ExpressionPtr> exprs, bool lenient) {
  return std::make_unique<Project>(std::move(input), std::move(exprs), lenient);
}
OperatorPtr make_union(std::vector<OperatorPtr> inputs) { return std::make_unique<Union>(std::move(inputs)); }
OperatorPtr make_limit(OperatorPtr input, std::optional<uint64_t> count, uint64_t offset) {
  return std::make_unique<Limit>(std::move(input), count, offset);
}
OperatorPtr make_window(OperatorPtr input, uint32_t time_column, int64_t slide_micros, int64_t size_micros, std::vector<uint32_t> output) {
  return std::make_unique<Window>(std::move(input), time_column, slide_micros, size_micros, std::move(output));
}

Result<std::vector<data::DataChunk>> drain(Operator& input) {
  std::vector<data::DataChunk> chunks;
  for (;;) {
    PENSTOCK_TRY(auto chunk, input.next());
    if (!chunk) return chunks;
    chunks.push_back(std::move(*chunk));
  }
}

data::DataChunk concat_chunks(const std::vector<data::DataChunk>& chunks, const std::vector<data::DataType>& types) {
  size_t rows = 0;
  for (const auto& chunk : chunks) rows += chunk.rows();
  std::vector<data::Column> columns;
  for (size_t i = 0; i < types.size(); ++i) {
    if (chunks.empty()) {
      columns.push_back(data::AnyColumnBuilder(types[i], 0).finish());
      continue;
    }
    std::vector<data::Column> parts;
    for (const auto& chunk : chunks) parts.push_back(chunk.column(i));
    columns.push_back(data::concat(parts));
  }
  return {std::move(columns), rows};
}

}  // namespace penstock::batch
