#pragma once

#include "connector/nexmark/generator.h"
#include "connector/source/split_reader.h"

namespace penstock::connector {

/// WITH options of connector = 'nexmark'.
struct NexmarkOptions {
  NexmarkKind kind = NexmarkKind::Bid;
  uint64_t splits = 1;
  std::optional<uint64_t> events;  // number of events of all kinds; none: endless
  uint64_t gap_nanos = 0;          // time between two events of all kinds; 0: flat out
  NexmarkGenerator::Options generator;
};
[[nodiscard]] Result<NexmarkOptions> parse_nexmark(const SourceSpec& spec);

/// Split s of S makes the events n with n % S = s. The offset is the next n to look at.
class NexmarkReader : public SplitReader {
 public:
  NexmarkReader(NexmarkOptions options, SplitPosition position, uint64_t split, uint64_t next, std::vector<uint32_t> output);
  Result<State> next(size_t max_rows, data::DataChunk& out) override;
  Status read_blocking() override { return ok(); }
  SplitPosition position() const override;
  uint64_t skipped() const override { return 0; }
  const std::string& last_error() const override { return no_error_; }

 private:
  const NexmarkOptions options_;
  const NexmarkGenerator generator_;
  SplitPosition position_;
  uint64_t next_;
  const std::vector<uint32_t> output_;
  std::vector<uint64_t> numbers_;
  const std::string no_error_;
};

[[nodiscard]] Result<std::unique_ptr<SplitReader>> open_nexmark(const SourceSpec& spec, const SplitPosition& position,
                                                                std::vector<uint32_t> output);

}  // namespace penstock::connector
