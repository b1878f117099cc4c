#include "stream/task/graph_table.h"

namespace penstock::stream {

using storage::GraphTerm;

GraphTerm GraphTable::resolve(GraphTerm graph) const {
  const auto merged = merged_.find(graph);
  return merged == merged_.end() ? graph : merged->second;
}

GraphTable::Graph* GraphTable::find(GraphTerm graph) {
  graph = resolve(graph);
  const auto found = graphs_.find(graph.graph);
  return found == graphs_.end() || found->second.term != graph.term ? nullptr : &found->second;
}

void GraphTable::start(GraphTerm graph, std::unique_ptr<DmlRegistry> dml) {
  Graph& made = graphs_[graph.graph];
  made =
      Graph{.term = graph.term, .life = std::make_shared<GraphLife>(std::move(dml)), .actors = {}, .ended = {}, .parked = {}, .merged = {}};
  const auto end = early_.upper_bound(graph);
  for (auto it = early_.lower_bound({graph.graph, Term{0}}); it != end; it = early_.erase(it)) {
    for (OutputRequest& request : it->second) {
      if (it->first == graph) {
        made.parked[request.upstream].push_back(std::move(request.output));
      } else {
        --parked_;
        ++refused_;
      }
    }
  }
}

GraphTable::Stopped GraphTable::stop(GraphTerm graph, End how) {
  Stopped stopped;
  Term& over = over_[graph.graph];
  if (how == End::ForGood) over = std::max(over, graph.term);
  const auto end = early_.upper_bound(graph);
  for (auto it = early_.lower_bound({graph.graph, Term{0}}); it != end; it = early_.erase(it)) {
    for (OutputRequest& request : it->second) stopped.parked.push_back(std::move(request.output));
  }
  const auto found = graphs_.find(graph.graph);
  if (found != graphs_.end() && found->second.term <= graph.term) {
    for (auto& [id, actor] : found->second.actors) {
      stopped.actors.push_back(actor);
      stopping_[{actor->context().graph, id}] = std::move(actor);
    }
    for (auto& [id, outputs] : found->second.parked) {
      for (AttachedOutput& output : outputs) stopped.parked.push_back(std::move(output));
    }
    stopped.lives = std::move(found->second.merged);
    stopped.lives.push_back(std::move(found->second.life));
    end_merged({graph.graph, found->second.term});
    graphs_.erase(found);
  }
  parked_ -= stopped.parked.size();
  return stopped;
}

// Requests for their actors are refused from now on, whichever graph they name.
void GraphTable::end_merged(GraphTerm into) {
  std::erase_if(merged_, [&](const auto& merged) {
    if (merged.second != into) return false;
    Term& over = over_[merged.first.graph];
    over = std::max(over, merged.first.term);
    return true;
  });
}

void GraphTable::merge(GraphTerm from, GraphTerm into, std::vector<std::pair<std::shared_ptr<Actor>, AttachedOutput>>& answered) {
  const auto source = graphs_.find(from.graph);
  Graph* target = find(into);
  if (source == graphs_.end() || source->second.term != from.term || target == nullptr) return;
  for (auto& [id, actor] : source->second.actors) {
    if (const auto waiting = target->parked.find(id); waiting != target->parked.end()) {
      for (AttachedOutput& output : waiting->second) answered.emplace_back(actor, std::move(output));
      target->parked.erase(waiting);
    }
    target->actors[id] = std::move(actor);
  }
  parked_ -= answered.size();
  target->ended.merge(source->second.ended);
  for (auto& [id, outputs] : source->second.parked) {
    auto& parked = target->parked[id];
    parked.insert(parked.end(), std::make_move_iterator(outputs.begin()), std::make_move_iterator(outputs.end()));
  }
  target->merged.push_back(std::move(source->second.life));
  graphs_.erase(source);
  merged_[from] = into;
}

std::shared_ptr<GraphLife> GraphTable::life_of(GraphTerm graph) const {
  graph = resolve(graph);
  const auto found = graphs_.find(graph.graph);
  return found == graphs_.end() || found->second.term != graph.term ? nullptr : found->second.life;
}

bool GraphTable::add(GraphTerm graph, std::shared_ptr<Actor> actor, std::vector<AttachedOutput>& parked) {
  Graph* found = find(graph);
  if (found == nullptr) return false;
  const ActorId id = actor->context().actor;
  found->actors[id] = std::move(actor);
  if (const auto waiting = found->parked.find(id); waiting != found->parked.end()) {
    parked = std::move(waiting->second);
    parked_ -= parked.size();
    found->parked.erase(waiting);
  }
  return true;
}

void GraphTable::remove(GraphTerm graph, ActorId actor) {
  stopping_.erase({graph, actor});
  Graph* found = find(graph);
  if (found == nullptr) return;
  found->actors.erase(actor);
  found->ended.insert(actor);
}

GraphTable::Answer GraphTable::connect(OutputRequest& request) {
  if (const auto over = over_.find(request.graph.graph); over != over_.end() && request.graph.term <= over->second) {
    return refuse(request, "this term is over");
  }
  request.graph = resolve(request.graph);
  const auto found = graphs_.find(request.graph.graph);
  const bool begun = found != graphs_.end() && found->second.term >= request.graph.term;
  if (begun && found->second.term > request.graph.term) return refuse(request, "a later term has begun");
  if (begun) {
    Graph& graph = found->second;
    if (const auto actor = graph.actors.find(request.upstream); actor != graph.actors.end()) return {actor->second, std::nullopt};
    if (graph.ended.contains(request.upstream)) return refuse(request, "the actor has ended");
  }
  if (parked_ == kMostParked) return refuse(request, "too many requests wait for actors");
  ++parked_;
  if (begun) {
    found->second.parked[request.upstream].push_back(std::move(request.output));
  } else {
    early_[request.graph].push_back(std::move(request));
  }
  return {};
}

GraphTable::Answer GraphTable::refuse(const OutputRequest& request, std::string_view why) {
  ++refused_;
  return {nullptr, error(Code::Closed, "no output of actor {} in graph {} term {}: {}", request.upstream, request.graph.graph,
                         request.graph.term, why)};
}

std::vector<std::shared_ptr<Actor>> GraphTable::actors() const {
  std::vector<std::shared_ptr<Actor>> all;
  for (const auto& [id, graph] : graphs_) {
    for (const auto& [actor_id, actor] : graph.actors) all.push_back(actor);
  }
  for (const auto& [key, actor] : stopping_) all.push_back(actor);
  return all;
}

}  // namespace penstock::stream
