#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "bench/workload/process_watch.h"
#include "common/error.h"
#include "common/mutex.h"
#include "runtime/runtime.h"

namespace penstock::bench {

/// A child process that leads a session and a process group of its own, with standard output and error appended to `log_file`;
/// `environment` is added to ours. Standard input is `input`, or empty. Errors: `Io`.
[[nodiscard]] Result<pid_t> spawn_process(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                                          const std::string& log_file, int input = -1);
/// Of the file, a few hundred bytes.
[[nodiscard]] std::string last_lines(const std::string& file);

/// What an agent started for a run, by the names of the stage file. Nothing else is ever signalled. Thread-safe; the destructor kills
/// what still runs, with all that it started; should this process be killed, `watch`, which outlives the table, does.
class ProcessTable {
 public:
  ProcessTable(runtime::Runtime& runtime, ProcessWatch& watch) : runtime_(runtime), watch_(watch) {}
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;
  ~ProcessTable();

  /// Runs `command` with /bin/sh. Errors: `Stale` when it runs already; `Io`.
  Status start(const std::string& name, const std::string& command, const std::map<std::string, std::string>& environment,
               const std::string& log_file);
  /// SIGKILL; returns when it is gone. Errors here and below: `Stale` when it does not run.
  Status kill(const std::string& name);
  /// SIGTERM; after `patience` SIGKILL. Returns when it is gone.
  Status stop(const std::string& name, runtime::Duration patience);
  /// SIGSTOP and SIGCONT.
  Status pause(const std::string& name);
  Status resume(const std::string& name);
  /// Errors: `Unavailable`, with the last lines of its output, if one has ended that nobody ended.
  Status check_running();
  /// Resident memory of each that runs, in bytes.
  [[nodiscard]] std::map<std::string, uint64_t> memory();

 private:
  struct Process {
    pid_t pid = 0;
    std::string log_file;
  };
  Result<Process*> find(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status signal(const std::string& name, int number);
  void kill_and_reap(pid_t pid);
  /// True if it has ended; then what it left behind is killed.
  [[nodiscard]] bool reap(pid_t pid);

  runtime::Runtime& runtime_;
  ProcessWatch& watch_;
  Mutex mutex_;
  std::map<std::string, Process> processes_ ABSL_GUARDED_BY(mutex_);  // that run, as far as is known
};

}  // namespace penstock::bench
