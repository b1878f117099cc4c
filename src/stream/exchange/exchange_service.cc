#include "stream/exchange/exchange_service.h"

#include "common/log.h"
#include "common/mutex.h"
#include "proto/compute_service.pb.h"
#include "stream/exchange/barrier_gather.h"
#include "stream/exchange/exchange_frames.h"
#include "stream/exchange/heartbeat.h"

namespace penstock::stream {
namespace {

constexpr size_t kMostChannels = 1 << 18;
constexpr uint32_t kLargestBudget = 1 << 24;

}  // namespace

/// One stream. Messages are worked off on an executor of its own; actors send from their threads. The lock guards the channels and keeps
/// the frames in the order that `BarrierGather` gives them.
class ExchangeService::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(runtime::Runtime& runtime, OutputHub& hub, std::shared_ptr<rpc::Stream> stream, std::weak_ptr<Sessions> sessions)
      : hub_(hub),
        sessions_(std::move(sessions)),
        executor_(runtime.make_serial("exchange-out", false)),
        stream_(std::move(stream)),
        heartbeat_(runtime, *executor_, [this] { stream_->write(ping_frame()); }, [this] { find_fault(Heartbeat::silence()); }) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  [[nodiscard]] rpc::Service::Accepted start();
  /// The other end learns the reason; nothing more is sent, and every channel says so.
  void end(const Error& reason);

 private:
  class Sender;

  struct Channel {
    explicit Channel(size_t limit) : budget(limit) {}
    const size_t budget;
    // Guarded by the session's lock.
    size_t in_flight = 0;
    bool waiting = false;           // its sender found no budget
    std::shared_ptr<Signal> owner;  // shared with everything else that may wake the actor
    std::optional<Error> gone;      // nobody reads it
  };
  using ChannelRef = std::shared_ptr<Channel>;  // shared by the session and the sender

  void on_message(const std::string& bytes);
  [[nodiscard]] Status take(const pb::ExchangeFrame& frame);
  [[nodiscard]] Status take_open(const pb::ExchangeOpen& open);
  [[nodiscard]] Status take_subscribe(const pb::ExchangeSubscribe& subscribe);
  [[nodiscard]] Status take_credit(const pb::ExchangeCredit& credit);
  [[nodiscard]] Status take_closed(const pb::ExchangeClosed& closed);
  [[nodiscard]] bool ever_opened(uint32_t number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return number <= highest_; }
  void write(const BarrierGather::Frames& frames) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void find_fault(const Error& fault);
  void lose(const Error& reason);

  OutputHub& hub_;
  const std::weak_ptr<Sessions> sessions_;
  const std::unique_ptr<runtime::Executor> executor_;  // before what runs on it
  const std::shared_ptr<rpc::Stream> stream_;          // shared with the transport
  Heartbeat heartbeat_;                                // of the executor
  bool opened_ = false;                                // of the executor

  Mutex mutex_;
  BarrierGather gather_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, ChannelRef> channels_ ABSL_GUARDED_BY(mutex_);
  uint32_t highest_ ABSL_GUARDED_BY(mutex_) = 0;  // number of a channel so far
  std::string peer_ ABSL_GUARDED_BY(mutex_);      // as it calls itself: its connection comes from a port that says nothing
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;
};

class ExchangeService::Sessions {
 public:
  void add(std::shared_ptr<Session> session) {
    MutexLock lock(mutex_);
    sessions_.push_back(std::move(session));
  }
  void remove(const std::shared_ptr<Session>& session) {
    MutexLock lock(mutex_);
    std::erase(sessions_, session);
  }
  [[nodiscard]] std::vector<std::shared_ptr<Session>> take_all() {
    MutexLock lock(mutex_);
    return std::exchange(sessions_, {});
  }

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<Session>> sessions_ ABSL_GUARDED_BY(mutex_);  // as they came; each shared with its senders
};

/// The sending end of one channel.
class ExchangeService::Session::Sender final : public ChannelSender {
 public:
  Sender(std::shared_ptr<Session> session, uint32_t number, ChannelRef channel, ActorId upstream)
      : session_(std::move(session)), number_(number), channel_(std::move(channel)), upstream_(upstream) {}
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender() override { Sender::close(error(Code::Closed, "upstream actor {} has ended", upstream_)); }

  void close(Error reason) override {
    MutexLock lock(session_->mutex_);
    channel_->owner = nullptr;
    if (session_->channels_.erase(number_) == 0) return;
    BarrierGather::Frames frames;
    session_->gather_.send_last(number_, closed_frame(number_, reason), frames);
    session_->write(frames);
  }

  void set_owner(std::shared_ptr<Signal> owner) override {
    MutexLock lock(session_->mutex_);
    channel_->owner = std::move(owner);
  }

  Status state() const override {
    MutexLock lock(session_->mutex_);
    if (channel_->gone) return *channel_->gone;
    return ok();
  }

  size_t room() const override {
    MutexLock lock(session_->mutex_);
    return channel_->budget - std::min(channel_->budget, channel_->in_flight);
  }

  Result<bool> try_send(Message& message) override {
    const auto* chunk = std::get_if<data::StreamChunk>(&message);
    std::string frame;
    size_t weight = 0;
    if (chunk != nullptr) {
      PENSTOCK_TRY(const bool budget, has_budget());
      if (!budget) return false;
      // Encoded outside the lock; nobody but this actor takes from the budget meanwhile.
      std::string bytes;
      data::encode_chunk(*chunk, bytes);
      weight = encoded_weight(chunk->rows(), bytes.size());
      frame = data_frame(number_, std::move(bytes));
    }
    MutexLock lock(session_->mutex_);
    if (channel_->gone) return *channel_->gone;
    BarrierGather::Frames frames;
    if (chunk != nullptr) {
      channel_->in_flight += weight;
      session_->gather_.send(number_, std::move(frame), frames);
    } else {
      session_->gather_.send_barrier(number_, std::get<Barrier>(message), frames);
    }
    session_->write(frames);
    return true;
  }

 private:
  Result<bool> has_budget() {
    MutexLock lock(session_->mutex_);
    if (channel_->gone) return *channel_->gone;
    channel_->waiting = channel_->in_flight >= channel_->budget;
    return !channel_->waiting;
  }

  const std::shared_ptr<Session> session_;  // shared with its other channels
  const uint32_t number_;
  const ChannelRef channel_;
  const ActorId upstream_;
};

ExchangeService::ExchangeService(runtime::Runtime& runtime, OutputHub& hub)
    : runtime_(runtime), hub_(hub), sessions_(std::make_shared<Sessions>()) {}

ExchangeService::~ExchangeService() {
  for (const auto& session : sessions_->take_all()) session->end(error(Code::Closed, "the node stops"));
}

rpc::Service::Accepted ExchangeService::open(std::shared_ptr<rpc::Stream> stream) {
  auto session = std::make_shared<Session>(runtime_, hub_, std::move(stream), sessions_);
  sessions_->add(session);
  return session->start();
}

rpc::Service::Accepted ExchangeService::Session::start() {
  rpc::StreamEvents events;
  events.on_message = [weak = weak_from_this()](const std::string& bytes) {
    if (const auto self = weak.lock()) self->on_message(bytes);
  };
  events.on_closed = [weak = weak_from_this()](const Status& status) {
    const auto self = weak.lock();
    if (!self) return;
    self->lose(status.has_error() ? status.error() : error(Code::Closed, "the other node closed it"));
    if (const auto sessions = self->sessions_.lock()) sessions->remove(self);
  };
  executor_->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->heartbeat_.start(weak);
  });
  return {executor_.get(), std::move(events)};
}

void ExchangeService::Session::write(const BarrierGather::Frames& frames) {
  for (const std::string& frame : frames) stream_->write(frame);
}

void ExchangeService::Session::on_message(const std::string& bytes) {
  heartbeat_.hear();
  pb::ExchangeFrame frame;
  if (!frame.ParseFromString(bytes)) return find_fault(error(Code::Protocol, "an exchange frame of {} bytes does not parse", bytes.size()));
  if (const Status taken = take(frame); taken.has_error()) find_fault(taken.error());
}

Status ExchangeService::Session::take(const pb::ExchangeFrame& frame) {
  if (!opened_ && !frame.has_open()) return error(Code::Protocol, "an exchange stream must begin with its version");
  switch (frame.kind_case()) {
    case pb::ExchangeFrame::kOpen:
      return take_open(frame.open());
    case pb::ExchangeFrame::kSubscribe:
      return take_subscribe(frame.subscribe());
    case pb::ExchangeFrame::kCredit:
      return take_credit(frame.credit());
    case pb::ExchangeFrame::kClosed:
      return take_closed(frame.closed());
    case pb::ExchangeFrame::kPing:
      return ok();
    default:
      return error(Code::Protocol, "an exchange frame of kind {} came from the receiving side", static_cast<int>(frame.kind_case()));
  }
}

Status ExchangeService::Session::take_open(const pb::ExchangeOpen& open) {
  if (opened_) return error(Code::Protocol, "an exchange stream was opened twice");
  if (open.version() != kExchangeVersion) {
    return error(Code::Protocol, "this node speaks version {} of exchange, node {} version {}", kExchangeVersion, open.node_id(),
                 open.version());
  }
  opened_ = true;
  MutexLock lock(mutex_);
  peer_ = open.node_id().empty() ? std::string(stream_->peer()) : open.node_id();
  return ok();
}

Status ExchangeService::Session::take_subscribe(const pb::ExchangeSubscribe& subscribe) {
  const uint32_t number = subscribe.channel();
  if (subscribe.row_budget() == 0 || subscribe.row_budget() > kLargestBudget) {
    return error(Code::Protocol, "channel {} with a budget of {} rows", number, subscribe.row_budget());
  }
  const BarrierGather::Edge edge{graph_of(subscribe.up_graph()), graph_of(subscribe.graph()), FragmentId{subscribe.edge()},
                                 subscribe.link()};
  if (subscribe.kept_back() >= subscribe.row_budget()) {
    return error(Code::Protocol, "channel {} keeps back {} of a budget of {} rows", number, subscribe.kept_back(), subscribe.row_budget());
  }
  const auto channel = std::make_shared<Channel>(subscribe.row_budget());
  channel->in_flight = subscribe.kept_back();
  {
    MutexLock lock(mutex_);
    if (ever_opened(number)) return error(Code::Protocol, "channel {} after channel {}", number, highest_);
    if (channels_.size() == kMostChannels) return error(Code::Protocol, "more than {} channels", kMostChannels);
    if (lost_) return ok();
    highest_ = number;
    channels_[number] = channel;
    gather_.add(number, edge);
  }
  const ActorId upstream{subscribe.up_actor()};
  auto sender = std::make_unique<Sender>(shared_from_this(), number, channel, upstream);
  hub_.connect({edge.upstream, upstream, {ActorId{subscribe.down_actor()}, subscribe.link(), std::move(sender)}});
  return ok();
}

Status ExchangeService::Session::take_credit(const pb::ExchangeCredit& credit) {
  std::shared_ptr<Signal> owner;
  {
    MutexLock lock(mutex_);
    const auto found = channels_.find(credit.channel());
    if (found == channels_.end()) {
      if (ever_opened(credit.channel())) return ok();  // closed by us while it was on its way
      return error(Code::Protocol, "credit for channel {}, which was never opened", credit.channel());
    }
    Channel& channel = *found->second;
    if (credit.rows() > channel.in_flight) {
      return error(Code::Protocol, "credit of {} rows for channel {}, which has {} in flight", credit.rows(), credit.channel(),
                   channel.in_flight);
    }
    channel.in_flight -= credit.rows();
    if (channel.waiting && channel.in_flight < channel.budget) {
      channel.waiting = false;
      owner = channel.owner;
    }
  }
  if (owner) owner->wake(Wake::Output);
  return ok();
}

Status ExchangeService::Session::take_closed(const pb::ExchangeClosed& closed) {
  std::shared_ptr<Signal> owner;
  {
    MutexLock lock(mutex_);
    const auto found = channels_.find(closed.channel());
    if (found == channels_.end()) {
      if (!ever_opened(closed.channel())) return error(Code::Protocol, "the end of channel {}, which was never opened", closed.channel());
    } else {
      found->second->gone = error(Code::Closed, "{}", closed.reason()).with_context(peer_);
      owner = found->second->owner;
      channels_.erase(found);
    }
    BarrierGather::Frames frames;
    gather_.remove(closed.channel(), frames);
    write(frames);
  }
  if (owner) owner->wake(Wake::Output);
  return ok();
}

void ExchangeService::Session::find_fault(const Error& fault) {
  log::warn("exchange", "closing the stream to {}: {}", stream_->peer(), fault);
  end(fault);
}

void ExchangeService::Session::end(const Error& reason) {
  stream_->close(reason);
  lose(reason);
}

void ExchangeService::Session::lose(const Error& reason) {
  std::map<uint32_t, ChannelRef> channels;
  std::vector<std::shared_ptr<Signal>> owners;
  {
    MutexLock lock(mutex_);
    lost_ = true;
    const Error told = error(Code::Closed, "the exchange stream to {} is lost: {}", peer_, reason);
    channels.swap(channels_);
    for (const auto& [number, channel] : channels) {
      channel->gone = told;
      if (channel->owner) owners.push_back(channel->owner);
    }
    gather_ = {};
  }
  for (const auto& owner : owners) owner->wake(Wake::Output);
}

}  // namespace penstock::stream
