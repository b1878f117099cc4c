#include "bench/workload/process_watch.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/workload/process_table.h"

namespace penstock::bench {
namespace {

// Reads "+ 123" and "- 123". Ctrl-C and the like are for the others: it ends with its pipe.
constexpr const char* kScript = R"(
trap '' INT TERM HUP
groups=
while read -r sign group; do
  kept=
  for other in $groups; do [ "$other" = "$group" ] || kept="$kept $other"; done
  groups=$kept
  [ "$sign" = - ] || groups="$groups $group"
done
for group in $groups; do kill -KILL "-$group"; done
)";

}  // namespace

ProcessWatch::~ProcessWatch() {
  const MutexLock lock(mutex_);
  if (shell_ == 0) return;
  ::close(pipe_);
  while (::waitpid(shell_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status ProcessWatch::begin() {
  const MutexLock lock(mutex_);
  if (shell_ != 0) return ok();
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return error(Code::Io, "cannot make a pipe: {}", std::strerror(errno));
  const auto shell = spawn_process({"/bin/sh", "-c", kScript}, {}, "/dev/null", ends[0]);
  ::close(ends[0]);
  if (shell.has_error()) {
    ::close(ends[1]);
    return shell.error();
  }
  shell_ = shell.value();
  pipe_ = ends[1];
  return ok();
}

// A shell that somebody ended hears nothing, and nothing more can be done about it.
void ProcessWatch::tell(char sign, pid_t group) {
  const MutexLock lock(mutex_);
  if (shell_ == 0) return;
  const std::string line = fmt::format("{} {}\n", sign, group);
  while (::write(pipe_, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

}  // namespace penstock::bench
