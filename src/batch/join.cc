#include <numeric>

#include "batch/operator.h"

namespace penstock::batch {
namespace {

/// The right side in memory by its key; the left side is streamed against it.
class HashJoin : public Operator {
 public:
  HashJoin(OperatorPtr left, OperatorPtr right, JoinSpec spec) : left_(std::move(left)), right_(std::move(right)), spec_(std::move(spec)) {}

  Result<std::optional<data::DataChunk>> next() override {
    if (!built_) {
      built_ = true;
      PENSTOCK_TRY(build());
    }
    while (!left_done_) {
      if (!probe_) {
        PENSTOCK_TRY(auto chunk, left_->next());
        if (!chunk) {
          left_done_ = true;
          break;
        }
        probe_.emplace(keys_of(*chunk, true), std::move(*chunk));
      }
      PENSTOCK_TRY(data::DataChunk out, probe());
      if (out.rows() > 0) return std::optional(std::move(out));
    }
    if (rest_done_ || (spec_.kind != JoinKind::Right && spec_.kind != JoinKind::Full)) return std::optional<data::DataChunk>();
    rest_done_ = true;
    data::DataChunk rest = unmatched_right();
    if (rest.rows() == 0) return std::optional<data::DataChunk>();
    return std::optional(std::move(rest));
  }

 private:
  using Pairs = std::pair<std::vector<uint32_t>, std::vector<uint32_t>>;
  /// A left chunk at work, up to `row` and the `at`th of the rows that match it.
  struct Probe {
    Probe(std::vector<std::optional<std::string>> chunk_keys, data::DataChunk rows)
        : keys(std::move(chunk_keys)), chunk(std::move(rows)), matched(chunk.rows(), false) {}
    std::vector<std::optional<std::string>> keys;
    data::DataChunk chunk;
    data::Bitmap matched;
    uint32_t row = 0;
    size_t at = 0;
  };

  // Keys of all rows as bytes; nullopt where a key column is NULL, which equals nothing.
  [[nodiscard]] std::vector<std::optional<std::string>> keys_of(const data::DataChunk& chunk, bool left) const {
    std::vector<uint32_t> columns;
    for (const auto& [l, r] : spec_.keys) columns.push_back(left ? l : r);
    std::vector<uint32_t> rows(chunk.rows());
    std::iota(rows.begin(), rows.end(), 0U);
    std::vector<std::string> encoded(chunk.rows());
    data::encode_keys(chunk, rows, columns, std::vector<data::SortOrder>(columns.size()), encoded);
    std::vector<std::optional<std::string>> keys(chunk.rows());
    for (const uint32_t row : rows) {
      if (std::ranges::none_of(columns, [&](uint32_t c) { return chunk.column(c).is_null(row); })) keys[row] = std::move(encoded[row]);
    }
    return keys;
  }

  Status build() {
    PENSTOCK_TRY(const auto chunks, drain(*right_));
    build_side_ = concat_chunks(chunks, spec_.right_types);
    auto keys = keys_of(build_side_, false);
    for (uint32_t row = 0; row < keys.size(); ++row) {
      if (keys[row]) index_[std::move(*keys[row])].push_back(row);
    }
    matched_ = data::Bitmap(build_side_.rows(), false);
    return ok();
  }

  [[nodiscard]] data::DataChunk glue(const data::DataChunk& left, const data::DataChunk& right, size_t rows) const {
    std::vector<data::Column> columns = left.columns();
    columns.insert(columns.end(), right.columns().begin(), right.columns().end());
    return {std::move(columns), rows};
  }

  [[nodiscard]] static data::DataChunk nulls(const std::vector<data::DataType>& types, size_t rows) {
    std::vector<data::Column> columns;
    for (const data::DataType type : types) columns.push_back(data::Column::constant(type, data::Datum(), rows));
    return {std::move(columns), rows};
  }

  // The next pairs of the chunk at work: a bounded number, however many there are of a key.
  Result<data::DataChunk> probe() {
    constexpr size_t kPairsAtOnce = 1 << 14;
    Pairs pairs;
    for (; probe_->row < probe_->chunk.rows(); ++probe_->row, probe_->at = 0) {
      const auto& key = probe_->keys[probe_->row];
      const auto found = key ? index_.find(*key) : index_.end();
      if (found == index_.end()) continue;
      const size_t count = std::min(found->second.size() - probe_->at, kPairsAtOnce - pairs.first.size());
      pairs.first.insert(pairs.first.end(), count, probe_->row);
      const auto from = found->second.begin() + static_cast<ptrdiff_t>(probe_->at);
      pairs.second.insert(pairs.second.end(), from, from + static_cast<ptrdiff_t>(count));
      probe_->at += count;
      if (probe_->at < found->second.size()) break;
    }
    PENSTOCK_TRY(data::DataChunk out, keep_true(probe_->chunk, pairs, probe_->matched));
    if (probe_->row < probe_->chunk.rows()) return out.project(spec_.output);
    const bool keeps_left = spec_.kind == JoinKind::Left || spec_.kind == JoinKind::Full;
    std::vector<data::DataChunk> parts{std::move(out)};
    if (keeps_left) parts.push_back(unmatched_left(probe_->chunk, std::move(probe_->matched)));
    probe_.reset();
    std::erase_if(parts, [](const data::DataChunk& part) { return part.rows() == 0; });
    std::vector<data::DataType> types = spec_.left_types;
    types.insert(types.end(), spec_.right_types.begin(), spec_.right_types.end());
    return concat_chunks(parts, types).project(spec_.output);
  }

  Result<data::DataChunk> keep_true(const data::DataChunk& chunk, Pairs& pairs, data::Bitmap& left_matched) {
    data::DataChunk joined = glue(chunk.gather(pairs.first), build_side_.gather(pairs.second), pairs.first.size());
    if (spec_.condition && joined.rows() > 0) {
      expr::RowErrors errors;
      const data::Bitmap kept = expr::evaluate_predicate(*spec_.condition, joined, nullptr, errors);
      if (errors.first) return *errors.first;
      std::vector<uint32_t> rows;
      kept.for_each_set([&](size_t row) { rows.push_back(static_cast<uint32_t>(row)); });
      joined = joined.gather(rows);
      Pairs left;
      for (const uint32_t row : rows) {
        left.first.push_back(pairs.first[row]);
        left.second.push_back(pairs.second[row]);
      }
      pairs = std::move(left);
    }
    for (const uint32_t row : pairs.first) left_matched.set(row, true);
    for (const uint32_t row : pairs.second) matched_.set(row, true);
    return joined;
  }

  [[nodiscard]] data::DataChunk unmatched_left(const data::DataChunk& chunk, data::Bitmap matched) const {
    matched.flip();
    std::vector<uint32_t> rows;
    matched.for_each_set([&](size_t row) { rows.push_back(static_cast<uint32_t>(row)); });
    return glue(chunk.gather(rows), nulls(spec_.right_types, rows.size()), rows.size());
  }

  [[nodiscard]] data::DataChunk unmatched_right() {
    matched_.flip();
    std::vector<uint32_t> rows;
    matched_.for_each_set([&](size_t row) { rows.push_back(static_cast<uint32_t>(row)); });
    return glue(nulls(spec_.left_types, rows.size()), build_side_.gather(rows), rows.size()).project(spec_.output);
  }

  const OperatorPtr left_, right_;
  const JoinSpec spec_;
  bool built_ = false, left_done_ = false, rest_done_ = false;
  data::DataChunk build_side_;
  absl::flat_hash_map<std::string, std::vector<uint32_t>> index_;
  data::Bitmap matched_;
  std::optional<Probe> probe_;
};

}  // namespace

OperatorPtr make_join(OperatorPtr left, OperatorPtr right, JoinSpec spec) {
  return std::make_unique<HashJoin>(std::move(left), std::move(right), std::move(spec));
}

}  // namespace penstock::batch
