// Filter, projection, windows and union of a stream plan.
#include <algorithm>

#include "frontend/planner/plan_text.h"
#include "frontend/planner/state_tables.h"
#include "frontend/planner/stream_planner.h"

namespace penstock::frontend {
namespace {

// Where `column` of the input comes out, among the columns of the plan or as one more.
template <typename Find, typename Append>
std::vector<uint32_t> carried(const google::protobuf::RepeatedField<uint32_t>& columns, Find&& find, Append&& append) {
  std::vector<uint32_t> places;
  for (const uint32_t c : columns) {
    const auto found = find(c);
    places.push_back(found ? *found : append(c));
  }
  return places;
}

// The distribution in terms of the output, if all its columns come out.
template <typename Find>
Distribution mapped(const Distribution& from, Find&& find) {
  Distribution to{from.kind, {}};
  for (const uint32_t c : from.columns) {
    const auto found = find(c);
    if (!found) return Distribution::any();
    to.columns.push_back(*found);
  }
  return to;
}

// Columns of a fragment that is done: whoever reads it takes only these.
Stream selected(Stream stream, const logical::Plan& plan, bool key) {
  std::vector<uint32_t> picks;
  for (const Expr& e : plan.as<logical::Project>()->exprs) picks.push_back(e.index);
  Stream out;
  out.width = picks.size();
  const auto find = [&](uint32_t c) -> std::optional<uint32_t> {
    const auto found = std::find(picks.begin(), picks.end(), c);
    return found == picks.end() ? std::nullopt : std::optional(static_cast<uint32_t>(found - picks.begin()));
  };
  const auto append = [&](uint32_t c) {
    picks.push_back(c);
    return static_cast<uint32_t>(picks.size() - 1);
  };
  if (key) {
    for (const uint32_t c : carried(stream.node.stream_key(), find, append)) out.node.add_stream_key(c);
  }
  for (size_t i = 0; i < picks.size(); ++i) {
    auto& field = *out.node.add_fields();
    field = stream.node.fields(static_cast<int>(picks[i]));
    if (i < out.width) field.set_name(plan.columns[i].name);
    out.shared_columns.push_back(stream.shared_columns[picks[i]]);
  }
  out.node.set_append_only(stream.node.append_only());
  out.distribution = mapped(stream.distribution, find);
  out.shared_fragment = stream.shared_fragment;
  return out;
}

}  // namespace

Result<Stream> StreamPlanner::lower_filter(const logical::Plan& plan, const Need& need) {
  PENSTOCK_TRY(auto stream, lower(plan.input(), need));
  stream = fragments_.open(std::move(stream));
  const auto& predicate = plan.as<logical::Filter>()->predicate;
  auto node = on_top_of(std::move(stream.node));
  const auto& input = node.input(0);
  *node.mutable_fields() = input.fields();
  *node.mutable_stream_key() = input.stream_key();
  node.set_append_only(input.append_only());
  to_proto(predicate, *node.mutable_filter()->mutable_predicate());
  node.set_identity(fmt::format("Filter {{ predicate: {} }}", to_string(predicate, names_of(input))));
  stream.node = std::move(node);
  return stream;
}

Result<Stream> StreamPlanner::lower_project(const logical::Plan& plan, const Need& need) {
  const auto& exprs = plan.as<logical::Project>()->exprs;
  Need below{.key = need.key};
  if (need.wanted) {
    below.wanted = mapped(*need.wanted, [&](uint32_t c) { return exprs[c].is_column() ? std::optional(exprs[c].index) : std::nullopt; });
    if (below.wanted->kind == Distribution::Kind::Any) below.wanted.reset();
  }
  PENSTOCK_TRY(auto stream, lower(plan.input(), below));
  const bool selection = std::all_of(exprs.begin(), exprs.end(), [](const Expr& e) { return e.is_column(); });
  if (stream.shared_fragment && selection) return selected(std::move(stream), plan, need.key);
  stream = fragments_.open(std::move(stream));
  auto node = on_top_of(std::move(stream.node));
  const auto& input = node.input(0);
  auto& body = *node.mutable_project();
  const auto names = names_of(input);
  std::vector<std::string> texts;
  for (size_t i = 0; i < exprs.size(); ++i) {
    add_field(node, plan.columns[i].name, exprs[i].type);
    to_proto(exprs[i], *body.add_exprs());
    texts.push_back(to_string(exprs[i], names));
  }
  const auto find = [&](uint32_t c) -> std::optional<uint32_t> {
    for (uint32_t i = 0; i < static_cast<uint32_t>(body.exprs_size()); ++i) {
      if (body.exprs(static_cast<int>(i)).has_input() && body.exprs(static_cast<int>(i)).input() == c) return i;
    }
    return std::nullopt;
  };
  const auto append = [&](uint32_t c) {
    const auto& field = input.fields(static_cast<int>(c));
    *node.add_fields() = field;
    to_proto(Expr::column(c, type_of(field.type())), *body.add_exprs());
    texts.push_back(names[c]);
    return static_cast<uint32_t>(node.fields_size() - 1);
  };
  if (need.key) {
    for (const uint32_t key : carried(input.stream_key(), find, append)) node.add_stream_key(key);
  }
  node.set_append_only(input.append_only());
  node.set_identity(fmt::format("Project {{ exprs: {} }}", list_text(texts)));
  stream.distribution = mapped(stream.distribution, find);
  stream.width = exprs.size();
  stream.node = std::move(node);
  return stream;
}

Result<Stream> StreamPlanner::lower_window(const logical::Plan& plan, const Need& need) {
  const auto& window = *plan.as<logical::Window>();
  PENSTOCK_TRY(auto stream, lower(plan.input(), {.key = need.key}));
  stream = fragments_.open(std::move(stream));
  auto node = on_top_of(std::move(stream.node));
  const auto& input = node.input(0);
  auto& body = *node.mutable_hop();
  body.set_time_column(window.time_column);
  body.set_slide_micros(window.slide_micros);
  body.set_size_micros(window.size_micros);
  const auto logical_width = static_cast<uint32_t>(plan.input().width()), width = static_cast<uint32_t>(input.fields_size());
  for (size_t i = 0; i < window.output.size(); ++i) {
    const uint32_t c = window.output[i];
    body.add_output(c < logical_width ? c : c - logical_width + width);  // columns for the key stand before the bounds
    add_field(node, plan.columns[i].name, plan.columns[i].type);
  }
  const auto find = [&](uint32_t c) -> std::optional<uint32_t> {
    const auto found = std::find(body.output().begin(), body.output().end(), c);
    return found == body.output().end() ? std::nullopt : std::optional(static_cast<uint32_t>(found - body.output().begin()));
  };
  const auto append = [&](uint32_t c) {
    body.add_output(c);
    if (c < width) {
      *node.add_fields() = input.fields(static_cast<int>(c));
    } else {
      add_field(node, "window_start", data::TypeKind::Timestamp);
    }
    return static_cast<uint32_t>(node.fields_size() - 1);
  };
  if (need.key) {
    for (const uint32_t key : carried(input.stream_key(), find, append)) node.add_stream_key(key);
    // A row is in several windows: the window tells its copies apart.
    if (window.slide_micros != window.size_micros) {
      const auto start = find(width);
      node.add_stream_key(start ? *start : append(width));
    }
  }
  node.set_append_only(input.append_only());
  const bool tumble = window.slide_micros == window.size_micros;
  node.set_identity(fmt::format("{} {{ {} }}", tumble ? "Tumble" : "HopWindow", window_text(window, logical::column_names(plan.input()))));
  stream.distribution = mapped(stream.distribution, find);
  stream.width = plan.width();
  stream.node = std::move(node);
  return stream;
}

namespace {

// Columns that tell the rows of a union apart: the number of the input, then the keys of the inputs side by side; those of one type share
// a place, and where an input has none it is NULL.
class UnionKey {
 public:
  // The place of each key column of an input.
  std::vector<uint32_t> places_for(const std::vector<data::DataType>& types) {
    std::vector<uint32_t> places;
    for (const data::DataType& type : types) {
      uint32_t place = 0;
      while (place < types_.size() && (types_[place] != type || std::find(places.begin(), places.end(), place) != places.end())) ++place;
      if (place == types_.size()) types_.push_back(type);
      places.push_back(place);
    }
    return places;
  }
  [[nodiscard]] const std::vector<data::DataType>& types() const { return types_; }

 private:
  std::vector<data::DataType> types_;
};

// `stream` as an input of a union: its logical columns, then the number `branch` and the key places.
pb::StreamNode union_input(pb::StreamNode node, Stream& stream, uint32_t branch, const std::vector<uint32_t>& places,
                           const std::vector<data::DataType>& types) {
  const auto& input = node.input(0);
  auto& body = *node.mutable_project();
  std::vector<std::string> texts;
  const auto add = [&](const Expr& e, const std::string& name) {
    to_proto(e, *body.add_exprs());
    add_field(node, name, e.type);
    texts.push_back(to_string(e, names_of(input)));
  };
  for (uint32_t i = 0; i < stream.width; ++i) {
    const auto& field = input.fields(static_cast<int>(i));
    add(Expr::column(i, type_of(field.type())), field.name());
  }
  add(Expr::literal(data::TypeKind::Int32, std::to_string(branch)), "_branch");
  for (uint32_t place = 0; place < types.size(); ++place) {
    const auto found = std::find(places.begin(), places.end(), place);
    if (found == places.end()) {
      add(Expr::null_of(types[place]), fmt::format("_key{}", place));
    } else {
      const uint32_t column = input.stream_key(static_cast<int>(found - places.begin()));
      add(Expr::column(column, types[place]), fmt::format("_key{}", place));
    }
  }
  for (uint32_t i = 0; i <= types.size(); ++i) node.add_stream_key(static_cast<uint32_t>(stream.width) + i);
  node.set_append_only(input.append_only());
  node.set_identity(fmt::format("Project {{ exprs: {} }}", list_text(texts)));
  return node;
}

}  // namespace

Result<Stream> StreamPlanner::lower_union(const logical::Plan& plan, const Need& need) {
  std::vector<Stream> inputs;
  std::vector<std::vector<uint32_t>> places;
  UnionKey key;
  for (const auto& input : plan.inputs) {
    PENSTOCK_TRY(auto stream, lower(*input, {.key = need.key}));
    stream = fragments_.open(std::move(stream));
    std::vector<data::DataType> types;
    for (const uint32_t c : stream.node.stream_key()) types.push_back(type_of(stream.node.fields(static_cast<int>(c)).type()));
    places.push_back(key.places_for(types));
    inputs.push_back(std::move(stream));
  }
  if (need.key) {
    for (uint32_t i = 0; i < inputs.size(); ++i) {
      inputs[i].node = union_input(on_top_of(std::move(inputs[i].node)), inputs[i], i, places[i], key.types());
    }
  }
  // Every input arrives spread alike: as what follows wants it, or by the key, or by all there is.
  Distribution spread = Distribution::hash({});
  if (need.wanted) {
    spread = *need.wanted;
  } else if (need.key) {
    spread.columns.assign(inputs[0].node.stream_key().begin(), inputs[0].node.stream_key().end());
  } else {
    for (uint32_t i = 0; i < plan.width(); ++i) spread.columns.push_back(i);
  }
  Stream out;
  out.width = plan.width();
  out.distribution = spread;
  out.node.set_operator_id(fragments_.next_operator());
  out.node.mutable_union_();
  out.node.set_append_only(true);
  out.node.set_identity("Union { all: true }");
  for (size_t i = 0; i < inputs.size(); ++i) {
    Stream input = fragments_.exchange(std::move(inputs[i]), spread);
    if (i == 0) {
      *out.node.mutable_fields() = input.node.fields();
      *out.node.mutable_stream_key() = input.node.stream_key();
      out.distribution = input.distribution;
      out.stage = std::move(input.stage);
    } else {
      out.stage = merged(std::move(out.stage), std::move(input.stage));
    }
    out.node.set_append_only(out.node.append_only() && input.node.append_only());
    *out.node.add_input() = std::move(input.node);
  }
  return out;
}

}  // namespace penstock::frontend
