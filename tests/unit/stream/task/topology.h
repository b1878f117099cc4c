#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/types.h"
#include "proto/control_stream.pb.h"
#include "storage/state_store.h"

namespace penstock::stream::testing {

/// Builds the plans of a small graph. Fragments' operators are written as text: "record(pass(merge:7))", where `merge:7` reads link 7.
class Topology {
 public:
  explicit Topology(storage::GraphTerm graph) : graph_(graph) {}

  /// `workers`: where each actor is; all on worker 1 if empty.
  void fragment(uint32_t id, const std::string& operators, std::vector<uint32_t> actors, std::vector<uint32_t> workers = {});
  /// One edge over `link`. Hash edges hash column 0 and spread vnodes over the downstream actors in turn; no-shuffle joins the `i`th
  /// actors.
  void edge(uint32_t upstream, uint32_t downstream, uint32_t link, pb::DispatchType type);

  /// The fragment is in another graph than the rest.
  void in_graph(uint32_t fragment, storage::GraphTerm graph) { graphs_.insert_or_assign(fragment, graph); }
  /// The fragment's actors begin paused.
  void paused(uint32_t id) { fragments_.at(id).paused = true; }
  /// From now on the fragment has these actors, which await their vnodes.
  void replace(uint32_t id, std::vector<uint32_t> actors, std::vector<uint32_t> workers = {}) {
    const std::string operators = fragments_.at(id).operators;
    fragment(id, operators, std::move(actors), std::move(workers));
    fragments_.at(id).awaits_vnodes = true;
  }

  /// What `worker` builds of a fragment; shared by its actors.
  [[nodiscard]] std::shared_ptr<const pb::BuildFragment> build(uint32_t fragment, uint32_t worker = 1) const;
  [[nodiscard]] std::vector<uint32_t> fragments() const;
  [[nodiscard]] std::vector<uint32_t> actors(uint32_t fragment) const { return fragments_.at(fragment).actors; }
  [[nodiscard]] std::vector<ActorId> all_actors() const;
  /// The dispatchers of one upstream actor over `link`, for an Add mutation.
  [[nodiscard]] pb::Dispatcher dispatcher(uint32_t upstream_actor, uint32_t link) const;
  /// Edges of which the upstream is built without: it gets them by an Add mutation.
  void leave_out(uint32_t link) { left_out_.push_back(link); }

  [[nodiscard]] static std::string endpoint(uint32_t worker) { return "node-" + std::to_string(worker); }

 private:
  struct Fragment {
    std::string operators;
    std::vector<uint32_t> actors;
    std::vector<uint32_t> workers;
    bool paused = false;
    bool awaits_vnodes = false;
  };
  struct Edge {
    uint32_t upstream, downstream, link;
    pb::DispatchType type;
  };
  [[nodiscard]] pb::ActorInfo info(uint32_t fragment, size_t index) const;
  [[nodiscard]] pb::Dispatcher dispatcher_of(const Edge& edge, size_t upstream_index) const;

  storage::GraphTerm graph_;
  std::map<uint32_t, storage::GraphTerm> graphs_;  // of fragments that are elsewhere
  std::map<uint32_t, Fragment> fragments_;
  std::vector<Edge> edges_;
  std::vector<uint32_t> left_out_;
};

inline void parse_operators(std::string_view& text, pb::StreamNode& node) {
  const size_t end = text.find_first_of("(),");
  const std::string name(text.substr(0, end));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  if (name.starts_with("merge:")) {
    node.set_operator_id(static_cast<uint32_t>(std::stoul(name.substr(6))));
    node.mutable_merge();
    node.add_fields()->mutable_type()->set_kind(static_cast<uint32_t>(data::TypeKind::Int64));
  }
  node.set_identity(name);
  if (text.empty() || text.front() != '(') return;
  do {
    text.remove_prefix(1);
    parse_operators(text, *node.add_input());
  } while (text.front() == ',');
  text.remove_prefix(1);
}

inline void Topology::fragment(uint32_t id, const std::string& operators, std::vector<uint32_t> actors, std::vector<uint32_t> workers) {
  if (workers.empty()) workers.assign(actors.size(), 1);
  fragments_[id] = {operators, std::move(actors), std::move(workers)};
}

inline void Topology::edge(uint32_t upstream, uint32_t downstream, uint32_t link, pb::DispatchType type) {
  edges_.push_back({upstream, downstream, link, type});
}

inline std::vector<uint32_t> Topology::fragments() const {
  std::vector<uint32_t> ids;
  for (const auto& [id, fragment] : fragments_) ids.push_back(id);
  return ids;
}

inline std::vector<ActorId> Topology::all_actors() const {
  std::vector<ActorId> all;
  for (const auto& [id, fragment] : fragments_) {
    for (const uint32_t actor : fragment.actors) all.push_back(ActorId{actor});
  }
  return all;
}

inline pb::ActorInfo Topology::info(uint32_t fragment, size_t index) const {
  const Fragment& of = fragments_.at(fragment);
  pb::ActorInfo info;
  info.set_actor_id(of.actors[index]);
  info.set_worker_id(of.workers[index]);
  info.set_endpoint(endpoint(of.workers[index]));
  const auto elsewhere = graphs_.find(fragment);
  const storage::GraphTerm graph = elsewhere == graphs_.end() ? graph_ : elsewhere->second;
  info.mutable_graph()->set_id(graph.graph.value);
  info.mutable_graph()->set_term(graph.term.value);
  return info;
}

inline pb::Dispatcher Topology::dispatcher_of(const Edge& edge, size_t upstream_index) const {
  const Fragment& down = fragments_.at(edge.downstream);
  pb::Dispatcher description;
  description.set_downstream_fragment(edge.downstream);
  description.set_link(edge.link);
  description.mutable_strategy()->set_type(edge.type);
  description.mutable_strategy()->add_output(0);
  description.mutable_strategy()->add_dist_key(0);
  for (size_t i = 0; i < down.actors.size(); ++i) {
    if (edge.type == pb::DISPATCH_NO_SHUFFLE && i != upstream_index) continue;
    *description.add_actors() = info(edge.downstream, i);
  }
  if (edge.type == pb::DISPATCH_HASH) {
    std::string mapping;
    for (size_t vnode = 0; vnode < kDefaultVNodeCount; ++vnode) {
      const size_t owner = vnode % down.actors.size();
      mapping += {static_cast<char>(owner & 0xff), static_cast<char>(owner >> 8)};
    }
    description.set_vnode_to_actor(mapping);
  }
  return description;
}

inline pb::Dispatcher Topology::dispatcher(uint32_t upstream_actor, uint32_t link) const {
  for (const Edge& edge : edges_) {
    const auto& actors = fragments_.at(edge.upstream).actors;
    const auto found = std::ranges::find(actors, upstream_actor);
    if (edge.link == link && found != actors.end()) return dispatcher_of(edge, static_cast<size_t>(found - actors.begin()));
  }
  return {};
}

inline std::shared_ptr<const pb::BuildFragment> Topology::build(uint32_t id, uint32_t worker) const {
  const Fragment& of = fragments_.at(id);
  auto built = std::make_shared<pb::BuildFragment>();
  built->set_fragment_id(id);
  built->set_job_id(1);
  built->set_job_name("toy");
  built->set_paused(of.paused);
  built->set_awaits_vnodes(of.awaits_vnodes);
  built->set_vnode_count(kDefaultVNodeCount);
  std::string_view text = of.operators;
  parse_operators(text, *built->mutable_root());
  for (size_t i = 0; i < of.actors.size(); ++i) {
    if (of.workers[i] != worker) continue;
    pb::BuildActor* actor = built->add_actors();
    actor->set_actor_id(of.actors[i]);
    actor->set_fragment_id(id);
    actor->set_vnodes(VNodeBitmap::all().to_bytes());
    actor->set_index(static_cast<uint32_t>(i));
    actor->set_fragment_parallelism(static_cast<uint32_t>(of.actors.size()));
    for (const Edge& edge : edges_) {
      if (edge.upstream == id && std::ranges::find(left_out_, edge.link) == left_out_.end()) {
        *actor->add_dispatchers() = dispatcher_of(edge, i);
      }
      if (edge.downstream != id) continue;
      pb::UpstreamActors* upstreams = actor->add_upstreams();
      upstreams->set_link(edge.link);
      upstreams->set_fragment_id(edge.upstream);
      for (size_t up = 0; up < fragments_.at(edge.upstream).actors.size(); ++up) {
        if (edge.type != pb::DISPATCH_NO_SHUFFLE || up == i) *upstreams->add_actors() = info(edge.upstream, up);
      }
    }
  }
  return built;
}

}  // namespace penstock::stream::testing
