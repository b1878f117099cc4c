#include "bench/control/controller_run.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>

#include "bench/agent/agent_server.h"
#include "bench/control/results.h"
#include "common/version.h"

namespace penstock::bench {
namespace {

constexpr Duration kPartingPatience = std::chrono::seconds(2);
constexpr Duration kRedraw = std::chrono::milliseconds(250);

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

// "NAME-20260102-030405-1a2b".
std::string run_id(const std::string& name, runtime::Runtime& runtime) {
  const auto now = static_cast<std::time_t>(runtime.unix_micros() / 1'000'000);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{}-{:04}{:02}{:02}-{:02}{:02}{:02}-{:04x}", name, utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, runtime.random() & 0xffffU);
}

}  // namespace

std::string describe_machine() {
  utsname names{};
  ::uname(&names);
  return fmt::format("{} {} {}, {} cores, penstock {}", names.sysname, names.release, names.machine, ::sysconf(_SC_NPROCESSORS_ONLN),
                     kVersion);
}

ControllerRun::ControllerRun(std::string folder, Plan plan, Controller::Options machine, std::unique_ptr<Journal> journal, Options options,
                             runtime::Runtime& runtime, rpc::Transport& transport)
    : folder_(std::move(folder)),
      machine_(std::move(machine)),
      options_(std::move(options)),
      runtime_(runtime),
      transport_(transport),
      controller_(std::move(plan), machine_),
      journal_(std::move(journal)),
      peers_(machine_.agents.size()),
      events_(folder_ + "/events.jsonl", std::ios::app),
      view_(options_.view, stdout),
      began_(runtime.now()),
      executor_(runtime.make_serial("bench-control", true)) {}

Result<std::unique_ptr<ControllerRun>> ControllerRun::begin(const std::string& stage_file, std::vector<std::string> agents,
                                                            const std::string& out, Options options, runtime::Runtime& runtime,
                                                            rpc::Transport& transport) {
  storage::PosixFileSystem files;
  PENSTOCK_TRY(const std::string text, storage::read_file(files, stage_file));
  PENSTOCK_TRY(Plan plan, parse_plan(text, stage_file));
  if (agents.empty()) agents = plan.addresses;
  PENSTOCK_TRY(plan.check_agents(agents.size()));
  Controller::Options machine{.run = run_id(plan.name, runtime), .stages = text, .agents = std::move(agents)};
  machine.enrol_patience = plan.enrol_timeout;
  machine.owner = fmt::format("{} pid {} {:016x}", host_name(), ::getpid(), runtime.random());
  const std::string folder = out + "/" + machine.run;
  PENSTOCK_TRY(auto journal, Journal::create(files, folder));
  pb::BenchJournal first;
  pb::BenchRunStarted& started = *first.mutable_run_started();
  started.set_run(machine.run);
  started.set_owner(machine.owner);
  for (const std::string& agent : machine.agents) started.add_agents(agent);
  started.set_stages(text);
  started.set_unix_micros(runtime.unix_micros());
  started.set_machine(describe_machine());
  journal->append(first);
  PENSTOCK_TRY(journal->sync());
  std::unique_ptr<ControllerRun> run(
      new ControllerRun(folder, std::move(plan), std::move(machine), std::move(journal), std::move(options), runtime, transport));
  run->start({first});
  return run;
}

Result<std::unique_ptr<ControllerRun>> ControllerRun::resume(const std::string& folder, Options options, runtime::Runtime& runtime,
                                                             rpc::Transport& transport) {
  storage::PosixFileSystem files;
  PENSTOCK_TRY(Journal::Opened opened, Journal::open(files, folder));
  const pb::BenchRunStarted& started = opened.records.front().run_started();
  PENSTOCK_TRY(Plan plan, parse_plan(started.stages(), folder + "/stages.yaml"));
  if (opened.records.back().has_finished() && opened.records.back().finished().completed()) {
    return error(Code::Stale, "run {} has completed; see its report", started.run());
  }
  Controller::Options machine{.run = started.run(),
                              .owner = started.owner(),
                              .stages = started.stages(),
                              .agents = {started.agents().begin(), started.agents().end()}};
  machine.enrol_patience = plan.enrol_timeout;
  std::unique_ptr<ControllerRun> run(
      new ControllerRun(folder, std::move(plan), std::move(machine), std::move(opened.journal), std::move(options), runtime, transport));
  run->start(std::move(opened.records));
  return run;
}

ControllerRun::~ControllerRun() {
  const auto stopped = runtime_.make_waiter();
  executor_->post([this, stopped] {
    finished_ = true;
    timer_.cancel();
    redraw_.cancel();
    parting_limit_.cancel();
    ending_.reset();
    peers_.clear();
    stopped->notify();
  });
  (void)stopped->wait_for(std::chrono::seconds(5));
  executor_.reset();
}

void ControllerRun::start(std::vector<pb::BenchJournal> records) {
  executor_->post([this, records = std::move(records)]() mutable {
    for (const pb::BenchJournal& record : records) controller_.replay(record);
    records_ = std::move(records);
    ControllerEffects effects;
    effects.emplace_back(Note{
        records_.size() > 1 ? "resumed" : "run", {}, fmt::format("{}, {} agents, results in {}", machine_.run, peers_.size(), folder_)});
    controller_.start(runtime_.now(), effects);
    perform_all(effects);
    draw();
  });
}

void ControllerRun::interrupt() {
  executor_->post([this] { queue(UserAbort{"interrupted"}); });
}

void ControllerRun::queue(ControllerEvent event) {
  queued_.push_back(std::move(event));
  if (queued_.size() == 1) executor_->post([this] { drain(); });
}

void ControllerRun::drain() {
  if (finished_) return;
  std::vector<ControllerEvent> events;
  events.swap(queued_);
  ControllerEffects effects;
  for (ControllerEvent& event : events) controller_.handle(runtime_.now(), std::move(event), effects);
  perform_all(effects);
}

void ControllerRun::perform_all(ControllerEffects& effects) {
  for (ControllerEffect& effect : effects) {
    const auto* note = std::get_if<Note>(&effect);
    // In the event log a release stands before whatever agents do because of it, and only when it is certain.
    const bool silent = std::holds_alternative<Persist>(effect) || (note != nullptr && note->kind != "released");
    if (!silent) sync();
    if (finished_) return;
    std::visit([this](auto& e) { perform(e); }, effect);
  }
  sync();
  if (!finished_) arm();
}

void ControllerRun::sync() {
  if (!dirty_) return;
  dirty_ = false;
  const Status synced = journal_->sync();
  if (synced.has_error()) finish(synced.error().with_context("the journal; without it nothing may be told to the agents"));
}

void ControllerRun::perform(Connect& effect) {
  Peer& peer = peers_[effect.agent.value];
  const uint64_t connection = ++peer.connection;
  const AgentId agent = effect.agent;
  const auto current = [this, agent, connection] { return !finished_ && peers_[agent.value].connection == connection; };
  rpc::StreamEvents events;
  events.on_message = [this, agent, current](const rpc::Bytes& bytes) {
    if (!current()) return;
    ReportHeard heard{agent, {}};
    if (heard.message.ParseFromString(bytes)) return queue(std::move(heard));
    peers_[agent.value].stream.reset();
    queue(AgentDisconnected{agent, "sent bytes that are no message"});
  };
  events.on_closed = [this, agent, connection, current](const Status& reason) {
    if (parting_.erase({agent, connection}) > 0 && parting_.empty() && ending_) return end();
    if (!current()) return;
    queue(AgentDisconnected{agent, reason.has_error() ? reason.error().to_string() : "closed by the agent"});
  };
  peer.stream = transport_.connect(machine_.agents[agent.value], kBenchMethod, *executor_, std::move(events));
  pb::BenchControl control;
  pb::BenchAttach& attach = *control.mutable_attach();
  attach.set_version(kProtocolVersion);
  attach.set_owner(machine_.owner);
  attach.set_run(machine_.run);
  attach.set_token(options_.token);
  peer.stream->write(control.SerializeAsString());
}

void ControllerRun::perform(Disconnect& effect) {
  Peer& peer = peers_[effect.agent.value];
  const uint64_t connection = peer.connection++;
  if (!peer.stream) return;
  if (effect.said_goodbye) {
    parting_.emplace(effect.agent, connection);
    return;
  }
  peer.stream->close(ok());
  peer.stream.reset();
}

void ControllerRun::perform(Send& effect) {
  const auto& stream = peers_[effect.agent.value].stream;
  if (stream) stream->write(effect.message.SerializeAsString());
}

void ControllerRun::perform(Persist& effect) {
  limit_results(effect.record);
  journal_->append(effect.record);
  records_.push_back(std::move(effect.record));
  dirty_ = true;
}

// Once the results are large, what can be done without is left out: what decides, and what is counted, never.
void ControllerRun::limit_results(pb::BenchJournal& record) {
  if (!record.has_arrived() || journal_->bytes() < controller_.plan().results_limit) return;
  pb::BenchSummary& summary = *record.mutable_arrived()->mutable_summary();
  for (pb::BenchOperation& operation : *summary.mutable_operations()) {
    operation.clear_histogram();
    operation.clear_corrected();
  }
  summary.clear_seconds();
  summary.set_reduced(true);
  if (limit_told_) return;
  limit_told_ = true;
  Note note{
      "limit", {}, fmt::format("the journal has {} bytes, results_limit: latencies of later arrivals are left out", journal_->bytes())};
  perform(note);
}

void ControllerRun::perform(Note& effect) {
  const int64_t unix_micros = runtime_.unix_micros();
  const bool needless = effect.kind == "ready" && static_cast<uint64_t>(events_.tellp()) > controller_.plan().results_limit;
  if (!needless) events_ << event_json(seconds(), unix_micros, effect, machine_.agents) << '\n' << std::flush;
  view_.note(seconds(), unix_micros, effect, machine_.agents);
}

void ControllerRun::perform(Finish& effect) {
  view_.clear();
  Result<RunFigures> figures = figures_of(records_);
  Status written = figures.has_value() ? write_results(files_, folder_, figures.value()) : Status(figures.error());
  if (figures.has_value() && options_.view != ViewStyle::Json)
    fmt::print("{0}results in {1}; as a page: penstock bench report {1}\n", results_table(figures.value()), folder_);
  if (!effect.completed) return finish(error(Code::Cancelled, "run {} was aborted: {}", machine_.run, effect.reason));
  finish(std::move(written));
}

void ControllerRun::finish(Status outcome) {
  if (finished_) return;
  finished_ = true;
  timer_.cancel();
  redraw_.cancel();
  ending_ = std::move(outcome);
  if (parting_.empty()) return end();
  parting_limit_ = runtime_.after(kPartingPatience, *executor_, [this] { end(); });
}

void ControllerRun::end() {
  if (!ending_) return;
  parting_limit_.cancel();
  outcome_ = std::move(*ending_);
  ending_.reset();
  options_.on_finished();
}

void ControllerRun::arm() {
  timer_.cancel();
  const auto wake = controller_.next_wake();
  if (!wake) return;
  timer_ = runtime_.after(std::max<Duration>(*wake - runtime_.now(), Duration(0)), *executor_, [this] { queue(ControllerTick{}); });
}

void ControllerRun::draw() {
  if (options_.view != ViewStyle::Bars || finished_) return;
  view_.draw(runtime_.now(), controller_);
  redraw_ = runtime_.after(kRedraw, *executor_, [this] { draw(); });
}

double ControllerRun::seconds() const { return static_cast<double>((runtime_.now() - began_).count()) / 1e9; }

}  // namespace penstock::bench
