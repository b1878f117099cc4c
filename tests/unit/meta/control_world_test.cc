// The other half of control_world.h.
#include "unit/meta/control_world.h"

#include "meta/catalog/alter.h"
#include "meta/catalog/evolve.h"
#include "meta/model/rows.h"

namespace penstock::meta::testing {

using Words = ::penstock::testing::Words;

void ControlWorld::rows_put(Txn& txn, const pb::WorkerRecord& record) { rows::put(txn, record); }

void ControlWorld::begin_with_table(uint32_t count) {
  start_clock();
  nodes(count);
  start();
  add(table("t"));
  run(R"(
    ready 1     =>
    ready 2     =>
    create 1    => 1:create(0), 1:initial 0..0, 2:create(0), 2:initial 0..0, 1:checkpoint 0..1 a1 b1 +add, 2:checkpoint 0..1 a2 b2 +add
    collect 1   =>
    collect 2   =>
    collect 1   =>
    collect 2   => commit 0
    commit      => 1:committed 0, 2:committed 0, created 1
  )");
}

std::string ControlWorld::handle(ControlEvent event) {
  ControlEffects effects;
  control_->handle(now_, std::move(event), effects);
  std::string out;
  for (const ControlEffect& effect : effects) {
    const std::string text = describe(effect);
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

namespace {

std::vector<JobId> jobs_of(const Words& words) {
  std::vector<JobId> out;
  for (size_t i = 1; i < words.size(); ++i) out.emplace_back(static_cast<uint32_t>(std::stoul(words[i])));
  return out;
}

template <typename List>
std::string listed(const List& list) {
  return fmt::format("{}", fmt::join(list, ","));
}

}  // namespace

std::string ControlWorld::apply(Words words) {
  if (words[0][0] == '@') {
    move_clock(std::stoll(words[0].substr(1)));
    words.erase(words.begin());
  }
  const std::string& what = words[0];
  const auto number = [&](size_t at) { return static_cast<uint32_t>(std::stoul(words.at(at))); };
  if (what == "tick") return handle(Tick{});
  if (what == "ready") return ready(WorkerId{number(1)});
  if (what == "lost") return lost(WorkerId{number(1)});
  if (what == "create") return handle(CommandQueued{CreateJob{JobId{number(1)}}});
  if (what == "splits") return handle(CommandQueued{ChangeSplits{JobId{number(1)}}});
  if (what == "flush") return handle(FlushWanted{{number(1)}});
  if (what == "checkpoint") return handle(CheckpointWanted{});
  if (what == "collect") return collect(words);
  if (what == "commit") return commit();
  if (what == "txn") return transaction(words);
  if (what == "give_up") return handle(TransactionGivenUp{TransactionId{number(1)}});
  if (what == "rescale") return handle(RescaleWanted{words.size() > 1 ? std::optional(RescaleWaiter{number(1)}) : std::nullopt, {}});
  if (what == "pulled") return pulled(words);
  if (what == "moved") return moved();
  if (what == "disk") return disk(WorkerId{number(1)}, words.at(2));
  if (what == "fail") {
    const GraphTerm graph = words.size() > 4 ? terms_.at(graph_of(catalog::kDefaultDatabase, JobId{number(4)})) : control_->graph();
    return handle(GraphFailed{WorkerId{number(1)}, graph, root(words, 2)});
  }
  if (what == "reset") return reset(words);
  if (what == "culprits") {  // PREV ACTOR…
    CulpritsNamed named{Epoch{static_cast<uint64_t>(kEpochZero + std::stoll(words.at(1))) << 16}, {}};
    for (size_t i = 2; i < words.size(); ++i) named.actors.emplace_back(number(i));
    return handle(std::move(named));
  }
  if (auto told = apply_setting(words)) return *told;
  if (auto told = apply_to_catalog(words)) return *told;
  ADD_FAILURE() << "no such event: " << what;
  return "?";
}

/// How something is to run, as after its commit; nothing if it is something else.
std::optional<std::string> ControlWorld::apply_setting(const Words& words) {
  const std::string& what = words[0];
  const auto number = [&](size_t at) { return static_cast<uint32_t>(std::stoul(words.at(at))); };
  if (what == "pause" || what == "resume") {  // of the database, or of a job; its commit is done
    pb::PauseRequest request;
    request.set_database_id(1);
    if (words.size() > 1) request.set_job_id(number(1));
    auto txn = catalog::plan_pause(model_, request, what == "pause");
    EXPECT_TRUE(txn.has_value()) << txn.error().to_string();
    must(model_.apply(txn.value()));
    return handle(Tick{});
  }
  if (what == "throttle" || what == "throttle_backfill") {  // OBJECT RATE
    pb::ThrottleRequest request;
    request.set_object_id(number(1));
    request.set_rate(number(2));
    request.set_backfill(what != "throttle");
    auto txn = catalog::plan_throttle(model_, request);
    EXPECT_TRUE(txn.has_value()) << txn.error().to_string();
    must(model_.apply(txn.value()));
    return handle(Tick{});
  }
  if (what == "option") {  // SOURCE KEY VALUE; a fourth word: and nobody is told
    pb::AlterSourceRequest request;
    request.set_source_id(number(1));
    (*request.mutable_properties())[words.at(2)] = words.at(3);
    must(model_.apply(catalog::plan_alter_source(model_, request).value()));
    return words.size() > 4 ? "" : handle(Tick{});
  }
  if (what == "interval") {  // MS FREQUENCY
    pb::AlterDatabaseRequest request;
    request.set_database_id(1);
    request.set_barrier_interval_ms(number(1));
    request.set_checkpoint_frequency(number(2));
    must(model_.apply(catalog::plan_alter_database(model_, request).value()));
    return handle(Tick{});
  }
  if (what == "parallelism") {
    set_parallelism(JobId{number(1)}, number(2));
    return "";
  }
  if (what == "drain" || what == "undrain") {
    set_draining(WorkerId{number(1)}, what == "drain");
    return "";
  }
  return std::nullopt;
}

/// What there is, as after its commit; nothing if it is something else.
std::optional<std::string> ControlWorld::apply_to_catalog(const Words& words) {
  const std::string& what = words[0];
  const auto number = [&](size_t at) { return static_cast<uint32_t>(std::stoul(words.at(at))); };
  if (what == "quarantined") {
    must(model_.apply(catalog::plan_quarantine(model_, JobId{number(1)}, "it fails")));
    return handle(JobsQuarantined{});
  }
  if (what == "widen") {  // TABLE COLUMN; a third word: and nobody is told
    must(model_.apply(catalog::plan_add_column(model_, one_more_column(model_, number(1), words.at(2))).value()));
    return words.size() > 3 ? "" : handle(Tick{});
  }
  if (what == "subscribe") {  // NAME JOB RETENTION
    add(subscription(words.at(1), number(2), number(3)));
    return handle(Tick{});
  }
  if (what == "unsubscribe") {
    must(model_.apply(catalog::plan_drop(model_, ObjectId{number(1)}, false).value().txn));
    return handle(Tick{});
  }
  if (what == "drop") {
    for (const JobId job : jobs_of(words)) {
      auto plan = catalog::plan_drop(model_, job, true);
      EXPECT_TRUE(plan.has_value());
      must(model_.apply(plan.value().txn));
    }
    return handle(JobsDropped{jobs_of(words)});
  }
  return std::nullopt;
}

std::string ControlWorld::disk(WorkerId worker, const std::string& level) {
  pb::Pressure pressure;
  pressure.set_level(level == "full" ? pb::DISK_FULL : level == "low" ? pb::DISK_LOW : pb::DISK_ENOUGH);
  pressure.set_folder("/data");
  pressure.set_free_bytes(12 << 20);
  pressure.set_reserve_bytes(35 << 20);
  worker == WorkerId{0} ? cluster_.set_own_disk(pressure) : cluster_.on_pressure(worker, pressure);
  return handle(DiskChanged{});
}

std::string ControlWorld::ready(WorkerId worker) {
  Cluster::Effects effects;
  cluster_.on_registered(now_, model_.workers().at(worker), effects);  // it asks to be connected, however long it was away
  note_attempts(effects);
  pb::InitResponse answer;
  answer.set_node_id(fmt::format("uuid-{}", worker));
  open_.erase(worker);
  resets_.erase(worker);
  cluster_.on_init_answered(now_, worker, attempts_.at(worker), answer, effects);
  EXPECT_TRUE(cluster_.is_live(worker));
  return handle(WorkerReady{worker});
}

std::string ControlWorld::lost(WorkerId worker) {
  Cluster::Effects effects;
  cluster_.disconnect(now_, worker, error(Code::Closed, "gone"), effects);
  open_.erase(worker);
  return handle(WorkerLost{worker, error(Code::Closed, "gone")});
}

namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

uint64_t job_in(uint64_t graph) { return graph >> 32; }

}  // namespace

std::string ControlWorld::reset(const Words& words) {
  const WorkerId worker{static_cast<uint32_t>(std::stoul(words.at(1)))};
  std::vector<GraphTerm> graphs = std::exchange(resets_[worker], {});
  if (graphs.empty()) graphs.push_back(control_->graph());
  std::vector<std::string> effects;
  for (const GraphTerm graph : graphs) {
    std::erase_if(open_[worker], [&](const pb::InjectBarrier& inject) { return from_pb(inject.graph()) == graph; });
    effects.push_back(handle(GraphReset{worker, graph, words.size() > 2 ? std::optional(root(words, 2)) : std::nullopt}));
  }
  return joined(effects);
}

std::string ControlWorld::collect(const Words& words) {
  const WorkerId worker{static_cast<uint32_t>(std::stoul(words.at(1)))};
  auto& open = open_[worker];
  std::optional<uint64_t> job;
  for (const std::string& word : words) {
    if (word.starts_with("job=")) job = std::stoull(word.substr(4));
  }
  const auto empty = [](const pb::InjectBarrier& inject) {
    return inject.barrier().kind() == pb::BARRIER_INITIAL && job_in(inject.graph().id()) != 0 && inject.build().empty();
  };
  const auto first =
      std::ranges::find_if(open, [&](const auto& inject) { return !empty(inject) && (!job || job_in(inject.graph().id()) == *job); });
  if (first == open.end()) return "owes nothing";
  const uint64_t epoch = first->barrier().epoch().prev();
  const pb::BarrierKind kind = first->barrier().kind();
  std::vector<pb::InjectBarrier> taken;
  std::erase_if(open, [&](const pb::InjectBarrier& inject) {
    const bool takes = (!job || job_in(inject.graph().id()) == *job) &&
                       (empty(inject) || (inject.barrier().epoch().prev() == epoch && inject.barrier().kind() == kind));
    if (takes) taken.push_back(inject);
    return takes;
  });
  std::vector<std::string> effects;
  for (const pb::InjectBarrier& inject : taken)
    effects.push_back(handle(completed(worker, inject, &inject == &taken.back() ? words : Words())));
  return joined(effects);
}

// What is said of actors and segments is said with the last graph.
ControlEvent ControlWorld::completed(WorkerId worker, const pb::InjectBarrier& inject, const Words& words) {
  BarrierCompleted event{worker, {}};
  *event.report.mutable_graph() = inject.graph();
  event.report.set_epoch(inject.barrier().epoch().prev());
  event.report.set_kind(inject.barrier().kind());
  for (size_t i = 2; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    const std::string value = words[i].substr(name.size() + 1);
    if (name == "done") {
      pb::CreateProgress* progress = event.report.add_create_progress();
      progress->set_actor_id(static_cast<uint32_t>(std::stoul(value)));
      progress->set_done(true);
    } else if (name == "seg") {
      pb::SegmentRef* ref = event.report.add_segments()->mutable_ref();
      ref->set_sequence(std::stoull(value));
      *ref->mutable_graph() = inject.graph();
    } else if (name == "held") {
      event.report.add_transactions_held(std::stoull(value));
    } else if (name == "changed") {
      event.report.add_segments()->add_tables(static_cast<uint32_t>(std::stoul(value)));
    } else if (name == "flushed") {
      event.report.add_flushed_segments(std::stoull(value));
    } else if (name == "split") {
      pb::SourceProgress* progress = event.report.add_sources();
      const size_t first = value.find('/'), second = value.find('/', first + 1);
      progress->set_actor_id(static_cast<uint32_t>(std::stoul(value.substr(0, first))));
      progress->set_source_id(1);
      pb::Split* split = progress->add_splits();
      split->set_number(static_cast<uint32_t>(std::stoul(value.substr(first + 1, second - first - 1))));
      split->set_offset(value.substr(second + 1));
    } else if (name != "job") {
      ADD_FAILURE() << words[i];
    }
  }
  return event;
}

std::string ControlWorld::transaction(const Words& words) {
  TransactionWanted wanted{.transaction = TransactionId{std::stoull(words.at(1))}, .read_epoch = control_->committed()};
  GraphTerm graph = control_->graph();
  for (size_t i = 2; i < words.size(); ++i) {
    const std::string value = words[i].substr(words[i].find('=') + 1);
    if (words[i].starts_with("on=")) {
      const size_t slash = value.find('/');
      wanted.participants.push_back({graph, WorkerId{static_cast<uint32_t>(std::stoul(value.substr(0, slash)))},
                                     ActorId{static_cast<uint32_t>(std::stoul(value.substr(slash + 1)))}});
    } else if (words[i].starts_with("key=")) {
      wanted.writes.push_back({TableId{1}, true, false, {std::stoull(value)}});
    } else if (words[i].starts_with("whole=")) {
      wanted.writes.push_back({TableId{1}, true, true, {std::stoull(value)}});
    } else if (words[i] == "stale") {
      graph.term = Term{0};
    } else {
      ADD_FAILURE() << words[i];
    }
  }
  return handle(std::move(wanted));
}

std::string ControlWorld::commit() {
  if (!record_) return "no commit was asked for";
  const CommitPlan plan = build_commit(model_, *record_);
  must(model_.apply(plan.txn));
  const Epoch epoch = record_->epoch;
  record_.reset();
  return handle(CheckpointCommitted{epoch, plan.struck_off, plan.finished});
}

std::string ControlWorld::pulled(const Words& words) {
  VnodesTransferred event{WorkerId{static_cast<uint32_t>(std::stoul(words.at(1)))}, {}};
  to_pb(control_->graph(), event.report.mutable_graph());
  const auto order = ordered_.find(event.worker);
  event.report.set_epoch(order == ordered_.end() ? control_->committed().value : order->second);
  for (size_t i = 2; i < words.size(); ++i) {
    if (words[i] == "!") {
      event.report.set_failed(true);
      event.report.mutable_error()->set_message("no space");
      event.report.mutable_error()->set_score(100);
      continue;
    }
    pb::SegmentRef* ref = event.report.add_segments()->mutable_ref();
    ref->set_sequence(std::stoull(words[i]));
    *ref->mutable_graph() = event.report.graph();
  }
  return handle(std::move(event));
}

std::string ControlWorld::moved() {
  if (!move_) return "no move was asked for";
  must(model_.apply(build_commit(model_, *move_).txn));
  move_.reset();
  return handle(RescaleCommitted{});
}

void ControlWorld::set_parallelism(JobId job, uint32_t parallelism) {
  pb::JobRecord record = model_.job(job)->record();
  record.mutable_graph()->set_parallelism(parallelism);
  Txn txn;
  rows::put(txn, record);
  must(model_.apply(txn));
}

void ControlWorld::set_draining(WorkerId worker, bool draining) {
  pb::WorkerRecord record = *model_.worker(worker);
  record.set_draining(draining);
  Txn txn;
  rows::put(txn, record);
  must(model_.apply(txn));
  cluster_.on_drained(record);
}

pb::RootError ControlWorld::root(const Words& words, size_t at) {
  pb::RootError out;
  out.set_actor_id(static_cast<uint32_t>(std::stoul(words.at(at))));
  out.set_score(words.size() > at + 1 ? static_cast<uint32_t>(std::stoul(words[at + 1])) : 100);
  out.set_message(fmt::format("error of {}", words[at]));
  return out;
}

namespace {

std::string describe_mutation(const pb::Mutation& mutation) {
  std::string out;
  if (mutation.has_add() && mutation.add().added_actors_size() > 0) out += " +add";
  for (const pb::Subscriber& s : mutation.add().subscribers()) {
    out += fmt::format(" +subscribe {} of {} t{}/{}", s.subscription(), s.job(), s.log_table(), s.retention_ms());
  }
  for (const pb::DroppedSubscriber& s : mutation.drop_subscriptions().subscribers()) {
    out += fmt::format(" -subscribe {} of {}", s.subscription(), s.job());
  }
  if (mutation.has_stop()) out += " +stop";
  if (mutation.has_update()) {
    out += " +update-" + listed(mutation.update().dropped_actors());
    std::set<uint32_t> stay;
    for (const auto& [actor, outputs] : mutation.update().dispatchers()) stay.insert(actor);
    if (!stay.empty()) out += "~" + listed(stay);
  }
  if (mutation.has_source_change_split()) out += " +splits";
  if (mutation.has_pause()) out += " +pause" + listed(mutation.pause().actors());
  if (mutation.has_resume()) out += " +resume" + listed(mutation.resume().actors());
  if (mutation.has_start_backfill()) out += " +start" + listed(mutation.start_backfill().fragments());
  if (mutation.has_connector_props_change()) {
    out += " +props";
    for (const auto& [source, props] : mutation.connector_props_change().by_source()) {
      const auto on_error = props.properties().find("on_error");
      out += fmt::format(" {}:{}", source, on_error == props.properties().end() ? "" : on_error->second);
    }
  }
  if (mutation.has_throttle()) {
    const auto rates = [&](std::string_view name, const auto& by_actor) {
      for (const auto& [actor, rate] : std::map<uint32_t, uint64_t>(by_actor.begin(), by_actor.end())) {
        out += fmt::format(" {}{}={}", name, actor, rate);
      }
    };
    out += " +throttle";
    rates("", mutation.throttle().rate_by_actor());
    rates("backfill ", mutation.throttle().backfill_rate_by_actor());
  }
  return out;
}

std::string place(WorkerId worker, const pb::GraphId& graph) {
  return job_in(graph.id()) == 0 ? fmt::format("{}", worker) : fmt::format("{}/{}", worker, job_in(graph.id()));
}

}  // namespace

std::string ControlWorld::describe(WorkerId worker, const pb::CreatePartialGraph& create) {
  created_[worker] = create;
  std::vector<uint64_t> segments;
  for (const pb::SegmentRef& ref : create.segments()) segments.push_back(ref.sequence());
  terms_[PartialGraphId{create.graph().id()}] = from_pb(create.graph());
  EXPECT_EQ(create.has_trunk(), job_in(create.graph().id()) != 0);
  return fmt::format("{}:create({}){}", place(worker, create.graph()), show(create.committed_epoch()),
                     segments.empty() ? "" : fmt::format("[s{}]", listed(segments)));
}

std::string ControlWorld::describe(WorkerId worker, const pb::InjectBarrier& inject) {
  open_[worker].push_back(inject);
  const std::map<int, std::string_view> kinds = {{1, "initial"}, {2, "barrier"}, {3, "checkpoint"}};
  std::string out = fmt::format("{}:{} {}..{}", place(worker, inject.graph()), kinds.at(inject.barrier().kind()),
                                show(inject.barrier().epoch().prev()), show(inject.barrier().epoch().curr()));
  std::vector<uint32_t> built;
  for (const pb::BuildFragment& fragment : inject.build()) {
    for (const pb::BuildActor& actor : fragment.actors()) built.push_back(actor.actor_id());
  }
  if (!inject.actors_to_collect().empty()) out += " a" + listed(inject.actors_to_collect());
  if (!inject.tables_to_sync().empty()) out += " t" + listed(inject.tables_to_sync());
  if (!built.empty()) out += " b" + listed(built);
  const pb::Mutation& whole = inject.barrier().mutation();
  for (const pb::Mutation& mutation : whole.combined().mutations()) out += describe_mutation(mutation);
  out += describe_mutation(whole);
  const bool paused = std::ranges::any_of(inject.build(), [](const pb::BuildFragment& fragment) { return fragment.paused(); });
  if (paused) out += " paused";
  for (const pb::BuildFragment& fragment : inject.build()) {
    for (const pb::Subscriber& s : fragment.subscribers()) out += fmt::format(" reads {}", s.subscription());
  }
  std::vector<uint32_t> waiting;
  for (const pb::BuildFragment& fragment : inject.build()) {
    if (fragment.backfill_waits()) waiting.push_back(fragment.fragment_id());
  }
  if (!waiting.empty()) out += " waits" + listed(waiting);
  if (!inject.commit_txns().empty()) out += " +x" + listed(inject.commit_txns());
  if (!inject.abort_txns().empty()) out += " -x" + listed(inject.abort_txns());
  return out;
}

std::string ControlWorld::describe(WorkerId worker, const pb::CommitEpoch& commit) {
  if (commit.vnodes_here()) {
    owned_[worker] = {commit.owned().begin(), commit.owned().end()};
    std::vector<uint64_t> files;
    for (const pb::SegmentRef& ref : commit.adopt()) files.push_back(ref.sequence());
    return fmt::format("{}:here({}){}", worker, show(commit.epoch()), files.empty() ? "" : fmt::format("[s{}]", listed(files)));
  }
  std::string out = fmt::format("{}:committed {}{}", worker, show(commit.epoch()),
                                commit.struck_off().empty() ? "" : fmt::format(" struck {}", listed(commit.struck_off())));
  for (const pb::GraphId& graph : commit.with()) out += fmt::format(" with {}", job_in(graph.id()));
  return out;
}

std::string ControlWorld::describe(WorkerId worker, const pb::TransferVnodes& transfer) {
  ordered_[worker] = transfer.epoch();
  std::string out = fmt::format("{}:{}({})", worker, transfer.ahead() ? "copy" : "pull", show(transfer.epoch()));
  for (const pb::VnodeTransfer& part : transfer.parts()) {
    const auto vnodes = VNodeBitmap::from_bytes(part.vnode_count(), part.vnodes());
    EXPECT_EQ(part.from(), fmt::format("host:{}", part.from_worker()));
    out += fmt::format(" {}:t{}:v{}", part.from_worker(), listed(part.tables()), vnodes.value().to_string());
  }
  return out;
}

std::string ControlWorld::describe(WorkerId worker, const pb::ControlRequest& request) {
  last_sent_[worker] = request;
  if (request.has_create_partial_graph()) return describe(worker, request.create_partial_graph());
  if (request.has_inject_barrier()) return describe(worker, request.inject_barrier());
  if (request.has_commit_epoch()) return describe(worker, request.commit_epoch());
  if (request.has_transfer_vnodes()) return describe(worker, request.transfer_vnodes());
  if (request.has_merge_partial_graph()) {
    const auto& merge = request.merge_partial_graph();
    EXPECT_EQ(from_pb(merge.into()), control_->graph());
    return fmt::format("{}:merge {}", place(worker, merge.from()), show(merge.epoch()));
  }
  if (request.has_reset_partial_graphs()) {
    std::string out = fmt::format("{}:reset", worker);
    for (const pb::GraphId& graph : request.reset_partial_graphs().graphs()) {
      resets_[worker].push_back(from_pb(graph));
      const bool with_database = resets_[worker].size() > 1;
      if (job_in(graph.id()) != 0) out += fmt::format("{}{}", with_database ? "+" : "", job_in(graph.id()));
    }
    return out;
  }
  if (request.has_remove_partial_graphs()) return fmt::format("{}:remove", worker);
  return "?";
}

std::string ControlWorld::describe(const ControlEffect& effect) {
  struct Describe {
    ControlWorld& world;
    std::string operator()(const SendRequest& e) const { return world.describe(e.worker, e.request); }
    std::string operator()(const CommitCheckpoint& e) const {
      EXPECT_FALSE(world.record_) << "two commits at a time";
      world.record_ = e.record;
      return fmt::format("commit {}", show(e.record.epoch));
    }
    std::string operator()(const CommitRescale& e) const {
      EXPECT_FALSE(world.record_ || world.move_) << "two commits at a time";
      world.move_ = e.record;
      std::string out;
      for (const WorkerSegments& segments : e.record.segments) {
        for (const pb::SegmentRef& ref : segments.written)
          out += fmt::format("{}{}:s{}", out.empty() ? "" : " ", segments.worker, ref.sequence());
      }
      return fmt::format("move [{}]", out);
    }
    std::string operator()(const RescaleDone& e) const {
      return fmt::format("rescaled {}{}", e.waiter.id,
                         e.result.has_error() ? fmt::format(" {}", code_name(e.result.error().code())) : std::string());
    }
    std::string operator()(const LeaseWanted&) const { return "lease"; }
    std::string operator()(const FlushDone& e) const { return fmt::format("flushed {} at {}", e.waiter.id, show(e.committed)); }
    std::string operator()(const JobCreated& e) const { return fmt::format("created {}", e.job); }
    std::string operator()(const JobFailed& e) const { return fmt::format("failed {}", e.job); }
    std::string operator()(const QuarantineJob& e) const { return fmt::format("quarantine {}", e.job); }
    std::string operator()(const TermEnded& e) const { return fmt::format("term ended at {}", show(e.last_committed)); }
    std::string operator()(const StatusChanged&) const { return ""; }
    std::string operator()(const EventHappened& e) const {
      world.last_event_ = e.kind + ": " + e.text;
      return "";
    }
    std::string operator()(const BarrierStuck& e) const {
      std::string out = fmt::format("stuck {}", show(e.epoch.prev));
      for (const WorkerId worker : e.missing) out += fmt::format(" {}", worker);
      return out;
    }
    std::string operator()(const TransactionDecided& e) const {
      static const char* const kNames[] = {"named", "conflict", "gone"};
      return fmt::format("{} {}", kNames[static_cast<int>(e.verdict)], e.transaction);
    }
    std::string operator()(const CulpritsWanted& e) const { return fmt::format("who {}", show(e.prev)); }
    std::string operator()(const DisconnectWorker& e) const { return fmt::format("disconnect {}", e.worker); }
  };
  return std::visit(Describe{*this}, effect);
}

}  // namespace penstock::meta::testing
