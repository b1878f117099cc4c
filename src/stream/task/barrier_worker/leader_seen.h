#pragma once

#include <span>

#include "common/error.h"
#include "common/ids.h"

namespace penstock::stream {

/// The meta that this node has followed last. Leader terms alone do not tell metas apart: two on copies of one folder count alike. So each
/// draws an id when it begins to lead, keeps those of its predecessors, and names them all.
struct LeaderSeen {
  LeaderTerm term;
  uint64_t id = 0;  // 0: not known

  bool operator==(const LeaderSeen&) const = default;

  /// Whether a meta may be followed from here: it is this one, or comes after it. `leaders`: its id, then those of the terms below, newest
  /// first; may be shorter than the past. Errors: `Stale`.
  [[nodiscard]] Status admits(LeaderTerm speaks, std::span<const uint64_t> leaders) const {
    if (speaks < term) return error(Code::Stale, "a meta of term {} speaks, but one of term {} was seen", speaks, term);
    const uint64_t back = speaks.value - term.value;
    if (id == 0 || back >= leaders.size() || leaders[back] == id) return ok();
    return error(
               Code::Stale,
               "a meta of term {} speaks whose folder is a copy: in term {} this node followed another meta, which it does not come after",
               speaks, term)
        .with_hint("Stop one of the two metas: the cluster goes on with the folder that was not copied.");
  }
};

}  // namespace penstock::stream
