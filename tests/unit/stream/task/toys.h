#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "expr/pause.h"
#include "proto/stream_plan.pb.h"
#include "stream/executor/operator.h"
#include "stream/executor/operator_tree.h"

namespace penstock::stream::testing {

/// What toy operators (deterministic, over one BIGINT column) do and did, as everyone can see. What `source`, `pass`, `hold`, `ask` and
/// `record` touch may be touched from several threads; the rest is for simulation.
struct Playground {
  /// Rows that passed a fragment's recorder in an epoch: how many, and a sum in which every row counts, deletes negatively.
  struct Tally {
    int64_t rows = 0;
    uint64_t sum = 0;
    auto operator<=>(const Tally&) const = default;
    void add(const data::StreamChunk& chunk);
  };
  using Tallies = std::map<std::pair<uint32_t, uint64_t>, Tally>;  // by fragment and epoch
  void add(Tallies& to, FragmentId fragment, Epoch epoch, const data::StreamChunk& chunk) {
    Tally tally;
    tally.add(chunk);
    MutexLock lock(mutex);
    Tally& sum = to[{fragment.value, epoch.value}];
    sum.rows += tally.rows;
    sum.sum += tally.sum;
  }
  Mutex mutex;
  Tallies emitted;                      // by sources
  Tallies recorded;                     // by recorders
  std::map<uint32_t, std::string> log;  // by actor, of operators that write one: "+1 +2 | barrier 1..2 | after | "
  size_t source_rows_per_epoch = 100;
  size_t source_chunk = 16;
  bool pairs = false;                               // sources emit update pairs too
  std::map<uint32_t, data::StreamChunk> to_emit;    // by actor, of "emit": once it is polled
  std::map<uint32_t, std::function<void()>> wakes;  // of "emit"
  std::atomic<int> alive{0};                        // operators
  size_t evicted = 0;
};

inline data::StreamChunk one_column(const std::vector<std::pair<data::Op, int64_t>>& rows) {
  const size_t count = rows.size();
  auto values = std::make_shared<int64_t[]>(count);
  auto ops = std::make_shared<std::vector<data::Op>>();
  bool insert_only = true;
  for (size_t i = 0; i < count; ++i) {
    values[i] = rows[i].second;
    ops->push_back(rows[i].first);
    insert_only = insert_only && rows[i].first == data::Op::Insert;
  }
  std::vector<data::Column> columns;
  columns.emplace_back(data::DataType(data::TypeKind::Int64), count, std::shared_ptr<const int64_t[]>(std::move(values)), nullptr);
  return {data::DataChunk(std::move(columns), count), insert_only ? nullptr : std::move(ops)};
}

inline void Playground::Tally::add(const data::StreamChunk& chunk) {
  for (size_t row = 0; row < chunk.rows(); ++row) {
    if (!chunk.is_visible(row)) continue;
    uint64_t mixed = static_cast<uint64_t>(chunk.column(0).value<int64_t>(row)) * 0x9E3779B97F4A7C15 + 1;
    mixed ^= mixed >> 29;
    sum += data::is_insert(chunk.op(row)) ? mixed : -mixed;
    ++rows;
  }
}

/// Passes rows on. Base of the others.
class Pass : public Operator {
 public:
  Pass(Playground& world, const ActorContext& context) : world_(world), context_(context) { ++world_.alive; }
  ~Pass() override { --world_.alive; }
  Status init(EpochPair first) override {
    epoch_ = first.curr;
    return ok();
  }
  Result<Step> on_chunk(size_t, data::StreamChunk chunk, Output& out) override {
    out.push_back(std::move(chunk));
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier& barrier, Output&) override {
    epoch_ = barrier.epoch.curr;
    return Step::Done;
  }
  Result<Step> after_barrier(const Barrier&, Output&) override { return Step::Done; }
  bool acts_at_barriers() const override { return false; }
  Status skip(EpochPair skipped) override {
    if (skipped.prev != epoch_) return error(Code::Internal, "skips {}..{} in epoch {}", skipped.prev, skipped.curr, epoch_);
    epoch_ = skipped.curr;
    return ok();
  }

 protected:
  Playground& world_;
  const ActorContext& context_;
  Epoch epoch_;  // that rows belong to
};

/// "source": so many rows an epoch, in chunks; numbers are its own. Between two epochs' worth it waits to be woken by the next barrier.
class Source : public Pass, public Generator {
 public:
  using Pass::Pass;
  bool acts_at_barriers() const override { return true; }
  Generator* generator() override { return this; }
  Result<Poll> poll(Output& out) override {
    if (left_ == 0) return Poll{};
    std::vector<std::pair<data::Op, int64_t>> rows;
    for (size_t i = 0; i < std::min(left_, world_.source_chunk); ++i) {
      const int64_t number = int64_t{context_.actor.value} << 32 | next_++;
      if (world_.pairs && next_ % 3 == 0) {
        rows.emplace_back(data::Op::UpdateDelete, number);
        rows.emplace_back(data::Op::UpdateInsert, number * 31);
      } else {
        rows.emplace_back(data::Op::Insert, number);
      }
    }
    left_ -= std::min(left_, world_.source_chunk);
    out.push_back(one_column(rows));
    world_.add(world_.emitted, context_.fragment, epoch_, out.back());
    return Poll{};
  }
  Status before_barrier(Output&) override { return ok(); }
  Result<Step> after_barrier(const Barrier&, Output&) override {
    left_ = context_.runtime.random() % (world_.source_rows_per_epoch + 1);
    context_.wake();
    return Step::Done;
  }

 private:
  size_t left_ = 0;
  int64_t next_ = 0;
};

/// "emit": emits what the test put into the world, when it is woken; at a barrier, whatever is there first.
class Emit : public Pass, public Generator {
 public:
  bool acts_at_barriers() const override { return true; }
  Emit(Playground& world, const ActorContext& context) : Pass(world, context) { world_.wakes[context.actor.value] = context.wake; }
  Generator* generator() override { return this; }
  Result<Poll> poll(Output& out) override {
    move_out(out);
    return Poll{};
  }
  Status before_barrier(Output& out) override {
    move_out(out);
    return ok();
  }

 private:
  void move_out(Output& out) {
    const auto found = world_.to_emit.find(context_.actor.value);
    if (found == world_.to_emit.end()) return;
    out.push_back(found->second);
    world_.to_emit.erase(found);
  }
};

/// "tick": one row every 10 ms.
class Tick : public Pass, public Generator {
 public:
  using Pass::Pass;
  bool acts_at_barriers() const override { return true; }
  Generator* generator() override { return this; }
  Result<Poll> poll(Output& out) override {
    const runtime::TimePoint now = context_.runtime.now();
    if (now < due_) return Poll{Step::Done, due_ - now};
    due_ = now + std::chrono::milliseconds(10);
    out.push_back(one_column({{data::Op::Insert, ticks_++}}));
    return Poll{};
  }
  Status before_barrier(Output&) override { return ok(); }

 private:
  runtime::TimePoint due_;
  int64_t ticks_ = 0;
};

/// "record": tallies rows by epoch. "log": writes down everything, in order. "rest": likewise, but does nothing by itself at barriers.
class Record : public Pass {
 public:
  Record(Playground& world, const ActorContext& context, bool log, bool rests) : Pass(world, context), log_(log), rests_(rests) {}
  bool acts_at_barriers() const override { return !rests_; }
  Status skip(EpochPair skipped) override {
    if (log_) line() += fmt::format("~{}..{} ", skipped.prev, skipped.curr);
    return Pass::skip(skipped);
  }
  Result<Step> on_chunk(size_t, data::StreamChunk chunk, Output& out) override {
    world_.add(world_.recorded, context_.fragment, epoch_, chunk);
    static constexpr const char* kOps[] = {"", "+", "-", "U-", "U+"};
    for (size_t row = 0; row < chunk.rows() && log_; ++row) {
      if (chunk.is_visible(row)) line() += fmt::format("{}{} ", kOps[static_cast<int>(chunk.op(row))], chunk.column(0).value<int64_t>(row));
    }
    out.push_back(std::move(chunk));
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override {
    if (log_) line() += fmt::format("| {}..{} ", barrier.epoch.prev, barrier.epoch.curr);
    return Pass::on_barrier(barrier, out);
  }
  Result<Step> after_barrier(const Barrier&, Output&) override {
    if (log_) line() += "> ";
    return Step::Done;
  }

 private:
  std::string& line() { return world_.log[context_.actor.value]; }
  const bool log_;
  const bool rests_;
};

/// "hold": keeps its rows until the barrier, then gives them a chunk a step.
class Hold : public Pass {
 public:
  using Pass::Pass;
  Result<Step> on_chunk(size_t, data::StreamChunk chunk, Output&) override {
    held_.push_back(std::move(chunk));
    return Step::Done;
  }
  Result<Step> on_barrier(const Barrier& barrier, Output& out) override {
    epoch_ = barrier.epoch.curr;
    return resume(out);
  }
  Result<Step> resume(Output& out) override {
    if (!held_.empty()) {
      out.push_back(std::move(held_.front()));
      held_.erase(held_.begin());
    }
    return held_.empty() ? Step::Done : Step::MoreOutput;
  }

 private:
  std::vector<data::StreamChunk> held_;
};

/// "ask": reads the store for each chunk before it passes it on.
class Ask : public Pass {
 public:
  using Pass::Pass;
  Result<Step> on_chunk(size_t, data::StreamChunk chunk, Output&) override {
    asked_ = std::move(chunk);
    return Step::NeedState;
  }
  StateRead take_state_read() override {
    return [this]() -> Status {
      read_ = true;
      return ok();
    };
  }
  Result<Step> resume(Output& out) override {
    if (!std::exchange(read_, false)) return error(Code::Internal, "resumed before the read was done");
    out.push_back(std::move(*std::exchange(asked_, std::nullopt)));
    return Step::Done;
  }

 private:
  std::optional<data::StreamChunk> asked_;
  bool read_ = false;
};

/// "fail": fails with its first chunk. "fail_read": when it reads.
class Fail : public Ask {
 public:
  Fail(Playground& world, const ActorContext& context, bool read) : Ask(world, context), read_fails_(read) {}
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override {
    if (read_fails_) return Ask::on_chunk(port, std::move(chunk), out);
    return error(Code::DivisionByZero, "division by zero");
  }
  StateRead take_state_read() override {
    return []() -> Status { return error(Code::Corruption, "broken block"); };
  }

 private:
  const bool read_fails_;
};

/// "sleep": wants to wait as many seconds as the rows of a chunk say.
class Sleep : public Pass {
 public:
  using Pass::Pass;
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override {
    for (size_t row = 0; row < chunk.rows(); ++row) expr::owe_pause(static_cast<double>(chunk.data().column(0).value<int64_t>(row)));
    return Pass::on_chunk(port, std::move(chunk), out);
  }
};

/// "echo": gives a row after each barrier, as a backfill does: the number of the epoch it belongs to.
class Echo : public Pass {
 public:
  using Pass::Pass;
  bool acts_at_barriers() const override { return true; }
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override {
    out.push_back(one_column({{data::Op::Insert, static_cast<int64_t>(barrier.epoch.curr.value)}}));
    return Step::Done;
  }
};

/// "greedy": claims to keep 1000 bytes of state for each row and gives back what it is asked for.
class Greedy : public Pass {
 public:
  using Pass::Pass;
  bool acts_at_barriers() const override { return true; }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override {
    bytes_ += 1000 * chunk.rows();
    context_.memory.add(static_cast<ptrdiff_t>(1000 * chunk.rows()));
    return Pass::on_chunk(port, std::move(chunk), out);
  }
  size_t memory_bytes() const override { return bytes_; }
  size_t evict(size_t bytes) override {
    const size_t freed = std::min(bytes, bytes_);
    bytes_ -= freed;
    world_.evicted += freed;
    context_.memory.add(-static_cast<ptrdiff_t>(freed));
    return freed;
  }

 private:
  size_t bytes_ = 0;
};

/// "dirty": likewise, but what came since the last barrier it cannot give back.
class Dirty : public Pass {
 public:
  using Pass::Pass;
  bool acts_at_barriers() const override { return true; }
  Result<Step> on_chunk(size_t port, data::StreamChunk chunk, Output& out) override {
    dirty_ += 1000 * chunk.rows();
    context_.memory.add(static_cast<ptrdiff_t>(1000 * chunk.rows()));
    return Pass::on_chunk(port, std::move(chunk), out);
  }
  Result<Step> after_barrier(const Barrier& barrier, Output& out) override {
    clean_ += std::exchange(dirty_, 0);
    return Pass::after_barrier(barrier, out);
  }
  size_t memory_bytes() const override { return clean_ + dirty_; }
  size_t evict(size_t bytes) override {
    const size_t freed = std::min(bytes, clean_);
    clean_ -= freed;
    context_.memory.add(-static_cast<ptrdiff_t>(freed));
    return freed;
  }

 private:
  size_t clean_ = 0;
  size_t dirty_ = 0;
};

inline std::unique_ptr<Operator> make_toy(const std::string& name, Playground& world, const ActorContext& context) {
  if (name == "pass") return std::make_unique<Pass>(world, context);
  if (name == "source") return std::make_unique<Source>(world, context);
  if (name == "emit") return std::make_unique<Emit>(world, context);
  if (name == "tick") return std::make_unique<Tick>(world, context);
  if (name == "record") return std::make_unique<Record>(world, context, false, true);
  if (name == "log") return std::make_unique<Record>(world, context, true, false);
  if (name == "rest") return std::make_unique<Record>(world, context, true, true);
  if (name == "hold") return std::make_unique<Hold>(world, context);
  if (name == "ask") return std::make_unique<Ask>(world, context);
  if (name == "fail") return std::make_unique<Fail>(world, context, false);
  if (name == "fail_read") return std::make_unique<Fail>(world, context, true);
  if (name == "sleep") return std::make_unique<Sleep>(world, context);
  if (name == "echo") return std::make_unique<Echo>(world, context);
  if (name == "dirty") return std::make_unique<Dirty>(world, context);
  if (name == "greedy") return std::make_unique<Greedy>(world, context);
  return nullptr;
}

/// Adds the nodes of `plan` in post-order and returns the index of its root.
inline Result<size_t> add_toys(const pb::StreamNode& plan, Playground& world, const ActorContext& context, OperatorTree& tree) {
  std::vector<size_t> inputs;
  for (const pb::StreamNode& input : plan.input()) {
    PENSTOCK_TRY(const size_t index, add_toys(input, world, context, tree));
    inputs.push_back(index);
  }
  OperatorTree::Node node;
  if (plan.has_merge()) {
    node.link = plan.operator_id();
  } else {
    node.op = make_toy(plan.identity(), world, context);
    if (!node.op) return error(Code::Protocol, "no toy is called {}", plan.identity());
  }
  tree.nodes.push_back(std::move(node));
  for (size_t port = 0; port < inputs.size(); ++port) {
    tree.nodes[inputs[port]].parent = tree.nodes.size() - 1;
    tree.nodes[inputs[port]].port = port;
  }
  return tree.nodes.size() - 1;
}

inline Result<OperatorTree> build_toys(const pb::StreamNode& root, Playground& world, const ActorContext& context) {
  OperatorTree tree;
  tree.output_types = {data::TypeKind::Int64};
  PENSTOCK_TRY(add_toys(root, world, context, tree));
  return tree;
}

}  // namespace penstock::stream::testing
