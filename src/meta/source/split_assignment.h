#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/ids.h"
#include "meta/model/meta_model.h"

namespace penstock::meta {

/// Gives each split that no actor of `actors` has to the actor with the fewest unfinished ones (the first of equals); the others stay.
/// Pure. `splits`: the job's, of one source. Returns only what changed, by split number.
[[nodiscard]] std::map<uint32_t, ActorId> assign_splits(const std::map<MetaModel::SplitKey, JobSplit>& splits, ObjectId source,
                                                        const std::vector<ActorPlacement>& actors);

/// A split as its source lists it.
struct ListedSplit {
  std::string id;
  std::string identity;
};
/// What listing a source gave.
struct SourceListing {
  std::vector<ListedSplit> splits;
  bool finite = true;  // false: it follows for ever
};

/// Rows that make the listed splits which nobody knew durable: their numbers, and for every job that reads the source a position at the
/// start. Numbers of a source are never used again.
[[nodiscard]] Txn adopt_listing(const MetaModel& model, ObjectId source, const std::vector<ListedSplit>& listed);

/// The rows for a job that is being created; as adopt_listing, for one job whose record is not durable yet.
[[nodiscard]] Txn first_listing(const MetaModel& model, JobId job, ObjectId source, const std::vector<ListedSplit>& listed);

}  // namespace penstock::meta
