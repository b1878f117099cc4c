#pragma once

#include "frontend/session.h"

namespace penstock::frontend {

/// What a statement does about a database that recovers: it waits as long as recoveries take, but not for a node that stays away.

/// `Unavailable` while it recovers or meta is away, or when no compute is there at all: with why, and for whom it waits.
[[nodiscard]] Status check_running(const SessionServices& services, DatabaseId database);

/// Blocks until the database runs, at most as long as a SELECT waits. Errors: `Unavailable` with why it recovers and for whom it waits;
/// `Cancelled`.
[[nodiscard]] Status wait_until_running(const SessionServices& services, DatabaseId database, const CancelFlag& cancel);

/// For calls that wait for a barrier: asked now and then, it says `Unavailable` once the database has not been running for 10 s without
/// end.
class RecoveryPatience {
 public:
  RecoveryPatience(const SessionServices& services, DatabaseId database) : services_(services), database_(database) {}
  [[nodiscard]] Status operator()();

 private:
  const SessionServices& services_;
  const DatabaseId database_;
  std::optional<runtime::TimePoint> since_;
};

}  // namespace penstock::frontend
