#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/chunk.h"

namespace penstock::connector {

enum class NexmarkKind : uint8_t { Person = 0, Auction = 1, Bid = 2 };

/// Nexmark as a pure function of the event number (docs/nexmark.md): any engine produces the same events and can seek to event n.
/// Text columns are views into tables that live as long as the process. Thread-safe after construction.
class NexmarkGenerator {
 public:
  struct Options {
    uint64_t seed = 0;
    uint64_t rate = 100'000;  // events per second of event time
  };
  explicit NexmarkGenerator(Options options);

  [[nodiscard]] static NexmarkKind kind(uint64_t n);
  [[nodiscard]] static data::Schema schema(NexmarkKind kind);
  /// Event time in microseconds since 1970.
  [[nodiscard]] int64_t time(uint64_t n) const;
  /// Columns `output` of the events `numbers`, all of one kind.
  [[nodiscard]] data::DataChunk rows(NexmarkKind kind, std::span<const uint64_t> numbers, std::span<const uint32_t> output) const;
  /// "B|1000|…\n", as the reference generator prints it.
  [[nodiscard]] std::string line(uint64_t n) const;

 private:
  struct Event;
  class ColumnMaker;
  [[nodiscard]] data::Column column(NexmarkKind kind, uint32_t index, std::span<const uint64_t> numbers) const;
  const Options options_;
};

}  // namespace penstock::connector
