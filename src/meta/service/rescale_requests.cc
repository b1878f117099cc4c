// Calls that move jobs: what is wanted becomes durable first, then the databases are told to look where their jobs should be.
#include "meta/catalog/catalog_manager.h"
#include "meta/model/rows.h"
#include "meta/placement/rescale.h"
#include "meta/service/meta_loop.h"
#include "meta/service/requests.h"

namespace penstock::meta {
namespace {

std::vector<Candidate> candidates_of(MetaLoop& loop) {
  std::vector<Candidate> out;
  for (const WorkerId worker : loop.cluster().placeable()) {
    out.push_back({worker, loop.cluster().parallelism(worker), loop.actors_on(worker)});
  }
  return out;
}

/// The database's jobs as they are, but for one plan.
Result<RescalePlan> plan_with(MetaLoop& loop, const std::shared_ptr<const JobPlan>& changed) {
  std::vector<PlacedJob> jobs;
  for (const auto& [id, plan] : loop.model().jobs()) {
    const JobPlacement* placement = loop.model().placement(id);
    if (plan->database() != changed->database() || placement == nullptr) continue;
    jobs.push_back({id == changed->id() ? changed : plan, placement});
  }
  return plan_rescale(jobs, candidates_of(loop));
}

Result<Txn> plan_alter(MetaLoop& loop, const pb::AlterParallelismRequest& request) {
  const ObjectId id{request.object_id()};
  const pb::CatalogObject* object = loop.model().object(id);
  if (object == nullptr) return error(Code::UndefinedObject, "object {} does not exist", id);
  const auto plan = loop.model().job(id);
  if (!plan) {
    return error(Code::NotSupported, "{} has no actors of its own, so it has no parallelism", catalog::describe(*object))
        .with_hint("Alter the tables, views and sinks that read it: each of them reads it with its own actors.");
  }
  if (request.parallelism() > plan->vnode_count()) {
    return error(Code::InvalidParameter, "parallelism {} is more than the {} vnodes of {}", request.parallelism(), plan->vnode_count(),
                 catalog::describe(*object))
        .with_hint("There is at most one actor of a fragment for each vnode.");
  }
  pb::JobRecord record = plan->record();
  if (record.graph().parallelism() == request.parallelism()) return Txn{};
  record.mutable_graph()->set_parallelism(request.parallelism());
  Txn txn;
  rows::put(txn, record);
  PENSTOCK_TRY(const auto changed, JobPlan::make(std::move(record)));
  if (const auto possible = plan_with(loop, changed); possible.has_error() && possible.error().code() != Code::Unavailable) {
    return possible.error();
  }
  return txn;
}

}  // namespace

void Requests::alter_parallelism(const pb::AlterParallelismRequest& request, PendingReply reply) {
  loop_.submit([this, request] { return plan_alter(loop_, request); },
               [this, request, reply = std::move(reply)](const Status& status) mutable {
                 if (status.has_error()) return reply.fail(status.error());
                 const auto plan = loop_.model().job(ObjectId{request.object_id()});
                 if (!plan) return reply.fail(error(Code::UndefinedObject, "object {} was dropped", request.object_id()));
                 loop_.rescale(plan->database(), {}, [reply = std::move(reply)](const Status& done) mutable {
                   if (done.has_error()) return reply.fail(done.error());
                   reply.answer(pb::AlterParallelismResponse());
                 });
               });
}

void Requests::drain_worker(const pb::DrainWorkerRequest& request, PendingReply reply) {
  const WorkerId worker{request.worker_id()};
  const auto record = std::make_shared<pb::WorkerRecord>();  // shared by the two ends of the commit
  loop_.submit(
      [this, request, worker, record]() -> Result<Txn> {
        const pb::WorkerRecord* known = loop_.model().worker(worker);
        if (known == nullptr) {
          return error(Code::UndefinedObject, "there is no node {}", worker).with_hint("SELECT * FROM penstock_workers lists them.");
        }
        const auto others = loop_.cluster().placeable();
        const bool last = std::ranges::all_of(others, [&](WorkerId other) { return other == worker; });
        if (!request.undo() && last && loop_.actors_on(worker) > 0) {
          return error(Code::Unavailable, "node {} cannot be drained: no other node takes its actors", worker)
              .with_hint("Start another compute first.");
        }
        *record = *known;
        record->set_draining(!request.undo());
        Txn txn;
        if (known->draining() != record->draining()) rows::put(txn, *record);
        return txn;
      },
      [this, worker, record, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        loop_.cluster().on_drained(*record);
        loop_.note_workers_changed();
        loop_.rescale_all({}, [this, worker, reply = std::move(reply)](const Status& done) mutable {
          if (done.has_error()) return reply.fail(done.error());
          pb::DrainWorkerResponse response;
          response.set_actors(loop_.actors_on(worker));
          reply.answer(response);
        });
        loop_.publish();
      });
}

}  // namespace penstock::meta
