#include "frontend/meta_client.h"

#include "common/log.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kRetry = std::chrono::milliseconds(100);
constexpr runtime::Duration kLook = std::chrono::milliseconds(200);

MetaView::Database status_of(const pb::DatabaseStatus& status) {
  return {PartialGraphId{status.graph().id()},
          Term{status.graph().term()},
          Epoch{status.committed_epoch()},
          status.recovering(),
          status.recovery_reason(),
          status.disk_low(),
          status.disk_full()};
}

void set_workers(MetaView& view, const google::protobuf::RepeatedPtrField<pb::WorkerInfo>& workers) {
  view.workers.clear();
  for (const pb::WorkerInfo& worker : workers) view.workers[WorkerId{worker.worker_id()}] = std::make_shared<const pb::WorkerInfo>(worker);
}

void set_placements(MetaView& view, const google::protobuf::RepeatedPtrField<pb::TablePlacement>& placements) {
  view.placements.clear();
  for (const pb::TablePlacement& p : placements) view.placements[TableId{p.table_id()}] = std::make_shared<const pb::TablePlacement>(p);
}

void note_ended_terms(MetaView& view, const google::protobuf::RepeatedPtrField<pb::TermEnd>& ends) {
  constexpr size_t kMostKept = 1000;
  for (const pb::TermEnd& end : ends) {
    view.ended_terms[{PartialGraphId{end.graph().id()}, Term{end.graph().term()}}] = Epoch{end.last_committed_epoch()};
  }
  while (view.ended_terms.size() > kMostKept) view.ended_terms.erase(view.ended_terms.begin());
}

}  // namespace

MetaClient::MetaClient(runtime::Runtime& runtime, rpc::Transport& transport, std::string meta_address)
    : runtime_(runtime), transport_(transport), address_(std::move(meta_address)), loop_(runtime.make_serial("meta-client", false)) {
  loop_->post([this] { connect(); });
}

MetaClient::~MetaClient() = default;

void MetaClient::connect() {
  rpc::StreamEvents events;
  events.on_message = [this](const rpc::Bytes& bytes) { on_message(bytes); };
  events.on_closed = [this](const Status& reason) {
    following_ = false;
    if (!std::exchange(said_lost_, true)) {
      log::warn("frontend", "no line to meta at {}: {}", address_, reason.has_error() ? reason.error().to_string() : "closed");
    }
    retry_ = runtime_.after(kRetry, *loop_, [this] { connect(); });
  };
  stream_ = transport_.connect(address_, "/penstock.Meta/Subscribe", *loop_, std::move(events));
}

void MetaClient::on_message(const rpc::Bytes& bytes) {
  pb::SubscribeEvent event;
  if (!event.ParseFromString(bytes)) {
    log::error("frontend", "meta at {} sent {} bytes that are no SubscribeEvent", address_, bytes.size());
    return stream_->close(error(Code::Protocol, "no SubscribeEvent"));
  }
  if (std::exchange(said_lost_, false)) log::info("frontend", "meta at {} is back", address_);
  if (event.has_snapshot()) {
    following_ = true;
    apply(event.snapshot());
  } else if (event.has_update()) {
    apply(event.update());
  }
}

// A snapshot comes with a new line: what is known of ended terms stays, since batches of them may wait for an answer.
void MetaClient::apply(const pb::MetaSnapshot& snapshot) {
  auto next = std::make_shared<MetaView>();
  if (const MetaViewPtr old = view()) next->ended_terms = old->ended_terms;
  note_ended_terms(*next, snapshot.ended_terms());
  next->catalog = std::make_shared<const pb::Catalog>(snapshot.catalog());
  set_workers(*next, snapshot.workers());
  set_placements(*next, snapshot.placements());
  for (const pb::DatabaseStatus& status : snapshot.databases()) next->databases[DatabaseId{status.database_id()}] = status_of(status);
  publish(std::move(next));
}

void MetaClient::apply(const pb::MetaUpdate& update) {
  const MetaViewPtr old = view();
  if (!old) return;  // the snapshot comes first
  auto next = std::make_shared<MetaView>(*old);
  if (update.has_catalog()) next->catalog = std::make_shared<const pb::Catalog>(update.catalog());
  if (update.has_workers()) set_workers(*next, update.workers());
  if (update.has_placements()) set_placements(*next, update.placements());
  note_ended_terms(*next, update.ended_terms());
  for (const pb::DatabaseStatus& status : update.databases()) next->databases[DatabaseId{status.database_id()}] = status_of(status);
  publish(std::move(next));
}

void MetaClient::publish(MetaViewPtr view) {
  {
    const std::lock_guard lock(mutex_);
    view_ = std::move(view);
  }
  wake_all();
}

void MetaClient::wake_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& waiter : waiters_) waiter->notify();
}

MetaViewPtr MetaClient::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

Result<MetaViewPtr> MetaClient::wait(const std::function<bool(const MetaView&)>& done, runtime::Duration timeout, const CancelFlag* cancel,
                                     std::string_view what, const std::function<Status()>& go_on) {
  const auto waiter = runtime_.make_waiter();
  const runtime::TimePoint deadline = runtime_.now() + timeout;
  const auto enroll = [&](bool in) {
    const std::lock_guard lock(mutex_);
    in ? waiters_.push_back(waiter) : (void)std::erase(waiters_, waiter);
  };
  enroll(true);
  Result<MetaViewPtr> outcome = error(Code::Timeout, "waited {:.0f} s for {}", static_cast<double>(timeout.count()) / 1e9, what);
  for (;;) {
    if (const MetaViewPtr now = view(); now && done(*now)) {
      outcome = now;
      break;
    }
    if (cancel != nullptr && cancel->load()) {
      outcome = error(Code::Cancelled, "canceling statement due to user request");
      break;
    }
    if (const Status goes_on = go_on ? go_on() : ok(); goes_on.has_error()) {
      outcome = goes_on.error();
      break;
    }
    const runtime::Duration left = deadline - runtime_.now();
    if (left <= runtime::Duration::zero()) break;
    (void)waiter->wait_for(std::min(left, kLook));
  }
  enroll(false);
  return outcome;
}

Result<rpc::Bytes> MetaClient::call(std::string_view method, rpc::Bytes request, runtime::Duration timeout, const CancelFlag* cancel,
                                    const std::function<Status()>& go_on) {
  struct Answer {
    std::mutex mutex;
    std::optional<Result<rpc::Bytes>> result;
  };
  const auto answer = std::make_shared<Answer>();  // shared with a callback that may come after a cancelled wait
  const auto waiter = runtime_.make_waiter();
  transport_.call(address_, method, std::move(request), timeout, *loop_, [answer, waiter](Result<rpc::Bytes> result) {
    {
      const std::lock_guard lock(answer->mutex);
      answer->result = std::move(result);
    }
    waiter->notify();
  });
  for (;;) {
    (void)waiter->wait_for(kLook);
    {
      const std::lock_guard lock(answer->mutex);
      if (answer->result) return answer->result->has_error() ? explained(answer->result->error()) : std::move(*answer->result);
    }
    if (go_on) {
      PENSTOCK_TRY(go_on());
    }
    if (cancel != nullptr && cancel->load()) return error(Code::Cancelled, "canceling statement due to user request");
  }
}

// Of errors of the line, which know no more than an address. What meta itself answers is left as it is. Never `Closed`: to the connection
// of a client that would mean its own end.
Error MetaClient::explained(const Error& reason) const {
  constexpr std::string_view kMayRead = "Start it again, on its data folder, or wait; views can be read meanwhile.";
  const bool silent = reason.code() == Code::Timeout && reason.message().starts_with("/penstock.");
  if (silent || reason.code() == Code::Closed) {
    return error(Code::OutcomeUnknown, "meta at {} does not answer: {}", address_, reason.message())
        .with_detail("The statement may or may not have taken effect.")
        .with_hint(std::string(silent ? "Is its process stopped, or its machine out of memory? Views can be read meanwhile." : kMayRead));
  }
  if (reason.code() != Code::Unavailable || !reason.message().starts_with("cannot reach ")) return reason;
  return error(Code::Unavailable, "meta at {} does not answer: {}", address_, reason.message()).with_hint(std::string(kMayRead));
}

void MetaClient::ask(std::string_view method, rpc::Bytes request, runtime::Duration timeout,
                     absl::AnyInvocable<void(Result<rpc::Bytes>)> done) {
  transport_.call(address_, method, std::move(request), timeout, *loop_, std::move(done));
}

void MetaClient::send(std::string_view method, rpc::Bytes request) {
  transport_.call(address_, method, std::move(request), std::chrono::seconds(5), *loop_, [](const Result<rpc::Bytes>&) {});
}

}  // namespace penstock::frontend
