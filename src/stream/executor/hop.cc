#include "stream/executor/hop.h"

namespace penstock::stream {

using data::Column;
using data::DataChunk;
using data::StreamChunk;

namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

int64_t floor_to(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  return rest < 0 ? value - rest - step : value - rest;  // callers checked that it does not overflow
}

Column timestamps(std::vector<int64_t> values) {
  auto owner = std::make_shared<const std::vector<int64_t>>(std::move(values));
  const int64_t* const data = owner->data();
  const size_t n = owner->size();
  return {data::DataType(data::TypeKind::Timestamp), n, std::shared_ptr<const int64_t[]>(std::move(owner), data), nullptr};
}

}  // namespace

Result<Step> HopOperator::on_chunk(size_t /*port*/, StreamChunk chunk, Output& out) {
  chunk_ = std::move(chunk);
  cursor_ = {};
  find_windows();
  if (options_.size_micros != options_.slide_micros) return resume(out);
  tumble(out);
  chunk_ = {};
  return Step::Done;
}

Result<Step> HopOperator::resume(Output& out) {
  Expansion expansion;
  expand(expansion);
  if (!expansion.rows.empty()) {
    const DataChunk repeated = chunk_.data().gather(expansion.rows);
    auto ops = chunk_.insert_only() ? nullptr : std::make_shared<const std::vector<Op>>(std::move(expansion.ops));
    out.emplace_back(DataChunk(with_windows(repeated, expansion.starts), repeated.rows()), std::move(ops));
  }
  if (cursor_.row < chunk_.rows()) return Step::MoreOutput;
  chunk_ = {};
  return Step::Done;
}

Result<Step> HopOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  errors_.report(barrier.epoch.prev);
  return Step::Done;
}

void HopOperator::find_windows() {
  const Column& times = chunk_.column(options_.time_column);
  windows_.assign(chunk_.rows(), {});
  const bool days = times.type().kind == data::TypeKind::Date;
  for (size_t row = 0; row < chunk_.rows(); ++row) {
    if (!chunk_.is_visible(row) || times.is_null(row)) continue;
    int64_t time = days ? times.value<int32_t>(row) : times.value<int64_t>(row);
    if (days && __builtin_mul_overflow(time, kMicrosPerDay, &time)) {
      errors_.rows().add(error(Code::DatetimeOverflow, "date out of range for timestamp"));
      continue;
    }
    windows_[row] = windows_of(time);
  }
}

HopOperator::Windows HopOperator::windows_of(int64_t time) {
  const int64_t slide = options_.slide_micros, size = options_.size_micros;
  // Starts are above time - size, and the last one above time - slide.
  int64_t lowest = 0, end = 0;
  if (__builtin_sub_overflow(time, std::max(size, slide), &lowest) || __builtin_add_overflow(time, size, &end)) {
    errors_.rows().add(error(Code::DatetimeOverflow, "timestamp out of range: a window around it has no end or start"));
    return {};
  }
  const int64_t last = floor_to(time, slide);
  const int64_t room = size - (time - last);  // starts after last - room still hold `time`
  if (room <= 0) return {};
  const int64_t count = (room - 1) / slide + 1;
  return {last - (count - 1) * slide, count};
}

// Every row is in one window at most: the columns are shared, rows without window hidden.
void HopOperator::tumble(Output& out) const {
  data::Bitmap pass(chunk_.rows(), false);
  std::vector<int64_t> starts(chunk_.rows());
  for (size_t row = 0; row < chunk_.rows(); ++row) {
    starts[row] = windows_[row].first;
    if (windows_[row].count > 0) pass.set(row, true);
  }
  auto ops = chunk_.ops();
  if (ops != nullptr) {
    auto own = std::make_shared<std::vector<Op>>(*ops);
    for (size_t row = 0; row + 1 < own->size(); ++row) {
      if ((*own)[row] != Op::UpdateDelete || windows_[row] == windows_[row + 1]) continue;
      (*own)[row] = Op::Delete;
      (*own)[row + 1] = Op::Insert;
    }
    ops = std::move(own);
  }
  const StreamChunk all(DataChunk(with_windows(chunk_.data(), starts), chunk_.rows()), std::move(ops), chunk_.visibility());
  if (auto kept = keep_rows(all, std::move(pass))) out.push_back(std::move(*kept));
}

void HopOperator::expand(Expansion& to) {
  while (cursor_.row < chunk_.rows() && to.rows.size() + 2 <= data::kChunkRows) {
    const Windows& windows = windows_[cursor_.row];
    const bool whole = is_whole_update(cursor_.row);
    if (cursor_.window >= windows.count) {
      cursor_ = {cursor_.row + (whole ? 2 : 1), 0};
      continue;
    }
    const auto row = static_cast<uint32_t>(cursor_.row);
    const int64_t start = windows.first + cursor_.window * options_.slide_micros;
    if (whole) {
      to.add(row, start, Op::UpdateDelete);
      to.add(row + 1, start, Op::UpdateInsert);
    } else {
      to.add(row, start, data::is_insert(chunk_.op(row)) ? Op::Insert : Op::Delete);
    }
    ++cursor_.window;
  }
}

// Both halves are there and in the same windows.
bool HopOperator::is_whole_update(size_t row) const {
  return chunk_.op(row) == Op::UpdateDelete && row + 1 < chunk_.rows() && chunk_.op(row + 1) == Op::UpdateInsert &&
         windows_[row] == windows_[row + 1];
}

std::vector<Column> HopOperator::with_windows(const DataChunk& data, const std::vector<int64_t>& starts) const {
  std::vector<Column> columns;
  for (const uint32_t column : options_.output) {
    if (column < data.width()) {
      columns.push_back(data.column(column));
      continue;
    }
    std::vector<int64_t> values = starts;
    if (column > data.width()) {
      for (int64_t& value : values) value += options_.size_micros;
    }
    columns.push_back(timestamps(std::move(values)));
  }
  return columns;
}

void HopOperator::Expansion::add(uint32_t row, int64_t start, Op op) {
  rows.push_back(row);
  starts.push_back(start);
  ops.push_back(op);
}

}  // namespace penstock::stream
