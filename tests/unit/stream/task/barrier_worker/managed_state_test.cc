#include "stream/task/barrier_worker/managed_barrier_state.h"

#include <gtest/gtest.h>

#include <random>

#include "unit/stream/task/barrier_worker/managed_state_fixture.h"

namespace penstock::stream {
namespace {

using testing::kRunning;
using testing::ManagedState;

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

TEST_F(ManagedState, of_barriers_that_were_held_none_follows_one_that_is_no_good) {
  run(R"(
    create 1.1 at 10                           => open 1.1
    inject 1.1 10..20 initial new 1 collect 9  =>
    inject 1.1 20..30 checkpoint               =>
    opened 1.1                                 => failure 9: barrier 10 is to be collected from actor 9, which is not here
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

TEST_F(ManagedState, an_update_is_collected_by_those_that_end_and_by_those_that_take_their_place) {
  run(kRunning);
  run(R"(
    inject 1.1 20..30 checkpoint new 3 collect 1 2 3 drop 2  => start 30, send 20
    collect 1.1 3 20   =>
    collect 1.1 2 20   =>
    collect 1.1 1 20   => forget 20, sync 20
    synced 1.1 20      => complete 1.1 20
    inject 1.1 30..40 barrier collect 1 3            => start 40, send 30
    collect 1.1 2 30   => failure 2: actor 2 collected epoch 30, which it does not owe
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
    remove 1.1         => remove 1.1
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

}  // namespace
}  // namespace penstock::stream
