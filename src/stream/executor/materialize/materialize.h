#pragma once

#include <memory>

#include "stream/executor/chunk_rows.h"
#include "stream/executor/materialize/change_log.h"
#include "stream/executor/materialize/stored_rows.h"
#include "stream/executor/operator.h"
#include "stream/executor/state/barrier_tables.h"
#include "stream/executor/state/memory_account.h"

namespace penstock::stream {

/// Writes a changelog whose rows are unique by construction into the table, whole columns at a time, and passes it on as it is. What either
/// kind passes on is also kept for subscribers, while there are any (`ChangeLog`).
class MaterializeOperator final : public Operator {
 public:
  MaterializeOperator(storage::StateTable table, const ActorContext& context) : table_(std::move(table)), log_(table_, context) {
    tables_.add(table_);
  }

  Status init(EpochPair first) override;
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  StateRead take_state_read() override { return log_.take_state_read(); }
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return log_.on(); }
  Status skip(EpochPair skipped) override;

 private:
  storage::StateTable table_;
  BarrierTables tables_;
  ChangeLog log_;
};

enum class Conflict : uint8_t { Overwrite, Ignore };

/// A table with a primary key: rows come as they like, and what goes on is what they really changed.
///
///  - Insert of a key that is there: Overwrite makes it an update from the row that was stored; Ignore drops it.
///  - Delete: of the row that is stored, whatever the other columns say; nothing if there is none.
///  - An update that keeps its key replaces the stored row, under Ignore too (it is no conflict).
///  - An update that changes no column is nothing.
/// Rows of one chunk see each other in order. Each key is written once a chunk. Stored rows that are not in memory are read with one
/// multi-get a chunk.
class MaterializeByKeyOperator final : public Operator {
 public:
  MaterializeByKeyOperator(storage::StateTable table, Conflict conflict, const ActorContext& context);

  Status init(EpochPair first) override;
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override;
  Result<Step> resume(Output& out) override;
  StateRead take_state_read() override;
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override;
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override;
  [[nodiscard]] bool acts_at_barriers() const override { return log_.on(); }
  Status skip(EpochPair skipped) override;
  size_t memory_bytes() const override { return rows_.memory_bytes() + codec_.text_bytes(); }
  size_t evict(size_t bytes) override;

 private:
  // A version of a row of the chunk at hand: a stored row by its place, or `places` + row of the chunk, or none.
  using Version = uint32_t;
  static constexpr Version kNoRow = UINT32_MAX;

  struct Emission {
    std::vector<Op> ops;
    std::vector<Version> rows;
    void add(Op op, Version row) {
      ops.push_back(op);
      rows.push_back(row);
    }
  };

  void give_places();
  [[nodiscard]] Emission replay();
  [[nodiscard]] bool is_update_of_key(size_t i) const;
  void drop_same(Emission& emission, const data::DataChunk& versions) const;
  [[nodiscard]] data::DataChunk all_versions() const;
  void keep_last(const data::DataChunk& versions);
  void settle_memory();

  const Conflict conflict_;
  const StoredRows codec_;
  KeyedState rows_;
  ChangeLog log_;
  BarrierTables tables_;
  MemoryAccount memory_;

  // The chunk at hand.
  data::StreamChunk chunk_;
  std::vector<uint32_t> visible_;
  std::vector<uint32_t> ids_;     // entry of each visible row
  std::vector<uint32_t> places_;  // entry of each place: the different keys of the chunk
  std::vector<Version> now_;      // by place
};

}  // namespace penstock::stream
