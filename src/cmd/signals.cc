#include "cmd/signals.h"

#include <unistd.h>
#include <csignal>

namespace penstock::cmd {
namespace {

// What `raise` sends: never let through, so that one that comes too late to be waited for does nothing.
constexpr int kOwn = SIGUSR2;

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

void take_one(int number) { std::signal(number, SIG_DFL); }

}  // namespace

StopSignals::StopSignals() {
  sigset_t set = stop_set();
  sigaddset(&set, kOwn);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int StopSignals::wait() {
  sigset_t set = stop_set();
  sigaddset(&set, kOwn);
  int number = 0;
  sigwait(&set, &number);
  const auto next = number == kOwn ? take_one : SIG_DFL;
  std::signal(SIGINT, next);
  std::signal(SIGTERM, next);
  sigdelset(&set, kOwn);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return number == kOwn ? SIGTERM : number;
}

void StopSignals::raise() { kill(getpid(), kOwn); }

}  // namespace penstock::cmd
