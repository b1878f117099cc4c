// Anything may happen in any order: nodes come and go, graphs fail, jobs are made and dropped, clients flush. What a database's
// CheckpointControl says is read as its nodes would read it, and must make sense; and in the end everybody has an answer.
#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <random>
#include <set>
#include <sstream>

#include "unit/meta/control_world.h"

namespace penstock::meta {
namespace {

class RandomRun {
 public:
  explicit RandomRun(uint32_t seed) : random_(seed), seed_(seed) {
    world_.start_clock();
    world_.nodes(kNodes);
    world_.start();
  }

  void run() {
    for (int step = 0; step < 400 && !::testing::Test::HasFatalFailure(); ++step) take();
    calm_down();
  }
  [[nodiscard]] uint64_t commits() const { return commits_; }

 private:
  static constexpr uint32_t kNodes = 3;
  /// What a node knows of the graph.
  struct Node {
    bool live = false, has_graph = false, owes_reset = false;
    int64_t chain = 0;
    std::vector<int64_t> open;  // prevs of barriers it has not completed
  };

  void take() {
    const uint32_t n = 1 + random_() % kNodes;
    Node& node = nodes_[n];
    switch (random_() % 20) {
      case 0:
        if (node.live) lose(n);
        return;
      case 1:
      case 2:
        if (!node.live) bring(n);
        return;
      case 3:
        if (node.has_graph && !node.owes_reset && random_() % 3 == 0) tell(fmt::format("fail {} {}", n, 1 + random_() % 6));
        return;
      case 4:
        if (jobs_ < 4 && world_.model().objects().size() < 8) create();
        return;
      case 5:
        return drop();
      case 6:
        flushes_.insert(++last_flush_);
        return tell(fmt::format("flush {}", last_flush_));
      case 7:
        return tell("checkpoint");
      case 8:
      case 9:
        return tick(1 + random_() % 1500);
      case 10:
      case 11:
        return reset(n);
      case 12:
      case 13:
        return commit();
      default:
        return collect(n);
    }
  }

  // From here on nothing fails: everybody must get an answer.
  void calm_down() {
    for (int round = 0; round < 400; ++round) {
      for (uint32_t n = 1; n <= kNodes; ++n) {
        if (!nodes_[n].live) bring(n);
        reset(n);
        while (!nodes_[n].open.empty() && !::testing::Test::HasFatalFailure()) collect(n);
      }
      commit();
      tick(500);
      if (::testing::Test::HasFatalFailure()) return;
      if (flushes_.empty() && creating_.empty() && !world_.control().recovering()) return;
    }
    ADD_FAILURE() << "seed " << seed_ << ": " << flushes_.size() << " flushes and " << creating_.size()
                  << " jobs have no answer, recovering: " << world_.control().recovering();
  }

  void bring(uint32_t n) {
    nodes_[n] = Node{.live = true};
    tell(fmt::format("ready {}", n));
  }
  void lose(uint32_t n) {
    nodes_[n] = Node{};
    tell(fmt::format("lost {}", n));
  }
  void tick(int64_t millis) {
    clock_ += millis;
    tell(fmt::format("@{} tick", clock_));
  }
  void create() {
    const ObjectId job = world_.add(testing::table(fmt::format("t{}", ++made_)));
    ++jobs_;
    creating_.insert(job.value);
    there_.insert(job.value);
    tell(fmt::format("create {}", job));
  }
  void drop() {
    if (there_.empty() || random_() % 3 != 0) return;
    auto at = there_.begin();
    std::advance(at, random_() % there_.size());
    const uint32_t job = *at;
    there_.erase(at);
    creating_.erase(job);  // whoever waits is answered by the drop itself
    --jobs_;
    tell(fmt::format("drop {}", job));
  }
  void reset(uint32_t n) {
    Node& node = nodes_[n];
    if (!node.live || !node.owes_reset) return;
    node = Node{.live = true};
    tell(random_() % 3 == 0 ? fmt::format("reset {} {}", n, 1 + random_() % 6) : fmt::format("reset {}", n));
  }
  void collect(uint32_t n) {
    Node& node = nodes_[n];
    if (!node.live || node.open.empty() || node.owes_reset) {
      if (node.owes_reset) node.open.clear();
      return;
    }
    completed_[node.open.front()].insert(n);
    node.open.erase(node.open.begin());
    tell(fmt::format("collect {}", n));
  }
  void commit() {
    if (!commit_asked_) return;
    committed_ = *commit_asked_;
    commit_asked_.reset();
    ++commits_;
    tell("commit");
  }

  void tell(const std::string& event) {
    ::penstock::testing::Words words;
    std::istringstream in(event);
    for (std::string word; in >> word;) words.push_back(word);
    const std::string effects = world_.apply(words);
    history_.push_back(event + " => " + effects);
    std::istringstream parts(effects);
    for (std::string part; std::getline(parts, part, ',');) {
      // Lists of numbers hold commas too.
      if (!part.empty() && part.front() == ' ') part.erase(0, 1);
      if (!part.empty()) check(part);
    }
    const auto asked = std::exchange(wanted_, {});
    for (const std::string& next : asked) tell(next);
  }

  void check(const std::string& effect) {
    int n = 0;
    long long prev = 0, curr = 0;
    char what[32] = {};
    if (std::sscanf(effect.c_str(), "%d:create(%lld)", &n, &prev) == 2) return on_create(static_cast<uint32_t>(n), prev);
    if (std::sscanf(effect.c_str(), "%d:committed %lld", &n, &prev) == 2) return on_committed(prev);
    if (std::sscanf(effect.c_str(), "%d:%31[a-z] %lld..%lld", &n, what, &prev, &curr) == 4) {
      return on_barrier(static_cast<uint32_t>(n), what, prev, curr);
    }
    if (std::sscanf(effect.c_str(), "%d:reset", &n) == 1 && effect.ends_with(":reset")) {
      nodes_[static_cast<uint32_t>(n)].owes_reset = true;
      return;
    }
    if (effect.ends_with(":remove")) {
      nodes_[static_cast<uint32_t>(std::stoul(effect))] = Node{.live = true};
      return;
    }
    if (std::sscanf(effect.c_str(), "commit %lld", &prev) == 1) return on_commit_asked(prev);
    if (std::sscanf(effect.c_str(), "flushed %d at %lld", &n, &prev) == 2) {
      ASSERT_EQ(flushes_.erase(static_cast<uint32_t>(n)), 1U) << told() << "flush " << n << " is answered twice";
      ASSERT_LE(prev, committed_) << told() << "a flush is answered before its epoch is committed";
      return;
    }
    if (std::sscanf(effect.c_str(), "created %d", &n) == 1 || std::sscanf(effect.c_str(), "failed %d", &n) == 1) {
      creating_.erase(static_cast<uint32_t>(n));
      return;
    }
    if (std::sscanf(effect.c_str(), "quarantine %d", &n) == 1) return wanted_.push_back(fmt::format("quarantined {}", n));
    if (std::sscanf(effect.c_str(), "disconnect %d", &n) == 1) {
      nodes_[static_cast<uint32_t>(n)] = Node{};
      return wanted_.push_back(fmt::format("lost {}", n));
    }
    if (std::sscanf(effect.c_str(), "term ended at %lld", &prev) == 1) {
      ASSERT_EQ(prev, committed_) << told() << "a term ends elsewhere than at what was committed";
      completed_.clear();
      given_.clear();
      commit_kinds_.clear();
    }
  }

  void on_create(uint32_t n, int64_t epoch) {
    Node& node = nodes_[n];
    ASSERT_TRUE(node.live) << told() << "a graph is created on node " << n << ", which is gone";
    ASSERT_FALSE(node.has_graph) << told() << "node " << n << " has the graph already";
    ASSERT_GE(epoch, committed_) << told() << "the graph begins before what was committed";
    node.has_graph = true;
    node.chain = epoch;
  }
  void on_barrier(uint32_t n, const std::string& kind, int64_t prev, int64_t curr) {
    Node& node = nodes_[n];
    ASSERT_TRUE(node.live && node.has_graph && !node.owes_reset) << told() << "a barrier for node " << n << ", which has no graph";
    ASSERT_EQ(prev, node.chain) << told() << "a barrier that does not continue the chain of node " << n;
    ASSERT_GE(curr, prev);
    node.chain = curr;
    node.open.push_back(prev);
    // The Initial ends the epoch that is committed already.
    if (kind == "initial") return;
    given_[prev].insert(n);
    commit_kinds_[prev] = kind;
  }
  void on_commit_asked(int64_t epoch) {
    ASSERT_FALSE(commit_asked_) << told() << "two commits at a time";
    ASSERT_GE(epoch, committed_) << told() << "a commit that goes back";
    ASSERT_EQ(commit_kinds_[epoch], "checkpoint") << told();
    for (const uint32_t n : given_[epoch]) {
      ASSERT_TRUE(completed_[epoch].contains(n)) << told() << "epoch " << epoch << " commits before node " << n << " has completed it";
    }
    commit_asked_ = epoch;
  }
  void on_committed(int64_t epoch) { ASSERT_EQ(epoch, committed_) << told() << "nodes are told of a commit that did not happen"; }

  std::string told() const {
    std::string out = fmt::format("seed {}\n", seed_);
    for (size_t i = history_.size() > 25 ? history_.size() - 25 : 0; i < history_.size(); ++i) out += history_[i] + "\n";
    return out;
  }

  std::mt19937 random_;
  const uint32_t seed_;
  testing::ControlWorld world_;
  int64_t clock_ = 0;
  std::map<uint32_t, Node> nodes_;
  std::set<uint32_t> flushes_, creating_, there_;
  uint32_t last_flush_ = 0, made_ = 0, jobs_ = 0;
  std::optional<int64_t> commit_asked_;
  int64_t committed_ = 0;
  uint64_t commits_ = 0;
  // By prev, in the running term.
  std::map<int64_t, std::set<uint32_t>> given_, completed_;
  std::map<int64_t, std::string> commit_kinds_;
  std::vector<std::string> history_, wanted_;
};

TEST(CheckpointControlProperty, whatever_happens_nothing_commits_early_and_everybody_is_answered) {
  uint64_t commits = 0;
  for (uint32_t seed = 0; seed < 200 && !::testing::Test::HasFailure(); ++seed) {
    RandomRun run(seed);
    run.run();
    commits += run.commits();
  }
  EXPECT_GT(commits, 1000U);
}

// What is kept for users (traces, events) is bounded, and nothing else is kept.
TEST(CheckpointControlProperty, a_recovery_loop_takes_no_more_memory) {
  testing::ControlWorld world;
  world.start_clock();
  world.nodes(2);
  world.start();
  world.add(testing::table("t"));
  int64_t clock = 0;
  const auto tell = [&](const char* event) {
    ::penstock::testing::Words words{fmt::format("@{}", clock += 20)};
    std::istringstream in(event);
    for (std::string word; in >> word;) words.push_back(word);
    return world.apply(words);
  };
  for (const char* event : {"ready 1", "ready 2", "create 1"}) (void)tell(event);
  uint64_t recoveries = 0;
  const auto recover = [&] {
    for (const char* event : {"collect 1", "collect 2", "collect 1", "collect 2", "commit", "lost 2", "reset 1", "ready 2"}) {
      recoveries += tell(event).starts_with("term ended") ? 1 : 0;
    }
  };
  for (int i = 0; i < 1500; ++i) recover();
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 3000; ++i) recover();
  const size_t after = mallinfo2().uordblks;
  EXPECT_EQ(recoveries, 4500U);
  EXPECT_LT(after, before + (64 << 10));
}

}  // namespace
}  // namespace penstock::meta
