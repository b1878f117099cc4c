// Jobs that are being created: graph 2 with actors 21 and 22 beside graph 1 with actors 1 and 2.
#include "unit/stream/task/barrier_worker/managed_state_fixture.h"

namespace penstock::stream {
namespace {

using testing::kRunning;
using testing::ManagedState;

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
