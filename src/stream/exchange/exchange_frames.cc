#include "stream/exchange/exchange_frames.h"

#include "proto/compute_service.pb.h"
#include "stream/exchange/channel.h"

namespace penstock::stream {

std::string open_frame(std::string_view node) {
  pb::ExchangeFrame frame;
  frame.mutable_open()->set_version(kExchangeVersion);
  frame.mutable_open()->set_node_id(std::string(node));
  return frame.SerializeAsString();
}

std::string data_frame(uint32_t channel, std::string chunk) {
  pb::ExchangeFrame frame;
  frame.mutable_data()->set_channel(channel);
  frame.mutable_data()->set_chunk(std::move(chunk));
  return frame.SerializeAsString();
}

std::string barrier_frame(std::span<const uint32_t> channels, const Barrier& barrier) {
  pb::ExchangeFrame frame;
  frame.mutable_barrier()->mutable_channels()->Add(channels.begin(), channels.end());
  pb::Barrier* sent = frame.mutable_barrier()->add_barriers();
  sent->mutable_epoch()->set_prev(barrier.epoch.prev.value);
  sent->mutable_epoch()->set_curr(barrier.epoch.curr.value);
  sent->set_kind(static_cast<pb::BarrierKind>(barrier.kind));
  return frame.SerializeAsString();
}

std::string credit_frame(uint32_t channel, size_t rows) {
  pb::ExchangeFrame frame;
  frame.mutable_credit()->set_channel(channel);
  frame.mutable_credit()->set_rows(static_cast<uint32_t>(rows));
  return frame.SerializeAsString();
}

std::string closed_frame(uint32_t channel, const Error& reason) {
  pb::ExchangeFrame frame;
  frame.mutable_closed()->set_channel(channel);
  frame.mutable_closed()->set_sqlstate(std::string(sqlstate(reason.code())));
  frame.mutable_closed()->set_reason(reason.to_string());
  return frame.SerializeAsString();
}

std::string ping_frame() {
  pb::ExchangeFrame frame;
  frame.mutable_ping();
  return frame.SerializeAsString();
}

storage::GraphTerm graph_of(const pb::GraphId& graph) { return {PartialGraphId{graph.id()}, Term{graph.term()}}; }

Result<Barrier> barrier_of(const pb::Barrier& barrier) {
  const EpochPair epoch{Epoch{barrier.epoch().prev()}, Epoch{barrier.epoch().curr()}};
  const bool known = barrier.kind() >= pb::BARRIER_INITIAL && barrier.kind() <= pb::BARRIER_CHECKPOINT;
  if (!known || epoch.curr <= epoch.prev) {
    return error(Code::Protocol, "a barrier {}..{} of kind {}", epoch.prev, epoch.curr, static_cast<int>(barrier.kind()));
  }
  return Barrier{epoch, static_cast<BarrierKind>(barrier.kind()), nullptr};
}

size_t encoded_weight(size_t rows, size_t bytes) { return std::max({size_t{1}, rows, bytes / kBytesPerRow}); }

}  // namespace penstock::stream
