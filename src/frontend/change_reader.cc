#include "frontend/change_reader.h"

#include <numeric>

#include "data/key_codec.h"
#include "frontend/planner/state_tables.h"
#include "frontend/table_scan.h"

namespace penstock::frontend {
namespace {

constexpr uint32_t kMarks = 3;  // columns ahead of the table's: epoch, sequence, op

// As pb.Subscriber says.
std::shared_ptr<const pb::TableDesc> log_of(const pb::CatalogObject& subscription, const pb::CatalogObject& table) {
  auto log = std::make_shared<pb::TableDesc>();
  log->set_table_id(subscription.log_table());
  log->set_name(table.name() + " changes");
  for (const data::TypeKind kind : {data::TypeKind::Int64, data::TypeKind::Int64, data::TypeKind::Int16}) {
    log->add_columns()->mutable_type()->set_kind(static_cast<uint32_t>(kind));
  }
  for (const pb::Column& column : table.table().columns()) *log->add_columns() = column;
  log->add_pk()->set_column(0);
  log->add_pk()->set_column(1);
  log->set_vnode_count(table.table().vnode_count());
  return log;
}

std::string first_key_after(Epoch epoch) {
  const data::DataType type = data::TypeKind::Int64;
  const data::SortOrder order;
  std::string key;
  data::encode_key(data::Row{static_cast<int64_t>(epoch.value + 1)}, {&type, 1}, {&order, 1}, key);
  return key;
}

}  // namespace

ChangeReader::ChangeReader(const ReadContext& context, const pb::CatalogObject& subscription, const pb::CatalogObject& table)
    : context_(context), table_(table), log_(log_of(subscription, table)) {}

Result<std::optional<LoggedChanges>> ChangeReader::changes(Epoch after, Epoch until, Epoch as_of, size_t most) {
  const auto database = context_.catalog.meta().databases.find(context_.catalog.database());
  if (database == context_.catalog.meta().databases.end()) return error(Code::Unavailable, "nothing is known yet of this database");
  ScanSpec spec{.table = log_, .output = {}, .graph = database->second.graph, .epoch = as_of};
  spec.output.resize(static_cast<size_t>(log_->columns_size()));
  std::iota(spec.output.begin(), spec.output.end(), 0U);
  spec.range_begin = first_key_after(after);
  spec.range_end = first_key_after(until);
  spec.lies_with = TableId{table_.table().table_id()};
  if (most != SIZE_MAX) spec.limit = most + 1;
  const auto scan =
      make_table_scan(context_.runtime, context_.loop, context_.transport, context_.catalog.meta_ptr(), spec, context_.cancel);
  std::vector<data::DataChunk> chunks;
  for (size_t rows = 0;;) {
    PENSTOCK_TRY(auto chunk, scan->next());
    if (!chunk) break;
    rows += chunk->rows();
    if (rows > most) return std::optional<LoggedChanges>();
    chunks.push_back(std::move(*chunk));
  }
  std::vector<data::DataType> types;
  for (const pb::Column& column : log_->columns()) types.push_back(type_of(column.type()));
  LoggedChanges out{batch::concat_chunks(chunks, types), {}};
  std::vector<uint32_t> distribution;
  for (const uint32_t column : table_.table().dist_key()) distribution.push_back(column + kMarks);
  out.vnodes = data::vnodes_of(out.rows, distribution, log_->vnode_count());
  return std::optional(std::move(out));
}

SubscriptionCursor::Shape shape_of(const pb::CatalogObject& table) {
  SubscriptionCursor::Shape shape;
  for (int i = 0; i < table.columns_size(); ++i) {
    if (table.columns(i).hidden()) continue;
    shape.columns.push_back(static_cast<uint32_t>(i));
    shape.fields.push_back({table.columns(i).name(), type_of(table.columns(i).type())});
  }
  return shape;
}

batch::OperatorPtr read_snapshot(const ReadContext& context, const pb::CatalogObject& table, PartialGraphId graph, Epoch epoch) {
  ScanSpec spec{
      .table = std::make_shared<const pb::TableDesc>(table.table()), .output = shape_of(table).columns, .graph = graph, .epoch = epoch};
  return make_table_scan(context.runtime, context.loop, context.transport, context.catalog.meta_ptr(), std::move(spec), context.cancel);
}

}  // namespace penstock::frontend
