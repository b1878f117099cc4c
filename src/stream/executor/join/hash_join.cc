#include "stream/executor/join/hash_join.h"

#include <algorithm>

namespace penstock::stream {

using data::Column;
using data::DataChunk;
using data::StreamChunk;

HashJoinOperator::HashJoinOperator(HashJoinOptions options, const ActorContext& context)
    : shape_(options.shape),
      condition_(std::move(options.condition)),
      condition_columns_(std::move(options.condition_columns)),
      output_(std::move(options.output)),
      sides_{
          {{std::move(options.left.table), std::move(options.left.key)}, {std::move(options.right.table), std::move(options.right.key)}}},
      errors_(context.reports),
      memory_(context.memory) {
  for (JoinSide& side : sides_) tables_.add(side.table());
}

Result<Step> HashJoinOperator::on_chunk(size_t port, StreamChunk chunk, Output& out) {
  port_ = port;
  chunk_ = std::move(chunk);
  split_rows();
  place_ = entry_ = ended_ = 0;
  matches_.assign(rows_.size(), 0);
  resolve();
  phase_ = Phase::Read;
  const bool wants = own().wants_read() || other().wants_read();
  if (wants && (own().may_block() || other().may_block())) return Step::NeedState;
  if (wants) {
    PENSTOCK_TRY(read());
  }
  return resume(out);
}

Result<Step> HashJoinOperator::resume(Output& out) {
  if (phase_ == Phase::Idle) return Operator::resume(out);
  if (phase_ == Phase::Read) {
    PENSTOCK_TRY(own().install());
    PENSTOCK_TRY(other().install());
    if (counts(1 - port_)) count_matches();
    phase_ = Phase::Probe;
  }
  return probe(out);
}

Operator::StateRead HashJoinOperator::take_state_read() {
  return [this] { return read(); };
}

Status HashJoinOperator::read() {
  for (JoinSide& side : sides_) {
    if (!side.wants_read()) continue;
    PENSTOCK_TRY(side.read());
  }
  return ok();
}

void HashJoinOperator::split_rows() {
  visible_rows(chunk_, rows_);
  null_rows_.clear();
  const auto has_null = [&](uint32_t row) {
    return std::ranges::any_of(own().key(), [&](uint32_t column) { return chunk_.column(column).is_null(row); });
  };
  const bool may = std::ranges::any_of(own().key(), [&](uint32_t column) { return chunk_.column(column).validity() != nullptr; });
  if (!may) return;
  std::vector<uint32_t> keyed;
  for (const uint32_t row : rows_) (has_null(row) ? null_rows_ : keyed).push_back(row);
  rows_ = std::move(keyed);
}

// The other side's runs; the own side's too where degrees of the other side may have to be counted against them.
void HashJoinOperator::resolve() {
  const DataChunk keys = chunk_.data().project(own().key());
  other().resolve(keys, rows_, runs_);
  if (counts(1 - port_)) own().resolve(keys, rows_, own_runs_);
}

// Runs that were read do not know how many matches their rows have; the own side is as it was before this chunk.
void HashJoinOperator::count_matches() {
  JoinSide& counted = other();
  for (size_t place = 0; place < rows_.size(); ++place) {
    const uint32_t run = runs_[place];
    if (run == JoinSide::kNone || counted.counted(run)) continue;
    counted.set_counted(run);
    for (const RowRun::Entry& entry : counted.run(run)) counted.degree(entry.row) = 0;
    if (own_runs_[place] == JoinSide::kNone) continue;
    // Their own side's rows play the chunk: a batch of them against the whole run at a time.
    const auto own_entries = own().run(own_runs_[place]);
    for (size_t begin = 0; begin < own_entries.size(); begin += data::kChunkRows) {
      const auto batch = own_entries.subspan(begin, std::min(data::kChunkRows, own_entries.size() - begin));
      std::vector<const std::byte*> addresses;
      for (const RowRun::Entry& entry : batch) addresses.push_back(own().row(entry.row));
      std::vector<Column> columns;
      for (size_t c = 0; c < own().width(); ++c) columns.push_back(own().column(c, addresses));
      const DataChunk rows(std::move(columns), batch.size());
      for (const RowRun::Entry& entry : counted.run(run)) {
        Pairs pairs;
        for (size_t i = 0; i < batch.size(); ++i) {
          pairs.places.push_back(static_cast<uint32_t>(i));
          pairs.others.push_back(entry.row);
        }
        const auto match = matching(pairs, rows, all_rows(batch.size()), counted, port_);
        counted.degree(entry.row) += static_cast<uint32_t>(std::ranges::count(match, 1));
      }
    }
  }
}

// About a chunk of pairs a step.
Result<Step> HashJoinOperator::probe(Output& out) {
  Joined joined;
  if (ended_ == 0 && place_ == 0 && entry_ == 0 && shape_.alone[port_] == Alone::Unmatched) {
    for (const uint32_t row : null_rows_) joined.add(data::is_insert(chunk_.op(row)) ? Op::Insert : Op::Delete, row, nullptr);
  }
  collect_pairs();
  keep_matching();
  join_pairs(joined);
  send(std::move(joined), out);
  if (place_ < rows_.size()) return Step::MoreOutput;
  PENSTOCK_TRY(finish_chunk());
  return Step::Done;
}

void HashJoinOperator::collect_pairs() {
  pairs_.clear();
  while (place_ < rows_.size() && pairs_.places.size() < data::kChunkRows) {
    if (runs_[place_] != JoinSide::kNone) {
      const auto run = other().run(runs_[place_]);
      const size_t take = std::min(run.size() - entry_, data::kChunkRows - pairs_.places.size());
      for (const RowRun::Entry& entry : run.subspan(entry_, take)) {
        __builtin_prefetch(other().row(entry.row));
        pairs_.places.push_back(static_cast<uint32_t>(place_));
        pairs_.others.push_back(entry.row);
      }
      entry_ += take;
      if (entry_ < run.size()) return;
    }
    ++place_;
    entry_ = 0;
  }
}

void HashJoinOperator::keep_matching() {
  if (condition_ == nullptr || pairs_.places.empty()) return;
  const auto match = matching(pairs_, chunk_.data(), rows_, other(), port_);
  size_t kept = 0;
  for (size_t i = 0; i < match.size(); ++i) {
    if (match[i] == 0) continue;
    pairs_.places[kept] = pairs_.places[i];
    pairs_.others[kept] = pairs_.others[i];
    ++kept;
  }
  pairs_.places.resize(kept);
  pairs_.others.resize(kept);
}

std::vector<uint8_t> HashJoinOperator::matching(const Pairs& pairs, const DataChunk& chunk, std::span<const uint32_t> rows,
                                                const JoinSide& other, size_t port) {
  const size_t n = pairs.places.size();
  if (condition_ == nullptr) return std::vector<uint8_t>(n, 1);
  std::vector<uint32_t> chunk_rows(n);
  std::vector<const std::byte*> others(n);
  for (size_t i = 0; i < n; ++i) {
    chunk_rows[i] = rows[pairs.places[i]];
    others[i] = other.row(pairs.others[i]);
  }
  const Source source{chunk, chunk_rows, others};
  std::vector<Column> columns;
  for (const uint32_t column : condition_columns_) columns.push_back(column_of(source, column, other, port));
  const auto passed = expr::evaluate_predicate(*condition_, DataChunk(std::move(columns), n), nullptr, errors_.rows());
  std::vector<uint8_t> match(n, 0);
  passed.for_each_set([&](size_t i) { match[i] = 1; });
  return match;
}

void HashJoinOperator::join_pairs(Joined& to) {
  const bool degrees = counts(0) || counts(1);
  for (size_t i = 0; i < pairs_.places.size(); ++i) {
    const uint32_t place = pairs_.places[i];
    if (degrees) {
      for (; ended_ < place; ++ended_) end_row(ended_, to);
    }
    join_pair(place, pairs_.others[i], to);
  }
  if (degrees) {
    for (; ended_ < place_; ++ended_) end_row(ended_, to);
  }
}

void HashJoinOperator::join_pair(size_t place, uint32_t other_row, Joined& to) {
  const uint32_t row = rows_[place];
  const bool insert = data::is_insert(chunk_.op(row));
  const std::byte* const address = other().row(other_row);
  const Alone alone = shape_.alone[1 - port_];
  ++matches_[place];
  bool flips = false;  // the other row had no match before, or has none any more
  if (alone != Alone::Never) {
    uint32_t& degree = other().degree(other_row);
    flips = insert ? degree == 0 : degree == 1;
    degree += insert ? 1U : ~0U;
  }
  // By itself it comes when it loses its last match or, for a semi join, when it gets its first one.
  const Op alone_op = insert == (alone == Alone::Matched) ? Op::Insert : Op::Delete;
  if (flips && alone_op == Op::Delete) to.add(Op::Delete, kNullRow, address);
  if (shape_.pairs) to.add(insert ? Op::Insert : Op::Delete, row, address);
  if (flips && alone_op == Op::Insert) to.add(Op::Insert, kNullRow, address);
}

// All pairs of a row of the chunk are known.
void HashJoinOperator::end_row(size_t place, Joined& to) {
  const Alone alone = shape_.alone[port_];
  if (alone == Alone::Never || (matches_[place] > 0) != (alone == Alone::Matched)) return;
  const uint32_t row = rows_[place];
  to.add(data::is_insert(chunk_.op(row)) ? Op::Insert : Op::Delete, row, nullptr);
}

void HashJoinOperator::send(Joined joined, Output& out) {
  if (joined.ops.empty()) return;
  const bool insert_only = std::ranges::all_of(joined.ops, [](Op op) { return op == Op::Insert; });
  const Source source{chunk_.data(), joined.rows, joined.others, std::ranges::find(joined.rows, kNullRow) != joined.rows.end()};
  std::vector<Column> columns;
  for (const uint32_t column : output_) columns.push_back(column_of(source, column, other(), port_));
  DataChunk data(std::move(columns), joined.ops.size());
  out.emplace_back(std::move(data), insert_only ? nullptr : std::make_shared<const std::vector<Op>>(std::move(joined.ops)));
}

Column HashJoinOperator::column_of(const Source& source, uint32_t column, const JoinSide& other, size_t port) const {
  const size_t left_width = sides_[0].width();
  const size_t side = column < left_width ? 0 : 1;
  const size_t own_column = side == 0 ? column : column - left_width;
  if (side != port) return other.column(own_column, source.others);
  const Column& values = source.chunk.column(own_column);
  return source.nulls ? gather_or_null(values, source.rows) : values.gather(source.rows);
}

Status HashJoinOperator::finish_chunk() {
  phase_ = Phase::Idle;
  PENSTOCK_TRY(own().apply(chunk_, rows_, counts(port_) ? std::span<const uint32_t>(matches_) : std::span<const uint32_t>()));
  chunk_ = {};
  settle_memory();
  return ok();
}

Result<Step> HashJoinOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  errors_.report(barrier.epoch.prev);
  PENSTOCK_TRY(tables_.commit(barrier));
  settle_memory();
  return Step::Done;
}

Result<Step> HashJoinOperator::after_barrier(const Barrier& /*barrier*/, Output& /*out*/) {
  PENSTOCK_TRY(tables_.post_yield());
  return Step::Done;
}

void HashJoinOperator::settle_memory() {
  memory_.set(memory_bytes());
  const size_t owed = memory_.owed();
  if (owed == 0) return;
  evict(owed);
  memory_.gave_back(owed, memory_bytes());
}

size_t HashJoinOperator::evict(size_t bytes) {
  const size_t all = std::max<size_t>(memory_bytes(), 1);
  size_t freed = 0;
  for (JoinSide& side : sides_) {
    freed += side.evict(
        static_cast<size_t>(static_cast<double>(bytes) * static_cast<double>(side.memory_bytes()) / static_cast<double>(all)) + 1);
  }
  return freed;
}

}  // namespace penstock::stream
