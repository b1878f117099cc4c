#include "compute/vnode_puller.h"

#include <deque>

#include "common/log.h"
#include "proto/compute_service.pb.h"
#include "storage/segment/segment_format.h"
#include "storage/vnode_import.h"

namespace penstock::compute {
namespace {

constexpr uint32_t kTransferWindow = 8;  // frames on their way

}  // namespace

/// One order. Everything but the import itself happens on the puller's loop; what blocks runs on the blocking pool, one step at a time.
class VnodePuller::Pull : public std::enable_shared_from_this<Pull> {
 public:
  Pull(VnodePuller& puller, stream::TransferVnodes order, Done done)
      : puller_(puller), order_(std::move(order)), done_(std::move(done)), began_(puller.runtime_.now()) {}

  void start() { next_part(); }
  void cancel() {
    puller_.loop_->post([self = shared_from_this()] { self->fail(error(Code::Cancelled, "the graph was reset")); });
  }

 private:
  struct Stepped {
    Status status;
    bool last = false;
  };

  [[nodiscard]] const stream::TransferVnodes::Part& part() const { return order_.parts[part_]; }

  void next_part() {
    if (part_ == order_.parts.size()) return finish();
    run([this]() -> Stepped {
      auto begun = storage::VnodeImport::begin(puller_.store_, order_.graph, order_.epoch, part().tables, part().vnodes);
      if (begun.has_error()) return {begun.error()};
      import_ = std::move(begun).value();
      return {ok()};
    });
  }

  /// Work that blocks; only one at a time. What comes of it is handled on the loop.
  void run(absl::AnyInvocable<Stepped()> work) {
    busy_ = true;
    puller_.runtime_.blocking().post([self = shared_from_this(), work = std::move(work)]() mutable {
      Stepped stepped = work();
      self->puller_.loop_->post([self, stepped = std::move(stepped)] { self->on_stepped(stepped); });
    });
  }

  void on_stepped(const Stepped& stepped) {
    busy_ = false;
    if (failed_) return give_up();
    if (stepped.status.has_error()) return fail(stepped.status.error());
    if (!stream_) return connect();
    if (stepped.last) {
      stream_->close(ok());
      stream_.reset();
      ++generation_;
      rows_ += import_->rows();
      stale_rows_ += import_->stale_rows();
      import_.reset();
      ++part_;
      return next_part();
    }
    pb::TransferFrame credit;
    credit.mutable_credit()->set_frames(1);
    stream_->write(credit.SerializeAsString());
    take_frame();
  }

  void connect() {
    rpc::StreamEvents events;
    events.on_message = [self = shared_from_this(), generation = generation_](rpc::Bytes bytes) {
      if (generation != self->generation_ || self->failed_) return;
      self->frames_.push_back(std::move(bytes));
      self->arm();
      if (!self->busy_) self->take_frame();
    };
    events.on_closed = [self = shared_from_this(), generation = generation_](const Status& reason) {
      if (generation != self->generation_) return;
      self->closed_ = true;
      if (reason.has_error()) return self->fail(reason.error());
      if (!self->busy_ && self->frames_.empty()) self->fail(error(Code::Closed, "the old owner sent no end"));
    };
    stream_ = puller_.transport_.connect(part().from, "/penstock.Compute/Transfer", *puller_.loop_, std::move(events));
    closed_ = false;
    pb::TransferFrame frame;
    pb::TransferOpen& open = *frame.mutable_open();
    open.set_graph(order_.graph.graph.value);
    open.set_epoch(order_.epoch.value);
    for (const TableId table : part().tables) open.add_tables(table.value);
    open.set_vnodes(part().vnodes.to_bytes());
    open.set_vnode_count(part().vnodes.size());
    open.set_credits(kTransferWindow);
    stream_->write(frame.SerializeAsString());
    arm();
  }

  void take_frame() {
    if (frames_.empty()) {
      if (closed_) fail(error(Code::Closed, "the old owner sent no end"));
      return;
    }
    rpc::Bytes bytes = std::move(frames_.front());
    frames_.pop_front();
    run([this, bytes = std::move(bytes)]() -> Stepped {
      auto last = write(bytes);
      if (last.has_error()) return {last.error()};
      return {ok(), last.value()};
    });
  }

  // On the blocking pool. True: that was the last frame, and the files are durable.
  Result<bool> write(const rpc::Bytes& bytes) {
    pb::TransferFrame frame;
    if (!frame.ParseFromString(bytes) || !frame.has_rows()) {
      return error(Code::Protocol, "transfer: {} bytes that are no TransferRows", bytes.size());
    }
    pb::TransferRows& rows = *frame.mutable_rows();
    PENSTOCK_TRY(const auto batch, storage::decode_block_rows(std::move(*rows.mutable_rows()), rows.count()));
    PENSTOCK_TRY(import_->add(TableId{rows.table()}, batch));
    if (!rows.last()) return false;
    if (rows.total() != import_->rows()) {
      return error(Code::Protocol, "transfer: {} rows came, the old owner sent {}", import_->rows(), rows.total());
    }
    PENSTOCK_TRY(auto files, import_->finish());
    files_.insert(files_.end(), files.begin(), files.end());
    return true;
  }

  void arm() {
    patience_ = puller_.runtime_.after(kPatience, *puller_.loop_, [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && !self->busy_)
        self->fail(error(Code::Timeout, "no row came for {} s", kPatience.count() / 1'000'000'000));
    });
  }

  void fail(const Error& reason) {
    if (!failed_) failed_ = reason;
    if (!busy_) give_up();
  }
  void give_up() {
    if (!done_) return;
    patience_.cancel();
    if (stream_) stream_->close(*failed_);
    stream_.reset();
    ++generation_;
    import_.reset();
    const std::string from = part_ < order_.parts.size() ? fmt::format(" from node {} ({})", part().from_worker, part().from) : "";
    answer(failed_->with_context(fmt::format("transfer of vnodes{}", from)));
  }
  void finish() {
    patience_.cancel();
    uint64_t bytes = 0;
    for (const storage::SegmentInfo& file : files_) bytes += file.bytes;
    log::info("transfer", "graph {}: {} rows of {} nodes ({} bytes, {} stale rows replaced) in {:.3f} s", order_.graph.graph, rows_,
              order_.parts.size(), bytes, stale_rows_, static_cast<double>((puller_.runtime_.now() - began_).count()) / 1e9);
    answer(std::move(files_));
  }
  void answer(Result<std::vector<storage::SegmentInfo>> result) {
    Done done = std::exchange(done_, nullptr);
    done(std::move(result));
  }

  VnodePuller& puller_;
  const stream::TransferVnodes order_;
  Done done_;
  const runtime::TimePoint began_;

  // Owned by the loop.
  size_t part_ = 0;
  bool busy_ = false;  // a step runs, which has import_ and files_ to itself
  std::optional<Error> failed_;
  std::shared_ptr<rpc::Stream> stream_;  // shared with the transport
  uint64_t generation_ = 0;              // of stream_: events of an earlier one change nothing
  bool closed_ = false;
  std::deque<rpc::Bytes> frames_;  // no more than the window
  std::unique_ptr<storage::VnodeImport> import_;
  std::vector<storage::SegmentInfo> files_;
  uint64_t rows_ = 0;
  uint64_t stale_rows_ = 0;
  runtime::Timer patience_;
};

VnodePuller::VnodePuller(runtime::Runtime& runtime, rpc::Transport& transport, storage::StateStore& store)
    : runtime_(runtime), transport_(transport), store_(store), loop_(runtime.make_serial("vnode-puller", false)) {}

void VnodePuller::pull(stream::TransferVnodes order, Done done) {
  const storage::GraphTerm graph = order.graph;
  auto pull = std::make_shared<Pull>(*this, std::move(order), std::move(done));  // shared by its steps and its stream's callbacks
  {
    MutexLock lock(mutex_);
    std::erase_if(running_[graph], [](const auto& other) { return other.expired(); });
    running_[graph].push_back(pull);
  }
  loop_->post([pull] { pull->start(); });
}

void VnodePuller::cancel(storage::GraphTerm graph) {
  std::vector<std::weak_ptr<Pull>> pulls;
  {
    MutexLock lock(mutex_);
    const auto found = running_.find(graph);
    if (found == running_.end()) return;
    pulls = std::move(found->second);
    running_.erase(found);
  }
  for (const auto& weak : pulls) {
    if (const auto pull = weak.lock()) pull->cancel();
  }
}

}  // namespace penstock::compute
