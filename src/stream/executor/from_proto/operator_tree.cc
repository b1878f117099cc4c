#include "stream/executor/operator_tree.h"

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream {

namespace {

using from_proto::Built;
using from_proto::Request;
using from_proto::Types;

constexpr size_t kDeepest = 1000;  // of a plan; protobuf itself stops at 100

/// Walks a plan, inputs first.
class TreeBuilder {
 public:
  explicit TreeBuilder(const ActorContext& context) : context_(context) {}

  /// The place of the node in the tree.
  Result<size_t> add(const pb::StreamNode& node, size_t depth);
  OperatorTree take(Types output_types) {
    tree_.output_types = std::move(output_types);
    tree_.nodes.shrink_to_fit();
    return std::move(tree_);
  }
  [[nodiscard]] const Types& types(size_t place) const { return types_[place]; }

 private:
  [[nodiscard]] Result<Built> build(const pb::StreamNode& node, std::span<const Types> inputs) const;

  const ActorContext& context_;
  OperatorTree tree_;
  std::vector<Types> types_;  // of each node of the tree
};

Result<size_t> TreeBuilder::add(const pb::StreamNode& node, size_t depth) {
  if (depth > kDeepest) return error(Code::Protocol, "the plan is more than {} operators deep", kDeepest);
  std::vector<size_t> places;
  std::vector<Types> inputs;
  for (const pb::StreamNode& input : node.input()) {
    PENSTOCK_TRY(const size_t place, add(input, depth + 1));
    places.push_back(place);
    inputs.push_back(types_[place]);
  }
  const uint32_t id = node.operator_id() + context_.operator_base;
  auto built = build(node, inputs);
  if (built.has_error()) return built.error().with_context(fmt::format("operator {} {}", id, node.identity()));
  const size_t place = tree_.nodes.size();
  for (size_t port = 0; port < places.size(); ++port) {
    tree_.nodes[places[port]].parent = place;
    tree_.nodes[places[port]].port = port;
  }
  OperatorTree::Node& added = tree_.nodes.emplace_back();
  added.op = std::move(built.value().op);
  added.link = added.op == nullptr ? id : 0;
  types_.push_back(std::move(built.value().types));
  return place;
}

size_t inputs_of(pb::StreamNode::BodyCase kind, size_t given) {
  switch (kind) {
    case pb::StreamNode::kSource:
    case pb::StreamNode::kMerge:
    case pb::StreamNode::kDml:
      return 0;
    case pb::StreamNode::kHashJoin:
      return 2;
    case pb::StreamNode::kUnion:
      return std::max<size_t>(given, 1);
    default:
      return 1;
  }
}

Result<Built> build_body(const Request& request) {
  switch (request.node.body_case()) {
    case pb::StreamNode::kSource:
      return build_source(request);
    case pb::StreamNode::kProject:
      return build_project(request);
    case pb::StreamNode::kFilter:
      return build_filter(request);
    case pb::StreamNode::kHop:
      return build_hop(request);
    case pb::StreamNode::kUnion:
      return build_union(request);
    case pb::StreamNode::kRowIdGen:
      return build_row_id_gen(request);
    case pb::StreamNode::kDml:
      return build_dml(request);
    case pb::StreamNode::kMaterialize:
      return build_materialize(request);
    case pb::StreamNode::kHashAgg:
      return build_hash_agg(request);
    case pb::StreamNode::kHashJoin:
      return build_hash_join(request);
    case pb::StreamNode::kStreamScan:
      return build_stream_scan(request);
    case pb::StreamNode::kSink:
      return build_sink(request);
    case pb::StreamNode::kMerge: {
      PENSTOCK_TRY(auto types, from_proto::types_of(request.node.fields()));
      return Built{nullptr, std::move(types)};
    }
    case pb::StreamNode::BODY_NOT_SET:
      break;
  }
  return error(Code::Protocol, "a plan node of unknown kind");
}

Result<Built> TreeBuilder::build(const pb::StreamNode& node, std::span<const Types> inputs) const {
  if (node.body_case() == pb::StreamNode::BODY_NOT_SET) return error(Code::Protocol, "a plan node of unknown kind");
  const size_t wanted = inputs_of(node.body_case(), inputs.size());
  if (inputs.size() != wanted) return error(Code::Protocol, "{} inputs, but {} are needed", inputs.size(), wanted);
  PENSTOCK_TRY(auto built, build_body({node, inputs, context_}));
  PENSTOCK_TRY(const auto declared, from_proto::types_of(node.fields()));
  if (!from_proto::same_kinds(built.types, declared)) {
    return error(Code::Protocol, "the plan says {} columns, the operator makes {}, or of other types", declared.size(), built.types.size());
  }
  built.types = declared;
  return built;
}

void add_names(const pb::StreamNode& node, std::vector<std::string>& names) {
  for (const pb::StreamNode& input : node.input()) add_names(input, names);
  names.push_back(node.identity());
}

}  // namespace

std::vector<std::string> operator_names(const pb::StreamNode& root) {
  std::vector<std::string> names;
  add_names(root, names);
  return names;
}

Result<OperatorTree> build_operator_tree(const pb::StreamNode& root, const ActorContext& context) {
  TreeBuilder builder(context);
  PENSTOCK_TRY(const size_t place, builder.add(root, 1));
  return builder.take(builder.types(place));
}

}  // namespace penstock::stream
