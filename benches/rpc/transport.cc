// A message there and back, and a stream of chunks one way, over each transport.
#include <benchmark/benchmark.h>

#include <latch>

#include "rpc/grpc_transport.h"
#include "rpc/memory_transport.h"
#include "runtime/threaded_runtime.h"

namespace penstock::rpc {
namespace {

// Sends everything back, or counts it and says "done" when told a number of messages has come.
class BenchService final : public Service {
 public:
  explicit BenchService(runtime::Runtime& runtime) : runtime_(runtime) {}
  void call(std::string_view /*method*/, Bytes request, Reply reply) override { reply(std::move(request)); }
  Result<Accepted> open(std::string_view method, std::shared_ptr<Stream> stream) override {
    StreamEvents events;
    if (method == "/echo") {
      events.on_message = [stream](Bytes message) { stream->write(std::move(message)); };
    } else {
      events.on_message = [stream](const Bytes& message) {
        if (message.size() == 1) stream->write(message);
      };
    }
    return Accepted{&runtime_.pool(), std::move(events)};
  }

 private:
  runtime::Runtime& runtime_;
};

struct Setup {
  explicit Setup(bool grpc) {
    transport = grpc ? make_grpc_transport(*runtime) : network.transport("bench");
    listener = transport->listen("127.0.0.1:0", std::make_shared<BenchService>(*runtime)).value();
  }
  std::shared_ptr<Stream> connect(std::string_view method) {
    return transport->connect(listener->address(), method, runtime->pool(), {[this](const Bytes&) { waiter->notify(); }, nullptr});
  }
  void wait() { static_cast<void>(waiter->wait_for(std::chrono::minutes(1))); }

  std::unique_ptr<runtime::Runtime> runtime = runtime::make_threaded_runtime({.pool_threads = 2});
  std::shared_ptr<runtime::Waiter> waiter = runtime->make_waiter();
  MemoryNetwork network{*runtime};
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Listener> listener;
};

void round_trip(benchmark::State& state) {
  Setup setup(state.range(0) != 0);
  const auto stream = setup.connect("/echo");
  for (auto _ : state) {
    stream->write("ping");
    setup.wait();
  }
}
BENCHMARK(round_trip)->ArgName("grpc")->Arg(0)->Arg(1)->UseRealTime();

void unary_call(benchmark::State& state) {
  Setup setup(state.range(0) != 0);
  for (auto _ : state) {
    const auto answer = setup.transport->call_and_wait(*setup.runtime, setup.listener->address(), "/x", "ping", std::chrono::minutes(1));
    benchmark::DoNotOptimize(answer.has_value());
  }
}
BENCHMARK(unary_call)->ArgName("grpc")->Arg(0)->Arg(1)->UseRealTime();

void one_way(benchmark::State& state) {
  Setup setup(state.range(0) != 0);
  const auto stream = setup.connect("/sink");
  const auto size = static_cast<size_t>(state.range(1));
  constexpr int kMessages = 256;
  for (auto _ : state) {
    for (int i = 0; i < kMessages; ++i) stream->write(Bytes(size, 'x'));
    stream->write("!");
    setup.wait();
  }
  state.SetBytesProcessed(state.iterations() * kMessages * state.range(1));
  state.SetItemsProcessed(state.iterations() * kMessages);
}
BENCHMARK(one_way)->ArgNames({"grpc", "bytes"})->ArgsProduct({{0, 1}, {100, 65536, 1 << 20}})->UseRealTime();

}  // namespace
}  // namespace penstock::rpc
