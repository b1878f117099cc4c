// Leaves of a stream plan: sources, and backfill from tables and views.
#include <algorithm>
#include <charconv>

#include "frontend/binder/definition.h"
#include "frontend/planner/plan_text.h"
#include "frontend/planner/state_tables.h"
#include "frontend/planner/stream_planner.h"

namespace penstock::frontend {
namespace {

constexpr uint32_t kRowId = UINT32_MAX;  // among the columns of a shared source, until they are numbered

std::vector<std::string> column_names_of(const pb::CatalogObject& object) {
  std::vector<std::string> names;
  for (const auto& c : object.columns()) names.push_back(c.name());
  return names;
}

// The lower of the two; 0 is none.
uint64_t rate_limit_of_source(const pb::CatalogObject& object, uint64_t of_job) {
  uint64_t of_source = 0;
  const auto option = object.properties().find("source_rate_limit");
  if (option != object.properties().end()) std::from_chars(option->second.data(), option->second.data() + option->second.size(), of_source);
  if (of_source == 0 || of_job == 0) return std::max(of_source, of_job);
  return std::min(of_source, of_job);
}

// How far the backfill of each vnode is: the key it has come to, whether it is done, its rows.
TableSpec backfill_progress(const pb::CatalogObject& object, bool singleton) {
  const pb::TableDesc& table = object.table();
  TableSpec progress{.columns = {{"vnode", data::TypeKind::Int32}}, .pk = {0}, .dist = {0}, .lookup_prefix = 1};
  for (const auto& key : table.pk()) {
    progress.columns.push_back(
        {object.columns(static_cast<int>(key.column())).name(), type_of(table.columns(static_cast<int>(key.column())).type())});
  }
  progress.columns.push_back({"finished", data::TypeKind::Boolean});
  progress.columns.push_back({"rows", data::TypeKind::Int64});
  if (singleton) progress.dist.clear();
  return progress;
}

// The object's key as the node's, with those of its columns that `output` lacks behind the others.
void add_stream_key(const pb::CatalogObject& object, std::vector<uint32_t>& output, pb::StreamNode& node) {
  for (const uint32_t key : object.stream_key()) {
    const auto found = std::find(output.begin(), output.end(), key);
    node.add_stream_key(static_cast<uint32_t>(found - output.begin()));
    if (found == output.end()) output.push_back(key);
  }
}

// As the table's, where all columns it is spread by are in the output.
void set_distribution(const pb::TableDesc& table, std::span<const uint32_t> output, Stream& stream) {
  if (stream.stage.singleton) {
    stream.distribution = Distribution::single();
    return;
  }
  std::vector<uint32_t> spread;
  for (const uint32_t c : table.dist_key()) {
    const auto found = std::find(output.begin(), output.end(), c);
    if (found == output.end()) return;
    spread.push_back(static_cast<uint32_t>(found - output.begin()));
  }
  stream.distribution = Distribution::hash(std::move(spread));
}

}  // namespace

Result<Stream> StreamPlanner::lower_scan(const logical::Plan& plan, const Need& need) {
  const auto& object = *plan.as<logical::Scan>()->object;
  if (object.kind() != pb::OBJECT_SOURCE) return upstream_scan(plan, need);
  return source_counts_[object.id()] > 1 ? shared_source(plan, need) : source(plan, need);
}

pb::StreamNode StreamPlanner::source_node(const pb::CatalogObject& object, const std::vector<uint32_t>& columns, bool row_id) {
  pb::StreamNode node;
  node.set_operator_id(fragments_.next_operator());
  node.set_append_only(true);
  auto& body = *node.mutable_source();
  body.set_source_id(object.id());
  body.set_source_name(object.name());
  *body.mutable_properties() = object.properties();
  body.set_format(object.format());
  body.set_encode(object.encode());
  for (const auto& c : object.columns()) {
    auto& field = *body.add_columns();
    field.set_name(c.name());
    *field.mutable_type() = c.type();
  }
  for (const uint32_t c : columns) {
    body.add_output(c);
    *node.add_fields() = body.columns(static_cast<int>(c));
  }
  body.set_with_row_id(row_id);
  body.set_rate_limit(rate_limit_of_source(object, rates_.source));
  if (row_id) {
    node.add_stream_key(static_cast<uint32_t>(node.fields_size()));
    add_field(node, std::string(kRowIdColumn), data::TypeKind::Int64);
  }
  node.set_identity(fmt::format("Source {{ source: {}, columns: {} }}", object.name(), list_text(names_of(node))));
  return node;
}

Stream StreamPlanner::source(const logical::Plan& plan, const Need& need) {
  const auto& scan = *plan.as<logical::Scan>();
  Stream stream;
  stream.width = plan.width();
  stream.node = source_node(*scan.object, scan.columns, need.key);
  stream.stage.has_source = true;
  stream.stage.source_id = scan.object->id();
  return stream;
}

Stream StreamPlanner::shared_source(const logical::Plan& plan, const Need& need) {
  const auto& scan = *plan.as<logical::Scan>();
  auto [found, fresh] = shared_sources_.try_emplace(scan.object->id());
  SharedSource& shared = found->second;
  if (fresh) {
    shared.object = scan.object;
    shared.fragment = fragments_.reserve();
  }
  shared.columns.insert(scan.columns.begin(), scan.columns.end());
  shared.row_id |= need.key;
  Stream stream;
  stream.width = plan.width();
  stream.shared_fragment = shared.fragment;
  stream.shared_columns = scan.columns;
  for (const auto& c : plan.columns) add_field(stream.node, c.name, c.type);
  if (need.key) {
    stream.node.add_stream_key(static_cast<uint32_t>(plan.width()));
    add_field(stream.node, std::string(kRowIdColumn), data::TypeKind::Int64);
    stream.shared_columns.push_back(kRowId);
  }
  stream.node.set_append_only(true);
  return stream;
}

// Now that all readers are known: their edges named columns of the source, which become columns of the fragment.
void StreamPlanner::finish_shared_sources() {
  for (auto& [id, shared] : shared_sources_) {
    const std::vector<uint32_t> columns(shared.columns.begin(), shared.columns.end());
    Stage stage;
    stage.has_source = true;
    stage.source_id = id;
    fragments_.fill(shared.fragment, source_node(*shared.object, columns, shared.row_id), std::move(stage));
    const auto place = [&](uint32_t c) {
      if (c == kRowId) return static_cast<uint32_t>(columns.size());
      return static_cast<uint32_t>(std::find(columns.begin(), columns.end(), c) - columns.begin());
    };
    for (pb::FragmentEdge* edge : fragments_.edges_from(shared.fragment)) {
      for (auto& c : *edge->mutable_strategy()->mutable_output()) c = place(c);
      for (auto& c : *edge->mutable_strategy()->mutable_dist_key()) c = place(c);
    }
  }
}

// The upstream's rows of now, then its changes: in the same place as the upstream's own table.
Stream StreamPlanner::upstream_scan(const logical::Plan& plan, const Need& need) {
  const auto& scan = *plan.as<logical::Scan>();
  const pb::CatalogObject& object = *scan.object;
  const pb::TableDesc& table = object.table();

  Stream stream;
  stream.width = plan.width();
  stream.stage.singleton = table.dist_key().empty();
  stream.stage.has_scan = true;
  stream.stage.incoming.emplace_back();
  stream.node = on_top_of(upstream_changes(object, stream.stage.incoming.back()));
  stream.node.set_append_only(object.append_only());
  std::vector<uint32_t> output = scan.columns;
  if (need.key) add_stream_key(object, output, stream.node);
  const auto names = column_names_of(object);
  auto& body = *stream.node.mutable_stream_scan();
  body.set_upstream_object(object.id());
  *body.mutable_upstream_table() = table;
  body.set_rate_limit(rates_.backfill);
  for (const uint32_t c : output) {
    body.add_output(c);
    add_field(stream.node, names[c], type_of(object.columns(static_cast<int>(c)).type()));
  }
  TableSpec progress = backfill_progress(object, stream.stage.singleton);
  progress.id = fragments_.next_table();
  progress.name = fmt::format("stream_scan {} progress", stream.node.operator_id());
  *body.mutable_progress() = make_table(progress);
  stream.node.set_identity(fmt::format("TableScan {{ table: {}, columns: {} }}", object.name(), pick_text(names, output)));
  stream.stage.colocation = fragments_.new_colocation();
  set_distribution(table, output, stream);
  return stream;
}

// The merge that reads all columns of what the upstream's materialize passes on, over `edge`.
pb::StreamNode StreamPlanner::upstream_changes(const pb::CatalogObject& object, pb::FragmentEdge& edge) {
  auto merge = fragments_.merge_node();
  merge.set_append_only(object.append_only());
  for (const auto& key : object.table().pk()) merge.add_stream_key(key.column());
  edge.set_upstream_object(object.id());
  edge.mutable_strategy()->set_type(pb::DISPATCH_NO_SHUFFLE);
  edge.set_link(merge.operator_id());
  for (uint32_t i = 0; i < static_cast<uint32_t>(object.columns_size()); ++i) {
    const auto& column = object.columns(static_cast<int>(i));
    add_field(merge, column.name(), type_of(column.type()));
    edge.mutable_strategy()->add_output(i);
  }
  return merge;
}

}  // namespace penstock::frontend
