#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "proto/meta_store.pb.h"
#include "proto/stream_plan.pb.h"

namespace penstock::meta {

/// A streaming job's fragment graph with its bases, checked once and then constant. All ids that come out are global.
class JobPlan {
 public:
  struct FragmentPlan {
    FragmentId id;
    const pb::Fragment* plan;                  // of `record()`
    std::vector<TableId> tables;               // state tables of its operators, and the log of its changes; ascending
    std::vector<FragmentId> backfill_after{};  // whose backfills are done before its own begins
  };
  struct Edge {
    FragmentId upstream;       // of this job, or the Materialize fragment of `upstream_object`, which is looked up when it is needed
    ObjectId upstream_object;  // 0: within the job
    FragmentId downstream;
    OperatorId link;
    const pb::DispatchStrategy* strategy;
  };

  /// Errors: `InvalidDefinition` for a graph that makes no sense: numbers out of range or double, a table in no or in two fragments, an
  /// edge to nowhere, a vnode count that is none, backfills that wait for each other or for none.
  [[nodiscard]] static Result<std::shared_ptr<const JobPlan>> make(pb::JobRecord record);

  [[nodiscard]] JobId id() const { return JobId{record_.job_id()}; }
  [[nodiscard]] DatabaseId database() const { return DatabaseId{record_.database_id()}; }
  [[nodiscard]] const std::string& name() const { return record_.name(); }
  [[nodiscard]] const pb::JobRecord& record() const { return record_; }
  [[nodiscard]] uint32_t vnode_count() const { return record_.graph().vnode_count(); }

  [[nodiscard]] const std::vector<FragmentPlan>& fragments() const { return fragments_; }
  [[nodiscard]] const std::vector<Edge>& edges() const { return edges_; }
  [[nodiscard]] const FragmentPlan* fragment(FragmentId id) const;
  /// The fragment others read the job's rows from; null for a sink.
  [[nodiscard]] const FragmentPlan* materialize_fragment() const;
  [[nodiscard]] std::vector<TableId> tables() const;
  /// Sources it reads, each once.
  [[nodiscard]] std::vector<ObjectId> sources() const;
  [[nodiscard]] bool reads(ObjectId source) const;

 private:
  JobPlan() = default;
  Status fill();
  Status fill_tables(std::vector<bool>& seen, FragmentPlan& fragment);
  Status fill_log();
  Status fill_edges();
  Status fill_backfills();

  pb::JobRecord record_;
  std::vector<FragmentPlan> fragments_;
  std::vector<Edge> edges_;
};

}  // namespace penstock::meta
