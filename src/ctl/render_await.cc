#include "ctl/render_await.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace penstock::ctl {
namespace {

constexpr uint64_t kLongMicros = 1'000'000;
constexpr int kMostNamed = 20;

class Writer {
 public:
  explicit Writer(AwaitStyle style) : style_(style) {}

  void write(const pb::AwaitTreeReply& tree) {
    for (const pb::AwaitDatabase& database : tree.databases()) write(database);
    for (const pb::AwaitNode& node : tree.nodes()) write(node);
  }
  std::string take() { return std::move(out_); }

 private:
  void write(const pb::AwaitDatabase& database) {
    if (database.oldest_curr() == 0) {
      line(0, fmt::format("{}: {}, no barrier in flight{}", database.database(), database.state(),
                          database.reason().empty() ? "" : ": " + database.reason()));
      return;
    }
    const std::string head =
        fmt::format("{}: {}, oldest barrier {} is {} old, {}{}", database.database(), database.state(), database.oldest_prev(),
                    seconds(database.age_us()), database.stage(), database.command().empty() ? "" : " (" + database.command() + ")");
    line(0, head, database.age_us() > kLongMicros);
    if (!database.reason().empty()) line(1, database.reason());
    if (database.missing_actors_size() > 0) {
      std::string missing = fmt::format("{} of {} actors have not collected it:", database.missing_actors_size(), database.actor_count());
      for (int i = 0; i < std::min(kMostNamed, database.missing_actors_size()); ++i)
        missing += fmt::format(" {}", database.missing_actors(i));
      if (database.missing_actors_size() > kMostNamed) missing += fmt::format(" and {} more", database.missing_actors_size() - kMostNamed);
      line(1, missing);
    }
    for (const pb::AwaitCulprit& culprit : database.culprits()) {
      const uint32_t others = culprit.held() - std::min(culprit.held(), 1U);
      line(1,
           fmt::format("held up by {}{}", culprit.text(),
                       others > 0 && culprit.actor_id() != 0 ? fmt::format("; {} others wait for it", others) : ""),
           true);
      for (const std::string& step : culprit.path()) line(3, step);
    }
  }

  void write(const pb::AwaitNode& node) {
    out_ += '\n';
    if (!node.answered()) return line(0, fmt::format("{}: {}", node.name(), node.problem()), true);
    line(0, fmt::format("{}: {} actors", node.name(), node.actor_count()));
    for (const pb::WorkerTask& task : node.tasks())
      line(1, fmt::format("task: {} for {}", task.what(), seconds(task.since_us())), task.since_us() > kLongMicros);
    for (const pb::WorkerBarrier& barrier : node.barriers()) {
      line(1,
           fmt::format("barrier {} of graph {}: {} for {}, {} missing", barrier.prev(), barrier.graph_id(), barrier.state(),
                       seconds(barrier.age_us()), barrier.missing_actors_size()),
           barrier.age_us() > kLongMicros);
    }
    std::map<std::pair<std::string, uint32_t>, std::vector<const pb::AwaitActor*>> fragments;
    for (const pb::AwaitActor& actor : node.actors()) fragments[{actor.job(), actor.record().fragment_id()}].push_back(&actor);
    std::string job;
    for (auto& [key, actors] : fragments) {
      if (key.first != job) line(1, "job " + key.first);
      job = key.first;
      line(2, fmt::format("fragment {}: {}", key.second, actors.front()->operators()));
      write(actors);
    }
  }

  void write(std::vector<const pb::AwaitActor*>& actors) {
    std::ranges::sort(actors, [](const auto* a, const auto* b) {
      return std::tuple(!a->missing(), b->record().since_us(), a->record().actor_id()) <
             std::tuple(!b->missing(), a->record().since_us(), b->record().actor_id());
    });
    for (size_t i = 0; i < std::min(style_.most_actors, actors.size()); ++i) {
      const pb::AwaitActor& actor = *actors[i];
      const bool waits = actor.record().wait() != pb::WAIT_NOTHING;
      const std::string where = actor.record().at_work().empty() ? "" : " in " + actor.record().at_work();
      const std::string what = (waits ? "waits for " + actor.waits_on() : "busy") + where;
      line(3,
           fmt::format("actor {}: {} for {}{}", actor.record().actor_id(), what, seconds(actor.record().since_us()),
                       actor.missing() ? ", barrier not collected" : ""),
           actor.record().since_us() > kLongMicros && (waits || actor.missing()));
    }
    if (actors.size() > style_.most_actors) line(3, fmt::format("and {} more that waited shorter", actors.size() - style_.most_actors));
  }

  void line(size_t depth, const std::string& text, bool marked = false) {
    out_ += std::string(2 * depth, ' ');
    out_ += marked && style_.colour ? "\x1b[1;31m" + text + "  <--\x1b[0m" : text + (marked ? "  <--" : "");
    out_ += '\n';
  }

  static std::string seconds(uint64_t micros) { return fmt::format("{:.1f} s", static_cast<double>(micros) / 1e6); }

  const AwaitStyle style_;
  std::string out_;
};

}  // namespace

std::string render_await(const pb::AwaitTreeReply& tree, AwaitStyle style) {
  Writer writer(style);
  writer.write(tree);
  return writer.take();
}

}  // namespace penstock::ctl
