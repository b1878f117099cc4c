#include <algorithm>

#include "bench/machine/controller.h"

// The barrier and its policies, and the end of the run.
namespace penstock::bench {
namespace {

bool over(runtime::TimePoint now, std::optional<runtime::TimePoint> since, Duration limit) { return since && now - *since >= limit; }

}  // namespace

const BarrierOptions& Controller::barrier_options() const { return sequence_ == 0 ? start_barrier_ : plan_.stages[sequence_ - 1].barrier; }

bool Controller::ready(const Member& m) const {
  return std::holds_alternative<Running>(m.standing) && m.arrived && *m.arrived == sequence_ && std::holds_alternative<AtBarrier>(phase_);
}

Controller::Count Controller::count() const {
  Count count;
  for (const Member& m : members_) {
    if (!m.in_stage) continue;
    ++count.enrolled;
    if (ready(m)) ++count.ready;
    if (!std::holds_alternative<Running>(m.standing)) ++count.failed;
  }
  return count;
}

void Controller::evaluate(ControllerEffects& out) {
  auto* barrier = std::get_if<AtBarrier>(&phase_);
  if (barrier == nullptr) return;
  if (!barrier->first_ready && count().ready > 0) barrier->first_ready = now_;
  switch (barrier_options().policy) {
    case Policy::AllOrNothing:
      return evaluate_all_or_nothing(*barrier, out);
    case Policy::Majority:
      return evaluate_majority(*barrier, out);
    case Policy::BestEffort:
      return evaluate_best_effort(*barrier, out);
  }
}

// Fails also for an agent that was dead before the stage began, unless it was excluded.
void Controller::evaluate_all_or_nothing(const AtBarrier& barrier, ControllerEffects& out) {
  for (const Member& m : members_) {
    const auto* failed = std::get_if<Failed>(&m.standing);
    if (failed == nullptr) continue;
    return fail_barrier(fmt::format("barrier {} (all_or_nothing): agent {} {}", plan_.barrier_name(sequence_), m.address,
                                    (failed->said_so ? "failed: " : "was lost: ") + failed->reason),
                        out);
  }
  const Count c = count();
  if (c.ready == c.enrolled) return release(out);
  if (over(now_, barrier.opened, barrier_options().timeout)) fail_barrier(timeout_text(), out);
}

void Controller::evaluate_majority(AtBarrier& barrier, ControllerEffects& out) {
  const Count c = count();
  if (c.live() * 2 <= c.enrolled) {
    return fail_barrier(fmt::format("barrier {} (majority): only {} of {} agents left; {}", plan_.barrier_name(sequence_), c.live(),
                                    c.enrolled, missing_text()),
                        out);
  }
  const bool majority = c.ready * 2 > c.enrolled;
  if (!majority) barrier.majority.reset();
  if (majority && !barrier.majority) barrier.majority = now_;
  if (majority && (c.ready == c.live() || over(now_, barrier.majority, barrier_options().straggler_grace))) return release(out);
  if (over(now_, barrier.opened, barrier_options().timeout)) fail_barrier(timeout_text(), out);
}

void Controller::evaluate_best_effort(const AtBarrier& barrier, ControllerEffects& out) {
  const Count c = count();
  if (c.live() == 0) {
    return fail_barrier(fmt::format("barrier {} (best_effort): no agent left; {}", plan_.barrier_name(sequence_), missing_text()), out);
  }
  if (c.ready == c.live()) return release(out);
  if (!over(now_, barrier.opened, barrier_options().timeout)) return;
  c.ready > 0 ? release(out) : fail_barrier(timeout_text(), out);
}

std::optional<runtime::TimePoint> Controller::barrier_wake(const AtBarrier& barrier) const {
  runtime::TimePoint wake = barrier.opened + barrier_options().timeout;
  if (barrier.majority) wake = std::min(wake, *barrier.majority + barrier_options().straggler_grace);
  return wake;
}

pb::BenchReleased Controller::decision() const {
  const auto& barrier = std::get<AtBarrier>(phase_);
  const Policy policy = barrier_options().policy;
  pb::BenchReleased released;
  released.set_sequence(sequence_);
  released.set_name(plan_.barrier_name(sequence_));
  if (barrier.first_ready) released.set_waited_nanos(static_cast<uint64_t>((now_ - *barrier.first_ready).count()));
  for (uint32_t i = 0; i < members_.size(); ++i) {
    const Member& m = members_[i];
    if (!m.in_stage) continue;
    if (ready(m)) {
      released.add_counted(i);
      pb::BenchWait& wait = *released.add_waits();
      wait.set_agent(i);
      wait.set_nanos(static_cast<uint64_t>((now_ - m.arrived_at).count()));
    } else if (policy == Policy::Majority) {
      const auto* failed = std::get_if<Failed>(&m.standing);
      pb::BenchNamed& named = *released.add_excluded();
      named.set_agent(i);
      named.set_reason(failed != nullptr ? failed->reason : fmt::format("not at barrier {} when the majority went on", released.name()));
    } else if (std::holds_alternative<Running>(m.standing)) {
      released.add_out_of_step(i);
    }
  }
  return released;
}

void Controller::release(ControllerEffects& out) {
  const uint32_t sequence = sequence_;
  close_beginning(out);
  Persist persist;
  *persist.record.mutable_released() = decision();
  const pb::BenchReleased released = persist.record.released();
  out.emplace_back(std::move(persist));
  note(out, "released", {},
       fmt::format("{} ({}): {} of {} ready", released.name(), sequence, released.counted_size(),
                   released.counted_size() + released.excluded_size() + released.out_of_step_size()));
  std::vector<AgentId> told_excluded;
  for (uint32_t i = 0; i < members_.size(); ++i) {
    const auto* failed = std::get_if<Failed>(&members_[i].standing);
    if (failed != nullptr && failed->said_so && members_[i].in_stage) told_excluded.emplace_back(i);
  }
  apply(released);
  for (const uint32_t agent : released.counted()) send_release(AgentId{agent}, sequence, out);
  for (const pb::BenchNamed& named : released.excluded()) {
    note(out, "excluded", AgentId{named.agent()}, named.reason());
    if (std::ranges::find(told_excluded, AgentId{named.agent()}) == told_excluded.end()) told_excluded.emplace_back(named.agent());
  }
  for (const AgentId agent : told_excluded) send_excluded(agent, out);
  for (const uint32_t agent : released.out_of_step()) {
    note(out, "out_of_step", AgentId{agent}, fmt::format("not at barrier {} when it was released", released.name()));
  }
  if (sequence < plan_.last_sequence()) {
    beginning_ = Beginning{.sequence = sequence, .released = now_, .waits_for = {}, .began = {}};
    for (const uint32_t agent : released.counted()) beginning_->waits_for.emplace(agent);
  }
  open_next(out);
}

void Controller::forget_beginning(AgentId id, ControllerEffects& out) {
  if (beginning_ && beginning_->waits_for.erase(id) > 0 && beginning_->waits_for.empty()) close_beginning(out);
}

void Controller::close_beginning(ControllerEffects& out) {
  if (!beginning_) return;
  Beginning done = std::move(*beginning_);
  beginning_.reset();
  if (done.began.agents_size() == 0) return;
  const auto& agents = done.began.agents();
  const uint64_t last = std::ranges::max(agents, {}, &pb::BenchWait::nanos).nanos();
  note(out, "begun", {},
       fmt::format("stage {}: {} of {} agents within {}", done.sequence, done.began.agents_size(),
                   static_cast<size_t>(done.began.agents_size()) + done.waits_for.size(),
                   format_duration(Duration(static_cast<int64_t>(last)))));
  done.began.set_sequence(done.sequence);
  Persist persist;
  *persist.record.mutable_began() = std::move(done.began);
  out.emplace_back(std::move(persist));
}

void Controller::fail_barrier(const std::string& reason, ControllerEffects& out) {
  const bool may_skip = sequence_ > 0 && plan_.stages[sequence_ - 1].optional;
  const bool anybody = std::ranges::any_of(members_, [](const Member& m) {
    const auto* failed = std::get_if<Failed>(&m.standing);
    return std::holds_alternative<Running>(m.standing) || (failed != nullptr && failed->said_so && !m.done);
  });
  may_skip&& anybody ? skip(reason, out) : finish(false, reason, out);
}

// Those whose stage failed go on with the others; those that are lost do not come back.
void Controller::skip(const std::string& reason, ControllerEffects& out) {
  Persist persist;
  pb::BenchReleased& released = *persist.record.mutable_released();
  released.set_sequence(sequence_);
  released.set_name(plan_.barrier_name(sequence_));
  released.set_skipped(true);
  released.set_reason(reason);
  const pb::BenchReleased record = released;
  out.emplace_back(std::move(persist));
  beginning_.reset();
  note(out, "skipped", {}, fmt::format("stage '{}' is optional: {}", plan_.stages[sequence_ - 1].name, reason));
  apply(record);
  for (uint32_t i = 0; i < members_.size(); ++i) {
    if (std::holds_alternative<Running>(members_[i].standing)) send_sync(AgentId{i}, out);
  }
  open_next(out);
}

// The same for a decision just made and for one of the journal.
void Controller::apply(const pb::BenchReleased& released) {
  sequence_ = released.sequence() + 1;
  if (released.skipped()) {
    floor_ = released.sequence();
    for (Member& m : members_) {
      const auto* failed = std::get_if<Failed>(&m.standing);
      if (failed != nullptr && failed->said_so && !m.done) m.standing = Running{};
      m.out_of_step = false;
    }
  }
  for (const pb::BenchNamed& named : released.excluded()) {
    members_[named.agent()].standing = Excluded{named.reason(), released.sequence()};
  }
  for (const uint32_t agent : released.out_of_step()) members_[agent].out_of_step = true;
  for (Member& m : members_) {
    m.known = true;
    m.in_stage = std::holds_alternative<Running>(m.standing);
  }
  phase_ = AtBarrier{.opened = now_, .majority = {}, .first_ready = {}};
}

void Controller::open_next(ControllerEffects& out) {
  if (sequence_ > plan_.last_sequence()) return finish(true, "", out);
  const Stage& stage = plan_.stages[sequence_ - 1];
  note(out, "stage", {}, fmt::format("{} '{}'", sequence_ - 1, stage.name));
  evaluate(out);  // all_or_nothing does not even begin with a dead agent
}

std::string Controller::missing_text() const {
  std::string text;
  for (const Member& m : members_) {
    if (!m.in_stage || ready(m)) continue;
    std::string standing = m.stats.progress() >= 0 ? fmt::format("{:.0f} %", m.stats.progress() * 100) : "progress unknown";
    if (const auto* failed = std::get_if<Failed>(&m.standing)) standing = (failed->said_so ? "failed: " : "lost: ") + failed->reason;
    text += fmt::format("{}{} (last at stage {} '{}', {}, heartbeat {} ago)", text.empty() ? "" : ", ", m.address, m.stats.stage(),
                        m.stats.stage_name(), standing, format_duration(now_ - m.heard));
  }
  return text.empty() ? "nobody is missing" : "missing: " + text;
}

std::string Controller::timeout_text() const {
  const Count c = count();
  return fmt::format("barrier {} ({}) timed out after {}: {} of {} ready; {}", plan_.barrier_name(sequence_),
                     name_of(barrier_options().policy), format_duration(now_ - std::get<AtBarrier>(phase_).opened), c.ready, c.enrolled,
                     missing_text());
}

std::string Controller::describe_barrier(runtime::TimePoint now) const {
  if (const auto* finishing = std::get_if<Finishing>(&phase_)) return finishing->completed ? "finishing" : "aborting: " + finishing->reason;
  if (finished()) return "finished";
  const Count c = count();
  std::string text = fmt::format("barrier {}: {} of {} ready", plan_.barrier_name(sequence_), c.ready, c.enrolled);
  std::string waits;
  for (const View& v : view(now)) {
    if (!v.gone && !v.ready) waits += (waits.empty() ? ", waits for " : ", ") + v.address;
  }
  return c.ready > 0 ? text + waits : text;
}

void Controller::finish(bool completed, std::string reason, ControllerEffects& out) {
  if (auto* finishing = std::get_if<Finishing>(&phase_)) {
    if (!completed) finishing->deadline = now_;  // asked twice: do not wait
    return;
  }
  if (!completed) {
    Persist persist;
    persist.record.mutable_finished()->set_reason(reason);
    out.emplace_back(std::move(persist));
    note(out, "aborted", {}, reason);
  }
  Duration patience = options_.finish_patience;
  for (const Stage& stage : plan_.stages) {
    if (!completed && stage.type == StageType::Cleanup) patience += stage.timeout;
  }
  phase_ = Finishing{completed, std::move(reason), now_ + patience, false};
}

void Controller::send_abort(const std::string& reason, ControllerEffects& out) {
  for (uint32_t i = 0; i < members_.size(); ++i) {
    if (members_[i].done) continue;
    send(AgentId{i}, out, [&](pb::BenchControl& control) { control.mutable_abort()->set_reason(reason); });
  }
}

void Controller::step_finishing(ControllerEffects& out) {
  auto* finishing = std::get_if<Finishing>(&phase_);
  if (finishing == nullptr) return;
  const bool waits = std::ranges::any_of(
      members_, [&](const Member& m) { return !m.done && (std::holds_alternative<Running>(m.standing) || attached(m)); });
  const bool late = finishing->deadline && now_ >= *finishing->deadline;
  if (!finishing->abort_sent && !finishing->completed) {
    finishing->abort_sent = true;
    send_abort(finishing->reason, out);
  } else if (late && finishing->completed && !finishing->abort_sent && waits) {  // those that are out of step
    finishing->abort_sent = true;
    finishing->deadline = now_ + options_.finish_patience;
    return send_abort("the run is over", out);
  }
  if (waits && !late) return;
  if (finishing->completed) {
    Persist persist;
    persist.record.mutable_finished()->set_completed(true);
    out.emplace_back(std::move(persist));
    note(out, "completed", {}, options_.run);
  }
  for (uint32_t i = 0; i < members_.size(); ++i) {
    send(AgentId{i}, out, [](pb::BenchControl& control) { control.mutable_goodbye(); });
    if (!std::holds_alternative<Down>(members_[i].link)) out.emplace_back(Disconnect{AgentId{i}, attached(members_[i])});
    members_[i].link = Down{};
  }
  out.emplace_back(Finish{finishing->completed, finishing->reason});
  phase_ = Finished{};
}

}  // namespace penstock::bench
