#pragma once

#include <absl/functional/any_invocable.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/epoch.h"
#include "common/ids.h"
#include "rpc/transport.h"

namespace penstock::pb {
class Catalog;
class DatabaseStatus;
class MetaSnapshot;
class MetaUpdate;
class WorkerInfo;
class TablePlacement;
}  // namespace penstock::pb

namespace penstock::frontend {

/// What meta last told: immutable, replaced as a whole. Pointers live as long as the view.
struct MetaView {
  std::shared_ptr<const pb::Catalog> catalog;                               // shared by the views that follow until it changes
  std::map<WorkerId, std::shared_ptr<const pb::WorkerInfo>> workers;        // likewise
  std::map<TableId, std::shared_ptr<const pb::TablePlacement>> placements;  // likewise
  struct Database {
    PartialGraphId graph;
    Term term;
    Epoch committed;
    bool recovering = false;
    std::string reason;
    std::string disk_low;  // why DML is refused; empty: it is not
    bool disk_full = false;
  };
  std::map<DatabaseId, Database> databases;
  /// Terms that ended with a reset: the last epoch each committed.
  std::map<std::pair<PartialGraphId, Term>, Epoch> ended_terms;
};
using MetaViewPtr = std::shared_ptr<const MetaView>;

/// A session's wish to end a wait early.
using CancelFlag = std::atomic<bool>;

/// The frontend's line to meta: follows its notifications (and connects again when the line breaks) and makes calls. Thread-safe.
class MetaClient {
 public:
  MetaClient(runtime::Runtime& runtime, rpc::Transport& transport, std::string meta_address);
  ~MetaClient();
  MetaClient(const MetaClient&) = delete;
  MetaClient& operator=(const MetaClient&) = delete;

  /// Null until meta was first heard.
  [[nodiscard]] MetaViewPtr view() const;
  /// Blocks until `done(view)`. `go_on` is asked now and then; its error is the answer. Errors: `Timeout`, `Cancelled`.
  [[nodiscard]] Result<MetaViewPtr> wait(const std::function<bool(const MetaView&)>& done, runtime::Duration timeout,
                                         const CancelFlag* cancel, std::string_view what, const std::function<Status()>& go_on = {});
  /// Blocks for a call's answer. `go_on` is asked now and then; its error is the answer. Errors: what meta answers; `Unavailable`, it was
  /// not sent; `OutcomeUnknown`, it was sent and not answered.
  [[nodiscard]] Result<rpc::Bytes> call(std::string_view method, rpc::Bytes request, runtime::Duration timeout, const CancelFlag* cancel,
                                        const std::function<Status()>& go_on = {});
  /// Makes a call without waiting: `done` is called with the answer, on a thread of its own, and must not block.
  void ask(std::string_view method, rpc::Bytes request, runtime::Duration timeout, absl::AnyInvocable<void(Result<rpc::Bytes>)> done);
  /// Makes a call whose answer nobody waits for.
  void send(std::string_view method, rpc::Bytes request);
  /// Wakes every wait, so that it looks at its cancel flag.
  void wake_all();
  [[nodiscard]] const std::string& address() const { return address_; }
  /// Meta's notifications come in: its snapshot was heard and the line has not broken since.
  [[nodiscard]] bool following() const { return following_.load(); }

 private:
  [[nodiscard]] Error explained(const Error& reason) const;
  void connect();
  void on_message(const rpc::Bytes& bytes);
  void apply(const pb::MetaSnapshot& snapshot);
  void apply(const pb::MetaUpdate& update);
  void publish(MetaViewPtr view);

  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  const std::string address_;
  const std::unique_ptr<runtime::Executor> loop_;
  std::atomic<bool> following_{false};

  // Owned by the loop.
  std::shared_ptr<rpc::Stream> stream_;  // shared with the transport
  runtime::Timer retry_;
  bool said_lost_ = false;

  mutable std::mutex mutex_;  // guards what follows
  MetaViewPtr view_;
  std::vector<std::shared_ptr<runtime::Waiter>> waiters_;  // shared with the threads that wait; in the order they came
};

}  // namespace penstock::frontend
