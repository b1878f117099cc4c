#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/ids.h"
#include "runtime/runtime.h"

namespace penstock::stream {

/// Where syncs run: those of one graph one after the other, those of different graphs beside each other, and none on the blocking pool,
/// because a sync waits as long as the disk is full and reads must go on meanwhile. A graph has a thread while it syncs; threads are kept
/// and used again. Owned by the worker's loop.
class SyncThreads {
 public:
  explicit SyncThreads(runtime::Runtime& runtime) : runtime_(runtime) {}
  SyncThreads(const SyncThreads&) = delete;
  SyncThreads& operator=(const SyncThreads&) = delete;

  /// Each `run` is followed by one `done`, from the loop, when the job has ended.
  void run(PartialGraphId graph, runtime::Job job) {
    auto& thread = threads_[graph];
    if (!thread.executor) {
      if (free_.empty()) free_.push_back(runtime_.make_serial("sync", true));
      thread.executor = std::move(free_.back());
      free_.pop_back();
    }
    ++thread.jobs;
    thread.executor->post(std::move(job));
  }
  void done(PartialGraphId graph) {
    const auto found = threads_.find(graph);
    if (--found->second.jobs > 0) return;
    free_.push_back(std::move(found->second.executor));
    threads_.erase(found);
  }

 private:
  struct Thread {
    std::unique_ptr<runtime::Executor> executor;
    size_t jobs = 0;
  };

  runtime::Runtime& runtime_;
  std::map<PartialGraphId, Thread> threads_;  // of graphs that sync
  std::vector<std::unique_ptr<runtime::Executor>> free_;
};

}  // namespace penstock::stream
