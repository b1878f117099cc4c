#include "stream/task/barrier_worker/managed_barrier_state.h"

#include <gtest/gtest.h>

#include <random>

#include "proto/control_stream.pb.h"
#include "testing/script.h"

namespace penstock::stream {
namespace {

// A script is lines of `event => effects`. Graphs are written graph.term; actors are numbers.
//   create 1.1 at 10 [in 2.1]                      open 1.1
//   merge 2.1 into 1.1 at 30
//   inject 1.1 10..20 initial [new 1 2] collect 1 2 [stop 2]
class ManagedState : public ::testing::Test {
 protected:
  void run(std::string_view script) {
    testing::run_script(script, [this](const testing::Words& words) { return describe(state_.on_event(parse(words), now_)); });
  }

  ManagedBarrierState state_;
  runtime::TimePoint now_{1'000'000'000};

 private:
  static GraphTerm graph(const std::string& word) {
    return {PartialGraphId{std::stoul(word)}, Term{std::stoul(word.substr(word.find('.') + 1))}};
  }

  static InjectBarrier inject(const testing::Words& w) {
    InjectBarrier event{.graph = graph(w[1])};
    event.barrier.epoch = {Epoch{std::stoul(w[2])}, Epoch{std::stoul(w[2].substr(w[2].find("..") + 2))}};
    event.barrier.kind = w[3] == "initial" ? BarrierKind::Initial : w[3] == "checkpoint" ? BarrierKind::Checkpoint : BarrierKind::Barrier;
    pb::Mutation mutation;
    std::string section;
    for (size_t i = 4; i < w.size(); ++i) {
      if (w[i] == "new" || w[i] == "collect" || w[i] == "stop" || w[i] == "commit" || w[i] == "abort") {
        section = w[i];
        continue;
      }
      const auto actor = static_cast<uint32_t>(std::stoul(w[i]));
      if (section == "new") event.new_actors.push_back({ActorId{actor}, FragmentId{actor / 10}});
      if (section == "collect") event.actors_to_collect.emplace_back(actor);
      if (section == "commit") event.commit_txns.emplace_back(actor);
      if (section == "abort") event.abort_txns.emplace_back(actor);
      if (section == "stop") mutation.mutable_stop()->add_actors(actor);
    }
    if (mutation.has_stop()) event.barrier.mutation = std::make_shared<const pb::Mutation>(mutation);
    return event;
  }

  static BarrierEvent parse(const testing::Words& w) {
    const auto number = [&](size_t i) { return std::stoul(w[i]); };
    if (w[0] == "create") {
      return CreatePartialGraph{graph(w[1]), Epoch{number(3)}, {}, {}, w.size() > 5 ? std::optional(graph(w[5])) : std::nullopt};
    }
    if (w[0] == "merge") return MergePartialGraph{graph(w[1]), graph(w[3]), Epoch{number(5)}};
    if (w[0] == "opened") return GraphOpened{graph(w[1]), w.size() > 2 ? Status(error(Code::Corruption, "{}", w[2])) : ok()};
    if (w[0] == "inject") return inject(w);
    if (w[0] == "collect") return BarrierCollected{graph(w[1]), ActorId{static_cast<uint32_t>(number(2))}, Epoch{number(3)}};
    if (w[0] == "fail") return ActorFailed{graph(w[1]), ActorId{static_cast<uint32_t>(number(2))}, error(code(w[3]), "{}", w[3])};
    if (w[0] == "synced") {
      if (w.size() > 3) return SyncFinished{graph(w[1]), Epoch{number(2)}, error(Code::Io, "{}", w[3])};
      return SyncFinished{graph(w[1]), Epoch{number(2)}, std::vector<storage::SegmentInfo>{}};
    }
    if (w[0] == "skip")
      return SideReport{graph(w[1]), Epoch{number(2)}, ExpressionErrors{number(3), error(Code::DivisionByZero, "division")}};
    if (w[0] == "reset") return ResetPartialGraph{graph(w[1])};
    if (w[0] == "stopped") return GraphStopped{graph(w[1])};
    if (w[0] == "cause-timer") return ResetTimer{graph(w[1]), ResetTimer::Kind::RootCause};
    if (w[0] == "cut-off") return ResetTimer{graph(w[1]), ResetTimer::Kind::CutOff};
    if (w[0] == "remove") return RemovePartialGraph{graph(w[1])};
    throw std::runtime_error("no event " + w[0]);
  }

  static Code code(const std::string& text) {
    if (text == "closed") return Code::Closed;
    if (text == "io") return Code::Io;
    return Code::NumericOutOfRange;
  }

  static std::string name(GraphTerm g) { return fmt::format("{}.{}", g.graph, g.term); }

  static std::string describe(const BarrierEffects& effects) {
    std::string out;
    for (const BarrierEffect& effect : effects) out += (out.empty() ? "" : ", ") + std::visit([](const auto& e) { return one(e); }, effect);
    return out;
  }
  static std::string one(const OpenGraph& e) { return "open " + name(e.graph); }
  static std::string one(const MergeGraphs& e) {
    return fmt::format("merge {} into {} at {}{}", name(e.graph), name(e.into), e.epoch,
                       e.rows_from == e.epoch ? "" : fmt::format(" with rows from {}", e.rows_from));
  }
  static std::string one(const StartEpoch& e) { return fmt::format("start {}", e.curr); }
  static std::string one(const ResolveTransactions& e) {
    std::string out = fmt::format("resolve {}", e.prev);
    for (const TransactionId t : e.commit) out += fmt::format(" +{}", t);
    for (const TransactionId t : e.abort) out += fmt::format(" -{}", t);
    return out;
  }
  static std::string one(const SendBarrier& e) { return fmt::format("send {}", e.barrier.epoch.prev); }
  static std::string one(const BuildActors& e) { return fmt::format("build {}", e.first.prev); }
  static std::string one(const ForgetBarrier& e) { return fmt::format("forget {}", e.prev); }
  static std::string one(const StartSync& e) { return fmt::format("sync {}", e.prev); }
  static std::string one(const BarrierCompleteResult& e) {
    return fmt::format("complete {} {}{}", name(e.graph), e.epoch.prev,
                       e.report.expressions.count > 0 ? fmt::format(" errors {}", e.report.expressions.count) : "");
  }
  static std::string one(const ReportFailure& e) { return fmt::format("failure {}: {}", e.actor, e.error.message()); }
  static std::string one(const StopActors& e) { return "stop " + name(e.graph); }
  static std::string one(const StartResetTimer& e) { return e.kind == ResetTimer::Kind::RootCause ? "wait for cause" : "wait for end"; }
  static std::string one(const ClearGraph&) { return "clear"; }
  static std::string one(const ReportReset& e) {
    return fmt::format("reset {}{}", name(e.graph), e.root ? fmt::format(" because {}: {}", e.root->actor, e.root->error.message()) : "");
  }
  static std::string one(const ProtocolViolation& e) { return "violation: " + e.error.message(); }
};

constexpr std::string_view kRunning = R"(
  create 1.1 at 10                               => open 1.1
  opened 1.1                                     =>
  inject 1.1 10..20 initial new 1 2 collect 1 2  => start 20, send 10
  collect 1.1 1 10                               =>
  collect 1.1 2 10                               => forget 10, complete 1.1 10
)";

TEST_F(ManagedState, completes_with_the_last_actor) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 barrier collect 1 2  => start 30, send 20
    collect 1.1 2 20                       =>
    collect 1.1 1 20                       => forget 20, complete 1.1 20
  )");
}

TEST_F(ManagedState, transactions_are_resolved_before_any_actor_sees_the_barrier_that_names_them) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 checkpoint collect 1 2 commit 7 8 abort 9  => start 30, resolve 20 +7 +8 -9, send 20
    inject 1.1 30..40 checkpoint collect 1 2 abort 10            => start 40, resolve 30 -10, send 30
  )");
}

TEST_F(ManagedState, a_graph_that_has_failed_resolves_no_transactions) {
  run(kRunning);
  run(R"(
    fail 1.1 1 overflow                                => failure 1: overflow
    inject 1.1 20..30 checkpoint collect 1 2 commit 7  =>
  )");
}

TEST_F(ManagedState, holds_barriers_until_the_segments_are_adopted) {
  run(R"(
    create 1.1 at 10                               => open 1.1
    inject 1.1 10..20 initial new 1 2 collect 1 2  =>
    inject 1.1 20..30 checkpoint collect 1 2       =>
    opened 1.1                                     => start 20, send 10, start 30, send 20
  )");
}

TEST_F(ManagedState, fails_loudly_when_a_listed_segment_is_missing) {
  run(R"(
    create 1.1 at 10       => open 1.1
    opened 1.1 missing     => failure 0: missing
    reset 1.1              => stop 1.1, wait for end
    stopped 1.1            => clear, reset 1.1 because 0: missing
  )");
}

TEST_F(ManagedState, completes_in_order_although_actors_and_syncs_do_not) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 checkpoint collect 1 2  => start 30, send 20
    inject 1.1 30..40 checkpoint collect 1 2  => start 40, send 30
    inject 1.1 40..50 barrier collect 1 2     => start 50, send 40
    collect 1.1 1 20   =>
    collect 1.1 1 30   =>
    collect 1.1 1 40   =>
    collect 1.1 2 40   =>
    collect 1.1 2 30   =>
    collect 1.1 2 20   => forget 20, sync 20, forget 30, sync 30, forget 40
    synced 1.1 30      =>
    synced 1.1 20      => complete 1.1 20, complete 1.1 30, complete 1.1 40
  )");
}

TEST_F(ManagedState, completes_at_once_when_nobody_owes) {
  run(R"(
    create 1.1 at 10             => open 1.1
    opened 1.1                   =>
    inject 1.1 10..20 initial    => start 20, send 10, forget 10, complete 1.1 10
    inject 1.1 20..30 checkpoint => start 30, send 20, forget 20, sync 20
    synced 1.1 20                => complete 1.1 20
  )");
}

TEST_F(ManagedState, new_actors_owe_from_their_first_barrier_on) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 barrier collect 1 2               => start 30, send 20
    inject 1.1 30..40 checkpoint new 3 collect 1 2 3    => start 40, send 30
    collect 1.1 3 30   =>
    collect 1.1 1 20   =>
    collect 1.1 2 20   => forget 20, complete 1.1 20
    collect 1.1 1 30   =>
    collect 1.1 2 30   => forget 30, sync 30
    collect 1.1 3 20   => failure 3: actor 3 collected epoch 20, which it does not owe
  )");
}

TEST_F(ManagedState, stopped_actors_collect_their_last_barrier_and_are_forgotten) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 checkpoint collect 1 2 stop 2  => start 30, send 20
    inject 1.1 30..40 barrier collect 1              => start 40, send 30
    collect 1.1 1 20   =>
    collect 1.1 1 30   =>
    collect 1.1 2 20   => forget 20, sync 20, forget 30
    synced 1.1 20      => complete 1.1 20, complete 1.1 30
    inject 1.1 40..50 barrier collect 1 2            => failure 2: barrier 40 is to be collected from actor 2, which is not here
  )");
}

TEST_F(ManagedState, sums_the_side_reports_of_an_epoch) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 barrier collect 1 2  => start 30, send 20
    skip 1.1 20 3      =>
    skip 1.1 20 4      =>
    collect 1.1 1 20   =>
    collect 1.1 2 20   => forget 20, complete 1.1 20 errors 7
  )");
}

TEST_F(ManagedState, refuses_a_break_of_the_chain) {
  run(kRunning);
  run("inject 1.1 30..40 barrier collect 1 2  => failure 0: barrier 30..40 does not continue the chain, which ends at 20");
}

TEST_F(ManagedState, refuses_a_chain_that_does_not_begin_at_the_committed_epoch) {
  run(R"(
    create 1.1 at 10           => open 1.1
    inject 1.1 9..20 initial   => failure 0: barrier 9..20 does not continue the chain, which ends at 10
  )");
}

TEST_F(ManagedState, refuses_a_second_initial_and_a_first_barrier_that_is_none) {
  run(kRunning);
  run("inject 1.1 20..30 initial collect 1 2  => failure 0: barrier 20..30: the first barrier of a graph, and no other, is Initial");
  run(R"(
    create 2.1 at 10             => open 2.1
    inject 2.1 10..20 checkpoint => failure 0: barrier 10..20: the first barrier of a graph, and no other, is Initial
  )");
}

TEST_F(ManagedState, refuses_a_collect_that_is_not_owed) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 barrier collect 1 2  => start 30, send 20
    collect 1.1 1 20   =>
    collect 1.1 1 20   => failure 1: actor 1 collected epoch 20, which it does not owe
  )");
}

TEST_F(ManagedState, a_suspended_graph_ignores_barriers_and_collects_and_the_others_run_on) {
  run(kRunning);
  run(R"(
    create 2.7 at 10                           => open 2.7
    opened 2.7                                 =>
    inject 2.7 10..20 initial new 5 collect 5  => start 20, send 10
    inject 1.1 20..30 barrier collect 1 2      => start 30, send 20
    fail 1.1 1 overflow                        => failure 1: overflow
    fail 1.1 2 closed                          =>
    collect 1.1 2 20                           =>
    inject 1.1 30..40 barrier collect 1 2      =>
    collect 2.7 5 10                           => forget 10, complete 2.7 10
  )");
}

TEST_F(ManagedState, the_error_with_the_highest_score_is_the_root_cause) {
  run(kRunning);
  run(R"(
    fail 1.1 1 closed     => failure 1: closed
    reset 1.1             => stop 1.1, wait for cause, wait for end
    stopped 1.1           =>
    fail 1.1 2 overflow   => clear, reset 1.1 because 2: overflow
  )");
}

TEST_F(ManagedState, a_secondary_error_waits_for_a_better_one_only_so_long) {
  run(kRunning);
  run(R"(
    fail 1.1 1 closed     => failure 1: closed
    reset 1.1             => stop 1.1, wait for cause, wait for end
    stopped 1.1           =>
    cause-timer 1.1       => clear, reset 1.1 because 1: closed
    fail 1.1 2 overflow   =>
  )");
  EXPECT_EQ(state_.stale_events(), 1U);
}

TEST_F(ManagedState, a_primary_error_does_not_wait) {
  run(kRunning);
  run(R"(
    fail 1.1 1 overflow   => failure 1: overflow
    reset 1.1             => stop 1.1, wait for end
    stopped 1.1           => clear, reset 1.1 because 1: overflow
  )");
}

TEST_F(ManagedState, a_reset_waits_for_running_syncs) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 checkpoint collect 1 2  => start 30, send 20
    collect 1.1 1 20    =>
    collect 1.1 2 20    => forget 20, sync 20
    reset 1.1           => stop 1.1, wait for end
    stopped 1.1         =>
    synced 1.1 20       => clear, reset 1.1
  )");
}

TEST_F(ManagedState, a_reset_cuts_off_what_does_not_come_back) {
  run(kRunning);
  run(R"(
    reset 1.1     => stop 1.1, wait for end
    cut-off 1.1   => clear, reset 1.1
    stopped 1.1   =>
  )");
}

TEST_F(ManagedState, a_failed_sync_is_the_failure_of_its_graph) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 checkpoint collect 1 2  => start 30, send 20
    collect 1.1 1 20    =>
    collect 1.1 2 20    => forget 20, sync 20
    synced 1.1 20 bad   => failure 0: bad
  )");
}

TEST_F(ManagedState, a_reset_of_an_unknown_graph_is_acknowledged_at_once) { run("reset 9.4 => reset 9.4"); }

TEST_F(ManagedState, a_reset_from_pending_ends_it) {
  run(R"(
    create 1.1 at 10   => open 1.1
    reset 1.1          => stop 1.1, wait for end
    opened 1.1         =>
    stopped 1.1        => clear, reset 1.1
    create 1.2 at 10   => open 1.2
  )");
}

TEST_F(ManagedState, a_repeated_reset_changes_nothing) {
  run(kRunning);
  run(R"(
    reset 1.1     => stop 1.1, wait for end
    reset 1.1     =>
    stopped 1.1   => clear, reset 1.1
    reset 1.1     => reset 1.1
  )");
}

TEST_F(ManagedState, events_of_another_term_are_counted_and_ignored) {
  run(kRunning);
  run(R"(
    collect 1.2 1 10                         =>
    inject 1.2 20..30 barrier collect 1 2    =>
    fail 1.2 1 overflow                      =>
    synced 1.2 10                            =>
    reset 1.0                                =>
  )");
  EXPECT_EQ(state_.stale_events(), 5U);
  run("create 1.2 at 10 => violation: partial graph 1 is created in term 2 but lives in term 1");
}

TEST_F(ManagedState, a_graph_is_removed_only_without_barriers_in_flight) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 barrier collect 1 2  => start 30, send 20
    remove 1.1         => violation: partial graph 1 is removed with 1 barriers in flight
    collect 1.1 1 20   =>
    collect 1.1 2 20   => forget 20, complete 1.1 20
    remove 1.1         => stop 1.1
  )");
  EXPECT_TRUE(state_.graphs().empty());
}

TEST_F(ManagedState, says_who_is_missing) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 barrier collect 1 2     => start 30, send 20
    inject 1.1 30..40 checkpoint collect 1 2  => start 40, send 30
    collect 1.1 1 20                          =>
  )");
  now_.nanos += 2'500'000'000;
  EXPECT_EQ(state_.debug_string(now_), R"(graph 1 term 1 running, 2 actors, chain ends at 40
  epoch 20..30 barrier, 2.500 s: issued, missing 1 actors: 2
  epoch 30..40 checkpoint, 2.500 s: issued, missing 2 actors: 1 2
)");
}

// Any order of collects and syncs that the protocol allows: epochs complete in order, exactly once, and only after all.
TEST(ManagedStateProperty, any_legal_order_completes_every_epoch_once_and_in_order) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    ManagedBarrierState state;
    const GraphTerm graph{PartialGraphId{1}, Term{1}};
    const runtime::TimePoint now{1};
    std::vector<uint64_t> completed;
    std::vector<uint64_t> syncs;
    const auto feed = [&](BarrierEvent event) {
      for (const BarrierEffect& effect : state.on_event(std::move(event), now)) {
        ASSERT_FALSE(std::holds_alternative<ReportFailure>(effect) || std::holds_alternative<ProtocolViolation>(effect)) << "seed " << seed;
        if (const auto* sync = std::get_if<StartSync>(&effect)) syncs.push_back(sync->prev.value);
        if (const auto* done = std::get_if<BarrierCompleteResult>(&effect)) completed.push_back(done->epoch.prev.value);
      }
    };
    feed(CreatePartialGraph{graph, Epoch{10}, {}, {}});
    feed(GraphOpened{graph, ok()});
    constexpr uint32_t kActors = 5, kEpochs = 12;
    uint32_t injected = 0, owed = 0;
    std::vector<uint32_t> next(kActors, 0);
    while (injected < kEpochs || owed > 0 || !syncs.empty()) {
      const uint32_t choice = random() % 8;
      if (choice == 0 && injected < kEpochs) {
        InjectBarrier inject{.graph = graph};
        inject.barrier.epoch = {Epoch{10 + injected * 10}, Epoch{20 + injected * 10}};
        inject.barrier.kind = injected == 0 ? BarrierKind::Initial : random() % 2 == 0 ? BarrierKind::Checkpoint : BarrierKind::Barrier;
        for (uint32_t a = 0; a < kActors; ++a) {
          if (injected == 0) inject.new_actors.push_back({ActorId{a}, FragmentId{0}});
          inject.actors_to_collect.emplace_back(a);
        }
        ++injected;
        owed += kActors;
        feed(std::move(inject));
      } else if (choice == 1 && !syncs.empty()) {
        const size_t i = random() % syncs.size();
        const Epoch prev{syncs[i]};
        syncs.erase(syncs.begin() + static_cast<ptrdiff_t>(i));
        feed(SyncFinished{graph, prev, std::vector<storage::SegmentInfo>{}});
      } else {
        const uint32_t a = random() % kActors;
        if (next[a] >= injected) continue;
        --owed;
        feed(BarrierCollected{graph, ActorId{a}, Epoch{10 + 10 * next[a]++}});
      }
    }
    std::vector<uint64_t> expected;
    for (uint32_t e = 0; e < kEpochs; ++e) expected.push_back(10 + 10 * e);
    ASSERT_EQ(completed, expected) << "seed " << seed;
  }
}

// ---- jobs that are being created: graph 2 with actors 21 and 22 beside graph 1 with actors 1 and 2 ------------------------------------

constexpr std::string_view kCreating = R"(
  create 2.1 at 20 in 1.1                             => open 2.1
  opened 2.1                                          =>
  inject 2.1 20..30 initial                           => start 30, send 20, forget 20, complete 2.1 20
  inject 1.1 20..30 barrier collect 1 2               => start 30, send 20
  inject 1.1 30..40 checkpoint collect 1 2            => start 40, send 30
  inject 2.1 30..40 checkpoint new 21 22 collect 21 22 => start 40, send 30
  collect 1.1 1 20                                    =>
  collect 1.1 2 20                                    => forget 20, complete 1.1 20
)";

TEST_F(ManagedState, a_creating_job_is_opened_after_the_graph_it_belongs_to) {
  run(R"(
    create 1.1 at 10                    => open 1.1
    create 2.1 at 10 in 1.1             =>
    inject 2.1 10..20 initial           =>
    opened 1.1                          => open 2.1
    opened 2.1                          => start 20, send 10, forget 10, complete 2.1 10
    create 3.1 at 10 in 1.1             => open 3.1
    create 4.1 at 10 in 1.7             => failure 0: graph 4 belongs to graph 1 term 7, which is not here
  )");
}

TEST_F(ManagedState, a_creating_job_without_its_graph_fails_alone) {
  run(kRunning);
  run(R"(
    create 2.1 at 20 in 9.1             => failure 0: graph 2 belongs to graph 9 term 1, which is not here
    reset 2.1                           => stop 2.1, wait for cause, wait for end
    stopped 2.1                         =>
    cause-timer 2.1                     => clear, reset 2.1 because 0: graph 2 belongs to graph 9 term 1, which is not here
    inject 1.1 20..30 barrier collect 1 2  => start 30, send 20
  )");
}

TEST_F(ManagedState, the_failure_and_reset_of_a_creating_job_leave_its_graph_alone) {
  run(kRunning);
  run(kCreating);
  run(R"(
    fail 2.1 21 overflow                => failure 21: overflow
    collect 1.1 1 30                    =>
    collect 1.1 2 30                    => forget 30, sync 30
    inject 2.1 40..50 barrier collect 21 22 =>
    reset 2.1                           => stop 2.1, wait for end
    synced 1.1 30                       => complete 1.1 30
    stopped 2.1                         => clear, reset 2.1 because 21: overflow
    collect 2.1 22 30                   =>
    create 2.2 at 30 in 1.1             => open 2.2
    collect 2.1 22 30                   =>
  )");
  EXPECT_EQ(state_.stale_events(), 2u);
}

TEST_F(ManagedState, a_merged_graph_answers_for_lower_epochs_and_its_actors_for_later_ones_elsewhere) {
  run(kRunning);
  run(kCreating);
  run(R"(
    merge 2.1 into 1.1 at 40                       => merge 2.1 into 1.1 at 40
    inject 1.1 40..50 checkpoint collect 1 2 21 22 => start 50, send 40
    collect 2.1 21 30   =>
    skip 2.1 40 3       =>
    collect 2.1 21 40   =>
    collect 1.1 1 30    =>
    collect 1.1 2 30    => forget 30, sync 30
    collect 1.1 1 40    =>
    collect 1.1 2 40    =>
    skip 2.1 30 1       =>
    collect 2.1 22 30   => forget 30, sync 30
    collect 2.1 22 40   => forget 40, sync 40
    synced 2.1 30       => complete 2.1 30 errors 1
    synced 1.1 30       => complete 1.1 30
    synced 1.1 40       => complete 1.1 40 errors 3
    inject 1.1 50..60 barrier collect 1 2 21 22 stop 21 => start 60, send 50
    collect 2.1 21 50   =>
    collect 2.1 22 50   =>
    collect 1.1 1 50    =>
    collect 1.1 2 50    => forget 50, complete 1.1 50
  )");
  EXPECT_EQ(state_.graphs().size(), 1u) << "the merged graph has vanished";
  EXPECT_EQ(state_.stale_events(), 0u);
}

TEST_F(ManagedState, a_graph_without_barriers_in_flight_vanishes_with_its_merge) {
  run(kRunning);
  run(R"(
    create 2.1 at 10 in 1.1             => open 2.1
    opened 2.1                          =>
    inject 2.1 10..20 initial new 21 collect 21 => start 20, send 10
    collect 2.1 21 10                   => forget 10, complete 2.1 10
    merge 2.1 into 1.1 at 20            => merge 2.1 into 1.1 at 20
    inject 1.1 20..30 barrier collect 1 2 21 => start 30, send 20
    collect 1.1 1 20                    =>
    collect 1.1 2 20                    =>
    collect 2.1 21 20                   => forget 20, complete 1.1 20
    reset 2.1                           => reset 2.1
    collect 2.1 21 20                   => failure 21: actor 21 collected epoch 20, which it does not owe
  )");
}

// Barriers between Checkpoints sync nothing: the rows before them would be nobody's.
TEST_F(ManagedState, rows_that_no_checkpoint_of_a_merged_graph_covers_are_the_other_graphs) {
  run(kRunning);
  run(kCreating);
  run(R"(
    inject 1.1 40..50 barrier collect 1 2     => start 50, send 40
    inject 2.1 40..50 barrier collect 21 22   => start 50, send 40
    merge 2.1 into 1.1 at 50                  => merge 2.1 into 1.1 at 50 with rows from 40
  )");
}

TEST_F(ManagedState, the_failure_of_a_merged_graph_is_that_of_the_graph_it_was_merged_into) {
  run(kRunning);
  run(kCreating);
  run(R"(
    merge 2.1 into 1.1 at 40            => merge 2.1 into 1.1 at 40
    fail 2.1 21 overflow                => failure 21: overflow
    reset 2.1                           => reset 2.1
    reset 1.1                           => stop 1.1, wait for end
    fail 2.1 22 closed                  =>
    synced 2.1 30                       =>
    stopped 1.1                         => clear, reset 1.1 because 21: overflow
    fail 2.1 22 closed                  =>
  )");
  EXPECT_TRUE(state_.graphs().empty());
}

TEST_F(ManagedState, a_merge_that_crosses_a_failure_fails_the_graph_it_was_merged_into) {
  run(kRunning);
  run(kCreating);
  run(R"(
    fail 2.1 21 overflow                => failure 21: overflow
    merge 2.1 into 1.1 at 40            => merge 2.1 into 1.1 at 40, failure 21: overflow
    reset 1.1                           => stop 1.1, wait for end
    stopped 1.1                         => clear, reset 1.1 because 21: overflow
  )");
  EXPECT_TRUE(state_.graphs().empty()) << "the merged graph is gone with it";
}

// A violation would end the control stream, and with it every graph of the node.
TEST_F(ManagedState, a_merge_crosses_a_failure_although_barriers_were_injected_in_between) {
  run(kRunning);
  run(kCreating);
  run(R"(
    fail 1.1 1 overflow                       => failure 1: overflow
    inject 1.1 40..50 barrier collect 1 2     =>
    inject 2.1 40..50 barrier collect 21 22   => start 50, send 40
    merge 2.1 into 1.1 at 50                  => merge 2.1 into 1.1 at 50 with rows from 40
    reset 1.1                                 => stop 1.1, wait for end
    stopped 1.1                               => clear, reset 1.1 because 1: overflow
  )");
  EXPECT_TRUE(state_.graphs().empty());
  run(R"(
    create 1.2 at 30     => open 1.2
    create 2.2 at 30 in 1.2 =>
    opened 1.2           => open 2.2
    inject 1.2 30..40 initial new 1 2 collect 1 2 => start 40, send 30
    opened 2.2           =>
    inject 2.2 30..40 initial new 21 22 collect 21 22 => start 40, send 30
    fail 2.2 21 overflow                      => failure 21: overflow
    inject 1.2 40..50 barrier collect 1 2     => start 50, send 40
    inject 2.2 40..50 barrier collect 21 22   =>
    merge 2.2 into 1.2 at 50                  => merge 2.2 into 1.2 at 50 with rows from 40, failure 21: overflow
    reset 1.2                                 => stop 1.2, wait for end
    stopped 1.2                               => clear, reset 1.2 because 21: overflow
  )");
  EXPECT_TRUE(state_.graphs().empty());
}

TEST_F(ManagedState, impossible_merges_change_nothing) {
  run(kRunning);
  run(kCreating);
  run(R"(
    merge 2.1 into 1.1 at 30 => violation: graph 2 is to be merged into 1 at epoch 30, but their chains end at 40 and 40, or one has ended
    merge 2.2 into 1.1 at 40 =>
    merge 2.1 into 9.1 at 40 =>
    merge 2.1 into 1.1 at 40 => merge 2.1 into 1.1 at 40
    inject 2.1 40..50 barrier collect 21 22 => violation: a barrier for graph 2, which was merged
    merge 2.1 into 1.1 at 40 => violation: actor 21 is in graphs 2 and 1
  )");
  EXPECT_EQ(state_.stale_events(), 2u);
}

}  // namespace
}  // namespace penstock::stream
