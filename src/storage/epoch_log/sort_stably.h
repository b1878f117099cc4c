#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::storage {

/// Sorts by `key`, equal ones in the order they had. (std::stable_sort warns of its own temporary buffer under clang 19 and -Werror.)
template <typename T, typename Key>
void sort_stably(std::vector<T>& items, Key key) {
  if (std::ranges::is_sorted(items, {}, key)) return;
  std::vector<std::pair<decltype(key(items.front())), size_t>> order;
  order.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) order.emplace_back(key(items[i]), i);
  std::ranges::sort(order);
  std::vector<T> sorted;
  sorted.reserve(items.size());
  for (const auto& [value, i] : order) sorted.push_back(std::move(items[i]));
  items = std::move(sorted);
}

}  // namespace penstock::storage
