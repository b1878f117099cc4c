#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/vnode.h"
#include "data/datum.h"

namespace penstock::stream {

/// How far a backfill has read one vnode of the upstream's table: nothing yet, up to and with a key, or all.
struct ScanPosition {
  VNode vnode = 0;
  bool finished = false;
  bool dirty = false;              // not in the progress table yet
  std::optional<std::string> key;  // encoded pk of the last row read; none: nothing yet (a pk may be empty)
  data::Row pk;                    // the same, decoded
  uint64_t rows = 0;

  /// Whether a row with this encoded pk has been read.
  [[nodiscard]] bool covers(std::string_view encoded_pk) const { return finished || (key && encoded_pk <= *key); }
  [[nodiscard]] bool started() const { return finished || key.has_value(); }
};

}  // namespace penstock::stream
