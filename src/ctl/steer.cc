#include "ctl/steer.h"

#include <charconv>
#include <cstdio>

#include "ctl/print.h"
#include "ctl/waiting.h"
#include "proto/meta_service.pb.h"

namespace penstock::ctl {
namespace {

struct Target {
  uint32_t database = 0;
  uint32_t job = 0;
  std::string name;  // for people
};

/// Of something that is asked of a database.
Waiting wait_for(const Target& target, std::string goes_on, std::string undo) {
  Waiting out{.goes_on = std::move(goes_on), .undo = std::move(undo)};
  out.why.set_database_id(target.database);
  return out;
}

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
  const Waiting waiting = wait_for(target, fmt::format("{} {} all the same", target.name, pauses ? "is paused" : "goes on"),
                                   fmt::format("penstock ctl {} withdraws it.", pauses ? "resume" : "pause"));
  PENSTOCK_TRY(call_and_tell(meta, pauses ? "Pause" : "Resume", request, reply, options, waiting));
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
  const Waiting waiting = wait_for(target, "the checkpoint is made all the same", "penstock ctl epochs says what is committed.");
  PENSTOCK_TRY(call_and_tell(meta, "Flush", request, reply, options, waiting));
  return done(reply, options, fmt::format("epoch {} of {} is committed", reply.committed_epoch(), target.name));
}

Status pause(MetaCaller& meta, const ViewOptions& options) { return pause_or_resume(meta, options, true); }
Status resume(MetaCaller& meta, const ViewOptions& options) { return pause_or_resume(meta, options, false); }

Status rescale(MetaCaller& meta, const ViewOptions& options, const std::string& parallelism) {
  PENSTOCK_TRY(const Target target, find_target(meta, options));
  pb::AlterParallelismRequest request;
  request.set_object_id(target.job);
  uint32_t number = 0;
  if (parallelism != "adaptive") {
    const auto [end, failed] = std::from_chars(parallelism.data(), parallelism.data() + parallelism.size(), number);
    if (failed != std::errc() || end != parallelism.data() + parallelism.size() || number == 0) {
      return error(Code::InvalidParameter, "parallelism is a number from 1, or adaptive; not {}", parallelism);
    }
  }
  request.set_parallelism(number);
  pb::AlterParallelismResponse reply;
  Waiting waiting = wait_for(target, fmt::format("{} gets parallelism {} all the same", target.name, parallelism),
                             "penstock ctl jobs shows the one it has; penstock ctl rescale with that one withdraws it.");
  waiting.why.set_alters(true);
  PENSTOCK_TRY(call_and_tell(meta, "AlterParallelism", request, reply, options, waiting));
  return done(reply, options, fmt::format("{} runs with parallelism {}", target.name, parallelism));
}

Status drain(MetaCaller& meta, const ViewOptions& options, bool undo) {
  pb::DrainWorkerRequest request;
  request.set_worker_id(options.node);
  request.set_undo(undo);
  pb::DrainWorkerResponse reply;
  Waiting waiting;
  if (!undo) waiting.why.set_worker_id(options.node);
  waiting.goes_on = undo ? fmt::format("node {} takes actors again all the same", options.node)
                         : fmt::format("the drain of node {} goes on", options.node);
  waiting.undo = undo ? "penstock ctl cluster shows where actors are."
                      : fmt::format("penstock ctl drain {} --undo withdraws it; penstock ctl cluster shows how far it is.", options.node);
  PENSTOCK_TRY(call_and_tell(meta, "DrainWorker", request, reply, options, waiting));
  return done(reply, options,
              undo ? fmt::format("node {} takes actors again", options.node)
                   : fmt::format("node {} is drained: it has {} actors and gets no new ones", options.node, reply.actors()));
}

}  // namespace penstock::ctl
