#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "storage/disk_guard.h"
#include "stream/task/barrier_worker/events.h"
#include "stream/task/barrier_worker/leader_seen.h"

namespace penstock::pb {
class ControlResponse;
class TableSizes;
class WorkerSnapshot;
}  // namespace penstock::pb

/// Control stream bytes <-> the worker's own structs (proto/control_stream.proto). Decoding checks everything that came from outside.
namespace penstock::stream {

constexpr uint32_t kControlVersion = 7;
constexpr uint32_t kControlMinSupported = 7;

struct InitRequest {
  uint32_t protocol_version;
  uint32_t min_supported;
  std::string cluster_id;
  std::string node_id;
  Incarnation incarnation;
  LeaderTerm leader_term;
  WorkerId worker;
  std::vector<storage::SegmentRef> live_segments;
  uint64_t highest_segment;       // sequence number of this node that was ever committed
  std::vector<uint64_t> leaders;  // ids: of the meta that speaks, then of the terms below, newest first

  [[nodiscard]] LeaderSeen leader() const { return {leader_term, leaders.empty() ? 0 : leaders.front()}; }
};
struct CommitEpoch {
  GraphTerm graph;
  Epoch epoch;
  std::vector<uint64_t> struck_off;
  std::vector<TableId> dropped_tables;
  std::vector<GraphTerm> with;
};
struct ResetGraphs {
  std::vector<GraphTerm> graphs;
};
struct RemoveGraphs {
  std::vector<GraphTerm> graphs;
};
struct InspectRequest {
  std::string what;
  uint64_t request;
};
struct PingRequest {};

using ControlRequest = std::variant<InitRequest, CreatePartialGraph, InjectBarrier, CommitEpoch, ResetGraphs, RemoveGraphs,
                                    MergePartialGraph, InspectRequest, PingRequest, TransferVnodes>;

/// Errors: `Protocol` saying which message and field.
[[nodiscard]] Result<ControlRequest> decode_control_request(std::string_view bytes);

[[nodiscard]] std::string encode_init_response(std::string_view node_id, Incarnation incarnation);
[[nodiscard]] std::string encode_complete(const BarrierCompleteResult& result, std::span<const uint64_t> flushed_segments,
                                          std::span<const TransactionId> held);
[[nodiscard]] std::string encode_failure(const ReportFailure& failure);
[[nodiscard]] std::string encode_reset(const ReportReset& reset);
[[nodiscard]] std::string encode_transferred(GraphTerm graph, Epoch epoch, const Result<std::vector<storage::SegmentInfo>>& files);
[[nodiscard]] std::string encode_inspect(uint64_t request, std::string text);
[[nodiscard]] std::string encode_inspect(uint64_t request, pb::WorkerSnapshot snapshot);
[[nodiscard]] std::string encode_inspect(uint64_t request, pb::TableSizes sizes);
[[nodiscard]] std::string encode_pressure(const storage::DiskReport& disk, const NodeMemory& memory);
[[nodiscard]] std::string encode_pong();
[[nodiscard]] std::string encode_shutdown();

}  // namespace penstock::stream
