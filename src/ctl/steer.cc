#include "ctl/steer.h"

#include <cstdio>

#include "ctl/print.h"
#include "proto/meta_service.pb.h"

namespace penstock::ctl {
namespace {

constexpr runtime::Duration kLong = std::chrono::minutes(10);  // state moves from node to node

struct Target {
  uint32_t database = 0;
  uint32_t job = 0;
  std::string name;  // for people
};

/// The database, or the job in it, that the options name.
Result<Target> find_target(MetaCaller& meta, const ViewOptions& options) {
  pb::MetaSnapshot snapshot;
  PENSTOCK_TRY(meta.call("GetCatalog", pb::GetCatalogRequest(), snapshot));
  const std::string wanted = options.database.empty() ? "dev" : options.database;
  Target target;
  for (const pb::Database& database : snapshot.catalog().databases()) {
    if (database.name() == wanted) target = {database.id(), 0, "database " + wanted};
  }
  if (target.database == 0) return error(Code::UndefinedDatabase, "database \"{}\" does not exist", wanted);
  if (options.job.empty()) return target;
  for (const pb::CatalogObject& object : snapshot.catalog().objects()) {
    if (object.database_id() == target.database && object.name() == options.job)
      return Target{target.database, object.id(), "job " + options.job};
  }
  return error(Code::UndefinedObject, "database {} has no job \"{}\"", wanted, options.job)
      .with_hint("penstock ctl jobs lists them; --database says in which database to look.");
}

Status done(const google::protobuf::Message& reply, const ViewOptions& options, const std::string& text) {
  if (options.json) return print_json(reply);
  fmt::print("{}\n", text);
  return ok();
}

Status pause_or_resume(MetaCaller& meta, const ViewOptions& options, bool pauses) {
  PENSTOCK_TRY(const Target target, find_target(meta, options));
  pb::PauseRequest request;
  request.set_database_id(target.database);
  request.set_job_id(target.job);
  pb::PauseResponse reply;
  PENSTOCK_TRY(meta.call(pauses ? "Pause" : "Resume", request, reply, kLong));
  return done(
      reply, options,
      fmt::format("{} {}{}", target.name, pauses ? "is paused" : "goes on",
                  reply.committed_epoch() == 0 ? " once it has recovered" : fmt::format(", as of epoch {}", reply.committed_epoch())));
}

}  // namespace

Status flush(MetaCaller& meta, const ViewOptions& options) {
  PENSTOCK_TRY(const Target target, find_target(meta, options));
  pb::FlushRequest request;
  request.set_database_id(target.database);
  pb::FlushResponse reply;
  PENSTOCK_TRY(meta.call("Flush", request, reply, kLong));
  return done(reply, options, fmt::format("epoch {} of {} is committed", reply.committed_epoch(), target.name));
}

Status pause(MetaCaller& meta, const ViewOptions& options) { return pause_or_resume(meta, options, true); }
Status resume(MetaCaller& meta, const ViewOptions& options) { return pause_or_resume(meta, options, false); }

}  // namespace penstock::ctl
