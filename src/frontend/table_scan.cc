#include "frontend/table_scan.h"

#include <deque>

#include "proto/compute_service.pb.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kSilence = std::chrono::seconds(30);
constexpr runtime::Duration kLookForCancel = std::chrono::milliseconds(200);
constexpr uint64_t kScanWindow = 4 << 20;          // bytes from each node that wait here at most
constexpr uint64_t kScanCredit = kScanWindow / 4;  // are told at once

/// What came from the nodes and was not read yet, at most a window from each. Shared by the streams' callbacks and the reading thread.
struct Inbox {
  struct Frame {
    size_t stream;
    rpc::Bytes bytes;
  };
  std::mutex mutex;
  std::deque<Frame> frames;
  size_t open = 0;
  std::optional<Error> failed;
};

class TableScan : public batch::Operator {
 public:
  TableScan(runtime::Runtime& runtime, runtime::Executor& loop, rpc::Transport& transport, MetaViewPtr view, ScanSpec spec,
            const CancelFlag& cancel)
      : loop_(loop),
        transport_(transport),
        view_(std::move(view)),
        spec_(std::move(spec)),
        cancel_(cancel),
        waiter_(runtime.make_waiter()) {}

  ~TableScan() override {
    for (const auto& stream : streams_) stream->close(ok());
  }
  TableScan(const TableScan&) = delete;
  TableScan& operator=(const TableScan&) = delete;

  Result<std::optional<data::DataChunk>> next() override {
    if (!started_) {
      started_ = true;
      PENSTOCK_TRY(start());
    }
    for (runtime::Duration waited{};;) {
      {
        const std::lock_guard lock(inbox_->mutex);
        if (inbox_->failed) return *inbox_->failed;
        if (!inbox_->frames.empty()) break;
        if (inbox_->open == 0) return std::optional<data::DataChunk>();
      }
      if (cancel_.load()) return error(Code::Cancelled, "canceling statement due to user request");
      if (waited > kSilence) return error(Code::Timeout, "no node answered a read of {} for {} s", spec_.table->name(), 30);
      if (!waiter_->wait_for(kLookForCancel)) waited += kLookForCancel;
    }
    return decode();
  }

 private:
  Result<std::optional<data::DataChunk>> decode() {
    Inbox::Frame frame;
    {
      const std::lock_guard lock(inbox_->mutex);
      frame = std::move(inbox_->frames.front());
      inbox_->frames.pop_front();
    }
    give_credit(frame.stream, frame.bytes.size());
    pb::ScanResponse response;
    if (!response.ParseFromString(frame.bytes)) return error(Code::Protocol, "a node answered a read with bytes that are no ScanResponse");
    PENSTOCK_TRY(const data::StreamChunk chunk, data::decode_chunk(response.chunk()));
    if (chunk.rows() == 0) return next();
    return std::optional(chunk.data());
  }

  void give_credit(size_t stream, uint64_t bytes) {
    if ((taken_[stream] += bytes) < kScanCredit) return;
    pb::ScanCredit credit;
    credit.set_bytes(std::exchange(taken_[stream], 0));
    streams_[stream]->write(credit.SerializeAsString());
  }

  Status start() {
    const auto placement = view_->placements.find(spec_.lies_with == TableId{} ? TableId{spec_.table->table_id()} : spec_.lies_with);
    if (placement == view_->placements.end()) {
      return error(Code::Unavailable, "nothing is known yet of where {} lies", spec_.table->name()).with_hint("Try again in a moment.");
    }
    for (const pb::VnodeOwner& owner : placement->second->owners()) {
      const auto worker = view_->workers.find(WorkerId{owner.worker_id()});
      if (worker == view_->workers.end() || !worker->second->alive()) {
        return error(Code::Unavailable, "node {} holds a part of {} and is away", owner.worker_id(), spec_.table->name())
            .with_hint(worker == view_->workers.end()
                           ? "Start that compute node again; its data folder holds the rows."
                           : fmt::format("Start the compute that was at {} again, on its data folder: that holds "
                                         "the rows.",
                                         worker->second->endpoint()));
      }
      open(worker->second->endpoint(), owner.vnodes());
    }
    return ok();
  }

  void open(const std::string& endpoint, const std::string& vnodes) {
    rpc::StreamEvents events;
    events.on_message = [inbox = inbox_, waiter = waiter_, number = streams_.size()](rpc::Bytes bytes) {
      const std::lock_guard lock(inbox->mutex);
      inbox->frames.push_back({number, std::move(bytes)});
      waiter->notify();
    };
    events.on_closed = [inbox = inbox_, waiter = waiter_](const Status& reason) {
      const std::lock_guard lock(inbox->mutex);
      --inbox->open;
      if (reason.has_error() && !inbox->failed) inbox->failed = reason.error();
      waiter->notify();
    };
    {
      const std::lock_guard lock(inbox_->mutex);
      ++inbox_->open;
    }
    auto stream = transport_.connect(endpoint, "/penstock.Compute/Scan", loop_, std::move(events));
    pb::ScanRequest request;
    *request.mutable_table() = *spec_.table;
    request.set_vnodes(vnodes);
    request.set_epoch(spec_.epoch.value);
    request.set_graph(spec_.graph.value);
    for (const uint32_t column : spec_.output) request.add_output(column);
    request.mutable_range()->set_begin(spec_.range_begin);
    request.mutable_range()->set_end(spec_.range_end);
    request.set_limit(spec_.limit);
    request.set_window(kScanWindow);
    stream->write(request.SerializeAsString());
    streams_.push_back(std::move(stream));
    taken_.push_back(0);
  }

  runtime::Executor& loop_;
  rpc::Transport& transport_;
  const MetaViewPtr view_;
  const ScanSpec spec_;
  const CancelFlag& cancel_;
  const std::shared_ptr<runtime::Waiter> waiter_;                   // shared with the streams' callbacks
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();  // likewise
  std::vector<std::shared_ptr<rpc::Stream>> streams_;               // shared with the transport
  std::vector<uint64_t> taken_;                                     // of each stream, bytes that it was not told of
  bool started_ = false;
};

}  // namespace

batch::OperatorPtr make_table_scan(runtime::Runtime& runtime, runtime::Executor& loop, rpc::Transport& transport, MetaViewPtr view,
                                   ScanSpec spec, const CancelFlag& cancel) {
  return std::make_unique<TableScan>(runtime, loop, transport, std::move(view), std::move(spec), cancel);
}

}  // namespace penstock::frontend
