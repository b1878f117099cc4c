#include "frontend/planner/stream_planner.h"

#include <algorithm>

#include "common/check.h"
#include "common/vnode.h"
#include "expr/pb_types.h"
#include "frontend/binder/definition.h"
#include "frontend/planner/message_depth.h"
#include "frontend/planner/plan_text.h"
#include "frontend/planner/rules.h"
#include "frontend/planner/state_tables.h"

namespace penstock::frontend {
namespace {

bool is_shareable(const logical::Plan& plan) { return plan.as<logical::Aggregate>() != nullptr || plan.as<logical::Join>() != nullptr; }

void add_column(pb::CatalogObject& object, const std::string& name, const pb::DataType& type, bool hidden) {
  auto& column = *object.add_columns();
  column.set_name(name);
  *column.mutable_type() = type;
  column.set_hidden(hidden);
}

// Hidden columns are found by their names too, so they must not take that of another.
std::string free_name(const pb::CatalogObject& object, const std::string& wanted) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(object.columns().begin(), object.columns().end(), [&](const pb::Column& c) { return c.name() == name; });
  };
  std::string name = wanted.starts_with('_') ? wanted : "_" + wanted;
  for (int i = 1; taken(name); ++i) name = fmt::format("{}#{}", wanted, i);
  return name;
}

// The state table of a view or table: all its columns, by its key.
pb::TableDesc result_table(uint32_t id, const pb::CatalogObject& object, const std::vector<uint32_t>& dist) {
  TableSpec spec{.id = id, .name = object.name(), .dist = dist};
  spec.pk.assign(object.stream_key().begin(), object.stream_key().end());
  spec.lookup_prefix = static_cast<uint32_t>(spec.pk.size());
  auto table = make_table(spec);
  *table.mutable_columns() = object.columns();
  return table;
}

std::string_view conflict_name(pb::ConflictBehavior conflict) {
  switch (conflict) {
    case pb::CONFLICT_OVERWRITE:
      return "Overwrite";
    case pb::CONFLICT_IGNORE:
      return "Ignore";
    default:
      return "NoCheck";
  }
}

void fill_materialize(const pb::CatalogObject& object, pb::ConflictBehavior conflict, pb::StreamNode& node) {
  auto& body = *node.mutable_materialize();
  *body.mutable_table() = object.table();
  body.set_conflict(conflict);
  std::vector<std::string> names, shown;
  for (const auto& c : object.columns()) {
    names.push_back(c.name());
    shown.push_back(c.hidden() ? c.name() + "(hidden)" : c.name());
    add_field(node, c.name(), type_of(c.type()));
  }
  const std::vector<uint32_t> key(object.stream_key().begin(), object.stream_key().end());
  *node.mutable_stream_key() = object.stream_key();
  node.set_append_only(object.append_only());
  node.set_identity(fmt::format("Materialize {{ columns: {}, stream_key: {}, pk_columns: {}, pk_conflict: {} }}", list_text(shown),
                                pick_text(names, key), pick_text(names, key), conflict_name(conflict)));
}

}  // namespace

Result<pb::FragmentGraph> StreamPlanner::plan_view(const logical::Plan& plan, const std::vector<std::string>& names,
                                                   pb::CatalogObject& object) {
  count_occurrences(plan);
  PENSTOCK_TRY(auto stream, lower(plan, {.key = true}));
  stream = narrowed(fragments_.open(std::move(stream)));
  const std::vector<uint32_t> key(stream.node.stream_key().begin(), stream.node.stream_key().end());
  const auto& spread = stream.distribution;
  const bool in_place =
      spread.kind == Distribution::Kind::Hash && std::all_of(spread.columns.begin(), spread.columns.end(),
                                                             [&](uint32_t c) { return std::find(key.begin(), key.end(), c) != key.end(); });
  if (!in_place) stream = enforce(std::move(stream), spread.kind == Distribution::Kind::Single ? spread : Distribution::hash(key));

  for (int i = 0; i < stream.node.fields_size(); ++i) {
    const auto& field = stream.node.fields(i);
    const bool hidden = static_cast<size_t>(i) >= stream.width;
    add_column(object, hidden ? free_name(object, field.name()) : names[i], field.type(), hidden);
  }
  *object.mutable_stream_key() = stream.node.stream_key();
  object.set_append_only(stream.node.append_only());
  collect_dependencies(plan, object);
  *object.mutable_table() = result_table(fragments_.next_table(), object, stream.distribution.columns);
  auto root = on_top_of(std::move(stream.node));
  fill_materialize(object, pb::CONFLICT_NO_CHECK, root);
  fragments_.finish(std::move(root), std::move(stream.stage));
  finish_shared_sources();
  return checked_depth(fragments_.take(settings_.streaming_parallelism), plan.position);
}

Result<pb::FragmentGraph> StreamPlanner::plan_sink(const logical::Plan& plan, const std::vector<std::string>& names,
                                                   pb::CatalogObject& object) {
  count_occurrences(plan);
  PENSTOCK_TRY(auto stream, lower(plan, {}));
  stream = fragments_.open(std::move(stream));
  stream.node.clear_stream_key();
  stream = narrowed(std::move(stream));
  for (size_t i = 0; i < stream.width; ++i) add_column(object, names[i], stream.node.fields(static_cast<int>(i)).type(), false);
  object.set_append_only(stream.node.append_only());
  collect_dependencies(plan, object);
  auto root = on_top_of(std::move(stream.node));
  *root.mutable_sink()->mutable_properties() = object.properties();
  root.set_append_only(object.append_only());
  for (size_t i = 0; i < names.size(); ++i) add_field(root, names[i], type_of(object.columns(static_cast<int>(i)).type()));
  const auto connector = object.properties().find("connector");
  root.set_identity(
      fmt::format("Sink {{ type: {}, columns: {} }}", connector == object.properties().end() ? "" : connector->second, list_text(names)));
  fragments_.finish(std::move(root), std::move(stream.stage));
  finish_shared_sources();
  return checked_depth(fragments_.take(settings_.streaming_parallelism), plan.position);
}

pb::FragmentGraph StreamPlanner::plan_table(pb::CatalogObject& object, pb::ConflictBehavior conflict) {
  std::vector<uint32_t> key(object.pk_columns().begin(), object.pk_columns().end());
  const auto row_id = static_cast<uint32_t>(object.columns_size() - 1);
  const bool declared = !key.empty();
  if (!declared) key = {row_id};
  for (const uint32_t c : key) object.add_stream_key(c);

  Stream stream;
  stream.width = static_cast<size_t>(object.columns_size());
  stream.stage.has_dml = true;
  stream.node.set_operator_id(fragments_.next_operator());
  std::vector<std::string> names;
  for (const auto& c : object.columns()) {
    add_field(stream.node, c.name(), type_of(c.type()));
    names.push_back(c.name());
  }
  *stream.node.mutable_dml()->mutable_columns() = stream.node.fields();
  stream.node.set_identity(fmt::format("Dml {{ columns: {} }}", list_text(names)));
  if (!declared) {
    auto generator = on_top_of(std::move(stream.node));
    *generator.mutable_fields() = generator.input(0).fields();
    generator.mutable_row_id_gen()->set_column(row_id);
    generator.set_identity(fmt::format("RowIdGen {{ row_id_index: {} }}", row_id));
    stream.node = std::move(generator);
  }
  for (const uint32_t c : key) stream.node.add_stream_key(c);
  stream = fragments_.exchange(std::move(stream), Distribution::hash(key));
  *object.mutable_table() = result_table(fragments_.next_table(), object, key);
  auto root = on_top_of(std::move(stream.node));
  fill_materialize(object, declared ? conflict : pb::CONFLICT_NO_CHECK, root);
  fragments_.finish(std::move(root), std::move(stream.stage));
  return fragments_.take(settings_.streaming_parallelism);
}

pb::StreamNode StreamPlanner::on_top_of(pb::StreamNode input) {
  pb::StreamNode node;
  node.set_operator_id(fragments_.next_operator());
  *node.add_input() = std::move(input);
  return node;
}

Stream StreamPlanner::enforce(Stream stream, const Distribution& wanted) {
  if (stream.distribution == wanted && !stream.shared_fragment) return stream;
  return fragments_.exchange(std::move(stream), wanted);
}

Stream StreamPlanner::narrowed(Stream stream) {
  std::vector<uint32_t> kept;
  for (uint32_t i = 0; i < stream.width; ++i) kept.push_back(i);
  for (const uint32_t key : stream.node.stream_key()) {
    if (key >= stream.width && std::find(kept.begin(), kept.end(), key) == kept.end()) kept.push_back(key);
  }
  const bool all = kept.size() == static_cast<size_t>(stream.node.fields_size()) && std::is_sorted(kept.begin(), kept.end());
  if (all) return stream;
  const auto place = [&](uint32_t c) { return static_cast<uint32_t>(std::find(kept.begin(), kept.end(), c) - kept.begin()); };
  const auto names = names_of(stream.node);
  auto node = on_top_of(std::move(stream.node));
  const auto& input = node.input(0);
  node.set_append_only(input.append_only());
  for (const uint32_t c : kept) {
    const auto& field = input.fields(static_cast<int>(c));
    *node.add_fields() = field;
    to_proto(Expr::column(c, type_of(field.type())), *node.mutable_project()->add_exprs());
  }
  for (const uint32_t key : input.stream_key()) node.add_stream_key(place(key));
  node.set_identity(fmt::format("Project {{ exprs: {} }}", pick_text(names, kept)));
  std::vector<uint32_t> spread;
  for (const uint32_t c : stream.distribution.columns) {
    if (place(c) < kept.size()) spread.push_back(place(c));
  }
  if (spread.size() != stream.distribution.columns.size()) stream.distribution = Distribution::any();
  if (stream.distribution.kind == Distribution::Kind::Hash) stream.distribution.columns = std::move(spread);
  stream.node = std::move(node);
  return stream;
}

void StreamPlanner::collect_dependencies(const logical::Plan& plan, pb::CatalogObject& object) const {
  if (const auto* scan = plan.as<logical::Scan>()) {
    const auto& known = object.depends_on();
    if (std::find(known.begin(), known.end(), scan->object->id()) == known.end()) object.add_depends_on(scan->object->id());
  }
  for (const auto& input : plan.inputs) collect_dependencies(*input, object);
}

void StreamPlanner::count_occurrences(const logical::Plan& plan) {
  if (is_shareable(plan) && ++plan_counts_[rules::fingerprint(plan)] > 1) return;
  const auto* scan = plan.as<logical::Scan>();
  if (scan != nullptr && scan->object->kind() == pb::OBJECT_SOURCE) ++source_counts_[scan->object->id()];
  for (const auto& input : plan.inputs) count_occurrences(*input);
}

Result<Stream> StreamPlanner::lower(const logical::Plan& plan, const Need& need) {
  if (!is_shareable(plan)) return lower_node(plan, need);
  const std::string text = rules::fingerprint(plan);
  if (plan_counts_[text] > 1) return lower_shared(plan, text);
  return lower_node(plan, need);
}

Result<Stream> StreamPlanner::lower_shared(const logical::Plan& plan, const std::string& fingerprint) {
  const auto known = shared_plans_.find(fingerprint);
  if (known != shared_plans_.end()) return known->second.description;
  PENSTOCK_TRY(auto stream, lower_node(plan, {.key = true}));
  stream = narrowed(fragments_.open(std::move(stream)));
  Stream description;
  *description.node.mutable_fields() = stream.node.fields();
  *description.node.mutable_stream_key() = stream.node.stream_key();
  description.node.set_append_only(stream.node.append_only());
  description.distribution = stream.distribution;
  description.width = stream.width;
  description.shared_fragment = fragments_.finish(std::move(stream.node), std::move(stream.stage));
  for (int i = 0; i < description.node.fields_size(); ++i) description.shared_columns.push_back(static_cast<uint32_t>(i));
  shared_plans_.emplace(fingerprint, SharedPlan{*description.shared_fragment, description});
  return description;
}

Result<Stream> StreamPlanner::lower_node(const logical::Plan& plan, const Need& need) {
  struct Visitor {
    StreamPlanner& self;
    const logical::Plan& plan;
    const Need& need;
    Result<Stream> operator()(const logical::Scan&) const { return self.lower_scan(plan, need); }
    Result<Stream> operator()(const logical::Filter&) const { return self.lower_filter(plan, need); }
    Result<Stream> operator()(const logical::Project&) const { return self.lower_project(plan, need); }
    Result<Stream> operator()(const logical::Window&) const { return self.lower_window(plan, need); }
    Result<Stream> operator()(const logical::Aggregate&) const { return self.lower_aggregate(plan); }
    Result<Stream> operator()(const logical::Join&) const { return self.lower_join(plan); }
    Result<Stream> operator()(const logical::UnionAll&) const { return self.lower_union(plan, need); }
    Result<Stream> operator()(const logical::Sort&) const { return self.lower(plan.input(), need); }
    Result<Stream> operator()(const logical::Limit&) const { return refuse("LIMIT"); }
    Result<Stream> operator()(const logical::Values&) const { return refuse("VALUES or SELECT without FROM"); }
    Result<Stream> operator()(const logical::SystemScan&) const { return refuse("a system relation"); }
    [[nodiscard]] Error refuse(std::string_view what) const {
      const Error e = error(Code::NotSupported, "{} in a view or sink is not supported", what);
      return plan.position == 0 ? e : e.at(plan.position);
    }
  };
  return std::visit(Visitor{*this, plan, need}, plan.node);
}

}  // namespace penstock::frontend
