#include "frontend/planner/explain.h"

#include <set>

#include "frontend/planner/plan_text.h"
#include "frontend/planner/state_tables.h"

namespace penstock::frontend {
namespace {

// Lines of a tree: "└─" before the last child, "├─" before others.
class TreeWriter {
 public:
  void line(const std::string& text) { lines_.push_back(indent_ + branch_ + text); }

  template <typename F>
  void child(bool last, F&& write) {
    const std::string indent = indent_, branch = branch_;
    indent_ += branch.empty() ? "" : branch == "└─" ? "  " : "│ ";
    branch_ = last ? "└─" : "├─";
    write();
    indent_ = indent;
    branch_ = branch;
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::string indent_, branch_;
  std::vector<std::string> lines_;
};

class GraphWriter {
 public:
  explicit GraphWriter(const pb::FragmentGraph& graph) : graph_(graph) {}

  std::vector<std::string> write() {
    for (const auto& fragment : graph_.fragments()) {
      if (is_root(fragment.fragment_id())) node(fragment.root(), fragment);
    }
    return writer_.take();
  }

 private:
  [[nodiscard]] bool is_root(uint32_t fragment) const {
    for (const auto& edge : graph_.edges()) {
      if (edge.upstream_object() == 0 && edge.upstream() == fragment) return false;
    }
    return true;
  }
  [[nodiscard]] int readers(uint32_t fragment) const {
    int count = 0;
    for (const auto& edge : graph_.edges()) count += edge.upstream_object() == 0 && edge.upstream() == fragment ? 1 : 0;
    return count;
  }
  [[nodiscard]] const pb::FragmentEdge* edge_into(const pb::StreamNode& merge, const pb::Fragment& fragment) const {
    for (const auto& edge : graph_.edges()) {
      if (edge.downstream() == fragment.fragment_id() && edge.link() == merge.operator_id()) return &edge;
    }
    return nullptr;
  }

  void node(const pb::StreamNode& n, const pb::Fragment& fragment) {
    if (n.has_merge()) return exchange(n, fragment);
    writer_.line("Stream" + n.identity());
    if (n.has_stream_scan()) return;
    for (int i = 0; i < n.input_size(); ++i) {
      writer_.child(i + 1 == n.input_size(), [&] { node(n.input(i), fragment); });
    }
  }

  void exchange(const pb::StreamNode& merge, const pb::Fragment& fragment) {
    const auto* edge = edge_into(merge, fragment);
    if (edge == nullptr) return writer_.line("Stream" + merge.identity());
    const pb::Fragment& upstream = graph_.fragments(static_cast<int>(edge->upstream()));
    writer_.line(fmt::format("StreamExchange {{ dist: {} }}", spread(edge->strategy(), upstream)));
    writer_.child(true, [&] {
      if (readers(upstream.fragment_id()) > 1) return shared(upstream);
      node(upstream.root(), upstream);
    });
  }

  // A fragment with several readers is written once.
  void shared(const pb::Fragment& fragment) {
    writer_.line(fmt::format("StreamShare {{ id: {} }}", fragment.fragment_id()));
    if (!written_.insert(fragment.fragment_id()).second) return;
    writer_.child(true, [&] { node(fragment.root(), fragment); });
  }

  static std::string spread(const pb::DispatchStrategy& strategy, const pb::Fragment& upstream) {
    switch (strategy.type()) {
      case pb::DISPATCH_HASH: {
        const auto text =
            pick_text(names_of(upstream.root()), std::vector<uint32_t>(strategy.dist_key().begin(), strategy.dist_key().end()));
        return fmt::format("HashShard({})", std::string_view(text).substr(1, text.size() - 2));
      }
      case pb::DISPATCH_SIMPLE:
        return "Single";
      case pb::DISPATCH_BROADCAST:
        return "Broadcast";
      default:
        return "NoShuffle";
    }
  }

  const pb::FragmentGraph& graph_;
  TreeWriter writer_;
  std::set<uint32_t> written_;
};

std::string table_line(const pb::TableDesc& table) {
  std::vector<std::string> names, pk, dist;
  for (const auto& c : table.columns()) names.push_back(c.name());
  for (const auto& key : table.pk()) pk.push_back(names[key.column()] + (key.descending() ? " DESC" : ""));
  for (const uint32_t c : table.dist_key()) dist.push_back(names[c]);
  return fmt::format("  Table {} {{ name: {}, columns: {}, pk: {}, dist: {} }}", table.table_id(), table.name(), list_text(names),
                     list_text(pk), table.dist_key().empty() ? "Single" : list_text(dist));
}

void add_tables(const pb::StreamNode& node, std::vector<std::string>& lines) {
  for (const auto& input : node.input()) add_tables(input, lines);
  switch (node.body_case()) {
    case pb::StreamNode::kHashAgg: {
      const auto& agg = node.hash_agg();
      lines.push_back(table_line(agg.group_table()));
      const std::map<uint32_t, pb::TableDesc> values(agg.value_tables().begin(), agg.value_tables().end());
      const std::map<uint32_t, pb::TableDesc> distinct(agg.distinct_tables().begin(), agg.distinct_tables().end());
      for (const auto& [call, table] : values) lines.push_back(table_line(table));
      for (const auto& [column, table] : distinct) lines.push_back(table_line(table));
      break;
    }
    case pb::StreamNode::kHashJoin:
      lines.push_back(table_line(node.hash_join().left_table()));
      lines.push_back(table_line(node.hash_join().right_table()));
      break;
    case pb::StreamNode::kMaterialize:
      lines.push_back(table_line(node.materialize().table()));
      break;
    case pb::StreamNode::kStreamScan:
      lines.push_back(table_line(node.stream_scan().progress()));
      break;
    default:
      break;
  }
}

void write_batch(const batch_plan::Plan& plan, TreeWriter& writer) {
  writer.line(plan.identity);
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    writer.child(i + 1 == plan.inputs.size(), [&] { write_batch(*plan.inputs[i], writer); });
  }
}

}  // namespace

std::vector<std::string> explain(const pb::FragmentGraph& graph, bool verbose) {
  auto lines = GraphWriter(graph).write();
  if (!verbose) return lines;
  for (const auto& fragment : graph.fragments()) {
    lines.push_back(fmt::format("Fragment {} {{ root: {}{} }}", fragment.fragment_id(), fragment.root().identity(),
                                fragment.singleton() ? ", singleton" : ""));
    add_tables(fragment.root(), lines);
  }
  return lines;
}

std::vector<std::string> explain(const batch_plan::Plan& plan) {
  TreeWriter writer;
  write_batch(plan, writer);
  return writer.take();
}

}  // namespace penstock::frontend
