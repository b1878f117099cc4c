#include "stream/task/barrier_worker/partial_graph_state.h"

namespace penstock::stream {

namespace {

std::string_view kind_name(BarrierKind kind) {
  switch (kind) {
    case BarrierKind::Initial:
      return "initial";
    case BarrierKind::Barrier:
      return "barrier";
    case BarrierKind::Checkpoint:
      return "checkpoint";
  }
  return "?";
}

constexpr std::string_view kBarrierStates[] = {"issued", "all collected", "syncing", "waits for earlier ones"};

double seconds(runtime::Duration d) { return static_cast<double>(d.count()) / 1e9; }

}  // namespace

int root_cause_score(const Error& error) {
  switch (error.code()) {
    case Code::Closed:
    case Code::Cancelled:
      return kSecondaryScore;
    case Code::Unavailable:
    case Code::Timeout:
      return kSecondaryScore - 1;
    case Code::Stale:  // its graph was taken from under it
      return kSecondaryScore - 2;
    case Code::Internal:
    case Code::Io:
      return 50;
    default:
      return 100;
  }
}

void PartialGraphState::on_create(const CreatePartialGraph& event, bool trunk_running, BarrierEffects& effects) {
  chain_end_ = event.committed;
  OpenGraph open{graph_, event.committed, event.segments, event.live_tables, event.trunk};
  if (event.trunk && !trunk_running) {
    unopened_ = std::move(open);
  } else {
    effects.push_back(std::move(open));
  }
}

void PartialGraphState::on_trunk_opened(GraphTerm trunk, BarrierEffects& effects) {
  if (!unopened_ || unopened_->trunk != trunk || !std::holds_alternative<Pending>(status_)) return;
  effects.push_back(*std::exchange(unopened_, std::nullopt));
}

void PartialGraphState::on_opened(const GraphOpened& event, runtime::TimePoint now, BarrierEffects& effects) {
  auto* pending = std::get_if<Pending>(&status_);
  if (pending == nullptr) return;
  if (event.result.has_error()) return on_failure(ActorId{0}, event.result.error(), effects);
  std::vector<InjectBarrier> waiting = std::move(pending->waiting);
  status_ = Running{};
  for (InjectBarrier& inject : waiting) {
    if (running()) issue(std::move(inject), now, effects);  // until one of them is no good
  }
}

Status PartialGraphState::check_inject(const InjectBarrier& event) const {
  const auto [prev, curr] = event.barrier.epoch;
  if (curr <= prev) return error(Code::Protocol, "barrier {}..{} does not go forward", prev, curr);
  if (prev != chain_end_)
    return error(Code::Protocol, "barrier {}..{} does not continue the chain, which ends at {}", prev, curr, chain_end_);
  if ((event.barrier.kind == BarrierKind::Initial) == has_initial_) {
    return error(Code::Protocol, "barrier {}..{}: the first barrier of a graph, and no other, is Initial", prev, curr);
  }
  return ok();
}

void PartialGraphState::on_inject(InjectBarrier event, runtime::TimePoint now, BarrierEffects& effects) {
  if (std::holds_alternative<Suspended>(status_) || std::holds_alternative<Resetting>(status_)) return;
  if (const Status checked = check_inject(event); checked.has_error()) return on_failure(ActorId{0}, checked.error(), effects);
  chain_end_ = event.barrier.epoch.curr;
  if (event.barrier.kind != BarrierKind::Barrier) unsynced_from_ = chain_end_;
  has_initial_ = true;
  if (auto* pending = std::get_if<Pending>(&status_)) {
    pending->waiting.push_back(std::move(event));
  } else {
    issue(std::move(event), now, effects);
  }
}

void PartialGraphState::issue(InjectBarrier event, runtime::TimePoint now, BarrierEffects& effects) {
  for (const ActorToBuild& actor : event.new_actors) {
    if (!actors_.add(actor)) return on_failure(actor.actor, error(Code::Protocol, "actor {} is built twice", actor.actor), effects);
  }
  InflightBarrier inflight{.barrier = event.barrier, .tables_to_sync = std::move(event.tables_to_sync), .injected = now, .collected = now};
  if (listed_.actors != event.actors_to_collect && !look_up(event, effects)) return;
  const size_t collects = listed_.numbers.size();
  InflightBarrier::Issued issued{data::Bitmap(actors_.capacity(), false), static_cast<uint32_t>(collects)};
  for (const uint32_t number : listed_.numbers) {
    issued.missing.set(number, true);
    actors_.hold(number);
  }
  inflight.actors = listed_.numbers;
  inflight.state = std::move(issued);
  barriers_.push_back(std::move(inflight));

  effects.push_back(StartEpoch{graph_, event.barrier.epoch.curr, barriers_.back().tables_to_sync});
  if (!event.commit_txns.empty() || !event.abort_txns.empty()) {
    effects.push_back(ResolveTransactions{graph_, event.barrier.epoch.prev, std::move(event.commit_txns), std::move(event.abort_txns)});
  }
  effects.push_back(SendBarrier{graph_, event.barrier, collects});
  if (!event.build.empty()) effects.push_back(BuildActors{graph_, event.barrier.epoch, std::move(event.build)});
  advance(now, effects);
}

// Most barriers list the same actors as the last one did.
bool PartialGraphState::look_up(const InjectBarrier& event, BarrierEffects& effects) {
  listed_ = {};
  data::Bitmap seen(actors_.capacity(), false);
  std::vector<uint32_t> numbers;
  numbers.reserve(event.actors_to_collect.size());
  for (const ActorId actor : event.actors_to_collect) {
    const auto number = actors_.find(actor);
    if (!number || seen.get(*number)) {
      on_failure(actor,
                 error(Code::Protocol, "barrier {} is to be collected from actor {}, which is {}", event.barrier.epoch.prev, actor,
                       number ? "listed twice" : "not here"),
                 effects);
      return false;
    }
    seen.set(*number, true);
    numbers.push_back(*number);
  }
  listed_ = {event.actors_to_collect, std::move(numbers)};
  return true;
}

InflightBarrier* PartialGraphState::find(Epoch prev) {
  for (InflightBarrier& barrier : barriers_) {
    if (barrier.barrier.epoch.prev == prev) return &barrier;
  }
  return nullptr;
}

void PartialGraphState::on_collect(const BarrierCollected& event, runtime::TimePoint now, BarrierEffects& effects) {
  if (!std::holds_alternative<Running>(status_)) return;
  const auto number = actors_.find(event.actor);
  InflightBarrier* barrier = find(event.prev);
  auto* issued = barrier == nullptr ? nullptr : std::get_if<InflightBarrier::Issued>(&barrier->state);
  if (!number || issued == nullptr || *number >= issued->missing.size() || !issued->missing.get(*number)) {
    return on_failure(event.actor, error(Code::Protocol, "actor {} collected epoch {}, which it does not owe", event.actor, event.prev),
                      effects);
  }
  issued->missing.set(*number, false);
  barrier->note_collect(actors_.entry(*number).fragment, event.actor, event.at.value_or(now));
  if (--issued->remaining == 0) advance(now, effects);
}

// A later epoch may be all collected first; it waits its turn, because its state builds on the earlier one's.
void PartialGraphState::advance(runtime::TimePoint now, BarrierEffects& effects) {
  while (collected_ < barriers_.size()) {
    InflightBarrier& barrier = barriers_[collected_];
    const auto* issued = std::get_if<InflightBarrier::Issued>(&barrier.state);
    if (issued != nullptr && issued->remaining > 0) break;
    start_completing(barrier, now, effects);
    ++collected_;
  }
  answer_from_front(effects);
}

void PartialGraphState::start_completing(InflightBarrier& barrier, runtime::TimePoint now, BarrierEffects& effects) {
  const Epoch prev = barrier.barrier.epoch.prev;
  barrier.state = InflightBarrier::AllCollected{};
  release_actors(barrier);
  effects.push_back(ForgetBarrier{graph_, prev});
  if (barrier.barrier.kind != BarrierKind::Checkpoint) {
    barrier.state = InflightBarrier::Complete{{}, now};
    return;
  }
  barrier.state = InflightBarrier::Syncing{};
  ++running_syncs_;
  effects.push_back(StartSync{graph_, prev, barrier.tables_to_sync});
}

// An actor that the barrier stopped is in no later one.
void PartialGraphState::release_actors(const InflightBarrier& barrier) {
  for (const uint32_t number : barrier.actors) {
    actors_.release(number);
    if (barrier.barrier.mutation && actors_.entry(number).epochs == 0 && barrier.barrier.stops(actors_.entry(number).actor)) {
      actors_.remove(number);
      listed_ = {};
    }
  }
}

void PartialGraphState::answer_from_front(BarrierEffects& effects) {
  while (!barriers_.empty()) {
    InflightBarrier& front = barriers_.front();
    auto* complete = std::get_if<InflightBarrier::Complete>(&front.state);
    if (complete == nullptr) break;
    effects.push_back(BarrierCompleteResult{graph_, front.barrier.epoch, front.barrier.kind, std::move(front.report),
                                            std::move(complete->segments), std::move(front.fragments), front.injected, front.collected,
                                            complete->at});
    barriers_.pop_front();
    --collected_;
  }
}

void PartialGraphState::on_report(SideReport event) {
  InflightBarrier* barrier = find(event.prev);
  if (barrier == nullptr) return;  // a graph that failed or was reset
  if (auto* source = std::get_if<SourceReport>(&event.report)) {
    barrier->report.sources.push_back(std::move(*source));
  } else if (auto* create = std::get_if<CreateReport>(&event.report)) {
    barrier->report.creates.push_back(*create);
  } else if (auto* expressions = std::get_if<ExpressionErrors>(&event.report)) {
    ExpressionErrors& sum = barrier->report.expressions;
    sum.count += expressions->count;
    if (!sum.first) sum.first = expressions->first;
  }
}

void PartialGraphState::on_sync_finished(SyncFinished event, runtime::TimePoint now, BarrierEffects& effects) {
  if (running_syncs_ > 0) --running_syncs_;
  if (std::holds_alternative<Resetting>(status_)) return finish_reset(effects);
  if (event.result.has_error()) {
    return on_failure(ActorId{0}, event.result.error().with_context(fmt::format("sync of epoch {}", event.prev)), effects);
  }
  InflightBarrier* barrier = find(event.prev);
  if (barrier == nullptr || !std::holds_alternative<InflightBarrier::Syncing>(barrier->state)) return;
  barrier->state = InflightBarrier::Complete{std::move(event.result).value(), now};
  if (std::holds_alternative<Running>(status_)) answer_from_front(effects);
}

void PartialGraphState::on_failure(ActorId actor, const Error& error, BarrierEffects& effects) {
  const auto number = actors_.find(actor);
  errors_.push_back({actor, number ? actors_.entry(*number).fragment : FragmentId{0}, error, root_cause_score(error)});
  if (auto* resetting = std::get_if<Resetting>(&status_)) {
    if (errors_.back().score > kSecondaryScore) resetting->waiting_for_cause = false;
    return finish_reset(effects);
  }
  if (std::holds_alternative<Suspended>(status_)) return;
  status_ = Suspended{};
  effects.push_back(ReportFailure{graph_, actor, error});
}

void PartialGraphState::on_reset(BarrierEffects& effects) {
  if (std::holds_alternative<Resetting>(status_)) return;
  const bool secondary = !errors_.empty() && std::ranges::all_of(errors_, [](const RootError& e) { return e.score <= kSecondaryScore; });
  status_ = Resetting{.stopped = false, .waiting_for_cause = secondary, .cut_off = false};
  effects.push_back(StopActors{graph_});
  if (secondary) effects.push_back(StartResetTimer{graph_, ResetTimer::Kind::RootCause, kRootCauseWait});
  effects.push_back(StartResetTimer{graph_, ResetTimer::Kind::CutOff, kCutOff});
}

void PartialGraphState::on_stopped(BarrierEffects& effects) {
  if (auto* resetting = std::get_if<Resetting>(&status_)) {
    resetting->stopped = true;
    finish_reset(effects);
  }
}

void PartialGraphState::on_reset_timer(ResetTimer::Kind kind, BarrierEffects& effects) {
  auto* resetting = std::get_if<Resetting>(&status_);
  if (resetting == nullptr) return;
  if (kind == ResetTimer::Kind::RootCause) {
    resetting->waiting_for_cause = false;
  } else {
    resetting->cut_off = true;
  }
  finish_reset(effects);
}

void PartialGraphState::finish_reset(BarrierEffects& effects) {
  const auto& resetting = std::get<Resetting>(status_);
  const bool ended = resetting.stopped && running_syncs_ == 0 && !resetting.waiting_for_cause;
  if (gone_ || (!ended && !resetting.cut_off)) return;
  effects.push_back(ClearGraph{graph_});
  const auto best = std::ranges::max_element(errors_, {}, &RootError::score);
  effects.push_back(ReportReset{graph_, best == errors_.end() ? std::nullopt : std::optional(*best)});
  gone_ = true;
}

Status PartialGraphState::on_remove() const {
  if (!barriers_.empty())
    return error(Code::Protocol, "partial graph {} is removed with {} barriers in flight", graph_.graph, barriers_.size());
  return ok();
}

Status PartialGraphState::on_merge(const PartialGraphState& from, Epoch epoch, BarrierEffects& effects) {
  // One that has failed takes no more barriers, so its chain stands still until meta has heard of it.
  const auto fits = [epoch](const PartialGraphState& graph) {
    return std::holds_alternative<Suspended>(graph.status_) || (graph.running() && graph.chain_end_ == epoch);
  };
  if (!fits(*this) || !fits(from)) {
    return error(Code::Protocol, "graph {} is to be merged into {} at epoch {}, but their chains end at {} and {}, or one has ended",
                 from.graph_.graph, graph_.graph, epoch, from.chain_end_, chain_end_);
  }
  for (const ActorToBuild& actor : from.actors_.actors()) {
    if (actors_.find(actor.actor))
      return error(Code::Protocol, "actor {} is in graphs {} and {}", actor.actor, from.graph_.graph, graph_.graph);
  }
  effects.push_back(MergeGraphs{from.graph_, graph_, epoch, from.unsynced_from_});
  for (const ActorToBuild& actor : from.actors_.actors()) (void)actors_.add(actor);
  for (const RootError& failure : from.errors_) on_failure(failure.actor, failure.error, effects);
  return ok();
}

std::optional<runtime::TimePoint> PartialGraphState::oldest() const {
  if (barriers_.empty()) return std::nullopt;
  return barriers_.front().injected;
}

void PartialGraphState::list_barriers(runtime::TimePoint now, std::vector<BarrierStatus>& out) const {
  for (const InflightBarrier& barrier : barriers_) {
    BarrierStatus& status = out.emplace_back(BarrierStatus{.graph = graph_,
                                                           .epoch = barrier.barrier.epoch,
                                                           .state = kBarrierStates[barrier.state.index()],
                                                           .age = now - barrier.injected,
                                                           .missing = {}});
    const auto* issued = std::get_if<InflightBarrier::Issued>(&barrier.state);
    if (issued == nullptr) continue;
    issued->missing.for_each_set([&](size_t number) { status.missing.push_back(actors_.entry(static_cast<uint32_t>(number)).actor); });
  }
}

std::string PartialGraphState::debug_string(runtime::TimePoint now) const {
  constexpr std::string_view kStatus[] = {"pending", "running", "suspended", "resetting"};
  std::string out = fmt::format("graph {} term {} {}, {} actors, chain ends at {}\n", graph_.graph, graph_.term, kStatus[status_.index()],
                                actors_.size(), chain_end_);
  for (const RootError& e : errors_) out += fmt::format("  error of actor {} (score {}): {}\n", e.actor, e.score, e.error);
  for (const InflightBarrier& barrier : barriers_) {
    out += fmt::format("  epoch {}..{} {}, {:.3f} s: {}", barrier.barrier.epoch.prev, barrier.barrier.epoch.curr,
                       kind_name(barrier.barrier.kind), seconds(now - barrier.injected), kBarrierStates[barrier.state.index()]);
    if (const auto* issued = std::get_if<InflightBarrier::Issued>(&barrier.state)) {
      out += fmt::format(", missing {} actors:", issued->remaining);
      size_t listed = 0;
      issued->missing.for_each_set([&](size_t number) {
        if (listed++ < 20) out += fmt::format(" {}", actors_.entry(static_cast<uint32_t>(number)).actor);
      });
      if (listed > 20) out += fmt::format(" and {} more", listed - 20);
    }
    out += '\n';
  }
  return out;
}

}  // namespace penstock::stream
