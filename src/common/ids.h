#pragma once

#include <cstdint>

#include "common/strong_id.h"

/// Every id of the system. No raw integer id crosses a header.
namespace penstock {

using DatabaseId = StrongId<struct DatabaseIdTag, uint32_t>;
/// Catalog object: source, table, materialized view, sink. Never used again after a drop.
using ObjectId = StrongId<struct ObjectIdTag, uint32_t>;
/// State table of an operator or of a materialized view; unique in the cluster, never used again.
using TableId = StrongId<struct TableIdTag, uint32_t>;
/// A streaming job is named by the object it makes.
using JobId = ObjectId;
using FragmentId = StrongId<struct FragmentIdTag, uint32_t>;
using ActorId = StrongId<struct ActorIdTag, uint32_t>;
/// Operator within a fragment graph; unique in the cluster.
using OperatorId = StrongId<struct OperatorIdTag, uint32_t>;
/// Failure and commit domain on a worker: the actors of a database, or of one job that is being created.
using PartialGraphId = StrongId<struct PartialGraphIdTag, uint64_t>;
/// One incarnation of a partial graph; grows with every attempt.
using Term = StrongId<struct TermTag, uint64_t>;
/// Of the meta that speaks; workers refuse a lower one than they have seen.
using LeaderTerm = StrongId<struct LeaderTermTag, uint64_t>;
/// Counted up on disk at each start of a compute.
using Incarnation = StrongId<struct IncarnationTag, uint64_t>;
/// Meta's short number for a node (a uuid); the same for the life of the cluster.
using WorkerId = StrongId<struct WorkerIdTag, uint32_t>;
/// A transaction on its way through DML actors and meta; random, chosen by its frontend. 0 is none.
using TransactionId = StrongId<struct TransactionIdTag, uint64_t>;

}  // namespace penstock
