#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/chunk.h"

namespace penstock::stream {

using data::Op;
using Ops = std::shared_ptr<const std::vector<Op>>;  // shared by the chunks made from one, as StreamChunk holds them

/// The visible rows of `chunk`, ascending.
void visible_rows(const data::StreamChunk& chunk, std::vector<uint32_t>& rows);

/// For each of `rows`: +1 if it comes, -1 if it goes. Empty when all come.
void signs_of(const data::StreamChunk& chunk, std::span<const uint32_t> rows, std::vector<int8_t>& signs);

/// The ops of a chunk of which only the rows `visible` are left: an update of which one half went becomes a Delete or an Insert.
[[nodiscard]] Ops split_half_updates(const Ops& ops, const data::Bitmap& visible);

/// `chunk` with only the rows `pass` (a subset of its visible rows) left; rows are copied together when few of many are left.
/// Nothing if none is left.
[[nodiscard]] std::optional<data::StreamChunk> keep_rows(const data::StreamChunk& chunk, data::Bitmap pass);

/// Without the updates that change no column: what a projection makes of changes elsewhere. Itself if there is none.
[[nodiscard]] data::StreamChunk without_empty_updates(data::StreamChunk chunk);

/// `chunk` in pieces of at most kChunkRows rows, no update cut in two.
void append_in_pieces(data::StreamChunk chunk, std::vector<data::StreamChunk>& out);

/// different[i] becomes 1 where a[rows_a[i]] and b[rows_b[i]] are not the same to the last digit: 1.0 and 1.00 are equal as numbers, yet
/// a view shows which of them it is. The columns must be of one type.
void mark_different(const data::Column& a, std::span<const uint32_t> rows_a, const data::Column& b, std::span<const uint32_t> rows_b,
                    std::span<uint8_t> different);

/// `column` gathered by `rows`, where kNullRow stands for a NULL.
constexpr uint32_t kNullRow = UINT32_MAX;
[[nodiscard]] data::Column gather_or_null(const data::Column& column, std::span<const uint32_t> rows);

/// 0, 1, … n-1; valid as long as the thread lives.
[[nodiscard]] std::span<const uint32_t> all_rows(size_t n);

}  // namespace penstock::stream
