#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/metrics/metrics.h"
#include "http/http_server.h"
#include "runtime/runtime.h"

namespace penstock::http {

/// One thing that must hold for a role to make progress.
struct Check {
  std::string name;
  bool ok = true;
  std::string text;
};

/// What a role shows of itself. Called on the monitor's thread; each may wait about a second for the role's own loop, which is how a loop
/// that stands still is noticed.
struct MonitoredRole {
  std::string name;
  std::function<std::vector<Check>()> health;
  std::function<std::vector<Check>()> ready;
  std::function<void(metrics::Samples&)> sample;
};

/// The page of one check a line, "ok" or "FAIL" in front: 200 when all hold, else 503.
[[nodiscard]] Response checks_page(const std::vector<MonitoredRole>& roles, std::function<std::vector<Check>()> MonitoredRole::* which);

/// The port of a process for machines that watch it:
///
///     /metrics   everything in the registry and what the roles sample, in Prometheus' text format
///     /healthz   whether each role makes progress
///     /readyz    whether each role can be used
///
/// It has a thread of its own. The registry and what the roles refer to outlive it.
class Monitor {
 public:
  /// Errors: as `Server::start`.
  [[nodiscard]] static Result<std::unique_ptr<Monitor>> start(runtime::Runtime& runtime, std::string_view address,
                                                              const metrics::Registry& registry, std::vector<MonitoredRole> roles);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  [[nodiscard]] const std::string& address() const { return server_->address(); }

 private:
  Monitor(const metrics::Registry& registry, std::vector<MonitoredRole> roles) : registry_(registry), roles_(std::move(roles)) {}
  [[nodiscard]] Response answer(std::string_view path) const;

  const metrics::Registry& registry_;
  const std::vector<MonitoredRole> roles_;
  std::unique_ptr<Server> server_;  // last: ends before what it shows
};

}  // namespace penstock::http
