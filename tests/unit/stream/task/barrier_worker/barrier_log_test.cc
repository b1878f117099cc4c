#include "stream/task/barrier_worker/barrier_log.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/control_stream.pb.h"

namespace penstock::stream {
namespace {

Barrier barrier(uint64_t prev, const std::string& mutation) {
  Barrier out{.epoch = {Epoch{prev}, Epoch{prev + 1}}, .kind = BarrierKind::Checkpoint};
  if (mutation.empty()) return out;
  pb::Mutation parsed;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(mutation, &parsed)) << mutation;
  out.mutation = std::make_shared<const pb::Mutation>(std::move(parsed));
  return out;
}

bool plain_to(BarrierLog& log, uint32_t actor, uint64_t prev, BarrierKind kind = BarrierKind::Checkpoint) {
  uint64_t visited = 0;
  const bool plain =
      log.visit_plain(ActorId{actor}, {Epoch{prev}, Epoch{prev + 1}}, kind, [&](const Barrier& b) { visited = b.epoch.prev.value; });
  EXPECT_EQ(visited, plain ? prev : 0);
  return plain;
}

TEST(BarrierLog, a_barrier_without_mutation_is_plain_to_everybody_once_it_is_there) {
  const auto log = std::make_shared<BarrierLog>();
  EXPECT_FALSE(plain_to(*log, 5, 1));
  log->put(barrier(1, ""));
  EXPECT_TRUE(plain_to(*log, 5, 1));
  EXPECT_FALSE(plain_to(*log, 5, 1, BarrierKind::Barrier)) << "it came through exchange as something else";
  log->forget(Epoch{1});
  EXPECT_FALSE(plain_to(*log, 5, 1));
}

TEST(BarrierLog, one_that_adds_outputs_to_others_is_plain_too_and_nothing_else_is) {
  const auto log = std::make_shared<BarrierLog>();
  log->put(barrier(1, "add { added_actors: 9 dispatchers { key: 5 value { dispatchers { downstream_fragment: 3 } } } }"));
  EXPECT_FALSE(plain_to(*log, 5, 1)) << "it gets an output";
  EXPECT_TRUE(plain_to(*log, 6, 1));
  const std::vector<std::string> others = {"stop { actors: 7 }",
                                           "pause { actors: 7 }",
                                           "resume { }",
                                           "throttle { }",
                                           "source_change_split { }",
                                           "connector_props_change { }",
                                           "start_backfill { fragments: 7 }",
                                           "add { subscribers { job: 7 } }",
                                           "drop_subscriptions { }",
                                           "add { added_actors: 9 } stop { actors: 7 }"};
  for (uint64_t i = 0; i < others.size(); ++i) {
    log->put(barrier(10 + i, others[i]));
    EXPECT_FALSE(plain_to(*log, 6, 10 + i)) << others[i];
  }
}

}  // namespace
}  // namespace penstock::stream
