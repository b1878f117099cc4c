#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "proto/control_stream.pb.h"
#include "runtime/sim_runtime.h"
#include "stream/executor/actor_context.h"
#include "stream/executor/operator_tree.h"
#include "testing/waiting_store.h"

namespace penstock::testing {

using stream::ActorContext;
using stream::Barrier;
using stream::BarrierKind;
using stream::Operator;
using stream::Output;
using stream::Step;

/// The value, or a failed test.
template <typename T>
T must(Result<T> result) {
  if (result.has_error()) ADD_FAILURE() << result.error().to_string();
  return std::move(result).value();
}
inline void must(const Status& status) {
  if (status.has_error()) ADD_FAILURE() << status.error().to_string();
}

// ---- changes as text

/// White space between words as one space each.
inline std::string single_spaced(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string joined;
  for (std::string word; words >> word;) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

/// One line a visible row, without types: "+ 1 a"; the halves of an update on one line: "U- 1 a | U+ 1 b".
inline std::vector<std::string> lines_of(const Output& chunks) {
  std::vector<std::string> lines;
  for (const data::StreamChunk& chunk : chunks) {
    if (chunk.visible_rows() == 0) continue;
    std::istringstream table(data::to_table(chunk.compact()));
    std::string line;
    std::getline(table, line);  // types
    while (std::getline(table, line)) {
      line = single_spaced(line);
      if (line.starts_with("U+") && !lines.empty() && lines.back().starts_with("U-") && lines.back().find('|') == std::string::npos) {
        lines.back() += " | " + line;
      } else {
        lines.push_back(line);
      }
    }
  }
  return lines;
}

inline std::string normal(std::vector<std::string> lines, bool in_order) {
  if (!in_order) std::ranges::sort(lines);
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

/// Lines of an expectation: white space at both ends does not count; an update is two lines, U- and U+.
inline std::vector<std::string> lines_of(std::string_view expected) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(expected)};
  for (std::string line; std::getline(in, line);) {
    const std::string joined = single_spaced(line);
    if (joined.empty()) continue;
    if (joined.starts_with("U+") && !lines.empty() && lines.back().starts_with("U-") && lines.back().find('|') == std::string::npos) {
      lines.back() += " | " + joined;
    } else {
      lines.push_back(joined);
    }
  }
  return lines;
}

/// The same changes, in any order.
inline void expect_changes(const Output& out, std::string_view expected) {
  EXPECT_EQ(normal(lines_of(out), false), normal(lines_of(expected), false));
}
/// The same changes in the same order.
inline void expect_changes_in_order(const Output& out, std::string_view expected) {
  EXPECT_EQ(normal(lines_of(out), true), normal(lines_of(expected), true));
}

/// The table that a changelog makes: rows as text, each as often as it is there. Finds a changelog that is not legal.
class ChangeView {
 public:
  void apply(const Output& chunks) {
    for (const data::StreamChunk& chunk : chunks) apply(chunk);
  }
  void apply(const data::StreamChunk& whole) {
    if (whole.visible_rows() == 0) return;
    const data::StreamChunk chunk = whole.compact();
    std::istringstream table(data::to_table(chunk));
    std::string line;
    std::getline(table, line);
    for (size_t row = 0; row < chunk.rows(); ++row) {
      std::getline(table, line);
      line = single_spaced(line);
      const std::string text = line.substr(line.find(' ') + 1);
      if (data::is_insert(chunk.op(row))) {
        ++rows_[text];
      } else if (auto found = rows_.find(text); found != rows_.end()) {
        if (--found->second == 0) rows_.erase(found);
      } else {
        ADD_FAILURE() << "taken back, but not there: " << text;
      }
      if (chunk.op(row) == data::Op::UpdateDelete) {
        EXPECT_TRUE(row + 1 < chunk.rows() && chunk.op(row + 1) == data::Op::UpdateInsert) << "half an update: " << line;
      }
    }
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& [row, count] : rows_) out += count == 1 ? row + "\n" : fmt::format("{} ({} times)\n", row, count);
    return out;
  }
  bool operator==(const ChangeView&) const = default;

 private:
  std::map<std::string, int> rows_;
};

// ---- the world around operators

class Reports final : public stream::EpochReports {
 public:
  struct Failure {
    uint64_t count = 0;
    std::string first;
  };
  std::map<Epoch, stream::SourceReport> sources;
  std::map<Epoch, stream::CreateReport> progress;
  std::map<Epoch, Failure> expression_errors;

  void report_source(Epoch prev, stream::SourceReport report) override { sources[prev] = std::move(report); }
  void report_create_progress(Epoch prev, stream::CreateReport report) override { progress[prev] = report; }
  void report_expression_errors(Epoch prev, uint64_t count, const Error& first) override {
    expression_errors[prev].count += count;
    expression_errors[prev].first = first.message();
  }
};

/// DML that tests put in by hand.
class DmlByHand final : public stream::DmlRegistry {
 public:
  std::vector<stream::DmlQueue::Batch> waiting;
  std::vector<std::string> answers;  // "taken in 3", "failed: …"
  ObjectId registered{0};

  void put(data::StreamChunk chunk) {
    waiting.push_back({std::move(chunk), [this](Result<Epoch> epoch) {
                         answers.push_back(epoch.has_value() ? fmt::format("taken in {}", epoch.value())
                                                             : "failed: " + epoch.error().message());
                       }});
  }
  std::unique_ptr<stream::DmlQueue> register_actor(ObjectId table, std::vector<data::DataType> /*types*/, ActorId /*actor*/,
                                                   std::function<void()> /*wake*/) override {
    registered = table;
    return std::make_unique<Queue>(*this);
  }

 private:
  class Queue final : public stream::DmlQueue {
   public:
    explicit Queue(DmlByHand& owner) : owner_(owner) {}
    std::vector<Batch> take(Epoch /*epoch*/) override { return std::exchange(owner_.waiting, {}); }

   private:
    DmlByHand& owner_;
  };
};

/// A node with one graph: store, clock, memory, reports, and meta's part of epochs and commits. Outlives the operators that run on it.
class OperatorNode {
 public:
  runtime::SimRuntime runtime{1};
  WaitingStore store;
  Reports reports;
  DmlByHand dml;
  stream::MemoryBudget memory;
  VNodeBitmap vnodes = VNodeBitmap::all();
  std::vector<stream::SplitState> splits;
  bool paused = false;
  std::vector<stream::Subscriber> subscribers;

  explicit OperatorNode(size_t memory_limit = SIZE_MAX) : memory(memory_limit) { open(); }

  [[nodiscard]] ActorContext context() {
    return ActorContext{.actor = ActorId{7},
                        .fragment = FragmentId{3},
                        .job = JobId{42},
                        .graph = graph_,
                        .vnodes = vnodes,
                        .index = 0,
                        .parallelism = 1,
                        .table_base = 100,
                        .operator_base = 1000,
                        .splits = splits,
                        .paused = paused,
                        .subscribers = subscribers,
                        .runtime = runtime,
                        .store = store,
                        .reports = reports,
                        .dml = dml,
                        .memory = memory,
                        .wake = [] {}};
  }
  [[nodiscard]] storage::GraphTerm graph() const { return graph_; }
  [[nodiscard]] EpochPair running() const { return running_; }
  [[nodiscard]] Epoch committed() const { return committed_; }

  /// The graph's first barrier, after `open`.
  [[nodiscard]] Barrier first_barrier() const { return {running_, BarrierKind::Initial, nullptr}; }
  /// The next one; what runs now is over.
  [[nodiscard]] Barrier next_barrier(BarrierKind kind, std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    running_ = {running_.curr, Epoch{running_.curr.value + (1U << 16)}};
    must(store.start_epoch(graph_.graph, running_.curr, {}));
    return {running_, kind, std::move(mutation)};
  }
  /// Every operator has passed the checkpoint: sync and commit what it ended.
  void commit() {
    for (auto& info : must(store.sync_epoch(graph_, running_.prev, {}))) live_.push_back(info.ref);
    committed_ = running_.prev;
    must(store.commit_epoch(graph_.graph, committed_, {}, {}));
  }
  /// The graph begins anew at what was committed. Operators must be gone.
  void reset() {
    store.clear(graph_.graph);
    open();
  }

 private:
  void open() {
    graph_.term = Term{graph_.term.value + 1};
    must(store.open_graph(graph_, committed_, live_, std::nullopt));
    running_ = {committed_, Epoch{std::max(running_.curr.value, committed_.value) + (1U << 16)}};
    must(store.start_epoch(graph_.graph, running_.curr, {}));
  }

  storage::GraphTerm graph_{PartialGraphId{1}, Term{0}};
  EpochPair running_{Epoch{0}, Epoch{1'000'000U << 16}};
  Epoch committed_{0};
  std::vector<storage::SegmentRef> live_;
};

/// Drives the operators of one actor as its runner would, one message after the other.
class OperatorDriver {
 public:
  using Make = std::function<Result<stream::OperatorTree>(const ActorContext&)>;

  OperatorDriver(OperatorNode& node, Make make) : node_(node), make_(std::move(make)) { start(); }
  /// Of one operator without a plan; its inputs are ports.
  static Make single(std::function<std::unique_ptr<Operator>(const ActorContext&)> make) {
    return [make = std::move(make)](const ActorContext& context) -> Result<stream::OperatorTree> {
      stream::OperatorTree tree;
      tree.nodes.emplace_back().op = make(context);
      return tree;
    };
  }

  [[nodiscard]] Operator& root() { return *tree_->nodes.back().op; }
  [[nodiscard]] OperatorNode& node() { return node_; }
  /// Chunks that came after the last barrier and were not fetched yet, of `start`, `barrier` and `checkpoint`.
  [[nodiscard]] Output take_after() { return std::exchange(after_, {}); }
  [[nodiscard]] int state_reads() const { return state_reads_; }

  Output push(std::string_view table) { return push(0, data::chunk_from_table(table)); }
  /// `port`: of the only operator, or the how-many-eth merge of the tree.
  Output push(size_t port, std::string_view table) { return push(port, data::chunk_from_table(table)); }
  Output push(size_t port, data::StreamChunk chunk) {
    Output out;
    const auto [consumer, own_port] = input(port);
    feed(consumer, own_port, std::move(chunk), out);
    return out;
  }
  /// What the last `push` failed with, if an error was expected.
  Error push_fails(size_t port, std::string_view table) {
    Output out;
    const auto [consumer, own_port] = input(port);
    auto step = tree_->nodes[consumer].op->on_chunk(own_port, data::chunk_from_table(table), out);
    EXPECT_TRUE(step.has_error());
    return step.error();
  }

  /// What comes before the barrier; `take_after` gives what comes after it.
  Output barrier(std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    return pass(node_.next_barrier(BarrierKind::Barrier, std::move(mutation)));
  }
  /// The same, and everything is committed.
  Output checkpoint(std::shared_ptr<const pb::Mutation> mutation = nullptr) {
    Output out = pass(node_.next_barrier(BarrierKind::Checkpoint, std::move(mutation)));
    node_.commit();
    return out;
  }

  /// Polls the generator until it has nothing; `waits`: the last answer's retry_after.
  Output poll_all() {
    Output out;
    for (int i = 0; i < 1000; ++i) {
      const size_t before = out.size();
      poll_once(out);
      if (out.size() == before) return out;
    }
    ADD_FAILURE() << "the generator does not come to an end";
    return out;
  }
  Output poll() {
    Output out;
    poll_once(out);
    return out;
  }
  [[nodiscard]] std::optional<runtime::Duration> retry_after() const { return retry_after_; }

  /// The actor dies; another one begins at what was committed.
  void restart() {
    tree_.reset();
    node_.reset();
    start();
  }

 private:
  void start() {
    tree_ = must(make_(node_.context()));
    for (auto& node : tree_->nodes) {
      if (node.op) must(node.op->init(node_.running()));
    }
    const Output before = pass(node_.first_barrier());
    EXPECT_TRUE(lines_of(before).empty()) << "rows before the first barrier";
  }

  std::pair<size_t, size_t> input(size_t port) const {
    size_t merges = 0;
    for (size_t i = 0; i < tree_->nodes.size(); ++i) {
      if (tree_->nodes[i].op != nullptr) continue;
      if (merges++ == port) return {tree_->nodes[i].parent, tree_->nodes[i].port};
    }
    return {tree_->nodes.size() - 1, port};
  }

  void feed(size_t at, size_t port, data::StreamChunk chunk, Output& out) {
    Output own;
    Step step = must(tree_->nodes[at].op->on_chunk(port, std::move(chunk), own));
    finish(at, step, own, out);
  }
  // Goes on until the operator is done; what it made goes up.
  void finish(size_t at, Step step, Output& own, Output& out) {
    Operator& op = *tree_->nodes[at].op;
    while (true) {
      for (data::StreamChunk& chunk : std::exchange(own, {})) {
        const size_t parent = tree_->nodes[at].parent;
        if (parent == stream::OperatorTree::kNoParent) {
          out.push_back(std::move(chunk));
        } else {
          feed(parent, tree_->nodes[at].port, std::move(chunk), out);
        }
      }
      if (step == Step::Done) return;
      if (step == Step::NeedState) {
        ++state_reads_;
        must(op.take_state_read()());
      }
      step = must(op.resume(own));
    }
  }

  Output pass(const Barrier& barrier) {
    Output before;
    for (size_t at = 0; at < tree_->nodes.size(); ++at) {
      Operator* op = tree_->nodes[at].op.get();
      if (op == nullptr || op->generator() == nullptr) continue;
      Output own;
      must(op->generator()->before_barrier(own));
      finish(at, Step::Done, own, before);
    }
    for (size_t at = 0; at < tree_->nodes.size(); ++at) {
      if (tree_->nodes[at].op == nullptr) continue;
      Output own;
      const Step step = must(tree_->nodes[at].op->on_barrier(barrier, own));
      finish(at, step, own, before);
    }
    for (size_t at = 0; at < tree_->nodes.size(); ++at) {
      if (tree_->nodes[at].op == nullptr) continue;
      Output own;
      const Step step = must(tree_->nodes[at].op->after_barrier(barrier, own));
      finish(at, step, own, after_);
    }
    return before;
  }

  void poll_once(Output& out) {
    for (size_t at = 0; at < tree_->nodes.size(); ++at) {
      Operator* op = tree_->nodes[at].op.get();
      if (op == nullptr || op->generator() == nullptr) continue;
      Output own;
      const auto poll = must(op->generator()->poll(own));
      retry_after_ = poll.retry_after;
      finish(at, poll.step, own, out);
    }
  }

  OperatorNode& node_;
  Make make_;
  std::optional<stream::OperatorTree> tree_;
  Output after_;
  std::optional<runtime::Duration> retry_after_;
  int state_reads_ = 0;
};

}  // namespace penstock::testing
