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
// What is kept for somebody who does not come back for the changes goes after this long; whoever does then needs all rows.
constexpr runtime::Duration kMostHeld = std::chrono::minutes(10);

}  // namespace

/// One transfer: steps on the blocking pool, each reads one frame.
class TransferServer::Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  Transfer(TransferServer& server, std::shared_ptr<rpc::Stream> stream) : server_(server), stream_(std::move(stream)) {}

  void on_message(const rpc::Bytes& bytes) {
    pb::TransferFrame frame;
    if (!frame.ParseFromString(bytes) || (!frame.has_open() && !frame.has_credit() && !frame.has_changes())) {
      return stream_->close(error(Code::Protocol, "transfer: {} bytes that are neither Open, Credit nor Changes", bytes.size()));
    }
    if (frame.has_credit()) return allow(frame.credit().frames());
    if (frame.has_changes()) return begin_changes(frame.changes());
    if (std::exchange(opened_, true)) return stream_->close(error(Code::Protocol, "transfer: opened twice"));
    if (const Status parsed = parse(frame.open()); parsed.has_error()) return stream_->close(parsed.error());
    deadline_ = server_.runtime_.now() + kWaitForTransferEpoch;
    allow(frame.open().credits());
  }
  void end() {
    MutexLock lock(mutex_);
    ended_ = true;
    if (!running_) feed_.reset();
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
    follow_ = open.follow();
    return ok();
  }

  /// At once if the rows are out, else when they are.
  void begin_changes(const pb::TransferChanges& changes) {
    {
      MutexLock lock(mutex_);
      if (ended_) return;
      if (!follow_ || std::exchange(asked_, true)) {
        return stream_->close(error(Code::Protocol, "transfer: asked for changes twice, or of one that does not follow"));
      }
      if (!std::exchange(holds_, false)) {
        pending_ = changes;
        return;
      }
    }
    send_changes(changes);
  }
  /// The rows are out; until the changes are asked for nothing runs.
  void hold() {
    std::optional<pb::TransferChanges> changes;
    {
      MutexLock lock(mutex_);
      running_ = false;
      changes.swap(pending_);
      holds_ = !changes;
      if (ended_) feed_.reset();
    }
    if (changes) return send_changes(*changes);
    timer_ = server_.runtime_.after(kMostHeld, *server_.loop_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->hold_no_longer();
    });
  }
  void hold_no_longer() {
    {
      MutexLock lock(mutex_);
      if (ended_ || !std::exchange(holds_, false)) return;
      ended_ = true;
      feed_.reset();
    }
    stream_->close(error(Code::Timeout, "nobody asked for what has changed for {} s", kMostHeld.count() / 1'000'000'000));
  }
  // Nothing runs.
  void send_changes(const pb::TransferChanges& changes) {
    epoch_ = Epoch{changes.epoch()};
    deadline_ = server_.runtime_.now() + kWaitForTransferEpoch;
    changes_ = true;
    table_ = 0;
    total_ = 0;
    {
      MutexLock lock(mutex_);
      credits_ = 0;  // what was left of the rows'
    }
    allow(changes.credits());
  }

  /// More frames may be sent: begins to read, unless a step is under way, which then goes on by itself.
  void allow(uint32_t frames) {
    {
      MutexLock lock(mutex_);
      credits_ += frames;
      if (running_ || ended_ || holds_ || credits_ == 0) return;
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
        if (!follow_ || changes_) return stream_->close(ok());
        return hold();
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
      if (!open_) {
        if (!batch.empty()) break;  // a frame has rows of one table
        PENSTOCK_TRY(const bool ready, open_table());
        if (!ready) return Next::Wait;
      }
      PENSTOCK_TRY(const bool more, changes_ ? fill_changes(batch) : fill(batch));
      if (!more) {
        open_ = false;
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
  Result<bool> open_table() {
    auto opened = open_table_now();
    if (opened.has_value()) {
      open_ = true;
      batch_table_ = tables_[table_];
      return true;
    }
    const bool early = server_.store_.committed_epoch(graph_) < epoch_;
    if (opened.error().code() != Code::SnapshotTooOld || !early || server_.runtime_.now() > deadline_) return opened.error();
    return false;
  }
  Status open_table_now() {
    if (changes_) {
      PENSTOCK_TRY(changed_, feed_->changes(tables_[table_], ranges_, epoch_));
      next_change_ = 0;
      return ok();
    }
    if (!follow_) {
      PENSTOCK_TRY(reader_, server_.store_.read_committed(graph_, tables_[table_], epoch_));
      return ok();
    }
    if (feed_) return ok();
    const Epoch committed = server_.store_.committed_epoch(graph_);
    if (committed < epoch_) return error(Code::SnapshotTooOld, "graph {} has committed {} here, not {}", graph_, committed, epoch_);
    PENSTOCK_TRY(feed_, server_.store_.follow(graph_, tables_));
    return ok();
  }

  /// As `fill`, of what has changed.
  Result<bool> fill_changes(storage::WriteBatch& batch) {
    for (; next_change_ < changed_.entries.size(); ++next_change_) {
      if (batch.bytes.size() >= kTransferFrame) return true;
      if (const auto value = changed_.value(next_change_)) {
        batch.put(changed_.key(next_change_), *value);
      } else {
        batch.erase(changed_.key(next_change_));
      }
    }
    changed_ = {};
    return false;
  }

  /// Rows of the table at hand into the batch until it is large; false: the table has no more.
  Result<bool> fill(storage::WriteBatch& batch) {
    while (range_ < ranges_.size()) {
      if (!iterator_) {
        PENSTOCK_TRY(iterator_, follow_ ? feed_->scan(tables_[table_], ranges_[range_]) : reader_->scan(ranges_[range_]));
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
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;  // the rows are out, the changes are not asked for
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;  // for the changes
  std::optional<pb::TransferChanges> pending_ ABSL_GUARDED_BY(mutex_);

  // Of the step that runs; steps follow one another, and `send_changes` comes while there is none.
  PartialGraphId graph_;
  Epoch epoch_;
  std::vector<TableId> tables_;
  std::vector<storage::Range> ranges_;
  runtime::TimePoint deadline_;
  size_t table_ = 0;
  size_t range_ = 0;
  TableId batch_table_;
  bool follow_ = false;
  bool changes_ = false;
  bool open_ = false;                                // the table at hand
  std::unique_ptr<storage::SnapshotReader> reader_;  // of the table at hand, unless it follows
  std::unique_ptr<storage::ChangeFeed> feed_;
  std::unique_ptr<storage::RowIterator> iterator_;
  storage::WriteBatch changed_;  // of the table at hand
  size_t next_change_ = 0;
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
