// What a frontend shows to machines that watch it.
#include "frontend/frontend_node.h"

namespace penstock::frontend {

http::MonitoredRole FrontendNode::monitored() {
  const auto follows = [this]() -> std::vector<http::Check> {
    const bool good = meta_.following();
    return {{"meta", good, fmt::format("{} {}", good ? "its notifications come in from" : "no line to", meta_.address())}};
  };
  http::MonitoredRole role{.name = "frontend", .health = follows, .ready = follows};
  role.sample = [this](metrics::Samples& out) {
    size_t sessions = 0;
    uint32_t begun = 0;
    {
      const std::lock_guard lock(mutex_);
      sessions = sessions_.size();
      begun = next_process_ - 1;
    }
    out.gauge("sql_sessions", "SQL sessions that are open", {}, static_cast<double>(sessions));
    out.counter("sql_sessions_total", "SQL sessions that were begun", {}, begun);
    out.gauge("frontend_follows_meta", "1 while meta's notifications come in", {}, meta_.following() ? 1 : 0);
  };
  return role;
}

}  // namespace penstock::frontend
