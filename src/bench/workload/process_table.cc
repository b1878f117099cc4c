#include "bench/workload/process_table.h"

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

constexpr runtime::Duration kReapLook = std::chrono::milliseconds(5);

// Owns posix_spawn's two option objects.
struct SpawnOptions {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  SpawnOptions(const std::string& log_file, int input) {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    if (input >= 0) {
      posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    } else {
      posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;
  ~SpawnOptions() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

uint64_t resident_bytes(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/statm", pid));
  uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return in ? resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace

std::string last_lines(const std::string& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const auto size = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(0, size - 400));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<pid_t> spawn_process(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                            const std::string& log_file, int input) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!environment.contains(std::string(text.substr(0, text.find('='))))) variables.emplace_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(fmt::format("{}={}", name, value));
  std::vector<char*> argv, envp;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& variable : variables) envp.push_back(const_cast<char*>(variable.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const SpawnOptions options(log_file, input);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &options.files, &options.attributes, argv.data(), envp.data());
  if (failed != 0) return error(Code::Io, "cannot start {}: {}", command[0], std::strerror(failed));
  return pid;
}

ProcessTable::~ProcessTable() {
  const MutexLock lock(mutex_);
  for (const auto& [name, process] : processes_) kill_and_reap(process.pid);
}

// Kills the group and waits for its leader. A process that was killed ends as soon as the kernel has undone it.
void ProcessTable::kill_and_reap(pid_t pid) {
  ::kill(-pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  watch_.remove(pid);
}

bool ProcessTable::reap(pid_t pid) {
  if (::waitpid(pid, nullptr, WNOHANG) == 0) return false;
  ::kill(-pid, SIGKILL);
  watch_.remove(pid);
  return true;
}

Result<ProcessTable::Process*> ProcessTable::find(const std::string& name) {
  const auto found = processes_.find(name);
  if (found == processes_.end()) return error(Code::Stale, "process '{}' does not run", name);
  return &found->second;
}

Status ProcessTable::start(const std::string& name, const std::string& command, const std::map<std::string, std::string>& environment,
                           const std::string& log_file) {
  const MutexLock lock(mutex_);
  const auto found = processes_.find(name);
  if (found != processes_.end()) {
    if (!reap(found->second.pid)) return error(Code::Stale, "process '{}' runs already", name);
    processes_.erase(found);
  }
  PENSTOCK_TRY(watch_.begin());
  PENSTOCK_TRY(const pid_t pid, spawn_process({"/bin/sh", "-c", command}, environment, log_file));
  watch_.add(pid);
  processes_[name] = {pid, log_file};
  return ok();
}

Status ProcessTable::kill(const std::string& name) {
  const MutexLock lock(mutex_);
  PENSTOCK_TRY(const Process* process, find(name));
  kill_and_reap(process->pid);
  processes_.erase(name);
  return ok();
}

Status ProcessTable::stop(const std::string& name, runtime::Duration patience) {
  const MutexLock lock(mutex_);
  PENSTOCK_TRY(const Process* process, find(name));
  ::kill(-process->pid, SIGTERM);
  ::kill(-process->pid, SIGCONT);  // one that is paused would not hear it
  const auto waiter = runtime_.make_waiter();
  const runtime::TimePoint begun = runtime_.now();
  bool ended = reap(process->pid);
  while (!ended && runtime_.now() - begun < patience) {
    (void)waiter->wait_for(kReapLook);
    ended = reap(process->pid);
  }
  if (!ended) kill_and_reap(process->pid);
  processes_.erase(name);
  return ok();
}

Status ProcessTable::signal(const std::string& name, int number) {
  const MutexLock lock(mutex_);
  PENSTOCK_TRY(const Process* process, find(name));
  if (::kill(-process->pid, number) != 0) return error(Code::Io, "cannot signal process '{}': {}", name, std::strerror(errno));
  return ok();
}

Status ProcessTable::pause(const std::string& name) { return signal(name, SIGSTOP); }
Status ProcessTable::resume(const std::string& name) { return signal(name, SIGCONT); }

Status ProcessTable::check_running() {
  const MutexLock lock(mutex_);
  for (const auto& [name, process] : processes_) {
    if (!reap(process.pid)) continue;
    const Error why = error(Code::Unavailable, "process '{}' ended by itself; its last output: {}", name, last_lines(process.log_file));
    processes_.erase(name);
    return why;
  }
  return ok();
}

std::map<std::string, uint64_t> ProcessTable::memory() {
  const MutexLock lock(mutex_);
  std::map<std::string, uint64_t> bytes;
  for (const auto& [name, process] : processes_) bytes[name] = resident_bytes(process.pid);
  return bytes;
}

}  // namespace penstock::bench
