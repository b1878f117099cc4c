#pragma once

#include <memory>
#include <string>

#include "bench/machine/controller.h"
#include "testing/script.h"
#include "unit/bench/plans.h"

namespace penstock::bench::testing {

/// A controller with agents a, b, c, … driven by lines `event => effects`. Time is in milliseconds; `@MS` moves it.
///     start                     hello a            idle; `hello a 1 2`: has our run, is at stage 1, waits at barrier 2 (- for none)
///     ready a                   at a 1             at barrier 1 (named right; `at a 1 NAME` says another name)
///     fail a 0 [text]           its stage 0 failed done a ok | done a why         refused a why
///     begun a 0 [MS]            it has begun stage 0, so long ago
///     stats a 0 0.5             down a             tick           abort           resume: made again from its journal, then started
/// Effects (notes are left out):
///     connect a, disconnect a, a:start, a:release 1, a:sync 2, a:excluded 1, a:abort, a:query, a:heard, a:goodbye
///     +a@1 arrival journaled (+late a@1), +release 1 [x:b] [o:c], +skip 1, +lost a, +failed a, +began 0 a:5 (ms after the release), +end,
///     +abort, finish ok | finish failed
class ControllerWorld {
 public:
  ControllerWorld(size_t agents, const std::vector<std::string>& barriers) : file_(stage_file(barriers)) {
    for (size_t i = 0; i < agents; ++i) options_.agents.push_back(std::string(1, static_cast<char>('a' + i)));
    options_.run = "run-1";
    options_.owner = "me";
    options_.stages = file_;
    make();
  }

  void run(std::string_view script) {
    ::penstock::testing::run_script(script, [this](const ::penstock::testing::Words& words) { return apply(words); });
  }
  /// All agents are at barrier `sequence` - 1 and are released into stage `sequence` - 1.
  void reach(uint32_t sequence) {
    apply({"start"});
    for (const std::string& agent : options_.agents) apply({"hello", agent});
    for (const std::string& agent : options_.agents) apply({"ready", agent});
    for (uint32_t i = 1; i < sequence; ++i) {
      for (const std::string& agent : options_.agents) apply({"at", agent, std::to_string(i)});
    }
    ASSERT_EQ(controller_->sequence(), sequence);
  }
  Controller& controller() { return *controller_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] const std::string& lost() const { return lost_; }  // why the last one was
  [[nodiscard]] runtime::TimePoint now() const { return now_; }

 private:
  using Words = ::penstock::testing::Words;

  void make() { controller_ = std::make_unique<Controller>(plan_of(file_), options_); }

  std::string apply(Words words) {
    if (words[0][0] == '@') {
      now_ = {std::stoll(words[0].substr(1)) * 1'000'000};
      words.erase(words.begin());
    }
    ControllerEffects out;
    if (words[0] == "start") {
      controller_->start(now_, out);
    } else if (words[0] == "resume") {
      make();
      for (const pb::BenchJournal& record : journal_) controller_->replay(record);
      controller_->start(now_, out);
    } else {
      controller_->handle(now_, event(words), out);
    }
    std::string text;
    for (const ControllerEffect& effect : out) {
      const std::string one = std::visit([this](const auto& e) { return this->show(e); }, effect);
      if (!one.empty()) text += (text.empty() ? "" : ", ") + one;
    }
    return text;
  }

  ControllerEvent event(const Words& words) {
    if (words[0] == "tick") return ControllerTick{};
    if (words[0] == "abort") return UserAbort{"interrupted"};
    const AgentId agent{static_cast<uint32_t>(words[1][0] - 'a')};
    if (words[0] == "down") return AgentDisconnected{agent, "cable cut"};
    ReportHeard heard{agent, {}};
    pb::BenchReport& message = heard.message;
    const auto number = [&](size_t i) { return static_cast<uint32_t>(std::stoul(words[i])); };
    const auto rest = [&](size_t i) { return words.size() > i ? words[i] : std::string(); };
    if (words[0] == "hello") {
      message.mutable_hello()->set_version(rest(2) == "v9" ? 9 : kProtocolVersion);
      message.mutable_hello()->set_waiting_at(-1);
      if (words.size() > 3) {
        message.mutable_hello()->set_run(options_.run);
        message.mutable_hello()->set_stage(number(2));
        if (words[3] != "-") message.mutable_hello()->set_waiting_at(static_cast<int32_t>(number(3)));
      }
    } else if (words[0] == "ready") {
      message.mutable_ready();
    } else if (words[0] == "at") {
      message.mutable_at_barrier()->set_sequence(number(2));
      message.mutable_at_barrier()->set_name(words.size() > 3 ? words[3] : controller_->plan().barrier_name(number(2)));
      message.mutable_at_barrier()->mutable_summary()->set_stage(number(2) - 1);
    } else if (words[0] == "fail") {
      message.mutable_failed()->set_stage(number(2));
      message.mutable_failed()->set_error(rest(3).empty() ? "broke" : rest(3));
    } else if (words[0] == "done") {
      message.mutable_done()->set_completed(rest(2) == "ok");
      message.mutable_done()->set_reason(rest(2));
    } else if (words[0] == "refused") {
      message.mutable_refused()->set_reason(rest(2));
    } else if (words[0] == "begun") {
      message.mutable_begun()->set_stage(number(2));
      if (words.size() > 3) message.mutable_begun()->set_ago_nanos(uint64_t{number(3)} * 1'000'000);
    } else if (words[0] == "stats") {
      message.mutable_stats()->set_stage(number(2));
      message.mutable_stats()->set_stage_name(fmt::format("s{}", number(2)));
      message.mutable_stats()->set_progress(std::stod(words[3]));
    } else {
      ADD_FAILURE() << "no event " << words[0];
    }
    return heard;
  }

  std::string name(uint32_t agent) const { return options_.agents[agent]; }
  std::string show(const Connect& e) const { return "connect " + name(e.agent.value); }
  std::string show(const Disconnect& e) const { return "disconnect " + name(e.agent.value); }
  std::string show(const Send& e) const {
    const std::string to = name(e.agent.value) + ":";
    const pb::BenchControl& m = e.message;
    if (m.has_start()) return to + "start";
    if (m.has_release_barrier()) return fmt::format("{}release {}", to, m.release_barrier().sequence());
    if (m.has_sync_state()) return fmt::format("{}sync {}", to, m.sync_state().stage());
    if (m.has_excluded()) return fmt::format("{}excluded {}", to, m.excluded().sequence());
    if (m.has_abort()) return to + "abort";
    if (m.has_query()) return to + "query";
    if (m.has_heard()) return to + "heard";
    if (m.has_goodbye()) return to + "goodbye";
    return to + "?";
  }
  std::string show(const Persist& e) {
    journal_.push_back(e.record);
    if (e.record.has_arrived()) {
      const auto& r = e.record.arrived();
      return fmt::format("+{}{}@{}", r.late() ? "late " : "", name(r.agent()), r.sequence());
    }
    if (e.record.has_released()) {
      const auto& r = e.record.released();
      std::string text = fmt::format("+{} {}", r.skipped() ? "skip" : "release", r.sequence());
      for (const auto& named : r.excluded()) text += " x:" + name(named.agent());
      for (const uint32_t agent : r.out_of_step()) text += " o:" + name(agent);
      return text;
    }
    if (e.record.has_began()) {
      std::string text = fmt::format("+began {}", e.record.began().sequence());
      for (const auto& wait : e.record.began().agents()) text += fmt::format(" {}:{}", name(wait.agent()), wait.nanos() / 1'000'000);
      return text;
    }
    if (e.record.has_agent_lost()) lost_ = e.record.agent_lost().reason();
    if (e.record.has_agent_lost()) return (e.record.agent_lost().said_so() ? "+failed " : "+lost ") + name(e.record.agent_lost().agent());
    return e.record.finished().completed() ? "+end" : "+abort";
  }
  static std::string show(const Note& /*e*/) { return ""; }
  std::string show(const Finish& e) {
    reason_ = e.reason;
    return e.completed ? "finish ok" : "finish failed";
  }

  const std::string file_;
  Controller::Options options_;
  std::unique_ptr<Controller> controller_;
  std::vector<pb::BenchJournal> journal_;
  runtime::TimePoint now_;
  std::string reason_;
  std::string lost_;
};

}  // namespace penstock::bench::testing
