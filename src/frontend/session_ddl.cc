// Statements that define things, FLUSH and WAIT.
#include "connector/source/catalog_spec.h"
#include "frontend/ddl.h"
#include "frontend/readiness.h"
#include "frontend/session_impl.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kDdlTimeout = std::chrono::hours(24);

template <typename Response>
Result<Response> decode(Result<rpc::Bytes> bytes) {
  if (bytes.has_error()) return bytes.error();
  Response response;
  if (!response.ParseFromString(bytes.value()))
    return error(Code::Protocol, "meta answered with bytes that are no {}", response.GetTypeName());
  return response;
}

}  // namespace

std::function<Status()> Session::telling(pb::WhyWaitingRequest why, std::function<Status()> first) {
  why.set_database_id(identity_.database_id.value);
  const auto say = [this](const std::string& text) { return notice_sink_ && variables_.sends_notices() ? notice_sink_(text) : ok(); };
  return [first = std::move(first), notice = WaitNotice(services_.runtime, services_.meta, why, say)]() mutable -> Status {
    if (first) {
      PENSTOCK_TRY(first());
    }
    return notice();
  };
}

Status Session::wait_for_catalog(uint64_t version) {
  PENSTOCK_TRY(services_.meta.wait([&](const MetaView& view) { return view.catalog->version() >= version; }, kApplyTimeout, &cancelled_,
                                   "the catalog"));
  return ok();
}

// False when there is none, and when meta does not answer: then what is known has to do.
bool Session::hear_of_newer(const CatalogView& known) {
  constexpr runtime::Duration kAnswersSoon = std::chrono::seconds(2);
  const auto newest = decode<pb::CatalogVersionResponse>(
      services_.meta.call("/penstock.Meta/CatalogVersion", pb::CatalogVersionRequest().SerializeAsString(), kAnswersSoon, &cancelled_));
  if (newest.has_error() || newest.value().catalog_version() <= known.meta().catalog->version()) return false;
  return wait_for_catalog(newest.value().catalog_version()).has_value();
}

// Somebody gave a name to another object, or dropped it, and this frontend had not heard yet: what the names mean is asked again.
Error Session::bound_too_early(const CatalogView& bound, const Error& refused) {
  constexpr runtime::Duration kHearsSoon = std::chrono::seconds(5);
  if (refused.code() != Code::UndefinedObject) return refused;
  const auto newer = [version = bound.meta().catalog->version()](const MetaView& view) { return view.catalog->version() > version; };
  plan_is_old_ = services_.meta.wait(newer, kHearsSoon, &cancelled_, "the catalog").has_value();
  return refused;
}

Status Session::create(const pb::CatalogObject& object, const pb::FragmentGraph* graph, bool if_not_exists, const CatalogView& bound) {
  pb::CreateObjectRequest request;
  *request.mutable_object() = object;
  if (graph != nullptr) *request.mutable_graph() = *graph;
  request.set_if_not_exists(if_not_exists);
  request.set_background(variables_.background_ddl());
  uint64_t token = 0;
  services_.runtime.random_bytes(&token, sizeof(token));
  request.mutable_object()->set_creation(token);
  pb::WhyWaitingRequest why;
  why.set_creations(true);
  why.set_creation(token);
  auto answer = services_.meta.call("/penstock.Meta/CreateObject", request.SerializeAsString(), kDdlTimeout, &cancelled_,
                                    telling(why, RecoveryPatience(services_, identity_.database_id)));
  if (answer.has_error() && (cancelled_ || answer.error().code() == Code::Unavailable || answer.error().code() == Code::OutcomeUnknown)) {
    const auto created = ddl::cancel_creation(token, services_.meta);
    if (created.has_error()) {
      return answer.error()
          .with_detail(fmt::format("Whether \"{}\" is being created is not known: {}", object.name(), created.error().message()))
          .with_hint("SHOW JOBS lists it then, CANCEL JOBS cancels it.");
    }
    if (!created.value()) return answer.error();
    cancelled_ = false;  // too late
    return wait_for_catalog(*created.value());
  }
  if (answer.has_error()) return bound_too_early(bound, answer.error());
  PENSTOCK_TRY(const auto created, decode<pb::CreateObjectResponse>(std::move(answer)));
  if (created.existed()) notices_.push_back(fmt::format("relation \"{}\" already exists, skipping", object.name()));
  return wait_for_catalog(created.catalog_version());
}

Result<std::string> Session::run(const CreateSource& source, Run run) {
  PENSTOCK_TRY(connector::validate_source(connector::spec_of(source.object)));
  PENSTOCK_TRY(create(source.object, nullptr, source.if_not_exists, run.catalog));
  return run.tag;
}

Result<std::string> Session::run(const CreateJob& job, Run run) {
  PENSTOCK_TRY(create(job.object, &job.graph, job.if_not_exists, run.catalog));
  return run.tag;
}

Result<std::string> Session::run(const CreateDatabase& database, Run run) {
  pb::CreateDatabaseRequest request;
  request.set_name(database.name);
  request.set_if_not_exists(database.if_not_exists);
  request.set_barrier_interval_ms(database.barrier_interval_ms);
  request.set_checkpoint_frequency(database.checkpoint_frequency);
  PENSTOCK_TRY(const auto created, decode<pb::CreateDatabaseResponse>(services_.meta.call(
                                       "/penstock.Meta/CreateDatabase", request.SerializeAsString(), kDdlTimeout, &cancelled_)));
  PENSTOCK_TRY(wait_for_catalog(created.catalog_version()));
  return run.tag;
}

Result<std::string> Session::run(const Drop& drop, Run run) {
  for (const Drop::Target& target : drop.targets) {
    pb::DropObjectRequest request;
    request.set_object_id(target.id);
    request.set_cascade(drop.cascade);
    const auto dropped = decode<pb::DropObjectResponse>(
        services_.meta.call("/penstock.Meta/DropObject", request.SerializeAsString(), kDdlTimeout, &cancelled_));
    if (dropped.has_error()) return drop.targets.size() == 1 ? bound_too_early(run.catalog, dropped.error()) : dropped.error();
    PENSTOCK_TRY(wait_for_catalog(dropped.value().catalog_version()));
  }
  return run.tag;
}

Result<std::string> Session::run(const DropDatabase& drop, Run run) {
  PENSTOCK_TRY(const uint64_t version, ddl::drop_database(drop, {services_.meta, cancelled_}));
  PENSTOCK_TRY(wait_for_catalog(version));
  return run.tag;
}

Result<std::string> Session::run(const Alter& alter, Run run) {
  pb::WhyWaitingRequest why;
  why.set_alters(true);
  const auto version =
      ddl::alter(alter, {services_.meta, cancelled_, telling(std::move(why), RecoveryPatience(services_, identity_.database_id))});
  if (version.has_error()) return bound_too_early(run.catalog, version.error());
  PENSTOCK_TRY(wait_for_catalog(version.value()));
  return run.tag;
}

Result<std::string> Session::run(const ast::CancelJobs& cancel, Run run) {
  PENSTOCK_TRY(const auto cancelled, ddl::cancel_jobs(cancel.ids, {services_.meta, cancelled_}));
  data::ColumnBuilder<int32_t> ids(data::TypeKind::Int32, cancelled.size());
  for (const uint32_t id : cancelled) ids.append(static_cast<int32_t>(id));
  if (!cancelled.empty()) {
    PENSTOCK_TRY(run.sink.rows(data::DataChunk({ids.finish()}, cancelled.size())));
  }
  return run.tag;
}

Result<std::string> Session::run(const ast::WaitForJobs&, Run run) {
  pb::WhyWaitingRequest why;
  why.set_creations(true);
  PENSTOCK_TRY(ddl::wait_for_jobs(identity_.database_id, {services_.meta, cancelled_, telling(why)}));
  return run.tag;
}

Result<std::string> Session::run(const Flush&, Run run) {
  pb::FlushRequest request;
  request.set_database_id(identity_.database_id.value);
  // While the disk is low a checkpoint goes through; when it is full nobody knows how long it takes.
  const auto may_go_through = [this, patience = RecoveryPatience(services_, identity_.database_id)]() mutable -> Status {
    PENSTOCK_TRY(patience());
    const MetaViewPtr view = services_.meta.view();
    const auto status = view->databases.find(identity_.database_id);
    if (status == view->databases.end() || !status->second.disk_full) return ok();
    return error(Code::DiskFull, "the checkpoint waits for space: {}", status->second.disk_low)
        .with_hint("What was written before stays and is committed once there is space; run FLUSH again then.");
  };
  PENSTOCK_TRY(const auto flushed, decode<pb::FlushResponse>(services_.meta.call("/penstock.Meta/Flush", request.SerializeAsString(),
                                                                                 kDdlTimeout, &cancelled_, telling({}, may_go_through))));
  PENSTOCK_TRY(wait_for_epoch(Epoch{flushed.committed_epoch()}));
  PENSTOCK_TRY(run.sink.rows(
      data::DataChunk({data::Column::constant(data::TypeKind::Int64, static_cast<int64_t>(flushed.committed_epoch()), 1)}, 1)));
  return run.tag;
}

Result<std::string> Session::run(const WaitForSource& wait, Run run) {
  pb::WaitForSourceRequest request;
  request.set_source_id(wait.source_id);
  pb::WhyWaitingRequest why;
  why.set_source_id(wait.source_id);
  PENSTOCK_TRY(const auto done, decode<pb::WaitForSourceResponse>(services_.meta.call(
                                    "/penstock.Meta/WaitForSource", request.SerializeAsString(), kDdlTimeout, &cancelled_, telling(why))));
  PENSTOCK_TRY(wait_for_epoch(Epoch{done.committed_epoch()}));
  return run.tag;
}

}  // namespace penstock::frontend
