#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "stream/exchange/output_hub.h"
#include "stream/task/actor.h"

namespace penstock::stream {

/// Held by everything that belongs to one incarnation of a graph: its actors and the builds under way. When the last one lets go, nothing
/// of it runs any more, and whoever asked for the stop is told.
class GraphLife {
 public:
  explicit GraphLife(std::unique_ptr<DmlRegistry> dml) : dml_(std::move(dml)) {}
  GraphLife(const GraphLife&) = delete;
  GraphLife& operator=(const GraphLife&) = delete;
  ~GraphLife() {
    if (stopped_) stopped_();
  }
  [[nodiscard]] DmlRegistry& dml() { return *dml_; }
  /// Before the caller lets go of its own hold.
  void when_over(absl::AnyInvocable<void()> stopped) { stopped_ = std::move(stopped); }

 private:
  const std::unique_ptr<DmlRegistry> dml_;
  absl::AnyInvocable<void()> stopped_;
};

/// The actors of this node by graph and term, and the requests that came before their actors. A request for an actor that is not there yet
/// is parked, as long as the actor may still come; of a term that is over, or for an actor that has ended, it is refused and counted; of a
/// term that has not begun here, it waits for `start`.
///
/// Not thread-safe: its owner guards it.
class GraphTable {
 public:
  /// What is to be done about a request, outside the lock: with an actor, the output goes to it; with an error, it is refused; else parked.
  struct Answer {
    std::shared_ptr<Actor> actor;
    std::optional<Error> refused;
  };

  void start(storage::GraphTerm graph, std::unique_ptr<DmlRegistry> dml);
  /// The graph's actors, which must be told to stop (they are kept until `remove`), its hold, and the requests that nobody will answer.
  struct Stopped {
    std::vector<std::shared_ptr<Actor>> actors;
    std::vector<std::shared_ptr<GraphLife>> lives;  // its own, and those of graphs that were merged into it
    std::vector<AttachedOutput> parked;
  };
  /// ForGood: the term is over. Here: it may begin again.
  enum class End : uint8_t { ForGood, Here };
  [[nodiscard]] Stopped stop(storage::GraphTerm graph, End how = End::ForGood);

  /// The actors of `from` are part of `into`. Requests that came under the latter's name before: `found`, by actor.
  void merge(storage::GraphTerm from, storage::GraphTerm into, std::vector<std::pair<std::shared_ptr<Actor>, AttachedOutput>>& found);

  /// Null if this incarnation is not the present one.
  [[nodiscard]] std::shared_ptr<GraphLife> life_of(storage::GraphTerm graph) const;
  /// False if this incarnation is over. `parked`: requests that waited for the actor.
  [[nodiscard]] bool add(storage::GraphTerm graph, std::shared_ptr<Actor> actor, std::vector<AttachedOutput>& parked);
  void remove(storage::GraphTerm graph, ActorId actor);

  /// `request.output` is moved from when parked.
  [[nodiscard]] Answer connect(OutputRequest& request);

  [[nodiscard]] std::vector<std::shared_ptr<Actor>> actors() const;
  [[nodiscard]] uint64_t refused_requests() const { return refused_; }
  [[nodiscard]] size_t parked_requests() const { return parked_; }

 private:
  /// A peer that asks for what will never come must not fill the memory.
  static constexpr size_t kMostParked = 1 << 20;

  struct Graph {
    Term term;
    std::shared_ptr<GraphLife> life;                   // shared with its actors and builds
    std::map<ActorId, std::shared_ptr<Actor>> actors;  // shared with the job that runs them
    std::set<ActorId> ended;
    std::map<ActorId, std::vector<AttachedOutput>> parked;  // by upstream
    std::vector<std::shared_ptr<GraphLife>> merged;         // of graphs that are part of it
  };

  [[nodiscard]] Graph* find(storage::GraphTerm graph);
  [[nodiscard]] storage::GraphTerm resolve(storage::GraphTerm graph) const;
  void end_merged(storage::GraphTerm into);
  [[nodiscard]] Answer refuse(const OutputRequest& request, std::string_view why);

  std::map<PartialGraphId, Graph> graphs_;
  std::map<storage::GraphTerm, storage::GraphTerm> merged_;                            // from -> into, while that lives
  std::map<std::pair<storage::GraphTerm, ActorId>, std::shared_ptr<Actor>> stopping_;  // told to stop, and not back yet; by own graph
  std::map<PartialGraphId, Term> over_;                                                // this term and lower ones are over
  std::map<storage::GraphTerm, std::vector<OutputRequest>> early_;                     // of terms that have not begun
  size_t parked_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace penstock::stream
