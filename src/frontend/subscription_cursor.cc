#include "frontend/subscription_cursor.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace penstock::frontend {
namespace {

constexpr uint64_t kOneEpoch = 1 << 16;  // there is at most one a millisecond
constexpr uint64_t kFirstWindow = 16'000 * kOneEpoch;
constexpr uint64_t kLongestWindow = uint64_t{1} << 45;  // some days
constexpr size_t kMostChanges = 65'536;                 // that are read at once, unless one epoch has more

std::string_view name_of(data::Op op) {
  switch (op) {
    case data::Op::Insert:
      return "Insert";
    case data::Op::Delete:
      return "Delete";
    case data::Op::UpdateDelete:
      return "UpdateDelete";
    case data::Op::UpdateInsert:
      return "UpdateInsert";
  }
  return "?";
}

data::DataChunk with_marks(const data::DataChunk& rows, std::span<const data::Op> ops, std::span<const Epoch> epochs,
                           std::span<const std::optional<ChangePosition>> positions) {
  data::ColumnBuilder<data::Text> op(data::TypeKind::Varchar, rows.rows());
  data::ColumnBuilder<int64_t> time(data::TypeKind::Int64, rows.rows());
  data::ColumnBuilder<data::Text> place(data::TypeKind::Varchar, rows.rows());
  for (size_t i = 0; i < rows.rows(); ++i) {
    op.append(name_of(ops[i]));
    time.append(unix_millis_of(epochs[i]));
    positions[i] ? place.append(std::string_view(positions[i]->to_string())) : place.append_null();
  }
  std::vector<data::Column> columns = rows.columns();
  columns.push_back(op.finish());
  columns.push_back(time.finish());
  columns.push_back(place.finish());
  return {std::move(columns), rows.rows()};
}

template <typename Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string ChangePosition::to_string() const { return rows ? fmt::format("{}.{}", epoch.value, *rows) : fmt::format("{}", epoch.value); }

Result<ChangePosition> ChangePosition::parse(std::string_view text) {
  ChangePosition out;
  const size_t dot = text.find('.');
  bool fits = parse_number(text.substr(0, dot), out.epoch.value) && out.epoch.value != 0 && out.epoch.value <= INT64_MAX;
  if (fits && dot != std::string_view::npos) fits = parse_number(text.substr(dot + 1), out.rows.emplace());
  if (fits) return out;
  return error(Code::InvalidParameter, "\"{}\" is no position of a subscription", text)
      .with_hint("Give one as the column penstock_position of a row had it.");
}

SubscriptionCursor::SubscriptionCursor(Shape shape, ChangePosition start)
    : shape_(std::move(shape)), position_(start), read_to_(start.epoch), window_(kFirstWindow) {
  if (!start.rows) return;
  read_to_ = Epoch{start.epoch.value - 1};
  skip_ = start;
}

SubscriptionCursor::SubscriptionCursor(Shape shape, Epoch epoch, batch::OperatorPtr snapshot)
    : shape_(std::move(shape)), read_to_(epoch), window_(kFirstWindow), snapshot_(std::move(snapshot)), snapshot_epoch_(epoch) {}

std::vector<data::Field> SubscriptionCursor::fields() const {
  std::vector<data::Field> fields = shape_.fields;
  fields.push_back({"op", data::TypeKind::Varchar});
  fields.push_back({"penstock_timestamp", data::TypeKind::Int64});
  fields.push_back({"penstock_position", data::TypeKind::Varchar});
  return fields;
}

Status SubscriptionCursor::check_kept(Epoch since, std::chrono::milliseconds retention, Epoch committed) const {
  if (snapshot_ || held_ || ready_.left() > 0 || read_to_ >= committed) return ok();
  const std::string at = position_ ? position_->to_string() : ChangePosition{read_to_, {}}.to_string();
  if (read_to_ < since) {
    return error(Code::SnapshotTooOld, "changes behind position {} are not kept: the subscription has them since {}", at, since)
        .with_detail("It was created, or what it reads began anew from nothing, after that position.")
        .with_hint("DECLARE a cursor FULL: it begins with the rows there are.");
  }
  const uint64_t kept = static_cast<uint64_t>(retention.count()) << 16;
  if (read_to_.value + 1 + kept >= committed.value) return ok();
  return error(Code::SnapshotTooOld, "changes behind position {} are older than the retention of the subscription, {} s, and may be gone",
               at, std::chrono::duration_cast<std::chrono::seconds>(retention).count())
      .with_hint("DECLARE a cursor FULL: it begins with the rows there are. A longer retention leaves a reader more time.");
}

Result<data::DataChunk> SubscriptionCursor::next(size_t most, Epoch committed, ChangeSource& source) {
  most = std::min(most, data::kChunkRows);
  if (snapshot_failed_) return *snapshot_failed_;
  if (snapshot_) {
    auto rows = next_of_snapshot(most);
    if (rows.has_error()) snapshot_failed_ = rows.error();
    if (rows.has_error() || rows.value().rows() > 0) return rows;
  }
  while (ready_.left() == 0 && read_to_ < committed) {
    PENSTOCK_TRY(read_changes(committed, source));
  }
  if (ready_.left() > 0) return give(most);
  return data::DataChunk();
}

// ---- the rows there are -----------------------------------------------------------------------------------------------------------------

Status SubscriptionCursor::read_snapshot() {
  PENSTOCK_TRY(auto chunk, snapshot_->next());
  if (!chunk) {
    snapshot_.reset();
    position_ = ChangePosition{snapshot_epoch_, std::nullopt};
    return ok();
  }
  if (!held_) {
    held_ = std::move(*chunk);
    return ok();
  }
  const std::vector<data::DataChunk> both{*held_, *chunk};
  std::vector<data::DataType> types;
  for (const data::Field& field : shape_.fields) types.push_back(field.type);
  held_ = batch::concat_chunks(both, types);
  return ok();
}

Status SubscriptionCursor::begin_snapshot() { return read_snapshot(); }

Result<data::DataChunk> SubscriptionCursor::next_of_snapshot(size_t most) {
  while (snapshot_ && (!held_ || held_->rows() < 2)) {
    PENSTOCK_TRY(read_snapshot());
  }
  if (!held_ || held_->rows() == 0) return data::DataChunk();
  const size_t count = std::min(most, held_->rows() - (snapshot_ ? 1 : 0));
  const data::DataChunk rows = held_->slice(0, count);
  const bool all = count == held_->rows();
  all ? held_.reset() : (void)(held_ = held_->slice(count, held_->rows() - count));
  std::vector<std::optional<ChangePosition>> positions(count);
  if (all) positions.back() = ChangePosition{snapshot_epoch_, std::nullopt};
  return with_marks(rows, std::vector(count, data::Op::Insert), std::vector(count, snapshot_epoch_), positions);
}

// ---- changes ----------------------------------------------------------------------------------------------------------------------------

// As many epochs at once as have not too many changes.
Status SubscriptionCursor::read_changes(Epoch committed, ChangeSource& source) {
  for (;;) {
    const Epoch until{std::min(committed.value, read_to_.value + window_)};
    const bool one = window_ <= kOneEpoch;
    PENSTOCK_TRY(const auto logged, source.changes(read_to_, until, committed, one ? SIZE_MAX : kMostChanges));
    if (!logged) {
      window_ = std::max(kOneEpoch, std::min(window_, committed.value - read_to_.value) / 2);
      continue;
    }
    take_in(*logged);
    read_to_ = until;
    window_ = std::min(kLongestWindow, window_ * 2);
    if (ready_.left() == 0) position_ = ChangePosition{until, std::nullopt};
    return ok();
  }
}

void SubscriptionCursor::take_in(const LoggedChanges& logged) {
  const size_t rows = logged.rows.rows();
  ready_ = {};
  if (rows == 0) return;
  const auto epoch_of = [&](uint32_t i) { return Epoch{static_cast<uint64_t>(logged.rows.column(0).value<int64_t>(i))}; };
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {},
                    [&](uint32_t i) { return std::tuple(epoch_of(i), logged.vnodes[i], logged.rows.column(1).value<int64_t>(i)); });
  std::vector<uint32_t> kept;
  ChangePosition at{Epoch{0}, 0};
  for (const uint32_t i : order) {
    const Epoch epoch = epoch_of(i);
    at = {epoch, epoch == at.epoch ? *at.rows + 1 : 1};
    if (skip_ && skip_->epoch == epoch && *at.rows <= *skip_->rows) continue;
    kept.push_back(i);
    ready_.ops.push_back(static_cast<data::Op>(logged.rows.column(2).value<int16_t>(i)));
    ready_.positions.push_back(at);
  }
  std::vector<uint32_t> shown;
  for (const uint32_t column : shape_.columns) shown.push_back(column + 3);
  ready_.rows = logged.rows.project(shown).gather(kept);
}

data::DataChunk SubscriptionCursor::give(size_t most) {
  const size_t count = std::min(most, ready_.left());
  const std::span<const data::Op> ops(ready_.ops.data() + ready_.next, count);
  std::vector<Epoch> epochs;
  std::vector<std::optional<ChangePosition>> positions;
  for (size_t i = ready_.next; i < ready_.next + count; ++i) {
    epochs.push_back(ready_.positions[i].epoch);
    positions.emplace_back(ready_.positions[i]);
  }
  const data::DataChunk rows = with_marks(ready_.rows.slice(ready_.next, count), ops, epochs, positions);
  ready_.next += count;
  position_ = ready_.left() == 0 ? ChangePosition{read_to_, std::nullopt} : *positions.back();
  return rows;
}

}  // namespace penstock::frontend
