#include "frontend/readiness.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kRunPatience = std::chrono::seconds(5);
constexpr runtime::Duration kBlockedPatience = std::chrono::seconds(10);

// Nothing if it runs, or is not known (it was dropped: others say so).
std::optional<Error> why_not_running(const SessionServices& services, const MetaView& view, DatabaseId database) {
  if (!services.meta.following()) {
    // What it was told last may be long over, and without meta nothing is committed.
    return error(Code::Unavailable, "meta at {} does not answer", services.meta.address())
        .with_hint("Start it again, on its data folder, or wait; views can be read meanwhile.");
  }
  if (view.workers.empty()) {
    return error(Code::Unavailable, "no compute has joined meta at {}", services.meta.address())
        .with_hint("Start one: penstock compute --meta ADDRESS --data-dir DIR");
  }
  const auto status = view.databases.find(database);
  if (status == view.databases.end() || !status->second.recovering) return std::nullopt;
  return error(Code::Unavailable, "the database is recovering: {}", status->second.reason)
      .with_hint("Run the statement again when the database runs; penstock ctl doctor says what it waits for.");
}

}  // namespace

Status check_running(const SessionServices& services, DatabaseId database) {
  const MetaViewPtr view = services.meta.view();
  const auto reason = view ? why_not_running(services, *view, database) : std::nullopt;
  return reason ? Status(*reason) : ok();
}

Status wait_until_running(const SessionServices& services, DatabaseId database, const CancelFlag& cancel) {
  std::optional<Error> reason;
  const auto runs = [&](const MetaView& view) {
    reason = why_not_running(services, view, database);
    return !reason;
  };
  const auto waited = services.meta.wait(runs, kRunPatience, &cancel, "the database to recover");
  if (waited.has_error() && reason && waited.error().code() == Code::Timeout) return reason->with_detail("Nothing was applied.");
  if (waited.has_error()) return waited.error();
  return ok();
}

Status RecoveryPatience::operator()() {
  const MetaViewPtr view = services_.meta.view();
  const auto reason = view ? why_not_running(services_, *view, database_) : std::nullopt;
  if (!reason) {
    since_.reset();
    return ok();
  }
  const runtime::TimePoint now = services_.runtime.now();
  if (!since_) since_ = now;
  return now - *since_ < kBlockedPatience ? ok() : Status(*reason);
}

}  // namespace penstock::frontend
