#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "frontend/binder/plan.h"
#include "frontend/binder/session_settings.h"
#include "frontend/planner/fragmenter.h"

namespace penstock::frontend {

/// Rows a second that each actor of a job's sources, and of its backfills, reads; 0: no limit.
struct RateLimits {
  uint64_t source = 0;
  uint64_t backfill = 0;
};

/// From an optimized logical plan to the fragment graph of a streaming job.
///
///  - Rows are told apart by the stream key, which is derived from below; columns for it are added where the plan does not have them.
///  - Shuffles stand only where rows must meet: before an aggregation by its keys, before a join by its keys, before the view's table by
///    its key. One that the input's distribution already serves is left out.
///  - A source is read once, and an aggregation or join that occurs several times is computed once.
///
/// One object plans one job.
class StreamPlanner {
 public:
  explicit StreamPlanner(const SessionSettings& settings, RateLimits rates) : settings_(settings), rates_(rates) {}

  /// The job that keeps `object` (a materialized view) equal to `plan`; fills in the object's columns, keys and state table. `names` are
  /// those of the visible columns. Errors: `NotSupported` for what cannot be done on a stream.
  [[nodiscard]] Result<pb::FragmentGraph> plan_view(const logical::Plan& plan, const std::vector<std::string>& names,
                                                    pb::CatalogObject& object);
  /// The job that sends the changes of `plan` to a sink.
  [[nodiscard]] Result<pb::FragmentGraph> plan_sink(const logical::Plan& plan, const std::vector<std::string>& names,
                                                    pb::CatalogObject& object);
  /// The job that keeps the rows of a table that INSERT, UPDATE and DELETE change.
  [[nodiscard]] pb::FragmentGraph plan_table(pb::CatalogObject& object, pb::ConflictBehavior conflict);

 private:
  struct Need {
    bool key = false;                    // rows must be told apart
    std::optional<Distribution> wanted;  // the shuffle that follows, in columns of the plan: a hint
  };
  struct SharedSource {
    const pb::CatalogObject* object = nullptr;
    uint32_t fragment = 0;
    std::set<uint32_t> columns;
    bool row_id = false;
  };
  struct SharedPlan {
    uint32_t fragment = 0;
    Stream description;
  };

  Result<Stream> lower(const logical::Plan& plan, const Need& need);
  Result<Stream> lower_node(const logical::Plan& plan, const Need& need);
  Result<Stream> lower_scan(const logical::Plan& plan, const Need& need);
  Result<Stream> lower_filter(const logical::Plan& plan, const Need& need);
  Result<Stream> lower_project(const logical::Plan& plan, const Need& need);
  Result<Stream> lower_window(const logical::Plan& plan, const Need& need);
  Result<Stream> lower_aggregate(const logical::Plan& plan);
  Result<Stream> lower_join(const logical::Plan& plan);
  Result<Stream> lower_union(const logical::Plan& plan, const Need& need);

  // scan.cc
  Stream source(const logical::Plan& plan, const Need& need);
  Stream shared_source(const logical::Plan& plan, const Need& need);
  Stream upstream_scan(const logical::Plan& plan, const Need& need);
  pb::StreamNode upstream_changes(const pb::CatalogObject& object, pb::FragmentEdge& edge);
  pb::StreamNode source_node(const pb::CatalogObject& object, const std::vector<uint32_t>& columns, bool row_id);
  void finish_shared_sources();

  // Sharing
  void count_occurrences(const logical::Plan& plan);
  Result<Stream> lower_shared(const logical::Plan& plan, const std::string& fingerprint);

  [[nodiscard]] Stream enforce(Stream stream, const Distribution& wanted);
  /// Only the logical columns and the stream key, in this order.
  [[nodiscard]] Stream narrowed(Stream stream);
  /// `body` on top of `input`; the caller fills in fields and key.
  [[nodiscard]] pb::StreamNode on_top_of(pb::StreamNode input);
  void collect_dependencies(const logical::Plan& plan, pb::CatalogObject& object) const;
  Status check_depth(const logical::Plan& plan) const;

  const SessionSettings& settings_;
  RateLimits rates_;
  Fragmenter fragments_;
  std::map<std::string, int> plan_counts_;
  std::map<uint32_t, int> source_counts_;
  std::map<uint32_t, SharedSource> shared_sources_;
  std::map<std::string, SharedPlan> shared_plans_;
};

}  // namespace penstock::frontend
