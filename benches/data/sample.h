#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "data/chunk.h"

/// A chunk as a join or a view might hold it: 5 columns, two of them text (one short, one of some 30 bytes).
namespace penstock::data::bench {

inline const std::vector<DataType> kSampleTypes = {TypeKind::Int64, TypeKind::Varchar, TypeKind::Timestamp, TypeKind::Varchar,
                                                   TypeKind::Float64};

inline StreamChunk sample_chunk(size_t rows = kChunkRows, bool nulls = false) {
  std::mt19937_64 random(1);
  StreamChunkBuilder builder(kSampleTypes, rows);
  for (size_t i = 0; i < rows; ++i) {
    Row row = {static_cast<int64_t>(random() % 1'000'000), fmt::format("AP{}", random() % 1000), static_cast<int64_t>(random() >> 14),
               fmt::format("https://example.org/item/{:07}", random() % 1'000'000), static_cast<double>(random() % 1000) / 8};
    if (nulls && i % 10 == 0) row[random() % 5] = Datum();
    builder.append(Op::Insert, row);
  }
  return builder.finish();
}

inline std::vector<uint32_t> first_rows(size_t n) {
  std::vector<uint32_t> rows(n);
  for (size_t i = 0; i < n; ++i) rows[i] = static_cast<uint32_t>(i);
  return rows;
}

/// Half of the rows, at random, ascending: what a filter leaves.
inline std::vector<uint32_t> half_of_rows(size_t n) {
  std::mt19937_64 random(2);
  std::vector<uint32_t> rows;
  for (size_t i = 0; i < n; ++i) {
    if (random() % 2 == 0) rows.push_back(static_cast<uint32_t>(i));
  }
  return rows;
}

}  // namespace penstock::data::bench
