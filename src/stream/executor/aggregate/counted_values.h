#pragma once

#include <memory>
#include <vector>

#include "stream/executor/aggregate/changes.h"
#include "stream/executor/state/keyed_state.h"

namespace penstock::stream {

/// How often each value of one column is in each group, for several counters at once: the table behind DISTINCT (a counter a call) and
/// behind min and max over input that retracts (one counter).
///
/// Table: group key columns, the value, then a BIGINT a counter; pk = group key, value. A value whose counters are all 0 has no row.
/// NULLs are not counted. What changed lies in memory until `write`, at the barrier.
class CountedValues {
 public:
  /// `group_key` and `column`: columns of the input.
  CountedValues(storage::StateTable table, std::vector<uint32_t> group_key, uint32_t column, size_t counters);

  /// Finds the entries of all rows that any counter is to see. Then, if `wants_read`, read and install come before `count`.
  void resolve(const data::StreamChunk& chunk, std::span<const Changes* const> changes);
  /// Counts `changes[c]` in counter c; present[c] gets the rows at which a value came (+1: from none to one) or went (-1).
  void count(std::span<const Changes* const> changes, std::span<Changes> present);
  void write();

  [[nodiscard]] KeyedState& state() { return state_; }
  [[nodiscard]] const KeyedState& state() const { return state_; }
  [[nodiscard]] uint32_t column() const { return column_; }

 private:
  class Counters final : public KeyedState::Codec {
   public:
    Counters(size_t first_column, size_t count) : first_column_(first_column), count_(count) {}
    void init(std::byte* /*payload*/) const override {}
    void destroy(std::byte* /*payload*/) const override {}
    Status decode(const data::Row& row, std::byte* payload) const override;

   private:
    const size_t first_column_;
    const size_t count_;
  };

  [[nodiscard]] int64_t* counters_of(uint32_t id) const { return reinterpret_cast<int64_t*>(state_.payload(id)); }

  const std::vector<uint32_t> key_;  // of the input: group key, then the column
  const uint32_t column_;
  const size_t counters_;
  const Counters codec_;
  KeyedState state_;

  std::vector<uint32_t> dirty_;
  std::vector<uint32_t> rows_, ids_;
  std::vector<uint32_t> entry_of_row_;  // of the chunk at hand; kNone: not counted
};

}  // namespace penstock::stream
