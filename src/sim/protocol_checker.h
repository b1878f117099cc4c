#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/transport.h"

namespace penstock::pb {
class Barrier;
class ControlRequest;
class ControlResponse;
}  // namespace penstock::pb

namespace penstock::sim {

/// Looks at every message of every control stream, at meta's end, and knows what may never happen whatever fails:
///
///  - within one term of a graph `next.prev == last.curr`, and an epoch begins once;
///  - a node completes only barriers that were injected there, in that term, in order;
///  - an epoch of a term commits only after every node of its barrier has completed it, and only if it was a checkpoint;
///  - a node that joins a graph that runs begins with an Initial of its own, which ends where the others' chain ends;
///  - the same holds for the graphs of jobs being created that the commit names;
///  - the committed epoch of a graph never goes back, whichever meta speaks, and a new term begins exactly there;
///  - a term is used once.
///
/// One thread. What it finds goes to `on_violation`, as a sentence.
class ProtocolChecker {
 public:
  using Report = std::function<void(const std::string&)>;
  explicit ProtocolChecker(Report on_violation) : on_violation_(std::move(on_violation)) {}
  ProtocolChecker(const ProtocolChecker&) = delete;
  ProtocolChecker& operator=(const ProtocolChecker&) = delete;

  void on_request(const std::string& node, const pb::ControlRequest& request);
  void on_response(const std::string& node, const pb::ControlResponse& response);

  /// Calls `then` once, in the middle of a job of meta's, when that many more messages have come or gone. The last one asked for counts.
  void after_messages(uint64_t messages, std::function<void()> then) {
    left_ = messages;
    then_ = std::move(then);
  }

  struct Counts {
    uint64_t barriers = 0;
    uint64_t commits = 0;
    uint64_t terms = 0;
    uint64_t combined = 0;  // barriers, on each node, that several commands share
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  /// A transport that shows every control stream opened with it to this checker, which outlives it.
  [[nodiscard]] std::unique_ptr<rpc::Transport> watch(std::unique_ptr<rpc::Transport> inner);

 private:
  class Watched;
  class WatchedStream;
  using GraphTerm = std::pair<uint64_t, uint64_t>;

  struct Barrier {
    uint64_t curr = 0;
    bool checkpoint = false;
    absl::btree_set<std::string> nodes;      // it was injected there
    absl::btree_set<std::string> completed;  // by these
  };
  struct TermState {
    absl::btree_map<std::string, uint64_t> begins_at;  // by node: the epoch it was created with, until its first barrier
    absl::btree_map<uint64_t, Barrier> barriers;       // by prev
    absl::btree_map<std::string, uint64_t> joining;    // by node: prev of the Initial of its own that it has not completed
    absl::btree_map<std::string, uint64_t> last_completed;
  };

  void count_message();
  void on_inject(const std::string& node, GraphTerm graph, const pb::ControlRequest& request);
  void on_joined(const std::string& node, GraphTerm graph, TermState& term, const pb::Barrier& barrier);
  void on_commit(const std::string& node, GraphTerm graph, uint64_t epoch);
  /// Of the graph of a job that is being created: its rows are in the commit of its database's graph.
  void on_commit_with(GraphTerm graph, uint64_t epoch);
  void expect_completed(GraphTerm graph, uint64_t epoch, const Barrier& barrier);
  template <typename... Args>
  void violation(fmt::format_string<Args...> text, Args&&... args) {
    on_violation_(fmt::format(text, std::forward<Args>(args)...));
  }

  const Report on_violation_;
  absl::btree_map<GraphTerm, TermState> terms_;
  absl::btree_map<uint64_t, uint64_t> committed_;  // by graph
  Counts counts_;
  uint64_t left_ = 0;
  std::function<void()> then_;  // when none are left; null: nobody waits
};

}  // namespace penstock::sim
