#include "frontend/plan_executor.h"

#include <numeric>

#include "data/key_codec.h"
#include "frontend/planner/state_tables.h"
#include "frontend/system_relations.h"
#include "frontend/table_scan.h"

namespace penstock::frontend {
namespace {

namespace plan = batch_plan;
using batch::OperatorPtr;

std::vector<data::DataType> types_of(const plan::Plan& p) {
  std::vector<data::DataType> types;
  for (const data::Field& field : p.fields) types.push_back(field.type);
  return types;
}

// The smallest key above every key that begins with `prefix`; empty if there is none.
std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

/// Bytes of the key range: prefix columns equal, bounds on the next column (of the key's sort direction, so that they may swap sides).
class RangeEncoder {
 public:
  explicit RangeEncoder(const pb::TableDesc& table) : table_(table) {}

  void encode(const plan::KeyRange& range, std::string& begin, std::string& end) const {
    if (range.whole_table()) return;
    const std::string prefix = key_of(range.prefix);
    begin = prefix;
    end = after_prefix(prefix);
    if (!range.lower && !range.upper) return;
    const bool descending = table_.pk(static_cast<int>(range.prefix.size())).descending();
    const auto& from = descending ? range.upper : range.lower;
    const auto& to = descending ? range.lower : range.upper;
    if (from) begin = from->inclusive ? extended(range.prefix, from->value) : after_prefix(extended(range.prefix, from->value));
    if (to) end = to->inclusive ? after_prefix(extended(range.prefix, to->value)) : extended(range.prefix, to->value);
  }

 private:
  [[nodiscard]] std::string extended(data::Row prefix, const data::Datum& value) const {
    prefix.push_back(value);
    return key_of(prefix);
  }
  [[nodiscard]] std::string key_of(const data::Row& values) const {
    std::vector<data::DataType> types;
    std::vector<data::SortOrder> orders;
    for (int i = 0; i < static_cast<int>(values.size()); ++i) {
      const pb::SortKey& key = table_.pk(i);
      types.push_back(type_of(table_.columns(static_cast<int>(key.column())).type()));
      orders.push_back({key.descending(), key.nulls_first()});
    }
    std::string bytes;
    data::encode_key(values, types, orders, bytes);
    return bytes;
  }
  const pb::TableDesc& table_;
};

/// Rows of a scan, all columns, as the transaction block sees them.
class OwnChanges : public batch::Operator {
 public:
  OwnChanges(OperatorPtr stored, const TableChanges& own, std::vector<uint32_t> output)
      : stored_(std::move(stored)), own_(own), output_(std::move(output)) {}

  Result<std::optional<data::DataChunk>> next() override {
    while (!at_end_) {
      PENSTOCK_TRY(const auto chunk, stored_->next());
      at_end_ = !chunk;
      const data::DataChunk rows = chunk ? own_.unchanged(*chunk) : own_.own_rows();
      if (rows.rows() > 0) return std::optional(rows.project(output_));
    }
    return std::optional<data::DataChunk>();
  }

 private:
  const OperatorPtr stored_;
  const TableChanges& own_;
  const std::vector<uint32_t> output_;
  bool at_end_ = false;
};

/// Builds the operators of one plan, inputs first.
class Builder {
 public:
  explicit Builder(const ExecutionContext& context) : context_(context) {}

  Result<OperatorPtr> build(const plan::Plan& p) {
    PENSTOCK_TRY(auto made, std::visit([&](const auto& node) { return make(p, node); }, p.node));
    return batch::make_watched(std::move(made), [&cancel = context_.cancel](const data::DataChunk*) { return go_on(cancel); });
  }

 private:
  static Status go_on(const CancelFlag& cancel) {
    return cancel ? Status(error(Code::Cancelled, "canceling statement due to user request")) : ok();
  }

  Result<OperatorPtr> input(const plan::Plan& p, size_t i = 0) { return build(*p.inputs[i]); }

  /// An input that is kept whole, until the end of the statement: what all of them keep is bounded.
  Result<OperatorPtr> kept_input(const plan::Plan& p, size_t i = 0) {
    PENSTOCK_TRY(auto in, input(p, i));
    return batch::make_watched(std::move(in), [kept = kept_](const data::DataChunk* rows) -> Status {
      if (rows == nullptr || (*kept += rows->memory_bytes()) <= kMostKept) return ok();
      return error(Code::OutOfMemory, "the statement would keep more than {} MB of rows, to sort them or for the inner side of a join",
                   kMostKept >> 20)
          .with_hint("Filter or aggregate before, or create a materialized view and read that.");
    });
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Scan& node) {
    ScanSpec spec{.table = std::make_shared<const pb::TableDesc>(node.table), .output = node.columns, .epoch = context_.epoch};
    const auto database = context_.catalog.meta().databases.find(context_.catalog.database());
    if (database == context_.catalog.meta().databases.end())
      return error(Code::Unavailable, "nothing is known yet of the state of this database");
    spec.graph = database->second.graph;
    if (context_.epoch < Epoch{node.table.readable_since()}) {
      return error(Code::SnapshotTooOld, "{} has its rows since epoch {}; this reads epoch {}", node.table.name(),
                   node.table.readable_since(), context_.epoch)
          .with_hint("It was created, or got another query, after the transaction began. Run it in a new one.");
    }
    RangeEncoder(node.table).encode(node.range, spec.range_begin, spec.range_end);
    const TableChanges* own = own_changes(node);
    if (own != nullptr) {
      spec.output.resize(static_cast<size_t>(node.table.columns_size()));
      std::iota(spec.output.begin(), spec.output.end(), 0U);
    }
    OperatorPtr scan =
        make_table_scan(context_.runtime, context_.loop, context_.transport, context_.catalog.meta_ptr(), std::move(spec), context_.cancel);
    if (own != nullptr) scan = std::make_unique<OwnChanges>(std::move(scan), *own, node.columns);
    if (!node.filter) return scan;
    PENSTOCK_TRY(auto predicate, expr::build(*node.filter, types_of(p)));
    return batch::make_filter(std::move(scan), std::move(predicate), context_.lenient);
  }

  [[nodiscard]] const TableChanges* own_changes(const plan::Scan& node) const {
    if (context_.own == nullptr) return nullptr;
    const auto found = context_.own->find(ObjectId{node.object_id});
    return found == context_.own->end() || found->second.empty() ? nullptr : &found->second;
  }

  Result<OperatorPtr> make(const plan::Plan&, const plan::SystemScan& node) {
    const SystemRelation* relation = find_system_relation(node.schema, node.name);
    if (relation == nullptr) return error(Code::UndefinedTable, "relation \"{}\" does not exist", node.name);
    PENSTOCK_TRY(const data::DataChunk rows, system_rows(*relation, context_.catalog, context_.meta, context_.cancel));
    return batch::make_chunks({rows.project(node.columns)});
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Values& node) {
    std::vector<std::vector<expr::ExpressionPtr>> rows;
    for (const auto& row : node.rows) {
      auto& built = rows.emplace_back();
      for (const pb::Expr& value : row) {
        PENSTOCK_TRY(built.emplace_back(), expr::build(value, {}));
      }
    }
    return batch::make_values(std::move(rows), types_of(p));
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Filter& node) {
    PENSTOCK_TRY(auto in, input(p));
    PENSTOCK_TRY(auto predicate, expr::build(node.predicate, types_of(*p.inputs[0])));
    return batch::make_filter(std::move(in), std::move(predicate), context_.lenient);
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Project& node) {
    PENSTOCK_TRY(auto in, input(p));
    std::vector<expr::ExpressionPtr> exprs;
    for (const pb::Expr& expr : node.exprs) {
      PENSTOCK_TRY(exprs.emplace_back(), expr::build(expr, types_of(*p.inputs[0])));
    }
    return batch::make_project(std::move(in), std::move(exprs), context_.lenient);
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::HashAgg& node) {
    PENSTOCK_TRY(auto in, input(p));
    std::vector<batch::AggCall> calls;
    for (const pb::AggCall& call : node.calls) {
      auto& built = calls.emplace_back();
      PENSTOCK_TRY(built.aggregate, expr::build_aggregate(call, true));
      built.args.assign(call.args().begin(), call.args().end());
      built.distinct = call.distinct();
      if (!call.has_filter()) continue;
      if (call.filter().kind_case() != pb::Expr::kInput) return error(Code::Internal, "the filter of {} is no column", call.function());
      built.filter = call.filter().input();
    }
    return batch::make_aggregate(std::move(in), types_of(*p.inputs[0]), node.keys, std::move(calls));
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::HashJoin& node) {
    PENSTOCK_TRY(auto left, input(p, 0));
    PENSTOCK_TRY(auto right, kept_input(p, 1));
    batch::JoinSpec spec{.kind = static_cast<batch::JoinKind>(node.kind), .keys = node.keys, .output = node.output};
    spec.left_types = types_of(*p.inputs[0]);
    spec.right_types = types_of(*p.inputs[1]);
    if (node.condition) {
      std::vector<data::DataType> both = spec.left_types;
      both.insert(both.end(), spec.right_types.begin(), spec.right_types.end());
      PENSTOCK_TRY(spec.condition, expr::build(*node.condition, both));
    }
    return batch::make_join(std::move(left), std::move(right), std::move(spec));
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Window& node) {
    PENSTOCK_TRY(auto in, input(p));
    return batch::make_window(std::move(in), node.time_column, node.slide_micros, node.size_micros, node.output);
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::UnionAll&) {
    std::vector<OperatorPtr> inputs;
    for (size_t i = 0; i < p.inputs.size(); ++i) {
      PENSTOCK_TRY(inputs.emplace_back(), input(p, i));
    }
    return batch::make_union(std::move(inputs));
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Sort& node) {
    PENSTOCK_TRY(auto in, kept_input(p));
    std::vector<batch::SortColumn> keys;
    for (const plan::SortKey& key : node.keys) keys.push_back({key.column, {key.descending, key.nulls_first}});
    return batch::make_sort(std::move(in), std::move(keys), node.limit);
  }

  Result<OperatorPtr> make(const plan::Plan& p, const plan::Limit& node) {
    PENSTOCK_TRY(auto in, input(p));
    return batch::make_limit(std::move(in), node.count, node.offset);
  }

  static constexpr size_t kMostKept = size_t{1} << 30;

  const ExecutionContext& context_;
  const std::shared_ptr<size_t> kept_ = std::make_shared<size_t>(0);  // bytes; shared by the operators, which outlive the builder
};

}  // namespace

Result<OperatorPtr> build_operators(const batch_plan::Plan& plan, const ExecutionContext& context) { return Builder(context).build(plan); }

}  // namespace penstock::frontend
