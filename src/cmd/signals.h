#pragma once

#include <initializer_list>

namespace penstock::cmd {

/// SIGINT and SIGTERM, waited for instead of interrupting. Made before any thread starts, so that every thread leaves them alone.
class StopSignals {
 public:
  StopSignals();
  /// Blocks until one comes, and says which; the user's second one from then on ends the process at once.
  int wait();
  /// As if SIGTERM had come, but none of the user's: whoever presses Ctrl-C while the process is ending of itself lets it end. From any
  /// thread.
  void raise();
};

}  // namespace penstock::cmd
