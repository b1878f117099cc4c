// Jobs whose actors others take the place of, at a barrier with the mutation Update: who stays, and what is handed over.
#include "unit/meta/checkpoint_fixture.h"

namespace penstock::meta {
namespace {

class UpdateControlTest : public testing::CheckpointControlTest {};

TEST_F(UpdateControlTest, what_feeds_the_actors_that_change_stays_and_gets_other_outputs) {
  with_running_table();
  world_.add(testing::grouped_view_on("v", 1, 2));
  run(R"(
    @10 create 2     => 1/2:create(0), 2/2:create(0), 1/2:initial 0..1, 2/2:initial 0..1, 1:checkpoint 1..10 a1 t1 +add, 2:checkpoint 1..10 a2 t1 +add, 1/2:checkpoint 1..10 a3,5 b3,5 +add, 2/2:checkpoint 1..10 a4,6 b4,6 +add
    collect 1 done=3 =>
    collect 2 done=4 => commit 1
    commit           => 1:committed 1 with 2, 2:committed 1 with 2, created 2, 1/2:merge 10, 2/2:merge 10
    parallelism 2 4  =>
    rescale 9        => 1:checkpoint 10..11 a1,3,5,7,8 t1,3,2,4 b7,8 +update-5,6~3,4, 2:checkpoint 10..11 a2,4,6,9,10 t1,3,2,4 b9,10 +update-5,6~3,4
    collect 1        =>
    collect 2        => commit 10
    commit           => 1:committed 10, 2:committed 10, move []
    moved            => 1:here(10), 2:here(10), rescaled 9
  )");
}

TEST_F(UpdateControlTest, what_actors_of_sources_have_read_is_kept_and_given_to_those_that_follow) {
  world_.add(testing::source("s"));
  world_.add(testing::view_on_source("v", 1), {{ObjectId{1}, {{"a.csv", "x"}, {"b.csv", "y"}}}});
  run(R"(
    ready 1        =>
    ready 2        =>
    create 2       => 1:create(0), 1:initial 0..0, 2:create(0), 2:initial 0..0, 1/2:create(0), 2/2:create(0), 1/2:initial 0..0, 2/2:initial 0..0, 1:checkpoint 0..1 +add, 2:checkpoint 0..1 +add, 1/2:checkpoint 0..1 a1,3 b1,3 +add, 2/2:checkpoint 0..1 a2,4 b2,4 +add
    collect 1      =>
    collect 2      =>
    collect 1 split=1/0/begin =>
    collect 2      => commit 0
    commit         => 1:committed 0 with 2, 2:committed 0 with 2, created 2, 1/2:merge 1, 2/2:merge 1
    parallelism 2 1 =>
    rescale 9      => 1:checkpoint 1..2 a1,3,5,6 t1,2 b5,6 +update-1,2,3,4, 2:checkpoint 1..2 a2,4 t1,2 +update-1,2,3,4
    collect 1 split=1/0/100   =>
    collect 2 split=2/1/200   => commit 1
    commit         => 1:committed 1, 2:committed 1, 1:pull(1) 2:t1,2:v4-7
    pulled 1 7     => move [1:s7]
    moved          => 2:remove, 1:here(1)[s7], 1:checkpoint 2..3 a5,6 t1,2 +splits, rescaled 9
  )");
  const auto& given = world_.last_sent(1).inject_barrier().barrier().mutation().source_change_split().splits();
  ASSERT_EQ(given.size(), 1U);
  ASSERT_EQ(given.at(5).splits_size(), 2);
  EXPECT_EQ(given.at(5).splits(0).offset(), "100");
  EXPECT_EQ(given.at(5).splits(1).offset(), "200");
}

}  // namespace
}  // namespace penstock::meta
