#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/types.h"
#include "meta/model/meta_model.h"
#include "proto/meta_service.pb.h"

/// Requests to create small jobs, as the frontend would send them.
namespace penstock::meta::testing {

inline pb::CreateObjectRequest request_for(pb::ObjectKind kind, const std::string& name) {
  pb::CreateObjectRequest request;
  request.mutable_object()->set_database_id(1);
  request.mutable_object()->set_schema("public");
  request.mutable_object()->set_name(name);
  request.mutable_object()->set_kind(kind);
  return request;
}

inline pb::CreateObjectRequest source(const std::string& name) {
  auto request = request_for(pb::OBJECT_SOURCE, name);
  (*request.mutable_object()->mutable_properties())["connector"] = "posix_fs";
  return request;
}

inline pb::CreateObjectRequest subscription(const std::string& name, uint32_t upstream, uint64_t retention_ms) {
  auto request = request_for(pb::OBJECT_SUBSCRIPTION, name);
  request.mutable_object()->add_depends_on(upstream);
  request.mutable_object()->set_retention_ms(retention_ms);
  return request;
}

inline pb::Fragment* add_fragment(pb::CreateObjectRequest& request) {
  pb::FragmentGraph* graph = request.mutable_graph();
  graph->set_vnode_count(8);
  pb::Fragment* fragment = graph->add_fragments();
  fragment->set_fragment_id(static_cast<uint32_t>(graph->fragments_size() - 1));
  fragment->mutable_root()->set_operator_id(graph->operator_count());
  graph->set_operator_count(graph->operator_count() + 2);
  return fragment;
}

inline void materialize(pb::CreateObjectRequest& request, pb::Fragment* fragment) {
  pb::FragmentGraph* graph = request.mutable_graph();
  fragment->set_has_materialize(true);
  fragment->mutable_root()->mutable_materialize()->mutable_table()->set_table_id(graph->table_count());
  request.mutable_object()->mutable_table()->set_table_id(graph->table_count());
  graph->set_table_count(graph->table_count() + 1);
}

/// One fragment: DML into a table. Table 0.
inline pb::CreateObjectRequest table(const std::string& name, uint32_t parallelism = 2) {
  auto request = request_for(pb::OBJECT_TABLE, name);
  pb::Fragment* fragment = add_fragment(request);
  fragment->set_has_dml(true);
  materialize(request, fragment);
  request.mutable_graph()->set_parallelism(parallelism);
  return request;
}

/// Two fragments: a source, shuffled by hash into an aggregation that is materialized. Tables 0 (view), 1 (groups).
inline pb::CreateObjectRequest view_on_source(const std::string& name, uint32_t source, uint32_t parallelism = 2) {
  auto request = request_for(pb::OBJECT_MATERIALIZED_VIEW, name);
  pb::Fragment* reads = add_fragment(request);
  reads->set_has_source(true);
  reads->set_source_id(source);
  reads->mutable_root()->mutable_source()->set_source_id(source);
  pb::Fragment* aggregates = add_fragment(request);
  materialize(request, aggregates);
  aggregates->mutable_root()->add_input()->mutable_hash_agg()->mutable_group_table()->set_table_id(1);
  request.mutable_graph()->set_table_count(2);
  pb::FragmentEdge* edge = request.mutable_graph()->add_edges();
  edge->set_upstream(0);
  edge->set_downstream(1);
  edge->set_link(3);
  edge->mutable_strategy()->set_type(pb::DISPATCH_HASH);
  edge->mutable_strategy()->add_dist_key(0);
  request.mutable_graph()->set_parallelism(parallelism);
  return request;
}

/// One fragment: backfill from `upstream` without shuffle, materialized. Tables 0 (view), 1 (progress).
inline pb::CreateObjectRequest view_on(const std::string& name, uint32_t upstream) {
  auto request = request_for(pb::OBJECT_MATERIALIZED_VIEW, name);
  pb::Fragment* scans = add_fragment(request);
  scans->set_has_scan(true);
  materialize(request, scans);
  pb::StreamScanNode* scan = scans->mutable_root()->add_input()->mutable_stream_scan();
  scan->mutable_upstream_table()->set_table_id(77);  // global, of another job
  scan->mutable_progress()->set_table_id(1);
  request.mutable_graph()->set_table_count(2);
  pb::FragmentEdge* edge = request.mutable_graph()->add_edges();
  edge->set_upstream_object(upstream);
  edge->set_downstream(0);
  edge->set_link(1);
  edge->mutable_strategy()->set_type(pb::DISPATCH_NO_SHUFFLE);
  return request;
}

/// A fragment for each of `upstreams`, which scans it (tables 1, 2, …), and one more that joins them and is materialized (table 0). `after`:
/// pairs of a fragment and one whose backfill comes before its own.
inline pb::CreateObjectRequest join_on(const std::string& name, const std::vector<uint32_t>& upstreams,
                                       const std::vector<std::pair<uint32_t, uint32_t>>& after) {
  auto request = request_for(pb::OBJECT_MATERIALIZED_VIEW, name);
  pb::FragmentGraph& graph = *request.mutable_graph();
  for (const uint32_t upstream : upstreams) {
    pb::Fragment* scans = add_fragment(request);
    scans->set_has_scan(true);
    scans->set_colocation_group(scans->fragment_id());
    pb::StreamScanNode* scan = scans->mutable_root()->mutable_stream_scan();
    scan->set_upstream_object(upstream);
    scan->mutable_upstream_table()->set_table_id(77);  // global, of another job
    scan->mutable_progress()->set_table_id(scans->fragment_id() + 1);
    pb::FragmentEdge* edge = graph.add_edges();
    edge->set_upstream_object(upstream);
    edge->set_downstream(scans->fragment_id());
    edge->set_link(scans->root().operator_id() + 1);
    edge->mutable_strategy()->set_type(pb::DISPATCH_NO_SHUFFLE);
  }
  for (const auto& [later, first] : after) graph.mutable_fragments(static_cast<int>(later))->add_backfill_after(first);
  pb::Fragment* joins = add_fragment(request);
  joins->set_colocation_group(joins->fragment_id());
  materialize(request, joins);
  for (uint32_t i = 0; i < upstreams.size(); ++i) {
    pb::FragmentEdge* edge = graph.add_edges();
    edge->set_upstream(i);
    edge->set_downstream(joins->fragment_id());
    edge->set_link(joins->root().operator_id() + 1);
    edge->mutable_strategy()->set_type(pb::DISPATCH_HASH);
    edge->mutable_strategy()->add_dist_key(0);
  }
  graph.set_table_count(static_cast<uint32_t>(upstreams.size()) + 1);
  return request;
}

inline pb::AddColumnRequest one_more_column(const MetaModel& model, uint32_t table, const std::string& name) {
  pb::AddColumnRequest request;
  request.set_object_id(table);
  request.mutable_column()->set_name(name);
  request.mutable_column()->mutable_type()->set_kind(static_cast<uint32_t>(data::TypeKind::Int32));
  request.mutable_column()->mutable_added()->set_is_null(true);
  const pb::CatalogObject* object = model.object(ObjectId{table});
  request.set_columns_before(object == nullptr ? 0 : static_cast<uint32_t>(object->columns_size()));
  request.set_definition(object == nullptr ? "" : object->definition() + " " + name);
  return request;
}

}  // namespace penstock::meta::testing
