#pragma once

#include <string_view>
#include <vector>

#include "common/error.h"
#include "frontend/parser/ast.h"

namespace penstock::frontend {

namespace ast {
/// In which order a job reads what its upstreams hold: all at once; as the planner finds best; or some relations before others.
struct BackfillOrder {
  enum class Kind : uint8_t { None, Auto, Fixed };
  struct Pair {
    ObjectName before;
    ObjectName after;
  };
  Kind kind = Kind::None;
  std::vector<Pair> pairs;  // of Fixed
};
}  // namespace ast

/// `AUTO`, `NONE` or `FIXED(a -> b, b -> c -> d, …)`, relations as in a query: a before b. Case of the words does not matter. `position`:
/// the character of the statement that `text` begins at, for errors. Errors: `InvalidParameter` for another word, `Syntax`.
[[nodiscard]] Result<ast::BackfillOrder> parse_backfill_order(std::string_view text, uint32_t position);

}  // namespace penstock::frontend
