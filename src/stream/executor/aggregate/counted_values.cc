#include "stream/executor/aggregate/counted_values.h"

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

namespace {

std::vector<uint32_t> with(std::vector<uint32_t> columns, uint32_t one_more) {
  columns.push_back(one_more);
  return columns;
}

std::vector<uint32_t> first_columns(size_t n) {
  const auto all = all_rows(n);
  return {all.begin(), all.end()};
}

}  // namespace

CountedValues::CountedValues(storage::StateTable table, std::vector<uint32_t> group_key, uint32_t column, size_t counters)
    : key_(with(std::move(group_key), column)),
      column_(column),
      counters_(counters),
      codec_(key_.size(), counters),
      state_(first_columns(key_.size()), std::move(table), counters * sizeof(int64_t), codec_) {}

Status CountedValues::Counters::decode(const data::Row& row, std::byte* payload) const {
  auto* const counters = reinterpret_cast<int64_t*>(payload);
  for (size_t c = 0; c < count_; ++c) {
    const auto* const value = std::get_if<int64_t>(&row[first_column_ + c]);
    if (value == nullptr) return error(Code::Corruption, "a multiplicity is NULL");
    counters[c] = *value;
  }
  return ok();
}

void CountedValues::resolve(const data::StreamChunk& chunk, std::span<const Changes* const> changes) {
  const data::Column& values = chunk.column(column_);
  entry_of_row_.assign(chunk.rows(), KeyTable::kNone);
  constexpr uint32_t kWanted = 0;
  rows_.clear();
  for (const Changes* one : changes) {
    for (const uint32_t row : one->rows) {
      if (values.is_null(row) || entry_of_row_[row] == kWanted) continue;
      entry_of_row_[row] = kWanted;
      rows_.push_back(row);
    }
  }
  state_.resolve(chunk.data().project(key_), rows_, ids_);
  for (size_t i = 0; i < rows_.size(); ++i) entry_of_row_[rows_[i]] = ids_[i];
}

void CountedValues::count(std::span<const Changes* const> changes, std::span<Changes> present) {
  for (size_t c = 0; c < counters_; ++c) {
    const Changes& in = *changes[c];
    present[c].clear();
    for (size_t i = 0; i < in.rows.size(); ++i) {
      const uint32_t id = entry_of_row_[in.rows[i]];
      if (id == KeyTable::kNone) continue;
      uint32_t& flags = state_.flags(id);
      if ((flags & KeyedState::kDirty) == 0) dirty_.push_back(id);
      flags |= KeyedState::kDirty;
      int64_t& counter = counters_of(id)[c];
      const bool before = counter > 0;
      counter += in.sign(i);
      if (before != (counter > 0)) present[c].add(in.rows[i], in.groups[i], before ? int8_t{-1} : int8_t{1});
    }
  }
}

void CountedValues::write() {
  for (size_t begin = 0; begin < dirty_.size(); begin += data::kChunkRows) {
    const auto ids = std::span(dirty_).subspan(begin, std::min(data::kChunkRows, dirty_.size() - begin));
    std::vector<uint8_t> alive(ids.size(), 0);
    auto columns = state_.key_columns(ids);
    for (size_t c = 0; c < counters_; ++c) {
      data::ColumnBuilder<int64_t> builder(data::TypeKind::Int64, ids.size());
      for (size_t i = 0; i < ids.size(); ++i) {
        const int64_t counter = counters_of(ids[i])[c];
        alive[i] |= static_cast<uint8_t>(counter != 0);
        builder.append(counter);
      }
      columns.push_back(builder.finish());
    }
    state_.write(ids, std::move(columns), alive);
  }
  dirty_.clear();
}

}  // namespace penstock::stream
