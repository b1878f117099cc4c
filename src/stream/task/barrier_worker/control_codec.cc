#include "stream/task/barrier_worker/control_codec.h"

#include "proto/control_stream.pb.h"
#include "stream/task/barrier_worker/combined_mutation.h"

namespace penstock::stream {
namespace {

GraphTerm from_pb(const pb::GraphId& graph) { return {PartialGraphId{graph.id()}, Term{graph.term()}}; }
void to_pb(GraphTerm graph, pb::GraphId* out) {
  out->set_id(graph.graph.value);
  out->set_term(graph.term.value);
}

std::vector<storage::SegmentRef> from_pb(const google::protobuf::RepeatedPtrField<pb::SegmentRef>& refs) {
  std::vector<storage::SegmentRef> out;
  out.reserve(static_cast<size_t>(refs.size()));
  for (const pb::SegmentRef& ref : refs) out.push_back({ref.sequence(), ref.checksum(), Epoch{ref.epoch()}, from_pb(ref.graph())});
  return out;
}

template <typename Id, typename Field>
std::vector<Id> ids_from_pb(const Field& values) {
  std::vector<Id> out;
  out.reserve(static_cast<size_t>(values.size()));
  for (const auto value : values) out.push_back(Id{value});
  return out;
}

ControlRequest from_pb(const pb::InitRequest& m) {
  return InitRequest{m.protocol_version(),
                     m.min_supported(),
                     m.cluster_id(),
                     m.node_id(),
                     Incarnation{m.incarnation()},
                     LeaderTerm{m.leader_term()},
                     WorkerId{m.worker_id()},
                     from_pb(m.live_segments()),
                     m.highest_segment(),
                     {m.leaders().begin(), m.leaders().end()}};
}

Result<BarrierKind> from_pb(pb::BarrierKind kind) {
  switch (kind) {
    case pb::BARRIER_INITIAL:
      return BarrierKind::Initial;
    case pb::BARRIER_BARRIER:
      return BarrierKind::Barrier;
    case pb::BARRIER_CHECKPOINT:
      return BarrierKind::Checkpoint;
    default:
      return error(Code::Protocol, "barrier of unknown kind {}", static_cast<int>(kind));
  }
}

Result<ControlRequest> from_pb(pb::InjectBarrier& m) {
  InjectBarrier event{.graph = from_pb(m.graph())};
  PENSTOCK_TRY(event.barrier.kind, from_pb(m.barrier().kind()));
  event.barrier.epoch = {Epoch{m.barrier().epoch().prev()}, Epoch{m.barrier().epoch().curr()}};
  if (m.barrier().has_mutation()) {
    PENSTOCK_TRY(auto mutation, take_apart(std::move(*m.mutable_barrier()->mutable_mutation())));
    event.barrier.mutation = std::make_shared<const pb::Mutation>(std::move(mutation));
  }
  event.actors_to_collect = ids_from_pb<ActorId>(m.actors_to_collect());
  event.tables_to_sync = ids_from_pb<TableId>(m.tables_to_sync());
  event.commit_txns = ids_from_pb<TransactionId>(m.commit_txns());
  event.abort_txns = ids_from_pb<TransactionId>(m.abort_txns());
  for (pb::BuildFragment& fragment : *m.mutable_build()) {
    if (!fragment.has_root()) return error(Code::Protocol, "fragment {} has no plan", fragment.fragment_id());
    for (const pb::BuildActor& actor : fragment.actors()) {
      event.new_actors.push_back({ActorId{actor.actor_id()}, FragmentId{fragment.fragment_id()}});
    }
    event.build.push_back(std::make_shared<const pb::BuildFragment>(std::move(fragment)));
  }
  return event;
}

Result<VNodeBitmap> vnodes_from_pb(uint32_t count, const std::string& bytes) {
  if (count == 0 || count > 32768) return error(Code::Protocol, "control stream: a count of {} vnodes", count);
  return VNodeBitmap::from_bytes(count, bytes);
}

Result<std::vector<OwnedVnodes>> owned_from_pb(const google::protobuf::RepeatedPtrField<pb::OwnedVnodes>& all) {
  std::vector<OwnedVnodes> out;
  for (const pb::OwnedVnodes& owned : all) {
    PENSTOCK_TRY(auto vnodes, vnodes_from_pb(owned.vnode_count(), owned.vnodes()));
    out.push_back({ids_from_pb<TableId>(owned.tables()), std::move(vnodes)});
  }
  return out;
}

Result<ControlRequest> from_pb(const pb::CreatePartialGraph& m) {
  CreatePartialGraph event{from_pb(m.graph()),
                           Epoch{m.committed_epoch()},
                           from_pb(m.segments()),
                           ids_from_pb<TableId>(m.live_tables()),
                           std::nullopt,
                           m.database(),
                           {}};
  if (m.has_trunk()) event.trunk = from_pb(m.trunk());
  PENSTOCK_TRY(event.owned, owned_from_pb(m.owned()));
  return event;
}

Result<ControlRequest> from_pb(const pb::TransferVnodes& m) {
  TransferVnodes order{from_pb(m.graph()), Epoch{m.epoch()}, {}, m.ahead()};
  for (const pb::VnodeTransfer& part : m.parts()) {
    PENSTOCK_TRY(auto vnodes, vnodes_from_pb(part.vnode_count(), part.vnodes()));
    order.parts.push_back({WorkerId{part.from_worker()}, part.from(), ids_from_pb<TableId>(part.tables()), std::move(vnodes)});
  }
  return order;
}

std::vector<GraphTerm> graphs_from_pb(const google::protobuf::RepeatedPtrField<pb::GraphId>& graphs) {
  std::vector<GraphTerm> out;
  for (const pb::GraphId& graph : graphs) out.push_back(from_pb(graph));
  return out;
}

Result<ControlRequest> from_pb(const pb::CommitEpoch& m) {
  CommitEpoch commit{from_pb(m.graph()),
                     Epoch{m.epoch()},
                     {m.struck_off().begin(), m.struck_off().end()},
                     ids_from_pb<TableId>(m.dropped_tables()),
                     graphs_from_pb(m.with()),
                     m.vnodes_here(),
                     from_pb(m.adopt()),
                     {}};
  PENSTOCK_TRY(commit.owned, owned_from_pb(m.owned()));
  return commit;
}

void to_pb(const SourceReport& report, pb::SourceProgress* out) {
  out->set_actor_id(report.actor.value);
  out->set_source_id(report.source.value);
  out->set_skipped_rows(report.skipped_rows);
  out->set_last_error(report.last_error);
  for (const SplitState& split : report.splits) {
    pb::Split* s = out->add_splits();
    s->set_id(split.id);
    s->set_number(split.number);
    s->set_offset(split.offset);
    s->set_finished(split.finished);
    s->set_rows(split.rows);
    s->set_identity(split.identity);
  }
}

void to_pb(const storage::SegmentInfo& segment, pb::SegmentInfo* out) {
  pb::SegmentRef* ref = out->mutable_ref();
  ref->set_sequence(segment.ref.sequence);
  ref->set_checksum(segment.ref.checksum);
  ref->set_epoch(segment.ref.epoch.value);
  to_pb(segment.ref.graph, ref->mutable_graph());
  out->set_bytes(segment.bytes);
  out->set_rows(segment.rows);
  for (const TableId table : segment.tables) out->add_tables(table.value);
}

int64_t micros(runtime::Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

void timings_to_pb(const BarrierCompleteResult& result, pb::BarrierTimings* out) {
  out->set_last_collect_us(micros(result.collected - result.injected));
  out->set_sync_us(micros(result.completed - result.collected));
  int64_t first = out->last_collect_us();
  for (const FragmentTiming& timing : result.fragments) {
    pb::FragmentTiming* t = out->add_fragments();
    t->set_fragment_id(timing.fragment.value);
    t->set_first_collect_us(micros(timing.first - result.injected));
    t->set_last_collect_us(micros(timing.last - result.injected));
    t->set_last_actor(timing.last_actor.value);
    first = std::min(first, t->first_collect_us());
  }
  out->set_first_collect_us(first);
}

void error_to_pb(const Error& error, ActorId actor, FragmentId fragment, int score, pb::RootError* out) {
  out->set_sqlstate(std::string(sqlstate(error.code())));
  out->set_message(error.to_string());
  out->set_actor_id(actor.value);
  out->set_fragment_id(fragment.value);
  out->set_score(static_cast<uint32_t>(score));
}

}  // namespace

Result<ControlRequest> decode_control_request(std::string_view bytes) {
  pb::ControlRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return error(Code::Protocol, "control stream: {} bytes that are no ControlRequest", bytes.size());
  }
  switch (request.kind_case()) {
    case pb::ControlRequest::kInit:
      return from_pb(request.init());
    case pb::ControlRequest::kCreatePartialGraph:
      return from_pb(request.create_partial_graph());
    case pb::ControlRequest::kTransferVnodes:
      return from_pb(request.transfer_vnodes());
    case pb::ControlRequest::kInjectBarrier:
      return from_pb(*request.mutable_inject_barrier());
    case pb::ControlRequest::kCommitEpoch:
      return from_pb(request.commit_epoch());
    case pb::ControlRequest::kResetPartialGraphs:
      return ResetGraphs{graphs_from_pb(request.reset_partial_graphs().graphs())};
    case pb::ControlRequest::kRemovePartialGraphs:
      return RemoveGraphs{graphs_from_pb(request.remove_partial_graphs().graphs())};
    case pb::ControlRequest::kInspect:
      return InspectRequest{request.inspect().what(), request.inspect().request()};
    case pb::ControlRequest::kMergePartialGraph: {
      const auto& m = request.merge_partial_graph();
      return MergePartialGraph{from_pb(m.from()), from_pb(m.into()), Epoch{m.epoch()}};
    }
    case pb::ControlRequest::kPing:
      return PingRequest{};
    case pb::ControlRequest::KIND_NOT_SET:
      break;
  }
  return error(Code::Protocol, "control stream: a request of no known kind; is meta newer than this node?");
}

std::string encode_init_response(std::string_view node_id, Incarnation incarnation) {
  pb::ControlResponse response;
  auto* m = response.mutable_init();
  m->set_protocol_version(kControlVersion);
  m->set_min_supported(kControlMinSupported);
  m->set_node_id(std::string(node_id));
  m->set_incarnation(incarnation.value);
  return response.SerializeAsString();
}

std::string encode_complete(const BarrierCompleteResult& result, std::span<const uint64_t> flushed_segments,
                            std::span<const TransactionId> held) {
  pb::ControlResponse response;
  auto* m = response.mutable_barrier_complete();
  to_pb(result.graph, m->mutable_graph());
  m->set_epoch(result.epoch.prev.value);
  m->set_kind(static_cast<pb::BarrierKind>(result.kind));
  for (const storage::SegmentInfo& segment : result.segments) to_pb(segment, m->add_segments());
  for (const uint64_t sequence : flushed_segments) m->add_flushed_segments(sequence);
  for (const TransactionId transaction : held) m->add_transactions_held(transaction.value);
  for (const SourceReport& report : result.report.sources) to_pb(report, m->add_sources());
  for (const CreateReport& report : result.report.creates) {
    pb::CreateProgress* progress = m->add_create_progress();
    progress->set_actor_id(report.actor.value);
    progress->set_done(report.done);
    progress->set_rows(report.rows);
    progress->set_epoch(result.epoch.prev.value);
  }
  timings_to_pb(result, m->mutable_timings());
  m->set_expression_errors(result.report.expressions.count);
  if (result.report.expressions.first) m->set_expression_error_text(result.report.expressions.first->to_string());
  return response.SerializeAsString();
}

std::string encode_failure(const ReportFailure& failure) {
  pb::ControlResponse response;
  auto* m = response.mutable_partial_graph_failure();
  to_pb(failure.graph, m->mutable_graph());
  error_to_pb(failure.error, failure.actor, FragmentId{0}, root_cause_score(failure.error), m->mutable_error());
  return response.SerializeAsString();
}

std::string encode_reset(const ReportReset& reset) {
  pb::ControlResponse response;
  auto* m = response.mutable_reset_partial_graph();
  to_pb(reset.graph, m->mutable_graph());
  if (reset.root) {
    m->set_has_error(true);
    error_to_pb(reset.root->error, reset.root->actor, reset.root->fragment, reset.root->score, m->mutable_root_error());
  }
  return response.SerializeAsString();
}

std::string encode_transferred(GraphTerm graph, Epoch epoch, const Result<std::vector<storage::SegmentInfo>>& files) {
  pb::ControlResponse response;
  auto* m = response.mutable_vnodes_transferred();
  to_pb(graph, m->mutable_graph());
  m->set_epoch(epoch.value);
  if (files.has_error()) {
    m->set_failed(true);
    error_to_pb(files.error(), ActorId{0}, FragmentId{0}, root_cause_score(files.error()), m->mutable_error());
  } else {
    for (const storage::SegmentInfo& segment : files.value()) to_pb(segment, m->add_segments());
  }
  return response.SerializeAsString();
}

std::string encode_inspect(uint64_t request, std::string text) {
  pb::ControlResponse response;
  response.mutable_inspect()->set_request(request);
  response.mutable_inspect()->set_text(std::move(text));
  return response.SerializeAsString();
}

std::string encode_inspect(uint64_t request, pb::WorkerSnapshot snapshot) {
  pb::ControlResponse response;
  response.mutable_inspect()->set_request(request);
  *response.mutable_inspect()->mutable_snapshot() = std::move(snapshot);
  return response.SerializeAsString();
}

std::string encode_inspect(uint64_t request, pb::TableSizes sizes) {
  pb::ControlResponse response;
  response.mutable_inspect()->set_request(request);
  *response.mutable_inspect()->mutable_table_sizes() = std::move(sizes);
  return response.SerializeAsString();
}

std::string encode_pressure(const storage::DiskReport& disk, const NodeMemory& memory) {
  pb::ControlResponse response;
  auto* m = response.mutable_pressure();
  m->set_level(static_cast<pb::DiskLevel>(disk.level));
  m->set_folder(disk.folder);
  m->set_free_bytes(disk.free_bytes);
  m->set_reserve_bytes(disk.reserve_bytes);
  m->set_state_bytes(memory.state_bytes);
  m->set_state_limit(memory.state_limit);
  m->set_unflushed_bytes(memory.unflushed_bytes);
  m->set_exchange_bytes(memory.exchange_bytes);
  return response.SerializeAsString();
}

std::string encode_pong() {
  pb::ControlResponse response;
  response.mutable_pong();
  return response.SerializeAsString();
}

std::string encode_shutdown() {
  pb::ControlResponse response;
  response.mutable_shutdown();
  return response.SerializeAsString();
}

}  // namespace penstock::stream
