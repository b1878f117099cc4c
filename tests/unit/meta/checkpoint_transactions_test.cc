// Transactions that barriers name, and what ends them.
#include "unit/meta/checkpoint_fixture.h"

namespace penstock::meta {
namespace {

using testing::CheckpointControlTest;

TEST_F(CheckpointControlTest, a_transaction_is_named_by_a_checkpoint_that_comes_soon) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 on=2/2 key=5  => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1 +x7, named 7
    @501 txn 8 on=1/1 key=6         =>
    @520 tick                       => 1:checkpoint 500..520 a1 t1 +x8, 2:checkpoint 500..520 a2 t1, named 8
    collect 1                       =>
    collect 2                       => commit 1
    commit                          => 1:committed 1, 2:committed 1
  )");
}

TEST_F(CheckpointControlTest, a_barrier_that_is_no_checkpoint_names_none) {
  testing::ControlWorld world({.schedule = {.interval = std::chrono::milliseconds(10), .checkpoint_frequency = 100}});
  world.start_clock();
  world.nodes(1);
  world.start();
  world.add(testing::table("t"));
  world.run(R"(
    ready 1             =>
    create 1            => 1:create(0), 1:initial 0..0, 1:checkpoint 0..1 a1,2 b1,2 +add
    collect 1           =>
    collect 1           => commit 0
    commit              => 1:committed 0, created 1
    @5 txn 7 on=1/1     =>
    @11 tick            => 1:barrier 1..11 a1,2 t1
    @20 tick            => 1:checkpoint 11..20 a1,2 t1 +x7, named 7
  )");
}

TEST_F(CheckpointControlTest, a_second_change_of_a_row_that_was_read_before_is_refused_and_its_rows_are_dropped) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 key=5    => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1, named 7
    @501 txn 8 on=2/2 key=5    =>
    @520 tick                  => 1:checkpoint 500..520 a1 t1 -x8, 2:checkpoint 500..520 a2 t1 -x8, conflict 8
    collect 1 changed=1        =>
    collect 2                  => commit 1
    commit                     => 1:committed 1, 2:committed 1
    @540 txn 9 on=2/2 key=5    => 1:checkpoint 520..540 a1 t1, 2:checkpoint 520..540 a2 t1 +x9, named 9
  )");
}

TEST_F(CheckpointControlTest, rows_that_came_without_a_transaction_are_changes_too) {
  with_running_table();
  run(R"(
    @1000 tick                 => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 changed=1        =>
    collect 2                  => commit 1
  )");
  world_.run("commit => 1:committed 1, 2:committed 1");
  run(R"(
    @1020 txn 7 on=1/1 whole=5 => 1:checkpoint 1000..1020 a1 t1 +x7, 2:checkpoint 1000..1020 a2 t1, named 7
  )");
}

TEST_F(CheckpointControlTest, a_transaction_of_an_older_term_is_gone) {
  with_running_table();
  run(R"(
    txn 7 stale on=1/1         => gone 7
    txn 8                      => gone 8
  )");
}

TEST_F(CheckpointControlTest, a_recovery_before_it_is_named_ends_a_transaction) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 key=5    => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1, named 7
    @501 txn 8 on=2/2 key=6    =>
    @502 lost 2                => 1:reset
    @503 txn 9 on=1/1          =>
    reset 1                    => term ended at 0, gone 8, gone 9, 1:create(0)
    @504 txn 10 on=1/1         =>
    ready 2                    => 2:create(0), 1:initial 0..504 a1 t1 b1, 2:initial 0..504 a2 t1 b2
  )");
}

TEST_F(CheckpointControlTest, a_transaction_named_by_a_barrier_that_a_recovery_ends_is_lost_with_its_term) {
  with_running_table();
  run(R"(
    @500 txn 7 on=1/1 on=2/2   => 1:checkpoint 1..500 a1 t1 +x7, 2:checkpoint 1..500 a2 t1 +x7, named 7
    collect 1                  =>
    @501 lost 2                => 1:reset
    reset 1                    => term ended at 0, 1:create(0)
  )");
}

TEST_F(CheckpointControlTest, a_transaction_may_ride_the_barrier_that_drops_its_table_but_no_later_one) {
  with_running_table();
  world_.add(testing::table("u"));
  run(R"(
    @100 create 2              => 1:checkpoint 1..100 a1,3 t1 b3 +add, 2:checkpoint 1..100 a2,4 t1 b4 +add
    @101 txn 7 on=1/3 on=2/2   =>
    @102 drop 2                => 1:checkpoint 100..102 a1,3 t1,2 +stop +x7, 2:checkpoint 100..102 a2,4 t1,2 +stop +x7, named 7
    @103 txn 8 on=1/3 on=2/2   =>
    @122 tick                  => 1:checkpoint 102..122 a1 t1 -x8, 2:checkpoint 102..122 a2 t1 -x8, gone 8
  )");
}

TEST_F(CheckpointControlTest, rows_held_for_a_frontend_that_is_gone_are_dropped) {
  with_running_table();
  run(R"(
    @1000 tick                 => 1:checkpoint 1..1000 a1 t1, 2:checkpoint 1..1000 a2 t1
    collect 1 held=7           =>
    collect 2                  => commit 1
    commit                     => 1:committed 1, 2:committed 1
    @62000 tick                => 1:checkpoint 1000..62000 a1 t1 -x7, 2:checkpoint 1000..62000 a2 t1 -x7
    @62000 txn 7 on=1/1        => gone 7
  )");
}

}  // namespace
}  // namespace penstock::meta
