// Calls that change settings of what runs: pause, resume, throttle, intervals of a database.
#include "meta/catalog/alter.h"
#include "meta/catalog/evolve.h"
#include "meta/catalog/rebuild.h"
#include "meta/service/meta_loop.h"
#include "meta/service/requests.h"

namespace penstock::meta {
namespace {

void answer(PendingReply& reply, uint64_t version, Epoch committed) {
  pb::PauseResponse response;
  response.set_catalog_version(version);
  response.set_committed_epoch(committed.value);
  reply.answer(response);
}

}  // namespace

void Requests::pause(const pb::PauseRequest& request, PendingReply reply) { set_paused(request, true, std::move(reply)); }

void Requests::resume(const pb::PauseRequest& request, PendingReply reply) {
  const pb::CatalogObject* job = request.job_id() == 0 ? nullptr : loop_.model().object(ObjectId{request.job_id()});
  if (job != nullptr && job->state() == pb::JOB_QUARANTINED) return rebuild(ObjectId{request.job_id()}, std::move(reply));
  set_paused(request, false, std::move(reply));
}

// A view is created again in the background: SHOW JOBS tells how far it is.
void Requests::rebuild(JobId job, PendingReply reply) {
  const auto plan = std::make_shared<catalog::RebuildPlan>();  // shared by the two ends of the commit
  loop_.submit(
      [this, plan, job]() -> Result<Txn> {
        const pb::CatalogObject* object = loop_.model().object(job);
        if (object == nullptr) return error(Code::UndefinedObject, "job {} was dropped", job);
        if (object->state() != pb::JOB_QUARANTINED) return Txn{};  // somebody was faster
        PENSTOCK_TRY(*plan, catalog::plan_rebuild(loop_.model(), job));
        return std::move(plan->txn);
      },
      [this, plan, job, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        answer(reply, loop_.model().counter(Counter::CatalogVersion), Epoch{});
        const DatabaseId database = catalog::database_of(loop_.model(), job);
        if (plan->from_empty) return loop_.enqueue(database, CommandQueued{CreateJob{job}});
        loop_.enqueue(database, JobReadmitted{job});
      });
}

void Requests::set_paused(const pb::PauseRequest& request, bool paused, PendingReply reply) {
  alter([this, request, paused] { return catalog::plan_pause(loop_.model(), request, paused); },
        [this, request] {
          if (request.job_id() == 0) return DatabaseId{request.database_id()};
          return catalog::database_of(loop_.model(), ObjectId{request.job_id()});
        },
        std::move(reply));
}

void Requests::throttle(const pb::ThrottleRequest& request, PendingReply reply) {
  alter([this, request] { return catalog::plan_throttle(loop_.model(), request); },
        [this, request] { return catalog::database_of(loop_.model(), ObjectId{request.object_id()}); }, std::move(reply));
}

void Requests::add_column(const pb::AddColumnRequest& request, PendingReply reply) {
  alter([this, request] { return catalog::plan_add_column(loop_.model(), request); },
        [this, request] { return catalog::database_of(loop_.model(), ObjectId{request.object_id()}); }, std::move(reply), true);
}

void Requests::alter_source(const pb::AlterSourceRequest& request, PendingReply reply) {
  alter([this, request] { return catalog::plan_alter_source(loop_.model(), request); },
        [this, request] { return catalog::database_of(loop_.model(), ObjectId{request.source_id()}); }, std::move(reply));
}

void Requests::alter(std::function<Result<Txn>()> build, std::function<DatabaseId()> database, PendingReply reply, bool whole) {
  loop_.submit(std::move(build), [this, whole, database = std::move(database), reply = std::move(reply)](const Status& status) mutable {
    if (status.has_error()) return reply.fail(status.error());
    const uint64_t version = loop_.model().counter(Counter::CatalogVersion);
    const DatabaseId id = database();
    const CheckpointControl* control = loop_.database(id);
    if (control == nullptr || control->recovering()) {  // which builds it so
      answer(reply, version, Epoch{});
      return loop_.publish();
    }
    auto in_force = [version, reply = std::move(reply)](const FlushDone& done) mutable { answer(reply, version, done.committed); };
    whole ? loop_.flush(id, std::move(in_force)) : loop_.settle(id, std::move(in_force));
  });
}

void Requests::cancel_jobs(const pb::CancelJobsRequest& request, PendingReply reply) {
  struct Found {
    catalog::DropPlan plan;
    bool too_late = false;
  };
  const auto found = std::make_shared<Found>();  // shared by the two ends of the commit
  loop_.submit(
      [this, request, found]() -> Result<Txn> {
        std::vector<ObjectId> jobs;
        for (const uint32_t id : request.job_ids()) jobs.emplace_back(id);
        if (request.creation() != 0) {
          const auto object = std::ranges::find_if(loop_.model().objects(),
                                                   [&](const auto& entry) { return entry.second.creation() == request.creation(); });
          if (object != loop_.model().objects().end()) {
            jobs.push_back(object->first);
            found->too_late = object->second.state() != pb::JOB_CREATING;
          } else {
            constexpr size_t kMostKept = 1000;
            cancelled_creations_.push_back(request.creation());
            if (cancelled_creations_.size() > kMostKept) cancelled_creations_.pop_front();
          }
        }
        found->plan = catalog::plan_cancel(loop_.model(), jobs);
        return std::move(found->plan.txn);
      },
      [this, found, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        pb::CancelJobsResponse response;
        response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
        response.set_too_late(found->too_late);
        for (const ObjectId id : found->plan.dropped) response.add_cancelled(id.value);
        reply.answer(response);
        loop_.on_dropped(std::move(found->plan.jobs), error(Code::Cancelled, "it was cancelled"));
      });
}

void Requests::drop_database(const pb::DropDatabaseRequest& request, PendingReply reply) {
  const auto plan = std::make_shared<catalog::DropPlan>();  // shared by the two ends of the commit
  loop_.submit(
      [this, plan, request]() -> Result<Txn> {
        PENSTOCK_TRY(*plan, catalog::plan_drop_database(loop_.model(), DatabaseId{request.database_id()}, request.cascade()));
        return std::move(plan->txn);
      },
      [this, plan, database = DatabaseId{request.database_id()}, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        pb::DropObjectResponse response;
        response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
        for (const ObjectId dropped : plan->dropped) response.add_dropped(dropped.value);
        reply.answer(response);
        loop_.on_dropped(std::move(plan->jobs), error(Code::Cancelled, "its database was dropped while it was being created"));
        loop_.on_database_dropped(database);
      });
}

void Requests::rename_object(const pb::RenameObjectRequest& request, PendingReply reply) {
  loop_.submit([this, request] { return catalog::plan_rename(loop_.model(), request); },
               [this, request, reply = std::move(reply)](const Status& status) mutable {
                 if (status.has_error()) return reply.fail(status.error());
                 loop_.enqueue(catalog::database_of(loop_.model(), ObjectId{request.object_id()}), Tick{});
                 pb::AlterDatabaseResponse response;
                 response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
                 reply.answer(response);
               });
}

void Requests::alter_database(const pb::AlterDatabaseRequest& request, PendingReply reply) {
  loop_.submit([this, request] { return catalog::plan_alter_database(loop_.model(), request); },
               [this, request, reply = std::move(reply)](const Status& status) mutable {
                 if (status.has_error()) return reply.fail(status.error());
                 loop_.enqueue(DatabaseId{request.database_id()}, Tick{});
                 pb::AlterDatabaseResponse response;
                 response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
                 reply.answer(response);
               });
}

}  // namespace penstock::meta
