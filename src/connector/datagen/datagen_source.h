#pragma once

#include "connector/source/split_reader.h"

namespace penstock::connector {

/// One column of connector = 'datagen'. Row r of the source (over all splits) is a pure function of r, so that a replay makes the same.
struct DatagenField {
  enum class Kind : uint8_t { Sequence, Random };
  Kind kind = Kind::Random;
  data::DataType type;
  int64_t start = 0;             // sequence: start + r
  std::optional<int64_t> end;    // sequence: the last value; the source ends there
  int64_t min = 0, max = 10000;  // random numbers; of a timestamp: milliseconds it may lie before `base`
  uint64_t seed = 0;
  uint64_t length = 10;  // random text
};

/// WITH options, in RisingWave's names: fields.<column>.kind|start|end|min|max|seed|length, datagen.rows.per.second, datagen.split.num.
struct DatagenOptions {
  std::vector<DatagenField> fields;
  uint64_t rows_per_second = 10;
  uint64_t splits = 1;
  std::optional<uint64_t> rows;  // all splits; none: endless
};
[[nodiscard]] Result<DatagenOptions> parse_datagen(const SourceSpec& spec);

[[nodiscard]] Result<std::unique_ptr<SplitReader>> open_datagen(const SourceSpec& spec, const SplitPosition& position,
                                                                std::vector<uint32_t> output);

}  // namespace penstock::connector
