// What the worker says of itself when it is asked.
#include "stream/task/barrier_worker/await_snapshot.h"
#include "stream/task/barrier_worker/local_barrier_worker.h"

namespace penstock::stream {

void LocalBarrierWorker::handle(const InspectRequest& request) {
  if (request.what == "await") return send(encode_inspect(request.request, await_snapshot()));
  if (request.what == "tables") {
    // Reads the disk, so it runs off the loop.
    return off_loop(WorkerQueue::Lane::Operation,
                    [this, number = request.request, task = tasks_.begin("sizes of tables")]() mutable -> runtime::Job {
                      pb::TableSizes sizes;
                      for (const auto& [table, bytes] : store_.table_sizes()) {
                        auto& size = *sizes.add_tables();
                        size.set_table_id(table.value);
                        size.set_bytes(bytes);
                      }
                      return [this, number, sizes = std::move(sizes)]() mutable { send(encode_inspect(number, std::move(sizes))); };
                    });
  }
  send(encode_inspect(request.request, debug_text()));
}

void LocalBarrierWorker::inspect(std::string, std::function<void(std::string)> reply) {
  post(WorkerQueue::Lane::Operation, [this, reply = std::move(reply)] { reply(debug_text()); });
}

pb::WorkerSnapshot LocalBarrierWorker::await_snapshot() const {
  pb::WorkerSnapshot out = make_await_snapshot(state_, actors_.status(), tasks_.tasks(), runtime_.now());
  if (options_.facts) options_.facts(*out.mutable_facts());
  return out;
}

std::string LocalBarrierWorker::debug_text() const {
  std::string out = state_.debug_string(runtime_.now());
  if (disk_.level != storage::DiskLevel::Enough) {
    out += fmt::format("  disk {}: {} MB free for {}, {} MB are kept in reserve\n",
                       disk_.level == storage::DiskLevel::Full ? "full, syncs wait for space" : "nearly full", disk_.free_bytes >> 20,
                       disk_.folder, disk_.reserve_bytes >> 20);
  }
  for (const ActorStatus& actor : actors_.status()) {
    if (actor.waiting_for.empty()) continue;
    const bool long_wait = actor.wait.micros > 1'000'000;
    out += fmt::format("  actor {} (fragment {}, {}) epoch {}: {} for {:.3f} s{}\n", actor.actor, actor.fragment, actor.job_name,
                       actor.epoch, actor.waiting_for, static_cast<double>(actor.wait.micros) / 1e6, long_wait ? "  <--" : "");
  }
  return out;
}

}  // namespace penstock::stream
