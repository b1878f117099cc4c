#pragma once

#include <atomic>
#include <fstream>
#include <memory>

#include "bench/agent/stage_runner.h"
#include "bench/machine/agent.h"
#include "rpc/transport.h"

namespace penstock::bench {

inline constexpr const char* kBenchMethod = "/penstock.bench.Agent/Control";

/// `penstock bench agent`: the agent machine with a network, threads and a folder. Its owner keeps it until `on_exit` was called, and
/// drops it from another thread than the agent's.
class AgentServer {
 public:
  struct Options {
    Agent::Options agent;
    std::string folder;  // results and scripts' output: FOLDER/RUN/…
    bool once = false;   // ends after its first run, when its controller leaves without one, or when none begins within `idle_limit`
    Duration idle_limit = std::chrono::minutes(2);
    std::function<void(Status)> on_exit;  // any thread; the agent does nothing more of note
  };

  /// Errors: `Io` when the address cannot be taken.
  [[nodiscard]] static Result<std::unique_ptr<AgentServer>> start(Options options, runtime::Runtime& runtime, rpc::Transport& transport,
                                                                  std::string_view listen);
  AgentServer(const AgentServer&) = delete;
  AgentServer& operator=(const AgentServer&) = delete;
  /// Stops what runs and waits for it.
  ~AgentServer();

  [[nodiscard]] std::string address() const { return listener_->address(); }

 private:
  class Door;

  AgentServer(Options options, runtime::Runtime& runtime);
  void handle(AgentEvent event);
  void arm();
  void exit_soon();
  void perform(Tell& effect);
  void perform(TellStats& effect);
  void perform(HangUp& effect);
  void perform(EnterRun& effect);
  void perform(RunStage& effect);
  void perform(StopStage& effect);
  void perform(KeepSummary& effect);
  void perform(LeaveRun& effect);
  void perform(ExitAgent& effect);
  [[nodiscard]] std::string run_folder() const;

  const Options options_;
  runtime::Runtime& runtime_;

  // Owned by the executor.
  Agent agent_;
  std::map<ConnectionId, std::shared_ptr<rpc::Stream>> streams_;  // shared with the transport
  std::unique_ptr<RunResources> resources_;
  std::string log_run_;
  std::ofstream summaries_;
  std::shared_ptr<StageRunner> runner_;  // shared with its threads
  WorkId running_;
  runtime::Timer timer_;
  runtime::Timer idle_;

  std::atomic<uint64_t> connections_{0};
  std::atomic<int> stages_{0};  // whose end is still to be told
  StageThreads threads_;
  std::shared_ptr<runtime::Waiter> ended_;
  std::unique_ptr<runtime::Executor> executor_;
  std::shared_ptr<Door> door_;  // shared with the transport
  std::unique_ptr<rpc::Listener> listener_;
};

}  // namespace penstock::bench
