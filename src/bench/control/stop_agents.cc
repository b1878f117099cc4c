#include "bench/agent/agent_server.h"
#include "bench/control/controller_run.h"

namespace penstock::bench {
namespace {

constexpr Duration kAnswerPatience = std::chrono::seconds(60);

/// The conversation with one agent. Owned by its executor but for `result`.
struct Conversation {
  std::shared_ptr<runtime::Waiter> ended;
  std::shared_ptr<rpc::Stream> stream;
  bool over = false;
  Mutex mutex;
  std::optional<Status> result ABSL_GUARDED_BY(mutex);
  std::string said ABSL_GUARDED_BY(mutex);

  void end(Status status, std::string text) {
    const MutexLock lock(mutex);
    if (result) return;
    result = std::move(status);
    said = std::move(text);
    ended->notify();
  }
};

Status stop_agent(const std::string& agent, const pb::BenchAttach& attach, const pb::BenchControl& order, runtime::Runtime& runtime,
                  rpc::Transport& transport) {
  const auto talk = std::make_shared<Conversation>();  // shared with the stream's events, which may come late
  talk->ended = runtime.make_waiter();
  const auto executor = runtime.make_serial("bench-stop", false);
  rpc::StreamEvents events;
  events.on_message = [talk, order](const rpc::Bytes& bytes) {
    pb::BenchReport report;
    if (!report.ParseFromString(bytes)) return talk->end(error(Code::Protocol, "it sent bytes that are no message"), "");
    if (report.has_refused()) return talk->end(error(Code::ObjectInUse, "{}", report.refused().reason()), "");
    if (report.has_done()) return talk->end(ok(), report.done().reason());
    if (report.has_hello()) talk->stream->write(order.SerializeAsString());
  };
  events.on_closed = [talk](const Status& reason) {
    talk->end(reason.has_error() ? reason : Status(error(Code::Closed, "it closed the connection")), "");
  };
  const auto opened = runtime.make_waiter();
  executor->post([&] {
    talk->stream = transport.connect(agent, kBenchMethod, *executor, std::move(events));
    pb::BenchControl hello;
    *hello.mutable_attach() = attach;
    talk->stream->write(hello.SerializeAsString());
    opened->notify();
  });
  while (!opened->wait_for(kAnswerPatience)) {
  }
  if (!talk->ended->wait_for(kAnswerPatience)) talk->end(error(Code::Timeout, "no answer within {}", format_duration(kAnswerPatience)), "");
  talk->stream->close(ok());
  const MutexLock lock(talk->mutex);
  if (talk->result->has_value()) fmt::print("{}: idle ({})\n", agent, talk->said);
  return in_context(*talk->result, agent);
}

}  // namespace

Status stop_agents(const std::vector<std::string>& agents, const std::string& token, bool clean, bool exit, runtime::Runtime& runtime,
                   rpc::Transport& transport) {
  pb::BenchAttach attach;
  attach.set_version(kProtocolVersion);
  attach.set_owner(fmt::format("stop {:016x}", runtime.random()));
  attach.set_token(token);
  attach.set_stop(true);
  pb::BenchControl order;
  clean ? order.mutable_abort()->set_reason("stopped") : order.mutable_reset()->set_exit(exit);
  size_t failed = 0;
  for (const std::string& agent : agents) {
    const Status stopped = stop_agent(agent, attach, order, runtime, transport);
    if (stopped.has_error()) {
      fmt::print(stderr, "{}\n", stopped.error());
      ++failed;
    }
  }
  if (failed > 0) return error(Code::Unavailable, "{} of {} agents could not be stopped", failed, agents.size());
  return ok();
}

}  // namespace penstock::bench
