#pragma once

#include <string>

#include "common/error.h"
#include "proto/meta_service.pb.h"

namespace penstock::meta {

class MetaLoop;

/// Rows of a system relation, in the columns the frontend has for it (all as text):
///
///     penstock_sources    source_id source job_id job split rows_read position finished skipped_rows last_error
///     penstock_jobs       job_id name kind state progress_rows parallelism fragments actors definition
///     penstock_fragments  fragment_id job_id job distribution actors operators upstreams
///     penstock_actors     actor_id fragment_id job_id job worker_id vnodes
///     penstock_workers    worker_id node endpoint alive parallelism actors incarnation disk
///     penstock_barriers   database epoch kind state scheduled_at first_collect_ms last_collect_ms sync_ms checkpoint_ms total_ms
///                         slowest_fragment slowest_actor command
///     penstock_events     at kind database text
/// Errors: `UndefinedTable` for any other.
[[nodiscard]] Result<pb::SystemRowsResponse> make_system_rows(MetaLoop& loop, const std::string& relation);

}  // namespace penstock::meta
