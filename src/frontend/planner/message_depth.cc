#include "frontend/planner/message_depth.h"

#include <algorithm>

namespace penstock::frontend {
namespace {

constexpr int kMaxDepth = 85;

int depth_of(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  int deepest = 0;
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      deepest = std::max(deepest, depth_of(reflection->GetMessage(message, field)));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      deepest = std::max(deepest, depth_of(reflection->GetRepeatedMessage(message, field, i)));
    }
  }
  return deepest + 1;
}

}  // namespace

Result<pb::FragmentGraph> checked_depth(pb::FragmentGraph graph, uint32_t position) {
  if (depth_of(graph) <= kMaxDepth) return graph;
  const Error e = error(Code::TooComplex, "the plan of this query is nested too deeply for a streaming job")
                      .with_hint("Split it: put an inner part into a view of its own.");
  return position == 0 ? e : e.at(position);
}

int message_depth(const pb::Expr& expr) { return depth_of(expr); }

}  // namespace penstock::frontend
