#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "meta/catalog/catalog_manager.h"
#include "meta/service/pending_reply.h"
#include "proto/inspect.pb.h"
#include "proto/meta_service.pb.h"
#include "rpc/transport.h"

namespace penstock::meta {

class MetaLoop;

/// The calls of "/penstock.Meta/…", each one method. Used on the loop only.
class Requests {
 public:
  explicit Requests(MetaLoop& loop) : loop_(loop) {}
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  void call(std::string_view method, const rpc::Bytes& bytes, PendingReply reply);

 private:
  template <typename Request>
  void parsed(const rpc::Bytes& bytes, PendingReply reply, void (Requests::*handler)(const Request&, PendingReply));

  void register_worker(const pb::RegisterWorkerRequest& request, PendingReply reply);
  void get_catalog(const pb::GetCatalogRequest& request, PendingReply reply);
  void catalog_version(const pb::CatalogVersionRequest& request, PendingReply reply);
  void create_object(const pb::CreateObjectRequest& request, PendingReply reply);
  void create_listed(const pb::CreateObjectRequest& request, const catalog::Listings& listings, PendingReply reply);
  void drop_object(const pb::DropObjectRequest& request, PendingReply reply);
  void create_database(const pb::CreateDatabaseRequest& request, PendingReply reply);
  // requests_alter.cc
  void pause(const pb::PauseRequest& request, PendingReply reply);
  void resume(const pb::PauseRequest& request, PendingReply reply);
  void rebuild(JobId job, PendingReply reply);
  void set_paused(const pb::PauseRequest& request, bool paused, PendingReply reply);
  void throttle(const pb::ThrottleRequest& request, PendingReply reply);
  void add_column(const pb::AddColumnRequest& request, PendingReply reply);
  void drop_database(const pb::DropDatabaseRequest& request, PendingReply reply);
  void cancel_jobs(const pb::CancelJobsRequest& request, PendingReply reply);
  void alter_source(const pb::AlterSourceRequest& request, PendingReply reply);
  void rename_object(const pb::RenameObjectRequest& request, PendingReply reply);
  void alter_database(const pb::AlterDatabaseRequest& request, PendingReply reply);
  /// Commits what `build` makes, then answers when the barrier that puts it in force has committed; or, unless it shall be `whole`, when
  /// that barrier has died and a recovery, which puts it in force, begins.
  void alter(std::function<Result<Txn>()> build, std::function<DatabaseId()> database, PendingReply reply, bool whole = false);

  void flush(const pb::FlushRequest& request, PendingReply reply);
  void commit_transaction(const pb::CommitTransactionRequest& request, PendingReply reply);
  void abort_transaction(const pb::AbortTransactionRequest& request, PendingReply reply);
  void wait_for_source(const pb::WaitForSourceRequest& request, PendingReply reply);
  void system_rows(const pb::SystemRowsRequest& request, PendingReply reply);
  void inspect(const pb::InspectRequest& request, PendingReply reply);
  void await_tree(const pb::AwaitTreeRequest& request, PendingReply reply);
  void table_sizes(const pb::TableSizesRequest& request, PendingReply reply);
  void doctor(const pb::DoctorRequest& request, PendingReply reply);
  void why_waiting(const pb::WhyWaitingRequest& request, PendingReply reply);
  // rescale_requests.cc
  void alter_parallelism(const pb::AlterParallelismRequest& request, PendingReply reply);
  void drain_worker(const pb::DrainWorkerRequest& request, PendingReply reply);

  MetaLoop& loop_;
  std::deque<uint64_t> cancelled_creations_;  // the last ones that were cancelled before they came
};

/// What the transport calls, on any thread: posts to the loop.
[[nodiscard]] std::shared_ptr<rpc::Service> make_meta_service(std::shared_ptr<MetaLoop> loop);

}  // namespace penstock::meta
