#include "stream/executor/join/hash_join.h"

#include <map>

#include "proto/stream_plan.pb.h"
#include "stream/executor/from_proto/build.h"

namespace penstock::stream::from_proto {

namespace {

/// Numbers the columns that a condition reads, in order of appearance, and makes it read those numbers.
class CompactColumns {
 public:
  void rewrite(pb::Expr& expr) {
    if (expr.kind_case() == pb::Expr::kInput) {
      const auto [found, added] = numbers_.try_emplace(expr.input(), static_cast<uint32_t>(columns_.size()));
      if (added) columns_.push_back(expr.input());
      expr.set_input(found->second);
    }
    if (expr.kind_case() != pb::Expr::kCall) return;
    for (pb::Expr& arg : *expr.mutable_call()->mutable_args()) rewrite(arg);
  }
  [[nodiscard]] const std::vector<uint32_t>& columns() const { return columns_; }

 private:
  std::map<uint32_t, uint32_t> numbers_;
  std::vector<uint32_t> columns_;
};

Result<JoinShape> shape_of(pb::JoinType type) {
  switch (type) {
    case pb::JOIN_INNER:
      return kInnerJoin;
    case pb::JOIN_LEFT:
      return kLeftJoin;
    case pb::JOIN_RIGHT:
      return kRightJoin;
    case pb::JOIN_FULL:
      return kFullJoin;
    case pb::JOIN_SEMI:
      return kSemiJoin;
    case pb::JOIN_ANTI:
      return kAntiJoin;
    default:
      return error(Code::Protocol, "join type {}", static_cast<int>(type));
  }
}

Result<HashJoinOptions::Side> side_of(const Request& request, const pb::TableDesc& desc, const Types& types, std::vector<uint32_t> key) {
  PENSTOCK_TRY(check_columns(key, types.size(), "join key"));
  PENSTOCK_TRY(auto table, open_table(request, desc, types));
  PENSTOCK_TRY(check_pk(table.schema(), key, false));
  // Runs are looked up by the pk's own order of the key columns.
  if (!std::equal(key.begin(), key.end(), table.schema().pk.begin())) {
    return error(Code::Protocol, "table {}: its primary key has the join key in another order", table.schema().name);
  }
  return HashJoinOptions::Side{std::move(table), std::move(key)};
}

}  // namespace

Result<Built> build_hash_join(const Request& request) {
  const pb::HashJoinNode& join = request.node.hash_join();
  const Types &left = request.inputs[0], &right = request.inputs[1];
  auto left_key = numbers(join.left_key()), right_key = numbers(join.right_key());
  if (left_key.size() != right_key.size())
    return error(Code::Protocol, "join keys of {} and {} columns", left_key.size(), right_key.size());
  PENSTOCK_TRY(const auto shape, shape_of(join.type()));
  PENSTOCK_TRY(auto left_side, side_of(request, join.left_table(), left, std::move(left_key)));
  PENSTOCK_TRY(auto right_side, side_of(request, join.right_table(), right, std::move(right_key)));
  if (!same_kinds(pick(left, left_side.key), pick(right, right_side.key))) return error(Code::Protocol, "join keys of different types");

  Types both = left;
  both.insert(both.end(), right.begin(), right.end());
  HashJoinOptions options{shape, std::move(left_side), std::move(right_side), nullptr, {}, numbers(join.output())};
  PENSTOCK_TRY(check_columns(options.output, both.size(), "output"));
  if (join.has_condition()) {
    pb::Expr condition = join.condition();
    CompactColumns compact;
    compact.rewrite(condition);
    options.condition_columns = compact.columns();
    PENSTOCK_TRY(check_columns(options.condition_columns, both.size(), "condition"));
    PENSTOCK_TRY(options.condition, expr::build(condition, pick(both, options.condition_columns)));
    if (options.condition->type().kind != data::TypeKind::Boolean) return error(Code::Protocol, "a join condition that is not boolean");
  }
  Types types = pick(both, options.output);
  return Built{std::make_unique<HashJoinOperator>(std::move(options), request.context), std::move(types)};
}

}  // namespace penstock::stream::from_proto
