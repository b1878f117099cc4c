#include "compute/transfer_server.h"

#include <algorithm>

#include "common/mutex.h"
#include "proto/compute_service.pb.h"
#include "storage/segment/segment_format.h"
#include "storage/vnode_import.h"

namespace penstock::compute {
namespace {

constexpr runtime::Duration kWaitForTransferEpoch = std::chrono::seconds(5);
constexpr runtime::Duration kTransferRetry = std::chrono::milliseconds(5);
constexpr size_t kTransferFrame = 512 * 1024;

}  // namespace

/// One transfer: steps on the blocking pool, each reads one frame.
class TransferServer::Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  Transfer(TransferServer& server, std::shared_ptr<rpc::Stream> stream) : server_(server), stream_(std::move(stream)) {}

  void on_message(const rpc::Bytes& bytes) {
    pb::TransferFrame frame;
    if (!frame.ParseFromString(bytes) || (!frame.has_open() && !frame.has_credit())) {
      return stream_->close(error(Code::Protocol, "transfer: {} bytes that are neither Open nor Credit", bytes.size()));
    }
    if (frame.has_credit()) return allow(frame.credit().frames());
    if (std::exchange(opened_, true)) return stream_->close(error(Code::Protocol, "transfer: opened twice"));
    if (const Status parsed = parse(frame.open()); parsed.has_error()) return stream_->close(parsed.error());
    deadline_ = server_.runtime_.now() + kWaitForTransferEpoch;
    allow(frame.open().credits());
  }
  void end() {
    MutexLock lock(mutex_);
    ended_ = true;
  }

 private:
  Status parse(const pb::TransferOpen& open) {
    if (open.vnode_count() == 0 || open.vnode_count() > 32768) return error(Code::Protocol, "transfer: {} vnodes", open.vnode_count());
    PENSTOCK_TRY(const VNodeBitmap vnodes, VNodeBitmap::from_bytes(open.vnode_count(), open.vnodes()));
    ranges_ = storage::vnode_ranges(vnodes);
    for (const uint32_t table : open.tables()) tables_.push_back(TableId{table});
    if (!std::ranges::is_sorted(tables_, std::less_equal{})) return error(Code::Protocol, "transfer: tables do not ascend");
    graph_ = PartialGraphId{open.graph()};
    epoch_ = Epoch{open.epoch()};
    return ok();
  }

  /// More frames may be sent: begins to read, unless a step is under way, which then goes on by itself.
  void allow(uint32_t frames) {
    {
      MutexLock lock(mutex_);
      credits_ += frames;
      if (running_ || ended_ || credits_ == 0) return;
      running_ = true;
    }
    post();
  }
  void post() {
    server_.runtime_.blocking().post([self = shared_from_this()] { self->step(); });
  }
  [[nodiscard]] bool has_ended() {
    MutexLock lock(mutex_);
    return ended_;
  }

  void step() {
    if (has_ended()) return;
    const Result<Next> next = read_frame();
    if (next.has_error()) return stream_->close(next.error());
    switch (next.value()) {
      case Next::Wait:
        timer_ = server_.runtime_.after(kTransferRetry, server_.runtime_.blocking(), [self = shared_from_this()] { self->step(); });
        return;
      case Next::Done:
        return stream_->close(ok());
      case Next::More:
        break;
    }
    {
      MutexLock lock(mutex_);
      if (--credits_ == 0) {
        running_ = false;
        return;
      }
    }
    post();
  }

  enum class Next : uint8_t { Wait, More, Done };

  Result<Next> read_frame() {
    pb::TransferFrame frame;
    pb::TransferRows& rows = *frame.mutable_rows();
    storage::WriteBatch batch;
    while (batch.bytes.size() < kTransferFrame && table_ < tables_.size()) {
      if (!reader_) {
        if (!batch.empty()) break;  // a frame has rows of one table
        PENSTOCK_TRY(const bool ready, open_reader());
        if (!ready) return Next::Wait;
      }
      PENSTOCK_TRY(const bool more, fill(batch));
      if (!more) {
        reader_.reset();
        range_ = 0;
        ++table_;
        if (!batch.empty()) break;
      }
    }
    total_ += batch.entries.size();
    rows.set_table(batch_table_.value);
    rows.set_count(static_cast<uint32_t>(batch.entries.size()));
    storage::encode_block_rows(batch, 0, batch.entries.size(), *rows.mutable_rows());
    const bool last = table_ == tables_.size();
    rows.set_last(last);
    if (last) rows.set_total(total_);
    stream_->write(frame.SerializeAsString());
    return last ? Next::Done : Next::More;
  }

  /// False: the epoch's commit is not known here yet.
  Result<bool> open_reader() {
    auto opened = server_.store_.read_committed(graph_, tables_[table_], epoch_);
    if (opened.has_value()) {
      reader_ = std::move(opened).value();
      batch_table_ = tables_[table_];
      return true;
    }
    const bool early = server_.store_.committed_epoch(graph_) < epoch_;
    if (opened.error().code() != Code::SnapshotTooOld || !early || server_.runtime_.now() > deadline_) return opened.error();
    return false;
  }

  /// Rows of the table at hand into the batch until it is large; false: the table has no more.
  Result<bool> fill(storage::WriteBatch& batch) {
    while (range_ < ranges_.size()) {
      if (!iterator_) {
        PENSTOCK_TRY(iterator_, reader_->scan(ranges_[range_]));
      }
      PENSTOCK_TRY(const bool row, iterator_->next());
      if (!row) {
        iterator_.reset();
        ++range_;
        continue;
      }
      batch.put(iterator_->key(), iterator_->value());
      if (batch.bytes.size() >= kTransferFrame) return true;
    }
    return false;
  }

  TransferServer& server_;
  const std::shared_ptr<rpc::Stream> stream_;  // shared with the transport
  bool opened_ = false;                        // of the loop

  Mutex mutex_;
  uint64_t credits_ ABSL_GUARDED_BY(mutex_) = 0;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the step that runs; steps follow one another.
  PartialGraphId graph_;
  Epoch epoch_;
  std::vector<TableId> tables_;
  std::vector<storage::Range> ranges_;
  runtime::TimePoint deadline_;
  size_t table_ = 0;
  size_t range_ = 0;
  TableId batch_table_;
  std::unique_ptr<storage::SnapshotReader> reader_;
  std::unique_ptr<storage::RowIterator> iterator_;
  uint64_t total_ = 0;
  runtime::Timer timer_;
};

TransferServer::TransferServer(runtime::Runtime& runtime, storage::StateStore& store)
    : runtime_(runtime), store_(store), loop_(runtime.make_serial("transfer", false)) {}

rpc::Service::Accepted TransferServer::open(std::shared_ptr<rpc::Stream> stream) {
  auto transfer = std::make_shared<Transfer>(*this, std::move(stream));  // shared by the stream's callbacks and the running step
  rpc::StreamEvents events;
  events.on_message = [transfer](const rpc::Bytes& bytes) { transfer->on_message(bytes); };
  events.on_closed = [transfer](const Status&) { transfer->end(); };
  return {loop_.get(), std::move(events)};
}

}  // namespace penstock::compute
