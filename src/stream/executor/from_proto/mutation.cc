#include "stream/executor/mutation.h"

#include <algorithm>

#include "proto/control_stream.pb.h"
#include "stream/executor/from_proto/build.h"

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
  const auto& splits = mutation.source_change_split().splits();
  if (const auto mine = splits.find(actor.value); mine != splits.end()) {
    out.splits.emplace();
    for (const pb::Split& split : mine->second.splits()) out.splits->push_back(split_of(split));
  }
  const auto& rates = mutation.throttle().rate_by_actor();
  if (const auto mine = rates.find(actor.value); mine != rates.end()) out.rate_limit = mine->second;
  return out;
}

std::optional<bool> paused_by(const Barrier& barrier, ActorId actor) {
  if (barrier.mutation == nullptr) return std::nullopt;
  const auto names = [&](const auto& mutation) {
    return mutation.actors().empty() || std::ranges::binary_search(mutation.actors(), actor.value);
  };
  if (barrier.mutation->has_pause() && names(barrier.mutation->pause())) return true;
  if (barrier.mutation->has_resume() && names(barrier.mutation->resume())) return false;
  return std::nullopt;
}

std::optional<std::map<std::string, std::string>> connector_props_by(const Barrier& barrier, ObjectId source) {
  if (barrier.mutation == nullptr || !barrier.mutation->has_connector_props_change()) return std::nullopt;
  const auto& by_source = barrier.mutation->connector_props_change().by_source();
  const auto mine = by_source.find(source.value);
  if (mine == by_source.end()) return std::nullopt;
  return std::map<std::string, std::string>(mine->second.properties().begin(), mine->second.properties().end());
}

std::optional<uint64_t> backfill_rate_by(const Barrier& barrier, ActorId actor) {
  if (barrier.mutation == nullptr || !barrier.mutation->has_throttle()) return std::nullopt;
  const auto& by_actor = barrier.mutation->throttle().backfill_rate_by_actor();
  const auto mine = by_actor.find(actor.value);
  return mine == by_actor.end() ? std::nullopt : std::optional<uint64_t>(mine->second);
}

SubscriberMutation subscribers_by(const Barrier& barrier, JobId job) {
  SubscriberMutation out;
  if (barrier.mutation == nullptr) return out;
  for (const pb::DroppedSubscriber& dropped : barrier.mutation->drop_subscriptions().subscribers()) {
    if (dropped.job() == job.value) out.dropped.emplace_back(dropped.subscription());
  }
  for (const pb::Subscriber& added : barrier.mutation->add().subscribers()) {
    if (added.job() == job.value) out.added.push_back(from_proto::subscriber_of(added));
  }
  return out;
}

Subscriber from_proto::subscriber_of(const pb::Subscriber& subscriber) {
  constexpr uint64_t kLongest = uint64_t{1} << 48;  // no epoch is longer ago
  return {ObjectId{subscriber.subscription()}, TableId{subscriber.log_table()},
          std::chrono::milliseconds(std::min(subscriber.retention_ms(), kLongest))};
}

bool starts_backfill(const Barrier& barrier, FragmentId fragment) {
  if (barrier.mutation == nullptr || !barrier.mutation->has_start_backfill()) return false;
  return std::ranges::binary_search(barrier.mutation->start_backfill().fragments(), fragment.value);
}

}  // namespace penstock::stream
