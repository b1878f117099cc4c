#include "compute/scan_server.h"

#include <atomic>

#include "data/row_codec.h"
#include "proto/compute_service.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::compute {
namespace {

constexpr runtime::Duration kWaitForCommit = std::chrono::seconds(5);
constexpr runtime::Duration kScanRetry = std::chrono::milliseconds(5);
constexpr runtime::Duration kLongestRetry = std::chrono::milliseconds(200);
constexpr runtime::Duration kLongestStall = std::chrono::minutes(5);  // what it reads cannot be freed meanwhile
constexpr size_t kMostQueued = 4 << 20;

std::string vnode_key(VNode vnode, std::string_view pk) {
  std::string key{static_cast<char>(vnode >> 8), static_cast<char>(vnode)};
  return key.append(pk);
}

}  // namespace

/// One scan: steps on the blocking pool, each reads one chunk.
class ScanServer::Scan : public std::enable_shared_from_this<Scan> {
 public:
  Scan(ScanServer& server, std::shared_ptr<rpc::Stream> stream) : server_(server), stream_(std::move(stream)) {}

  void start(const rpc::Bytes& bytes) {
    if (std::exchange(started_, true)) return take_credit(bytes);
    const Status parsed = parse(bytes);
    if (parsed.has_error()) return stream_->close(parsed.error());
    deadline_ = server_.runtime_.now() + kWaitForCommit;
    post();
  }
  void end() { ended_ = true; }

 private:
  void post() {
    server_.runtime_.blocking().post([self = shared_from_this()] { self->step(); });
  }
  void take_credit(const rpc::Bytes& bytes) {
    pb::ScanCredit credit;
    if (!credit.ParseFromString(bytes)) return stream_->close(error(Code::Protocol, "{} bytes that are no ScanCredit", bytes.size()));
    taken_ += credit.bytes();
  }

  void post_later(runtime::Duration delay = kScanRetry) {
    timer_ = server_.runtime_.after(delay, server_.runtime_.blocking(), [self = shared_from_this()] { self->step(); });
  }

  Status parse(const rpc::Bytes& bytes) {
    if (!request_.ParseFromString(bytes)) return error(Code::Protocol, "{} bytes that are no ScanRequest", bytes.size());
    PENSTOCK_TRY(auto schema, stream::from_proto::schema_of(request_.table(), 0));
    PENSTOCK_TRY(const VNodeBitmap vnodes, VNodeBitmap::from_bytes(schema.vnode_count, request_.vnodes()));
    vnodes_ = vnodes.list();
    wanted_ = vnodes;
    rows_ = data::RowCodec(std::move(schema.types), std::move(schema.added));
    for (const uint32_t column : request_.output()) {
      if (column >= rows_.types().size()) return error(Code::Protocol, "table {} has no column {}", request_.table().name(), column);
      output_.push_back(column);
    }
    return ok();
  }

  void step() {
    if (ended_) return;
    if (stream_->queued_bytes() > kMostQueued) return post_later();
    if (request_.window() != 0 && sent_bytes_ >= taken_.load() + request_.window()) return wait_for_credit();
    stalled_since_.reset();
    const Result<bool> more = reader_ ? read_chunk() : open_snapshot();
    if (more.has_error()) return stream_->close(more.error());
    if (more.value()) {
      waiting_ ? post_later() : post();
    } else {
      stream_->close(ok());
    }
  }

  // Whoever reads slowly, as a cursor does, keeps what is read from being freed, and that has an end.
  void wait_for_credit() {
    const runtime::TimePoint now = server_.runtime_.now();
    if (!stalled_since_) stalled_since_ = now;
    const runtime::Duration stalled = now - *stalled_since_;
    if (stalled > kLongestStall) {
      return stream_->close(error(Code::SnapshotTooOld, "rows of {} were not taken for 5 minutes", request_.table().name())
                                .with_hint("Read on without such pauses."));
    }
    post_later(std::clamp(stalled, kScanRetry, kLongestRetry));
  }

  // True: go on (waiting_: after a moment, the commit is not known here yet).
  Result<bool> open_snapshot() {
    using Answer = stream::VnodeOwnership::Answer;
    const PartialGraphId graph{request_.graph()};
    const TableId table{request_.table().table_id()};
    const runtime::TimePoint now = server_.runtime_.now();
    const Answer owns = server_.ownership_.may_read(graph, table, wanted_, Epoch{request_.epoch()}, now);
    if (owns == Answer::Never || (owns == Answer::NotYet && now > deadline_)) {
      return error(Code::SnapshotTooOld, "this node did not own all these vnodes of table {} at epoch {}", table, request_.epoch())
          .with_hint("They have moved to another node. Run the statement again.");
    }
    if (owns == Answer::NotYet) {
      waiting_ = true;
      return true;
    }
    auto opened = server_.store_.read_committed(graph, table, Epoch{request_.epoch()});
    if (opened.has_value()) {
      reader_ = std::move(opened).value();
      waiting_ = false;
      return true;
    }
    const bool early = server_.store_.committed_epoch(graph) < Epoch{request_.epoch()};
    if (opened.error().code() != Code::SnapshotTooOld || !early || now > deadline_) return opened.error();
    waiting_ = true;
    return true;
  }

  Result<bool> read_chunk() {
    std::vector<data::AnyColumnBuilder> builders;
    for (const data::DataType type : rows_.types()) builders.emplace_back(type, data::kChunkRows);
    size_t rows = 0;
    const uint64_t limit = request_.limit() == 0 ? UINT64_MAX : request_.limit();
    while (rows < data::kChunkRows && sent_ + rows < limit && (iterator_ || next_vnode_ < vnodes_.size())) {
      if (!iterator_) {
        PENSTOCK_TRY(iterator_, reader_->scan(range_of(vnodes_[next_vnode_++])));
      }
      PENSTOCK_TRY(const bool row, iterator_->next());
      if (!row) {
        iterator_.reset();
        continue;
      }
      PENSTOCK_TRY(rows_.decode_into(iterator_->value(), builders));
      ++rows;
    }
    if (rows > 0) send(builders, rows);
    sent_ += rows;
    return sent_ < limit && (iterator_ || next_vnode_ < vnodes_.size());
  }

  storage::Range range_of(VNode vnode) const {
    const storage::Range range{vnode_key(vnode, request_.range().begin()), request_.range().end().empty()
                                                                               ? vnode_key(static_cast<VNode>(vnode + 1), "")
                                                                               : vnode_key(vnode, request_.range().end())};
    return vnode == UINT16_MAX && request_.range().end().empty() ? storage::Range{range.begin, ""} : range;
  }

  void send(std::vector<data::AnyColumnBuilder>& builders, size_t rows) {
    std::vector<data::Column> columns;
    for (auto& builder : builders) columns.push_back(builder.finish());
    pb::ScanResponse response;
    data::encode_chunk(data::StreamChunk(data::DataChunk(std::move(columns), rows).project(output_)), *response.mutable_chunk());
    rpc::Bytes bytes = response.SerializeAsString();
    sent_bytes_ += bytes.size();
    stream_->write(std::move(bytes));
  }

  ScanServer& server_;
  const std::shared_ptr<rpc::Stream> stream_;  // shared with the transport
  bool started_ = false;
  std::atomic<bool> ended_{false};
  std::atomic<uint64_t> taken_{0};  // bytes

  // Of the step that runs; steps follow one another.
  pb::ScanRequest request_;
  std::vector<VNode> vnodes_;
  VNodeBitmap wanted_;
  data::RowCodec rows_;
  std::vector<uint32_t> output_;
  runtime::TimePoint deadline_;
  bool waiting_ = false;
  std::unique_ptr<storage::SnapshotReader> reader_;
  std::unique_ptr<storage::RowIterator> iterator_;
  size_t next_vnode_ = 0;
  uint64_t sent_ = 0;
  uint64_t sent_bytes_ = 0;
  std::optional<runtime::TimePoint> stalled_since_;
  runtime::Timer timer_;
};

ScanServer::ScanServer(runtime::Runtime& runtime, storage::StateStore& store, const stream::VnodeOwnership& ownership)
    : runtime_(runtime), store_(store), ownership_(ownership), loop_(runtime.make_serial("scan", false)) {}

rpc::Service::Accepted ScanServer::open(std::shared_ptr<rpc::Stream> stream) {
  auto scan = std::make_shared<Scan>(*this, std::move(stream));  // shared by the stream's callbacks and the running step
  rpc::StreamEvents events;
  events.on_message = [scan](const rpc::Bytes& bytes) { scan->start(bytes); };
  events.on_closed = [scan](const Status&) { scan->end(); };
  return {loop_.get(), std::move(events)};
}

}  // namespace penstock::compute
