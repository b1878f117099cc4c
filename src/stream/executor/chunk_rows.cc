#include "stream/executor/chunk_rows.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace penstock::stream {

using data::Bitmap;
using data::Column;
using data::StreamChunk;

void visible_rows(const StreamChunk& chunk, std::vector<uint32_t>& rows) {
  rows.clear();
  if (chunk.visibility() == nullptr) {
    const auto all = all_rows(chunk.rows());
    rows.assign(all.begin(), all.end());
    return;
  }
  chunk.visibility()->for_each_set([&](size_t row) { rows.push_back(static_cast<uint32_t>(row)); });
}

void signs_of(const StreamChunk& chunk, std::span<const uint32_t> rows, std::vector<int8_t>& signs) {
  signs.clear();
  if (chunk.insert_only()) return;
  const std::vector<Op>& ops = *chunk.ops();
  signs.resize(rows.size());
  bool any = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool insert = data::is_insert(ops[rows[i]]);
    signs[i] = insert ? 1 : -1;
    any |= !insert;
  }
  if (!any) signs.clear();
}

Ops split_half_updates(const Ops& ops, const Bitmap& visible) {
  if (ops == nullptr) return ops;
  const size_t n = ops->size();
  std::shared_ptr<std::vector<Op>> changed;
  const auto set = [&](size_t row, Op op) {
    if (changed == nullptr) changed = std::make_shared<std::vector<Op>>(*ops);
    (*changed)[row] = op;
  };
  for (size_t i = 0; i < n; ++i) {
    if ((*ops)[i] == Op::UpdateInsert && visible.get(i)) set(i, Op::Insert);  // its first half would have skipped it
    if ((*ops)[i] != Op::UpdateDelete) continue;
    const bool paired = i + 1 < n && (*ops)[i + 1] == Op::UpdateInsert;
    const bool first = visible.get(i), second = paired && visible.get(i + 1);
    if (first && !second) set(i, Op::Delete);
    if (second && !first) set(i + 1, Op::Insert);
    if (paired) ++i;
  }
  return changed == nullptr ? ops : changed;
}

std::optional<StreamChunk> keep_rows(const StreamChunk& chunk, Bitmap pass) {
  const size_t left = pass.count();
  if (left == 0) return std::nullopt;
  if (left == chunk.rows()) return chunk;
  auto ops = split_half_updates(chunk.ops(), pass);
  StreamChunk kept(chunk.data(), std::move(ops), std::make_shared<const Bitmap>(std::move(pass)));
  return left * 4 < chunk.rows() ? kept.compact() : kept;
}

namespace {

template <typename T>
bool same_value(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, data::Text>) {
    return a == b;
  } else if constexpr (std::is_same_v<T, data::Numeric>) {
    return a.coefficient() == b.coefficient() && a.scale() == b.scale() && a.special() == b.special();
  } else if constexpr (std::is_same_v<T, data::Interval>) {
    return a.months == b.months && a.days == b.days && a.micros == b.micros;
  } else {
    return std::memcmp(&a, &b, sizeof(T)) == 0;  // NOLINT(bugprone-suspicious-memory-comparison): bits, so that NaN is itself
  }
}

}  // namespace

void mark_different(const Column& a, std::span<const uint32_t> rows_a, const Column& b, std::span<const uint32_t> rows_b,
                    std::span<uint8_t> different) {
  const bool nulls = a.validity() != nullptr || b.validity() != nullptr;
  data::with_physical(a.type().kind, [&]<typename T>(std::type_identity<T>) {
    const T* const va = a.values<T>();
    const T* const vb = b.values<T>();
    for (size_t i = 0; i < rows_a.size(); ++i) {
      if (nulls) {
        const bool null_a = a.is_null(rows_a[i]), null_b = b.is_null(rows_b[i]);
        if (null_a || null_b) {
          different[i] |= static_cast<uint8_t>(null_a != null_b);
          continue;
        }
      }
      different[i] |= static_cast<uint8_t>(!same_value(va[rows_a[i] * a.stride()], vb[rows_b[i] * b.stride()]));
    }
  });
}

StreamChunk without_empty_updates(StreamChunk chunk) {
  if (chunk.insert_only()) return chunk;
  std::vector<uint32_t> before, after;
  for (uint32_t row = 0; row + 1 < chunk.rows(); ++row) {
    if (chunk.op(row) != Op::UpdateDelete || chunk.op(row + 1) != Op::UpdateInsert) continue;
    if (!chunk.is_visible(row) || !chunk.is_visible(row + 1)) continue;
    before.push_back(row);
    after.push_back(row + 1);
  }
  std::vector<uint8_t> different(before.size(), 0);
  for (const Column& column : chunk.data().columns()) mark_different(column, before, column, after, different);
  if (std::ranges::find(different, 0) == different.end()) return chunk;
  Bitmap visible = chunk.visibility() != nullptr ? *chunk.visibility() : Bitmap(chunk.rows(), true);
  for (size_t i = 0; i < before.size(); ++i) {
    if (different[i] != 0) continue;
    visible.set(before[i], false);
    visible.set(after[i], false);
  }
  return chunk.with_visibility(std::make_shared<const Bitmap>(std::move(visible)));
}

void append_in_pieces(StreamChunk chunk, std::vector<StreamChunk>& out) {
  if (chunk.rows() <= data::kChunkRows) {
    out.push_back(std::move(chunk));
    return;
  }
  for (size_t begin = 0; begin < chunk.rows();) {
    size_t end = std::min(begin + data::kChunkRows, chunk.rows());
    if (end < chunk.rows() && end > begin + 1 && chunk.op(end) == Op::UpdateInsert && chunk.op(end - 1) == Op::UpdateDelete) --end;
    std::vector<uint32_t> rows;
    for (size_t row = begin; row < end; ++row) {
      if (chunk.is_visible(row)) rows.push_back(static_cast<uint32_t>(row));
    }
    if (!rows.empty()) out.push_back(chunk.gather(rows));
    begin = end;
  }
}

Column gather_or_null(const Column& column, std::span<const uint32_t> rows) {
  Bitmap valid(rows.size(), true);
  std::vector<uint32_t> present(rows.begin(), rows.end());
  bool nulls = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != kNullRow && !column.is_null(rows[i])) continue;
    nulls = true;
    valid.set(i, false);
    if (rows[i] == kNullRow) present[i] = 0;
  }
  if (!nulls) return column.gather(present);
  if (column.size() == 0) return Column::constant(column.type(), data::Datum{}, rows.size());
  const Column gathered = column.flatten().gather(present);
  return data::with_physical(column.type().kind, [&]<typename T>(std::type_identity<T>) {
    const std::shared_ptr<const T[]> values(std::make_shared<Column>(gathered), gathered.values<T>());
    return Column(column.type(), rows.size(), values, std::make_shared<const Bitmap>(std::move(valid)));
  });
}

std::span<const uint32_t> all_rows(size_t n) {
  // Older generations stay, because spans of them may be in use; each is twice the last, so together they are no larger than the newest.
  static thread_local std::vector<std::vector<uint32_t>> generations;
  if (generations.empty() || generations.back().size() < n) {
    std::vector<uint32_t> rows(std::max(n, generations.empty() ? data::kChunkRows : generations.back().size() * 2));
    std::iota(rows.begin(), rows.end(), 0U);
    generations.push_back(std::move(rows));
  }
  return {generations.back().data(), n};
}

}  // namespace penstock::stream
