#include "bench/agent/agent_server.h"

#include <google/protobuf/util/json_util.h>

#include <filesystem>

#include "common/log.h"

namespace penstock::bench {

/// What the transport calls; closed before the server goes.
class AgentServer::Door final : public rpc::Service {
 public:
  explicit Door(AgentServer& server) : server_(&server) {}
  void close() {
    const MutexLock lock(mutex_);
    server_ = nullptr;
  }

  void call(std::string_view method, rpc::Bytes /*request*/, Reply reply) override {
    reply(error(Code::NotSupported, "an agent has no call {}", method));
  }

  Result<Accepted> open(std::string_view method, std::shared_ptr<rpc::Stream> stream) override {
    const MutexLock lock(mutex_);
    if (server_ == nullptr) return error(Code::Closed, "the agent is stopping");
    if (method != kBenchMethod) return error(Code::NotSupported, "an agent has no stream {}", method);
    AgentServer* server = server_;
    const ConnectionId id{++server->connections_};
    server->executor_->post([server, id, stream = std::move(stream)]() mutable { server->streams_[id] = std::move(stream); });
    rpc::StreamEvents events;
    events.on_message = [server, id](const rpc::Bytes& bytes) {
      ControlHeard heard{id, {}};
      if (heard.message.ParseFromString(bytes)) return server->handle(std::move(heard));
      log::warn("bench", "a peer sent bytes that are no message; its stream is closed");
      server->streams_.erase(id);
      server->handle(ConnectionLost{id});
    };
    events.on_closed = [server, id](const Status& /*reason*/) {
      server->streams_.erase(id);
      server->handle(ConnectionLost{id});
    };
    return Accepted{server->executor_.get(), std::move(events)};
  }

 private:
  Mutex mutex_;
  AgentServer* server_ ABSL_GUARDED_BY(mutex_);
};

AgentServer::AgentServer(Options options, runtime::Runtime& runtime)
    : options_(std::move(options)),
      runtime_(runtime),
      agent_(options_.agent),
      threads_(runtime),
      ended_(runtime.make_waiter()),
      executor_(runtime.make_serial("bench-agent", true)),
      door_(std::make_shared<Door>(*this)) {}

Result<std::unique_ptr<AgentServer>> AgentServer::start(Options options, runtime::Runtime& runtime, rpc::Transport& transport,
                                                        std::string_view listen) {
  std::error_code failed;
  std::filesystem::create_directories(options.folder, failed);
  if (failed) return error(Code::Io, "cannot make the folder {}: {}", options.folder, failed.message());
  std::unique_ptr<AgentServer> server(new AgentServer(std::move(options), runtime));
  PENSTOCK_TRY(server->listener_, transport.listen(listen, server->door_));
  server->executor_->post([s = server.get()] {
    if (!s->options_.once) return;
    s->idle_ = s->runtime_.after(s->options_.idle_limit, *s->executor_, [s] {
      if (!s->agent_.run()) s->options_.on_exit(error(Code::Timeout, "no run began within {}", format_duration(s->options_.idle_limit)));
    });
  });
  return server;
}

AgentServer::~AgentServer() {
  door_->close();
  listener_.reset();
  const auto stopped = runtime_.make_waiter();
  executor_->post([this, stopped] {
    timer_.cancel();
    idle_.cancel();
    if (runner_) runner_->stop();
    streams_.clear();
    stopped->notify();
  });
  (void)stopped->wait_for(std::chrono::seconds(5));
  while (stages_.load() > 0) (void)ended_->wait_for(std::chrono::milliseconds(100));
  executor_.reset();
}

void AgentServer::handle(AgentEvent event) {
  AgentEffects effects;
  const bool was_attached = agent_.attached();
  agent_.handle(runtime_.now(), std::move(event), effects);
  for (AgentEffect& effect : effects) std::visit([this](auto& e) { perform(e); }, effect);
  arm();
  if (options_.once && was_attached && !agent_.attached() && !agent_.run()) exit_soon();
}

// Not at once, so that what is still to be told goes out first.
void AgentServer::exit_soon() {
  idle_ = runtime_.after(std::chrono::milliseconds(500), *executor_, [this] { options_.on_exit(ok()); });
}

void AgentServer::arm() {
  timer_.cancel();
  const auto wake = agent_.next_wake();
  if (!wake) return;
  timer_ = runtime_.after(std::max<Duration>(*wake - runtime_.now(), Duration(0)), *executor_, [this] { handle(AgentTick{}); });
}

void AgentServer::perform(Tell& effect) {
  if (effect.message.has_refused()) log::warn("bench", "refused: {}", effect.message.refused().reason());
  if (effect.message.has_failed()) log::warn("bench", "failed: {}", effect.message.failed().error());
  if (effect.message.has_at_barrier()) {
    log::info("bench", "ready at {} ({})", effect.message.at_barrier().name(), effect.message.at_barrier().sequence());
  }
  const auto stream = streams_.find(effect.connection);
  if (stream != streams_.end()) stream->second->write(effect.message.SerializeAsString());
}

void AgentServer::perform(TellStats& effect) {
  Tell tell{effect.connection, {}};
  pb::BenchStats& stats = *tell.message.mutable_stats();
  stats.set_progress(-1);
  stats.set_note(agent_.state_name());
  if (agent_.run()) {
    stats.set_stage(agent_.run()->stage);
    stats.set_stage_name(agent_.run()->plan.stages[agent_.run()->stage].name);
  }
  if (runner_) {
    const StageRunner::Live live = runner_->live();
    stats.set_progress(live.progress);
    stats.set_operations(live.operations);
    stats.set_per_second(live.per_second);
    stats.set_errors(live.errors);
    stats.set_bytes(live.bytes);
    stats.set_p99_nanos(live.p99_nanos);
  }
  perform(tell);
}

void AgentServer::perform(HangUp& effect) {
  const auto stream = streams_.find(effect.connection);
  if (stream == streams_.end()) return;
  const std::shared_ptr<rpc::Stream> held = stream->second;
  streams_.erase(stream);
  held->close(ok());
}

std::string AgentServer::run_folder() const { return fmt::format("{}/{}", options_.folder, log_run_); }

void AgentServer::perform(EnterRun& /*effect*/) {
  const Agent::Run& run = *agent_.run();
  idle_.cancel();
  log_run_ = run.id;
  std::error_code failed;
  std::filesystem::create_directories(run_folder(), failed);
  if (failed) log::error("bench", "cannot make {}: {}", run_folder(), failed.message());
  summaries_ = std::ofstream(run_folder() + "/summaries.jsonl", std::ios::app);
  resources_ = std::make_unique<RunResources>(runtime_, run.id, run_folder(), run.index, run.count);
  log::info("bench", "run {} of {}, agent {} of {}", run.id, run.owner, run.index, run.count);
}

void AgentServer::perform(RunStage& effect) {
  const Stage& stage = agent_.run()->plan.stages[effect.stage];
  log::info("bench", "starts stage {} '{}'", effect.stage, stage.name);
  runner_ = std::make_shared<StageRunner>(stage, effect.stage, *resources_, threads_,
                                          fmt::format("{}/{}-{}.log", run_folder(), effect.stage, stage.name));
  running_ = effect.work;
  ++stages_;
  const auto begun = [this, work = effect.work] { executor_->post([this, work] { handle(StageBegun{work}); }); };
  runner_->start(begun, [this, work = effect.work](Result<pb::BenchSummary> summary) {
    executor_->post([this, work, summary = std::move(summary)]() mutable {
      if (running_ == work) runner_.reset();
      handle(StageEnded{work, std::move(summary)});
    });
    const auto ended = ended_;
    --stages_;  // the server may go now
    ended->notify();
  });
}

void AgentServer::perform(StopStage& effect) {
  if (running_ == effect.work && runner_) runner_->stop();
}

void AgentServer::perform(KeepSummary& effect) {
  std::string line;
  if (!google::protobuf::util::MessageToJsonString(effect.summary, &line).ok()) return;
  if (!(summaries_ << line << '\n' << std::flush)) log::error("bench", "cannot write {}/summaries.jsonl", run_folder());
}

void AgentServer::perform(LeaveRun& effect) {
  log::info("bench", "leaves run {}: {}", log_run_, effect.reason);
  resources_.reset();
  summaries_.close();
  if (options_.once) exit_soon();
}

void AgentServer::perform(ExitAgent& effect) { options_.on_exit(std::move(effect.why)); }

}  // namespace penstock::bench
