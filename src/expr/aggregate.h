#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/chunk.h"
#include "expr/expression.h"

namespace penstock::pb {
class AggCall;
}

namespace penstock::expr {

/// One aggregate over many groups. States of all aggregates of a group lie together in one row of fixed size that the caller owns;
/// an aggregate knows its size and works on whole columns of (group state pointer, value).
///
/// Retraction: `apply` adds rows with sign +1 and takes back rows with sign -1, in any legal order. min and max can not retract by
/// themselves (`retractable()` is false): over input that retracts their operator keeps the values in a table.
/// Immutable and thread-safe; states are the caller's.
class Aggregate {
 public:
  virtual ~Aggregate() = default;
  [[nodiscard]] virtual data::DataType return_type() const = 0;
  [[nodiscard]] virtual size_t state_size() const = 0;  // bytes, a multiple of 8; alignment 8
  [[nodiscard]] virtual bool retractable() const = 0;
  virtual void init(std::byte* state) const = 0;
  /// States that own memory (min of text) free it here; others do nothing.
  virtual void destroy(std::byte* state) const = 0;
  /// Bytes owned by the state outside of `state_size()`.
  [[nodiscard]] virtual size_t owned_bytes(const std::byte* state) const = 0;

  /// For each i: row `rows[i]` of `args` (the call's argument columns; empty for count(*)) with `signs[i]` (null: all +1) goes to the state
  /// at states[i] + offset.
  virtual void apply(std::span<const data::Column> args, std::span<const uint32_t> rows, const int8_t* signs, std::byte* const* states,
                     size_t offset, RowErrors& errors) const = 0;
  /// Results of states[i] + offset, one a group.
  [[nodiscard]] virtual data::Column output(std::span<const std::byte* const> states, size_t offset, RowErrors& errors) const = 0;

  /// The state as columns of a state table, and back.
  [[nodiscard]] virtual std::vector<data::DataType> state_types() const = 0;
  [[nodiscard]] virtual std::vector<data::Column> encode(std::span<const std::byte* const> states, size_t offset) const = 0;
  /// `state` is initialised. Errors: `Corruption`.
  virtual Status decode(std::span<const data::Datum> values, std::byte* state) const = 0;
};

/// The aggregate of `call` (its filter and DISTINCT are the caller's business). `append_only`: input never retracts.
[[nodiscard]] Result<std::unique_ptr<const Aggregate>> build_aggregate(const pb::AggCall& call, bool append_only);
/// The columns of the state in the operator's table: what planner and operator must agree on.
[[nodiscard]] Result<std::vector<data::DataType>> aggregate_state_types(const pb::AggCall& call, bool append_only);
/// Whether the operator keeps the values of this call in a table of their own (min, max over input that retracts).
[[nodiscard]] bool needs_value_table(const pb::AggCall& call, bool append_only);

}  // namespace penstock::expr
