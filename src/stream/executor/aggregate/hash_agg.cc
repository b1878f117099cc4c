#include "stream/executor/aggregate/hash_agg.h"

#include "stream/executor/chunk_rows.h"

namespace penstock::stream {

using data::Column;
using data::StreamChunk;

namespace {

std::vector<uint32_t> count_up(size_t n) {
  const auto all = all_rows(n);
  return {all.begin(), all.end()};
}

}  // namespace

HashAggOperator::HashAggOperator(HashAggOptions options, const ActorContext& context)
    : group_key_(std::move(options.group_key)),
      calls_(std::move(options.calls)),
      row_count_call_(options.row_count_call),
      filters_(std::move(options.filters)),
      append_only_(options.append_only),
      states_(calls_, group_key_.size()),
      groups_(count_up(group_key_.size()), std::move(options.groups), states_.size(), states_),
      distinct_of_call_(calls_.size()),
      values_of_call_(calls_.size()),
      errors_(context.reports),
      memory_(context.memory),
      passed_(filters_.size()),
      selected_(calls_.size()),
      present_(calls_.size()) {
  for (auto& one : options.distinct) {
    for (const uint32_t call : one.calls) distinct_of_call_[call] = distinct_.size();
    distinct_.push_back(
        {std::make_unique<CountedValues>(std::move(one.table), group_key_, one.column, one.calls.size()), std::move(one.calls)});
    tables_.add(distinct_.back().values->state().table());
  }
  for (auto& one : options.values) {
    values_of_call_[one.call] = values_.size();
    values_.push_back({std::make_unique<CountedValues>(std::move(one.table), group_key_, calls_[one.call].args[0], 1), one.call, {}, {}});
    tables_.add(values_.back().values->state().table());
  }
  tables_.add(groups_.table());
}

// ---- a chunk

Result<Step> HashAggOperator::on_chunk(size_t /*port*/, StreamChunk chunk, Output& out) {
  chunk_ = std::move(chunk);
  prepare_chunk();
  if (append_only_ && !all_.signs.empty()) {
    return error(Code::Internal, "an aggregation was planned for input that only appends, but a row was taken back");
  }
  if (all_.rows.empty()) return Step::Done;
  return read_or(Phase::Chunk, out);
}

Result<Step> HashAggOperator::resume(Output& out) {
  const Phase phase = std::exchange(phase_, Phase::Idle);
  switch (phase) {
    case Phase::Chunk: {
      PENSTOCK_TRY(install_states());
      return apply_chunk(out);
    }
    case Phase::FirstRow: {
      PENSTOCK_TRY(install_states());
      return make_first_row(out);
    }
    case Phase::Refill:
      take_best_values();
      return emit_some(out);
    case Phase::Emit:
      return emit_some(out);
    case Phase::Idle:
      break;
  }
  return Operator::resume(out);
}

Operator::StateRead HashAggOperator::take_state_read() {
  if (phase_ == Phase::Refill) return [this] { return read_unknown(); };
  return [this] { return read_states(); };
}

void HashAggOperator::prepare_chunk() {
  visible_rows(chunk_, all_.rows);
  signs_of(chunk_, all_.rows, all_.signs);
  groups_.resolve(chunk_.data().project(group_key_), all_.rows, all_.groups);
  evaluate_filters();
  for (size_t call = 0; call < calls_.size(); ++call) {
    if (calls_[call].filter) select(call, selected_[call]);
  }
  const auto rows_of = [&](uint32_t call) { return calls_[call].filter ? &selected_[call] : &all_; };
  for (Distinct& one : distinct_) {
    std::vector<const Changes*> changes;
    for (const uint32_t call : one.calls) changes.push_back(rows_of(call));
    one.values->resolve(chunk_, changes);
  }
  for (Values& one : values_) {
    const Changes* const changes = rows_of(one.call);
    one.values->resolve(chunk_, {&changes, 1});
  }
}

void HashAggOperator::evaluate_filters() {
  for (size_t i = 0; i < filters_.size(); ++i) {
    passed_[i] = expr::evaluate_predicate(*filters_[i], chunk_.data(), chunk_.visibility().get(), errors_.rows());
  }
}

void HashAggOperator::select(size_t call, Changes& to) const {
  const data::Bitmap& passed = *passed_[*calls_[call].filter];
  to.clear();
  for (size_t i = 0; i < all_.rows.size(); ++i) {
    if (!passed.get(all_.rows[i])) continue;
    to.rows.push_back(all_.rows[i]);
    to.groups.push_back(all_.groups[i]);
    if (!all_.signs.empty()) to.signs.push_back(all_.signs[i]);
  }
}

// Goes on at once if nothing must be read, or if reading cannot block; else as `phase` when the read is done.
Result<Step> HashAggOperator::read_or(Phase phase, Output& out) {
  bool wants = groups_.wants_read(), blocks = groups_.may_block();
  const auto ask = [&](const KeyedState& state) {
    wants |= state.wants_read();
    blocks |= state.may_block();
  };
  for (const Distinct& one : distinct_) ask(one.values->state());
  for (const Values& one : values_) ask(one.values->state());
  phase_ = phase;
  if (wants && blocks) return Step::NeedState;
  if (wants) {
    PENSTOCK_TRY(read_states());
  }
  return resume(out);
}

Status HashAggOperator::read_states() {
  const auto read = [](KeyedState& state) -> Status { return state.wants_read() ? state.read() : ok(); };
  PENSTOCK_TRY(read(groups_));
  for (Distinct& one : distinct_) {
    PENSTOCK_TRY(read(one.values->state()));
  }
  for (Values& one : values_) {
    PENSTOCK_TRY(read(one.values->state()));
  }
  return ok();
}

Status HashAggOperator::install_states() {
  PENSTOCK_TRY(groups_.install());
  for (Distinct& one : distinct_) {
    PENSTOCK_TRY(one.values->state().install());
  }
  for (Values& one : values_) {
    PENSTOCK_TRY(one.values->state().install());
  }
  return ok();
}

Result<Step> HashAggOperator::apply_chunk(Output& out) {
  mark_dirty();
  for (Distinct& one : distinct_) {
    std::vector<const Changes*> changes;
    for (const uint32_t call : one.calls) changes.push_back(calls_[call].filter ? &selected_[call] : &all_);
    std::vector<Changes> present(one.calls.size());
    one.values->count(changes, present);
    for (size_t i = 0; i < present.size(); ++i) present_[one.calls[i]] = std::move(present[i]);
  }
  for (size_t call = 0; call < calls_.size(); ++call) apply_call(call);
  chunk_ = {};
  if (settle_memory()) return Step::Done;
  return flush(out);
}

// The first touch since the barrier: remember the row that was sent out.
void HashAggOperator::mark_dirty() {
  std::vector<uint32_t> stored;
  for (const uint32_t group : all_.groups) {
    uint32_t& flags = groups_.flags(group);
    if ((flags & KeyedState::kDirty) != 0) continue;
    flags |= KeyedState::kDirty;
    ((flags & KeyedState::kStored) != 0 ? stored : fresh_).push_back(group);
  }
  for (size_t begin = 0; begin < stored.size(); begin += kOldRows) {
    const auto groups = std::span(stored).subspan(begin, std::min(kOldRows, stored.size() - begin));
    old_rows_.push_back({{groups.begin(), groups.end()}, outputs_of(groups)});
  }
}

void HashAggOperator::apply_call(size_t call) {
  const Changes& selected = calls_[call].filter ? selected_[call] : all_;
  const Changes& changes = distinct_of_call_[call] ? present_[call] : selected;
  if (!values_of_call_[call]) return apply_function(call, changes);
  Values& values = values_[*values_of_call_[call]];
  const Changes* const counted = &changes;
  Changes came_or_went;
  values.values->count({&counted, 1}, {&came_or_went, 1});
  track_values(values, came_or_went);
}

void HashAggOperator::apply_function(size_t call, const Changes& changes) {
  if (changes.rows.empty()) return;
  states_scratch_.resize(changes.rows.size());
  for (size_t i = 0; i < changes.rows.size(); ++i) states_scratch_[i] = groups_.payload(changes.groups[i]);
  std::vector<Column> args;
  for (const uint32_t arg : calls_[call].args) args.push_back(chunk_.column(arg));
  calls_[call].function->apply(args, changes.rows, changes.signs.empty() ? nullptr : changes.signs.data(), states_scratch_.data(),
                               states_.offset(call), errors_.rows());
}

void HashAggOperator::track_values(Values& values, const Changes& changes) {
  const Column& column = chunk_.column(values.values->column());
  for (size_t i = 0; i < changes.rows.size(); ++i) {
    const uint32_t group = changes.groups[i];
    std::byte* const payload = groups_.payload(group);
    BestValues* best = states_.values(payload, values.call);
    if (best == nullptr) best = &states_.make_values(payload, values.call, (groups_.flags(group) & KeyedState::kStored) == 0);
    if (changes.sign(i) > 0) {
      best->came(column.datum(changes.rows[i]));
    } else {
      best->went(column.datum(changes.rows[i]));
    }
  }
}

// ---- memory

size_t HashAggOperator::memory_bytes() const {
  size_t bytes = groups_.memory_bytes() + states_.owned_bytes();
  for (const Distinct& one : distinct_) bytes += one.values->state().memory_bytes();
  for (const Values& one : values_) bytes += one.values->state().memory_bytes();
  return bytes;
}

// False if the node is over its budget and what this operator has is mostly dirty.
bool HashAggOperator::settle_memory() {
  memory_.set(memory_bytes());
  const size_t owed = memory_.owed();
  if (owed == 0) return true;
  evict(owed);
  return memory_.gave_back(owed, memory_bytes());
}

size_t HashAggOperator::evict(size_t bytes) {
  const size_t before = memory_bytes();
  const double share = static_cast<double>(bytes) / static_cast<double>(std::max<size_t>(before, 1));
  const auto part = [&](KeyedState& state) { state.evict(static_cast<size_t>(static_cast<double>(state.memory_bytes()) * share) + 1); };
  part(groups_);
  for (Distinct& one : distinct_) part(one.values->state());
  for (Values& one : values_) part(one.values->state());
  const size_t after = memory_bytes();
  return before > after ? before - after : 0;
}

}  // namespace penstock::stream
