#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stream/executor/actor_context.h"
#include "stream/executor/operator.h"
#include "stream/executor/state/barrier_tables.h"

namespace penstock::stream {

/// The log of a table's changes: epoch BIGINT, sequence BIGINT, op SMALLINT, then the columns of `logged` (see pb.Subscriber).
[[nodiscard]] storage::TableSchema change_log_schema(const storage::TableSchema& logged, TableId log_table);

/// What a Materialize operator keeps for those who read its changes: nothing while there are none, otherwise every change it passes on, in
/// a table of its own that is committed with the operator's. Who reads is what the actor was built with and what barriers say since; that
/// comes into force with the epoch which the barrier starts. Changes of epochs that ended longer ago than the longest retention, counted
/// from the epoch that runs, are deleted after barriers, a bounded number at each.
///
/// Calls: as those of the operator that owns it.
class ChangeLog {
 public:
  /// `logged`: the operator's table, which outlives this.
  ChangeLog(const storage::StateTable& logged, const ActorContext& context);

  Status init(EpochPair first);
  [[nodiscard]] bool on() const { return open_ != nullptr; }
  /// What the operator passes on; its columns are those of the table.
  void write(const data::StreamChunk& chunk);
  Status commit(const Barrier& barrier) { return open_ ? open_->tables.commit(barrier) : ok(); }
  Status skip(EpochPair skipped);
  /// NeedState: old changes are to be found, by `take_state_read`; then `resume`.
  [[nodiscard]] Result<Step> after_barrier(const Barrier& barrier);
  [[nodiscard]] bool deleting() const { return open_ && open_->deleting; }
  [[nodiscard]] Operator::StateRead take_state_read();
  Status resume();

 private:
  struct Open {
    Open(storage::StateTable opened, TableId id) : table(std::move(opened)), id(id) { tables.add(table); }
    storage::StateTable table;
    BarrierTables tables;
    TableId id;
    // Everything before it is deleted; of epochs before `deleting_to`, also in the vnodes before `next_vnode`.
    Epoch deleted_to;
    Epoch deleting_to;
    size_t next_vnode = 0;
    int64_t sequence = 0;  // of the next change in the epoch that runs
    size_t written = 0;    // changes since the last barrier
    bool deleting = false;
    std::vector<std::string> old;  // keys
    size_t most = 0;               // of them at this barrier
  };

  void subscribe(const Subscriber& subscriber);
  Status change_subscribers(const Barrier& barrier);
  Status open_or_close(EpochPair epoch);
  [[nodiscard]] bool begin_deleting();
  Status find_old();
  [[nodiscard]] std::string key(VNode vnode, Epoch epoch) const;

  const storage::StateTable& logged_;
  const JobId job_;
  const PartialGraphId graph_;
  storage::StateStore& store_;
  std::vector<Subscriber> subscribers_;
  std::unique_ptr<Open> open_;  // all that a log needs while somebody reads it, which few ever do
  Epoch epoch_;                 // that runs
};

}  // namespace penstock::stream
