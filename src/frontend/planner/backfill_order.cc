#include "frontend/planner/backfill_order.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "frontend/binder/resolve_name.h"
#include "frontend/parser/backfill_order.h"
#include "frontend/planner/plan_text.h"
#include "proto/catalog.pb.h"

namespace penstock::frontend {
namespace {

using Fragments = std::vector<uint32_t>;

// ---- names

Result<const pb::CatalogObject*> relation_of(const ast::ObjectName& name, const BindContext& context) {
  PENSTOCK_TRY(const auto found, resolve_relation(name, context.catalog, context.settings));
  if (found.object != nullptr && found.object->kind() != pb::OBJECT_SOURCE) return found.object;
  return error(Code::InvalidParameter, "{}: \"{}\" has no backfill", kBackfillOrder, name.name)
      .at(name.position)
      .with_hint(found.object == nullptr ? "Only tables and materialized views have."
                                         : "A source is read as it comes; only tables and materialized views have.");
}

using Followers = std::map<const pb::CatalogObject*, std::vector<const pb::CatalogObject*>>;

/// The way from one relation to another, both ends included; empty if there is none.
std::vector<const pb::CatalogObject*> way(const Followers& followers, const pb::CatalogObject* from, const pb::CatalogObject* to) {
  std::map<const pb::CatalogObject*, const pb::CatalogObject*> came_from{{from, nullptr}};
  std::vector<const pb::CatalogObject*> open{from};
  for (size_t i = 0; i < open.size(); ++i) {
    if (open[i] == to) break;
    const auto next = followers.find(open[i]);
    if (next == followers.end()) continue;
    for (const pb::CatalogObject* follower : next->second) {
      if (came_from.try_emplace(follower, open[i]).second) open.push_back(follower);
    }
  }
  std::vector<const pb::CatalogObject*> out;
  if (!came_from.contains(to)) return out;
  for (const pb::CatalogObject* at = to; at != nullptr; at = came_from.at(at)) out.insert(out.begin(), at);
  return out;
}

Status check_circles(const std::vector<BackfillOrder::Pair>& pairs) {
  Followers followers;
  for (const auto& [before, after] : pairs) {
    const auto circle = way(followers, after.object, before.object);
    if (circle.empty()) {
      followers[before.object].push_back(after.object);
      continue;
    }
    std::string text = before.object->name();
    for (const pb::CatalogObject* relation : circle) text += " -> " + relation->name();
    return error(Code::InvalidParameter, "{}: \"{}\" would wait for itself: {}", kBackfillOrder, before.object->name(), text)
        .at(after.position)
        .with_hint("Leave out one of these pairs.");
  }
  return ok();
}

// ---- the graph

pb::StreamNode* scan_in(pb::StreamNode& node) {
  if (node.has_stream_scan()) return &node;
  for (pb::StreamNode& input : *node.mutable_input()) {
    if (pb::StreamNode* found = scan_in(input); found != nullptr) return found;
  }
  return nullptr;
}

/// Collects what comes before what, and leaves out what would close a circle.
class Order {
 public:
  explicit Order(pb::FragmentGraph& graph) : graph_(graph), before_(static_cast<size_t>(graph.fragments_size())) {}

  void add(uint32_t before, uint32_t after) {
    if (!waits_for(before, after)) before_[after].insert(before);
  }
  /// Into the graph.
  void write() {
    for (size_t i = 0; i < before_.size(); ++i) {
      if (before_[i].empty()) continue;
      pb::Fragment& fragment = *graph_.mutable_fragments(static_cast<int>(i));
      std::vector<std::string> names;
      for (const uint32_t b : before_[i]) {
        fragment.add_backfill_after(b);
        const std::string& name =
            scan_in(*graph_.mutable_fragments(static_cast<int>(b))->mutable_root())->stream_scan().upstream_table().name();
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      }
      std::string& identity = *scan_in(*fragment.mutable_root())->mutable_identity();
      identity.insert(identity.rfind(" }"), fmt::format(", after: {}", list_text(names)));
    }
  }

 private:
  /// Directly or by others; also for itself.
  [[nodiscard]] bool waits_for(uint32_t fragment, uint32_t other) const {
    std::set<uint32_t> seen{fragment};
    Fragments open{fragment};
    for (size_t i = 0; i < open.size(); ++i) {
      if (open[i] == other) return true;
      for (const uint32_t b : before_[open[i]]) {
        if (seen.insert(b).second) open.push_back(b);
      }
    }
    return false;
  }

  pb::FragmentGraph& graph_;
  std::vector<std::set<uint32_t>> before_;  // by fragment
};

/// Looks at every join, from below.
class AutoOrder {
 public:
  AutoOrder(const pb::FragmentGraph& graph, Order& order) : graph_(graph), order_(order) {}

  void look() {
    for (const pb::Fragment& fragment : graph_.fragments()) (void)drivers_of(fragment.fragment_id());
  }

 private:
  /// The backfills that set the rows of the fragment moving: as long as none of them has begun, it sends nothing. When they are done, so
  /// are all backfills below.
  const Fragments& drivers_of(uint32_t fragment) {
    if (const auto known = drivers_.find(fragment); known != drivers_.end()) return known->second;
    const pb::Fragment& plan = graph_.fragments(static_cast<int>(fragment));
    Fragments drivers = drivers_in(plan.root(), fragment);
    return drivers_.emplace(fragment, std::move(drivers)).first->second;
  }

  Fragments drivers_in(const pb::StreamNode& node, uint32_t fragment) {
    if (node.has_stream_scan()) return {fragment};
    if (node.has_merge()) return upstream_drivers(node, fragment);
    Fragments out;
    if (node.has_hash_join()) return drivers_in_join(node, fragment);
    for (const pb::StreamNode& input : node.input()) add(out, drivers_in(input, fragment));
    return out;
  }

  Fragments upstream_drivers(const pb::StreamNode& merge, uint32_t fragment) {
    for (const pb::FragmentEdge& edge : graph_.edges()) {
      if (edge.downstream() == fragment && edge.link() == merge.operator_id() && edge.upstream_object() == 0)
        return drivers_of(edge.upstream());
    }
    return {};
  }

  Fragments drivers_in_join(const pb::StreamNode& node, uint32_t fragment) {
    Fragments sides[2] = {drivers_in(node.input(0), fragment), drivers_in(node.input(1), fragment)};
    const int first = comes_first(node);
    const Fragments& before = sides[first];
    Fragments& after = sides[1 - first];
    for (const uint32_t b : before) {
      for (const uint32_t a : after) order_.add(b, a);
    }
    if (node.hash_join().type() == pb::JOIN_FULL || after.empty()) add(after, before);
    return std::move(after);
  }

  /// 0: the left side.
  static int comes_first(const pb::StreamNode& node) {
    const pb::HashJoinNode& join = node.hash_join();
    if (join.type() == pb::JOIN_LEFT) return 1;
    if (join.type() == pb::JOIN_RIGHT) return 0;
    return tells_apart(join.left_key(), node.input(0)) && !tells_apart(join.right_key(), node.input(1)) ? 0 : 1;
  }

  /// No two rows of the side have the same join key.
  template <typename Key>
  static bool tells_apart(const Key& key, const pb::StreamNode& side) {
    return std::ranges::all_of(side.stream_key(), [&](uint32_t c) { return std::ranges::find(key, c) != key.end(); });
  }

  static void add(Fragments& to, const Fragments& from) {
    for (const uint32_t f : from) {
      if (std::ranges::find(to, f) == to.end()) to.push_back(f);
    }
  }

  const pb::FragmentGraph& graph_;
  Order& order_;
  std::map<uint32_t, Fragments> drivers_;
};

Status add_fixed(const std::vector<BackfillOrder::Pair>& pairs, pb::FragmentGraph& graph, Order& order) {
  std::map<uint32_t, Fragments> scans;  // by catalog object
  std::vector<std::string> read;
  for (pb::Fragment& fragment : *graph.mutable_fragments()) {
    if (!fragment.has_scan()) continue;
    const pb::StreamScanNode& scan = scan_in(*fragment.mutable_root())->stream_scan();
    Fragments& of_object = scans[scan.upstream_object()];
    if (of_object.empty()) read.push_back(scan.upstream_table().name());
    of_object.push_back(fragment.fragment_id());
  }
  for (const auto& [before, after] : pairs) {
    for (const BackfillOrder::Relation& relation : {before, after}) {
      if (scans.contains(relation.object->id())) continue;
      const std::string all = read.empty() ? "It reads no table or view." : fmt::format("It reads {}.", fmt::join(read, ", "));
      return error(Code::InvalidParameter, "{}: \"{}\" is not read by this query", kBackfillOrder, relation.object->name())
          .at(relation.position)
          .with_hint(all);
    }
    for (const uint32_t b : scans[before.object->id()]) {
      for (const uint32_t a : scans[after.object->id()]) order.add(b, a);
    }
  }
  return ok();
}

}  // namespace

Result<BackfillOrder> bind_backfill_order(const std::vector<ast::Option>& options, const BindContext& context) {
  BackfillOrder out;
  const auto option = std::ranges::find(options, kBackfillOrder, &ast::Option::key);
  if (option == options.end()) {
    out.kind = context.settings.order_backfills ? BackfillOrder::Kind::Auto : BackfillOrder::Kind::None;
    return out;
  }
  PENSTOCK_TRY(const ast::BackfillOrder order, parse_backfill_order(option->value, option->value_position));
  out.kind = static_cast<BackfillOrder::Kind>(order.kind);
  for (const ast::BackfillOrder::Pair& pair : order.pairs) {
    PENSTOCK_TRY(const auto* const before, relation_of(pair.before, context));
    PENSTOCK_TRY(const auto* const after, relation_of(pair.after, context));
    out.pairs.push_back({{before, pair.before.position}, {after, pair.after.position}});
  }
  PENSTOCK_TRY(check_circles(out.pairs));
  return out;
}

Status order_backfills(const BackfillOrder& order, pb::FragmentGraph& graph) {
  if (order.kind == BackfillOrder::Kind::None) return ok();
  Order found(graph);
  if (order.kind == BackfillOrder::Kind::Auto) AutoOrder(graph, found).look();
  PENSTOCK_TRY(add_fixed(order.pairs, graph, found));
  found.write();
  return ok();
}

}  // namespace penstock::frontend
