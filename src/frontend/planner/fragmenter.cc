#include "frontend/planner/fragmenter.h"

#include <algorithm>

#include "common/check.h"
#include "common/vnode.h"

namespace penstock::frontend {
namespace {

pb::DispatchType dispatch_type(const Distribution& to) {
  switch (to.kind) {
    case Distribution::Kind::Single:
      return pb::DISPATCH_SIMPLE;
    case Distribution::Kind::Hash:
      return pb::DISPATCH_HASH;
    case Distribution::Kind::Any:
      break;
  }
  return pb::DISPATCH_NO_SHUFFLE;
}

// What is sent on: the logical columns, then those of the stream key that are not among them.
std::vector<uint32_t> sent_columns(const Stream& stream) {
  std::vector<uint32_t> sent;
  for (uint32_t i = 0; i < stream.width; ++i) sent.push_back(i);
  for (const uint32_t key : stream.node.stream_key()) {
    if (key >= stream.width && std::find(sent.begin(), sent.end(), key) == sent.end()) sent.push_back(key);
  }
  return sent;
}

uint32_t place_of(const std::vector<uint32_t>& columns, uint32_t column) {
  return static_cast<uint32_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
}

}  // namespace

bool can_share_fragment(const Stage& a, const Stage& b) {
  if (a.has_source && b.has_source) return false;
  if (a.singleton != b.singleton) return false;
  return !a.colocation || !b.colocation || *a.colocation == *b.colocation;
}

Stage merged(Stage a, Stage b) {
  PENSTOCK_CHECK(can_share_fragment(a, b));
  if (b.has_source) a.source_id = b.source_id;
  a.has_source |= b.has_source;
  a.has_dml |= b.has_dml;
  a.has_scan |= b.has_scan;
  if (b.colocation) a.colocation = b.colocation;
  std::move(b.incoming.begin(), b.incoming.end(), std::back_inserter(a.incoming));
  return a;
}

pb::StreamNode Fragmenter::merge_node() {
  pb::StreamNode merge;
  merge.set_operator_id(next_operator());
  merge.mutable_merge();
  merge.set_identity("Merge");
  return merge;
}

Stream Fragmenter::exchange(Stream stream, Distribution to) {
  const auto sent = sent_columns(stream);
  Stream out;
  out.node = merge_node();
  out.node.set_append_only(stream.node.append_only());
  for (const uint32_t c : sent) *out.node.add_fields() = stream.node.fields(static_cast<int>(c));
  for (const uint32_t key : stream.node.stream_key()) out.node.add_stream_key(place_of(sent, key));
  out.width = stream.width;
  out.stage.singleton = to.kind == Distribution::Kind::Single;

  pb::FragmentEdge edge;
  auto& strategy = *edge.mutable_strategy();
  strategy.set_type(dispatch_type(to));
  const auto upstream_column = [&](uint32_t c) { return stream.shared_fragment ? stream.shared_columns[c] : c; };
  for (const uint32_t c : sent) strategy.add_output(upstream_column(c));
  for (uint32_t& c : to.columns) {
    strategy.add_dist_key(upstream_column(c));
    PENSTOCK_CHECK(place_of(sent, c) < sent.size(), "a distribution by a column that is not sent");
    c = place_of(sent, c);
  }
  edge.set_link(out.node.operator_id());
  edge.set_upstream(stream.shared_fragment ? *stream.shared_fragment : finish(std::move(stream.node), std::move(stream.stage)));
  if (to.kind == Distribution::Kind::Any) {  // no shuffle: same actors, same rows
    out.stage.colocation = colocation_of(edge.upstream());
    out.stage.singleton = graph_.fragments(static_cast<int>(edge.upstream())).singleton();
    for (const uint32_t c : stream.distribution.columns) {
      if (place_of(sent, c) < sent.size()) to.columns.push_back(place_of(sent, c));
    }
    to.kind = to.columns.size() == stream.distribution.columns.size() ? stream.distribution.kind : Distribution::Kind::Any;
    if (to.kind == Distribution::Kind::Any) to.columns.clear();
  }
  out.stage.incoming.push_back(std::move(edge));
  out.distribution = std::move(to);
  return out;
}

Stream Fragmenter::open(Stream stream) {
  if (!stream.shared_fragment) return stream;
  return exchange(std::move(stream), Distribution::any());
}

uint32_t Fragmenter::reserve() {
  const auto id = static_cast<uint32_t>(graph_.fragments_size());
  auto& fragment = *graph_.add_fragments();
  fragment.set_fragment_id(id);
  fragment.set_colocation_group(new_colocation());
  return id;
}

uint32_t Fragmenter::finish(pb::StreamNode root, Stage stage) {
  const auto id = static_cast<uint32_t>(graph_.fragments_size());
  auto& fragment = *graph_.add_fragments();
  fragment.set_fragment_id(id);
  fragment.set_colocation_group(stage.colocation ? *stage.colocation : new_colocation());
  complete(id, std::move(root), std::move(stage));
  return id;
}

void Fragmenter::fill(uint32_t fragment, pb::StreamNode root, Stage stage) { complete(fragment, std::move(root), std::move(stage)); }

void Fragmenter::complete(uint32_t id, pb::StreamNode root, Stage stage) {
  auto& fragment = *graph_.mutable_fragments(static_cast<int>(id));
  fragment.set_has_materialize(root.has_materialize());
  fragment.set_has_sink(root.has_sink());
  *fragment.mutable_root() = std::move(root);
  fragment.set_singleton(stage.singleton);
  fragment.set_has_source(stage.has_source);
  fragment.set_has_dml(stage.has_dml);
  fragment.set_has_scan(stage.has_scan);
  fragment.set_source_id(stage.source_id);
  for (pb::FragmentEdge& edge : stage.incoming) {
    edge.set_downstream(id);
    *graph_.add_edges() = std::move(edge);
  }
}

std::vector<pb::FragmentEdge*> Fragmenter::edges_from(uint32_t fragment) {
  std::vector<pb::FragmentEdge*> edges;
  for (auto& edge : *graph_.mutable_edges()) {
    if (edge.upstream_object() == 0 && edge.upstream() == fragment) edges.push_back(&edge);
  }
  return edges;
}

pb::FragmentGraph Fragmenter::take(uint32_t parallelism) {
  graph_.set_table_count(tables_);
  graph_.set_operator_count(operators_);
  graph_.set_parallelism(parallelism);
  graph_.set_vnode_count(kDefaultVNodeCount);
  return std::move(graph_);
}

}  // namespace penstock::frontend
