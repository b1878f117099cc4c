#include "stream/task/barrier_worker/combined_mutation.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "stream/task/barrier_worker/control_codec.h"

namespace penstock::stream {
namespace {

pb::Mutation mutation(const std::string& text) {
  pb::Mutation out;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &out)) << text;
  return out;
}

/// What comes out, or the error.
std::string apart(const std::string& text) {
  const auto result = take_apart(mutation(text));
  return result.has_error() ? result.error().message() : result.value().ShortDebugString();
}

TEST(CombinedMutation, one_alone_stays_what_it_was_with_its_actors_in_order) {
  EXPECT_EQ(apart("stop { actors: [3, 1, 2] fragments: [9, 7] }"),
            mutation("stop { actors: [1, 2, 3] fragments: [9, 7] }").ShortDebugString());
  EXPECT_EQ(apart("pause { }"), "pause { }");
  EXPECT_EQ(apart("combined { mutations { resume { actors: [5, 4] } } }"), mutation("resume { actors: [4, 5] }").ShortDebugString());
  EXPECT_EQ(apart("combined { }"), "");
}

TEST(CombinedMutation, backfills_that_begin_come_together_in_order_with_whatever_else_there_is) {
  EXPECT_EQ(apart("start_backfill { fragments: [9, 7] }"), mutation("start_backfill { fragments: [7, 9] }").ShortDebugString());
  EXPECT_EQ(apart("combined { mutations { start_backfill { fragments: [9] } } mutations { stop { actors: 4 } } "
                  "mutations { start_backfill { fragments: [3, 5] } } }"),
            mutation("stop { actors: 4 } start_backfill { fragments: [3, 5, 9] }").ShortDebugString());
}

TEST(CombinedMutation, an_upstream_gets_the_outputs_to_every_job_that_is_added) {
  const auto both = take_apart(mutation(R"(combined {
    mutations { add { added_actors: [11, 12]
                      dispatchers { key: 1 value { dispatchers { downstream_fragment: 5 } } }
                      dispatchers { key: 2 value { dispatchers { downstream_fragment: 5 } } } } }
    mutations { add { added_actors: [13]
                      dispatchers { key: 1 value { dispatchers { downstream_fragment: 6 } dispatchers { downstream_fragment: 7 } } } } }
  })"));
  ASSERT_TRUE(both.has_value());
  const auto expected = mutation(R"(add { added_actors: [11, 12, 13]
    dispatchers { key: 1 value { dispatchers { downstream_fragment: 5 } dispatchers { downstream_fragment: 6 } dispatchers { downstream_fragment: 7 } } }
    dispatchers { key: 2 value { dispatchers { downstream_fragment: 5 } } } })");
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(both.value(), expected)) << both.value().ShortDebugString();
}

TEST(CombinedMutation, subscribers_of_all_come_and_go) {
  EXPECT_EQ(apart(R"(combined {
              mutations { add { added_actors: 11 } } mutations { drop_subscriptions { subscribers { subscription: 7 job: 2 } } }
              mutations { add { subscribers { subscription: 8 job: 2 } } } mutations { drop_subscriptions { subscribers { subscription: 9 job: 3 } } }
              mutations { add { subscribers { subscription: 6 job: 3 } } } })"),
            mutation(R"(add { added_actors: 11 subscribers { subscription: 8 job: 2 } subscribers { subscription: 6 job: 3 } }
                        drop_subscriptions { subscribers { subscription: 7 job: 2 } subscribers { subscription: 9 job: 3 } })")
                .ShortDebugString());
}

TEST(CombinedMutation, what_means_nothing_is_refused) {
  EXPECT_EQ(apart("combined { mutations { combined { } } }"), "a Combined mutation within another");
  EXPECT_EQ(apart("combined { mutations { pause { } } mutations { add { added_actors: 5 } } }"),
            "a Pause or Resume among several mutations names no actor");
  EXPECT_EQ(apart("combined { mutations { pause { actors: [1, 2] } } mutations { resume { actors: 2 } } }"),
            "a Combined mutation pauses and resumes actor 2");
}

TEST(CombinedMutation, a_request_with_one_that_means_nothing_is_a_protocol_error) {
  pb::ControlRequest request;
  request.mutable_inject_barrier()->mutable_barrier()->set_kind(pb::BARRIER_CHECKPOINT);
  auto& sent = *request.mutable_inject_barrier()->mutable_barrier()->mutable_mutation();
  sent = mutation("combined { mutations { stop { actors: [2, 1] } } mutations { stop { actors: [3] } } }");
  auto decoded = decode_control_request(request.SerializeAsString());
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(std::get<InjectBarrier>(decoded.value()).barrier.mutation->ShortDebugString(),
            mutation("stop { actors: [1, 2, 3] }").ShortDebugString());
  sent = mutation("combined { mutations { combined { } } }");
  decoded = decode_control_request(request.SerializeAsString());
  ASSERT_TRUE(decoded.has_error());
  EXPECT_EQ(decoded.error().code(), Code::Protocol);
}

}  // namespace
}  // namespace penstock::stream
