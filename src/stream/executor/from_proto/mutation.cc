#include "stream/executor/mutation.h"

#include "proto/control_stream.pb.h"

namespace penstock::stream {

namespace {

SplitState split_of(const pb::Split& split) {
  return {split.id(), split.number(), split.offset(), split.finished(), split.rows(), split.identity()};
}

}  // namespace

SourceMutation source_mutation(const Barrier& barrier, ActorId actor) {
  SourceMutation out;
  if (barrier.mutation == nullptr) return out;
  const pb::Mutation& mutation = *barrier.mutation;
  switch (mutation.kind_case()) {
    case pb::Mutation::kAdd:
      if (mutation.add().paused()) out.paused = true;
      break;
    case pb::Mutation::kPause:
      out.paused = true;
      break;
    case pb::Mutation::kResume:
      out.paused = false;
      break;
    case pb::Mutation::kSourceChangeSplit: {
      const auto& by_actor = mutation.source_change_split().splits();
      const auto mine = by_actor.find(actor.value);
      if (mine == by_actor.end()) break;
      out.splits.emplace();
      for (const pb::Split& split : mine->second.splits()) out.splits->push_back(split_of(split));
      break;
    }
    case pb::Mutation::kThrottle: {
      const auto& by_actor = mutation.throttle().rate_by_actor();
      const auto mine = by_actor.find(actor.value);
      if (mine != by_actor.end()) out.rate_limit = mine->second;
      break;
    }
    case pb::Mutation::kStop:
    case pb::Mutation::KIND_NOT_SET:
      break;
  }
  return out;
}

}  // namespace penstock::stream
