#include "frontend/ddl.h"

#include "connector/source/catalog_spec.h"
#include "proto/meta_service.pb.h"

namespace penstock::frontend::ddl {
namespace {

constexpr runtime::Duration kPatience = std::chrono::hours(24);

template <typename Response>
Result<Response> call(Caller caller, std::string_view method, const google::protobuf::Message& request) {
  PENSTOCK_TRY(const rpc::Bytes bytes, caller.meta.call(method, request.SerializeAsString(), kPatience, &caller.cancelled, caller.go_on));
  Response response;
  if (!response.ParseFromString(bytes)) return error(Code::Protocol, "meta's answer to {} is no {}", method, response.GetTypeName());
  return response;
}

Result<uint64_t> set_paused(const Alter& alter, bool paused, Caller caller) {
  pb::PauseRequest request;
  request.set_database_id(alter.database_id);
  request.set_job_id(alter.object_id);
  PENSTOCK_TRY(const auto done, call<pb::PauseResponse>(caller, paused ? "/penstock.Meta/Pause" : "/penstock.Meta/Resume", request));
  return done.catalog_version();
}

Result<uint64_t> set_rate(const Alter& alter, const SetRate& rate, Caller caller) {
  pb::ThrottleRequest request;
  request.set_object_id(alter.object_id);
  request.set_backfill(rate.backfill);
  request.set_rate(rate.rate);
  PENSTOCK_TRY(const auto done, call<pb::PauseResponse>(caller, "/penstock.Meta/Throttle", request));
  return done.catalog_version();
}

Result<uint64_t> set_intervals(const Alter& alter, const SetIntervals& intervals, Caller caller) {
  pb::AlterDatabaseRequest request;
  request.set_database_id(alter.database_id);
  request.set_barrier_interval_ms(intervals.barrier_interval_ms);
  request.set_checkpoint_frequency(intervals.checkpoint_frequency);
  PENSTOCK_TRY(const auto done, call<pb::AlterDatabaseResponse>(caller, "/penstock.Meta/AlterDatabase", request));
  return done.catalog_version();
}

Result<uint64_t> set_connector(const SetConnector& change, Caller caller) {
  connector::SourceSpec spec = connector::spec_of(change.source);
  pb::AlterSourceRequest request;
  request.set_source_id(change.source.id());
  for (const ast::Option& option : change.options) {
    if (!connector::may_change(spec, option.key)) {
      return error(Code::NotSupported, "option \"{}\" of source \"{}\" cannot change while it is read", option.key, change.source.name())
          .at(option.position)
          .with_hint("It decides what the source's rows are: drop the source and create it anew.");
    }
    spec.properties[option.key] = option.value;
    (*request.mutable_properties())[option.key] = option.value;
  }
  PENSTOCK_TRY(connector::validate_source(spec));
  PENSTOCK_TRY(const auto done, call<pb::PauseResponse>(caller, "/penstock.Meta/AlterSource", request));
  return done.catalog_version();
}

Result<uint64_t> rename(const Alter& alter, const Rename& to, Caller caller) {
  pb::RenameObjectRequest request;
  request.set_object_id(alter.object_id);
  request.set_name(to.name);
  request.set_definition(to.definition);
  PENSTOCK_TRY(const auto done, call<pb::AlterDatabaseResponse>(caller, "/penstock.Meta/RenameObject", request));
  return done.catalog_version();
}

Result<uint64_t> add_column(const Alter& alter, const AddColumn& add, Caller caller) {
  pb::AddColumnRequest request;
  request.set_object_id(alter.object_id);
  *request.mutable_column() = add.column;
  request.set_columns_before(add.columns_before);
  request.set_definition(add.definition);
  PENSTOCK_TRY(const auto done, call<pb::PauseResponse>(caller, "/penstock.Meta/AddColumn", request));
  return done.catalog_version();
}

// Answers when the actors run so; the catalog does not change.
Result<uint64_t> set_parallelism(const Alter& alter, uint32_t parallelism, Caller caller) {
  pb::AlterParallelismRequest request;
  request.set_object_id(alter.object_id);
  request.set_parallelism(parallelism);
  PENSTOCK_TRY(call<pb::AlterParallelismResponse>(caller, "/penstock.Meta/AlterParallelism", request));
  return 0;
}

}  // namespace

Result<uint64_t> alter(const Alter& alter, Caller caller) {
  if (const auto* paused = std::get_if<ast::SetPaused>(&alter.action)) return set_paused(alter, paused->paused, caller);
  if (const auto* rate = std::get_if<SetRate>(&alter.action)) return set_rate(alter, *rate, caller);
  if (const auto* to = std::get_if<Rename>(&alter.action)) return rename(alter, *to, caller);
  if (const auto* change = std::get_if<SetConnector>(&alter.action)) return set_connector(*change, caller);
  if (const auto* add = std::get_if<AddColumn>(&alter.action)) return add_column(alter, *add, caller);
  if (const auto* to = std::get_if<ast::SetParallelism>(&alter.action)) return set_parallelism(alter, to->parallelism, caller);
  return set_intervals(alter, std::get<SetIntervals>(alter.action), caller);
}

Result<uint64_t> drop_database(const DropDatabase& drop, Caller caller) {
  pb::DropDatabaseRequest request;
  request.set_database_id(drop.database_id);
  request.set_cascade(drop.cascade);
  PENSTOCK_TRY(const auto done, call<pb::DropObjectResponse>(caller, "/penstock.Meta/DropDatabase", request));
  return done.catalog_version();
}

Result<std::vector<uint32_t>> cancel_jobs(const std::vector<uint32_t>& jobs, Caller caller) {
  pb::CancelJobsRequest request;
  request.mutable_job_ids()->Assign(jobs.begin(), jobs.end());
  PENSTOCK_TRY(const auto done, call<pb::CancelJobsResponse>(caller, "/penstock.Meta/CancelJobs", request));
  PENSTOCK_TRY(caller.meta.wait([&](const MetaView& view) { return view.catalog->version() >= done.catalog_version(); },
                                std::chrono::seconds(30), &caller.cancelled, "the catalog"));
  return std::vector<uint32_t>(done.cancelled().begin(), done.cancelled().end());
}

Result<std::optional<uint64_t>> cancel_creation(uint64_t token, MetaClient& meta) {
  pb::CancelJobsRequest request;
  request.set_creation(token);
  PENSTOCK_TRY(const rpc::Bytes bytes,
               meta.call("/penstock.Meta/CancelJobs", request.SerializeAsString(), std::chrono::seconds(10), nullptr));
  pb::CancelJobsResponse response;
  if (!response.ParseFromString(bytes)) return error(Code::Protocol, "meta's answer is no CancelJobsResponse");
  if (response.too_late()) return std::optional<uint64_t>(response.catalog_version());
  // Its name is free for the session's next statement.
  PENSTOCK_TRY(meta.wait([&](const MetaView& view) { return view.catalog->version() >= response.catalog_version(); },
                         std::chrono::seconds(10), nullptr, "the catalog"));
  return std::optional<uint64_t>();
}

Status wait_for_jobs(DatabaseId database, Caller caller) {
  const auto none_creating = [&](const MetaView& view) {
    return std::ranges::none_of(view.catalog->objects(), [&](const pb::CatalogObject& object) {
      return object.database_id() == database.value && object.state() == pb::JOB_CREATING;
    });
  };
  PENSTOCK_TRY(caller.meta.wait(none_creating, kPatience, &caller.cancelled, "jobs that are being created", caller.go_on));
  return ok();
}

}  // namespace penstock::frontend::ddl
