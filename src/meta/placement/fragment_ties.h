#pragma once

#include <cstddef>
#include <vector>

#include "meta/placement/placement.h"

namespace penstock::meta {

/// Where the actors of a fragment are, by index.
using Shape = std::vector<ActorPlacement>;

/// Which fragments of a job must lie alike: those joined by NoShuffle edges or of one colocation group. Fragments are numbered within the
/// job. Pure; refers to the plan.
class FragmentTies {
 public:
  explicit FragmentTies(const JobPlan& plan);

  /// Fragments with equal groups lie alike.
  [[nodiscard]] size_t group(size_t fragment) const { return group_[fragment]; }
  [[nodiscard]] bool singleton(size_t group) const;
  /// What a NoShuffle edge from another job dictates to a group, without actor ids; empty: none does. Errors: `Unavailable` when that job
  /// is not running, `InvalidDefinition` when two contradict each other.
  [[nodiscard]] Result<Shape> dictated(size_t group, const UpstreamLookup& upstream) const;

 private:
  [[nodiscard]] size_t local(FragmentId id) const { return id.value - plan_.record().fragment_base(); }

  const JobPlan& plan_;
  std::vector<size_t> group_;
};

}  // namespace penstock::meta
