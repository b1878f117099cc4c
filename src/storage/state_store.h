#pragma once

#include <absl/functional/any_invocable.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/epoch.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/vnode.h"

/// Contract of the state store; see docs and design `state-store`. Two implementations, memory/ and rocksdb/, one shared test suite.
namespace penstock::storage {

/// Full keys are `table_id` u32 BE | `vnode` u16 BE | primary key in memcomparable form. A table's own calls leave the table id out.
struct GraphTerm {
  PartialGraphId graph;
  Term term;
  auto operator<=>(const GraphTerm&) const = default;
};

/// A durable file with the changes of one graph in one checkpoint. `sequence` is of this node and never used again.
struct SegmentRef {
  uint64_t sequence = 0;
  uint64_t checksum = 0;
  Epoch epoch;
  GraphTerm graph;
  bool operator==(const SegmentRef&) const = default;
};
struct SegmentInfo {
  SegmentRef ref;
  uint64_t bytes = 0;
  uint64_t rows = 0;
  std::vector<TableId> tables;
};

/// Many encoded rows in two allocations: a column of keys and a column of values. A row without value is a delete.
struct WriteBatch {
  std::string bytes;
  struct Entry {
    uint32_t key_offset, key_size;
    uint32_t value_offset, value_size;  // value_size == kTombstone: delete
  };
  static constexpr uint32_t kTombstone = UINT32_MAX;
  std::vector<Entry> entries;

  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  [[nodiscard]] std::string_view key(size_t i) const { return std::string_view(bytes).substr(entries[i].key_offset, entries[i].key_size); }
  [[nodiscard]] std::optional<std::string_view> value(size_t i) const {
    if (entries[i].value_size == kTombstone) return std::nullopt;
    return std::string_view(bytes).substr(entries[i].value_offset, entries[i].value_size);
  }
  [[nodiscard]] bool empty() const { return entries.empty(); }
  void clear();
};

/// Ordered rows, read a page at a time. Keys are without table id: vnode BE | pk.
class RowIterator {
 public:
  virtual ~RowIterator() = default;
  /// False at the end. The views stay valid until the next call.
  [[nodiscard]] virtual Result<bool> next() = 0;
  [[nodiscard]] virtual std::string_view key() const = 0;
  [[nodiscard]] virtual std::string_view value() const = 0;
};

struct Range {
  std::string begin;  // inclusive; vnode BE | pk prefix
  std::string end;    // exclusive; empty: to the end of the table
};

/// One table of one actor: reads its own writes. One owner at a time; calls that read may touch the disk, so actors call them on the
/// blocking pool (an operator that answered NeedState), or when `may_block()` says they will not.
class LocalStateStore {
 public:
  virtual ~LocalStateStore() = default;
  /// First call, with the epoch pair of the barrier that the actor starts at: writes from now on belong to `epoch.curr`. What it may read
  /// is there. May read the disk.
  virtual Status init(EpochPair epoch) = 0;
  /// Hot path: appends to the batch of the running epoch. Later rows of a key win.
  virtual Status append(WriteBatch batch) = 0;
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  [[nodiscard]] virtual Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string> keys) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<RowIterator>> scan(const Range& range) = 0;
  /// True if rows may lie where reading needs the disk; false: everything is in memory (or the table is empty).
  [[nodiscard]] virtual bool may_block() const = 0;
  /// At a barrier: the running epoch ends, writes belong to `next.curr`. next.prev must be the epoch that was running.
  virtual Status seal_current_epoch(EpochPair next) = 0;
  /// Only right after the barrier was yielded.
  virtual Status update_vnode_bitmap(const VNodeBitmap& vnodes) = 0;
};

/// Read-only view of one table at one epoch. Thread-safe use by one reader at a time; pins what it reads.
class SnapshotReader {
 public:
  virtual ~SnapshotReader() = default;
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<RowIterator>> scan(const Range& range) = 0;
};

/// Rows that another node owned, on their way into segment files of this one. One caller at a time; each call may block on the disk.
/// Dropped before `finish`: as if it had not been. Afterwards the files stay until an `open_graph` or `retain_segments` that does not list
/// them; one that does adopts them like any other segment, above all that the node has of the same and earlier epochs.
class SegmentImport {
 public:
  virtual ~SegmentImport() = default;
  /// Absolute rows of one table; no key comes twice in an import. Errors: `DiskFull`, `Io`; the import is then of no more use.
  virtual Status add(TableId table, WriteBatch rows) = 0;
  /// The files, durable; none if nothing was added.
  [[nodiscard]] virtual Result<std::vector<SegmentInfo>> finish() = 0;
};

/// Some tables of a graph as they were committed at one moment, and what has changed since. Keeps both; one caller at a time; may read the
/// disk. Ends with the store.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;
  /// The epoch that was committed then.
  [[nodiscard]] virtual Epoch begun() const = 0;
  /// The rows as of that epoch.
  [[nodiscard]] virtual Result<std::unique_ptr<RowIterator>> scan(TableId table, const Range& range) = 0;
  /// In key order and of every key once: its row as of `until`, or a delete, if it was written since; possibly also some that are as they
  /// were. `until` must be the graph's committed epoch. Errors: `SnapshotTooOld` when what changed is not known any more: the graph was
  /// closed meanwhile, or it is too much to be kept.
  [[nodiscard]] virtual Result<WriteBatch> changes(TableId table, std::span<const Range> ranges, Epoch until) = 0;
};

struct TableOptions {
  TableId table;
  PartialGraphId graph;
  VNodeBitmap vnodes;
  std::string name;  // for errors: "table 12 (hash_agg 3 groups)"
};

/// The store of one node. Thread-safe. Calls that do I/O (open, sync, scans) run on the blocking pool; nothing here is called by the
/// barrier worker's loop except start_epoch, commit_epoch, clear, which only touch memory.
class StateStore {
 public:
  virtual ~StateStore() = default;

  /// Before any graph: drop every graph from memory, delete every segment file that is not in `live` (all graphs of this node, from meta).
  /// `highest_committed`: the highest sequence number that meta ever committed for this node, if it says so. Errors: `Stale` when this node
  /// has flushed a segment above it, because then meta's folder is older than this node's.
  virtual Status retain_segments(std::span<const SegmentRef> live, std::optional<uint64_t> highest_committed = std::nullopt) = 0;
  /// A graph begins at `committed`: adopt exactly these segments, as far as they are not flushed yet. `live_tables`: the graph's tables
  /// that meta still lists (nullopt: not said); rows of others in the segments are skipped. Errors: `Corruption` naming a listed segment
  /// that is missing or broken, with all of them numbered.
  virtual Status open_graph(GraphTerm graph, Epoch committed, std::span<const SegmentRef> live,
                            std::optional<std::span<const TableId>> live_tables = std::nullopt) = 0;
  /// A *branch* of an open graph begins at its committed epoch: the tables of a job that is being created. Its epochs are started, synced
  /// and cleared apart, under the branch's own name; its rows are committed with the graph's, if the commit lists it. Readers name the
  /// graph. `live`: segments of earlier incarnations of the branch that meta lists (under the graph, which has adopted them); other segment
  /// files of the branch are deleted. In memory only, but for that. Errors: `Stale` when the graph is not open.
  virtual Status open_branch(GraphTerm branch, PartialGraphId graph, std::span<const SegmentRef> live) = 0;
  /// The branch's tables are the graph's from `epoch` on, which the branch has not synced: what is written to them in that and later epochs
  /// is synced and cleared under the graph's name. Handles go on. Lower epochs are still synced, and listed in commits, as the branch's.
  virtual Status merge_branch(PartialGraphId branch, Epoch epoch) = 0;
  /// The graph or branch must be open. The handle belongs to this incarnation of it: after `clear` each of its calls answers `Stale`.
  [[nodiscard]] virtual Result<std::unique_ptr<LocalStateStore>> open_table(TableOptions options) = 0;

  /// Before any actor can see the barrier that starts `curr`.
  virtual Status start_epoch(PartialGraphId graph, Epoch curr, std::span<const TableId> tables) = 0;
  /// Everything up to `prev` of the graph becomes durable as one segment (none when nothing changed); blocks; may run for several epochs at
  /// once. DiskFull is not an error of the graph: it waits, for as long as it takes, and says so
  /// through `disk`. Runs on a thread that nobody else needs meanwhile.
  [[nodiscard]] virtual Result<std::vector<SegmentInfo>> sync_epoch(GraphTerm graph, Epoch prev, std::span<const TableId> tables) = 0;
  /// Meta committed: readable from now on. `struck_off`: segments meta no longer lists; their marks may go. `with`: the branches that are
  /// in this commit; what others have staged is left alone.
  virtual Status commit_epoch(PartialGraphId graph, Epoch epoch, std::span<const uint64_t> struck_off,
                              std::span<const GraphTerm> with = {}) = 0;
  /// Drop the in-memory batches of the graph, its branches included, or of one branch, that are not committed; staged segment files stay
  /// until the next open_graph, or open_branch.
  virtual void clear(PartialGraphId graph) = 0;
  /// The rows count as written in `epoch`, which must be committed, and above what the node has written of it and earlier ones. Errors:
  /// `Stale` if the graph is not open in this term, `Protocol` for an epoch that is not committed. See `VnodeImport`, which is what a new
  /// owner of vnodes uses.
  [[nodiscard]] virtual Result<std::unique_ptr<SegmentImport>> begin_import(GraphTerm graph, Epoch epoch) = 0;
  /// The graph, which is open in this term and goes on, adopts files that an import of `epoch` has finished, as an `open_graph` would:
  /// handles and readers see their rows from now on. `epoch` must be the committed one. Again: nothing. Errors: `Stale` if the graph is not
  /// open in this term, `Protocol` for another epoch, `Corruption` naming a file that is missing or broken; nothing is adopted then.
  virtual Status adopt_segments(GraphTerm graph, Epoch epoch, std::span<const SegmentRef> files) = 0;
  /// These tables of the graph from its committed epoch on, whatever is committed next. Errors: as `read_committed`.
  [[nodiscard]] virtual Result<std::unique_ptr<ChangeFeed>> follow(PartialGraphId graph, std::span<const TableId> tables);
  virtual void remove_graph(PartialGraphId graph) = 0;
  /// Tables that meta dropped: their rows go away in the background.
  virtual void drop_tables(std::span<const TableId> tables) = 0;

  /// Sequence numbers of segments that are in RocksDB now and that meta may strike off.
  [[nodiscard]] virtual std::vector<uint64_t> flushed_segments(PartialGraphId graph) const = 0;

  /// Sequence numbers of all segments that this node can answer for: in a file, or flushed. Nothing if it does not say.
  [[nodiscard]] virtual std::optional<std::set<uint64_t>> known_segments() const { return std::nullopt; }

  /// Errors: `SnapshotTooOld` when this node cannot answer for exactly that epoch, or the table was dropped.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotReader>> read_committed(PartialGraphId graph, TableId table, Epoch epoch) = 0;
  /// As of the sealed (not yet committed) epoch, for backfill on the same node.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotReader>> read_sealed(PartialGraphId graph, TableId table, Epoch epoch) = 0;
  [[nodiscard]] virtual Epoch committed_epoch(PartialGraphId graph) const = 0;

  /// For metrics and `ctl`: bytes by layer and table.
  struct Usage {
    uint64_t batch_bytes = 0;    // unflushed rows in memory
    uint64_t segment_bytes = 0;  // segment files on disk
    uint64_t sorted_bytes = 0;   // RocksDB
  };
  [[nodiscard]] virtual Usage usage() const = 0;
  /// About how many bytes the committed rows of each table take, which has any. May read the disk.
  [[nodiscard]] virtual std::map<TableId, uint64_t> table_sizes() const { return {}; }

  /// Room on the disk. Below the reserve sources and DML should pause; barriers and reads go on.
  struct Disk {
    uint64_t free_bytes = UINT64_MAX;
    uint64_t reserve_bytes = 0;
    bool sync_waits = false;         // a sync_epoch waits for space at this moment
    bool flush_waits = false;        // flushing is held back: too many files wait for compaction
    bool flush_lacks_space = false;  // the last flush failed on a full disk; the next commit tries again
    [[nodiscard]] bool low() const { return free_bytes < reserve_bytes || lacks_space(); }
    /// Something cannot be written at this moment.
    [[nodiscard]] bool lacks_space() const { return sync_waits || flush_lacks_space; }
  };
  [[nodiscard]] virtual Disk disk() const { return {}; }
};

}  // namespace penstock::storage
