#pragma once

#include <random>

#include "unit/storage/store_suite.h"

/// The contract of branches, run over every implementation: jobs that are being created beside the graph they will belong to.
namespace penstock::storage::testing {

constexpr PartialGraphId kBranch{77};
constexpr uint32_t kTrunkTable = 1;
constexpr uint32_t kBranchTable = 9;

/// Meta and the barrier worker for a graph and one branch of it. Epochs are those of both.
class BranchSuite : public StoreSuite {
 protected:
  void SetUp() override {
    StoreSuite::SetUp();
    ASSERT_TRUE(driver_.store().start_epoch(kBranch, Epoch{1}, {}).has_error()) << "not open";
    epoch_ = driver_.running();
    trunk_ = open(driver_.graph(), kTrunkTable);
    begin_branch();
  }

  StateStore& store() { return driver_.store(); }
  GraphTerm branch() const { return {kBranch, Term{term_}}; }
  GraphTerm trunk() const { return {driver_.graph(), Term{trunk_term_}}; }
  std::unique_ptr<LocalStateStore> open(PartialGraphId graph, uint32_t table) {
    auto local = store().open_table({TableId{table}, graph, VNodeBitmap::all(), "test"});
    if (local.has_error()) {
      ADD_FAILURE() << local.error().to_string();
      return nullptr;
    }
    EXPECT_TRUE(local.value()->init({Epoch{epoch_.value - 1}, epoch_}).has_value());
    return std::move(local).value();
  }
  /// `table`: of the job, whose numbers are never used again.
  void begin_branch(uint32_t table = kBranchTable) {
    ++term_;
    const Status opened = store().open_branch(branch(), driver_.graph(), live_);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    ASSERT_TRUE(store().start_epoch(kBranch, epoch_, {}).has_value());
    job_ = open(kBranch, table);
  }

  static Status write(LocalStateStore& table, std::string_view text, std::string_view value) {
    WriteBatch batch;
    batch.put(key(0, text), value);
    return table.append(std::move(batch));
  }
  void put(std::string_view text, std::string_view value) { ASSERT_TRUE(write(*trunk_, text, value).has_value()); }
  void put_branch(std::string_view text, std::string_view value) { ASSERT_TRUE(write(*job_, text, value).has_value()); }

  /// Both pass a barrier; answers the epoch it ended. `of_branch`: it is still injected there.
  Epoch barrier(bool of_branch = true) {
    const Epoch prev = epoch_;
    epoch_ = Epoch{prev.value + 1};
    EXPECT_TRUE(store().start_epoch(driver_.graph(), epoch_, {}).has_value());
    if (of_branch) {
      EXPECT_TRUE(store().start_epoch(kBranch, epoch_, {}).has_value());
    }
    EXPECT_TRUE(trunk_->seal_current_epoch({prev, epoch_}).has_value());
    if (job_) {
      EXPECT_TRUE(job_->seal_current_epoch({prev, epoch_}).has_value());
    }
    return prev;
  }
  void sync(GraphTerm graph, Epoch prev) {
    auto synced = store().sync_epoch(graph, prev, {});
    ASSERT_TRUE(synced.has_value()) << synced.error().to_string();
    for (const SegmentInfo& info : synced.value()) staged_.emplace_back(graph.graph, info.ref);
  }
  /// Meta's transaction takes the trunk, and the branch if it is in the commit.
  void meta_commits(Epoch prev, bool with_branch) {
    committed_ = prev;
    std::erase_if(staged_, [&](const auto& staged) {
      if (staged.second.epoch > prev || (staged.first == kBranch && !with_branch)) return false;
      live_.push_back(staged.second);
      return true;
    });
  }
  Status worker_commits(bool with_branch) {
    const std::vector<GraphTerm> with{branch()};
    return store().commit_epoch(driver_.graph(), committed_, {},
                                with_branch ? std::span<const GraphTerm>(with) : std::span<const GraphTerm>());
  }
  void commit(Epoch prev, bool with_branch) {
    meta_commits(prev, with_branch);
    const Status done = worker_commits(with_branch);
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
  }
  void checkpoint() {
    const Epoch prev = barrier();
    sync(trunk(), prev);
    sync(branch(), prev);
    commit(prev, true);
  }
  /// The branch fails alone: what meta heard of it counts no more.
  void reset_branch() {
    store().clear(kBranch);
    job_.reset();
    std::erase_if(staged_, [](const auto& staged) { return staged.first == kBranch; });
  }
  /// The process dies, and everything is built again from meta's list.
  void crash() {
    trunk_.reset();
    job_.reset();
    staged_.clear();
    driver_.die();
    ASSERT_TRUE(store().retain_segments(live_, std::nullopt).has_value());
    ++trunk_term_;
    const Status opened = store().open_graph(trunk(), committed_, live_);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    epoch_ = Epoch{epoch_.value + 10};
    ASSERT_TRUE(store().start_epoch(driver_.graph(), epoch_, {}).has_value());
  }
  std::string committed(uint32_t table) {
    auto reader = store().read_committed(driver_.graph(), TableId{table}, committed_);
    if (reader.has_error()) return std::string(code_name(reader.error().code()));
    return dump(reader.value()->scan({}));
  }

  Epoch epoch_;
  Epoch committed_;
  uint64_t term_ = 0;
  uint64_t trunk_term_ = 1;  // as the driver began
  std::unique_ptr<LocalStateStore> trunk_;
  std::unique_ptr<LocalStateStore> job_;
  std::vector<std::pair<PartialGraphId, SegmentRef>> staged_;
  std::vector<SegmentRef> live_;
};

TEST_P(BranchSuite, a_branchs_rows_are_committed_and_read_with_its_graph) {
  put("a", "1");
  put_branch("x", "1");
  checkpoint();
  EXPECT_EQ(committed(kTrunkTable), "a=1");
  EXPECT_EQ(committed(kBranchTable), "x=1");
  put_branch("y", "2");
  EXPECT_EQ(dump(job_->scan({})), "x=1 y=2");
  crash();
  EXPECT_EQ(committed(kTrunkTable), "a=1");
  EXPECT_EQ(committed(kBranchTable), "x=1");
}

TEST_P(BranchSuite, a_commit_leaves_alone_what_a_branch_that_it_does_not_list_has_staged) {
  put("a", "1");
  put_branch("x", "1");
  const Epoch prev = barrier();
  sync(trunk(), prev);
  sync(branch(), prev);
  commit(prev, false);
  EXPECT_EQ(committed(kTrunkTable), "a=1");
  EXPECT_EQ(committed(kBranchTable), "");
  put_branch("y", "2");
  const Epoch second = barrier();
  sync(trunk(), second);
  commit(second, false);
  EXPECT_EQ(committed(kBranchTable), "") << "and what it has not even synced";
}

TEST_P(BranchSuite, a_branch_is_cleared_alone_at_any_moment_and_begins_again) {
  for (const int step : {0, 1, 2}) {
    SCOPED_TRACE(step);
    put("a", std::to_string(step));
    put_branch("x", "lost");
    Epoch prev = epoch_;
    if (step >= 1) prev = barrier();
    if (step >= 2) sync(branch(), prev);
    const std::unique_ptr<LocalStateStore> dead = std::move(job_);
    reset_branch();
    EXPECT_TRUE(write(*dead, "y", "late").has_error());
    if (step == 0) prev = barrier(false);
    sync(trunk(), prev);
    commit(prev, false);
    EXPECT_EQ(committed(kTrunkTable), fmt::format("a={}", step));
    EXPECT_EQ(committed(kBranchTable), "");
    begin_branch();
    EXPECT_EQ(dump(job_->scan({})), "");
  }
  put_branch("x", "kept");
  checkpoint();
  EXPECT_EQ(committed(kBranchTable), "x=kept");
  crash();
  EXPECT_EQ(committed(kBranchTable), "x=kept");
  EXPECT_EQ(committed(kTrunkTable), "a=2");
}

TEST_P(BranchSuite, clearing_the_graph_clears_its_branches) {
  put_branch("x", "1");
  checkpoint();
  put_branch("x", "2");
  store().clear(driver_.graph());
  EXPECT_TRUE(write(*job_, "y", "late").has_error());
  EXPECT_TRUE(store().open_branch({kBranch, Term{50}}, driver_.graph(), {}).has_error()) << "before the graph";
  crash();
  term_ = 60;
  begin_branch();
  EXPECT_EQ(dump(job_->scan({})), "x=1") << "what was committed is there for the next incarnation";
}

TEST_P(BranchSuite, a_branch_reads_the_sealed_rows_of_its_graph) {
  put("a", "1");
  checkpoint();
  put("b", "2");
  const Epoch prev = barrier();
  put("c", "3");
  auto reader = store().read_sealed(kBranch, TableId{kTrunkTable}, prev);
  ASSERT_TRUE(reader.has_value()) << reader.error().to_string();
  EXPECT_EQ(dump(reader.value()->scan({})), "a=1 b=2");
}

TEST_P(BranchSuite, commits_that_name_a_branch_wrongly_are_refused) {
  put_branch("x", "1");
  const Epoch prev = barrier();
  sync(trunk(), prev);
  committed_ = prev;
  EXPECT_EQ(worker_commits(true).error().code(), Code::Protocol) << "the branch is not synced";
  sync(branch(), prev);
  ++term_;
  EXPECT_EQ(worker_commits(true).error().code(), Code::Stale) << "another term";
  --term_;
  EXPECT_TRUE(worker_commits(true).has_value());
  EXPECT_TRUE(store().merge_branch(kBranch, prev).has_error()) << "that epoch is the branch's already";
  EXPECT_TRUE(store().merge_branch(PartialGraphId{5}, epoch_).has_error());
}

// Barriers of the branch are in flight when it is merged: `lower` is synced and committed as the branch's, `merge` and later as the
// graph's.
TEST_P(BranchSuite, a_merged_branch_is_written_by_the_same_handles_and_synced_with_its_graph) {
  put_branch("x", "1");
  const Epoch lower = barrier();
  put_branch("y", "2");  // of the epoch that is the graph's already, written before anybody knows
  const Epoch merge = epoch_;
  ASSERT_TRUE(store().merge_branch(kBranch, merge).has_value());
  put_branch("y", "3");
  put_branch("z", "4");
  EXPECT_EQ(barrier(false), merge);
  put_branch("late", "5");
  sync(trunk(), lower);
  sync(trunk(), merge);
  EXPECT_EQ(dump(job_->scan({})), "late=5 x=1 y=3 z=4");
  sync(branch(), lower);
  commit(lower, true);
  EXPECT_EQ(committed(kBranchTable), "x=1");
  store().clear(kBranch);  // of a late message: it is the graph's
  commit(merge, false);
  EXPECT_EQ(committed(kBranchTable), "x=1 y=3 z=4");
  const Epoch last = barrier(false);
  sync(trunk(), last);
  commit(last, false);
  EXPECT_EQ(committed(kBranchTable), "late=5 x=1 y=3 z=4");
  crash();
  EXPECT_EQ(committed(kBranchTable), "late=5 x=1 y=3 z=4");
}

TEST_P(BranchSuite, a_crash_at_any_step_of_a_merge_keeps_exactly_what_meta_committed) {
  std::string expected;
  for (int step = 0; step <= 6; ++step) {
    SCOPED_TRACE(step);
    const std::string value = std::to_string(step);
    put_branch("x", value);
    const Epoch lower = barrier();
    put_branch("y", value);
    if (step >= 1) {
      ASSERT_TRUE(store().merge_branch(kBranch, epoch_).has_value());
    }
    if (step >= 2) sync(trunk(), lower), sync(branch(), lower);
    if (step >= 3) meta_commits(lower, true), expected = "x=" + value;
    if (step >= 4) {
      ASSERT_TRUE(worker_commits(true).has_value());
    }
    if (step >= 5) sync(trunk(), barrier(false));
    if (step >= 6) meta_commits(Epoch{epoch_.value - 1}, false), expected = "x=6 y=6";
    crash();
    EXPECT_EQ(committed(kBranchTable), expected);
    trunk_ = open(driver_.graph(), kTrunkTable);
    begin_branch();
  }
}

/// Random steps of a graph and of jobs that are created beside it one after the other, against maps: Checkpoints and barriers between them,
/// syncs in any order, commits in order, failures, merges and crashes.
class BranchModel : public BranchSuite {
 protected:
  using Rows = std::map<std::string, std::string>;
  enum class Job { None, Creating, Merged };
  struct Pending {
    Epoch prev;
    bool checkpoint;
    bool with_branch;  // which has yet to be synced, or was
    bool trunk_synced = false;
    bool branch_synced = false;
    Rows trunk, job;
    bool has_job;
  };

  static std::string show(const Rows& rows) {
    std::string out;
    for (const auto& [k, v] : rows) out += fmt::format("{}{}={}", out.empty() ? "" : " ", k, v);
    return out;
  }
  bool chance(int of) { return random_() % static_cast<unsigned>(of) == 0; }
  void change(LocalStateStore& table, Rows& rows) {
    const std::string k(1, static_cast<char>('a' + random_() % 6));
    WriteBatch batch;
    if (chance(4)) {
      batch.erase(key(0, k));
      rows.erase(k);
    } else {
      rows[k] = std::to_string(++values_);
      batch.put(key(0, k), rows[k]);
    }
    ASSERT_TRUE(table.append(std::move(batch)).has_value());
  }
  void pass_barrier() {
    const bool creating = state_ == Job::Creating;
    const bool checkpoint = !chance(3);
    const Epoch prev = barrier(creating);
    if (checkpoint) unsynced_from_ = epoch_;
    pending_.push_back({prev, checkpoint, creating, false, false, trunk_rows_, job_rows_, state_ != Job::None});
  }
  /// Of one graph in order; what the other has synced does not matter.
  void sync_something() {
    const bool of_trunk = chance(2);
    const auto unsynced = [&](const Pending& p) {
      return p.checkpoint && (of_trunk ? !p.trunk_synced : p.with_branch && !p.branch_synced);
    };
    const auto next = std::ranges::find_if(pending_, unsynced);
    if (next == pending_.end()) return;
    sync(of_trunk ? trunk() : branch(), next->prev);
    (of_trunk ? next->trunk_synced : next->branch_synced) = true;
  }
  void commit_front(bool told) {
    const auto front = std::ranges::find_if(pending_, &Pending::checkpoint);
    if (front == pending_.end() || !front->trunk_synced || (front->with_branch && !front->branch_synced)) return;
    const Pending done = *front;
    pending_.erase(pending_.begin(), std::next(front));
    meta_commits(done.prev, done.with_branch);
    committed_trunk_ = done.trunk;
    if (done.has_job) committed_job_ = done.job;
    job_is_durable_ = job_is_durable_ || done.has_job;
    if (!told) return die();
    const Status applied = worker_commits(done.with_branch);
    ASSERT_TRUE(applied.has_value()) << applied.error().to_string();
  }
  void fail_job() {
    reset_branch();
    for (Pending& p : pending_) p.with_branch = p.has_job = false;
    begin_anew();
  }
  void begin_anew() {
    state_ = Job::None;
    ++table_;
    job_rows_.clear();
    committed_job_.clear();
    job_is_durable_ = false;
  }
  void create_job() {
    begin_branch(table_);
    state_ = Job::Creating;
    unsynced_from_ = epoch_;
  }
  void merge() {
    const Status merged = store().merge_branch(kBranch, unsynced_from_);
    ASSERT_TRUE(merged.has_value()) << merged.error().to_string();
    state_ = Job::Merged;
  }
  void die() {
    pending_.clear();
    crash();
    trunk_ = open(driver_.graph(), kTrunkTable);
    trunk_rows_ = committed_trunk_;
    job_rows_ = committed_job_;
    if (state_ == Job::None) return;
    if (state_ == Job::Merged && job_is_durable_) {
      job_ = open(driver_.graph(), table_);
    } else {
      create_job();
    }
  }
  void step() {
    switch (random_() % 12) {
      case 0:
      case 1:
        return pass_barrier();
      case 2:
      case 3:
      case 4:
        return sync_something();
      case 5:
      case 6:
        return commit_front(!chance(12));
      case 7:
        if (state_ == Job::None) return create_job();
        if (state_ == Job::Merged && pending_.empty() && chance(3)) return job_.reset(), begin_anew();
        if (state_ == Job::Creating && chance(4)) return fail_job();
        if (state_ == Job::Creating && job_is_durable_ && chance(2)) return merge();
        return;
      case 8:
        return chance(8) ? die() : void();
      default:
        change(*trunk_, trunk_rows_);
        if (state_ != Job::None) change(*job_, job_rows_);
    }
  }
  void check() {
    EXPECT_EQ(dump(trunk_->scan({})), show(trunk_rows_));
    if (job_) {
      EXPECT_EQ(dump(job_->scan({})), show(job_rows_));
    }
    if (committed_ == Epoch{0}) return;
    EXPECT_EQ(committed(kTrunkTable), show(committed_trunk_));
    EXPECT_EQ(committed(table_), show(committed_job_));
  }

  std::mt19937_64 random_;
  Job state_ = Job::Creating;
  uint32_t table_ = kBranchTable;
  uint64_t values_ = 0;
  bool job_is_durable_ = false;
  Epoch unsynced_from_;
  std::vector<Pending> pending_;
  Rows trunk_rows_, job_rows_, committed_trunk_, committed_job_;
};

TEST_P(BranchModel, agrees_with_maps_under_random_steps) {
  random_.seed(GetParam().seed);
  unsynced_from_ = epoch_;
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("step {}", i));
    step();
    check();
  }
}

}  // namespace penstock::storage::testing
