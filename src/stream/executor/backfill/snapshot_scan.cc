#include "stream/executor/backfill/snapshot_scan.h"

#include "data/key_codec.h"
#include "stream/executor/chunk_rows.h"
#include "stream/executor/mutation.h"

namespace penstock::stream {

using data::StreamChunk;

namespace {

constexpr uint32_t kNotOurs = UINT32_MAX;
constexpr size_t kRowsBetweenLooks = 256;  // at the clock
// A table that keeps changing is read once a barrier: a second's worth at a time.
constexpr uint64_t kLimitSlices = 10;

std::string vnode_bytes(uint32_t vnode) { return {static_cast<char>(vnode >> 8 & 0xff), static_cast<char>(vnode & 0xff)}; }

std::vector<data::DataType> pk_types(const storage::TableSchema& schema) {
  std::vector<data::DataType> types;
  for (const uint32_t column : schema.pk) types.push_back(schema.types[column]);
  return types;
}

}  // namespace

/// The rows of one batch while they are read.
class SnapshotScan::Batch {
 public:
  Batch(const SnapshotScan& scan, std::deque<Read>& to) : scan_(scan), to_(to), end_(scan.runtime_.now() + scan.batch_time_) {
    start_chunk();
  }

  [[nodiscard]] bool full() const {
    if (rows_ >= scan_.allowed_) return true;
    return rows_ % kRowsBetweenLooks == 0 && rows_ > 0 && scan_.runtime_.now() >= end_;
  }
  [[nodiscard]] bool chunk_full() const { return chunk_rows_ >= scan_.chunk_rows_; }
  Status add(std::string_view value) {
    PENSTOCK_TRY(scan_.rows_of_upstream_.decode_into(value, builders_));
    ++rows_;
    ++chunk_rows_;
    return ok();
  }
  /// Everything added so far stands for the vnode being here. Once a chunk at least, as its last row's vnode.
  void reach(size_t place, ScanPosition position) { then_.emplace_back(place, std::move(position)); }
  void finish_chunk() {
    if (chunk_rows_ == 0 && then_.empty()) return;
    Read& read = to_.emplace_back();
    read.then = std::move(then_);
    then_.clear();
    if (chunk_rows_ == 0) return;
    std::vector<data::Column> columns;
    for (data::AnyColumnBuilder& builder : builders_) columns.push_back(builder.finish());
    read.chunk.emplace(data::DataChunk(std::move(columns), chunk_rows_).project(scan_.output_));
    start_chunk();
  }

 private:
  void start_chunk() {
    builders_.clear();
    for (const data::DataType type : scan_.upstream_.types) builders_.emplace_back(type, scan_.chunk_rows_);
    chunk_rows_ = 0;
  }

  const SnapshotScan& scan_;
  std::deque<Read>& to_;
  const runtime::TimePoint end_;
  std::vector<data::AnyColumnBuilder> builders_;
  std::vector<std::pair<size_t, ScanPosition>> then_;
  size_t chunk_rows_ = 0;
  size_t rows_ = 0;
};

SnapshotScan::SnapshotScan(StreamScanOptions options, const ActorContext& context)
    : upstream_(std::move(options.upstream)),
      rows_of_upstream_(upstream_.types, upstream_.added),
      output_(std::move(options.output)),
      batch_rows_(options.batch_rows),
      batch_time_(options.batch_time),
      actor_(context.actor),
      fragment_(context.fragment),
      graph_(context.graph.graph),
      store_(context.store),
      runtime_(context.runtime),
      reports_(context.reports),
      progress_(std::move(options.progress)),
      position_of_(std::max(context.vnodes.size(), 1U), kNotOurs),
      paused_(context.paused),
      waits_(context.backfill_waits),
      limit_(options.rate_limit, kLimitSlices),
      pace_(context.pace),
      wake_(context.wake) {
  tables_.add(progress_);
  const auto vnodes = upstream_.dist_key.empty() ? std::vector<VNode>{0} : context.vnodes.list();
  for (const VNode vnode : vnodes) {
    position_of_[vnode] = static_cast<uint32_t>(positions_.size());
    positions_.emplace_back().vnode = vnode;
  }
}

// ---- barriers

Result<Step> SnapshotScan::on_barrier(const Barrier& barrier) {
  sealed_ = barrier.epoch.prev;
  sizer_.gone_out(runtime_.now());
  if (!loaded_) {
    phase_ = Phase::Load;
    if (progress_.may_block()) return Step::NeedState;
    PENSTOCK_TRY(load());
    note_loaded();
    return Step::Done;
  }
  save();
  report(barrier.epoch.prev);
  PENSTOCK_TRY(tables_.commit(barrier));
  return Step::Done;
}

Result<Step> SnapshotScan::after_barrier(const Barrier& barrier) {
  PENSTOCK_TRY(tables_.post_yield());
  still_ = false;
  if (const auto paused = paused_by(barrier, actor_)) paused_ = *paused;
  if (const auto rate = backfill_rate_by(barrier, actor_)) limit_.set_rate(*rate);
  if (starts_backfill(barrier, fragment_)) waits_ = false;
  share_until_ = runtime_.now() + kShare * chunk_time();
  if (!finished() && !waits_ && wake_) wake_();  // there may be more once the share is over
  if (!read_.empty() && !paused_) return Step::MoreOutput;
  return begin_batch() ? Step::NeedState : Step::Done;
}

Generator::Poll SnapshotScan::poll(Output& out) {
  using Poll = Generator::Poll;
  if (!read_.empty() && !paused_) {
    give_next(out);
    if (!out.empty()) return Poll{};
  }
  if (begin_batch()) return Poll{Step::NeedState, std::nullopt};
  const bool wants_more = loaded_ && !still_ && !finished() && !paused_ && !waits_;
  return wants_more ? Poll{Step::Done, limit_.wait()} : Poll{};
}

bool SnapshotScan::begin_batch() {
  if (!loaded_ || still_ || finished() || paused_ || waits_) return false;
  chunk_rows_ = sizer_.next(runtime_.now(), chunk_time());
  const bool paced = chunk_time() > runtime::Duration::zero();
  allowed_ = limit_.available(runtime_.now(), paced ? std::min(batch_rows_, chunk_rows_ * kChunksOfBatch) : batch_rows_);
  if (allowed_ == 0) return false;
  phase_ = Phase::Read;
  return true;
}

Operator::StateRead SnapshotScan::take_state_read() {
  if (phase_ == Phase::Load) return [this] { return load(); };
  return [this] { return in_context(read_batch(), fmt::format("backfill from {}", upstream_.name)); };
}

void SnapshotScan::note_loaded() {
  phase_ = Phase::Idle;
  loaded_ = true;
  report(sealed_);  // the first barrier's prev
}

Result<Step> SnapshotScan::resume(Output& out) {
  if (phase_ == Phase::Load) {
    note_loaded();
    return Step::Done;
  }
  phase_ = Phase::Idle;
  give_next(out);
  if (chunk_time() == runtime::Duration::zero()) return read_.empty() ? Step::Done : Step::MoreOutput;
  if (runtime_.now() >= share_until_) return Step::Done;
  if (!read_.empty()) return Step::MoreOutput;
  return begin_batch() ? Step::NeedState : Step::Done;
}

void SnapshotScan::give_next(Output& out) {
  const runtime::TimePoint now = runtime_.now();
  sizer_.gone_out(now);
  while (!read_.empty()) {
    Read read = std::move(read_.front());
    read_.pop_front();
    for (auto& [place, position] : read.then) {
      positions_[place] = std::move(position);
      positions_[place].dirty = true;
      if (positions_[place].finished) current_ = place + 1;
    }
    if (!read.chunk) continue;
    limit_.take(read.chunk->rows());
    sizer_.emitted(now, read.chunk->rows());
    out.push_back(*std::move(read.chunk));
    return;
  }
}

// What was read and not given out is read again, as of a later epoch.
void SnapshotScan::drop_rest() {
  read_.clear();
  sizer_.gone_out(runtime_.now());
}

void SnapshotScan::report(Epoch prev) {
  if (told_done_) return;
  uint64_t rows = 0;
  for (const ScanPosition& position : positions_) rows += position.rows;
  told_done_ = finished();
  reports_.report_create_progress(prev, {actor_, told_done_, rows});
}

// ---- reading

Status SnapshotScan::read_batch() {
  auto reader = store_.read_sealed(graph_, upstream_.id, sealed_);
  if (reader.has_error() && reader.error().code() == Code::SnapshotTooOld) {
    still_ = true;  // this actor lags far behind; the next barrier names a newer epoch
    return ok();
  }
  if (reader.has_error()) return reader.error();
  Batch batch(*this, read_);
  for (size_t place = current_; place < positions_.size() && !batch.full();) {
    ScanPosition position = positions_[place];
    PENSTOCK_TRY(read_vnode(*reader.value(), position, place, batch));
    if (!position.finished) break;
    ++place;
  }
  batch.finish_chunk();
  return ok();
}

/// Leaves `position` where the batch has brought it: at the vnode's end, unless the batch is full.
Status SnapshotScan::read_vnode(storage::SnapshotReader& reader, ScanPosition& position, size_t place, Batch& batch) const {
  storage::Range range{vnode_bytes(position.vnode), vnode_bytes(position.vnode + 1U)};
  if (position.key) range.begin += *position.key + '\0';  // the least key above it
  PENSTOCK_TRY(auto rows, reader.scan(range));
  std::string last_key, last_value;
  bool further = false;  // than was noted
  const auto note = [&]() -> Status {
    if (!std::exchange(further, false)) return ok();
    if (!last_key.empty()) {
      PENSTOCK_TRY(const auto row, rows_of_upstream_.decode(last_value));
      position.key = last_key.substr(2);
      position.pk.clear();
      for (const uint32_t column : upstream_.pk) position.pk.push_back(row[column]);
    }
    batch.reach(place, position);
    return ok();
  };
  while (!batch.full()) {
    PENSTOCK_TRY(const bool more, rows->next());
    further = true;
    if (!more) {
      position.finished = true;
      break;
    }
    PENSTOCK_TRY(batch.add(rows->value()));
    last_key = rows->key();
    last_value = rows->value();
    ++position.rows;
    if (!batch.chunk_full()) continue;
    PENSTOCK_TRY(note());
    batch.finish_chunk();
  }
  return note();
}

// ---- changes

Result<Step> SnapshotScan::on_chunk(StreamChunk chunk, Output& out) {
  still_ = true;
  drop_rest();
  if (finished()) {
    out.push_back(chunk.project(output_));
    return Step::Done;
  }
  if (waits_ && has_read_nothing()) return Step::Done;
  PENSTOCK_TRY(auto pass, passed_rows(chunk));
  if (auto kept = keep_rows(chunk.project(output_), std::move(pass))) out.push_back(std::move(*kept));
  return Step::Done;
}

Result<data::Bitmap> SnapshotScan::passed_rows(const StreamChunk& chunk) const {
  data::Bitmap pass(chunk.rows(), false);
  const auto vnodes = data::vnodes_of(chunk.data(), upstream_.dist_key, upstream_.vnode_count);
  std::vector<uint32_t> half_read;  // rows of vnodes that have been read in part
  for (uint32_t row = 0; row < chunk.rows(); ++row) {
    if (!chunk.is_visible(row)) continue;
    const uint32_t place = vnodes[row] < position_of_.size() ? position_of_[vnodes[row]] : kNotOurs;
    if (place == kNotOurs)
      return error(Code::Internal, "backfill from {}: a row of vnode {} came, which is not this actor's", upstream_.name, vnodes[row]);
    const ScanPosition& position = positions_[place];
    if (position.finished) {
      pass.set(row, true);
    } else if (position.started()) {
      half_read.push_back(row);
    }
  }
  std::vector<std::string> keys(half_read.size());
  data::encode_keys(chunk.data(), half_read, upstream_.pk, upstream_.orders, keys);
  for (size_t i = 0; i < half_read.size(); ++i) {
    if (positions_[position_of_[vnodes[half_read[i]]]].covers(keys[i])) pass.set(half_read[i], true);
  }
  return pass;
}

// ---- progress

std::string SnapshotScan::progress_key(VNode vnode) const {
  std::string key = vnode_bytes(vnode);
  data::encode_key(data::Row{static_cast<int32_t>(vnode)}, std::span(progress_.schema().types).first(1), progress_.schema().orders, key);
  return key;
}

Status SnapshotScan::load() {
  std::vector<std::string> keys;
  for (const ScanPosition& position : positions_) keys.push_back(progress_key(position.vnode));
  PENSTOCK_TRY(const auto values, progress_.multi_get(keys));
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i]) {
      PENSTOCK_TRY(load_position(positions_[i], *values[i]));
    }
  }
  while (!finished() && positions_[current_].finished) ++current_;
  return ok();
}

Status SnapshotScan::load_position(ScanPosition& position, std::string_view value) {
  PENSTOCK_TRY(const auto row, progress_.decode(value));
  const size_t pk_width = upstream_.pk.size();
  const auto* const finished = std::get_if<bool>(&row[pk_width + 1]);
  const auto* const rows = std::get_if<int64_t>(&row[pk_width + 2]);
  if (finished == nullptr || rows == nullptr)
    return error(Code::Corruption, "progress of vnode {} of {} is NULL", position.vnode, upstream_.name);
  position.finished = *finished;
  position.rows = static_cast<uint64_t>(*rows);
  if (position.rows == 0) return ok();
  position.pk.assign(row.begin() + 1, row.begin() + 1 + static_cast<ptrdiff_t>(pk_width));
  data::encode_key(position.pk, pk_types(upstream_), upstream_.orders, position.key.emplace());
  return ok();
}

void SnapshotScan::save() {
  for (ScanPosition& position : positions_) {
    if (!position.dirty) continue;
    position.dirty = false;
    data::Row row{static_cast<int32_t>(position.vnode)};
    for (size_t i = 0; i < upstream_.pk.size(); ++i) row.push_back(position.rows == 0 ? data::Datum{} : position.pk[i]);
    row.emplace_back(position.finished);
    row.emplace_back(static_cast<int64_t>(position.rows));
    std::string value;
    data::encode_value(row, progress_.schema().types, value);
    progress_.put_encoded(progress_key(position.vnode), value);
  }
}

}  // namespace penstock::stream
