#pragma once

#include <initializer_list>

namespace penstock::cmd {

/// SIGINT and SIGTERM, waited for instead of interrupting. Made before any thread starts, so that every thread leaves them alone.
class StopSignals {
 public:
  StopSignals();
  /// Blocks until one comes, and says which; a second one ends the process at once.
  int wait();
  /// As if a signal had come; from any thread.
  void raise();
};

}  // namespace penstock::cmd
