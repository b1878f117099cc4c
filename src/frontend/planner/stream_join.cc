#include <algorithm>

#include "frontend/planner/plan_text.h"
#include "frontend/planner/state_tables.h"
#include "frontend/planner/stream_planner.h"

namespace penstock::frontend {
namespace {

using Keys = std::vector<std::pair<uint32_t, uint32_t>>;

pb::JoinType type_of_join(logical::JoinKind kind) {
  switch (kind) {
    case logical::JoinKind::Inner:
      return pb::JOIN_INNER;
    case logical::JoinKind::Left:
      return pb::JOIN_LEFT;
    case logical::JoinKind::Right:
      return pb::JOIN_RIGHT;
    case logical::JoinKind::Full:
      return pb::JOIN_FULL;
  }
  return pb::JOIN_INNER;
}

uint32_t left_of(const std::pair<uint32_t, uint32_t>& key) { return key.first; }
uint32_t right_of(const std::pair<uint32_t, uint32_t>& key) { return key.second; }

// How both sides are spread: by the join keys, or by those of them that one side is spread by already.
struct Spread {
  Distribution left;
  Distribution right;
};

template <typename Own>
std::optional<Spread> spread_of(const Stream& side, const Keys& keys, Own own) {
  if (side.distribution.kind != Distribution::Kind::Hash || side.shared_fragment) return std::nullopt;
  Spread spread{Distribution::hash({}), Distribution::hash({})};
  for (const uint32_t c : side.distribution.columns) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return own(k) == c; });
    if (key == keys.end()) return std::nullopt;
    spread.left.columns.push_back(key->first);
    spread.right.columns.push_back(key->second);
  }
  return spread;
}

Spread choose_spread(const Stream& left, const Stream& right, const Keys& keys) {
  if (keys.empty()) return {Distribution::single(), Distribution::single()};
  if (auto spread = spread_of(left, keys, left_of)) return *spread;
  if (auto spread = spread_of(right, keys, right_of)) return *spread;
  Spread all{Distribution::hash({}), Distribution::hash({})};
  for (const auto& [l, r] : keys) {
    all.left.columns.push_back(l);
    all.right.columns.push_back(r);
  }
  return all;
}

pb::TableDesc side_table(uint32_t id, std::string name, const pb::StreamNode& side, const std::vector<uint32_t>& key,
                         const Distribution& spread) {
  TableSpec spec{.id = id, .name = std::move(name), .columns = fields_of(side), .pk = key, .dist = spread.columns};
  spec.lookup_prefix = static_cast<uint32_t>(key.size());
  for (const uint32_t c : side.stream_key()) {
    if (std::find(spec.pk.begin(), spec.pk.end(), c) == spec.pk.end()) spec.pk.push_back(c);
  }
  return make_table(spec);
}

// The stream key over (left, right): both sides' keys and the join keys. In an inner join a right column that equals a left one says
// nothing more.
std::vector<uint32_t> joined_key(const pb::StreamNode& left, const pb::StreamNode& right, const Keys& keys, bool inner) {
  const auto left_width = static_cast<uint32_t>(left.fields_size());
  std::vector<uint32_t> key;
  const auto add = [&](uint32_t c) {
    if (std::find(key.begin(), key.end(), c) == key.end()) key.push_back(c);
  };
  for (const uint32_t c : left.stream_key()) add(c);
  for (const auto& [l, r] : keys) add(l);
  for (const uint32_t c : right.stream_key()) {
    const auto equal = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.second == c; });
    add(inner && equal != keys.end() ? equal->first : left_width + c);
  }
  if (inner) return key;
  for (const auto& [l, r] : keys) add(left_width + r);
  return key;
}

// By which columns of the output the result is spread. Rows without a partner on a side have NULLs there; in an inner join both sides'
// columns hold the same, so either will do.
Distribution joined_spread(logical::JoinKind kind, const Spread& spread, const std::vector<uint32_t>& output, uint32_t left_width) {
  if (spread.left.kind == Distribution::Kind::Single) return spread.left;
  if (kind == logical::JoinKind::Full) return Distribution::any();
  Distribution result = Distribution::hash({});
  for (size_t i = 0; i < spread.left.columns.size(); ++i) {
    auto found = output.end();
    if (kind != logical::JoinKind::Right) found = std::find(output.begin(), output.end(), spread.left.columns[i]);
    if (kind != logical::JoinKind::Left && found == output.end()) {
      found = std::find(output.begin(), output.end(), spread.right.columns[i] + left_width);
    }
    if (found == output.end()) return Distribution::any();
    result.columns.push_back(static_cast<uint32_t>(found - output.begin()));
  }
  return result;
}

}  // namespace

Result<Stream> StreamPlanner::lower_join(const logical::Plan& plan) {
  const auto& join = *plan.as<logical::Join>();
  PENSTOCK_TRY(auto left, lower(plan.input(0), {.key = true}));
  PENSTOCK_TRY(auto right, lower(plan.input(1), {.key = true}));
  const Spread spread = choose_spread(left, right, join.keys);
  left = narrowed(fragments_.open(enforce(std::move(left), spread.left)));
  right = narrowed(fragments_.open(enforce(std::move(right), spread.right)));
  if (!can_share_fragment(left.stage, right.stage)) right = fragments_.exchange(std::move(right), spread.right);

  const auto left_logical = static_cast<uint32_t>(left.width), left_width = static_cast<uint32_t>(left.node.fields_size());
  const auto placed = [&](uint32_t c) { return c < left_logical ? c : c - left_logical + left_width; };
  Stream out;
  out.width = plan.width();
  out.stage = merged(std::move(left.stage), std::move(right.stage));
  out.node.set_operator_id(fragments_.next_operator());
  auto& body = *out.node.mutable_hash_join();
  body.set_type(type_of_join(join.kind));
  std::vector<uint32_t> left_key, right_key, output;
  for (const auto& [l, r] : join.keys) {
    body.add_left_key(l);
    body.add_right_key(r);
    left_key.push_back(l);
    right_key.push_back(r);
  }
  if (join.condition) {
    to_proto(replace_columns(*join.condition, [&](const Expr& c) { return Expr::column(placed(c.index), c.type, c.position); }),
             *body.mutable_condition());
  }
  for (const uint32_t c : join.output) output.push_back(placed(c));
  const bool inner = join.kind == logical::JoinKind::Inner;
  for (const uint32_t key : joined_key(left.node, right.node, join.keys, inner)) {
    auto found = std::find(output.begin(), output.end(), key);
    if (found == output.end()) found = output.insert(output.end(), key);
    out.node.add_stream_key(static_cast<uint32_t>(found - output.begin()));
  }
  for (const uint32_t c : output) {
    body.add_output(c);
    *out.node.add_fields() = c < left_width ? left.node.fields(static_cast<int>(c)) : right.node.fields(static_cast<int>(c - left_width));
  }
  const uint32_t id = out.node.operator_id();
  *body.mutable_left_table() = side_table(fragments_.next_table(), fmt::format("hash_join {} left", id), left.node, left_key, spread.left);
  *body.mutable_right_table() =
      side_table(fragments_.next_table(), fmt::format("hash_join {} right", id), right.node, right_key, spread.right);
  out.node.set_append_only(inner && left.node.append_only() && right.node.append_only());
  out.node.set_identity(fmt::format("HashJoin{} {{ type: {}, predicate: {} }}", out.node.append_only() ? " [append_only]" : "",
                                    join_name(join.kind),
                                    join_text(join, logical::column_names(plan.input(0)), logical::column_names(plan.input(1)))));
  out.distribution = joined_spread(join.kind, spread, output, left_width);
  *out.node.add_input() = std::move(left.node);
  *out.node.add_input() = std::move(right.node);
  return out;
}

}  // namespace penstock::frontend
