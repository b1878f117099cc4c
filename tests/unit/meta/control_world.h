#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "meta/barrier/checkpoint_control.h"
#include "meta/catalog/catalog_manager.h"
#include "meta/cluster/cluster.h"
#include "testing/script.h"
#include "unit/meta/plans.h"

namespace penstock::meta::testing {

/// A database's CheckpointControl with the durable model and the cluster around it, driven by lines `event => effects`.
///
/// Time is in milliseconds and stands still unless a line begins with `@MS`. Epochs are written as milliseconds after `kEpochZero`.
///     @0 ready 1          node 1 answers Init              lost 1               its control stream ended
///     create 3            its catalog commit is done       drop 3 4             likewise
///     flush 7             checkpoint                       tick
///     pause [3]  resume [3]  throttle 1 500  throttle_backfill 3 500  interval 200 5  option 1 KEY VALUE   likewise
///     widen 3 c           table 3 gets column c; likewise
///     subscribe NAME 3 500    to job 3, retention in milliseconds      unsubscribe 7   likewise
///     collect 1           node 1 completes its oldest open barrier; more words: done=ACTOR split=ACTOR/NUMBER/OFFSET seg=SEQ flushed=SEQ.
///                         In all its graphs, or with job=JOB (0: the database's) in that one alone. Empty Initials go with it
///                         held=TRANSACTION changed=TABLE
///     commit              the commit asked for is durable
///     txn 7 on=NODE/ACTOR key=5   transaction 7 held there, which read row 5 of table 1 as committed; `stale` before on=: in an older
///     term;
///                         `whole=5`: read the whole table.  give_up 7
///     culprits 5 3 4      nodes say that actors 3 and 4 hold up barrier 5      "who 5": that was asked
///     disk 1 low|full|enough   what node 1 says of its disk; 0: meta's own
///     quarantined 2       job 2 and what reads it are marked
///     rescale [9]         look where jobs should be; waiter 9         parallelism 3 2     job 3 is to have 2 actors (durable; not told)
///     drain 1 / undrain 1 node 1 takes no actors (durable; not told)
///     pulled 1 SEQ…       node 1 has pulled what it was told to, into these segments; `!` instead: it could not
///     moved               the new placement asked for is durable
///     fail 1 ACTOR SCORE [JOB]  node 1 says the graph failed, or that of a job     reset 1 [ACTOR SCORE]   node 1 answers its resets
/// Effects:
///     1:create(5)[s1]     CreatePartialGraph at committed epoch 5 with segment 1
///     1:initial 0..5 a1,2 t1 b2    barrier with actors to collect, tables to sync, actors built; +add +stop +splits for mutations,
///                     +update-1,2~3: actors 1 and 2 end, 3 gets other outputs, +x7 -x8
///                         for transactions to commit and abort, +pause4,5 with the actors named, +throttle 4=500 backfill 5=100; paused:
///                         something is built so; +subscribe 7 of 3 t9/500, -subscribe 7 of 3; reads 7: something is built for it;
///                         waits5: the backfill of fragment 5 is built waiting, +start5: it begins
///     1/2:…               likewise of the graph of job 2, which is being created;   1/2:merge 5
///     1:pull(5) 2:t1,3:v0-3       TransferVnodes as of epoch 5: from node 2 these vnodes of tables 1 and 3
///     1:copy(5) …                 the same, ahead: while the graph runs
///     1:here(5)[s7]       CommitEpoch of 5 that says its vnodes are here, with segment 7
///     move [1:s7]         the new placement is to be durable, with segment 7 of node 1    rescaled 9   rescaled 9 CODE
///     1:committed 5       1:committed 5 with 2      1:reset   1:reset+2 (and job 2's graph)   1:reset2 (that alone)   1:remove   commit 5
///     flushed 7 at 5   created 3   failed 3   quarantine 2   term   stuck 1 disconnect 1   lease
class ControlWorld {
 public:
  static constexpr int64_t kEpochZero = 1'000'000;  // milliseconds since 2021-04-01

  explicit ControlWorld(CheckpointControl::Options options = {})
      : options_(options), cluster_(Cluster::Options{}), epochs_(0), ids_(LeaderTerm{1}, 1) {
    epochs_.on_leased(kEpochZero * 1000);
    ids_.on_leased(1'000'000);
    must(model_.apply(catalog::bootstrap(model_)));
  }

  /// Nodes 1..n are registered; none lives yet.
  void nodes(uint32_t n) {
    for (uint32_t i = 1; i <= n; ++i) {
      pb::WorkerRecord record;
      record.set_worker_id(i);
      record.set_node_id(fmt::format("uuid-{}", i));
      record.set_endpoint(fmt::format("host:{}", i));
      record.set_parallelism(1);
      Txn txn;
      rows_put(txn, record);
      must(model_.apply(txn));
      Cluster::Effects effects;
      cluster_.on_registered(now_, record, effects);
      note_attempts(effects);
    }
  }
  /// In the catalog, as after its commit; the control is not told.
  ObjectId add(const pb::CreateObjectRequest& request, const catalog::Listings& listings = {}) {
    auto plan = catalog::plan_create(model_, request, listings, 0);
    EXPECT_TRUE(plan.has_value()) << plan.error().to_string();
    must(model_.apply(plan.value().txn));
    return plan.value().object;
  }
  void start() {
    control_ = std::make_unique<CheckpointControl>(catalog::kDefaultDatabase, options_,
                                                   CheckpointControl::Environment{model_, cluster_, epochs_, ids_}, 1);
  }
  /// `count` nodes, of which 1 and 2 live; table 1 runs with actors 1 (node 1) and 2 (node 2), its first barrier is committed. The clock is
  /// at 0, the last barrier began epoch 1.
  void begin_with_table(uint32_t count);
  /// Meta dies and starts again on what is durable.
  void restart() {
    open_.clear();
    record_.reset();
    move_.reset();
    ++leader_;
    ids_ = IdAllocator(LeaderTerm{leader_}, 1'000'000 * static_cast<uint32_t>(leader_));
    ids_.on_leased(2'000'000 * static_cast<uint32_t>(leader_));
    for (const auto& [id, record] : model_.workers()) {
      Cluster::Effects effects;
      cluster_.disconnect(now_, id, error(Code::Closed, "meta died"), effects);
    }
    start();
  }

  void run(std::string_view script) {
    ::penstock::testing::run_script(script, [this](const ::penstock::testing::Words& words) { return apply(words); });
  }
  std::string apply(::penstock::testing::Words words);
  std::string handle(ControlEvent event);

  CheckpointControl& control() { return *control_; }
  MetaModel& model() { return model_; }
  Now now() const { return now_; }
  EpochGenerator& epochs() { return epochs_; }
  const pb::ControlRequest& last_sent(uint32_t worker) const { return last_sent_.at(WorkerId{worker}); }
  const pb::CreatePartialGraph& created(uint32_t worker) const { return created_.at(WorkerId{worker}); }
  const std::vector<pb::OwnedVnodes>& owned(uint32_t worker) const { return owned_.at(WorkerId{worker}); }
  const CommitRecord& record() const { return *record_; }
  std::string last_event() const { return last_event_; }

  static int64_t show(uint64_t epoch) { return epoch == 0 ? 0 : static_cast<int64_t>(epoch >> 16) - kEpochZero; }
  static int64_t show(Epoch epoch) { return show(epoch.value); }

 private:
  static void rows_put(Txn& txn, const pb::WorkerRecord& record);
  static void must(const Status& status) { ASSERT_TRUE(status.has_value()) << status.error().to_string(); }
  void note_attempts(const Cluster::Effects& effects) {
    for (const auto& effect : effects) {
      if (const auto* connect = std::get_if<Cluster::Connect>(&effect)) attempts_[connect->worker] = connect->attempt;
    }
  }
  void move_clock(int64_t millis) {
    now_.mono.nanos = millis * 1'000'000;
    now_.unix_micros = (kEpochBaseUnixMillis + kEpochZero + millis) * 1000;
  }
  std::optional<std::string> apply_setting(const ::penstock::testing::Words& words);
  std::optional<std::string> apply_to_catalog(const ::penstock::testing::Words& words);
  std::string ready(WorkerId worker);
  std::string lost(WorkerId worker);
  std::string disk(WorkerId worker, const std::string& level);
  std::string collect(const ::penstock::testing::Words& words);
  std::string reset(const ::penstock::testing::Words& words);
  ControlEvent completed(WorkerId worker, const pb::InjectBarrier& inject, const ::penstock::testing::Words& words);
  std::string commit();
  std::string transaction(const ::penstock::testing::Words& words);
  std::string pulled(const ::penstock::testing::Words& words);
  std::string moved();
  void set_parallelism(JobId job, uint32_t parallelism);
  void set_draining(WorkerId worker, bool draining);
  std::string describe(const ControlEffect& effect);
  std::string describe(WorkerId worker, const pb::ControlRequest& request);
  std::string describe(WorkerId worker, const pb::CreatePartialGraph& create);
  std::string describe(WorkerId worker, const pb::InjectBarrier& inject);
  std::string describe(WorkerId worker, const pb::CommitEpoch& commit);
  std::string describe(WorkerId worker, const pb::TransferVnodes& transfer);
  static pb::RootError root(const ::penstock::testing::Words& words, size_t at);

  const CheckpointControl::Options options_;
  MetaModel model_;
  Cluster cluster_;
  EpochGenerator epochs_;
  IdAllocator ids_;
  uint64_t leader_ = 1;
  std::unique_ptr<CheckpointControl> control_;
  Now now_;
  std::map<WorkerId, uint64_t> attempts_;
  std::map<WorkerId, std::deque<pb::InjectBarrier>> open_;  // barriers a node owes
  std::map<WorkerId, uint64_t> ordered_;                    // epoch of the last transfer it was told
  std::map<WorkerId, std::vector<GraphTerm>> resets_;       // it was told and has not answered
  std::map<PartialGraphId, GraphTerm> terms_;               // of jobs' graphs, as last created
  std::map<WorkerId, pb::ControlRequest> last_sent_;
  std::map<WorkerId, pb::CreatePartialGraph> created_;
  std::map<WorkerId, std::vector<pb::OwnedVnodes>> owned_;  // as last told to a running graph
  std::optional<CommitRecord> record_;
  std::optional<CommitRecord> move_;
  std::string last_event_;

 public:
  void start_clock() { move_clock(0); }
};

}  // namespace penstock::meta::testing
