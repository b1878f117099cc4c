#pragma once

namespace penstock::data {

/// Sort order of one key column; the default is Postgres': ascending, NULLs last.
struct SortOrder {
  bool descending = false;
  bool nulls_first = false;
  bool operator==(const SortOrder&) const = default;
};

}  // namespace penstock::data
