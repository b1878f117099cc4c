#include "ctl/views.h"

#include <cstdio>

#include "ctl/print.h"
#include "ctl/render_await.h"
#include "ctl/table.h"
#include "proto/inspect.pb.h"

namespace penstock::ctl {
namespace {

void print(const std::vector<Table>& tables, const ViewOptions& options) {
  const std::string text = options.json ? as_json_text(tables) : as_text(tables, options.wide ? 0 : 60);
  std::fputs(text.c_str(), stdout);
}

Result<Table> relation(MetaCaller& meta, const std::string& name, std::string title) {
  pb::SystemRowsRequest request;
  request.set_relation(name);
  pb::SystemRowsResponse response;
  PENSTOCK_TRY(meta.call("SystemRows", request, response));
  return table_of(std::move(title), response);
}

/// One relation, as the options narrow it.
Status show(MetaCaller& meta, const std::string& name, const ViewOptions& options, bool newest = false) {
  PENSTOCK_TRY(Table table, relation(meta, name, name));
  keep_rows(table, name == "penstock_jobs" ? "name" : "job", options.job);
  keep_rows(table, name == "penstock_databases" ? "name" : "database", options.database);
  if (newest) keep_last(table, options.limit);
  print({table}, options);
  return ok();
}

}  // namespace

Status show_cluster(MetaCaller& meta, const ViewOptions& options) {
  PENSTOCK_TRY(Table nodes, relation(meta, "penstock_workers", "nodes"));
  PENSTOCK_TRY(Table databases, relation(meta, "penstock_databases", "databases"));
  print({nodes, databases}, options);
  return ok();
}

Status show_jobs(MetaCaller& meta, const ViewOptions& options) { return show(meta, "penstock_jobs", options); }
Status show_fragments(MetaCaller& meta, const ViewOptions& options) { return show(meta, "penstock_fragments", options); }
Status show_actors(MetaCaller& meta, const ViewOptions& options) { return show(meta, "penstock_actors", options); }
Status show_epochs(MetaCaller& meta, const ViewOptions& options) { return show(meta, "penstock_databases", options); }
Status show_barriers(MetaCaller& meta, const ViewOptions& options) { return show(meta, "penstock_barriers", options, true); }

Status show_events(MetaCaller& meta, const ViewOptions& options) {
  ViewOptions whole = options;
  whole.wide = true;  // the text is what one wants to read
  return show(meta, "penstock_events", whole, true);
}

Status show_tables(MetaCaller& meta, const ViewOptions& options) {
  pb::TableSizesReply reply;
  PENSTOCK_TRY(meta.call("TableSizes", pb::TableSizesRequest(), reply));
  Table table{"tables", {"table_id", "job", "fragment_id", "operators", "node", "bytes", "problem"}, "ntntnnt", {}};
  for (const pb::StateTableInfo& info : reply.tables()) {
    if (!options.job.empty() && info.job() != options.job) continue;
    for (const pb::NodeTableSize& size : info.sizes()) {
      table.rows.push_back({{false, std::to_string(info.table_id())},
                            {false, info.job()},
                            {false, std::to_string(info.fragment_id())},
                            {false, info.operators()},
                            {false, std::to_string(size.worker_id())},
                            {!size.problem().empty(), size.problem().empty() ? std::to_string(size.bytes()) : ""},
                            {size.problem().empty(), size.problem()}});
    }
  }
  print({table}, options);
  return ok();
}

Status show_await_tree(MetaCaller& meta, const ViewOptions& options) {
  pb::AwaitTreeRequest request;
  request.set_worker_id(options.node);
  request.set_actor_id(options.actor);
  pb::AwaitTreeReply reply;
  PENSTOCK_TRY(meta.call("AwaitTree", request, reply));
  if (options.json) return print_json(reply);
  AwaitStyle style{.colour = options.colour};
  if (options.wide) style.most_actors = SIZE_MAX;
  std::fputs(render_await(reply, style).c_str(), stdout);
  return ok();
}

}  // namespace penstock::ctl
