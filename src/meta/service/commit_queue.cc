#include "meta/service/commit_queue.h"

#include "common/check.h"
#include "common/log.h"

namespace penstock::meta {
namespace {

constexpr runtime::Duration kDiskFullRetry = std::chrono::milliseconds(200);

}  // namespace

CommitQueue::CommitQueue(Options options, MetaModel& model, runtime::Runtime& runtime, runtime::Executor& loop)
    : options_(std::move(options)), model_(model), runtime_(runtime), loop_(loop) {}

void CommitQueue::submit(Build build, Done done) {
  waiting_.push_back({std::move(build), std::move(done)});
  if (!busy_) next();
}

void CommitQueue::next() {
  busy_ = true;  // `done` may submit
  while (!waiting_.empty() && !dead_) {
    Waiting turn = std::move(waiting_.front());
    waiting_.pop_front();
    auto built = turn.build();
    if (built.has_error() || built.value().empty()) {
      turn.done(built.has_error() ? Status(built.error()) : ok());
      continue;
    }
    running_ = std::move(built).value();
    running_done_ = std::move(turn.done);
    options_.extend(running_);
    return write();
  }
  busy_ = false;
}

void CommitQueue::write() {
  options_.off_loop([this, store = options_.store, leader = options_.leader, txn = running_]() -> runtime::Job {
    return [this, status = store->commit(leader, txn)] { on_written(status); };
  });
}

void CommitQueue::stop() {
  dead_ = true;
  retry_.cancel();
  waiting_.clear();
}

void CommitQueue::on_written(const Status& status) {
  if (status.has_error() && status.error().code() == Code::DiskFull) {
    if (!lacks_space_.exchange(true)) log::error("meta", "cannot commit: {}; trying again, reads go on", status.error());
    options_.no_space();
    retry_ = runtime_.after(kDiskFullRetry, loop_, [this] { write(); });
    return;
  }
  if (status.has_error()) {
    dead_ = true;
    waiting_.clear();
    options_.fatal(status.error());
    return;
  }
  if (lacks_space_.exchange(false)) log::info("meta", "commits go on");
  const Status applied = model_.apply(running_);
  PENSTOCK_CHECK(applied.has_value(), "a transaction that was committed cannot be applied: {}", applied.error());
  options_.committed();
  Done done = std::exchange(running_done_, nullptr);
  done(ok());
  next();
}

}  // namespace penstock::meta
