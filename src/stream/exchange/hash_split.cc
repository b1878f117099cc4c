#include "stream/exchange/hash_split.h"

namespace penstock::stream {

using data::Op;
using data::StreamChunk;

std::span<HashSplit::Piece> HashSplit::split(const StreamChunk& chunk, std::span<const uint32_t> output) {
  pieces_.clear();
  vnodes_ = data::vnodes_of(chunk.data(), keys_, static_cast<uint32_t>(destination_of_.size()));
  const StreamChunk sent = (chunk.insert_only() ? chunk : with_whole_pairs(chunk)).project(output).with_visibility(nullptr);
  scatter(chunk);
  uint32_t begin = 0;
  for (uint32_t destination = 0; destination < ends_.size(); ++destination) {
    const uint32_t count = ends_[destination] - begin;
    if (count == chunk.rows() && count > 0) {
      pieces_.push_back({destination, sent});
    } else if (count > 0) {
      pieces_.push_back({destination, sent.gather(std::span(indices_).subspan(begin, count))});
    }
    begin = ends_[destination];
  }
  return pieces_;
}

void HashSplit::scatter(const StreamChunk& chunk) {
  const auto for_each_row = [&](auto&& f) {
    if (chunk.visibility()) {
      chunk.visibility()->for_each_set([&](size_t row) { f(static_cast<uint32_t>(row)); });
    } else {
      for (uint32_t row = 0; row < chunk.rows(); ++row) f(row);
    }
  };
  std::fill(ends_.begin(), ends_.end(), 0);
  for_each_row([&](uint32_t row) { ++ends_[destination_of_[vnodes_[row]]]; });
  // Counts become begins; placing a row moves its begin on, and in the end each is where the next one started.
  uint32_t total = 0;
  for (uint32_t& end : ends_) total += std::exchange(end, total);
  indices_.resize(total);
  for_each_row([&](uint32_t row) { indices_[ends_[destination_of_[vnodes_[row]]]++] = row; });
}

StreamChunk HashSplit::with_whole_pairs(const StreamChunk& chunk) const {
  const std::vector<Op>& ops = *chunk.ops();
  std::shared_ptr<std::vector<Op>> mended;  // made at the first pair that breaks; shared with the chunk
  const auto mend = [&](size_t row, Op op) {
    if (!mended) mended = std::make_shared<std::vector<Op>>(ops);
    (*mended)[row] = op;
  };
  for (size_t row = 0; row < ops.size(); ++row) {
    if (data::is_insert(ops[row])) {
      if (ops[row] == Op::UpdateInsert) mend(row, Op::Insert);  // one whose UpdateDelete was passed together with it never comes here
      continue;
    }
    if (ops[row] != Op::UpdateDelete) continue;
    const bool pair = row + 1 < ops.size() && ops[row + 1] == Op::UpdateInsert;
    if (pair && vnodes_[row] == vnodes_[row + 1] && chunk.is_visible(row) && chunk.is_visible(row + 1)) {
      ++row;
    } else {
      mend(row, Op::Delete);
    }
  }
  if (!mended) return chunk;
  return {chunk.data(), std::move(mended), chunk.visibility()};
}

}  // namespace penstock::stream
