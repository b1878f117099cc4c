#include <numeric>

#include "batch/operator.h"

namespace penstock::batch {
namespace {

class Sort : public Operator {
 public:
  Sort(OperatorPtr input, std::vector<SortColumn> keys, std::optional<uint64_t> limit)
      : input_(std::move(input)), keys_(std::move(keys)), limit_(limit) {}

  Result<std::optional<data::DataChunk>> next() override {
    if (!sorted_) {
      sorted_ = true;
      PENSTOCK_TRY(sort());
    }
    if (at_ >= order_.size()) return std::optional<data::DataChunk>();
    const size_t count = std::min(data::kChunkRows, order_.size() - at_);
    auto chunk = all_.gather(std::span(order_).subspan(at_, count));
    at_ += count;
    return std::optional(std::move(chunk));
  }

 private:
  Status sort() {
    PENSTOCK_TRY(const auto chunks, drain(*input_));
    if (chunks.empty()) return ok();
    std::vector<data::DataType> types;
    for (const data::Column& column : chunks[0].columns()) types.push_back(column.type());
    all_ = concat_chunks(chunks, types);
    order_.resize(all_.rows());
    std::iota(order_.begin(), order_.end(), 0U);

    std::vector<uint32_t> columns;
    std::vector<data::SortOrder> orders;
    for (const SortColumn& key : keys_) {
      columns.push_back(key.column);
      orders.push_back(key.order);
    }
    std::vector<std::string> encoded(all_.rows());
    data::encode_keys(all_, order_, columns, orders, encoded);
    const auto before = [&](uint32_t a, uint32_t b) {
      const int c = encoded[a].compare(encoded[b]);
      return c != 0 ? c < 0 : a < b;
    };
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(limit_.value_or(UINT64_MAX), order_.size()));
    std::partial_sort(order_.begin(), order_.begin() + static_cast<ptrdiff_t>(wanted), order_.end(), before);
    order_.resize(wanted);
    return ok();
  }

  const OperatorPtr input_;
  const std::vector<SortColumn> keys_;
  const std::optional<uint64_t> limit_;
  bool sorted_ = false;
  data::DataChunk all_;
  std::vector<uint32_t> order_;
  size_t at_ = 0;
};

}  // namespace

OperatorPtr make_sort(OperatorPtr input, std::vector<SortColumn> keys, std::optional<uint64_t> limit) {
  return std::make_unique<Sort>(std::move(input), std::move(keys), limit);
}

}  // namespace penstock::batch
