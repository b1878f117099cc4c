#pragma once

#include <gtest/gtest.h>

#include "common/mutex.h"
#include "rpc/memory_transport.h"
#include "runtime/sim_runtime.h"
#include "runtime/threaded_runtime.h"

namespace penstock::rpc {

using namespace std::chrono_literals;

/// What one end of a stream heard.
class Recorder : public std::enable_shared_from_this<Recorder> {
 public:
  explicit Recorder(runtime::Runtime& runtime) : waiter_(runtime.make_waiter()) {}

  StreamEvents events() {
    return {[self = shared_from_this()](Bytes message) { self->add(std::move(message)); },
            [self = shared_from_this()](Status reason) { self->close(std::move(reason)); }};
  }

  [[nodiscard]] bool wait_for_messages(size_t count) {
    return wait([count](const Recorder& r) ABSL_NO_THREAD_SAFETY_ANALYSIS { return r.messages_.size() >= count; });
  }
  /// The status with which it was closed; `Timeout` when that does not happen.
  [[nodiscard]] Status wait_for_end() {
    if (!wait([](const Recorder& r) ABSL_NO_THREAD_SAFETY_ANALYSIS { return r.end_.has_value(); })) {
      return error(Code::Timeout, "no end");
    }
    const MutexLock lock(mutex_);
    return *end_;
  }
  [[nodiscard]] std::vector<Bytes> messages() const {
    const MutexLock lock(mutex_);
    return messages_;
  }
  [[nodiscard]] bool ended() const {
    const MutexLock lock(mutex_);
    return end_.has_value();
  }

 private:
  void add(Bytes message) {
    {
      const MutexLock lock(mutex_);
      EXPECT_FALSE(end_.has_value()) << "a message after the end";
      messages_.push_back(std::move(message));
    }
    waiter_->notify();
  }
  void close(Status reason) {
    {
      const MutexLock lock(mutex_);
      EXPECT_FALSE(end_.has_value()) << "a second end";
      end_ = std::move(reason);
    }
    waiter_->notify();
  }
  template <typename Done>
  bool wait(Done done) {
    for (;;) {
      {
        const MutexLock lock(mutex_);
        if (done(*this)) return true;
      }
      if (!waiter_->wait_for(20s)) return false;
    }
  }

  std::shared_ptr<runtime::Waiter> waiter_;
  mutable Mutex mutex_;
  std::vector<Bytes> messages_ ABSL_GUARDED_BY(mutex_);
  std::optional<Status> end_ ABSL_GUARDED_BY(mutex_);
};

/// Passes jobs on to another executor, once it is open.
class Gate final : public runtime::Executor {
 public:
  explicit Gate(runtime::Executor& to) : to_(to) {}
  void post(runtime::Job job) override {
    const MutexLock lock(mutex_);
    if (open_) {
      to_.post(std::move(job));
    } else {
      held_.push_back(std::move(job));
    }
  }
  void open() {
    const MutexLock lock(mutex_);
    open_ = true;
    for (auto& job : held_) to_.post(std::move(job));
    held_.clear();
  }

 private:
  runtime::Executor& to_;
  Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<runtime::Job> held_ ABSL_GUARDED_BY(mutex_);
};

/// Serves streams "/echo", which sends all back, "/keep", which keeps its end for the test, "/refuse"; and calls "/upper", "/fail",
/// "/never" (answered when the test lets go), "/forget".
class TestService final : public Service {
 public:
  explicit TestService(runtime::Runtime& runtime) : runtime_(runtime), kept_changed_(runtime.make_waiter()) {}

  static Error rich_error() {
    return error(Code::UndefinedTable, "no table t").at(7).with_hint("look").with_detail("really").with_context("there");
  }

  void call(std::string_view method, Bytes request, Reply reply) override {
    if (method == "/upper") {
      for (char& c : request) c = static_cast<char>(std::toupper(c));
      runtime_.blocking().post([reply = std::move(reply), request]() mutable { reply(std::move(request)); });
    } else if (method == "/fail") {
      reply(rich_error());
    } else if (method == "/never") {
      const MutexLock lock(mutex_);
      replies_.push_back(std::move(reply));
    } else if (method == "/size") {
      reply(std::to_string(request.size()));
    } else if (method == "/answer_too_large") {
      reply(Bytes(kMaxMessageBytes + 1, 'x'));
    }
  }

  Result<Accepted> open(std::string_view method, std::shared_ptr<Stream> stream) override {
    if (method == "/refuse") return rich_error();
    if (method == "/echo") {
      auto echo = [stream](Bytes message) { stream->write(std::move(message)); };
      return Accepted{&runtime_.pool(), {std::move(echo), nullptr}};
    }
    const MutexLock lock(mutex_);
    auto recorder = std::make_shared<Recorder>(runtime_);
    kept_.push_back({std::move(stream), recorder});
    kept_changed_->notify();
    return Accepted{executor_ != nullptr ? executor_ : &runtime_.pool(), recorder->events()};
  }

  struct Kept {
    std::shared_ptr<Stream> stream;
    std::shared_ptr<Recorder> heard;
  };
  /// The next stream that "/keep" has got.
  Kept wait_for_kept() {
    for (;;) {
      {
        const MutexLock lock(mutex_);
        if (!kept_.empty()) {
          Kept kept = std::move(kept_.front());
          kept_.pop_front();
          return kept;
        }
      }
      if (!kept_changed_->wait_for(20s)) ADD_FAILURE() << "no stream came";
    }
  }
  void let_go_of_replies() {
    std::vector<Reply> dropped;
    const MutexLock lock(mutex_);
    dropped.swap(replies_);
  }
  void keep_on(runtime::Executor& executor) {
    const MutexLock lock(mutex_);
    executor_ = &executor;
  }

 private:
  runtime::Runtime& runtime_;
  std::shared_ptr<runtime::Waiter> kept_changed_;
  Mutex mutex_;
  std::deque<Kept> kept_ ABSL_GUARDED_BY(mutex_);
  std::vector<Reply> replies_ ABSL_GUARDED_BY(mutex_);
  runtime::Executor* executor_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

inline void expect_rich_error(const Error& got) {
  const Error want = TestService::rich_error();
  EXPECT_EQ(got.code(), want.code());
  EXPECT_EQ(got.message(), want.message());
  EXPECT_EQ(got.context(), want.context());
  EXPECT_EQ(got.hint(), want.hint());
  EXPECT_EQ(got.detail(), want.detail());
  EXPECT_EQ(got.position(), want.position());
}

}  // namespace penstock::rpc
