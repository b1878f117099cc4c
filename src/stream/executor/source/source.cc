#include "stream/executor/source/source.h"

#include <algorithm>

#include "common/check.h"

namespace penstock::stream {

using connector::SplitReader;
using data::Column;
using data::DataChunk;

namespace {
// How soon a split that has nothing new is asked again.
constexpr runtime::Duration kIdleWait = std::chrono::milliseconds(100);
constexpr uint32_t kRowBits = 40;
}  // namespace

SourceOperator::SourceOperator(Options options, const ActorContext& context, SplitReaderFactory open)
    : options_(std::move(options)),
      actor_(context.actor),
      open_(std::move(open)),
      runtime_(context.runtime),
      reports_(context.reports),
      to_open_(context.splits),
      paused_(context.paused),
      flow_(context.pace),
      limit_(options_.rate_limit),
      pace_(0) {}

Status SourceOperator::init(EpochPair /*first*/) { return assign(std::move(to_open_)); }

Result<Step> SourceOperator::on_chunk(size_t /*port*/, data::StreamChunk /*chunk*/, Output& /*out*/) {
  PENSTOCK_CHECK(false, "a source has no input");
}

Result<Generator::Poll> SourceOperator::poll(Output& out) {
  if (paused_) return Poll{};
  return read_some(out);
}

Result<Step> SourceOperator::resume(Output& out) {
  PENSTOCK_TRY(const Poll poll, read_some(out));
  return poll.step;
}

// Asks the splits in turn until one gives rows or needs a read. The one that needs a read keeps the turn.
Result<Generator::Poll> SourceOperator::read_some(Output& out) {
  const auto now = runtime_.now();
  const uint64_t wanted = sizer_.next(now, flow_ ? flow_->chunk_time() : runtime::Duration::zero());
  const uint64_t paced = pace_.available(now, wanted);
  const uint64_t budget = limit_.available(now, paced);
  if (budget == 0) return Poll{Step::Done, paced == 0 ? pace_.wait() : limit_.wait()};
  bool idle = false;
  for (size_t tried = 0; tried < splits_.size(); ++tried) {
    turn_ %= splits_.size();
    Split& split = splits_[turn_];
    if (split.reader == nullptr) {
      ++turn_;
      continue;
    }
    DataChunk rows;
    const uint64_t first_row = split.reader->position().rows;
    const auto next = split.reader->next(budget, rows);
    if (next.has_error()) return next.error().with_context(place(split));
    const auto state = next.value();
    const bool some = rows.rows() > 0;
    if (some) emit(split, std::move(rows), first_row, out);
    if (some) {
      pace_.take(out.back().rows());
      limit_.take(out.back().rows());
      sizer_.emitted(now, out.back().rows());
    }
    if (state == SplitReader::State::NeedRead) return Poll{Step::NeedState, std::nullopt};
    if (state == SplitReader::State::Finished) finish(split);
    idle |= state == SplitReader::State::Idle;
    ++turn_;
    if (some || state == SplitReader::State::Rows) return Poll{Step::Done, runtime::Duration::zero()};
  }
  return idle ? Poll{Step::Done, kIdleWait} : Poll{};
}

Operator::StateRead SourceOperator::take_state_read() {
  return [&split = splits_[turn_], where = place(splits_[turn_])] { return in_context(split.reader->read_blocking(), where); };
}

void SourceOperator::emit(Split& split, DataChunk rows, uint64_t first_row, Output& out) const {
  if (!options_.with_row_id) {
    out.emplace_back(std::move(rows));
    return;
  }
  data::ColumnBuilder<int64_t> ids(data::TypeKind::Int64, rows.rows());
  const auto base = static_cast<int64_t>(static_cast<uint64_t>(split.state.number) << kRowBits | first_row);
  for (size_t i = 0; i < rows.rows(); ++i) ids.append(base + static_cast<int64_t>(i));
  std::vector<Column> columns = rows.columns();
  columns.push_back(ids.finish());
  out.emplace_back(DataChunk(std::move(columns), rows.rows()));
}

Result<Step> SourceOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  sizer_.gone_out(runtime_.now());
  if (barrier.kind == BarrierKind::Checkpoint) reports_.report_source(barrier.epoch.prev, report());
  return Step::Done;
}

Result<Step> SourceOperator::after_barrier(const Barrier& barrier, Output& /*out*/) {
  SourceMutation mutation = source_mutation(barrier, actor_);
  if (const auto paused = paused_by(barrier, actor_)) paused_ = *paused;
  if (mutation.rate_limit) limit_.set_rate(*mutation.rate_limit);
  if (auto properties = connector_props_by(barrier, options_.source)) {
    PENSTOCK_TRY(change(std::move(*properties)));
  }
  if (mutation.splits) {
    PENSTOCK_TRY(assign(std::move(*mutation.splits)));
  }
  return Step::Done;
}

Status SourceOperator::assign(std::vector<SplitState> splits) {
  std::vector<Split> assigned;
  for (SplitState& wanted : splits) {
    const auto had = std::ranges::find(splits_, wanted.id, [](const Split& split) { return split.state.id; });
    if (had != splits_.end()) {
      assigned.push_back(std::move(*had));
      splits_.erase(had);
    } else {
      PENSTOCK_TRY(auto split, open(std::move(wanted)));
      assigned.push_back(std::move(split));
    }
  }
  for (Split& gone : splits_) forget(gone);
  splits_ = std::move(assigned);
  turn_ = 0;
  keep_own_pace();
  return ok();
}

void SourceOperator::keep_own_pace() {
  pace_.set_rate(options_.own_rate == 0 ? 0 : std::max<uint64_t>(options_.own_rate * splits_.size() / options_.own_splits, 1));
}

Status SourceOperator::change(std::map<std::string, std::string> properties) {
  options_.spec.properties = std::move(properties);
  options_.own_rate = connector::own_rate(options_.spec);
  for (Split& split : splits_) {
    if (split.reader == nullptr) continue;
    forget(split);
    PENSTOCK_TRY(split, open(std::move(split.state)));
  }
  keep_own_pace();
  return ok();
}

Result<SourceOperator::Split> SourceOperator::open(SplitState state) {
  Split split{std::move(state), nullptr};
  if (split.state.finished) return split;
  const connector::SplitPosition position{split.state.id, split.state.offset, split.state.identity, split.state.rows, false};
  PENSTOCK_TRY(split.reader, in_context(open_(options_.spec, position, options_.output), place(split)));
  return split;
}

// The reader goes, what it had to tell stays.
void SourceOperator::forget(Split& split) {
  if (split.reader == nullptr) return;
  split.state = state_of(split);
  skipped_before_ += split.reader->skipped();
  if (!split.reader->last_error().empty()) last_error_ = split.reader->last_error();
  split.reader = nullptr;
}

void SourceOperator::finish(Split& split) {
  forget(split);
  split.state.finished = true;
}

SplitState SourceOperator::state_of(const Split& split) {
  if (split.reader == nullptr) return split.state;
  connector::SplitPosition at = split.reader->position();
  return {std::move(at.id), split.state.number, std::move(at.offset), at.finished, at.rows, std::move(at.identity)};
}

SourceReport SourceOperator::report() const {
  SourceReport report{actor_, options_.source, {}, skipped_before_, last_error_};
  for (const Split& split : splits_) {
    report.splits.push_back(state_of(split));
    if (split.reader == nullptr) continue;
    report.skipped_rows += split.reader->skipped();
    if (!split.reader->last_error().empty()) report.last_error = split.reader->last_error();
  }
  return report;
}

std::string SourceOperator::place(const Split& split) const {
  return fmt::format("source {}, split {}", options_.spec.name, split.state.id);
}

}  // namespace penstock::stream
