#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/epoch.h"
#include "common/error.h"
#include "meta/model/job_plan.h"
#include "meta/model/types.h"
#include "meta/store/meta_store.h"
#include "proto/catalog.pb.h"
#include "proto/meta_store.pb.h"

namespace penstock::meta {

/// Numbers that only grow. The Next… ones are the first that was never given out; the …Limit ones are leases: what is below them may
/// have been given out, and a restart goes on above them.
enum class Counter : uint8_t {
  NextDatabase,
  NextObject,
  NextTable,
  NextFragment,
  NextOperator,
  NextWorker,
  NextEvent,
  CatalogVersion,
  ActorLimit,
  EpochLease
};
constexpr size_t kCounters = 10;
[[nodiscard]] std::string_view counter_name(Counter counter);

/// Which node owns which vnodes of each fragment of a job; fragments by global id, actors by index.
struct JobPlacement {
  std::map<FragmentId, std::vector<ActorPlacement>> fragments;
  std::set<ActorId> backfilled;  // while the job is being created
  bool operator==(const JobPlacement&) const = default;
};

struct JobSplit {
  ActorId actor;  // 0: not given to an actor yet
  pb::Split split;
};

/// Everything that is durable, in memory: exactly what the MetaStore holds, no more. It changes only by `apply` of a transaction that has
/// been committed, and a restart builds it by the same call from the rows it finds, so the two can never differ in form.
///
/// Pure; one owner. Readers get const access and copy what they keep.
class MetaModel {
 public:
  using SplitKey = std::pair<ObjectId, uint32_t>;  // source, number
  using Segments = std::map<uint64_t, pb::SegmentRef>;

  /// Errors: `Corruption` naming the key of a row that cannot be understood; the model is then of no more use.
  Status apply(const Txn& committed);
  static Result<MetaModel> load(const MetaStore::Rows& rows);

  [[nodiscard]] uint64_t counter(Counter counter) const { return counters_[static_cast<size_t>(counter)]; }
  [[nodiscard]] const std::map<DatabaseId, pb::Database>& databases() const { return databases_; }
  [[nodiscard]] const std::map<ObjectId, pb::CatalogObject>& objects() const { return objects_; }
  [[nodiscard]] const pb::CatalogObject* object(ObjectId id) const;
  [[nodiscard]] const std::map<JobId, std::shared_ptr<const JobPlan>>& jobs() const { return jobs_; }
  [[nodiscard]] std::shared_ptr<const JobPlan> job(JobId id) const;
  [[nodiscard]] const JobPlacement* placement(JobId id) const;
  [[nodiscard]] const std::map<SplitKey, JobSplit>& splits(JobId id) const;
  [[nodiscard]] const std::map<uint32_t, std::string>& numbered_splits(ObjectId source) const;
  [[nodiscard]] const std::map<WorkerId, pb::WorkerRecord>& workers() const { return workers_; }
  [[nodiscard]] const pb::WorkerRecord* worker(WorkerId id) const;
  /// Live segments of a graph on a node, by sequence number.
  [[nodiscard]] const Segments& segments(PartialGraphId graph, WorkerId worker) const;
  [[nodiscard]] const std::map<PartialGraphId, std::map<WorkerId, Segments>>& segments() const { return segments_; }
  [[nodiscard]] Epoch committed(PartialGraphId graph) const;
  /// The last epoch each graph committed, and the term that did.
  [[nodiscard]] const std::map<PartialGraphId, std::pair<Term, Epoch>>& commits() const { return committed_; }
  [[nodiscard]] const std::map<uint64_t, pb::EventRecord>& events() const { return events_; }

 private:
  using Value = std::optional<std::string>;
  struct Key {
    std::string_view text;
    std::vector<uint64_t> numbers;
    template <typename Id>
    [[nodiscard]] Id id(size_t part) const {
      return Id{static_cast<typename Id::rep>(numbers[part])};
    }
  };
  Status apply_row(std::string_view key, const Value& value);
  Status apply_counter(std::string_view key, const Value& value);
  Status apply_database(const Key& key, const Value& value);
  Status apply_object(const Key& key, const Value& value);
  Status apply_worker(const Key& key, const Value& value);
  Status apply_event(const Key& key, const Value& value);
  Status apply_graph(const Key& key, const Value& value);
  Status apply_job(const Key& key, const Value& value);
  Status apply_placement(const Key& key, const Value& value);
  Status apply_split(const Key& key, const Value& value);
  Status apply_numbered_split(const Key& key, const Value& value);
  Status apply_segment(const Key& key, const Value& value);

  std::array<uint64_t, kCounters> counters_{};
  std::map<DatabaseId, pb::Database> databases_;
  std::map<ObjectId, pb::CatalogObject> objects_;
  std::map<JobId, std::shared_ptr<const JobPlan>> jobs_;  // shared: an in-flight graph keeps a plan whose job was dropped
  std::map<JobId, JobPlacement> placements_;
  std::map<JobId, std::map<SplitKey, JobSplit>> splits_;
  std::map<ObjectId, std::map<uint32_t, std::string>> numbered_splits_;
  std::map<WorkerId, pb::WorkerRecord> workers_;
  std::map<PartialGraphId, std::map<WorkerId, Segments>> segments_;
  std::map<PartialGraphId, std::pair<Term, Epoch>> committed_;
  std::map<uint64_t, pb::EventRecord> events_;
};

}  // namespace penstock::meta
