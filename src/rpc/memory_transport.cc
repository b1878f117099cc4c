#include "rpc/memory_transport.h"

#include "rpc/memory_hub.h"
#include "rpc/memory_link.h"
#include "rpc/unary.h"

namespace penstock::rpc {
namespace {

class MemoryListener final : public Listener {
 public:
  MemoryListener(std::shared_ptr<MemoryHub> hub, std::string address, uint64_t id)
      : hub_(std::move(hub)), address_(std::move(address)), id_(id) {}
  MemoryListener(const MemoryListener&) = delete;
  MemoryListener& operator=(const MemoryListener&) = delete;
  ~MemoryListener() override { hub_->unlisten(address_, id_); }
  std::string address() const override { return address_; }

 private:
  const std::shared_ptr<MemoryHub> hub_;
  const std::string address_;
  const uint64_t id_;
};

class MemoryTransport final : public Transport {
 public:
  MemoryTransport(std::shared_ptr<MemoryHub> hub, std::string_view node, runtime::Runtime& runtime)
      : hub_(std::move(hub)), node_(hub_->add_node(node)), runtime_(runtime) {}

  Result<std::unique_ptr<Listener>> listen(std::string_view address, std::shared_ptr<Service> service) override {
    PENSTOCK_TRY(auto taken, hub_->listen(address, node_, std::move(service)));
    return std::make_unique<MemoryListener>(hub_, std::move(taken.first), taken.second);
  }

  std::shared_ptr<Stream> connect(std::string_view address, std::string_view method, runtime::Executor& executor,
                                  StreamEvents events) override {
    return open(address, method, MemoryLink::Kind::Stream, executor, std::move(events));
  }

  void call(std::string_view address, std::string_view method, Bytes request, runtime::Duration timeout, runtime::Executor& executor,
            CallDone done) override {
    call_over_stream(runtime_, executor, method, std::move(request), timeout, std::move(done),
                     [&](StreamEvents events) { return open(address, method, MemoryLink::Kind::Call, executor, std::move(events)); });
  }

 private:
  std::shared_ptr<Stream> open(std::string_view address, std::string_view method, MemoryLink::Kind kind, runtime::Executor& executor,
                               StreamEvents events) {
    const auto link = std::make_shared<MemoryLink>(hub_, node_, std::string(address), std::string(method), kind);
    return link->open(executor, std::move(events));
  }

  const std::shared_ptr<MemoryHub> hub_;
  const MemoryNodeRef node_;
  runtime::Runtime& runtime_;
};

}  // namespace

MemoryNetwork::MemoryNetwork(runtime::Runtime& runtime) : hub_(std::make_shared<MemoryHub>(runtime)) {}
MemoryNetwork::~MemoryNetwork() { hub_->shut_down(); }

std::unique_ptr<Transport> MemoryNetwork::transport(std::string_view node, runtime::Runtime* own) {
  return std::make_unique<MemoryTransport>(hub_, node, own != nullptr ? *own : hub_->runtime());
}

void MemoryNetwork::set_delay(runtime::Duration min, runtime::Duration max) { hub_->set_delay(min, max); }
void MemoryNetwork::partition(std::string_view a, std::string_view b) { hub_->partition(a, b); }
void MemoryNetwork::heal(std::string_view a, std::string_view b) { hub_->heal(a, b); }
void MemoryNetwork::heal_all() { hub_->heal_all(); }
void MemoryNetwork::break_streams(std::string_view a, std::string_view b) { hub_->break_streams(a, b); }
void MemoryNetwork::kill(std::string_view node) { hub_->kill(node); }

}  // namespace penstock::rpc
