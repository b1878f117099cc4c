#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "expr/aggregate.h"
#include "stream/executor/aggregate/best_values.h"
#include "stream/executor/state/keyed_state.h"

namespace penstock::stream {

/// One aggregate of a hash aggregation.
struct AggregateCall {
  std::unique_ptr<const expr::Aggregate> function;
  std::vector<uint32_t> args;        // columns of the input
  std::optional<uint32_t> filter;    // of HashAggOptions::filters
  std::optional<bool> keeps_values;  // min, max over input that retracts: whether the largest are wanted
};

/// What a group's payload is:
///
///     state of call 0 | state of call 1 | … | a BestValues* for each call that keeps values | bytes owned outside (u64)
///
/// In the table: group key columns, then the columns of each call's state. A call that keeps values has its present result there; the
/// values have a table of their own.
class GroupStates final : public KeyedState::Codec {
 public:
  /// `calls` outlives this.
  GroupStates(const std::vector<AggregateCall>& calls, size_t key_width);

  [[nodiscard]] size_t size() const { return owned_offset_ + sizeof(uint64_t); }
  [[nodiscard]] size_t offset(size_t call) const { return places_[call].offset; }

  void init(std::byte* payload) const override;
  void destroy(std::byte* payload) const override;
  Status decode(const data::Row& row, std::byte* payload) const override;

  /// The values of a call that keeps them; null until `make_values`.
  [[nodiscard]] BestValues* values(const std::byte* payload, size_t call) const;
  BestValues& make_values(std::byte* payload, size_t call, bool complete) const;

  /// One column a call.
  [[nodiscard]] std::vector<data::Column> outputs(std::span<const std::byte* const> payloads, expr::RowErrors& errors) const;
  /// The table's columns after the group key.
  [[nodiscard]] std::vector<data::Column> encode(std::span<const std::byte* const> payloads) const;
  /// Makes the state of `call` what the best of its values says.
  void take_best(size_t call, std::span<std::byte* const> payloads, expr::RowErrors& errors) const;

  /// Counts again what these groups own outside of their payloads.
  void recount_owned(std::span<const std::byte* const> payloads) const;
  [[nodiscard]] size_t owned_bytes() const { return owned_bytes_; }

 private:
  struct Place {
    size_t offset = 0;
    size_t first_column = 0;  // of the table
    size_t columns = 0;
    size_t values = 0;  // offset of the BestValues*
  };
  [[nodiscard]] uint64_t& owned(const std::byte* payload) const {
    return *reinterpret_cast<uint64_t*>(const_cast<std::byte*>(payload) + owned_offset_);
  }

  const std::vector<AggregateCall>& calls_;
  std::vector<Place> places_;
  size_t owned_offset_ = 0;
  mutable size_t owned_bytes_ = 0;  // a statistic of the groups, which only their owner touches
};

}  // namespace penstock::stream
