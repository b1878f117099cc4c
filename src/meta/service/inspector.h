#pragma once

#include <map>
#include <string>

#include "meta/await/await_graph.h"
#include "meta/barrier/control_events.h"
#include "proto/inspect.pb.h"

namespace penstock::meta {

class MetaLoop;

/// Answers questions about the cluster that only its nodes can answer: asks them all at once, waits a short time for those that do not
/// answer, and puts what was said beside what meta knows. Used on the loop only.
class Inspector {
 public:
  static constexpr runtime::Duration kPatience = std::chrono::seconds(2);

  explicit Inspector(MetaLoop& loop) : loop_(loop) {}
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  void await_tree(AwaitFilter filter, absl::AnyInvocable<void(pb::AwaitTreeReply)> done);
  void table_sizes(absl::AnyInvocable<void(pb::TableSizesReply)> done);
  /// `caller_micros`: the clock of who asks; 0: not said.
  void doctor(int64_t caller_micros, absl::AnyInvocable<void(pb::DoctorReply)> done);

  /// Logs who holds the barrier up. The event log gets the first report of a barrier, then the second, the fourth and so on.
  void on_stuck(DatabaseId database, const BarrierStuck& stuck);

 private:
  using Answers = std::map<WorkerId, Result<pb::InspectResponse>>;
  void ask_all(const std::string& what, absl::AnyInvocable<void(Answers)> done);
  [[nodiscard]] AwaitWorld world_of(Answers answers) const;
  void tell_stuck(DatabaseId database, const pb::AwaitTreeReply& tree, bool is_event);

  MetaLoop& loop_;
  struct Reports {
    Epoch epoch;
    uint32_t count = 0;
  };
  std::map<DatabaseId, Reports> stuck_;
};

/// Names of a fragment's operators, root first, as the plan has them.
[[nodiscard]] std::string operator_names(const pb::StreamNode& root);

}  // namespace penstock::meta
