#pragma once

#include "common/error.h"
#include "proto/control_stream.pb.h"

namespace penstock::stream {

/// Takes a Combined apart, once for all actors of the worker: what comes out has at most one mutation of each kind, which holds what all of
/// that kind held. Where two say something of the same thing (splits or rate of an actor, options of a source) the later one holds. Lists
/// of actors and fragments come out sorted, as `Barrier` wants them, of a mutation that is no Combined too. Pure.
///
/// Errors: `Protocol` for a Combined or an Update within another, for a Pause or Resume in one that names no actor (it would mean all, also
/// those that another command adds), and for one that holds and lets go the same actor.
[[nodiscard]] Result<pb::Mutation> take_apart(pb::Mutation mutation);

}  // namespace penstock::stream
