#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/epoch.h"
#include "common/ids.h"
#include "common/vnode.h"
#include "runtime/runtime.h"
#include "storage/state_store.h"
#include "stream/message.h"
#include "stream/pace.h"

namespace penstock::stream {

/// One piece of a source and how far it was read; the C++ form of pb.Split.
struct SplitState {
  std::string id;
  uint32_t number = 0;
  std::string offset;
  bool finished = false;
  uint64_t rows = 0;
  std::string identity;
};

/// What an actor tells about an epoch beside having collected its barrier; collected in one EpochReport a graph and epoch.
/// Calls come from the actor, before it collects the barrier of that epoch.
struct SourceReport {
  ActorId actor;
  ObjectId source;
  std::vector<SplitState> splits;  // all splits of the actor
  uint64_t skipped_rows = 0;       // since the actor started
  std::string last_error;
};
struct CreateReport {
  ActorId actor;
  bool done = false;
  uint64_t rows = 0;
};
class EpochReports {
 public:
  virtual ~EpochReports() = default;
  virtual void report_source(Epoch prev, SourceReport report) = 0;
  virtual void report_create_progress(Epoch prev, CreateReport report) = 0;
  virtual void report_expression_errors(Epoch prev, uint64_t count, const Error& first) = 0;
};

/// Ingress of DML for one actor. Batches come from any thread; the actor takes them in order.
class DmlQueue {
 public:
  virtual ~DmlQueue() = default;
  struct Batch {
    data::StreamChunk chunk;                        // columns of the table
    absl::AnyInvocable<void(Result<Epoch>)> taken;  // called once: the epoch (curr) that holds the rows, or why not
  };
  /// All that was accepted so far, and what a barrier has named as part of `epoch`, the one that runs; empty when nothing.
  [[nodiscard]] virtual std::vector<Batch> take(Epoch epoch) = 0;
};
/// Where DML actors make themselves known. Registering gives a queue; dropping it unregisters and fails what is left in it.
class DmlRegistry {
 public:
  virtual ~DmlRegistry() = default;
  /// `types`: of the table's columns. `wake` is called (from any thread) after a batch was put into an empty queue.
  [[nodiscard]] virtual std::unique_ptr<DmlQueue> register_actor(ObjectId table, std::vector<data::DataType> types, ActorId actor,
                                                                 std::function<void()> wake) = 0;
};

/// Memory of operators' state on this node, one budget for all; thread-safe counters.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t limit) : limit_(limit) {}
  void add(ptrdiff_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  [[nodiscard]] size_t used() const { return static_cast<size_t>(std::max<ptrdiff_t>(0, used_.load(std::memory_order_relaxed))); }
  [[nodiscard]] size_t limit() const { return limit_; }
  /// How far above the limit; 0 when below.
  [[nodiscard]] size_t excess() const { return used() > limit_ ? used() - limit_ : 0; }

 private:
  const size_t limit_;
  std::atomic<ptrdiff_t> used_{0};
};

/// Who reads what changes in the rows of the actor's job; the C++ form of pb.Subscriber.
struct Subscriber {
  ObjectId subscription;
  TableId log_table;
  std::chrono::milliseconds retention{};
};

/// What operators of one actor are built with. References outlive the actor.
struct ActorContext {
  ActorId actor;
  FragmentId fragment;
  JobId job;
  storage::GraphTerm graph;
  VNodeBitmap vnodes;
  uint32_t index = 0;  // among the actors of its fragment
  uint32_t parallelism = 1;
  uint32_t table_base = 0;  // added to local table ids of the plan
  uint32_t operator_base = 0;
  std::vector<SplitState> splits;
  bool paused = false;          // sources and backfill begin held
  bool backfill_waits = false;  // for others of the job: it begins with a StartBackfill
  std::vector<Subscriber> subscribers;
  runtime::Runtime& runtime;
  storage::StateStore& store;
  EpochReports& reports;
  DmlRegistry& dml;
  MemoryBudget& memory;
  std::shared_ptr<const Pace> pace;  // shared with the graph's other actors; null: none
  std::function<void()> wake;        // thread-safe: the actor's generators may have something; may come after the actor is gone
};

}  // namespace penstock::stream
