#include "stream/task/barrier_worker/combined_mutation.h"

#include <algorithm>

namespace penstock::stream {
namespace {

template <typename List>
void append(List& to, const List& from) {
  to.MergeFrom(from);
}

template <typename Map>
void overwrite(Map& to, const Map& from) {
  for (const auto& [key, value] : from) to[key] = value;
}

// One upstream may get outputs to several new jobs.
void add(pb::AddMutation& to, const pb::AddMutation& from) {
  append(*to.mutable_added_actors(), from.added_actors());
  append(*to.mutable_subscribers(), from.subscribers());
  for (const auto& [actor, outputs] : from.dispatchers()) {
    append(*(*to.mutable_dispatchers())[actor].mutable_dispatchers(), outputs.dispatchers());
  }
}

template <typename Hold>
Status hold(Hold& to, const Hold& from) {
  if (from.actors().empty()) return error(Code::Protocol, "a Pause or Resume among several mutations names no actor");
  append(*to.mutable_actors(), from.actors());
  return ok();
}

Status merge(pb::Mutation& to, const pb::Mutation& from) {
  if (from.has_combined()) return error(Code::Protocol, "a Combined mutation within another");
  if (from.has_add()) add(*to.mutable_add(), from.add());
  if (from.has_stop()) {
    append(*to.mutable_stop()->mutable_actors(), from.stop().actors());
    append(*to.mutable_stop()->mutable_fragments(), from.stop().fragments());
  }
  if (from.has_source_change_split()) {
    overwrite(*to.mutable_source_change_split()->mutable_splits(), from.source_change_split().splits());
  }
  if (from.has_throttle()) {
    overwrite(*to.mutable_throttle()->mutable_rate_by_actor(), from.throttle().rate_by_actor());
    overwrite(*to.mutable_throttle()->mutable_backfill_rate_by_actor(), from.throttle().backfill_rate_by_actor());
  }
  if (from.has_connector_props_change()) {
    overwrite(*to.mutable_connector_props_change()->mutable_by_source(), from.connector_props_change().by_source());
  }
  if (from.has_drop_subscriptions()) {
    append(*to.mutable_drop_subscriptions()->mutable_subscribers(), from.drop_subscriptions().subscribers());
  }
  if (from.has_start_backfill()) append(*to.mutable_start_backfill()->mutable_fragments(), from.start_backfill().fragments());
  if (from.has_pause()) {
    PENSTOCK_TRY(hold(*to.mutable_pause(), from.pause()));
  }
  if (from.has_resume()) {
    PENSTOCK_TRY(hold(*to.mutable_resume(), from.resume()));
  }
  return ok();
}

void sort_lists(pb::Mutation& mutation) {
  if (mutation.has_stop()) std::ranges::sort(*mutation.mutable_stop()->mutable_actors());
  if (mutation.has_pause()) std::ranges::sort(*mutation.mutable_pause()->mutable_actors());
  if (mutation.has_resume()) std::ranges::sort(*mutation.mutable_resume()->mutable_actors());
  if (mutation.has_start_backfill()) std::ranges::sort(*mutation.mutable_start_backfill()->mutable_fragments());
}

Status check_held_or_not(const pb::Mutation& mutation) {
  for (const uint32_t actor : mutation.pause().actors()) {
    if (std::ranges::binary_search(mutation.resume().actors(), actor)) {
      return error(Code::Protocol, "a Combined mutation pauses and resumes actor {}", actor);
    }
  }
  return ok();
}

}  // namespace

Result<pb::Mutation> take_apart(pb::Mutation mutation) {
  if (mutation.has_combined()) {
    const pb::CombinedMutation combined = std::move(*mutation.mutable_combined());
    mutation.Clear();
    for (const pb::Mutation& one : combined.mutations()) {
      PENSTOCK_TRY(merge(mutation, one));
    }
  }
  sort_lists(mutation);
  PENSTOCK_TRY(check_held_or_not(mutation));
  return mutation;
}

}  // namespace penstock::stream
