#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "stream/task/barrier_worker/vnode_mover.h"

namespace penstock::stream {

/// Which vnodes this node may answer reads of, and since or until which epoch: rows of a vnode that has left, or has not arrived, are
/// never taken for all there are. A table of which nothing was ever said is one whose vnodes have not moved since it was made: all that are
/// asked for here are here. Thread-safe; short.
class VnodeOwnership {
 public:
  /// How long an owner that was one goes on answering at the epochs it owned, for readers that have not heard of the move.
  static constexpr runtime::Duration kGrace = std::chrono::seconds(20);

  /// The graph is open at `committed` with these, which are all of its tables: what is known of others, which were dropped, is forgotten.
  void assign(PartialGraphId graph, Epoch committed, std::span<const OwnedVnodes> owned, runtime::TimePoint now);
  /// These vnodes may become this node's: not before an `assign` says so.
  void expect(PartialGraphId graph, std::span<const TableId> tables, const VNodeBitmap& vnodes);

  /// The graph stopped here with this as its last committed epoch: what is not assigned to this node again it owned until then.
  void stopped(PartialGraphId graph, Epoch committed);

  /// The graph is forgotten here: nothing of it is owned until an `assign`.
  void removed(PartialGraphId graph);

  enum class Answer : uint8_t { Yes, NotYet, Never };
  /// `NotYet`: not here, or not at this epoch yet; it may come. `Never`: this node did not own all of them at that epoch.
  [[nodiscard]] Answer may_read(PartialGraphId graph, TableId table, const VNodeBitmap& vnodes, Epoch epoch, runtime::TimePoint now) const;

 private:
  struct OfVnode {
    bool owned = false;
    Epoch since;                                                // if owned
    std::optional<std::pair<Epoch, runtime::TimePoint>> until;  // if it was owned: the last epoch, and when it left
  };
  using OfTable = std::vector<OfVnode>;

  mutable Mutex mutex_;
  std::map<std::pair<PartialGraphId, TableId>, OfTable> tables_ ABSL_GUARDED_BY(mutex_);
  std::map<PartialGraphId, Epoch> stopped_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::stream
