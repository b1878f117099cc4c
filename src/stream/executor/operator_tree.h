#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "stream/executor/actor_context.h"
#include "stream/executor/operator.h"

namespace penstock::pb {
class StreamNode;
}

namespace penstock::stream {

/// The operators of one actor in post-order: inputs before their consumer, the root last.
struct OperatorTree {
  static constexpr size_t kNoParent = SIZE_MAX;
  struct Node {
    std::unique_ptr<Operator> op;  // null: a merge, whose rows the runner takes from the upstream channels of `link`
    uint32_t link = 0;             // of a merge: operator id, global
    size_t parent = kNoParent;
    size_t port = 0;  // input of the parent
  };
  std::vector<Node> nodes;
  std::vector<data::DataType> output_types;
};

/// Builds the operators of an actor from its fragment's plan. Every number and index of the plan is checked.
/// Errors: `Protocol` (a plan that makes no sense), or what opening state tables and sources says.
[[nodiscard]] Result<OperatorTree> build_operator_tree(const pb::StreamNode& root, const ActorContext& context);
/// What the await tree and errors call the operators, in the order of the tree's nodes; the same for all actors of a fragment.
[[nodiscard]] std::vector<std::string> operator_names(const pb::StreamNode& root);

}  // namespace penstock::stream
