// What meta shows to machines that watch it.
#include "http/ask_loop.h"
#include "meta/meta_node.h"
#include "meta/service/meta_loop.h"

namespace penstock::meta {
namespace {

constexpr runtime::Duration kPatience = std::chrono::seconds(1);
// A barrier that is this old, and ten intervals, makes no progress that a user would call so.
constexpr runtime::Duration kSlowBarrier = std::chrono::seconds(5);

double to_seconds(runtime::Duration d) { return static_cast<double>(d.count()) / 1e9; }

std::string nodes_text(MetaLoop& loop, const std::set<WorkerId>& workers) {
  std::string out;
  for (const WorkerId worker : workers) out += fmt::format("; waits for {}", loop.cluster().describe(worker, loop.now()));
  return out;
}

http::Check barrier_check(MetaLoop& loop, const std::string& name, const CheckpointControl& control) {
  const auto progress = control.progress(loop.now());
  const std::string subject = fmt::format("barriers of {}", name);
  if (!progress.away.empty()) return {subject, false, control.recovery_reason()};
  if (!progress.oldest) {
    if (!control.recovering()) return {subject, true, "none in flight"};
    return {subject, progress.state != "backing off", fmt::format("{}: {}", progress.state, control.recovery_reason())};
  }
  const auto& oldest = *progress.oldest;
  const bool good = oldest.age < std::max(kSlowBarrier, progress.stuck_after / 2);
  return {subject, good,
          fmt::format("{}, {} in flight, the oldest is {:.1f} s old{}", progress.state, progress.in_flight, to_seconds(oldest.age),
                      good ? "" : nodes_text(loop, oldest.waiting))};
}

std::vector<http::Check> health_of(MetaLoop& loop, runtime::TimePoint asked) {
  std::vector<http::Check> checks;
  checks.push_back({"loop", true, fmt::format("answered after {:.1f} ms", to_seconds(loop.runtime().now() - asked) * 1e3)});
  for (const auto& [id, control] : loop.databases()) {
    checks.push_back(barrier_check(loop, loop.database_name(id), *control));
  }
  return checks;
}

std::vector<http::Check> readiness_of(MetaLoop& loop) {
  const size_t live = loop.cluster().placeable().size();
  return {{"nodes", live > 0, fmt::format("{} of {} computes are connected", live, loop.model().workers().size())}};
}

/// Copied off the loop, because samples are not the loop's to keep.
struct Figure {
  bool counts;
  const char* name;
  const char* help;
  metrics::Labels labels;
  double value;
};

void add_database_figures(MetaLoop& loop, std::vector<Figure>& out) {
  for (const auto& [id, control] : loop.databases()) {
    const metrics::Labels labels{{"database", loop.database_name(id)}};
    const auto progress = control->progress(loop.now());
    const auto add = [&](const char* name, const char* help, double value) { out.push_back({false, name, help, labels, value}); };
    add("barrier_in_flight", "Barriers that are injected and not over", static_cast<double>(progress.in_flight));
    add("barrier_oldest_age_seconds", "Age of the oldest barrier in flight; 0: none",
        progress.oldest ? to_seconds(progress.oldest->age) : 0);
    add("database_recovering", "1 while the database recovers", control->recovering() ? 1 : 0);
    add("commands_waiting", "Commands that wait for a barrier", static_cast<double>(progress.commands));
    if (control->committed() != Epoch{}) {
      add("committed_epoch_timestamp_seconds", "When the committed epoch ended, in seconds since 1970",
          static_cast<double>(unix_millis_of(control->committed())) / 1e3);
    }
    out.push_back({true, "recovery_attempts_total", "Failures that led to a recovery", labels, static_cast<double>(control->recoveries())});
  }
}

void add_source_figures(MetaLoop& loop, std::vector<Figure>& out) {
  for (const auto& [id, plan] : loop.model().jobs()) {
    struct Sum {
      uint64_t rows = 0, splits = 0, unfinished = 0;
    };
    std::map<ObjectId, Sum> sums;
    for (const auto& [key, split] : loop.model().splits(id)) {
      Sum& sum = sums[key.first];
      sum.rows += split.split.rows();
      ++sum.splits;
      if (!split.split.finished()) ++sum.unfinished;
    }
    for (const auto& [source, sum] : sums) {
      const pb::CatalogObject* object = loop.model().object(source);
      const metrics::Labels labels{{"database", loop.database_name(plan->database())},
                                   {"source", object == nullptr ? fmt::format("{}", source) : object->name()},
                                   {"job", plan->name()}};
      out.push_back(
          {true, "source_rows_total", "Rows read from a source by a job, as of the last commit", labels, static_cast<double>(sum.rows)});
      out.push_back({false, "source_splits", "Splits of a source that a job reads", labels, static_cast<double>(sum.splits)});
      out.push_back({false, "source_splits_behind", "Splits that are not read to their end", labels, static_cast<double>(sum.unfinished)});
    }
  }
  std::map<ObjectId, uint64_t> skipped;
  for (const auto& [key, stats] : loop.source_stats()) skipped[key.first] += stats.skipped_rows;
  for (const auto& [source, rows] : skipped) {
    const pb::CatalogObject* object = loop.model().object(source);
    out.push_back({false,
                   "source_skipped_rows",
                   "Bad records that running actors have skipped",
                   {{"source", object == nullptr ? fmt::format("{}", source) : object->name()}},
                   static_cast<double>(rows)});
  }
}

std::vector<Figure> figures_of(MetaLoop& loop) {
  std::vector<Figure> out;
  add_database_figures(loop, out);
  add_source_figures(loop, out);
  out.push_back({false, "nodes_connected", "Computes with a control stream", {}, static_cast<double>(loop.cluster().placeable().size())});
  out.push_back({false, "nodes_known", "Computes that have ever joined", {}, static_cast<double>(loop.model().workers().size())});
  out.push_back({false, "jobs", "Streaming jobs in the catalog", {}, static_cast<double>(loop.model().jobs().size())});
  return out;
}

}  // namespace

// The handlers run on the monitor's thread and only ask the loop; a loop that stands still is a failed check, not a stuck page.
http::MonitoredRole MetaNode::monitored() {
  const auto post = [loop = loop_](runtime::Job job) { loop->post(std::move(job)); };
  const auto ask = [runtime = &runtime_, loop = loop_.get(), post](auto question) {
    using Answer = std::invoke_result_t<decltype(question), MetaLoop&>;
    return http::ask_loop<Answer>(*runtime, kPatience, post, [loop, question] { return question(*loop); });
  };
  const std::vector<http::Check> silent = {{"loop", false, "did not answer for 1 s"}};
  http::MonitoredRole role{.name = "meta"};
  role.health = [runtime = &runtime_, ask, silent] {
    const auto asked = runtime->now();
    return ask([asked](MetaLoop& loop) { return health_of(loop, asked); }).value_or(silent);
  };
  role.ready = [ask, silent] { return ask([](MetaLoop& loop) { return readiness_of(loop); }).value_or(silent); };
  role.sample = [ask](metrics::Samples& out) {
    const auto figures = ask([](MetaLoop& loop) { return figures_of(loop); });
    out.gauge("meta_loop_answers", "1 if meta's loop answers within a second", {}, figures ? 1 : 0);
    if (!figures) return;
    for (const Figure& f : *figures)
      f.counts ? out.counter(f.name, f.help, f.labels, f.value) : out.gauge(f.name, f.help, f.labels, f.value);
  };
  return role;
}

Result<std::string> MetaNode::listen_also(rpc::Transport& transport, std::string_view address) {
  return loop_->listen_also(transport, address);
}

}  // namespace penstock::meta
