#pragma once

#include "rpc/memory_transport.h"
#include "stream/exchange/exchange_client.h"
#include "stream/exchange/exchange_frames.h"
#include "stream/exchange/exchange_service.h"
#include "unit/stream/task/node.h"

namespace penstock::stream::testing {

/// A node that reads from others and is read by them.
struct RemoteNode {
  struct Service final : rpc::Service {
    explicit Service(ExchangeService& to) : exchange(to) {}
    void call(std::string_view method, rpc::Bytes, Reply reply) override { reply(error(Code::Protocol, "no method {}", method)); }
    Result<Accepted> open(std::string_view method, std::shared_ptr<rpc::Stream> stream) override {
      if (method != kExchangeMethod) return error(Code::Protocol, "no method {}", method);
      return exchange.open(std::move(stream));
    }
    ExchangeService& exchange;
  };

  RemoteNode(runtime::Runtime& runtime, Playground& world, rpc::MemoryNetwork& network, uint32_t worker)
      : node(runtime, world, WorkerId{worker}),
        transport(network.transport(Topology::endpoint(worker))),
        server(runtime, node.actors),
        client(runtime, *transport, Topology::endpoint(worker)),
        listener(transport->listen(Topology::endpoint(worker), std::make_shared<Service>(server)).value()) {
    node.actors.set_remote(client);
  }

  Node node;
  std::unique_ptr<rpc::Transport> transport;
  ExchangeService server;
  ExchangeClient client;
  std::unique_ptr<rpc::Listener> listener;
};

}  // namespace penstock::stream::testing
