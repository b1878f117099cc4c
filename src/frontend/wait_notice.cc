#include "frontend/wait_notice.h"

#include "common/wait_report.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kAskEvery = std::chrono::seconds(1);

std::string reason_in(const Result<rpc::Bytes>& answer, const std::string& meta) {
  pb::WhyWaitingReply reply;
  if (answer.has_error() || !reply.ParseFromString(answer.value())) return fmt::format("meta at {} does not answer", meta);
  std::string out;
  for (const pb::DatabaseWait& wait : reply.databases()) out += (out.empty() ? "" : "; ") + wait.reason();
  return out;
}

}  // namespace

struct WaitNotice::State {
  runtime::Runtime& runtime;
  MetaClient& meta;
  const std::string question;
  const Say say;
  const runtime::TimePoint began;
  // Owned by the session's thread.
  WaitReport report = {};
  runtime::Duration ask_at = WaitReport::kFirst - kAskEvery / 2;
  // Between it and the thread that hears answers.
  std::mutex mutex = {};
  bool asking = false;
  std::string reason = {};
};

WaitNotice::WaitNotice(runtime::Runtime& runtime, MetaClient& meta, const pb::WhyWaitingRequest& why, Say say)
    : state_(new State{
          .runtime = runtime, .meta = meta, .question = why.SerializeAsString(), .say = std::move(say), .began = runtime.now()}) {}

Status WaitNotice::operator()() {
  constexpr runtime::Duration kPatience = std::chrono::seconds(5);
  State& mine = *state_;
  const runtime::Duration waited = mine.runtime.now() - mine.began;
  bool asks = false;
  std::string reason;
  {
    const std::lock_guard lock(mine.mutex);
    asks = waited >= mine.ask_at && !mine.asking;
    mine.asking = mine.asking || asks;
    reason = mine.reason;
  }
  if (asks) {
    mine.ask_at = waited + kAskEvery;
    mine.meta.ask("/penstock.Meta/WhyWaiting", mine.question, kPatience, [state = state_, at = mine.meta.address()](const auto& answer) {
      std::string heard = reason_in(answer, at);
      const std::lock_guard lock(state->mutex);
      state->asking = false;
      state->reason = std::move(heard);
    });
  }
  const auto news = mine.report.news(waited, reason);
  return news ? mine.say("the statement waits: " + *news) : ok();
}

}  // namespace penstock::frontend
