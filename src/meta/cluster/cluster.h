#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/error.h"
#include "meta/model/meta_model.h"
#include "meta/model/types.h"
#include "proto/meta_service.pb.h"

namespace penstock::meta {

/// Disks below their reserve.
struct DiskTrouble {
  std::string text;   // which node, which folder, how much is free; empty: all have enough
  bool full = false;  // something cannot be written at this moment
};

/// Which nodes there are and which of them live. A node is its uuid; the endpoint is an attribute; of two starts of one node the one with
/// the lower incarnation has lost for good. A node lives from the answer to Init until its control stream ends or is silent for
/// `liveness_timeout`.
///
/// Pure: what is to be done comes out as effects. `attempt` numbers the connections of all nodes; what belongs to an ended one is ignored.
class Cluster {
 public:
  struct Options {
    runtime::Duration ping_interval = std::chrono::seconds(1);
    runtime::Duration liveness_timeout = std::chrono::seconds(10);
    runtime::Duration first_retry = std::chrono::milliseconds(100);
    runtime::Duration last_retry = std::chrono::seconds(2);
  };

  /// Open a control stream and send Init on it, once no commit with segments of this node is on its way.
  struct Connect {
    WorkerId worker;
    uint64_t attempt;
    std::string endpoint;
  };
  struct Ping {
    WorkerId worker;
    uint64_t attempt;
  };
  struct Close {
    WorkerId worker;
    uint64_t attempt;
    Error reason;
  };
  struct Ready {
    WorkerId worker;
  };
  struct Lost {
    WorkerId worker;
    Error reason;
  };
  using Effect = std::variant<Connect, Ping, Close, Ready, Lost>;
  using Effects = std::vector<Effect>;

  explicit Cluster(Options options) : options_(options) {}

  /// Whether a registration is acceptable, and the record to make durable for it: the known one with what changed, or a new one with the
  /// next worker id. Errors: `InvalidParameter` (another cluster, no node id), `Stale` (a newer start is registered, or the same one lives
  /// elsewhere).
  [[nodiscard]] Result<pb::WorkerRecord> check_registration(const MetaModel& model, const std::string& cluster_id,
                                                            const pb::RegisterWorkerRequest& request) const;

  /// The record is durable: at start for each node known, later for each registration.
  void on_registered(Now now, const pb::WorkerRecord& record, Effects& out);
  void on_init_answered(Now now, WorkerId worker, uint64_t attempt, const pb::InitResponse& answer, Effects& out);
  /// Any message.
  void on_heard(Now now, WorkerId worker, uint64_t attempt);
  void on_closed(Now now, WorkerId worker, uint64_t attempt, const Error& reason, Effects& out);
  /// Ends the node's connection; it gets a new one and begins afresh.
  void disconnect(Now now, WorkerId worker, const Error& reason, Effects& out);
  /// It said it is leaving: nothing new is placed on it.
  void on_leaving(WorkerId worker);
  /// The record says whether it is drained: as on_leaving, but it stays, and may take actors again.
  void on_drained(const pb::WorkerRecord& record);
  void on_tick(Now now, Effects& out);
  /// What a node says of its disk holds until it says otherwise or is lost.
  void on_pressure(WorkerId worker, const pb::Pressure& pressure);
  /// Meta's own folder, which every database needs.
  void set_own_disk(const pb::Pressure& pressure) { own_disk_ = pressure; }
  [[nodiscard]] const pb::Pressure& own_disk() const { return own_disk_; }
  /// As the node last said.
  [[nodiscard]] const pb::Pressure& disk(WorkerId worker) const;
  /// Of these nodes and of meta.
  [[nodiscard]] DiskTrouble disk_trouble(const std::set<WorkerId>& workers) const;

  [[nodiscard]] bool is_live(WorkerId worker) const;
  [[nodiscard]] bool is_current(WorkerId worker, uint64_t attempt) const;
  /// Live nodes that take new actors.
  [[nodiscard]] std::vector<WorkerId> placeable() const;
  [[nodiscard]] uint32_t parallelism(WorkerId worker) const;
  [[nodiscard]] std::string endpoint(WorkerId worker) const;
  /// "node 3 (127.0.0.1:5688, uuid 1b…)".
  [[nodiscard]] std::string name(WorkerId worker) const;
  /// "node 3 (127.0.0.1:5688, uuid 1b…), away for 12 s: the reason".
  [[nodiscard]] std::string describe(WorkerId worker, Now now) const;
  [[nodiscard]] std::optional<runtime::TimePoint> next_wake() const;

 private:
  struct Away {
    runtime::TimePoint retry_at;
    runtime::Duration retry_delay;
    std::string reason;
  };
  struct Connecting {
    uint64_t attempt;
    runtime::TimePoint since;
    runtime::Duration retry_delay;  // if it fails
  };
  struct Live {
    uint64_t attempt;
    runtime::TimePoint last_heard;
    runtime::TimePoint last_ping;
    bool leaving = false;
  };
  struct Node {
    pb::WorkerRecord record;
    std::variant<Away, Connecting, Live> state;
    std::optional<runtime::TimePoint> gone_since;  // while it is away and once was not
    pb::Pressure disk;                             // as it last said
  };

  /// If this process itself stood still, nobody can be blamed for silence.
  void forgive_own_stall(Now now);
  Node* find_current(WorkerId worker, uint64_t attempt);
  void connect(Now now, WorkerId id, Node& node, runtime::Duration retry_delay, Effects& out);
  void lose(Now now, WorkerId id, Node& node, const Error& reason, Effects& out);
  [[nodiscard]] static std::optional<uint64_t> attempt_of(const Node& node);

  const Options options_;
  uint64_t attempts_ = 0;
  std::optional<runtime::TimePoint> last_tick_;
  std::map<WorkerId, Node> nodes_;
  pb::Pressure own_disk_;
};

}  // namespace penstock::meta
