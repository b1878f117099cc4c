#pragma once

#include <span>
#include <utility>
#include <vector>

#include "common/vnode.h"
#include "data/chunk.h"

namespace penstock::stream {

/// Cuts chunks by the vnode of their distribution key: hashes as a column pass, a histogram, a scatter of row numbers, then one gather a
/// destination. Invisible rows are left out, so what comes out is wholly visible. Rows of one destination keep their order.
///
/// An update pair stays a pair only when both of its rows are visible and of one vnode; otherwise its visible rows become a Delete and an
/// Insert, each complete by itself.
///
/// Owns scratch memory; one caller at a time.
class HashSplit {
 public:
  struct Piece {
    uint32_t destination;
    data::StreamChunk chunk;
  };

  /// `destination_of`: for each vnode, below `destinations`.
  HashSplit(std::vector<uint32_t> keys, std::vector<uint16_t> destination_of, size_t destinations)
      : keys_(std::move(keys)), destination_of_(std::move(destination_of)), ends_(destinations) {}

  /// The pieces that have rows, by destination, with the columns `output` of `chunk`. Valid until the next call.
  [[nodiscard]] std::span<Piece> split(const data::StreamChunk& chunk, std::span<const uint32_t> output);

 private:
  [[nodiscard]] data::StreamChunk with_whole_pairs(const data::StreamChunk& chunk) const;
  void scatter(const data::StreamChunk& chunk);

  std::vector<uint32_t> keys_;
  std::vector<uint16_t> destination_of_;

  std::vector<VNode> vnodes_;      // of the rows
  std::vector<uint32_t> ends_;     // by destination: end of its rows in `indices_`
  std::vector<uint32_t> indices_;  // visible rows, by destination
  std::vector<Piece> pieces_;
};

}  // namespace penstock::stream
