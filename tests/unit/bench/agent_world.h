#pragma once

#include <string>

#include "bench/machine/agent.h"
#include "testing/script.h"
#include "unit/bench/plans.h"

namespace penstock::bench::testing {

/// An agent driven by lines `event => effects`; C is a connection (1, 2, …), W a work. Time is in milliseconds; `@MS` moves it.
///     attach C OWNER [RUN] [token=T] [v9] [stop]     lost C       tick
///     start C [RUN]   release C SEQ [NAME]   abort C   excluded C   query C   reset C [exit]   sync C STAGE   goodbye C   heard C
///     begun W     ended W [error]
/// Effects:
///     C:hello RUN STAGE WAITING, C:ready, C:at SEQ, C:begun STAGE MS (ago), C:failed, C:done ok | C:done no, C:refused (owner), stats C,
///     hangup C enter, run W STAGE, stop W, keep STAGE, leave, exit ok | exit error
class AgentWorld {
 public:
  explicit AgentWorld(const std::vector<std::string>& barriers, const std::string& run = "",
                      Agent::Options options = {.name = "me", .machine = "m", .token = "", .allow_exec = false})
      : file_(stage_file(barriers, run)), agent_(std::move(options)) {}

  void run(std::string_view script) {
    ::penstock::testing::run_script(script, [this](const ::penstock::testing::Words& words) { return apply(words); });
  }
  /// Attached to the owner "x" by connection 1, in stage `stage`, work `stage` + 1.
  void reach(uint32_t stage) {
    run(R"(
      attach 1 x r1 => 1:hello - 0 -1
      start 1 r1    => enter, 1:ready
    )");
    for (uint32_t i = 0; i <= stage; ++i) {
      if (i > 0) apply({"ended", std::to_string(i)});
      apply({"release", "1", std::to_string(i)});
    }
  }
  Agent& agent() { return agent_; }
  [[nodiscard]] const std::string& said() const { return said_; }  // the last reason or error

 private:
  using Words = ::penstock::testing::Words;

  std::string apply(Words words) {
    if (words[0][0] == '@') {
      now_ = {std::stoll(words[0].substr(1)) * 1'000'000};
      words.erase(words.begin());
    }
    AgentEffects out;
    agent_.handle(now_, event(words), out);
    std::string text;
    for (const AgentEffect& effect : out) {
      text += (text.empty() ? "" : ", ") + std::visit([this](const auto& e) { return this->show(e); }, effect);
    }
    return text;
  }

  AgentEvent event(const Words& words) {
    const std::string& what = words[0];
    const auto has = [&](const std::string& word) { return std::ranges::find(words, word) != words.end(); };
    const auto rest = [&](size_t i) { return words.size() > i ? words[i] : std::string(); };
    if (what == "tick") return AgentTick{};
    const uint64_t number = std::stoull(words[1]);
    if (what == "lost") return ConnectionLost{ConnectionId{number}};
    if (what == "begun") return StageBegun{WorkId{number}};
    if (what == "ended") {
      if (has("error")) return StageEnded{WorkId{number}, error(Code::Io, "broke")};
      pb::BenchSummary summary;
      summary.set_stage(agent_.run() ? agent_.run()->stage : 99);
      return StageEnded{WorkId{number}, summary};
    }
    ControlHeard heard{ConnectionId{number}, {}};
    pb::BenchControl& message = heard.message;
    if (what == "attach") {
      pb::BenchAttach& attach = *message.mutable_attach();
      attach.set_version(has("v9") ? 9 : kProtocolVersion);
      attach.set_owner(words[2]);
      attach.set_run(rest(3));
      attach.set_stop(has("stop"));
      for (const std::string& word : words) {
        if (word.starts_with("token=")) attach.set_token(word.substr(6));
      }
    } else if (what == "start") {
      message.mutable_start()->set_run(rest(2).empty() ? "r1" : rest(2));
      message.mutable_start()->set_stages(has("bad") ? "nonsense" : file_);
      message.mutable_start()->set_count(3);
    } else if (what == "release") {
      message.mutable_release_barrier()->set_sequence(static_cast<uint32_t>(std::stoul(words[2])));
      message.mutable_release_barrier()->set_name(words.size() > 3 ? words[3]
                                                                   : plan_of(file_).barrier_name(message.release_barrier().sequence()));
    } else if (what == "abort") {
      message.mutable_abort()->set_reason("told to");
    } else if (what == "excluded") {
      message.mutable_excluded()->set_reason("too slow");
    } else if (what == "query") {
      message.mutable_query();
    } else if (what == "reset") {
      message.mutable_reset()->set_exit(has("exit"));
    } else if (what == "sync") {
      message.mutable_sync_state()->set_stage(static_cast<uint32_t>(std::stoul(words[2])));
    } else if (what == "goodbye") {
      message.mutable_goodbye();
    } else if (what == "heard") {
      message.mutable_heard();
    } else {
      ADD_FAILURE() << "no event " << what;
    }
    return heard;
  }

  std::string show(const Tell& e) {
    const std::string to = fmt::format("{}:", e.connection);
    const pb::BenchReport& m = e.message;
    if (m.has_hello())
      return fmt::format("{}hello {} {} {}", to, m.hello().run().empty() ? "-" : m.hello().run(), m.hello().stage(),
                         m.hello().waiting_at());
    if (m.has_ready()) return to + "ready";
    if (m.has_at_barrier()) return fmt::format("{}at {}", to, m.at_barrier().sequence());
    if (m.has_begun()) return fmt::format("{}begun {} {}", to, m.begun().stage(), m.begun().ago_nanos() / 1'000'000);
    if (m.has_failed()) {
      said_ = m.failed().error();
      return to + "failed";
    }
    if (m.has_done()) {
      said_ = m.done().reason();
      return to + (m.done().completed() ? "done ok" : "done no");
    }
    if (m.has_refused()) {
      said_ = m.refused().reason();
      return to + "refused" + (m.refused().owner().empty() ? "" : " " + m.refused().owner());
    }
    return to + "?";
  }
  static std::string show(const TellStats& e) { return fmt::format("stats {}", e.connection); }
  static std::string show(const HangUp& e) { return fmt::format("hangup {}", e.connection); }
  static std::string show(const EnterRun& /*e*/) { return "enter"; }
  static std::string show(const RunStage& e) { return fmt::format("run {} {}", e.work, e.stage); }
  static std::string show(const StopStage& e) { return fmt::format("stop {}", e.work); }
  static std::string show(const KeepSummary& e) { return fmt::format("keep {}", e.summary.stage()); }
  static std::string show(const LeaveRun& /*e*/) { return "leave"; }
  static std::string show(const ExitAgent& e) { return e.why ? "exit ok" : "exit error"; }

  const std::string file_;
  Agent agent_;
  runtime::TimePoint now_;
  std::string said_;
};

}  // namespace penstock::bench::testing
