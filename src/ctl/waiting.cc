#include "ctl/waiting.h"

#include <cstdio>

#include "common/mutex.h"
#include "common/wait_report.h"

namespace penstock::ctl {
namespace {

constexpr runtime::Duration kAskEvery = std::chrono::seconds(1);
constexpr runtime::Duration kLong = std::chrono::hours(24);  // state moves from node to node

/// Asks meta again and again, one question at a time, without waiting for the answers.
class Asker {
 public:
  Asker(MetaCaller& meta, const pb::WhyWaitingRequest& why) : meta_(meta), question_(why.SerializeAsString()), node_(why.worker_id()) {}

  void ask_if_due(runtime::Duration waited) {
    if (waited < due_) return;
    due_ = waited + kAskEvery;
    const MutexLock lock(heard_->mutex);
    if (std::exchange(heard_->asking, true)) return;
    constexpr runtime::Duration kPatience = std::chrono::seconds(5);
    meta_.ask("WhyWaiting", question_, kPatience, [heard = heard_, node = node_, at = meta_.address()](const Result<rpc::Bytes>& answer) {
      pb::WhyWaitingReply reply;
      const bool good = answer.has_value() && reply.ParseFromString(answer.value());
      const MutexLock answered(heard->mutex);
      heard->asking = false;
      heard->reason = good ? describe_wait(reply, node) : fmt::format("meta at {} does not answer", at);
    });
  }
  [[nodiscard]] std::string reason() const {
    const MutexLock lock(heard_->mutex);
    return heard_->reason;
  }

 private:
  struct Heard {
    Mutex mutex;
    bool asking = false;
    std::string reason;
  };
  MetaCaller& meta_;
  const std::string question_;
  const uint32_t node_;
  const std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();  // shared with an answer that may come after the end
  runtime::Duration due_ = WaitReport::kFirst - kAskEvery / 2;
};

/// Standard error.
class Line {
 public:
  explicit Line(uint32_t columns) : columns_(columns) {}
  ~Line() {
    if (shown_ && columns_ != 0) std::fputs("\r\x1b[K", stderr);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  void show(const std::string& text) {
    shown_ = true;
    const std::string line = "waits: " + text;
    columns_ == 0 ? fmt::print(stderr, "{}\n", line) : fmt::print(stderr, "\r\x1b[K{}", fit_line(line, columns_));
    (void)std::fflush(stderr);
  }

 private:
  const uint32_t columns_;
  bool shown_ = false;
};

}  // namespace

Status call_and_tell(MetaCaller& meta, std::string_view method, const google::protobuf::Message& request, google::protobuf::Message& reply,
                     const ViewOptions& options, const Waiting& waiting) {
  Asker asker(meta, waiting.why);
  WaitReport report;
  Line line(options.columns);
  return meta.call_long(method, request, reply, kLong, [&](runtime::Duration waited) -> Status {
    if (options.interrupted != nullptr && options.interrupted->load()) {
      return error(Code::Cancelled, "stopped waiting; {}", waiting.goes_on).with_hint(waiting.undo);
    }
    asker.ask_if_due(waited);
    if (const auto news = report.news(waited, asker.reason())) line.show(*news);
    return ok();
  });
}

std::string describe_wait(const pb::WhyWaitingReply& reply, uint32_t node) {
  constexpr int kMostNamed = 5;
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  for (const pb::DatabaseWait& wait : reply.databases()) {
    if (node != 0) {
      std::string names;
      for (int i = 0; i < std::min(kMostNamed, wait.jobs_size()); ++i) names += (i == 0 ? "" : ", ") + wait.jobs(i);
      if (wait.jobs_size() > kMostNamed) names += ", …";
      add(fmt::format("{} job{} ({}) of database {} {} {} actor{} on node {}", wait.jobs_size(), wait.jobs_size() == 1 ? "" : "s", names,
                      wait.database(), wait.jobs_size() == 1 ? "has" : "have", wait.actors(), wait.actors() == 1 ? "" : "s", node));
    }
    if (!wait.reason().empty()) add(wait.reason());
  }
  return out;
}

std::string fit_line(std::string_view text, uint32_t columns) {
  std::string out;
  uint32_t used = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
    if (used + 2 >= columns && end < text.size()) return out + "…";
    const bool control = static_cast<unsigned char>(text[at]) < ' ' || text[at] == '\x7f';
    out += control ? std::string_view(" ") : text.substr(at, end - at);
    at = end;
    ++used;
  }
  return out;
}

}  // namespace penstock::ctl
