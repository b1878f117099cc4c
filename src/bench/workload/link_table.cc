#include "bench/workload/link_table.h"

#include <set>
#include <vector>

namespace penstock::bench {
namespace {

constexpr runtime::Duration kLinkLook = std::chrono::milliseconds(10);  // so soon a change is seen
constexpr runtime::Duration kLinkConnect = std::chrono::seconds(5);
constexpr size_t kPiece = size_t{64} << 10U;

}  // namespace

struct LinkTable::Link {
  std::unique_ptr<rpc::TcpListener> listener;
  std::string target;
  std::atomic<bool> cut{false}, closing{false};
  std::atomic<int64_t> delay_nanos{0};
  Mutex mutex;
  std::set<std::shared_ptr<rpc::TcpStream>> streams ABSL_GUARDED_BY(mutex);  // each shared by the two threads of its connection
};

LinkTable::~LinkTable() {
  {
    const MutexLock lock(mutex_);
    for (const auto& [name, link] : links_) {
      link->closing = true;
      link->listener->close();
      const MutexLock inner(link->mutex);
      for (const auto& stream : link->streams) stream->shutdown();
    }
  }
  const auto waiter = runtime_.make_waiter();
  while (threads_.load() > 0) (void)waiter->wait_for(kLinkLook);
}

Result<LinkTable::LinkRef> LinkTable::find(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto found = links_.find(name);
  if (found == links_.end()) return error(Code::Stale, "link '{}' is not open", name);
  return found->second;
}

Status LinkTable::open(const std::string& name, const std::string& listen, const std::string& target) {
  const MutexLock lock(mutex_);
  if (links_.contains(name)) return ok();
  const auto link = std::make_shared<Link>();
  link->target = target;
  PENSTOCK_TRY(link->listener, rpc::TcpListener::listen(listen));
  links_[name] = link;
  spawn([this, link](runtime::Waiter&) { accept(link); });
  return ok();
}

void LinkTable::spawn(std::function<void(runtime::Waiter&)> work) {
  threads_.fetch_add(1);
  runtime_.spawn_thread("bench-link", [this, work = std::move(work)]() mutable {
    work(*runtime_.make_waiter());
    work = nullptr;
    threads_.fetch_sub(1);  // the table may go now
  });
}

void LinkTable::accept(const LinkRef& link) {
  while (!link->closing) {
    auto accepted = link->listener->accept();
    if (accepted.has_error()) continue;  // closed, or no descriptor is left
    const std::shared_ptr<rpc::TcpStream> client = std::move(accepted).value();
    auto connected = rpc::TcpStream::connect(link->target, kLinkConnect);
    if (connected.has_error()) {
      client->shutdown();
      continue;
    }
    const std::shared_ptr<rpc::TcpStream> server = std::move(connected).value();
    {
      const MutexLock lock(link->mutex);
      link->streams.insert({client, server});
    }
    spawn([link, client, server](runtime::Waiter& waiter) { carry(*link, *client, *server, waiter); });
    spawn([link, client, server](runtime::Waiter& waiter) {
      carry(*link, *server, *client, waiter);
      const MutexLock lock(link->mutex);
      link->streams.erase(client);
      link->streams.erase(server);
    });
  }
}

void LinkTable::carry(Link& link, rpc::TcpStream& from, rpc::TcpStream& to, runtime::Waiter& waiter) {
  std::vector<char> piece(kPiece);
  const auto hold = [&] {
    while (link.cut && !link.closing) (void)waiter.wait_for(kLinkLook);
  };
  while (!link.closing) {
    hold();
    const auto count = from.read_some(piece, kLinkLook);
    if (count.has_error() && count.error().code() == Code::Timeout) continue;
    if (count.has_error() || count.value() == 0) break;
    for (int64_t left = link.delay_nanos; left > 0 && !link.closing; left -= kLinkLook.count()) {
      (void)waiter.wait_for(std::min(runtime::Duration(left), kLinkLook));
    }
    hold();
    if (to.write_all({piece.data(), count.value()}).has_error()) break;
  }
  from.shutdown();
  to.shutdown();
}

Status LinkTable::set_cut(const std::string& name, bool cut) {
  PENSTOCK_TRY(const LinkRef link, find(name));
  link->cut = cut;
  return ok();
}

Status LinkTable::set_delay(const std::string& name, runtime::Duration delay) {
  PENSTOCK_TRY(const LinkRef link, find(name));
  link->delay_nanos = delay.count();
  return ok();
}

std::string LinkTable::address(const std::string& name) {
  const auto link = find(name);
  return link.has_value() ? link.value()->listener->address() : "";
}

}  // namespace penstock::bench
