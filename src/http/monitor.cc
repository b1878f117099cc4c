#include "http/monitor.h"

#include "http/process_metrics.h"

namespace penstock::http {

Response checks_page(const std::vector<MonitoredRole>& roles, std::function<std::vector<Check>()> MonitoredRole::* which) {
  Response page;
  for (const MonitoredRole& role : roles) {
    for (const Check& check : (role.*which)()) {
      if (!check.ok) page.status = 503;
      page.body += fmt::format("{:4}  {}: {}: {}\n", check.ok ? "ok" : "FAIL", role.name, check.name, check.text);
    }
  }
  return page;
}

Result<std::unique_ptr<Monitor>> Monitor::start(runtime::Runtime& runtime, std::string_view address, const metrics::Registry& registry,
                                                std::vector<MonitoredRole> roles) {
  std::unique_ptr<Monitor> monitor(new Monitor(registry, std::move(roles)));
  PENSTOCK_TRY(monitor->server_,
               Server::start(runtime, address, [raw = monitor.get()](std::string_view path) { return raw->answer(path); }));
  return monitor;
}

Response Monitor::answer(std::string_view path) const {
  if (path == "/metrics") {
    auto text = registry_.text([this](metrics::Samples& out) {
      sample_process(out);
      for (const MonitoredRole& role : roles_) role.sample(out);
    });
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
  }
  if (path == "/healthz") return checks_page(roles_, &MonitoredRole::health);
  if (path == "/readyz") return checks_page(roles_, &MonitoredRole::ready);
  if (path == "/") return {.body = "/metrics  figures for Prometheus\n/healthz  does it make progress\n/readyz   can it be used\n"};
  return {.status = 404, .body = "there is no such page; see /\n"};
}

}  // namespace penstock::http
