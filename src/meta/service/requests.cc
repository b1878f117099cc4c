#include "meta/service/requests.h"

#include "meta/catalog/catalog_manager.h"
#include "meta/model/rows.h"
#include "meta/service/inspector.h"
#include "meta/service/meta_loop.h"
#include "meta/service/source_watch.h"
#include "meta/service/system_rows.h"

namespace penstock::meta {

template <typename Request>
void Requests::parsed(const rpc::Bytes& bytes, PendingReply reply, void (Requests::*handler)(const Request&, PendingReply)) {
  Request request;
  if (!request.ParseFromString(bytes)) {
    return reply.fail(error(Code::Protocol, "{} bytes that are no {}", bytes.size(), Request::descriptor()->name()));
  }
  (this->*handler)(request, std::move(reply));
}

void Requests::call(std::string_view method, const rpc::Bytes& bytes, PendingReply reply) {
  if (method == "/penstock.Meta/RegisterWorker") return parsed(bytes, std::move(reply), &Requests::register_worker);
  if (method == "/penstock.Meta/GetCatalog") return parsed(bytes, std::move(reply), &Requests::get_catalog);
  if (method == "/penstock.Meta/CatalogVersion") return parsed(bytes, std::move(reply), &Requests::catalog_version);
  if (method == "/penstock.Meta/CreateObject") return parsed(bytes, std::move(reply), &Requests::create_object);
  if (method == "/penstock.Meta/DropObject") return parsed(bytes, std::move(reply), &Requests::drop_object);
  if (method == "/penstock.Meta/CreateDatabase") return parsed(bytes, std::move(reply), &Requests::create_database);
  if (method == "/penstock.Meta/Pause") return parsed(bytes, std::move(reply), &Requests::pause);
  if (method == "/penstock.Meta/Resume") return parsed(bytes, std::move(reply), &Requests::resume);
  if (method == "/penstock.Meta/Throttle") return parsed(bytes, std::move(reply), &Requests::throttle);
  if (method == "/penstock.Meta/AddColumn") return parsed(bytes, std::move(reply), &Requests::add_column);
  if (method == "/penstock.Meta/AlterSource") return parsed(bytes, std::move(reply), &Requests::alter_source);
  if (method == "/penstock.Meta/RenameObject") return parsed(bytes, std::move(reply), &Requests::rename_object);
  if (method == "/penstock.Meta/AlterDatabase") return parsed(bytes, std::move(reply), &Requests::alter_database);
  if (method == "/penstock.Meta/DropDatabase") return parsed(bytes, std::move(reply), &Requests::drop_database);
  if (method == "/penstock.Meta/CancelJobs") return parsed(bytes, std::move(reply), &Requests::cancel_jobs);
  if (method == "/penstock.Meta/Flush") return parsed(bytes, std::move(reply), &Requests::flush);
  if (method == "/penstock.Meta/CommitTransaction") return parsed(bytes, std::move(reply), &Requests::commit_transaction);
  if (method == "/penstock.Meta/AbortTransaction") return parsed(bytes, std::move(reply), &Requests::abort_transaction);
  if (method == "/penstock.Meta/WaitForSource") return parsed(bytes, std::move(reply), &Requests::wait_for_source);
  if (method == "/penstock.Meta/SystemRows") return parsed(bytes, std::move(reply), &Requests::system_rows);
  if (method == "/penstock.Meta/AlterParallelism") return parsed(bytes, std::move(reply), &Requests::alter_parallelism);
  if (method == "/penstock.Meta/DrainWorker") return parsed(bytes, std::move(reply), &Requests::drain_worker);
  if (method == "/penstock.Meta/Inspect") return parsed(bytes, std::move(reply), &Requests::inspect);
  if (method == "/penstock.Meta/AwaitTree") return parsed(bytes, std::move(reply), &Requests::await_tree);
  if (method == "/penstock.Meta/TableSizes") return parsed(bytes, std::move(reply), &Requests::table_sizes);
  if (method == "/penstock.Meta/Doctor") return parsed(bytes, std::move(reply), &Requests::doctor);
  reply.fail(error(Code::NotSupported, "meta has no method {}", method));
}

void Requests::register_worker(const pb::RegisterWorkerRequest& request, PendingReply reply) {
  const auto record = std::make_shared<pb::WorkerRecord>();  // shared by the two ends of the commit
  loop_.submit(
      [this, request, record]() -> Result<Txn> {
        PENSTOCK_TRY(*record, loop_.cluster().check_registration(loop_.model(), loop_.cluster_id(), request));
        const pb::WorkerRecord* known = loop_.model().worker(WorkerId{record->worker_id()});
        Txn txn;
        if (known != nullptr && known->SerializeAsString() == record->SerializeAsString()) return txn;
        rows::put(txn, *record);
        if (known == nullptr) rows::put_counter(txn, Counter::NextWorker, record->worker_id() + 1);
        return txn;
      },
      [this, record, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        pb::RegisterWorkerResponse response;
        response.set_cluster_id(loop_.cluster_id());
        response.set_worker_id(record->worker_id());
        response.set_barrier_interval_ms(loop_.options().barrier_interval_ms);
        reply.answer(response);
        Cluster::Effects effects;
        loop_.cluster().on_registered(loop_.now(), *record, effects);
        loop_.perform(std::move(effects));
      });
}

void Requests::get_catalog(const pb::GetCatalogRequest&, PendingReply reply) { reply.answer(loop_.snapshot()); }

void Requests::catalog_version(const pb::CatalogVersionRequest&, PendingReply reply) {
  pb::CatalogVersionResponse response;
  response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
  reply.answer(response);
}

void Requests::create_object(const pb::CreateObjectRequest& request, PendingReply reply) {
  const CheckpointControl* control = loop_.database(DatabaseId{request.object().database_id()});
  if (request.has_graph() && control != nullptr) {
    if (const std::string& low = control->pauses().why(PauseReasons::Reason::Disk); !low.empty()) {
      return reply.fail(error(Code::DiskFull, "{}", low).with_hint("Free space there or drop what is not needed, then try again."));
    }
  }
  std::set<ObjectId> sources;
  for (const pb::Fragment& fragment : request.graph().fragments()) {
    if (fragment.has_source()) sources.insert(ObjectId{fragment.source_id()});
  }
  loop_.sources().list({sources.begin(), sources.end()},
                       [this, request, reply = std::move(reply)](Result<std::map<ObjectId, SourceListing>> listed) mutable {
                         if (listed.has_error()) return reply.fail(listed.error());
                         catalog::Listings listings;
                         for (auto& [source, listing] : listed.value()) listings[source] = std::move(listing.splits);
                         create_listed(request, listings, std::move(reply));
                       });
}

void Requests::create_listed(const pb::CreateObjectRequest& request, const catalog::Listings& listings, PendingReply reply) {
  const auto plan = std::make_shared<catalog::CreatePlan>();  // shared by the two ends of the commit
  loop_.submit(
      [this, plan, request, listings]() -> Result<Txn> {
        const uint64_t creation = request.object().creation();
        if (creation != 0 && std::ranges::find(cancelled_creations_, creation) != cancelled_creations_.end()) {
          return error(Code::Cancelled, "it was cancelled");
        }
        PENSTOCK_TRY(*plan, catalog::plan_create(loop_.model(), request, listings, loop_.now().unix_micros));
        return std::move(plan->txn);
      },
      [this, plan, background = request.background(), reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        pb::CreateObjectResponse response;
        response.set_object_id(plan->object.value);
        response.set_existed(plan->existed);
        response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
        if (!plan->is_job || background) {
          reply.answer(response);
        } else {
          loop_.wait_created(plan->object, [this, response, reply = std::move(reply)](const Status& created) mutable {
            if (created.has_error()) return reply.fail(created.error());
            response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
            reply.answer(response);
          });
        }
        if (plan->is_job) {
          loop_.enqueue(plan->database, CommandQueued{CreateJob{plan->object}});
        } else {
          loop_.publish();
          loop_.enqueue(plan->database, Tick{});  // a subscription's barrier
        }
      });
}

void Requests::drop_object(const pb::DropObjectRequest& request, PendingReply reply) {
  const auto plan = std::make_shared<catalog::DropPlan>();  // shared by the two ends of the commit
  loop_.submit(
      [this, plan, request]() -> Result<Txn> {
        PENSTOCK_TRY(*plan, catalog::plan_drop(loop_.model(), ObjectId{request.object_id()}, request.cascade()));
        return std::move(plan->txn);
      },
      [this, plan, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        pb::DropObjectResponse response;
        response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
        for (const ObjectId dropped : plan->dropped) response.add_dropped(dropped.value);
        reply.answer(response);
        loop_.on_dropped(std::move(plan->jobs), error(Code::Cancelled, "it was dropped while it was being created"));
      });
}

void Requests::create_database(const pb::CreateDatabaseRequest& request, PendingReply reply) {
  const auto plan = std::make_shared<catalog::CreateDatabasePlan>();  // shared by the two ends of the commit
  loop_.submit(
      [this, plan, request]() -> Result<Txn> {
        PENSTOCK_TRY(*plan, catalog::plan_create_database(loop_.model(), request));
        return std::move(plan->txn);
      },
      [this, plan, reply = std::move(reply)](const Status& status) mutable {
        if (status.has_error()) return reply.fail(status.error());
        if (loop_.database(plan->database) == nullptr) loop_.add_database(plan->database);
        pb::CreateDatabaseResponse response;
        response.set_database_id(plan->database.value);
        response.set_catalog_version(loop_.model().counter(Counter::CatalogVersion));
        reply.answer(response);
      });
}

void Requests::flush(const pb::FlushRequest& request, PendingReply reply) {
  const DatabaseId id{request.database_id()};
  CheckpointControl* control = loop_.database(id);
  if (control == nullptr) return reply.fail(error(Code::UndefinedDatabase, "database {} does not exist", id));
  if (request.checkpoint_soon()) {
    pb::FlushResponse response;
    to_pb(control->graph(), response.mutable_graph());
    response.set_committed_epoch(control->committed().value);
    reply.answer(response);
    return loop_.enqueue(id, CheckpointWanted{});
  }
  loop_.flush(id, [reply = std::move(reply)](const FlushDone& done) mutable {
    pb::FlushResponse response;
    to_pb(done.graph, response.mutable_graph());
    response.set_committed_epoch(done.committed.value);
    reply.answer(response);
  });
}

namespace {

TransactionWanted from_pb(const pb::CommitTransactionRequest& request) {
  TransactionWanted wanted{TransactionId{request.transaction()}, {}, Epoch{request.read_epoch()}, {}};
  for (const pb::TransactionParticipant& p : request.participants()) {
    wanted.participants.push_back({meta::from_pb(p.graph()), WorkerId{p.worker_id()}, ActorId{p.actor_id()}});
  }
  for (const pb::TransactionWrites& w : request.writes()) {
    wanted.writes.push_back({TableId{w.table_id()}, w.read(), w.whole_table(), {w.keys().begin(), w.keys().end()}});
  }
  return wanted;
}

}  // namespace

void Requests::commit_transaction(const pb::CommitTransactionRequest& request, PendingReply reply) {
  const DatabaseId id{request.database_id()};
  const CheckpointControl* control = loop_.database(id);
  if (control == nullptr) return reply.fail(error(Code::UndefinedDatabase, "database {} does not exist", id));
  // All participants are of the term in which it is decided, so that is where the epoch belongs.
  pb::CommitTransactionResponse response;
  if (request.participants_size() > 0) *response.mutable_graph() = request.participants(0).graph();
  const auto caller = std::make_shared<PendingReply>(std::move(reply));  // shared by the answer and a refusal
  const Status taken = loop_.commit_transaction(id, from_pb(request), [response, caller](const TransactionDecided& decided) mutable {
    if (decided.verdict == TransactionDecided::Verdict::Gone) {
      return caller->fail(
          error(Code::SerializationFailure, "a recovery or a change of a table dropped the transaction's rows; nothing of it was applied")
              .with_hint("Run it again."));
    }
    response.set_conflict(decided.verdict == TransactionDecided::Verdict::Conflict);
    response.set_epoch(decided.epoch.value);
    caller->answer(response);
  });
  if (taken.has_error()) caller->fail(taken.error());
}

void Requests::abort_transaction(const pb::AbortTransactionRequest& request, PendingReply reply) {
  const DatabaseId id{request.database_id()};
  if (loop_.database(id) == nullptr) return reply.fail(error(Code::UndefinedDatabase, "database {} does not exist", id));
  reply.answer(pb::AbortTransactionResponse());
  loop_.enqueue(id, TransactionGivenUp{TransactionId{request.transaction()}});
}

void Requests::wait_for_source(const pb::WaitForSourceRequest& request, PendingReply reply) {
  loop_.sources().wait_for_end(ObjectId{request.source_id()}, std::move(reply));
}

void Requests::system_rows(const pb::SystemRowsRequest& request, PendingReply reply) {
  auto rows = make_system_rows(loop_, request.relation());
  if (rows.has_error()) return reply.fail(rows.error());
  reply.answer(rows.value());
}

void Requests::inspect(const pb::InspectRequest& request, PendingReply reply) {
  pb::InspectReply response;
  if (request.worker_id() == 0) {
    response.set_text(loop_.debug_text());
    return reply.answer(response);
  }
  loop_.inspect_worker(WorkerId{request.worker_id()}, request.what(), std::chrono::seconds(5),
                       [reply = std::move(reply)](Result<pb::InspectResponse> said) mutable {
                         if (said.has_error()) return reply.fail(said.error());
                         pb::InspectReply answer;
                         answer.set_text(std::move(*said.value().mutable_text()));
                         reply.answer(answer);
                       });
}

void Requests::await_tree(const pb::AwaitTreeRequest& request, PendingReply reply) {
  const AwaitFilter filter{WorkerId{request.worker_id()}, ActorId{request.actor_id()}};
  loop_.inspector().await_tree(filter, [reply = std::move(reply)](const pb::AwaitTreeReply& tree) mutable { reply.answer(tree); });
}

void Requests::table_sizes(const pb::TableSizesRequest&, PendingReply reply) {
  loop_.inspector().table_sizes([reply = std::move(reply)](const pb::TableSizesReply& sizes) mutable { reply.answer(sizes); });
}

void Requests::doctor(const pb::DoctorRequest& request, PendingReply reply) {
  loop_.inspector().doctor(request.unix_micros(),
                           [reply = std::move(reply)](const pb::DoctorReply& findings) mutable { reply.answer(findings); });
}

namespace {

class MetaService final : public rpc::Service {
 public:
  explicit MetaService(std::shared_ptr<MetaLoop> loop) : loop_(std::move(loop)) {}

  void call(std::string_view method, rpc::Bytes request, Reply reply) override {
    loop_->post([loop = loop_.get(), method = std::string(method), request = std::move(request),
                 reply = PendingReply(std::move(reply))]() mutable { loop->requests().call(method, request, std::move(reply)); });
  }

  Result<Accepted> open(std::string_view method, std::shared_ptr<rpc::Stream> stream) override {
    if (method != "/penstock.Meta/Subscribe") return error(Code::NotSupported, "meta has no stream {}", method);
    const auto number = std::make_shared<uint64_t>(0);  // shared by the two jobs and the events
    loop_->post([loop = loop_.get(), number, stream = std::move(stream)]() mutable {
      *number = loop->subscribers().add(std::move(stream), loop->snapshot());
    });
    rpc::StreamEvents events;
    events.on_message = [](const rpc::Bytes&) {};
    events.on_closed = [loop = loop_, number](const Status&) { loop->subscribers().remove(*number); };
    return Accepted{&loop_->executor(), std::move(events)};
  }

 private:
  const std::shared_ptr<MetaLoop> loop_;  // shared: requests come in until the listener is gone
};

}  // namespace

std::shared_ptr<rpc::Service> make_meta_service(std::shared_ptr<MetaLoop> loop) { return std::make_shared<MetaService>(std::move(loop)); }

}  // namespace penstock::meta
