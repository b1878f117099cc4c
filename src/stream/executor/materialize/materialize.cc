#include "stream/executor/materialize/materialize.h"

#include <algorithm>
#include <array>

namespace penstock::stream {

using data::Column;
using data::DataChunk;
using data::StreamChunk;

Status MaterializeOperator::init(EpochPair first) {
  PENSTOCK_TRY(tables_.init(first));
  return log_.init(first);
}

Result<Step> MaterializeOperator::on_chunk(size_t /*port*/, StreamChunk chunk, Output& out) {
  table_.write_chunk(chunk);
  log_.write(chunk);
  out.push_back(std::move(chunk));
  return Step::Done;
}

Result<Step> MaterializeOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  PENSTOCK_TRY(tables_.commit(barrier));
  PENSTOCK_TRY(log_.commit(barrier));
  return Step::Done;
}

Result<Step> MaterializeOperator::after_barrier(const Barrier& barrier, Output& /*out*/) {
  PENSTOCK_TRY(tables_.post_yield());
  return log_.after_barrier(barrier);
}

Result<Step> MaterializeOperator::resume(Output& /*out*/) {
  PENSTOCK_TRY(log_.resume());
  return Step::Done;
}

Status MaterializeOperator::skip(EpochPair skipped) {
  PENSTOCK_TRY(tables_.skip(skipped));
  return log_.skip(skipped);
}

MaterializeByKeyOperator::MaterializeByKeyOperator(storage::StateTable table, Conflict conflict, const ActorContext& context)
    : conflict_(conflict),
      codec_(table.schema().types),
      rows_{std::vector<uint32_t>(table.schema().pk), std::move(table), codec_.size(), codec_},
      log_(rows_.table(), context),
      memory_(context.memory) {
  tables_.add(rows_.table());
}

Result<Step> MaterializeByKeyOperator::on_chunk(size_t /*port*/, StreamChunk chunk, Output& out) {
  chunk_ = std::move(chunk);
  visible_rows(chunk_, visible_);
  rows_.resolve(chunk_.data().project(rows_.table().schema().pk), visible_, ids_);
  if (rows_.wants_read()) {
    if (rows_.may_block()) return Step::NeedState;
    PENSTOCK_TRY(rows_.read());
  }
  return resume(out);
}

Status MaterializeByKeyOperator::init(EpochPair first) {
  PENSTOCK_TRY(tables_.init(first));
  return log_.init(first);
}

Status MaterializeByKeyOperator::skip(EpochPair skipped) {
  PENSTOCK_TRY(tables_.skip(skipped));
  return log_.skip(skipped);
}

Operator::StateRead MaterializeByKeyOperator::take_state_read() {
  if (log_.deleting()) return log_.take_state_read();
  return [this] { return rows_.read(); };
}

Result<Step> MaterializeByKeyOperator::resume(Output& out) {
  if (log_.deleting()) {
    PENSTOCK_TRY(log_.resume());
    return Step::Done;
  }
  PENSTOCK_TRY(rows_.install());
  give_places();
  Emission emission = replay();
  const DataChunk versions = all_versions();
  drop_same(emission, versions);
  keep_last(versions);
  if (!emission.ops.empty()) {
    const bool insert_only = std::ranges::all_of(emission.ops, [](Op op) { return op == Op::Insert; });
    out.emplace_back(versions.gather(emission.rows),
                     insert_only ? nullptr : std::make_shared<const std::vector<Op>>(std::move(emission.ops)));
    log_.write(out.back());
  }
  chunk_ = {};
  settle_memory();
  return Step::Done;
}

// Each different key gets a place, from 0 in order of appearance.
void MaterializeByKeyOperator::give_places() {
  places_.clear();
  for (const uint32_t id : ids_) {
    const uint32_t place = StoredRows::place(rows_.payload(id));
    if (place < places_.size() && places_[place] == id) continue;  // what an earlier chunk left there is some other key's
    StoredRows::place(rows_.payload(id)) = static_cast<uint32_t>(places_.size());
    places_.push_back(id);
  }
}

MaterializeByKeyOperator::Emission MaterializeByKeyOperator::replay() {
  Emission out;
  now_.resize(places_.size());
  for (size_t place = 0; place < places_.size(); ++place) {
    now_[place] = (rows_.flags(places_[place]) & KeyedState::kStored) != 0 ? static_cast<Version>(place) : kNoRow;
  }
  const auto version_of = [&](size_t i) { return static_cast<Version>(places_.size() + visible_[i]); };
  for (size_t i = 0; i < visible_.size(); ++i) {
    Version& now = now_[StoredRows::place(rows_.payload(ids_[i]))];
    const Op op = chunk_.op(visible_[i]);
    const bool update = is_update_of_key(i);
    if (update) ++i;  // both halves at once
    if (!update && !data::is_insert(op)) {
      if (now != kNoRow) out.add(Op::Delete, now);
      now = kNoRow;
    } else if (now == kNoRow) {
      out.add(Op::Insert, version_of(i));
      now = version_of(i);
    } else if (update || conflict_ == Conflict::Overwrite) {
      out.add(Op::UpdateDelete, now);
      out.add(Op::UpdateInsert, version_of(i));
      now = version_of(i);
    }
  }
  return out;
}

bool MaterializeByKeyOperator::is_update_of_key(size_t i) const {
  return chunk_.op(visible_[i]) == Op::UpdateDelete && i + 1 < visible_.size() && chunk_.op(visible_[i + 1]) == Op::UpdateInsert &&
         ids_[i] == ids_[i + 1];
}

DataChunk MaterializeByKeyOperator::all_versions() const {
  std::vector<const std::byte*> stored(places_.size(), nullptr);
  for (size_t place = 0; place < places_.size(); ++place) {
    if ((rows_.flags(places_[place]) & KeyedState::kStored) != 0) stored[place] = rows_.payload(places_[place]);
  }
  std::vector<Column> columns = codec_.columns(stored);
  for (size_t c = 0; c < columns.size(); ++c) {
    const std::array<Column, 2> both{columns[c], chunk_.column(c).with_type(columns[c].type())};
    columns[c] = data::concat(both);
  }
  return {std::move(columns), places_.size() + chunk_.rows()};
}

void MaterializeByKeyOperator::drop_same(Emission& emission, const DataChunk& versions) const {
  std::vector<uint32_t> before, after;
  std::vector<size_t> where;
  for (size_t i = 0; i < emission.ops.size(); ++i) {
    if (emission.ops[i] != Op::UpdateDelete) continue;
    before.push_back(emission.rows[i]);
    after.push_back(emission.rows[i + 1]);
    where.push_back(i);
  }
  if (where.empty()) return;
  std::vector<uint8_t> different(where.size(), 0);
  for (const Column& column : versions.columns()) mark_different(column, before, column, after, different);
  std::vector<uint8_t> keep(emission.ops.size(), 1);
  for (size_t i = 0; i < where.size(); ++i) keep[where[i]] = keep[where[i] + 1] = different[i];
  Emission kept;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (keep[i] != 0) kept.add(emission.ops[i], emission.rows[i]);
  }
  emission = std::move(kept);
}

// What each key has come to, into the table and into memory.
void MaterializeByKeyOperator::keep_last(const DataChunk& versions) {
  Emission written;
  std::vector<uint32_t> stored;
  std::vector<std::byte*> payloads;
  for (size_t place = 0; place < places_.size(); ++place) {
    const uint32_t id = places_[place];
    const bool had = (rows_.flags(id) & KeyedState::kStored) != 0;
    const Version now = now_[place];
    if (had ? now == place : now == kNoRow) continue;
    if (now == kNoRow) {
      written.add(Op::Delete, static_cast<Version>(place));
      codec_.destroy(rows_.payload(id));
      rows_.flags(id) &= ~static_cast<uint32_t>(KeyedState::kStored);
    } else {
      written.add(Op::Insert, now);
      stored.push_back(now);
      payloads.push_back(rows_.payload(id));
      rows_.flags(id) |= KeyedState::kStored;
    }
  }
  if (written.ops.empty()) return;
  codec_.store(versions, stored, payloads);
  rows_.table().write_chunk({versions.gather(written.rows), std::make_shared<const std::vector<Op>>(std::move(written.ops))});
}

Result<Step> MaterializeByKeyOperator::on_barrier(const Barrier& barrier, Output& /*out*/) {
  PENSTOCK_TRY(tables_.commit(barrier));
  PENSTOCK_TRY(log_.commit(barrier));
  settle_memory();
  return Step::Done;
}

Result<Step> MaterializeByKeyOperator::after_barrier(const Barrier& barrier, Output& /*out*/) {
  PENSTOCK_TRY(tables_.post_yield());
  return log_.after_barrier(barrier);
}

void MaterializeByKeyOperator::settle_memory() {
  codec_.compact_texts(rows_.entries());
  memory_.set(memory_bytes());
  const size_t owed = memory_.owed();
  if (owed == 0) return;
  evict(owed);
  memory_.gave_back(owed, memory_bytes());
}

size_t MaterializeByKeyOperator::evict(size_t bytes) {
  const size_t before = memory_bytes();
  rows_.evict(bytes);
  codec_.compact_texts(rows_.entries());
  return before - std::min(before, memory_bytes());
}

}  // namespace penstock::stream
