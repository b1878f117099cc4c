#include "bench/agent/script.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

namespace penstock::bench {
namespace {

constexpr Duration kScriptLook = std::chrono::milliseconds(20);
constexpr Duration kTermPatience = std::chrono::seconds(5);

// Owns posix_spawn's two option objects.
struct SpawnOptions {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  explicit SpawnOptions(const std::string& log_file) {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;
  ~SpawnOptions() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

std::string last_lines(const std::string& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const auto size = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(0, size - 400));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

Result<pid_t> spawn_process(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                            const std::string& log_file) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!environment.contains(std::string(text.substr(0, text.find('='))))) variables.emplace_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& variable : variables) envp.push_back(const_cast<char*>(variable.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const SpawnOptions options(log_file);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &options.files, &options.attributes, argv.data(), envp.data());
  if (failed != 0) return error(Code::Io, "cannot start {}: {}", command[0], std::strerror(failed));
  return pid;
}

Result<pb::BenchSummary> run_script(const Stage& stage, RunResources& resources, const std::string& log_file, runtime::Waiter& waiter,
                                    const std::atomic<bool>& stop) {
  std::map<std::string, std::string> environment = stage.env;
  environment["PENSTOCK_BENCH_RUN"] = resources.run();
  environment["PENSTOCK_BENCH_STAGE"] = stage.name;
  environment["PENSTOCK_BENCH_AGENT"] = std::to_string(resources.agent());
  environment["PENSTOCK_BENCH_AGENTS"] = std::to_string(resources.agents());
  runtime::Runtime& runtime = resources.runtime();
  const runtime::TimePoint begun = runtime.now();
  PENSTOCK_TRY(const pid_t pid, spawn_process({"/bin/sh", "-c", stage.script}, environment, log_file));
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
