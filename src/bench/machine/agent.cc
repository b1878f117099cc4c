#include "bench/machine/agent.h"

#include <algorithm>

namespace penstock::bench {
namespace {

template <typename... Fs>
struct Overload : Fs... {
  using Fs::operator()...;
};

// A stage that does not end so long after it was told to stop holds threads that nobody can end: the process does.
constexpr Duration kStopPatience = std::chrono::seconds(30);

// So long after a stage has begun the controller is told: by then the others on this host have been released, too.
constexpr Duration kBegunPause = std::chrono::milliseconds(100);

// Takes the same time whatever differs.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  return difference == 0;
}

void earliest(std::optional<runtime::TimePoint>& wake, std::optional<runtime::TimePoint> other) {
  if (other && (!wake || *other < *wake)) wake = other;
}

}  // namespace

void Agent::handle(runtime::TimePoint now, AgentEvent event, AgentEffects& out) {
  now_ = now;
  std::visit([&](auto& e) { on(e, out); }, event);
}

void Agent::on(ControlHeard& event, AgentEffects& out) {
  const pb::BenchControl& message = event.message;
  if (message.has_attach()) return on_attach(event.connection, message.attach(), out);
  if (!controller_ || controller_->connection != event.connection) {
    refuse(event.connection, run_ ? run_->owner : "", "speak Attach first", out);
    out.emplace_back(HangUp{event.connection});
    return;
  }
  controller_->heard = now_;
  switch (message.kind_case()) {
    case pb::BenchControl::kStart:
      return on_start(message.start(), out);
    case pb::BenchControl::kReleaseBarrier:
      return on_release(message.release_barrier(), out);
    case pb::BenchControl::kAbort:
      return leave(message.abort().reason(), true, out);
    case pb::BenchControl::kExcluded:
      return leave("excluded: " + message.excluded().reason(), true, out);
    case pb::BenchControl::kQuery:
      out.emplace_back(TellStats{event.connection});
      return;
    case pb::BenchControl::kReset:
      return on_reset(message.reset(), out);
    case pb::BenchControl::kSyncState:
      return on_sync_state(message.sync_state(), out);
    case pb::BenchControl::kGoodbye:
      return on_goodbye(out);
    case pb::BenchControl::kHeard:
      return;
    case pb::BenchControl::kAttach:
    case pb::BenchControl::KIND_NOT_SET:
      break;
  }
  refuse(event.connection, "", "a message of a kind that this agent does not know", out);
}

void Agent::on_attach(ConnectionId connection, const pb::BenchAttach& attach, AgentEffects& out) {
  const auto refused = [&](std::string owner, std::string reason) {
    refuse(connection, std::move(owner), std::move(reason), out);
    out.emplace_back(HangUp{connection});
  };
  if (!same_secret(options_.token, attach.token())) return refused("", "wrong token");
  if (attach.version() != kProtocolVersion) {
    return refused("", fmt::format("this agent speaks version {}, the controller {}", kProtocolVersion, attach.version()));
  }
  const bool ours = run_ && run_->owner == attach.owner() && run_->id == attach.run();
  if (run_ && !ours && !(attach.stop() && !controller_)) {
    return refused(run_->owner, fmt::format("busy with run {} of {}", run_->id, run_->owner));
  }
  if (!run_ && controller_ && controller_->owner != attach.owner()) {
    return refused(controller_->owner, fmt::format("{} is about to start a run", controller_->owner));
  }
  if (controller_) out.emplace_back(HangUp{controller_->connection});  // the same owner on a new connection: the old one is dead
  accept(connection, attach, out);
}

void Agent::accept(ConnectionId connection, const pb::BenchAttach& attach, AgentEffects& out) {
  controller_ = Attached{connection, attach.owner(), now_, now_ + heartbeat().interval, attach.stop()};
  if (run_ && !attach.stop()) {
    run_->lost.reset();
    run_->leave_after_stage = false;
  }
  tell(out, [&](pb::BenchReport& report) {
    pb::BenchHello& hello = *report.mutable_hello();
    hello.set_version(kProtocolVersion);
    hello.set_agent(options_.name);
    hello.set_machine(options_.machine);
    hello.set_waiting_at(-1);
    if (!run_) return;
    hello.set_run(run_->id);
    hello.set_owner(run_->owner);
    hello.set_stage(run_->stage);
    if (const auto* waiting = std::get_if<Waiting>(&state_)) hello.set_waiting_at(static_cast<int32_t>(waiting->sequence));
  });
  if (!attach.stop()) tell_standing(out);
}

void Agent::tell_standing(AgentEffects& out) const {
  std::visit(Overload{[&](const Waiting& waiting) {
                        tell(out, [&](pb::BenchReport& report) {
                          if (waiting.sequence == 0) {
                            report.mutable_ready();
                            return;
                          }
                          report.mutable_at_barrier()->set_name(run_->plan.barrier_name(waiting.sequence));
                          report.mutable_at_barrier()->set_sequence(waiting.sequence);
                          *report.mutable_at_barrier()->mutable_summary() = waiting.summary;
                        });
                      },
                      [&](const StageFailed& failed) {
                        tell(out, [&](pb::BenchReport& report) {
                          report.mutable_failed()->set_error(failed.error);
                          report.mutable_failed()->set_stage(run_->stage);
                        });
                      },
                      [&](const Completed&) { tell(out, [](pb::BenchReport& report) { report.mutable_done()->set_completed(true); }); },
                      [](const auto&) {}},
             state_);
}

Status Agent::check_plan(const Plan& plan) const {
  for (const Stage& stage : plan.stages) {
    if (stage.needs_exec() && !options_.allow_exec) {
      return error(Code::InvalidConfig, "stage '{}' runs or kills programs, and this agent was started without --allow-exec", stage.name);
    }
  }
  return ok();
}

void Agent::on_start(const pb::BenchStart& start, AgentEffects& out) {
  if (run_) {  // a repeated one: it may have been sent before the controller heard of us
    if (run_->id == start.run()) return tell_standing(out);
    return refuse(controller_->connection, run_->owner, fmt::format("busy with run {}", run_->id), out);
  }
  Result<Plan> plan = parse_plan(start.stages(), "stage file");
  const Status usable = plan ? check_plan(plan.value()) : Status(plan.error());
  if (!usable) {
    return tell(out, [&](pb::BenchReport& report) { report.mutable_failed()->set_error(usable.error().to_string()); });
  }
  run_ = Run{.id = start.run(),
             .owner = controller_->owner,
             .plan = std::move(plan.value()),
             .index = start.index(),
             .count = start.count(),
             .stage = 0,
             .any_stage = false,
             .lost = {},
             .leave_after_stage = false,
             .exit_afterwards = false};
  state_ = Waiting{0, {}};
  out.emplace_back(EnterRun{});
  tell_standing(out);
}

void Agent::on_release(const pb::BenchRelease& release, AgentEffects& out) {
  const auto refused = [&](std::string why) {
    refuse(controller_->connection, "", fmt::format("release of {} ({}) refused: {}", release.name(), release.sequence(), why), out);
  };
  if (!run_) return refused("no run");
  const auto* waiting = std::get_if<Waiting>(&state_);
  const bool named_right =
      release.sequence() <= run_->plan.last_sequence() && release.name() == run_->plan.barrier_name(release.sequence());
  const uint32_t next = waiting != nullptr ? waiting->sequence : run_->stage + 1;
  if (named_right && release.sequence() < next) return;  // a repeated one
  if (waiting == nullptr) return refused(fmt::format("this agent waits at no barrier, it is {}", state_name()));
  if (!named_right || release.sequence() != waiting->sequence) {
    return refused(fmt::format("this agent waits at {} ({})", run_->plan.barrier_name(waiting->sequence), waiting->sequence));
  }
  if (waiting->sequence == run_->plan.last_sequence()) return complete(out);
  run_stage(waiting->sequence, out);
}

void Agent::on_sync_state(const pb::BenchSyncState& sync, AgentEffects& out) {
  if (!run_ || sync.stage() > run_->plan.last_sequence()) {
    return refuse(controller_->connection, "", fmt::format("SyncState to stage {} refused: {}", sync.stage(), state_name()), out);
  }
  const auto go = [&] { sync.stage() == run_->plan.last_sequence() ? complete(out) : run_stage(sync.stage(), out); };
  if (const auto* waiting = std::get_if<Waiting>(&state_)) {
    if (sync.stage() >= waiting->sequence) go();
  } else if (const auto* working = std::get_if<Working>(&state_)) {
    if (sync.stage() <= run_->stage) return;
    out.emplace_back(StopStage{working->work});
    state_ = Moving{working->work, sync.stage(), now_};
  } else if (auto* moving = std::get_if<Moving>(&state_)) {
    moving->stage = std::max(moving->stage, sync.stage());
  } else if (std::holds_alternative<StageFailed>(state_)) {
    if (sync.stage() > run_->stage) go();
  }
}

void Agent::on_reset(const pb::BenchReset& reset, AgentEffects& out) {
  if (run_) {
    run_->exit_afterwards = reset.exit();
    return leave("reset", false, out);
  }
  become_idle("reset", out);
  if (reset.exit()) out.emplace_back(ExitAgent{ok()});
}

void Agent::on_goodbye(AgentEffects& out) {
  if (std::holds_alternative<Completed>(state_)) {
    out.emplace_back(LeaveRun{"completed"});
    run_.reset();
    state_ = Idle{};
  }
  if (run_) return refuse(controller_->connection, "", fmt::format("Goodbye refused: the run has not ended here, {}", state_name()), out);
  detach(out, true);
}

void Agent::run_stage(uint32_t stage, AgentEffects& out) {
  const WorkId work{++works_};
  run_->stage = stage;
  run_->any_stage = true;
  state_ = Working{work, now_ + run_->plan.stages[stage].timeout, {}, {}};
  out.emplace_back(RunStage{work, stage});
}

void Agent::complete(AgentEffects& out) {
  state_ = Completed{};
  tell_standing(out);
}

void Agent::fail_stage(std::string error, AgentEffects& out) {
  state_ = StageFailed{std::move(error)};
  tell_standing(out);
  if (run_->leave_after_stage) leave("the controller is gone", false, out);
}

void Agent::on(StageBegun& event, AgentEffects& /*out*/) {
  auto* working = std::get_if<Working>(&state_);
  if (working != nullptr && working->work == event.work) working->begun = now_;
}

// Not told again to a controller that comes back: it would measure from another moment.
void Agent::tell_begun(AgentEffects& out) {
  auto* working = std::get_if<Working>(&state_);
  if (working == nullptr || !working->begun) return;
  tell(out, [&](pb::BenchReport& report) {
    report.mutable_begun()->set_stage(run_->stage);
    report.mutable_begun()->set_ago_nanos(static_cast<uint64_t>((now_ - *working->begun).count()));
  });
  working->begun.reset();
}

void Agent::on(StageEnded& event, AgentEffects& out) {
  if (const auto* working = std::get_if<Working>(&state_); working != nullptr && working->work == event.work) tell_begun(out);
  if (event.summary.has_value()) out.emplace_back(KeepSummary{event.summary.value()});
  if (const auto* working = std::get_if<Working>(&state_); working != nullptr && working->work == event.work) {
    const Stage& stage = run_->plan.stages[run_->stage];
    if (working->stop_asked)
      return fail_stage(fmt::format("stage '{}' did not end within its timeout of {}", stage.name, format_duration(stage.timeout)), out);
    if (event.summary.has_error()) return fail_stage(event.summary.error().to_string(), out);
    state_ = Waiting{run_->stage + 1, std::move(event.summary.value())};
    tell_standing(out);
    if (run_->leave_after_stage) leave("the controller is gone", false, out);
  } else if (const auto* moving = std::get_if<Moving>(&state_); moving != nullptr && moving->work == event.work) {
    const uint32_t stage = moving->stage;
    stage == run_->plan.last_sequence() ? complete(out) : run_stage(stage, out);
  } else if (auto* leaving = std::get_if<Leaving>(&state_); leaving != nullptr && leaving->work == event.work) {
    leaving->work.reset();
    leaving->deadline.reset();
    leaving->stop_asked.reset();
    step_leaving(out);
  }
}

void Agent::leave(std::string reason, bool cleanup, AgentEffects& out) {
  if (!run_) return become_idle(reason, out);
  if (auto* leaving = std::get_if<Leaving>(&state_)) {
    if (cleanup) return;
    leaving->cleanup.clear();
    if (leaving->work && !leaving->stop_asked) {
      leaving->stop_asked = now_;
      out.emplace_back(StopStage{*leaving->work});
    }
    return;
  }
  Leaving next{std::move(reason), {}, {}, {}, {}};
  if (cleanup && run_->any_stage && !std::holds_alternative<Completed>(state_)) {
    const auto& stages = run_->plan.stages;
    const bool ended = std::holds_alternative<Waiting>(state_);
    for (uint32_t i = static_cast<uint32_t>(stages.size()); i-- > run_->stage + (ended ? 1 : 0);) {
      if (stages[i].type == StageType::Cleanup) next.cleanup.push_back(i);
    }
  }
  if (const auto* working = std::get_if<Working>(&state_)) {
    next.work = working->work;
    next.stop_asked = now_;
    out.emplace_back(StopStage{working->work});
  } else if (const auto* moving = std::get_if<Moving>(&state_)) {
    next.work = moving->work;
    next.stop_asked = moving->stop_asked;
  }
  state_ = std::move(next);
  step_leaving(out);
}

void Agent::step_leaving(AgentEffects& out) {
  auto& leaving = std::get<Leaving>(state_);
  if (leaving.work) return;
  if (leaving.cleanup.empty()) return become_idle(std::string(leaving.reason), out);
  run_->stage = leaving.cleanup.back();
  leaving.cleanup.pop_back();
  leaving.work = WorkId{++works_};
  leaving.deadline = now_ + run_->plan.stages[run_->stage].timeout;
  out.emplace_back(RunStage{*leaving.work, run_->stage});
}

void Agent::become_idle(const std::string& reason, AgentEffects& out) {
  const bool exit = run_ && run_->exit_afterwards;
  if (run_) out.emplace_back(LeaveRun{reason});
  run_.reset();
  state_ = Idle{};
  tell(out, [&](pb::BenchReport& report) { report.mutable_done()->set_reason(reason); });
  if (exit) out.emplace_back(ExitAgent{ok()});
}

void Agent::on(ConnectionLost& event, AgentEffects& out) {
  if (controller_ && controller_->connection == event.connection) detach(out, false);
}

void Agent::detach(AgentEffects& out, bool hang_up) {
  if (hang_up) out.emplace_back(HangUp{controller_->connection});
  if (run_ && !run_->lost) run_->lost = now_;
  controller_.reset();
}

void Agent::on(AgentTick& /*event*/, AgentEffects& out) {
  tick_controller(out);
  tick_loss(out);
  tick_work(out);
}

void Agent::tick_controller(AgentEffects& out) {
  if (!controller_) return;
  if (now_ - controller_->heard >= heartbeat().given_up_after()) return detach(out, true);
  if (now_ < controller_->next_stats) return;
  controller_->next_stats = now_ + heartbeat().interval;
  out.emplace_back(TellStats{controller_->connection});
}

std::optional<runtime::TimePoint> Agent::loss_deadline() const {
  if (!run_ || !run_->lost || run_->leave_after_stage || std::holds_alternative<Leaving>(state_)) return {};
  const bool hold = run_->plan.on_controller_loss == OnControllerLoss::Hold && !std::holds_alternative<Completed>(state_);
  return *run_->lost + (hold ? run_->plan.hold_limit : run_->plan.controller_grace);
}

void Agent::tick_loss(AgentEffects& out) {
  const auto deadline = loss_deadline();
  if (!deadline || now_ < *deadline) return;
  const bool busy = std::holds_alternative<Working>(state_) || std::holds_alternative<Moving>(state_);
  const OnControllerLoss action = run_->plan.on_controller_loss;
  if (action == OnControllerLoss::FinishStage && busy) {
    run_->leave_after_stage = true;
    return;
  }
  leave("the controller is gone", action == OnControllerLoss::Cleanup, out);
}

void Agent::tick_work(AgentEffects& out) {
  const auto look = [&](std::optional<WorkId> work, std::optional<runtime::TimePoint> deadline, std::optional<runtime::TimePoint>& asked) {
    if (!work) return;
    if (asked && now_ - *asked >= kStopPatience) {
      out.emplace_back(ExitAgent{error(Code::Timeout, "a stage did not stop within {}", format_duration(kStopPatience))});
    } else if (!asked && deadline && now_ >= *deadline) {
      asked = now_;
      out.emplace_back(StopStage{*work});
    }
  };
  if (auto* working = std::get_if<Working>(&state_)) {
    if (working->begun && now_ - *working->begun >= kBegunPause) tell_begun(out);
    look(working->work, working->deadline, working->stop_asked);
  }
  if (auto* leaving = std::get_if<Leaving>(&state_)) look(leaving->work, leaving->deadline, leaving->stop_asked);
  if (auto* moving = std::get_if<Moving>(&state_)) {
    std::optional asked(moving->stop_asked);
    look(moving->work, {}, asked);
  }
}

std::optional<runtime::TimePoint> Agent::next_wake() const {
  std::optional<runtime::TimePoint> wake = loss_deadline();
  if (controller_) {
    earliest(wake, controller_->next_stats);
    earliest(wake, controller_->heard + heartbeat().given_up_after());
  }
  const auto of_work = [&](const auto& s) {
    if (s.stop_asked) return earliest(wake, *s.stop_asked + kStopPatience);
    earliest(wake, s.deadline);
  };
  if (const auto* working = std::get_if<Working>(&state_)) {
    of_work(*working);
    if (working->begun) earliest(wake, *working->begun + kBegunPause);
  }
  if (const auto* leaving = std::get_if<Leaving>(&state_)) of_work(*leaving);
  if (const auto* moving = std::get_if<Moving>(&state_)) earliest(wake, moving->stop_asked + kStopPatience);
  return wake;
}

template <typename Fill>
void Agent::tell(AgentEffects& out, Fill fill) const {
  if (!controller_) return;
  Tell effect{controller_->connection, {}};
  fill(effect.message);
  out.emplace_back(std::move(effect));
}

void Agent::refuse(ConnectionId connection, std::string owner, std::string reason, AgentEffects& out) const {
  Tell effect{connection, {}};
  effect.message.mutable_refused()->set_owner(std::move(owner));
  effect.message.mutable_refused()->set_reason(std::move(reason));
  out.emplace_back(std::move(effect));
}

const Heartbeat& Agent::heartbeat() const {
  static const Heartbeat kDefault;
  return run_ ? run_->plan.heartbeat : kDefault;
}

std::string Agent::state_name() const {
  const auto stage = [&] { return fmt::format("stage {} '{}'", run_->stage, run_->plan.stages[run_->stage].name); };
  return std::visit(
      Overload{[](const Idle&) -> std::string { return "idle"; },
               [&](const Waiting& s) { return fmt::format("waiting at {} ({})", run_->plan.barrier_name(s.sequence), s.sequence); },
               [&](const Working&) { return "in " + stage(); }, [&](const StageFailed&) { return "failed in " + stage(); },
               [&](const Moving& s) { return fmt::format("stopping {} for stage {}", stage(), s.stage); },
               [&](const Leaving& s) { return s.work ? "leaving, " + stage() : std::string("leaving"); },
               [](const Completed&) -> std::string { return "completed"; }},
      state_);
}

}  // namespace penstock::bench
