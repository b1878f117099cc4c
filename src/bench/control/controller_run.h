#pragma once

#include <fstream>
#include <memory>

#include "bench/control/journal.h"
#include "bench/control/live_view.h"
#include "bench/machine/controller.h"
#include "rpc/transport.h"
#include "storage/posix_filesystem.h"

namespace penstock::bench {

/// `penstock bench run` and `resume`: the controller machine with a network, a journal and a terminal.
class ControllerRun {
 public:
  struct Options {
    std::string token;
    ViewStyle view = ViewStyle::Lines;
    std::function<void()> on_finished;  // on the run's thread: read `outcome` from another one, after this
  };

  /// A new run in `out`/RUN. Errors: of the stage file, of the folder, or a number of agents that is not the file's.
  [[nodiscard]] static Result<std::unique_ptr<ControllerRun>> begin(const std::string& stage_file, std::vector<std::string> agents,
                                                                    const std::string& out, Options options, runtime::Runtime& runtime,
                                                                    rpc::Transport& transport);
  /// Goes on with the run in `folder`.
  [[nodiscard]] static Result<std::unique_ptr<ControllerRun>> resume(const std::string& folder, Options options, runtime::Runtime& runtime,
                                                                     rpc::Transport& transport);
  ControllerRun(const ControllerRun&) = delete;
  ControllerRun& operator=(const ControllerRun&) = delete;
  ~ControllerRun();

  /// Aborts the run; a second time it does not wait for the agents. Any thread.
  void interrupt();
  /// After `on_finished`. Errors: why the run did not complete.
  [[nodiscard]] Status outcome() const { return outcome_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  struct Peer {
    std::shared_ptr<rpc::Stream> stream;  // shared with the transport
    uint64_t connection = 0;              // counted up, so that what an old stream says is known
  };

  ControllerRun(std::string folder, Plan plan, Controller::Options machine, std::unique_ptr<Journal> journal, Options options,
                runtime::Runtime& runtime, rpc::Transport& transport);
  void start(std::vector<pb::BenchJournal> records);
  /// Events are gathered, so that all that have come are synced to disk at once.
  void queue(ControllerEvent event);
  void drain();
  void perform_all(ControllerEffects& effects);
  void perform(Connect& effect);
  void perform(Disconnect& effect);
  void perform(Send& effect);
  void perform(Persist& effect);
  void perform(Note& effect);
  void perform(Finish& effect);
  void limit_results(pb::BenchJournal& record);
  void sync();
  void arm();
  void draw();
  /// Once nobody is `parting_` any more.
  void finish(Status outcome);
  void end();
  [[nodiscard]] double seconds() const;

  const std::string folder_;
  const Controller::Options machine_;
  const Options options_;
  runtime::Runtime& runtime_;
  rpc::Transport& transport_;
  storage::PosixFileSystem files_;

  // Owned by the executor.
  Controller controller_;
  std::unique_ptr<Journal> journal_;
  std::vector<pb::BenchJournal> records_;
  std::vector<Peer> peers_;
  std::set<std::pair<AgentId, uint64_t>> parting_;  // connections that were said goodbye to and are not closed yet
  std::optional<Status> ending_;                    // what `finish` was given
  std::vector<ControllerEvent> queued_;
  std::ofstream events_;
  LiveView view_;
  runtime::TimePoint began_;
  runtime::Timer timer_, redraw_, parting_limit_;
  bool dirty_ = false;
  bool limit_told_ = false;
  bool finished_ = false;

  Status outcome_ = ok();
  std::unique_ptr<runtime::Executor> executor_;
};

/// "Linux 6.1.0 x86_64, 2 cores, penstock 0.1.0".
[[nodiscard]] std::string describe_machine();

/// `penstock bench stop`: ends what orphaned agents do. `clean`: with the cleanup stages of their run. `exit`: their processes end too.
/// Says what became of each. Errors: an agent is not reachable, or busy with a controller that is there.
Status stop_agents(const std::vector<std::string>& agents, const std::string& token, bool clean, bool exit, runtime::Runtime& runtime,
                   rpc::Transport& transport);

}  // namespace penstock::bench
