#include "bench/agent/script.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace penstock::bench {
namespace {

constexpr Duration kScriptLook = std::chrono::milliseconds(20);
constexpr Duration kTermPatience = std::chrono::seconds(5);

}  // namespace

Result<pb::BenchSummary> run_script(const Stage& stage, RunResources& resources, const std::string& log_file, runtime::Waiter& waiter,
                                    const std::atomic<bool>& stop) {
  std::map<std::string, std::string> environment = stage.env;
  environment["PENSTOCK_BENCH_RUN"] = resources.run();
  environment["PENSTOCK_BENCH_STAGE"] = stage.name;
  environment["PENSTOCK_BENCH_AGENT"] = std::to_string(resources.agent());
  environment["PENSTOCK_BENCH_AGENTS"] = std::to_string(resources.agents());
  runtime::Runtime& runtime = resources.runtime();
  const runtime::TimePoint begun = runtime.now();
  PENSTOCK_TRY(resources.watch().begin());
  PENSTOCK_TRY(const pid_t pid, spawn_process({"/bin/sh", "-c", stage.script}, environment, log_file));
  resources.watch().add(pid);
  std::optional<runtime::TimePoint> asked;
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) break;
    if (ended < 0 && errno != EINTR) return error(Code::Io, "lost the script of stage '{}': {}", stage.name, std::strerror(errno));
    if (stop && !asked) {
      asked = runtime.now();
      ::kill(-pid, SIGTERM);
    } else if (asked && runtime.now() - *asked >= kTermPatience) {
      ::kill(-pid, SIGKILL);
    }
    (void)waiter.wait_for(kScriptLook);
  }
  resources.watch().remove(pid);
  if (asked) {
    ::kill(-pid, SIGKILL);  // what it left behind
    return error(Code::Cancelled, "the script of stage '{}' was stopped", stage.name);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string how =
        WIFEXITED(status) ? fmt::format("exited with {}", WEXITSTATUS(status)) : fmt::format("was ended by signal {}", WTERMSIG(status));
    return error(Code::Io, "the script of stage '{}' {}; its last output: {}", stage.name, how, last_lines(log_file));
  }
  pb::BenchSummary summary;
  summary.set_elapsed_nanos(static_cast<uint64_t>((runtime.now() - begun).count()));
  return summary;
}

}  // namespace penstock::bench
