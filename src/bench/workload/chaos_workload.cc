#include "bench/workload/chaos_workload.h"

#include <charconv>
#include <filesystem>

namespace penstock::bench {
namespace {

constexpr Duration kPollPause = std::chrono::milliseconds(5);
constexpr Duration kEndPatience = std::chrono::seconds(30);
constexpr Duration kWaitStep = std::chrono::milliseconds(50);

constexpr ChaosAction::Kind kAllKinds[] = {ChaosAction::Start,    ChaosAction::Stop,     ChaosAction::Kill,  ChaosAction::Restart,
                                           ChaosAction::Pause,    ChaosAction::Cut,      ChaosAction::Slow,  ChaosAction::Wait,
                                           ChaosAction::Sql,      ChaosAction::Readable, ChaosAction::Until, ChaosAction::Check,
                                           ChaosAction::Committed};

std::string own_binary() {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/self/exe", failed).string();
}

bool says_true(const SqlConnection::Rows& rows) { return !rows.empty() && !rows[0].empty() && rows[0][0] && *rows[0][0] == "t"; }

std::string shown(const SqlConnection::Rows& rows) {
  if (rows.empty()) return "no row";
  std::string text;
  for (const auto& cell : rows[0]) text += (text.empty() ? "" : ", ") + cell.value_or("NULL");
  return text;
}

class ChaosWorker final : public Worker {
 public:
  ChaosWorker(const ChaosOptions& options, RunResources& resources, const std::atomic<bool>& stop)
      : options_(options),
        resources_(resources),
        runtime_(resources.runtime()),
        stop_(stop),
        waiter_(runtime_.make_waiter()),
        sql_(options.server, runtime_, stop) {}

  std::optional<uint64_t> tasks() const override {
    if (options_.agent != resources_.agent()) return 0;
    return options_.rounds == 0 ? UINT64_MAX : options_.rounds * options_.actions.size();
  }

  Result<Done> next() override {
    const ChaosAction& action = options_.actions[next_++ % options_.actions.size()];
    const runtime::TimePoint begun = runtime_.now();
    const bool disturbs = action.kind == ChaosAction::Kill || action.kind == ChaosAction::Restart || action.kind == ChaosAction::Stop ||
                          action.kind == ChaosAction::Pause || action.kind == ChaosAction::Cut;
    if (disturbs) {
      if (const auto epoch = committed_epoch()) last_epoch_ = *epoch;
      disturbed_ = runtime_.now();
    }
    const Status done = perform(action);
    if (done.has_error()) return done.error().with_context(fmt::format("action {}: {} {}", next_, name_of(action.kind), action.target));
    const bool since_disturbance =
        action.kind == ChaosAction::Readable || action.kind == ChaosAction::Until || action.kind == ChaosAction::Committed;
    return Done{.kind = static_cast<uint32_t>(action.kind),
                .bytes = 0,
                .error = "",
                .latency = runtime_.now() - (since_disturbance ? disturbed_.value_or(begun) : begun),
                .mark = disturbs ? fmt::format("{} {}", name_of(action.kind), action.target) : ""};
  }
  /// What a round broke it also mends.
  bool may_end() const override { return next_ % options_.actions.size() == 0; }

 private:
  Status perform(const ChaosAction& action) {
    ProcessTable& processes = resources_.processes();
    switch (action.kind) {
      case ChaosAction::Start:
        return start(action.target);
      case ChaosAction::Stop:
        return processes.stop(action.target, kEndPatience);
      case ChaosAction::Kill:
        sql_.disconnect();
        return processes.kill(action.target);
      case ChaosAction::Restart:
        return restart(action.target);
      case ChaosAction::Pause:
        return pause(action);
      case ChaosAction::Cut:
        return cut(action);
      case ChaosAction::Slow:
        return resources_.links().set_delay(action.target, action.duration);
      case ChaosAction::Wait:
        return wait(action.duration);
      case ChaosAction::Sql:
        return perform_sql(action.target);
      case ChaosAction::Readable:
        return poll([&](const SqlConnection::Rows&) { return true; }, action.target);
      case ChaosAction::Until:
        return poll(says_true, action.target);
      case ChaosAction::Check:
        return check(action.target);
      case ChaosAction::Committed:
        return wait_for_commit();
    }
    return ok();
  }

  Status start(const std::string& name) {
    const ProcessOptions& process = options_.processes.at(name);
    std::map<std::string, std::string> environment = process.env;
    environment["PENSTOCK"] = own_binary();
    environment["PENSTOCK_BENCH_RUN"] = resources_.run();
    return resources_.processes().start(name, process.command, environment, fmt::format("{}/{}.log", resources_.folder(), name));
  }

  Status restart(const std::string& name) {
    sql_.disconnect();
    PENSTOCK_TRY(resources_.processes().kill(name));
    return start(name);
  }

  Status pause(const ChaosAction& action) {
    PENSTOCK_TRY(resources_.processes().pause(action.target));
    Status waited = wait(action.duration);
    PENSTOCK_TRY(resources_.processes().resume(action.target));
    disturbed_ = runtime_.now();  // it could not do anything before
    return waited;
  }

  Status cut(const ChaosAction& action) {
    PENSTOCK_TRY(resources_.links().set_cut(action.target, true));
    Status waited = wait(action.duration);
    PENSTOCK_TRY(resources_.links().set_cut(action.target, false));
    disturbed_ = runtime_.now();  // nothing could get through before
    return waited;
  }

  Status wait(Duration duration) {
    const runtime::TimePoint end = runtime_.now() + duration;
    while (runtime_.now() < end) {
      if (stop_) return error(Code::Cancelled, "the stage is being stopped");
      (void)waiter_->wait_for(std::min(kWaitStep, end - runtime_.now()));
    }
    return ok();
  }

  Status perform_sql(const std::string& sql) {
    PENSTOCK_TRY(sql_.query(sql));
    return ok();
  }

  Status check(const std::string& sql) {
    PENSTOCK_TRY(const auto rows, sql_.query(sql));
    if (says_true(rows)) return ok();
    return error(Code::Corruption, "it is not true: {}", shown(rows));
  }

  // Asks again and again, over whatever the server goes through.
  template <typename Good>
  Status poll(Good good, const std::string& sql) {
    const runtime::TimePoint begun = runtime_.now();
    std::string last = "nothing yet";
    while (runtime_.now() - begun < options_.patience) {
      PENSTOCK_TRY(resources_.processes().check_running());
      if (stop_) return error(Code::Cancelled, "the stage is being stopped");
      const auto rows = sql_.query(sql);
      if (rows.has_value() && good(rows.value())) return ok();
      last = rows.has_value() ? shown(rows.value()) : rows.error().to_string();
      (void)waiter_->wait_for(kPollPause);
    }
    return error(Code::Timeout, "not within {}; the last answer: {}", format_duration(options_.patience), last);
  }

  std::optional<int64_t> committed_epoch() {
    const auto rows = sql_.query("SELECT max(epoch) FROM penstock_barriers WHERE kind = 'checkpoint' AND state = 'committed'");
    if (rows.has_error() || rows.value().empty() || !rows.value()[0][0]) return std::nullopt;
    int64_t epoch = 0;
    const std::string& text = *rows.value()[0][0];
    std::from_chars(text.data(), text.data() + text.size(), epoch);
    return epoch;
  }

  Status wait_for_commit() {
    const runtime::TimePoint begun = runtime_.now();
    while (runtime_.now() - begun < options_.patience) {
      PENSTOCK_TRY(resources_.processes().check_running());
      if (stop_) return error(Code::Cancelled, "the stage is being stopped");
      const auto epoch = committed_epoch();
      if (epoch && *epoch > last_epoch_) return ok();
      (void)waiter_->wait_for(kPollPause);
    }
    return error(Code::Timeout, "no epoch after {} was committed within {}", last_epoch_, format_duration(options_.patience));
  }

  const ChaosOptions& options_;
  RunResources& resources_;
  runtime::Runtime& runtime_;
  const std::atomic<bool>& stop_;
  const std::shared_ptr<runtime::Waiter> waiter_;
  SqlConnection sql_;
  size_t next_ = 0;
  int64_t last_epoch_ = 0;
  std::optional<runtime::TimePoint> disturbed_;
};

}  // namespace

std::vector<std::string> ChaosWorkload::kinds() const {
  std::vector<std::string> names;
  for (const ChaosAction::Kind kind : kAllKinds) names.emplace_back(name_of(kind));
  return names;
}

Status ChaosWorkload::clean() {
  for (const auto& [name, bytes] : resources_.processes().memory()) {
    PENSTOCK_TRY(resources_.processes().stop(name, kEndPatience));
  }
  return ok();
}

Result<std::unique_ptr<Worker>> ChaosWorkload::make_worker(uint32_t /*index*/) {
  for (const auto& [name, link] : options_.links) {
    if (link.agent != resources_.agent()) continue;
    PENSTOCK_TRY(resources_.links().open(name, link.listen, link.to));
  }
  return std::unique_ptr<Worker>(std::make_unique<ChaosWorker>(options_, resources_, stop_));
}

std::map<std::string, double> ChaosWorkload::values() {
  std::map<std::string, double> values;
  for (const auto& [name, bytes] : resources_.processes().memory()) values["resident_mb_" + name] = static_cast<double>(bytes) / 1e6;
  return values;
}

}  // namespace penstock::bench
