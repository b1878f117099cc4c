#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "storage/state_store.h"

namespace penstock::storage::testing {

/// One implementation under the shared suite: a store that can crash, with its clock and its background work in the test's hands.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  [[nodiscard]] virtual StateStore& store() = 0;
  /// The process dies: only what is durable stays. A new store is opened over it.
  virtual void crash() = 0;
  virtual void advance(runtime::Duration time) = 0;
  /// Runs posted work to its end.
  virtual void run_background() = 0;
  /// From now on what commits is flushed at once (by background work), or never.
  virtual void set_flush(bool eager) = 0;
};

/// How to make one; the name appears in test names.
struct StoreParam {
  std::string name;
  std::function<std::unique_ptr<StoreHarness>()> make;
  uint64_t seed = 0;  // of tests with random steps
};
inline std::vector<StoreParam> with_seeds(const StoreParam& param, uint64_t seeds) {
  std::vector<StoreParam> out;
  for (uint64_t seed = 1; seed <= seeds; ++seed) out.push_back({fmt::format("{}_{}", param.name, seed), param.make, seed});
  return out;
}
inline void PrintTo(const StoreParam& param, std::ostream* out) { *out << param.name; }

/// A key without table id. Keys of tests begin with their vnode as two digits' worth of bytes: `key(3, "a")`.
inline std::string key(VNode vnode, std::string_view text) {
  return std::string{static_cast<char>(vnode >> 8), static_cast<char>(vnode & 0xff)} + std::string(text);
}
inline std::string vnode_end(VNode vnode) { return key(static_cast<VNode>(vnode + 1), ""); }

inline std::string brief(std::string_view value) {
  return value.size() <= 40 ? std::string(value) : fmt::format("{}…{}", value.substr(0, 10), value.size());
}

/// "a=1 b=2": rows of vnode 0 by their text, those of others as "3/a=1".
inline std::string dump(Result<std::unique_ptr<RowIterator>> rows) {
  if (rows.has_error()) return fmt::format("{}", code_name(rows.error().code()));
  std::string out;
  while (true) {
    const auto more = rows.value()->next();
    if (more.has_error()) return fmt::format("{}", code_name(more.error().code()));
    if (!more.value()) return out;
    const std::string_view k = rows.value()->key();
    const int vnode = static_cast<uint8_t>(k[0]) << 8 | static_cast<uint8_t>(k[1]);
    out += fmt::format("{}{}{}={}", out.empty() ? "" : " ", vnode == 0 ? "" : fmt::format("{}/", vnode), k.substr(2),
                       brief(rows.value()->value()));
  }
}

/// Meta and the barrier worker as far as the store sees them, for one graph: epochs, terms, the list of live segments.
class StoreDriver {
 public:
  explicit StoreDriver(StoreHarness& harness, uint64_t graph = 1) : harness_(harness), graph_{PartialGraphId{graph}, Term{0}} {}

  [[nodiscard]] StateStore& store() { return harness_.store(); }
  [[nodiscard]] PartialGraphId graph() const { return graph_.graph; }
  [[nodiscard]] GraphTerm term() const { return graph_; }
  [[nodiscard]] Epoch committed() const { return committed_; }
  [[nodiscard]] Epoch running() const { return running_; }
  [[nodiscard]] std::vector<SegmentRef> live() const {
    std::vector<SegmentRef> refs;
    for (const auto& [sequence, ref] : live_) refs.push_back(ref);
    return refs;
  }
  [[nodiscard]] uint64_t highest() const { return highest_; }

  /// What meta does with a worker that connects: Init, then the graph in a new term.
  Status retain() { return store().retain_segments(live(), highest_); }
  Status open() {
    locals_.clear();
    graph_.term = Term{graph_.term.value + 1};
    staged_.clear();
    PENSTOCK_TRY(store().open_graph(graph_, committed_, live()));
    running_ = Epoch{std::max(running_.value, committed_.value) + 10};
    return store().start_epoch(graph_.graph, running_, {});
  }
  void start() {
    const Status retained = retain();
    ASSERT_TRUE(retained.has_value()) << retained.error().to_string();
    const Status opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  }
  /// The process dies and comes back, but hears nothing of meta yet.
  void die() {
    forget_handles();
    harness_.crash();
  }
  void forget_handles() { locals_.clear(); }
  /// The process dies and comes back; meta has what it has.
  void crash() {
    die();
    start();
  }
  /// The graph fails and is built again, in a living process.
  void reset() {
    store().clear(graph_.graph);
    const Status opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  }

  /// The handle of an actor on a table, opened at first use.
  LocalStateStore& table(uint32_t id, uint32_t actor = 0, VNodeBitmap vnodes = VNodeBitmap::all()) {
    auto& local = locals_[{id, actor}];
    if (!local) {
      auto opened = store().open_table({TableId{id}, graph_.graph, std::move(vnodes), fmt::format("test {}", id)});
      if (opened.has_error()) ADD_FAILURE() << opened.error().to_string();
      local = std::move(opened).value();
      EXPECT_TRUE(local->init({committed_, running_}).has_value());
    }
    return *local;
  }
  void put(std::string_view text, std::string_view value, uint32_t table_id = 1) { put_key(key(0, text), value, table_id); }
  void put_key(std::string_view full_key, std::string_view value, uint32_t table_id = 1) {
    WriteBatch batch;
    batch.put(full_key, value);
    const Status done = table(table_id).append(std::move(batch));
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
  }
  void erase(std::string_view text, uint32_t table_id = 1) {
    WriteBatch batch;
    batch.erase(key(0, text));
    const Status done = table(table_id).append(std::move(batch));
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
  }

  [[nodiscard]] std::string get(std::string_view text, uint32_t table_id = 1) {
    auto value = table(table_id).get(key(0, text));
    if (value.has_error()) return fmt::format("{}", value.error().to_string());
    return value.value().value_or("-");
  }
  [[nodiscard]] std::string scan(uint32_t table_id = 1, const Range& range = {}) { return dump(table(table_id).scan(range)); }
  [[nodiscard]] std::string committed_at(Epoch epoch, uint32_t table_id = 1, const Range& range = {}) {
    auto reader = store().read_committed(graph_.graph, TableId{table_id}, epoch);
    if (reader.has_error()) return fmt::format("{}", code_name(reader.error().code()));
    return dump(reader.value()->scan(range));
  }
  [[nodiscard]] std::string sealed_at(Epoch epoch, uint32_t table_id = 1) {
    auto reader = store().read_sealed(graph_.graph, TableId{table_id}, epoch);
    if (reader.has_error()) return fmt::format("{}", code_name(reader.error().code()));
    return dump(reader.value()->scan({}));
  }

  /// Every actor passes a barrier; answers the epoch it ended.
  Epoch barrier() {
    const Epoch prev = running_;
    running_ = Epoch{prev.value + 1};
    const Status started = store().start_epoch(graph_.graph, running_, {});
    EXPECT_TRUE(started.has_value()) << (started.has_error() ? started.error().to_string() : "");
    for (auto& [name, local] : locals_) {
      const Status sealed = local->seal_current_epoch({prev, running_});
      EXPECT_TRUE(sealed.has_value()) << (sealed.has_error() ? sealed.error().to_string() : "");
    }
    return prev;
  }
  /// Segments become staged, and meta hears of them.
  void sync(Epoch prev) {
    auto synced = store().sync_epoch(graph_, prev, {});
    ASSERT_TRUE(synced.has_value()) << synced.error().to_string();
    for (const SegmentInfo& info : synced.value()) staged_.push_back(info.ref);
  }
  /// Meta's transaction, of which the worker does not hear yet.
  void meta_commits(Epoch prev, const std::vector<SegmentInfo>& synced) {
    for (const SegmentInfo& info : synced) staged_.push_back(info.ref);
    meta_commits(prev);
  }
  void meta_commits(Epoch prev) {
    committed_ = prev;
    for (const uint64_t sequence : store().flushed_segments(graph_.graph)) {
      if (live_.erase(sequence) != 0) struck_off_.push_back(sequence);
    }
    std::erase_if(staged_, [&](const SegmentRef& ref) {
      if (ref.epoch > prev) return false;
      live_.emplace(ref.sequence, ref);
      highest_ = std::max(highest_, ref.sequence);
      return true;
    });
  }
  /// Files that came from another node, named by a transaction of meta at the committed epoch.
  void meta_lists(const std::vector<SegmentInfo>& files) {
    for (const SegmentInfo& info : files) {
      live_.emplace(info.ref.sequence, info.ref);
      highest_ = std::max(highest_, info.ref.sequence);
    }
  }
  Status try_worker_commits() {
    PENSTOCK_TRY(store().commit_epoch(graph_.graph, committed_, struck_off_));
    struck_off_.clear();
    return ok();
  }
  void worker_commits() {
    const Status done = try_worker_commits();
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
  }
  void commit(Epoch prev) {
    meta_commits(prev);
    worker_commits();
  }
  Epoch checkpoint() {
    const Epoch prev = barrier();
    sync(prev);
    commit(prev);
    return prev;
  }
  /// A checkpoint after which everything committed is in sorted files.
  void flush() {
    harness_.set_flush(true);
    checkpoint();
    harness_.run_background();
    harness_.set_flush(false);
  }

 private:
  StoreHarness& harness_;
  GraphTerm graph_;
  Epoch committed_{0};
  Epoch running_{0};
  std::map<std::pair<uint32_t, uint32_t>, std::unique_ptr<LocalStateStore>> locals_;
  std::vector<SegmentRef> staged_;       // reported to meta, in no commit yet
  std::map<uint64_t, SegmentRef> live_;  // meta's list
  std::vector<uint64_t> struck_off_;     // to be told with the next CommitEpoch
  uint64_t highest_ = 0;
};

}  // namespace penstock::storage::testing
