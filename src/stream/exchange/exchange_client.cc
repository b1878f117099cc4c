#include "stream/exchange/exchange_client.h"

#include <absl/container/flat_hash_map.h>

#include "common/log.h"
#include "proto/compute_service.pb.h"
#include "stream/exchange/exchange_frames.h"
#include "stream/exchange/heartbeat.h"

namespace penstock::stream {

/// The stream to one node. Messages are worked off on an executor of its own; channels come and go from any thread.
class ExchangeClient::Peer : public std::enable_shared_from_this<Peer> {
 public:
  struct Channel {
    std::shared_ptr<Mailbox> mailbox;  // shared with the actor and its other channels
    uint32_t channel;                  // in the mailbox
    size_t budget;
    std::vector<data::DataType> types;
    std::atomic<size_t> in_flight{0};
    std::atomic<uint32_t> barriers{0};
  };

  Peer(runtime::Runtime& runtime, std::string endpoint)
      : endpoint_(std::move(endpoint)),
        executor_(runtime.make_serial("exchange-in", false)),
        heartbeat_(runtime, *executor_, [this] { write(ping_frame()); }, [this] { close(Heartbeat::silence()); }) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() = default;

  void connect(rpc::Transport& transport, const std::string& node);
  [[nodiscard]] bool closed() {
    MutexLock lock(mutex_);
    return closed_.has_value();
  }
  [[nodiscard]] std::pair<uint32_t, std::shared_ptr<Channel>> subscribe(const RemoteUpstream& upstream, std::shared_ptr<Mailbox> mailbox,
                                                                        uint32_t channel, size_t budget, size_t kept_back);
  void unsubscribe(uint32_t number);
  void give_credit(uint32_t number, Channel& channel, size_t rows);

 private:
  void on_message(const std::string& bytes);
  [[nodiscard]] Status take(const pb::ExchangeFrame& frame);
  [[nodiscard]] Status take_data(const pb::ExchangeData& data);
  [[nodiscard]] Status take_barriers(const pb::ExchangeBarrier& frame);
  [[nodiscard]] Status take_closed(const pb::ExchangeClosed& closed);
  [[nodiscard]] Result<std::shared_ptr<Channel>> find(uint32_t number);
  [[nodiscard]] Result<std::shared_ptr<Channel>> find_locked(uint32_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void write(std::string frame);
  void close(const Error& reason);
  void lose(const Error& reason);

  const std::string endpoint_;
  const std::unique_ptr<runtime::Executor> executor_;  // before what runs on it
  Heartbeat heartbeat_;                                // of the executor

  Mutex mutex_;
  std::shared_ptr<rpc::Stream> stream_ ABSL_GUARDED_BY(mutex_);  // shared with the transport
  std::optional<Error> closed_ ABSL_GUARDED_BY(mutex_);
  // Each shared with its receiver and a message at work.
  absl::flat_hash_map<uint32_t, std::shared_ptr<Channel>> channels_ ABSL_GUARDED_BY(mutex_);
  uint32_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
};

class ExchangeClient::Receiver final : public ChannelReceiver {
 public:
  Receiver(std::shared_ptr<Peer> peer, uint32_t number, std::shared_ptr<Peer::Channel> channel)
      : peer_(std::move(peer)), number_(number), channel_(std::move(channel)) {}
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() override { peer_->unsubscribe(number_); }

  void release_chunk(size_t weight) override {
    unreturned_ += weight;
    if (unreturned_ >= channel_->budget / 4) give_back(std::exchange(unreturned_, 0));
  }
  void give_back(size_t weight) override { peer_->give_credit(number_, *channel_, weight); }
  void release_barrier() override { channel_->barriers.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::shared_ptr<Peer> peer_;  // shared with the other channels
  const uint32_t number_;
  const std::shared_ptr<Peer::Channel> channel_;  // shared with the peer
  size_t unreturned_ = 0;
};

ExchangeClient::~ExchangeClient() = default;

std::unique_ptr<ChannelReceiver> ExchangeClient::open(const RemoteUpstream& upstream, std::shared_ptr<Mailbox> mailbox, uint32_t channel,
                                                      size_t budget, size_t kept_back) {
  std::shared_ptr<Peer> peer;
  {
    MutexLock lock(mutex_);
    std::shared_ptr<Peer>& known = peers_[upstream.endpoint];
    if (!known || known->closed()) {
      known = std::make_shared<Peer>(runtime_, upstream.endpoint);
      known->connect(transport_, node_);
    }
    peer = known;
  }
  auto [number, state] = peer->subscribe(upstream, std::move(mailbox), channel, budget, kept_back);
  return std::make_unique<Receiver>(std::move(peer), number, std::move(state));
}

void ExchangeClient::Peer::connect(rpc::Transport& transport, const std::string& node) {
  rpc::StreamEvents events;
  events.on_message = [weak = weak_from_this()](const std::string& bytes) {
    if (const auto self = weak.lock()) self->on_message(bytes);
  };
  events.on_closed = [weak = weak_from_this()](const Status& status) {
    const auto self = weak.lock();
    if (self) self->lose(status.has_error() ? status.error() : error(Code::Closed, "the other node closed it"));
  };
  auto stream = transport.connect(endpoint_, kExchangeMethod, *executor_, std::move(events));
  stream->write(open_frame(node));
  {
    MutexLock lock(mutex_);
    stream_ = std::move(stream);
  }
  executor_->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->heartbeat_.start(weak);
  });
}

std::pair<uint32_t, std::shared_ptr<ExchangeClient::Peer::Channel>> ExchangeClient::Peer::subscribe(const RemoteUpstream& upstream,
                                                                                                    std::shared_ptr<Mailbox> mailbox,
                                                                                                    uint32_t channel, size_t budget,
                                                                                                    size_t kept_back) {
  auto state = std::make_shared<Channel>();
  state->mailbox = std::move(mailbox);
  state->channel = channel;
  state->budget = budget;
  state->in_flight.store(kept_back);
  state->types = upstream.types;

  pb::ExchangeFrame frame;
  pb::ExchangeSubscribe& wanted = *frame.mutable_subscribe();
  wanted.mutable_graph()->set_id(upstream.down_graph.graph.value);
  wanted.mutable_graph()->set_term(upstream.down_graph.term.value);
  wanted.mutable_up_graph()->set_id(upstream.graph.graph.value);
  wanted.mutable_up_graph()->set_term(upstream.graph.term.value);
  wanted.set_up_actor(upstream.upstream.value);
  wanted.set_down_actor(upstream.downstream.value);
  wanted.set_edge(upstream.edge.value);
  wanted.set_link(upstream.link);
  wanted.set_row_budget(static_cast<uint32_t>(budget));
  wanted.set_kept_back(static_cast<uint32_t>(kept_back));

  std::optional<Error> closed;
  uint32_t number = 0;
  {
    MutexLock lock(mutex_);
    number = next_number_++;
    closed = closed_;
    if (!closed) {
      channels_[number] = state;
      wanted.set_channel(number);
      stream_->write(frame.SerializeAsString());
    }
  }
  if (closed) state->mailbox->push({channel, 0, Mailbox::End{*closed}});
  return {number, std::move(state)};
}

void ExchangeClient::Peer::unsubscribe(uint32_t number) {
  MutexLock lock(mutex_);
  if (channels_.erase(number) == 0) return;
  stream_->write(closed_frame(number, error(Code::Closed, "the downstream actor has ended")));
}

void ExchangeClient::Peer::give_credit(uint32_t number, Channel& channel, size_t rows) {
  channel.in_flight.fetch_sub(rows);
  write(credit_frame(number, rows));
}

void ExchangeClient::Peer::write(std::string frame) {
  MutexLock lock(mutex_);
  if (!closed_) stream_->write(std::move(frame));
}

void ExchangeClient::Peer::on_message(const std::string& bytes) {
  heartbeat_.hear();
  pb::ExchangeFrame frame;
  if (!frame.ParseFromString(bytes)) return close(error(Code::Protocol, "an exchange frame of {} bytes does not parse", bytes.size()));
  if (const Status taken = take(frame); taken.has_error()) close(taken.error());
}

Status ExchangeClient::Peer::take(const pb::ExchangeFrame& frame) {
  switch (frame.kind_case()) {
    case pb::ExchangeFrame::kData:
      return take_data(frame.data());
    case pb::ExchangeFrame::kBarrier:
      return take_barriers(frame.barrier());
    case pb::ExchangeFrame::kClosed:
      return take_closed(frame.closed());
    case pb::ExchangeFrame::kPing:
      return ok();
    default:
      return error(Code::Protocol, "an exchange frame of kind {} came from the sending side", static_cast<int>(frame.kind_case()));
  }
}

Result<std::shared_ptr<ExchangeClient::Peer::Channel>> ExchangeClient::Peer::find(uint32_t number) {
  MutexLock lock(mutex_);
  return find_locked(number);
}

Result<std::shared_ptr<ExchangeClient::Peer::Channel>> ExchangeClient::Peer::find_locked(uint32_t number) {
  if (const auto found = channels_.find(number); found != channels_.end()) return found->second;
  if (number >= next_number_) return error(Code::Protocol, "a message for channel {}, which was never opened", number);
  return std::shared_ptr<Channel>();  // closed by us while it was on its way
}

Status ExchangeClient::Peer::take_data(const pb::ExchangeData& data) {
  PENSTOCK_TRY(const std::shared_ptr<Channel> channel, find(data.channel()));
  if (!channel) return ok();
  if (channel->in_flight.load() >= channel->budget) return error(Code::Protocol, "rows for channel {} without budget", data.channel());
  PENSTOCK_TRY(data::StreamChunk chunk, data::decode_chunk(data.chunk()));
  const auto& columns = chunk.data().columns();
  const auto same = [](const data::Column& column, const data::DataType& type) { return column.type().kind == type.kind; };
  if (!std::ranges::equal(columns, channel->types, same)) {
    return error(Code::Protocol, "rows for channel {} have other columns than the plan says", data.channel());
  }
  const size_t weight = encoded_weight(chunk.rows(), data.chunk().size());
  channel->in_flight.fetch_add(weight);
  channel->mailbox->push({channel->channel, static_cast<uint32_t>(weight), std::move(chunk)});
  return ok();
}

Status ExchangeClient::Peer::take_barriers(const pb::ExchangeBarrier& frame) {
  std::vector<std::pair<uint32_t, std::shared_ptr<Channel>>> channels;
  channels.reserve(static_cast<size_t>(frame.channels_size()));
  {
    MutexLock lock(mutex_);
    for (const uint32_t number : frame.channels()) {
      PENSTOCK_TRY(std::shared_ptr<Channel> channel, find_locked(number));
      if (channel) channels.emplace_back(number, std::move(channel));
    }
  }
  for (const pb::Barrier& sent : frame.barriers()) {
    PENSTOCK_TRY(const Barrier barrier, barrier_of(sent));
    for (const auto& [number, channel] : channels) {
      if (channel->barriers.fetch_add(1) >= kMaxBarriersInFlight) {
        return error(Code::Protocol, "more than {} barriers for channel {}", kMaxBarriersInFlight, number);
      }
      if (channel->mailbox->push_barrier(channel->channel, barrier)) channel->barriers.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  return ok();
}

Status ExchangeClient::Peer::take_closed(const pb::ExchangeClosed& closed) {
  PENSTOCK_TRY(const std::shared_ptr<Channel> channel, find(closed.channel()));
  if (!channel) return ok();
  {
    MutexLock lock(mutex_);
    channels_.erase(closed.channel());
  }
  channel->mailbox->push({channel->channel, 0, Mailbox::End{error(Code::Closed, "{}", closed.reason()).with_context(endpoint_)}});
  return ok();
}

/// This end finds fault with the stream; the other learns why.
void ExchangeClient::Peer::close(const Error& reason) {
  log::warn("exchange", "closing the stream from {}: {}", endpoint_, reason);
  std::shared_ptr<rpc::Stream> stream;
  {
    MutexLock lock(mutex_);
    stream = stream_;
  }
  if (stream) stream->close(reason);
  lose(reason);
}

void ExchangeClient::Peer::lose(const Error& reason) {
  const Error told = error(Code::Closed, "the exchange stream from {} is lost: {}", endpoint_, reason);
  absl::flat_hash_map<uint32_t, std::shared_ptr<Channel>> channels;
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    closed_ = told;
    channels.swap(channels_);
  }
  // In order of their numbers: a simulation is to run the same again.
  std::vector<std::pair<uint32_t, std::shared_ptr<Channel>>> ordered(channels.begin(), channels.end());
  std::ranges::sort(ordered, {}, [](const auto& entry) { return entry.first; });
  for (const auto& [number, channel] : ordered) channel->mailbox->push({channel->channel, 0, Mailbox::End{told}});
}

}  // namespace penstock::stream
