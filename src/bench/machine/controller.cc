#include "bench/machine/controller.h"

#include <algorithm>

// What the controller hears and how it keeps in touch; the barrier itself is in controller_barrier.cc.
namespace penstock::bench {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kLongestRetry = std::chrono::seconds(2);

}  // namespace

Controller::Controller(Plan plan, Options options) : plan_(std::move(plan)), options_(std::move(options)) {
  start_barrier_.policy = Policy::AllOrNothing;
  start_barrier_.timeout = options_.enrol_patience * 2;
  for (const std::string& address : options_.agents) members_.push_back(Member{.address = address});
}

void Controller::replay(const pb::BenchJournal& record) {
  if (record.has_arrived()) {
    Member& m = members_[record.arrived().agent()];
    m.known = true;
    m.arrived = std::max(m.arrived.value_or(0), record.arrived().sequence());
    m.stats.set_stage(record.arrived().summary().stage());
    m.stats.set_stage_name(record.arrived().summary().name());
  } else if (record.has_agent_lost()) {
    members_[record.agent_lost().agent()].standing = Failed{record.agent_lost().reason(), record.agent_lost().said_so(), sequence_};
  } else if (record.has_released()) {
    apply(record.released());
  } else if (record.has_finished()) {
    phase_ = Finishing{record.finished().completed(), record.finished().reason(), {}, false};
  }
}

void Controller::start(runtime::TimePoint now, ControllerEffects& out) {
  now_ = now;
  if (auto* barrier = std::get_if<AtBarrier>(&phase_)) barrier->opened = now;
  for (uint32_t i = 0; i < members_.size(); ++i) {
    members_[i].heard = now;
    members_[i].arrived_at = now;
    members_[i].link = Connecting{};
    out.emplace_back(Connect{AgentId{i}});
  }
  if (auto* finishing = std::get_if<Finishing>(&phase_)) finishing->deadline = now + options_.finish_patience;
  if (std::holds_alternative<AtBarrier>(phase_) && sequence_ > plan_.last_sequence()) finish(true, "", out);
  evaluate(out);
}

void Controller::handle(runtime::TimePoint now, ControllerEvent event, ControllerEffects& out) {
  now_ = now;
  if (finished()) return;
  std::visit([&](auto& e) { on(e, out); }, event);
  evaluate(out);
  step_finishing(out);
}

void Controller::on(ReportHeard& event, ControllerEffects& out) {
  Member& m = member(event.agent);
  if (std::holds_alternative<Down>(m.link)) return;  // given up meanwhile
  m.heard = now_;
  if (auto* link = std::get_if<Attached>(&m.link)) link->queries = 0;
  const pb::BenchReport& message = event.message;
  switch (message.kind_case()) {
    case pb::BenchReport::kHello:
      return on_hello(event.agent, message.hello(), out);
    case pb::BenchReport::kReady:
      return on_arrival(event.agent, 0, plan_.barrier_name(0), {}, out);
    case pb::BenchReport::kAtBarrier: {
      const pb::BenchAtBarrier& at = message.at_barrier();
      return on_arrival(event.agent, at.sequence(), at.name(), at.summary(), out);
    }
    case pb::BenchReport::kStats:
      m.stats = message.stats();
      send(event.agent, out, [](pb::BenchControl& control) { control.mutable_heard(); });
      return;
    case pb::BenchReport::kBegun:
      return on_begun(event.agent, message.begun(), out);
    case pb::BenchReport::kFailed:
      return on_failed(event.agent, message.failed(), out);
    case pb::BenchReport::kDone:
      return on_done(event.agent, message.done(), out);
    case pb::BenchReport::kRefused:
      return on_refused(event.agent, message.refused(), out);
    case pb::BenchReport::KIND_NOT_SET:
      break;
  }
  note(out, "protocol", event.agent, "a message of a kind that this controller does not know");
}

void Controller::on_hello(AgentId id, const pb::BenchHello& hello, ControllerEffects& out) {
  Member& m = member(id);
  m.link = Attached{};
  m.attempts = 0;
  note(out, "attached", id, fmt::format("{} ({})", hello.agent(), hello.machine()));
  if (hello.version() != kProtocolVersion) {
    return lose(id, fmt::format("speaks version {}, this controller {}", hello.version(), kProtocolVersion), false, out);
  }
  if (!hello.run().empty()) return on_known_hello(id, hello, out);
  if (!std::holds_alternative<Running>(m.standing)) {
    m.done = true;
    return;
  }
  if (std::holds_alternative<Finishing>(phase_)) {
    m.done = true;  // it went idle by itself
    return;
  }
  if (m.arrived) return lose(id, "restarted, and knows nothing of the run", false, out);
  m.known = true;
  send_start(id, out);
}

// It has our run (another one's agent would have refused us).
void Controller::on_known_hello(AgentId id, const pb::BenchHello& hello, ControllerEffects& out) {
  Member& m = member(id);
  m.known = true;
  m.stats.set_stage(hello.stage());
  if (!std::holds_alternative<Running>(m.standing)) return send_excluded(id, out);
  if (const auto* finishing = std::get_if<Finishing>(&phase_); finishing != nullptr && finishing->abort_sent) {
    return send(id, out, [&](pb::BenchControl& control) { control.mutable_abort()->set_reason(finishing->reason); });
  }
  const bool behind = hello.waiting_at() >= 0 ? static_cast<uint32_t>(hello.waiting_at()) < floor_ : hello.stage() < floor_;
  if (behind) send_sync(id, out);
}

void Controller::on_arrival(AgentId id, uint32_t sequence, const std::string& name, const pb::BenchSummary& summary,
                            ControllerEffects& out) {
  Member& m = member(id);
  if (!std::holds_alternative<Running>(m.standing)) return send_excluded(id, out);
  if (sequence > plan_.last_sequence() || name != plan_.barrier_name(sequence) || sequence > sequence_) {
    return lose(id,
                fmt::format("says it is at barrier {} ({}), but the run is at {} ({})", name, sequence,
                            plan_.barrier_name(std::min(sequence_, plan_.last_sequence())), sequence_),
                true, out);
  }
  const bool again = m.arrived && *m.arrived >= sequence;
  if (!again) {
    m.arrived = sequence;
    m.arrived_at = now_;
    if (sequence == sequence_) m.out_of_step = false;
    Persist persist;
    pb::BenchArrived& arrived = *persist.record.mutable_arrived();
    arrived.set_agent(id.value);
    arrived.set_sequence(sequence);
    *arrived.mutable_summary() = summary;
    arrived.set_late(sequence < sequence_);
    out.emplace_back(std::move(persist));
    note(out, "ready", id, fmt::format("at {} ({}){}", name, sequence, sequence < sequence_ ? ", out of step" : ""));
  }
  if (sequence < sequence_) on_late_arrival(id, sequence, out);
}

void Controller::on_late_arrival(AgentId id, uint32_t sequence, ControllerEffects& out) {
  if (floor_ > 0 && sequence <= floor_) return send_sync(id, out);
  send_release(id, sequence, out);
}

void Controller::on_begun(AgentId id, const pb::BenchBegun& begun, ControllerEffects& out) {
  if (!beginning_ || beginning_->sequence != begun.stage() || !beginning_->waits_for.contains(id)) return;
  pb::BenchWait& wait = *beginning_->began.add_agents();
  wait.set_agent(id.value);
  const auto since = static_cast<uint64_t>((now_ - beginning_->released).count());
  wait.set_nanos(since - std::min(since, begun.ago_nanos()));
  forget_beginning(id, out);
}

void Controller::on_failed(AgentId id, const pb::BenchFailed& failed, ControllerEffects& out) {
  Member& m = member(id);
  if (!std::holds_alternative<Running>(m.standing)) return;
  if (m.arrived && failed.stage() < floor_) return;  // of a stage that was skipped
  lose(id, m.arrived ? failed.error() : "cannot take part: " + failed.error(), true, out);
}

void Controller::on_done(AgentId id, const pb::BenchDone& done, ControllerEffects& out) {
  Member& m = member(id);
  if (m.done) return;
  m.done = true;
  const bool expected = std::holds_alternative<Finishing>(phase_) || !std::holds_alternative<Running>(m.standing);
  if (!done.completed() && !expected) return lose(id, "left the run: " + done.reason(), true, out);
  note(out, "done", id, done.completed() ? "completed" : done.reason());
}

void Controller::on_refused(AgentId id, const pb::BenchRefused& refused, ControllerEffects& out) {
  if (attached(member(id))) return note(out, "refused", id, refused.reason());
  lose(id, "refused: " + refused.reason(), false, out);
}

void Controller::on(AgentDisconnected& event, ControllerEffects& out) {
  Member& m = member(event.agent);
  if (std::holds_alternative<Down>(m.link)) return;
  // Told once an outage, not at every attempt.
  if (attached(m) || m.last_error != event.reason) note(out, attached(m) ? "disconnected" : "unreachable", event.agent, event.reason);
  m.last_error = event.reason;
  const Duration pause = std::min(kLongestRetry, kFirstRetry * (1U << std::min(m.attempts, 5U)));
  ++m.attempts;
  m.link = m.done ? Down{} : Down{now_ + pause};
}

void Controller::on(ControllerTick& /*event*/, ControllerEffects& out) {
  for (uint32_t i = 0; i < members_.size(); ++i) tick_member(AgentId{i}, out);
}

void Controller::tick_member(AgentId id, ControllerEffects& out) {
  Member& m = member(id);
  const Heartbeat& heartbeat = plan_.heartbeat;
  if (auto* link = std::get_if<Attached>(&m.link)) {
    if (now_ - m.heard < heartbeat.patience()) return;
    if (link->queries > 0 && now_ - link->asked < heartbeat.query_timeout) return;
    if (link->queries == heartbeat.query_retries) {
      out.emplace_back(Disconnect{id});
      m.link = Down{now_ + kLongestRetry};  // to be told, should it come back
      return lose(id, fmt::format("silent for {}, {} queries unanswered", format_duration(now_ - m.heard), heartbeat.query_retries), false,
                  out);
    }
    ++link->queries;
    link->asked = now_;
    return send(id, out, [](pb::BenchControl& control) { control.mutable_query(); });
  }
  const Duration patience = m.known ? heartbeat.given_up_after() : options_.enrol_patience;
  if (now_ - m.heard >= patience && !m.done) {
    const std::string why = m.last_error.empty() ? "no answer" : m.last_error;
    lose(id, fmt::format("not reachable for {} ({})", format_duration(now_ - m.heard), why), false, out);
  }
  if (auto* down = std::get_if<Down>(&m.link); down != nullptr && down->retry && now_ >= *down->retry) {
    m.link = Connecting{};
    out.emplace_back(Connect{id});
  }
}

void Controller::lose(AgentId id, std::string reason, bool said_so, ControllerEffects& out) {
  Member& m = member(id);
  if (!std::holds_alternative<Running>(m.standing)) return;
  m.standing = Failed{reason, said_so, sequence_};
  forget_beginning(id, out);
  if (!std::holds_alternative<AtBarrier>(phase_)) return note(out, said_so ? "failed" : "lost", id, std::move(reason));
  Persist persist;
  pb::BenchAgentLost& lost = *persist.record.mutable_agent_lost();
  lost.set_agent(id.value);
  lost.set_stage(m.stats.stage());
  lost.set_reason(reason);
  lost.set_said_so(said_so);
  out.emplace_back(std::move(persist));
  note(out, said_so ? "failed" : "lost", id, std::move(reason));
}

void Controller::on(UserAbort& event, ControllerEffects& out) { finish(false, event.reason, out); }

std::optional<runtime::TimePoint> Controller::next_wake() const {
  std::optional<runtime::TimePoint> wake;
  const auto at = [&](runtime::TimePoint time) {
    if (!wake || time < *wake) wake = time;
  };
  const Heartbeat& heartbeat = plan_.heartbeat;
  for (const Member& m : members_) {
    if (const auto* link = std::get_if<Attached>(&m.link)) {
      at(link->queries == 0 ? m.heard + heartbeat.patience() : link->asked + heartbeat.query_timeout);
    } else if (const auto* down = std::get_if<Down>(&m.link); down == nullptr || down->retry) {
      const bool running = std::holds_alternative<Running>(m.standing) && !m.done;
      if (running) at(m.heard + (m.known ? heartbeat.given_up_after() : options_.enrol_patience));
      if (down != nullptr) at(*down->retry);
    }
  }
  if (const auto* barrier = std::get_if<AtBarrier>(&phase_)) {
    if (const auto time = barrier_wake(*barrier)) at(*time);
  } else if (const auto* finishing = std::get_if<Finishing>(&phase_); finishing != nullptr && finishing->deadline) {
    at(*finishing->deadline);
  }
  return wake;
}

template <typename Fill>
void Controller::send(AgentId id, ControllerEffects& out, Fill fill) const {
  if (!attached(member(id))) return;
  Send effect{id, {}};
  fill(effect.message);
  out.emplace_back(std::move(effect));
}

void Controller::send_start(AgentId id, ControllerEffects& out) const {
  send(id, out, [&](pb::BenchControl& control) {
    pb::BenchStart& start = *control.mutable_start();
    start.set_run(options_.run);
    start.set_stages(options_.stages);
    start.set_index(id.value);
    start.set_count(static_cast<uint32_t>(members_.size()));
  });
}

void Controller::send_release(AgentId id, uint32_t sequence, ControllerEffects& out) const {
  send(id, out, [&](pb::BenchControl& control) {
    control.mutable_release_barrier()->set_name(plan_.barrier_name(sequence));
    control.mutable_release_barrier()->set_sequence(sequence);
  });
}

void Controller::send_sync(AgentId id, ControllerEffects& out) const {
  send(id, out, [&](pb::BenchControl& control) { control.mutable_sync_state()->set_stage(floor_); });
}

void Controller::send_excluded(AgentId id, ControllerEffects& out) const {
  const Standing& standing = member(id).standing;
  send(id, out, [&](pb::BenchControl& control) {
    pb::BenchExcluded& message = *control.mutable_excluded();
    if (const auto* failed = std::get_if<Failed>(&standing)) {
      message.set_sequence(failed->sequence);
      message.set_reason(failed->reason);
    }
    if (const auto* excluded = std::get_if<Excluded>(&standing)) {
      message.set_sequence(excluded->sequence);
      message.set_reason(excluded->reason);
    }
  });
}

void Controller::note(ControllerEffects& out, std::string kind, std::optional<AgentId> agent, std::string text) const {
  out.emplace_back(Note{std::move(kind), agent, std::move(text)});
}

std::vector<Controller::View> Controller::view(runtime::TimePoint now) const {
  std::vector<View> views;
  for (const Member& m : members_) {
    View v{.address = m.address,
           .state = "running",
           .attached = attached(m),
           .ready = ready(m),
           .out_of_step = m.out_of_step,
           .stats = m.stats};
    if (const auto* failed = std::get_if<Failed>(&m.standing)) v.state = (failed->said_so ? "failed: " : "lost: ") + failed->reason;
    if (const auto* excluded = std::get_if<Excluded>(&m.standing)) v.state = "excluded: " + excluded->reason;
    v.gone = !std::holds_alternative<Running>(m.standing);
    if (!v.gone && !v.attached) v.state = fmt::format("connecting for {}", format_duration(now - m.heard));
    if (!v.gone && v.ready) v.state = "ready";
    views.push_back(std::move(v));
  }
  return views;
}

}  // namespace penstock::bench
