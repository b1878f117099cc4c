#include "frontend/binder/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace penstock::frontend {
namespace {

// Levenshtein distance.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, std::span<const std::string> candidates) {
  // At most a third of the letters wrong, as far as a reader would still see the likeness.
  size_t best = std::max<size_t>(name.size() / 3, 1) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    const size_t d = distance(name, candidate);
    if (d < best && d < candidate.size()) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

}  // namespace penstock::frontend
