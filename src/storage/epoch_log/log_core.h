#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "storage/data_folder.h"
#include "storage/segment/segment_files.h"
#include "storage/sorted_base.h"

namespace penstock::storage {

/// Settings of the epoch log. Sizes are bytes.
struct EpochLogOptions {
  /// Flush when this much, uncompressed, is committed and not in the base; 0: a twentieth of the base, between 64 MB and 1 GB.
  uint64_t flush_threshold = 0;
  /// Flush also at this many segments of a graph, so that a trickle does not make thousands of files.
  size_t flush_segments = 64;
  /// Rows of the running epoch in memory before a block is written while it runs.
  uint64_t write_ahead = 2 * 1024 * 1024;
  /// Budget for rows that are not in the base; flushing begins at half of it at the latest. 0: none.
  uint64_t memory_budget = 0;
  /// Free space below which `disk().low()`; 0: `default_disk_reserve`.
  uint64_t disk_reserve = 0;
  SegmentFiles::Limits files;
};

/// Work on the blocking pool that ends before its owner does. Thread-safe.
class BackgroundJobs {
 public:
  explicit BackgroundJobs(runtime::Executor& executor) : executor_(executor) {}
  BackgroundJobs(const BackgroundJobs&) = delete;
  BackgroundJobs& operator=(const BackgroundJobs&) = delete;
  ~BackgroundJobs() { close(); }

  void post(runtime::Job job);
  /// Jobs that have not begun are destroyed, those that run are waited for.
  void close();

 private:
  struct State {
    Mutex mutex;
    CondVar idle;
    bool closed ABSL_GUARDED_BY(mutex) = false;
    std::deque<runtime::Job> waiting ABSL_GUARDED_BY(mutex);
    int running ABSL_GUARDED_BY(mutex) = 0;
  };
  runtime::Executor& executor_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with the executor, whose turn may come after this is gone
};

/// Sequence numbers of segments: each is given once in the life of a data folder. Thread-safe; one in many thousand calls writes a file.
class SequenceSource {
 public:
  /// Begins above every number that any earlier process may have given.
  [[nodiscard]] static Result<std::unique_ptr<SequenceSource>> open(DataFolder& folder);
  [[nodiscard]] Result<uint64_t> take();

 private:
  explicit SequenceSource(DataFolder& folder) : folder_(folder) {}
  Status lease() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  DataFolder& folder_;
  Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t end_ ABSL_GUARDED_BY(mutex_) = 1;  // of the lease: durable in the file SEQUENCE
};

/// What all graphs of a store share. References outlive it.
struct LogCore {
  LogCore(runtime::Runtime& runtime_of_store, DataFolder& data_folder, NodeUuid node_uuid, EpochLogOptions log_options)
      : runtime(runtime_of_store), folder(data_folder), node(node_uuid), options(log_options), jobs(runtime.blocking()) {}

  runtime::Runtime& runtime;
  DataFolder& folder;
  const NodeUuid node;
  const EpochLogOptions options;
  std::unique_ptr<SortedBase> base;
  std::unique_ptr<SegmentFiles> files;
  std::unique_ptr<SequenceSource> sequences;
  std::atomic<bool> closing{false};
  std::atomic<int> syncs_waiting{0};  // for disk space
  BackgroundJobs jobs;                // the last member: gone before what its jobs use
};

}  // namespace penstock::storage
