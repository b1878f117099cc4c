#include "storage/epoch_log/merge_iterator.h"

#include "storage/vnode_filter.h"

namespace penstock::storage {

Result<std::unique_ptr<RowIterator>> MergeIterator::open(const std::vector<SortedRun::Ptr>& runs, SortedSnapshotPtr base, TableId table,
                                                         const Range& range, VNodeBitmap own) {
  auto merge = std::unique_ptr<MergeIterator>(new MergeIterator(std::move(own)));
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const size_t begin = (*run)->lower_bound(range.begin);
    const size_t end = range.end.empty() ? (*run)->size() : (*run)->lower_bound(range.end);
    if (begin >= end) continue;
    merge->sources_.push_back({run->get(), begin, end, (*run)->key(begin)});
    merge->pinned_.push_back(*run);
  }
  merge->find_front();
  if (base) {
    PENSTOCK_TRY(merge->base_, base->scan(table, range));
    merge->snapshot_ = std::move(base);
    PENSTOCK_TRY(merge->advance_base());
  }
  return std::unique_ptr<RowIterator>(std::move(merge));
}

Status MergeIterator::advance_base() {
  PENSTOCK_TRY(const bool more, base_->next());
  if (!more) base_.reset();
  return ok();
}

void MergeIterator::find_front() {
  front_ = 0;
  for (size_t s = 1; s < sources_.size(); ++s) {
    if (sources_[s].key < sources_[front_].key) front_ = s;
  }
}

Result<bool> MergeIterator::next() {
  while (true) {
    if (std::exchange(base_is_current_, false)) {
      PENSTOCK_TRY(advance_base());
    }
    if (sources_.empty() && !base_) return false;
    bool found = true;
    if (base_ && (sources_.empty() || base_->key() < sources_[front_].key)) {
      key_ = base_->key();
      value_ = base_->value();
      base_is_current_ = true;
    } else {
      PENSTOCK_TRY(found, take_front());
    }
    if (found && owns_key(own_, key_)) return true;
  }
}

// The key is consumed from every source; the newest one says what its row is.
Result<bool> MergeIterator::take_front() {
  const auto value = sources_[front_].run->value(sources_[front_].at);
  key_ = sources_[front_].key;
  value_ = value.value_or(std::string_view());
  for (size_t s = front_; s < sources_.size();) {
    Source& source = sources_[s];
    if (source.key != key_) {
      ++s;
    } else if (++source.at < source.end) {
      source.key = source.run->key(source.at);
      ++s;
    } else {
      sources_.erase(sources_.begin() + static_cast<ptrdiff_t>(s));
    }
  }
  if (!sources_.empty()) find_front();
  if (base_ && base_->key() == key_) {
    PENSTOCK_TRY(advance_base());
  }
  return value.has_value();
}

}  // namespace penstock::storage
