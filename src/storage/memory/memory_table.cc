#include "storage/memory/memory_table.h"

#include <algorithm>

namespace penstock::storage {

void MemoryTable::write(std::string_view key, Epoch epoch, std::optional<std::string> value) {
  auto found = rows_.find(key);
  if (found == rows_.end()) found = rows_.emplace(key, std::vector<Version>{}).first;
  auto& versions = found->second;
  const auto at = std::lower_bound(versions.begin(), versions.end(), epoch, [](const Version& v, Epoch e) { return v.epoch < e; });
  if (at != versions.end() && at->epoch == epoch) {
    at->value = std::move(value);
  } else {
    versions.insert(at, {epoch, std::move(value)});
  }
}

const std::optional<std::string>* MemoryTable::version(std::string_view key, Epoch epoch) const {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return nullptr;
  const std::optional<std::string>* newest = nullptr;
  for (const Version& v : found->second) {
    if (v.epoch <= epoch) newest = &v.value;
  }
  return newest;
}

std::optional<std::string> MemoryTable::get(std::string_view key, Epoch epoch) const {
  const auto* value = version(key, epoch);
  return value == nullptr ? std::nullopt : *value;
}

MemoryTable::Rows MemoryTable::scan(const Range& range, Epoch epoch) const {
  Rows out;
  for (auto row = rows_.lower_bound(range.begin); row != rows_.end() && (range.end.empty() || row->first < range.end); ++row) {
    const std::optional<std::string>* newest = nullptr;
    for (const Version& v : row->second) {
      if (v.epoch <= epoch) newest = &v.value;
    }
    if (newest != nullptr && newest->has_value()) out.emplace_back(row->first, **newest);
  }
  return out;
}

void MemoryTable::forget_after(std::string_view key, Epoch epoch) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return;
  std::erase_if(found->second, [epoch](const Version& v) { return v.epoch > epoch; });
  if (found->second.empty()) rows_.erase(found);
}

void MemoryTable::forget_before(std::string_view key, Epoch epoch) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return;
  auto& versions = found->second;
  const auto first_after = std::upper_bound(versions.begin(), versions.end(), epoch, [](Epoch e, const Version& v) { return e < v.epoch; });
  if (first_after == versions.begin()) return;
  const auto visible = std::prev(first_after);
  versions.erase(versions.begin(), visible->value.has_value() ? visible : first_after);
  if (versions.empty()) rows_.erase(found);
}

}  // namespace penstock::storage
