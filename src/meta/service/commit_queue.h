#pragma once

#include <absl/functional/any_invocable.h>

#include <atomic>
#include <deque>
#include <memory>

#include "meta/model/meta_model.h"
#include "meta/store/meta_store.h"
#include "runtime/runtime.h"

namespace penstock::meta {

/// Transactions, one at a time and in order. Each is built when its turn has come, so it sees all before it; committed on the blocking
/// pool; applied to the model; and only then its `done` is called. An empty one changes nothing, but keeps its place in the queue.
///
/// A full disk is waited out: the same transaction is tried again. Any other failure of the store, or a newer leader, ends this meta:
/// `fatal` is called once and nothing after it.
/// Everything happens on the loop, which outlives the queue. `stop` drops what waits; a commit that is under way becomes durable or not,
/// and nobody is told.
class CommitQueue {
 public:
  using Build = absl::AnyInvocable<Result<Txn>()>;
  using Done = absl::AnyInvocable<void(const Status&)>;
  struct Options {
    std::shared_ptr<MetaStore> store;  // shared with the commit that is under way
    LeaderTerm leader;
    absl::AnyInvocable<void(Txn&)> extend;  // may add writes to a transaction that is not empty
    absl::AnyInvocable<void()> committed;   // the model has changed
    absl::AnyInvocable<void(const Error&)> fatal;
    /// Runs work on the blocking pool and what it returns on the loop; keeps the queue alive until then.
    std::function<void(absl::AnyInvocable<runtime::Job()>)> off_loop;
    absl::AnyInvocable<void()> no_space = [] {};  // a commit failed on a full disk and will be tried again
  };

  CommitQueue(Options options, MetaModel& model, runtime::Runtime& runtime, runtime::Executor& loop);
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  void submit(Build build, Done done);
  void stop();
  /// A commit waits for space on the disk. Thread-safe.
  [[nodiscard]] bool lacks_space() const { return lacks_space_.load(); }

 private:
  struct Waiting {
    Build build;
    Done done;
  };
  void next();
  void write();
  void on_written(const Status& status);

  Options options_;
  MetaModel& model_;
  runtime::Runtime& runtime_;
  runtime::Executor& loop_;
  std::deque<Waiting> waiting_;
  bool busy_ = false;
  bool dead_ = false;
  std::atomic<bool> lacks_space_{false};
  Txn running_;
  Done running_done_;
  runtime::Timer retry_;
};

}  // namespace penstock::meta
