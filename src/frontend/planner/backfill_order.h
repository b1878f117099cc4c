#pragma once

#include <vector>

#include "common/error.h"
#include "frontend/binder/bind_context.h"
#include "frontend/parser/statement.h"
#include "proto/stream_plan.pb.h"

namespace penstock::frontend {

/// The option of a view or sink, and the variable of a session.
constexpr std::string_view kBackfillOrder = "backfill_order";

/// In which order a job's backfills read what is there, in terms of the catalog.
struct BackfillOrder {
  enum class Kind : uint8_t { None, Auto, Fixed };
  struct Relation {
    const pb::CatalogObject* object;
    uint32_t position;  // where it is named
  };
  struct Pair {
    Relation before;
    Relation after;
  };
  Kind kind = Kind::None;
  std::vector<Pair> pairs;  // of Fixed
};

/// As the option says, else as the session does. Errors: those of the text; `UndefinedTable`; `InvalidParameter` for what has no backfill
/// (a source), for a relation before itself and for a circle, with the way round it.
[[nodiscard]] Result<BackfillOrder> bind_backfill_order(const std::vector<ast::Option>& options, const BindContext& context);

/// Makes backfills of the graph come after others, and says so in their identity ("…, after: [dim] }").
///
/// Auto: at each join the side that is kept before the one that looks it up, so that a row of the latter meets its partners when it comes,
/// and is not sent without them and corrected later, or found again and again by each of them. First is the side that an outer join fills
/// up with NULLs; of an inner or full join the one whose rows the join keys tell apart, if only one is so (a dimension, and the facts that
/// refer to it); otherwise the right one. Only backfills whose rows set the others' moving are made to wait: in (fact ⋈ a) ⋈ b the two
/// dimensions are read at once, then fact.
///
/// A job that reads a relation twice has two backfills of it; Fixed means both. Errors: `InvalidParameter` for a relation that the job does
/// not read. Pure.
Status order_backfills(const BackfillOrder& order, pb::FragmentGraph& graph);

}  // namespace penstock::frontend
