#include "storage/epoch_log/sorted_run.h"

#include <algorithm>
#include <cstring>

#include "storage/vnode_filter.h"

namespace penstock::storage {

namespace {

constexpr size_t kVNodeBytes = 2;

std::string_view after_vnode(std::string_view key) { return key.substr(std::min(key.size(), kVNodeBytes)); }

uint64_t first_six(std::string_view bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min<size_t>(bytes.size(), 6));
  return __builtin_bswap64(value) >> 16;
}

}  // namespace

SortedRun::Ptr SortedRun::build(std::vector<ChunkPtr> chunks, const VNodeBitmap* own) {
  auto run = std::shared_ptr<SortedRun>(new SortedRun(std::move(chunks)));
  auto& entries = run->entries_;
  for (uint32_t c = 0; c < run->chunks_.size(); ++c) {
    const WriteBatch& rows = run->chunks_[c]->rows;
    for (uint32_t r = 0; r < rows.entries.size(); ++r) {
      if (own == nullptr || owns_key(*own, rows.key(r))) entries.push_back({0, c, r});
    }
  }
  run->find_common();
  run->set_heads();
  const auto key = [&run](const Entry& e) { return run->chunks_[e.chunk]->rows.key(e.row); };
  std::ranges::sort(entries, [&key](const Entry& a, const Entry& b) {
    if (a.head != b.head) return a.head < b.head;
    if (const int order = key(a).compare(key(b)); order != 0) return order < 0;
    return std::pair(a.chunk, a.row) > std::pair(b.chunk, b.row);  // the newest first
  });
  const auto repeats =
      std::ranges::unique(entries, [&key](const Entry& a, const Entry& b) { return a.head == b.head && key(a) == key(b); });
  entries.erase(repeats.begin(), repeats.end());
  entries.shrink_to_fit();
  return run;
}

SortedRun::Ptr SortedRun::merge(const SortedRun& older, const SortedRun& newer) {
  std::vector<ChunkPtr> chunks = older.chunks_;
  const auto shift = static_cast<uint32_t>(chunks.size());
  chunks.insert(chunks.end(), newer.chunks_.begin(), newer.chunks_.end());
  auto run = std::shared_ptr<SortedRun>(new SortedRun(std::move(chunks)));
  run->entries_.reserve(older.size() + newer.size());
  size_t a = 0, b = 0;
  while (a < older.size() || b < newer.size()) {
    const int order = a == older.size() ? 1 : b == newer.size() ? -1 : older.key(a).compare(newer.key(b));
    if (order < 0) {
      run->entries_.push_back(older.entries_[a++]);
    } else {
      const Entry& from = newer.entries_[b++];
      run->entries_.push_back({0, from.chunk + shift, from.row});
      if (order == 0) ++a;
    }
  }
  run->find_common();
  run->set_heads();
  return run;
}

void SortedRun::find_common() {
  if (entries_.empty()) return;
  std::string_view common = after_vnode(key(0));
  for (size_t i = 1; i < entries_.size() && !common.empty(); ++i) {
    const std::string_view other = after_vnode(key(i));
    const size_t most = std::min(common.size(), other.size());
    if (std::memcmp(common.data(), other.data(), most) == 0) {
      common = common.substr(0, most);
    } else {
      common = common.substr(
          0, static_cast<size_t>(std::mismatch(common.begin(), common.begin() + static_cast<ptrdiff_t>(most), other.begin()).first -
                                 common.begin()));
    }
  }
  common_ = common;
}

void SortedRun::set_heads() {
  for (size_t i = 0; i < entries_.size(); ++i) entries_[i].head = head_of(key(i));
}

// For a key that begins as all others do.
uint64_t SortedRun::head_of(std::string_view key) const {
  const std::string_view rest = after_vnode(key);
  return static_cast<uint64_t>(vnode_of_key(key)) << 48 | first_six(rest.substr(std::min(common_.size(), rest.size())));
}

size_t SortedRun::lower_bound(std::string_view key) const {
  const std::string_view rest = after_vnode(key);
  const int order = rest.substr(0, common_.size()).compare(common_);
  // Within its vnode the key may lie before or after everything that begins with `common_`.
  uint64_t head = static_cast<uint64_t>(vnode_of_key(key)) << 48;
  if (order > 0) {
    const auto at = std::ranges::upper_bound(entries_, head | 0xffff'ffff'ffffULL, {}, &Entry::head);
    return static_cast<size_t>(at - entries_.begin());
  }
  if (order == 0) head = head_of(key);
  auto at = std::ranges::lower_bound(entries_, head, {}, &Entry::head);
  if (order < 0) return static_cast<size_t>(at - entries_.begin());
  const auto same_head_end = std::ranges::upper_bound(at, entries_.end(), head, {}, &Entry::head);
  at = std::partition_point(at, same_head_end, [&](const Entry& e) { return chunks_[e.chunk]->rows.key(e.row) < key; });
  return static_cast<size_t>(at - entries_.begin());
}

std::optional<size_t> SortedRun::find(std::string_view key) const {
  const size_t at = lower_bound(key);
  if (at == size() || this->key(at) != key) return std::nullopt;
  return at;
}

}  // namespace penstock::storage
