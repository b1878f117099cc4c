#include "rpc/memory_link.h"

#include "rpc/unary.h"

namespace penstock::rpc {
namespace {

constexpr auto kConnectTimeout = std::chrono::seconds(5);

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<MemoryLink> link, MemoryLink::Side side) : link_(std::move(link)), side_(side) {}
  MemoryStream(const MemoryStream&) = delete;
  MemoryStream& operator=(const MemoryStream&) = delete;
  ~MemoryStream() override {
    link_->close(side_, error(Code::Closed, "the stream was dropped"), error(Code::Closed, "the peer dropped the stream"));
  }

  bool write(Bytes message) override { return link_->send(side_, std::move(message)); }
  size_t queued_bytes() const override { return link_->queued_bytes(side_); }
  void close(Status reason) override { link_->close(side_, reason, reason); }
  std::string peer() const override { return link_->peer_of(side_); }

 private:
  const std::shared_ptr<MemoryLink> link_;
  const MemoryLink::Side side_;
};

MemoryLink::Side other(MemoryLink::Side side) { return side == MemoryLink::Client ? MemoryLink::Server : MemoryLink::Client; }

}  // namespace

MemoryLink::MemoryLink(std::shared_ptr<MemoryHub> hub, MemoryNodeRef client, std::string address, std::string method, Kind kind)
    : hub_(std::move(hub)),
      client_(std::move(client)),
      address_(std::move(address)),
      method_(std::move(method)),
      kind_(kind),
      inboxes_{std::make_shared<Inbox>(), std::make_shared<Inbox>()} {}

MemoryLink::~MemoryLink() { hub_->remove_link(this); }

std::shared_ptr<Stream> MemoryLink::open(runtime::Executor& executor, StreamEvents events) {
  const auto self = shared_from_this();
  auto stream = std::make_shared<MemoryStream>(self, Client);
  if (!client_->alive.load()) {
    discard();
    return stream;
  }
  inboxes_[Client]->start(executor, std::move(events));
  if (!hub_->add_link(self)) {
    inboxes_[Client]->finish(error(Code::Unavailable, "cannot reach {}: the network is gone", address_));
  } else if (hub_->simulates()) {
    auto& runtime = hub_->runtime();
    auto timer = runtime.after(kConnectTimeout, runtime.pool(), [weak = weak_from_this()] {
      if (const auto link = weak.lock()) link->give_up_connecting();
    });
    {
      const MutexLock lock(mutex_);
      connect_timer_ = std::move(timer);
    }
    send_parcel(Server, Open{});
  } else {
    hub_->runtime().pool().post([self] { self->accept(); });
  }
  return stream;
}

bool MemoryLink::send(Side from, Bytes message) {
  if (inboxes_[from]->ended()) return false;
  if (message.size() > kMaxMessageBytes) {
    const Status reason = error(Code::ConfigurationLimit, "message of {} bytes is over the limit of {}", message.size(), kMaxMessageBytes);
    close(from, reason, reason);
    return false;
  }
  send_parcel(other(from), std::move(message));
  return true;
}

void MemoryLink::close(Side from, const Status& own, const Status& told) {
  if (inboxes_[from]->abandon(own)) send_parcel(other(from), told);
}

size_t MemoryLink::queued_bytes(Side from) const {
  const size_t arrived = inboxes_[other(from)]->bytes();
  if (!hub_->simulates()) return arrived;
  const MutexLock lock(mutex_);
  return arrived + lanes_[other(from)].bytes;
}

std::string MemoryLink::peer_of(Side side) const { return side == Client ? address_ : client_->name; }

void MemoryLink::send_parcel(Side to, Parcel parcel) {
  if (!hub_->simulates()) return arrive(to, std::move(parcel));
  const MutexLock lock(mutex_);
  Lane& lane = lanes_[to];
  const auto now = hub_->runtime().now();
  auto at = now + hub_->travel_time();
  if (!lane.parcels.empty()) at = std::max(at, lane.parcels.back().first);
  if (const auto* message = std::get_if<Bytes>(&parcel)) lane.bytes += message->size();
  lane.parcels.emplace_back(at, std::move(parcel));
  if (!lane.moving && !lane.held) schedule(to, at - now);
}

void MemoryLink::schedule(Side to, runtime::Duration delay) {
  lanes_[to].moving = true;
  auto& runtime = hub_->runtime();
  runtime.post_after(delay, runtime.pool(), [self = shared_from_this(), to] { self->move_lane(to); });
}

void MemoryLink::move_lane(Side to) {
  while (auto parcel = take_arrived(to)) arrive(to, std::move(*parcel));
}

std::optional<MemoryLink::Parcel> MemoryLink::take_arrived(Side to) {
  const MutexLock lock(mutex_);
  Lane& lane = lanes_[to];
  lane.moving = false;
  if (lane.parcels.empty()) return std::nullopt;
  if (cut_off()) {
    lane.held = true;
    return std::nullopt;
  }
  const auto now = hub_->runtime().now();
  if (lane.parcels.front().first > now) {
    schedule(to, lane.parcels.front().first - now);
    return std::nullopt;
  }
  lane.moving = true;
  Parcel parcel = std::move(lane.parcels.front().second);
  lane.parcels.pop_front();
  if (const auto* message = std::get_if<Bytes>(&parcel)) lane.bytes -= message->size();
  return parcel;
}

bool MemoryLink::cut_off() const {
  const MemoryNodeRef server = server_ ? server_ : hub_->owner_of(address_);
  return server && hub_->cut_off(*client_, *server);
}

void MemoryLink::arrive(Side to, Parcel parcel) {
  if (auto* message = std::get_if<Bytes>(&parcel)) {
    inboxes_[to]->deliver(std::move(*message));
  } else if (const auto* reason = std::get_if<Status>(&parcel)) {
    inboxes_[to]->finish(*reason);
  } else {
    accept();
  }
}

void MemoryLink::accept() {
  const auto listening = hub_->find(address_);
  if (!listening) return send_parcel(Client, error(Code::Unavailable, "cannot reach {}: nobody listens there", address_));
  {
    const MutexLock lock(mutex_);
    server_ = listening->node;
    listener_ = listening->id;
    connect_timer_.cancel();
  }
  // Held here so that a refusal is told before the service's own reference, being dropped, tells of itself.
  const auto stream = std::make_shared<MemoryStream>(shared_from_this(), Server);
  if (kind_ == Kind::Call) {
    inboxes_[Server]->start(hub_->runtime().pool(), answer_call(listening->service, method_, stream));
  } else if (auto accepted = listening->service->open(method_, stream); accepted.has_value()) {
    inboxes_[Server]->start(*accepted.value().executor, std::move(accepted.value().events));
  } else {
    stream->close(accepted.error());
  }
  const auto still = hub_->find(address_);
  if (!still || still->id != listening->id) end_of_listener(listening->id);
}

void MemoryLink::give_up_connecting() {
  {
    const MutexLock lock(mutex_);
    if (server_) return;
    for (Lane& lane : lanes_) lane.clear();
  }
  inboxes_[Client]->finish(error(Code::Unavailable, "cannot reach {}: no answer within {} s", address_, kConnectTimeout.count()));
}

void MemoryLink::resume() {
  const MutexLock lock(mutex_);
  for (const Side to : {Client, Server}) {
    if (!std::exchange(lanes_[to].held, false)) continue;
    schedule(to, runtime::Duration(0));
  }
}

bool MemoryLink::is_between(const std::string& a, const std::string& b) const {
  const MutexLock lock(mutex_);
  if (!server_) return false;
  return (client_->name == a && server_->name == b) || (client_->name == b && server_->name == a);
}

void MemoryLink::break_between(const std::string& a, const std::string& b) {
  if (!is_between(a, b)) return;
  {
    const MutexLock lock(mutex_);
    for (Lane& lane : lanes_) lane.clear();
  }
  for (const Side side : {Client, Server}) {
    inboxes_[side]->finish(error(Code::Closed, "the connection to {} broke", peer_of(side)));
  }
}

void MemoryLink::bury(const MemoryNode& dead) {
  bool client_died = false;
  bool server_died = false;
  {
    const MutexLock lock(mutex_);
    client_died = client_.get() == &dead;
    server_died = server_.get() == &dead;
    if (client_died) lanes_[Client].clear();
    if (server_died) lanes_[Server].clear();
    if (client_died) connect_timer_.cancel();
  }
  // What it had sent before still arrives, then the operating system's word that it is gone.
  if (client_died) bury_side(Client, !server_died);
  if (server_died) bury_side(Server, !client_died);
}

void MemoryLink::bury_side(Side dead, bool tell) {
  inboxes_[dead]->discard();
  if (tell) send_parcel(other(dead), error(Code::Closed, "the connection to {} broke: it is gone", peer_of(other(dead))));
}

void MemoryLink::end_of_listener(uint64_t listener) {
  {
    const MutexLock lock(mutex_);
    if (listener_ != listener) return;
  }
  close(Server, error(Code::Closed, "{} stopped listening", address_), error(Code::Closed, "{} stopped", address_));
}

void MemoryLink::discard() {
  for (const auto& inbox : inboxes_) inbox->discard();
  const MutexLock lock(mutex_);
  for (Lane& lane : lanes_) lane.clear();
  connect_timer_.cancel();
}

}  // namespace penstock::rpc
