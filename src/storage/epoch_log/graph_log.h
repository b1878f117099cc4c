#pragma once

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
#include "storage/epoch_log/version.h"

namespace penstock::storage {

/// One partial graph in memory: its running and sealed epochs, staged segments, and the versions that may be read. Thread-safe; calls are
/// short and do no I/O. Large things that end are handed to the background to be freed.
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
  /// Drops what is not committed; writers are refused from now on; committed versions stay readable.
  void close();
  /// Closes it and forgets the versions as well.
  void forget();
  /// The segments that are committed now, which an `open` may adopt again without reading them.
  [[nodiscard]] std::map<uint64_t, LogSegmentPtr> committed_segments() const;

  // ---- barriers

  Status start_epoch(Epoch curr);
  struct Claim {
    uint64_t incarnation = 0;
    struct Part {
      Epoch epoch;
      std::shared_ptr<EpochFile> file;
      LogSegment::Tables rows;
      std::vector<ChunkPtr> unwritten;
    };
    std::vector<Part> parts;  // by epoch
  };
  /// The sync of everything up to `prev` begins: no more writes to it. Parts that another sync has claimed are left out.
  [[nodiscard]] Result<Claim> claim(Term term, Epoch prev);
  /// Errors: `Stale` when the graph was closed meanwhile.
  Status stage(const Claim& claim, std::vector<LogSegmentPtr> segments);
  [[nodiscard]] bool is_current(uint64_t incarnation) const;
  Status commit(Epoch epoch, std::span<const uint64_t> struck_off);
  /// Whether rows may be imported as of `epoch` now.
  Status check_import(Term term, Epoch epoch) const;

  // ---- actors

  [[nodiscard]] Result<uint64_t> incarnation_if_open() const;
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

  void close_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void set_current(VersionPtr version, bool replaces) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void drop_old_versions() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void write_ahead(uint64_t incarnation, Epoch epoch);
  [[nodiscard]] std::vector<ChunkPtr> take_unwritten(uint64_t incarnation, Epoch epoch);
  /// Frees it on the blocking pool.
  template <typename T>
  void free_later(T garbage) const;

  LogCore& core_;
  const PartialGraphId id_;

  mutable Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t incarnation_ ABSL_GUARDED_BY(mutex_) = 0;
  Term term_ ABSL_GUARDED_BY(mutex_);
  Epoch started_ ABSL_GUARDED_BY(mutex_);
  Epoch synced_ ABSL_GUARDED_BY(mutex_);
  std::map<Epoch, OpenEpoch> epochs_ ABSL_GUARDED_BY(mutex_);  // written, in no segment
  std::vector<LogSegmentPtr> staged_ ABSL_GUARDED_BY(mutex_);  // by epoch
  std::deque<Past> versions_ ABSL_GUARDED_BY(mutex_);          // the last one is current
  std::set<uint64_t> flushed_ ABSL_GUARDED_BY(mutex_);         // that meta still lists

  std::atomic<uint64_t> layout_{0};
  std::atomic<uint64_t> committed_bytes_{0};
  std::atomic<size_t> committed_count_{0};
};

}  // namespace penstock::storage
