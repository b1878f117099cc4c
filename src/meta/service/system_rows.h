#pragma once

#include <string>

#include "common/error.h"
#include "proto/meta_service.pb.h"

namespace penstock::meta {

class MetaLoop;

/// Rows of a system relation (all as text), with the names and kinds of its columns, which are those the frontend has for it:
///
///     penstock_sources    source_id source job_id job split rows_read position finished skipped_rows last_error database
///     penstock_jobs       job_id name kind state progress_rows parallelism fragments actors definition wanted_parallelism
///                         reason database
///     penstock_backfills  job_id job fragment_id relation state rows_read actors actors_done waits_for database; of jobs that are being
///                         created
///     penstock_fragments  fragment_id job_id job distribution actors operators upstreams database
///     penstock_actors     actor_id fragment_id job_id job worker_id vnodes database
///     penstock_workers    worker_id node endpoint alive parallelism actors incarnation disk
///                         state_bytes state_limit unflushed_bytes exchange_bytes
///     penstock_databases  database_id name state reason term committed_epoch committed_at in_flight oldest_ms waiting_commands
///                         waiting_reason recoveries
///     penstock_barriers   database epoch kind state scheduled_at first_collect_ms last_collect_ms sync_ms checkpoint_ms total_ms
///                         slowest_fragment slowest_actor command send_ms align_ms commit_ms fragments
///     penstock_events     at kind database text job worker_id
/// Errors: `UndefinedTable` for any other.
[[nodiscard]] Result<pb::SystemRowsResponse> make_system_rows(MetaLoop& loop, const std::string& relation);

}  // namespace penstock::meta
