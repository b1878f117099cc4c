#pragma once

#include <span>

#include "stream/task/actor_manager.h"
#include "stream/task/barrier_worker/managed_barrier_state.h"
#include "stream/task/barrier_worker/task_book.h"

namespace penstock::pb {
class WorkerSnapshot;
}

namespace penstock::stream {

/// What a worker answers to Inspect "await": who is missing from each barrier, what each actor waits on, what is under way off the loop.
[[nodiscard]] pb::WorkerSnapshot make_await_snapshot(const ManagedBarrierState& state, std::span<const ActorStatus> actors,
                                                     std::span<const TaskBook::Task> tasks, runtime::TimePoint now);

}  // namespace penstock::stream
