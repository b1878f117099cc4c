// What an actor finds in a barrier that several commands share.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "stream/executor/mutation.h"
#include "stream/task/barrier_worker/combined_mutation.h"

namespace penstock::stream {
namespace {

Barrier barrier_with(const std::string& text) {
  pb::Mutation mutation;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &mutation)) << text;
  return {.mutation = std::make_shared<const pb::Mutation>(take_apart(std::move(mutation)).value())};
}

TEST(CombinedBarrier, an_actor_finds_its_part_whatever_shares_the_barrier) {
  const Barrier barrier = barrier_with(R"(combined {
    mutations { stop { actors: [30, 20] fragments: 2 } }
    mutations { add { added_actors: 50 } }
    mutations { stop { actors: [10] fragments: 1 } }
    mutations { source_change_split { splits { key: 5 value { splits { id: "a" number: 1 } } } } }
    mutations { throttle { rate_by_actor { key: 5 value: 100 } backfill_rate_by_actor { key: 6 value: 7 } } }
    mutations { connector_props_change { by_source { key: 8 value { properties { key: "on_error" value: "skip" } } } } }
    mutations { pause { actors: [5, 3] } }
    mutations { resume { actors: [6] } }
    mutations { pause { actors: [4] } }
    mutations { start_backfill { fragments: [12, 11] } }
  })");
  for (const uint32_t stopped : {10U, 20U, 30U}) EXPECT_TRUE(barrier.stops(ActorId{stopped})) << stopped;
  for (const uint32_t runs : {5U, 15U, 31U}) EXPECT_FALSE(barrier.stops(ActorId{runs})) << runs;
  const SourceMutation source = source_mutation(barrier, ActorId{5});
  ASSERT_TRUE(source.splits && source.rate_limit);
  EXPECT_EQ(source.splits->at(0).id, "a");
  EXPECT_EQ(*source.rate_limit, 100U);
  EXPECT_EQ(backfill_rate_by(barrier, ActorId{6}), 7U);
  EXPECT_EQ(connector_props_by(barrier, ObjectId{8})->at("on_error"), "skip");
  for (const uint32_t held : {3U, 4U, 5U}) EXPECT_EQ(paused_by(barrier, ActorId{held}), true) << held;
  EXPECT_EQ(paused_by(barrier, ActorId{6}), false);
  EXPECT_EQ(paused_by(barrier, ActorId{50}), std::nullopt);
  EXPECT_FALSE(source_mutation(barrier, ActorId{6}).splits);
  for (const uint32_t begins : {11U, 12U}) EXPECT_TRUE(starts_backfill(barrier, FragmentId{begins})) << begins;
  EXPECT_FALSE(starts_backfill(barrier, FragmentId{10}));
  EXPECT_FALSE(starts_backfill(Barrier{}, FragmentId{11}));
}

TEST(CombinedBarrier, what_is_said_last_of_the_same_thing_holds) {
  const Barrier barrier = barrier_with(R"(combined {
    mutations { throttle { rate_by_actor { key: 5 value: 100 } } }
    mutations { source_change_split { splits { key: 5 value { splits { id: "a" } } } } }
    mutations { source_change_split { splits { key: 5 value { splits { id: "a" } splits { id: "b" } } } } }
    mutations { throttle { rate_by_actor { key: 5 value: 0 } } }
  })");
  const SourceMutation source = source_mutation(barrier, ActorId{5});
  EXPECT_EQ(*source.rate_limit, 0U);
  EXPECT_EQ(source.splits->size(), 2U);
}

}  // namespace
}  // namespace penstock::stream
