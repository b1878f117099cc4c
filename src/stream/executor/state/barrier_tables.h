#pragma once

#include <vector>

#include "storage/state_table.h"
#include "stream/message.h"

namespace penstock::stream {

/// The state tables of one operator at barriers: `commit` flushes and seals them all, `post_yield` follows once the actor has passed the
/// barrier on. At the actor's first barrier there is nothing of its own to seal: writes belong to that barrier's `curr`.
class BarrierTables {
 public:
  BarrierTables() = default;
  BarrierTables(const BarrierTables&) = delete;
  BarrierTables& operator=(const BarrierTables&) = delete;
  /// An actor may end between the two halves (an error elsewhere in it); what it sealed goes with its graph.
  ~BarrierTables() { (void)post_yield(); }

  /// `table` outlives this.
  void add(storage::StateTable& table) { tables_.push_back(&table); }

  Status init(EpochPair first) {
    first_ = first;
    for (storage::StateTable* table : tables_) {
      PENSTOCK_TRY(table->init(first));
    }
    return ok();
  }
  [[nodiscard]] bool is_first(const Barrier& barrier) const { return barrier.epoch == first_; }

  Status commit(const Barrier& barrier) {
    if (is_first(barrier)) return ok();
    for (storage::StateTable* table : tables_) {
      PENSTOCK_TRY(auto token, table->commit(barrier.epoch));
      tokens_.push_back(std::move(token));
    }
    return ok();
  }
  /// Barriers were left out at which there was nothing to write.
  Status skip(EpochPair skipped) {
    for (storage::StateTable* table : tables_) {
      PENSTOCK_TRY(auto token, table->commit(skipped));
      PENSTOCK_TRY(std::move(token).post_yield(nullptr));
    }
    return ok();
  }
  /// Every token is used, whatever one of them says.
  Status post_yield() {
    Status result = ok();
    for (auto& token : tokens_) {
      Status status = std::move(token).post_yield(nullptr);
      if (status.has_error()) result = std::move(status);
    }
    tokens_.clear();
    return result;
  }

 private:
  std::vector<storage::StateTable*> tables_;
  std::vector<storage::StateTable::CommitToken> tokens_;
  EpochPair first_;
};

}  // namespace penstock::stream
