#pragma once

#include <initializer_list>

namespace penstock::cmd {

/// SIGINT and SIGTERM, waited for instead of interrupting. Made before any thread starts, so that every thread leaves them alone.
class StopSignals {
 public:
  StopSignals();
  /// Blocks until one comes; a second one ends the process at once.
  void wait();
  /// As if a signal had come; from any thread.
  void raise();
};

}  // namespace penstock::cmd
