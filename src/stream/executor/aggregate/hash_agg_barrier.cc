// The part of a hash aggregation that passes barriers: what changed goes out and into the tables. The same happens within an epoch, without
// sealing, when changed groups take more memory than there is.
#include <algorithm>

#include "stream/executor/aggregate/hash_agg.h"
#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

using data::Column;

Result<Step> HashAggOperator::on_barrier(const Barrier& barrier, Output& out) {
  barrier_ = barrier;
  return flush(out);
}

Result<Step> HashAggOperator::flush(Output& out) {
  for (Distinct& one : distinct_) one.values->write();
  bool read = false, blocks = false;
  for (Values& one : values_) {
    one.values->write();
    blocks |= one.values->state().may_block();
  }
  find_unknown();
  for (const Values& one : values_) read |= !one.unknown.empty();
  phase_ = Phase::Refill;
  if (read && blocks) return Step::NeedState;
  if (read) {
    PENSTOCK_TRY(read_unknown());
  }
  return resume(out);
}

void HashAggOperator::find_unknown() {
  for (Values& one : values_) {
    const auto look = [&](std::span<const uint32_t> groups) {
      for (const uint32_t group : groups) {
        const BestValues* const best = states_.values(groups_.payload(group), one.call);
        if (best != nullptr && best->unknown()) one.unknown.push_back(group);
      }
    };
    for (const OldRows& old : old_rows_) look(old.groups);
    look(fresh_);
  }
}

Status HashAggOperator::read_unknown() {
  for (Values& one : values_) {
    storage::StateTable& table = one.values->state().table();
    for (const uint32_t group : one.unknown) {
      PENSTOCK_TRY(const auto rows, table.scan_prefix(table.prefix_of(groups_.key_row(group)), BestValues::kKept));
      std::vector<data::Datum> values;
      for (const data::Row& row : rows) values.push_back(row[group_key_.size()]);
      one.refill.push_back(std::move(values));
    }
  }
  return ok();
}

void HashAggOperator::take_best_values() {
  for (Values& one : values_) {
    for (size_t i = 0; i < one.unknown.size(); ++i) {
      states_.values(groups_.payload(one.unknown[i]), one.call)->refill(std::move(one.refill[i]));
    }
    one.unknown.clear();
    one.refill.clear();
    std::vector<std::byte*> payloads;
    const auto take = [&](std::span<const uint32_t> groups) {
      for (const uint32_t group : groups) {
        if (states_.values(groups_.payload(group), one.call) != nullptr) payloads.push_back(groups_.payload(group));
      }
    };
    for (const OldRows& old : old_rows_) take(old.groups);
    take(fresh_);
    states_.take_best(one.call, payloads, errors_.rows());
  }
}

// About a chunk a step; at a barrier the tables are sealed with the last one.
Result<Step> HashAggOperator::emit_some(Output& out) {
  if (!old_rows_.empty()) {
    emit_old(take_old_rows(), out);
  } else if (!fresh_.empty()) {
    const size_t count = std::min(fresh_.size(), data::kChunkRows);
    const std::vector<uint32_t> groups(fresh_.end() - static_cast<ptrdiff_t>(count), fresh_.end());
    fresh_.resize(fresh_.size() - count);
    emit_fresh(groups, out);
  }
  phase_ = Phase::Emit;
  if (!old_rows_.empty() || !fresh_.empty()) return Step::MoreOutput;
  phase_ = Phase::Idle;
  if (barrier_) {
    errors_.report(barrier_->epoch.prev);
    PENSTOCK_TRY(tables_.commit(*barrier_));
    barrier_.reset();
  }
  memory_.all_clean();
  (void)settle_memory();
  return Step::Done;
}

// Several small batches become one.
HashAggOperator::OldRows HashAggOperator::take_old_rows() {
  OldRows out;
  std::vector<std::vector<Column>> parts(calls_.size());
  while (!old_rows_.empty() && (out.groups.empty() || out.groups.size() + old_rows_.back().groups.size() <= kOldRows)) {
    const OldRows& last = old_rows_.back();
    out.groups.insert(out.groups.end(), last.groups.begin(), last.groups.end());
    for (size_t c = 0; c < parts.size(); ++c) parts[c].push_back(last.outputs[c]);
    old_rows_.pop_back();
  }
  for (const auto& part : parts) out.outputs.push_back(part.size() == 1 ? part[0] : data::concat(std::span<const Column>(part)));
  return out;
}

void HashAggOperator::emit_old(OldRows old, Output& out) {
  const size_t n = old.groups.size();
  const auto keys = groups_.key_columns(old.groups);
  const auto outputs = outputs_of(old.groups);
  const auto alive = alive_of(outputs);
  std::vector<uint8_t> changed(n, 0);
  for (size_t c = 0; c < calls_.size(); ++c) mark_different(old.outputs[c], all_rows(n), outputs[c], all_rows(n), changed);

  std::vector<uint32_t> key_rows, output_rows;  // of keys; of old outputs followed by new ones
  std::vector<Op> ops;
  const auto add = [&](size_t i, bool is_new, Op op) {
    key_rows.push_back(static_cast<uint32_t>(i));
    output_rows.push_back(static_cast<uint32_t>(is_new ? i + n : i));
    ops.push_back(op);
  };
  for (size_t i = 0; i < n; ++i) {
    if (alive[i] == 0) {
      add(i, false, Op::Delete);
    } else if (changed[i] != 0) {
      add(i, false, Op::UpdateDelete);
      add(i, true, Op::UpdateInsert);
    }
  }
  if (!ops.empty()) {
    std::vector<Column> columns;
    for (const Column& key : keys) columns.push_back(key.gather(key_rows));
    for (size_t c = 0; c < calls_.size(); ++c) {
      const std::array<Column, 2> both{old.outputs[c], outputs[c]};
      columns.push_back(data::concat(std::span<const Column>(both)).gather(output_rows));
    }
    data::DataChunk changes(std::move(columns), ops.size());
    out.emplace_back(std::move(changes), std::make_shared<const std::vector<Op>>(std::move(ops)));
  }
  write_groups(old.groups, keys, alive);
}

void HashAggOperator::emit_fresh(std::span<const uint32_t> groups, Output& out) {
  const auto keys = groups_.key_columns(groups);
  auto columns = keys;
  const auto outputs = outputs_of(groups);
  columns.insert(columns.end(), outputs.begin(), outputs.end());
  const auto alive = alive_of(outputs);
  std::vector<uint32_t> rows;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (alive[i] != 0) rows.push_back(static_cast<uint32_t>(i));
  }
  data::DataChunk chunk(std::move(columns), groups.size());
  if (!rows.empty()) out.emplace_back(rows.size() == groups.size() ? std::move(chunk) : chunk.gather(rows));
  write_groups(groups, keys, alive);
}

void HashAggOperator::write_groups(std::span<const uint32_t> groups, const std::vector<Column>& keys, std::span<const uint8_t> alive) {
  const auto payloads = payloads_of(groups);
  states_.recount_owned(payloads);
  std::vector<Column> columns = keys;
  for (Column& column : states_.encode(payloads)) columns.push_back(std::move(column));
  groups_.write(groups, std::move(columns), alive);
}

std::vector<const std::byte*> HashAggOperator::payloads_of(std::span<const uint32_t> groups) const {
  std::vector<const std::byte*> payloads(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) payloads[i] = groups_.payload(groups[i]);
  return payloads;
}

std::vector<Column> HashAggOperator::outputs_of(std::span<const uint32_t> groups) {
  return states_.outputs(payloads_of(groups), errors_.rows());
}

std::vector<uint8_t> HashAggOperator::alive_of(const std::vector<Column>& outputs) const {
  const Column& counts = outputs[row_count_call_];
  std::vector<uint8_t> alive(counts.size());
  for (size_t i = 0; i < counts.size(); ++i) alive[i] = static_cast<uint8_t>(group_key_.empty() || counts.value<int64_t>(i) > 0);
  return alive;
}

Result<Step> HashAggOperator::after_barrier(const Barrier& barrier, Output& out) {
  PENSTOCK_TRY(tables_.post_yield());
  if (!tables_.is_first(barrier) || !group_key_.empty()) return Step::Done;
  groups_.resolve(data::DataChunk({}, 1), all_rows(1), all_.groups);
  return read_or(Phase::FirstRow, out);
}

// The one row of an aggregation without key, if it was not there before.
Result<Step> HashAggOperator::make_first_row(Output& out) {
  const uint32_t group = all_.groups[0];
  if ((groups_.flags(group) & KeyedState::kStored) == 0) emit_fresh({&group, 1}, out);
  return Step::Done;
}

}  // namespace penstock::stream
