#include "compute/vnode_puller.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "common/log.h"
#include "proto/compute_service.pb.h"
#include "storage/segment/segment_format.h"
#include "storage/vnode_import.h"

namespace penstock::compute {
namespace {

constexpr uint32_t kTransferWindow = 8;  // frames on their way

}  // namespace

/// One part of an order: the vnodes of one old owner. Everything but the import itself happens on the puller's loop; what blocks runs on
/// the blocking pool, one step at a time. One that is pulled ahead stops when the rows are here, until `go_on` asks for what changed.
class VnodePuller::Pull : public std::enable_shared_from_this<Pull> {
 public:
  Pull(VnodePuller& puller, storage::GraphTerm graph, Epoch epoch, stream::TransferVnodes::Part part, bool ahead, Done done)
      : puller_(puller), graph_(graph), epoch_(epoch), part_(std::move(part)), ahead_(ahead), done_(std::move(done)) {}

  [[nodiscard]] const stream::TransferVnodes::Part& part() const { return part_; }

  // Of the loop, as all that has no other word.
  void start() {
    began_ = puller_.runtime_.now();
    run([this]() -> Stepped {
      auto begun = storage::VnodeImport::begin(puller_.store_, graph_, epoch_, part_.tables, part_.vnodes);
      if (begun.has_error()) return {begun.error()};
      import_ = std::move(begun).value();
      return {ok()};
    });
  }
  /// The rows are here, and so is the old owner.
  [[nodiscard]] bool is_kept() const { return kept_ && !failed_; }
  /// Of one that is kept: what has changed up to `epoch`, then the files.
  void go_on(Epoch epoch, Done done) {
    done_ = std::move(done);
    kept_ = false;
    changes_ = true;
    epoch_ = epoch;
    began_ = puller_.runtime_.now();
    run([this]() -> Stepped {
      auto begun = storage::VnodeImport::begin_changes(puller_.store_, graph_, epoch_, part_.tables, part_.vnodes);
      if (begun.has_error()) return {begun.error()};
      import_ = std::move(begun).value();
      return {ok()};
    });
  }
  /// From any thread.
  void cancel() {
    puller_.loop_->post([self = shared_from_this()] { self->fail(error(Code::Cancelled, "the graph was reset")); });
  }

 private:
  struct Stepped {
    Status status;
    bool last = false;
  };
  static Error unasked() { return error(Code::Protocol, "transfer: the old owner sent a frame that nobody had asked for"); }

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
    if (!asked_) return changes_ ? ask_for_changes() : connect();
    if (stepped.last) return frames_.empty() ? finish() : fail(unasked());
    pb::TransferFrame credit;
    credit.mutable_credit()->set_frames(1);
    stream_->write(credit.SerializeAsString());
    take_frame();
  }

  void connect() {
    rpc::StreamEvents events;
    events.on_message = [self = shared_from_this()](rpc::Bytes bytes) {
      if (!self->stream_ || self->failed_) return;
      if (!self->asked_ || self->frames_.size() == kTransferWindow) return self->fail(unasked());
      self->frames_.push_back(std::move(bytes));
      self->arm();
      if (!self->busy_) self->take_frame();
    };
    events.on_closed = [self = shared_from_this()](const Status& reason) {
      if (!self->stream_) return;
      self->closed_ = true;
      if (reason.has_error()) return self->fail(reason.error());
      if (!self->busy_ && self->frames_.empty()) self->fail(error(Code::Closed, "the old owner sent no end"));
    };
    stream_ = puller_.transport_.connect(part_.from, "/penstock.Compute/Transfer", *puller_.loop_, std::move(events));
    asked_ = true;
    pb::TransferFrame frame;
    pb::TransferOpen& open = *frame.mutable_open();
    open.set_graph(graph_.graph.value);
    open.set_epoch(epoch_.value);
    for (const TableId table : part_.tables) open.add_tables(table.value);
    open.set_vnodes(part_.vnodes.to_bytes());
    open.set_vnode_count(part_.vnodes.size());
    open.set_credits(kTransferWindow);
    open.set_follow(ahead_);
    stream_->write(frame.SerializeAsString());
    arm();
  }

  void ask_for_changes() {
    if (closed_) return fail(error(Code::Closed, "the old owner is gone"));
    asked_ = true;
    pb::TransferFrame frame;
    frame.mutable_changes()->set_epoch(epoch_.value);
    frame.mutable_changes()->set_credits(kTransferWindow);
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
    const uint64_t came = import_->rows() + (changes_ ? import_->stale_rows() : 0);
    if (rows.total() != came) return error(Code::Protocol, "transfer: {} rows came, the old owner sent {}", came, rows.total());
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
    patience_.cancel();
    if (stream_) stream_->close(*failed_);
    stream_.reset();
    import_.reset();
    kept_ = false;
    if (done_) answer(failed_->with_context(fmt::format("transfer of vnodes from node {} ({})", part_.from_worker, part_.from)));
  }
  void finish() {
    patience_.cancel();
    uint64_t bytes = 0;
    for (const storage::SegmentInfo& file : files_) bytes += file.bytes;
    log::info("transfer", "graph {}: {}{} rows and {} deletes from node {} ({} bytes of files) in {:.3f} s", graph_.graph,
              ahead_ && !changes_ ? "ahead, "
              : changes_          ? "since then "
                                  : "",
              import_->rows(), import_->stale_rows(), part_.from_worker, bytes,
              static_cast<double>((puller_.runtime_.now() - began_).count()) / 1e9);
    import_.reset();
    asked_ = false;
    if (ahead_ && !changes_) {
      kept_ = true;
      return answer(std::vector<storage::SegmentInfo>{});
    }
    stream_->close(ok());
    stream_.reset();
    answer(std::move(files_));
  }
  void answer(Result<std::vector<storage::SegmentInfo>> result) {
    Done done = std::exchange(done_, nullptr);
    done(std::move(result));
  }

  VnodePuller& puller_;
  const storage::GraphTerm graph_;
  Epoch epoch_;
  const stream::TransferVnodes::Part part_;
  const bool ahead_;
  Done done_;  // null while it is kept

  // Owned by the loop.
  runtime::TimePoint began_;
  bool asked_ = false;    // the old owner, for the rows, or now for the changes
  bool kept_ = false;     // the rows are here, the changes are not asked for
  bool changes_ = false;  // these are pulled now
  bool busy_ = false;     // a step runs, which has import_ and files_ to itself
  std::optional<Error> failed_;
  std::shared_ptr<rpc::Stream> stream_;  // shared with the transport
  bool closed_ = false;
  std::deque<rpc::Bytes> frames_;  // no more than the window
  std::unique_ptr<storage::VnodeImport> import_;
  std::vector<storage::SegmentInfo> files_;
  runtime::Timer patience_;
};

/// What the parts of an order come to: answered when the last one is. Of the loop.
class VnodePuller::Order {
 public:
  Order(size_t parts, Done done) : missing_(parts), done_(std::move(done)) {}
  void add(Result<std::vector<storage::SegmentInfo>> files) {
    if (files.has_error() && !failed_) failed_ = files.error();
    if (files.has_value()) files_.insert(files_.end(), files.value().begin(), files.value().end());
    if (--missing_ > 0) return;
    if (failed_) return done_(*failed_);
    done_(std::move(files_));
  }

 private:
  size_t missing_;
  Done done_;
  std::optional<Error> failed_;
  std::vector<storage::SegmentInfo> files_;
};

VnodePuller::VnodePuller(runtime::Runtime& runtime, rpc::Transport& transport, storage::StateStore& store)
    : runtime_(runtime), transport_(transport), store_(store), loop_(runtime.make_serial("vnode-puller", false)) {}

void VnodePuller::pull(stream::TransferVnodes order, Done done) {
  loop_->post([this, order = std::move(order), done = std::move(done)]() mutable {
    if (order.parts.empty()) return done(std::vector<storage::SegmentInfo>{});
    if (order.ahead) forget_kept(order.graph);
    const auto whole = std::make_shared<Order>(order.parts.size(), std::move(done));  // shared by its parts
    const auto add = [whole](Result<std::vector<storage::SegmentInfo>> files) { whole->add(std::move(files)); };
    for (stream::TransferVnodes::Part& part : order.parts) {
      if (const auto kept = order.ahead ? nullptr : take_kept(order.graph, part)) {
        finish_kept(*kept, order.graph, order.epoch, add);
      } else {
        begin(order.graph, order.epoch, std::move(part), order.ahead, add);
      }
    }
    if (!order.ahead) forget_kept(order.graph);
  });
}

void VnodePuller::begin(storage::GraphTerm graph, Epoch epoch, stream::TransferVnodes::Part part, bool ahead, Done done) {
  // Shared by its steps and its stream's callbacks.
  auto pull = std::make_shared<Pull>(*this, graph, epoch, std::move(part), ahead, std::move(done));
  {
    MutexLock lock(mutex_);
    std::erase_if(running_[graph], [](const auto& other) { return other.expired(); });
    running_[graph].push_back(pull);
    if (ahead) kept_[graph].push_back(pull);
  }
  pull->start();
}

void VnodePuller::finish_kept(Pull& kept, storage::GraphTerm graph, Epoch epoch, Done done) {
  kept.go_on(epoch,
             [this, graph, epoch, part = kept.part(), done = std::move(done)](Result<std::vector<storage::SegmentInfo>> files) mutable {
               if (files.has_value() || files.error().code() == Code::Cancelled) return done(std::move(files));
               log::info("transfer", "graph {}: all rows are pulled, for what has changed did not come: {}", graph.graph, files.error());
               begin(graph, epoch, std::move(part), false, std::move(done));
             });
}

// It was pulled for another plan.
void VnodePuller::forget_kept(storage::GraphTerm graph) {
  Pulls useless;
  {
    MutexLock lock(mutex_);
    if (auto kept = kept_.extract(graph)) useless = std::move(kept.mapped());
  }
  for (const auto& pull : useless) pull->cancel();
}

std::shared_ptr<VnodePuller::Pull> VnodePuller::take_kept(storage::GraphTerm graph, const stream::TransferVnodes::Part& part) {
  MutexLock lock(mutex_);
  const auto kept = kept_.find(graph);
  if (kept == kept_.end()) return nullptr;
  const auto same = [&](const std::shared_ptr<Pull>& pull) {
    const stream::TransferVnodes::Part& has = pull->part();
    return has.from_worker == part.from_worker && has.from == part.from && has.tables == part.tables && has.vnodes == part.vnodes;
  };
  const auto found = std::ranges::find_if(kept->second, [&](const auto& pull) { return same(pull) && pull->is_kept(); });
  if (found == kept->second.end()) return nullptr;
  auto out = std::move(*found);
  kept->second.erase(found);
  return out;
}

void VnodePuller::cancel(storage::GraphTerm graph) {
  std::vector<std::weak_ptr<Pull>> pulls;
  Pulls kept;
  {
    MutexLock lock(mutex_);
    if (auto found = running_.extract(graph)) pulls = std::move(found.mapped());
    if (auto found = kept_.extract(graph)) kept = std::move(found.mapped());
  }
  for (const auto& weak : pulls) {
    if (const auto pull = weak.lock()) pull->cancel();
  }
}

}  // namespace penstock::compute
