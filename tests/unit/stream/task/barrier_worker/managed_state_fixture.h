#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "proto/control_stream.pb.h"
#include "stream/task/barrier_worker/managed_barrier_state.h"
#include "testing/script.h"

namespace penstock::stream::testing {

// A script is lines of `event => effects`. Graphs are written graph.term; actors are numbers.
//   create 1.1 at 10 [in 2.1]                      open 1.1
//   merge 2.1 into 1.1 at 30
//   inject 1.1 10..20 initial [new 1 2] collect 1 2 [stop 2]
class ManagedState : public ::testing::Test {
 protected:
  void run(std::string_view script) {
    ::penstock::testing::run_script(
        script, [this](const ::penstock::testing::Words& words) { return describe(state_.on_event(parse(words), now_)); });
  }

  ManagedBarrierState state_;
  runtime::TimePoint now_{1'000'000'000};

 private:
  static GraphTerm graph(const std::string& word) {
    return {PartialGraphId{std::stoul(word)}, Term{std::stoul(word.substr(word.find('.') + 1))}};
  }

  static InjectBarrier inject(const ::penstock::testing::Words& w) {
    InjectBarrier event{.graph = graph(w[1])};
    event.barrier.epoch = {Epoch{std::stoul(w[2])}, Epoch{std::stoul(w[2].substr(w[2].find("..") + 2))}};
    event.barrier.kind = w[3] == "initial" ? BarrierKind::Initial : w[3] == "checkpoint" ? BarrierKind::Checkpoint : BarrierKind::Barrier;
    pb::Mutation mutation;
    std::string section;
    for (size_t i = 4; i < w.size(); ++i) {
      if (w[i] == "new" || w[i] == "collect" || w[i] == "stop" || w[i] == "drop" || w[i] == "commit" || w[i] == "abort") {
        section = w[i];
        continue;
      }
      const auto actor = static_cast<uint32_t>(std::stoul(w[i]));
      if (section == "new") event.new_actors.push_back({ActorId{actor}, FragmentId{actor / 10}});
      if (section == "collect") event.actors_to_collect.emplace_back(actor);
      if (section == "commit") event.commit_txns.emplace_back(actor);
      if (section == "abort") event.abort_txns.emplace_back(actor);
      if (section == "stop") mutation.mutable_stop()->add_actors(actor);
      if (section == "drop") mutation.mutable_update()->add_dropped_actors(actor);
    }
    if (mutation.has_stop() || mutation.has_update()) event.barrier.mutation = std::make_shared<const pb::Mutation>(mutation);
    return event;
  }

  static BarrierEvent parse(const ::penstock::testing::Words& w) {
    const auto number = [&](size_t i) { return std::stoul(w[i]); };
    if (w[0] == "create") {
      return CreatePartialGraph{graph(w[1]), Epoch{number(3)}, {}, {}, w.size() > 5 ? std::optional(graph(w[5])) : std::nullopt};
    }
    if (w[0] == "merge") return MergePartialGraph{graph(w[1]), graph(w[3]), Epoch{number(5)}};
    if (w[0] == "opened") return GraphOpened{graph(w[1]), w.size() > 2 ? Status(error(Code::Corruption, "{}", w[2])) : ok()};
    if (w[0] == "inject") return inject(w);
    if (w[0] == "collect") return BarrierCollected{graph(w[1]), ActorId{static_cast<uint32_t>(number(2))}, Epoch{number(3)}};
    if (w[0] == "fail") return ActorFailed{graph(w[1]), ActorId{static_cast<uint32_t>(number(2))}, error(code(w[3]), "{}", w[3])};
    if (w[0] == "synced") {
      if (w.size() > 3) return SyncFinished{graph(w[1]), Epoch{number(2)}, error(Code::Io, "{}", w[3])};
      return SyncFinished{graph(w[1]), Epoch{number(2)}, std::vector<storage::SegmentInfo>{}};
    }
    if (w[0] == "skip")
      return SideReport{graph(w[1]), Epoch{number(2)}, ExpressionErrors{number(3), error(Code::DivisionByZero, "division")}};
    if (w[0] == "reset") return ResetPartialGraph{graph(w[1])};
    if (w[0] == "stopped") return GraphStopped{graph(w[1])};
    if (w[0] == "cause-timer") return ResetTimer{graph(w[1]), ResetTimer::Kind::RootCause};
    if (w[0] == "cut-off") return ResetTimer{graph(w[1]), ResetTimer::Kind::CutOff};
    if (w[0] == "remove") return RemovePartialGraph{graph(w[1])};
    throw std::runtime_error("no event " + w[0]);
  }

  static Code code(const std::string& text) {
    if (text == "closed") return Code::Closed;
    if (text == "io") return Code::Io;
    return Code::NumericOutOfRange;
  }

  static std::string name(GraphTerm g) { return fmt::format("{}.{}", g.graph, g.term); }

  static std::string describe(const BarrierEffects& effects) {
    std::string out;
    for (const BarrierEffect& effect : effects) out += (out.empty() ? "" : ", ") + std::visit([](const auto& e) { return one(e); }, effect);
    return out;
  }
  static std::string one(const OpenGraph& e) { return "open " + name(e.graph); }
  static std::string one(const MergeGraphs& e) {
    return fmt::format("merge {} into {} at {}{}", name(e.graph), name(e.into), e.epoch,
                       e.rows_from == e.epoch ? "" : fmt::format(" with rows from {}", e.rows_from));
  }
  static std::string one(const StartEpoch& e) { return fmt::format("start {}", e.curr); }
  static std::string one(const ResolveTransactions& e) {
    std::string out = fmt::format("resolve {}", e.prev);
    for (const TransactionId t : e.commit) out += fmt::format(" +{}", t);
    for (const TransactionId t : e.abort) out += fmt::format(" -{}", t);
    return out;
  }
  static std::string one(const SendBarrier& e) { return fmt::format("send {}", e.barrier.epoch.prev); }
  static std::string one(const BuildActors& e) { return fmt::format("build {}", e.first.prev); }
  static std::string one(const ForgetBarrier& e) { return fmt::format("forget {}", e.prev); }
  static std::string one(const StartSync& e) { return fmt::format("sync {}", e.prev); }
  static std::string one(const BarrierCompleteResult& e) {
    return fmt::format("complete {} {}{}", name(e.graph), e.epoch.prev,
                       e.report.expressions.count > 0 ? fmt::format(" errors {}", e.report.expressions.count) : "");
  }
  static std::string one(const ReportFailure& e) { return fmt::format("failure {}: {}", e.actor, e.error.message()); }
  static std::string one(const StopActors& e) { return (e.removed ? "remove " : "stop ") + name(e.graph); }
  static std::string one(const StartResetTimer& e) { return e.kind == ResetTimer::Kind::RootCause ? "wait for cause" : "wait for end"; }
  static std::string one(const ClearGraph&) { return "clear"; }
  static std::string one(const ReportReset& e) {
    return fmt::format("reset {}{}", name(e.graph), e.root ? fmt::format(" because {}: {}", e.root->actor, e.root->error.message()) : "");
  }
  static std::string one(const ProtocolViolation& e) { return "violation: " + e.error.message(); }
};

/// Graph 1.1 with actors 1 and 2 has its first barrier behind it.
inline constexpr std::string_view kRunning = R"(
  create 1.1 at 10                               => open 1.1
  opened 1.1                                     =>
  inject 1.1 10..20 initial new 1 2 collect 1 2  => start 20, send 10
  collect 1.1 1 10                               =>
  collect 1.1 2 10                               => forget 10, complete 1.1 10
)";

}  // namespace penstock::stream::testing
