#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "storage/epoch_log/epoch_file.h"
#include "storage/epoch_log/log_core.h"
#include "storage/epoch_log/segment_trail.h"
#include "storage/epoch_log/version.h"

namespace penstock::storage {

/// One graph in memory: its running and sealed epochs, staged segments, and the versions that may be read. Thread-safe; calls are
/// short and do no I/O. Large things that end are handed to the background to be freed.
///
/// It has a trunk, named as the graph itself, and may have branches (state_store.h): each has epochs, syncs and staged segments of its own,
/// and all are committed together. A branch that was merged goes on being written by the handles it gave, and is synced with the trunk from
/// the epoch on that it was merged at.
class GraphLog {
 public:
  GraphLog(LogCore& core, PartialGraphId id) : core_(core), id_(id) {}
  GraphLog(const GraphLog&) = delete;
  GraphLog& operator=(const GraphLog&) = delete;

  [[nodiscard]] PartialGraphId id() const { return id_; }

  // ---- life

  struct Adoption {
    Term term;
    Epoch committed;
    std::vector<LogSegmentPtr> segments;  // not flushed, oldest first
    std::set<uint64_t> flushed;           // listed by meta, in the base
    SortedSnapshotPtr base;
  };
  void open(Adoption adoption);
  /// Drops what is not committed, branches and all; writers are refused from now on; committed versions stay readable.
  void close();
  /// Errors: `Stale` if the trunk is not open.
  Status open_branch(GraphTerm branch);
  /// As `close`, of one branch. The trunk's name closes everything.
  void close(PartialGraphId branch);
  /// From `epoch` on the branch's tables are the trunk's. Errors: `Stale` if it is not open.
  Status merge_branch(PartialGraphId branch, Epoch epoch);
  /// Names of the branches since the graph was opened, closed ones as well.
  [[nodiscard]] std::set<PartialGraphId> take_branch_names();
  /// Closes it and forgets the versions as well.
  void forget();
  /// The segments that are committed now, which an `open` may adopt again without reading them.
  [[nodiscard]] std::map<uint64_t, LogSegmentPtr> committed_segments() const;

  // ---- barriers

  Status start_epoch(PartialGraphId branch, Epoch curr);
  /// What was written in one epoch, and in which branch.
  using PartKey = std::pair<Epoch, PartialGraphId>;
  struct Claim {
    GraphTerm branch;
    uint64_t incarnation = 0;
    struct Part {
      PartKey key;
      std::shared_ptr<EpochFile> file;
      LogSegment::Tables rows;
      std::vector<ChunkPtr> unwritten;
    };
    std::vector<Part> parts;  // by epoch
  };
  /// The sync of everything in the branch up to `prev` begins: no more writes to it. Parts that another sync has claimed are left out.
  [[nodiscard]] Result<Claim> claim(GraphTerm branch, Epoch prev);
  /// Errors: `Stale` when the graph was closed meanwhile.
  Status stage(const Claim& claim, std::vector<LogSegmentPtr> segments);
  [[nodiscard]] bool is_current(uint64_t incarnation) const;
  /// Of the trunk, and of these branches: what others have staged stays staged.
  Status commit(Epoch epoch, std::span<const uint64_t> struck_off, std::span<const GraphTerm> with);
  /// Whether rows may be imported as of `epoch` now.
  Status check_import(Term term, Epoch epoch) const;
  /// The committed epoch has these segments too.
  Status adopt(Term term, Epoch epoch, std::vector<LogSegmentPtr> segments);

  // ---- actors

  [[nodiscard]] Result<uint64_t> incarnation_if_open(PartialGraphId branch) const;
  /// The chunk is final. Errors: `Stale` of an ended incarnation, `Protocol` when its epoch is synced.
  Status publish(uint64_t incarnation, const ChunkPtr& chunk);
  struct View {
    SortedSnapshotPtr base;
    std::vector<LogSegmentPtr> segments;  // oldest first
    std::vector<ChunkPtr> chunks;         // of the table, in no segment; oldest first
    uint64_t layout = 0;
  };
  /// Everything written to `table` so far.
  [[nodiscard]] Result<View> view(uint64_t incarnation, TableId table) const;
  /// Changes when rows move to the base: a view of another layout holds memory for nothing.
  [[nodiscard]] uint64_t layout() const { return layout_.load(std::memory_order_acquire); }

  // ---- readers

  [[nodiscard]] Epoch committed() const;
  /// Errors: `SnapshotTooOld` unless exactly this epoch is here.
  [[nodiscard]] Result<VersionPtr> version(Epoch epoch);
  struct Sealed {
    VersionPtr version;
    std::vector<LogSegmentPtr> staged;
    std::vector<ChunkPtr> chunks;
  };
  /// The committed version and what lies above it up to `epoch`. Errors: `SnapshotTooOld` below the committed epoch, `Stale` if not open.
  [[nodiscard]] Result<Sealed> sealed(Epoch epoch, TableId table) const;

  /// The committed version, and every segment that is committed from now on.
  [[nodiscard]] Result<std::pair<VersionPtr, std::shared_ptr<SegmentTrail>>> follow(uint64_t most_bytes);

  // ---- flush

  [[nodiscard]] VersionPtr current() const;
  /// The base holds the rows of these segments as of `base`.
  void installed(const std::set<uint64_t>& sequences, SortedSnapshotPtr base);
  [[nodiscard]] std::vector<uint64_t> flushed() const;
  [[nodiscard]] uint64_t committed_bytes() const { return committed_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] size_t committed_count() const { return committed_count_.load(std::memory_order_relaxed); }

  struct Usage {
    uint64_t memory = 0;
    uint64_t segments = 0;
  };
  [[nodiscard]] Usage usage() const;
  /// Adds what committed rows that are not flushed yet take, by table.
  void add_table_bytes(std::map<TableId, uint64_t>& sizes) const;

 private:
  struct OpenEpoch {
    LogSegment::Tables rows;
    std::vector<ChunkPtr> unwritten;
    uint64_t unwritten_bytes = 0;
    bool write_posted = false;
    bool claimed = false;
    std::shared_ptr<EpochFile> file;  // shared with the job that writes ahead
  };
  struct Past {
    VersionPtr version;
    std::optional<runtime::TimePoint> superseded;
  };

  struct Branch {
    Term term;
    uint64_t incarnation = 0;
    Epoch started;
    Epoch synced;
    std::optional<Epoch> merged;  // from this epoch on it is part of the trunk
  };
  using Branches = std::map<PartialGraphId, Branch>;
  struct Staged {
    LogSegmentPtr segment;
    PartialGraphId branch;  // whose sync made it
  };

  [[nodiscard]] bool is_open() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return branches_.contains(id_); }
  [[nodiscard]] Result<Branch*> branch(PartialGraphId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] Branches::const_iterator branch_of(uint64_t incarnation) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Whose sync and commit the part is of.
  [[nodiscard]] PartialGraphId owner_of(const PartKey& part) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] PartKey part_for(const Branches::value_type& branch, Epoch epoch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status check_commit(Epoch epoch, std::span<const GraphTerm> with) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void close_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void set_current(VersionPtr version, bool replaces) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void drop_old_versions() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void write_ahead(uint64_t incarnation, PartKey part);
  [[nodiscard]] std::vector<ChunkPtr> take_unwritten(uint64_t incarnation, PartKey part);
  /// Frees it on the blocking pool.
  template <typename T>
  void free_later(T garbage) const {
    core_.jobs.post([kept = std::move(garbage)]() mutable { kept = {}; });
  }

  LogCore& core_;
  const PartialGraphId id_;

  mutable Mutex mutex_;
  Branches branches_ ABSL_GUARDED_BY(mutex_);                                    // open ones; none: the graph is not open
  absl::flat_hash_map<uint64_t, PartialGraphId> names_ ABSL_GUARDED_BY(mutex_);  // of the open branches, by incarnation
  std::set<PartialGraphId> branch_names_ ABSL_GUARDED_BY(mutex_);
  uint64_t incarnations_ ABSL_GUARDED_BY(mutex_) = 0;           // the last one given to a branch
  std::map<PartKey, OpenEpoch> parts_ ABSL_GUARDED_BY(mutex_);  // written, in no segment
  std::vector<Staged> staged_ ABSL_GUARDED_BY(mutex_);          // by epoch
  std::deque<Past> versions_ ABSL_GUARDED_BY(mutex_);           // the last one is current
  std::vector<std::weak_ptr<SegmentTrail>> trails_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> flushed_ ABSL_GUARDED_BY(mutex_);  // that meta still lists

  std::atomic<uint64_t> layout_{0};
  std::atomic<uint64_t> committed_bytes_{0};
  std::atomic<size_t> committed_count_{0};
};

}  // namespace penstock::storage
