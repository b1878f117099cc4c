#pragma once

#include <memory>
#include <string>
#include <vector>

namespace penstock::pb {
class BuildActor;
class BuildFragment;
}  // namespace penstock::pb

namespace penstock::stream {

/// What the actors of a fragment on this node are called in errors and in the await tree, kept as long as any of them lives.
struct FragmentNames {
  std::string job;
  std::vector<std::string> operators;  // as `operator_names`
};

/// What the actors of a fragment on this node are built from.
struct FragmentPlan {
  std::shared_ptr<const pb::BuildFragment> plan;  // shared until the last of them was built
  std::shared_ptr<const FragmentNames> names;
};

}  // namespace penstock::stream
