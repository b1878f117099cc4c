#include <absl/container/flat_hash_set.h>

#include <numeric>

#include "batch/operator.h"

namespace penstock::batch {
namespace {

/// All groups in memory: keys as bytes, states one after another in blocks that never move.
class HashAggregate : public Operator {
 public:
  HashAggregate(OperatorPtr input, std::vector<data::DataType> input_types, std::vector<uint32_t> keys, std::vector<AggCall> calls)
      : input_(std::move(input)),
        input_types_(std::move(input_types)),
        keys_(std::move(keys)),
        calls_(std::move(calls)),
        seen_(calls_.size()) {
    for (const AggCall& call : calls_) {
      offsets_.push_back(state_size_);
      state_size_ += call.aggregate->state_size();
    }
    for (const uint32_t key : keys_) key_builders_.emplace_back(input_types_[key], 64);
  }

  ~HashAggregate() override {
    for (const auto& state : states_) {
      for (size_t i = 0; i < calls_.size(); ++i) calls_[i].aggregate->destroy(state.get() + offsets_[i]);
    }
  }
  HashAggregate(const HashAggregate&) = delete;
  HashAggregate& operator=(const HashAggregate&) = delete;

  Result<std::optional<data::DataChunk>> next() override {
    if (!built_) {
      built_ = true;
      PENSTOCK_TRY(build());
    }
    if (at_ >= states_.size()) return std::optional<data::DataChunk>();
    const size_t count = std::min(data::kChunkRows, states_.size() - at_);
    std::vector<data::Column> columns;
    for (const data::Column& key : key_columns_) columns.push_back(key.slice(at_, count));
    std::vector<const std::byte*> states;
    for (size_t i = 0; i < count; ++i) states.push_back(states_[at_ + i].get());
    expr::RowErrors errors;
    for (size_t i = 0; i < calls_.size(); ++i) columns.push_back(calls_[i].aggregate->output(states, offsets_[i], errors));
    if (errors.first) return *errors.first;
    at_ += count;
    return std::optional(data::DataChunk(std::move(columns), count));
  }

 private:
  Status build() {
    if (keys_.empty()) add_group();
    for (;;) {
      PENSTOCK_TRY(const auto chunk, input_->next());
      if (!chunk) break;
      PENSTOCK_TRY(take(*chunk));
    }
    for (auto& builder : key_builders_) key_columns_.push_back(builder.finish());
    return ok();
  }

  std::byte* add_group() {
    states_.push_back(std::make_unique<std::byte[]>(std::max<size_t>(state_size_, 8)));
    for (size_t i = 0; i < calls_.size(); ++i) calls_[i].aggregate->init(states_.back().get() + offsets_[i]);
    return states_.back().get();
  }

  Status take(const data::DataChunk& chunk) {
    std::vector<uint32_t> rows(chunk.rows());
    std::iota(rows.begin(), rows.end(), 0U);
    const std::vector<size_t> groups = groups_of(chunk, rows);
    expr::RowErrors errors;
    for (size_t i = 0; i < calls_.size(); ++i) {
      std::vector<uint32_t> kept;
      std::vector<std::byte*> states;
      for (const uint32_t row : rows) {
        if (!wanted(i, chunk, row, groups[row])) continue;
        kept.push_back(row);
        states.push_back(states_[groups[row]].get());
      }
      std::vector<data::Column> args;
      for (const uint32_t arg : calls_[i].args) args.push_back(chunk.column(arg));
      calls_[i].aggregate->apply(args, kept, nullptr, states.data(), offsets_[i], errors);
    }
    if (errors.first) return *errors.first;
    return ok();
  }

  std::vector<size_t> groups_of(const data::DataChunk& chunk, const std::vector<uint32_t>& rows) {
    std::vector<size_t> groups(chunk.rows(), 0);
    if (keys_.empty()) return groups;
    std::vector<std::string> encoded(chunk.rows());
    const std::vector<data::SortOrder> orders(keys_.size());
    data::encode_keys(chunk, rows, keys_, orders, encoded);
    for (const uint32_t row : rows) {
      const auto [at, added] = index_.try_emplace(std::move(encoded[row]), states_.size());
      if (added) {
        add_group();
        for (size_t k = 0; k < keys_.size(); ++k) key_builders_[k].append_from(chunk.column(keys_[k]), row);
      }
      groups[row] = at->second;
    }
    return groups;
  }

  // Whether call `i` counts the row: FILTER is true, and with DISTINCT the value is new to the group.
  bool wanted(size_t i, const data::DataChunk& chunk, uint32_t row, size_t group) {
    const AggCall& call = calls_[i];
    if (call.filter) {
      const data::Column& filter = chunk.column(*call.filter);
      if (filter.is_null(row) || !filter.value<bool>(row)) return false;
    }
    if (!call.distinct) return true;
    std::string value = fmt::format("{}:", group);
    const std::vector<data::SortOrder> orders(call.args.size());
    data::encode_key(chunk, row, call.args, orders, value);
    return seen_[i].insert(std::move(value)).second;
  }

  const OperatorPtr input_;
  const std::vector<data::DataType> input_types_;
  const std::vector<uint32_t> keys_;
  const std::vector<AggCall> calls_;
  std::vector<size_t> offsets_;
  size_t state_size_ = 0;
  bool built_ = false;
  absl::flat_hash_map<std::string, size_t> index_;
  std::vector<std::unique_ptr<std::byte[]>> states_;
  std::vector<data::AnyColumnBuilder> key_builders_;
  std::vector<data::Column> key_columns_;
  std::vector<absl::flat_hash_set<std::string>> seen_;
  size_t at_ = 0;
};

}  // namespace

OperatorPtr make_aggregate(OperatorPtr input, std::vector<data::DataType> input_types, std::vector<uint32_t> keys,
                           std::vector<AggCall> calls) {
  return std::make_unique<HashAggregate>(std::move(input), std::move(input_types), std::move(keys), std::move(calls));
}

}  // namespace penstock::batch
