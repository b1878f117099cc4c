#include "stream/executor/materialize/change_log.h"

#include <algorithm>

#include "storage/key_range.h"
#include "stream/executor/mutation.h"

namespace penstock::stream {

using data::Column;

namespace {

// Deletes are collected until there is this part of the retention to delete, so that most barriers look for nothing.
constexpr int64_t kPartOfRetention = 16;
// At one barrier: enough to keep up, whatever is written.
constexpr size_t kLeastDeleted = 65'536;
constexpr size_t kDeletedForEachWritten = 4;

}  // namespace

storage::TableSchema change_log_schema(const storage::TableSchema& logged, TableId log_table) {
  storage::TableSchema schema;
  schema.id = log_table;
  schema.name = logged.name + " changes";
  schema.types = {data::TypeKind::Int64, data::TypeKind::Int64, data::TypeKind::Int16};
  schema.types.insert(schema.types.end(), logged.types.begin(), logged.types.end());
  schema.pk = {0, 1};
  schema.orders = {{}, {}};
  schema.vnode_count = logged.vnode_count;
  schema.added = logged.added;
  return schema;
}

ChangeLog::ChangeLog(const storage::StateTable& logged, const ActorContext& context)
    : logged_(logged), job_(context.job), graph_(context.graph.graph), store_(context.store), subscribers_(context.subscribers) {}

Status ChangeLog::init(EpochPair first) {
  epoch_ = first.curr;
  return open_or_close(first);
}

Status ChangeLog::skip(EpochPair skipped) {
  epoch_ = skipped.curr;
  if (!open_) return ok();
  open_->sequence = 0;
  return open_->tables.skip(skipped);
}

// The halves of an update that lie in different vnodes are read apart.
void ChangeLog::write(const data::StreamChunk& chunk) {
  if (!open_) return;
  const size_t rows = chunk.rows();
  const std::vector<VNode> vnodes = data::vnodes_of(chunk.data(), logged_.schema().dist_key, logged_.schema().vnode_count);
  data::ColumnBuilder<int64_t> sequences(data::TypeKind::Int64, rows);
  data::ColumnBuilder<int16_t> ops(data::TypeKind::Int16, rows);
  for (size_t row = 0; row < rows; ++row) {
    sequences.append(open_->sequence++);
    Op op = chunk.op(row);
    if (op == Op::UpdateDelete && (row + 1 == rows || vnodes[row] != vnodes[row + 1])) op = Op::Delete;
    if (op == Op::UpdateInsert && (row == 0 || vnodes[row] != vnodes[row - 1])) op = Op::Insert;
    ops.append(static_cast<int16_t>(op));
  }
  std::vector<Column> columns{Column::constant(data::TypeKind::Int64, static_cast<int64_t>(epoch_.value), rows), sequences.finish(),
                              ops.finish()};
  columns.insert(columns.end(), chunk.data().columns().begin(), chunk.data().columns().end());
  open_->table.write_chunk({data::DataChunk(std::move(columns), rows), nullptr, chunk.visibility()}, vnodes);
  open_->written += rows;
}

Result<Step> ChangeLog::after_barrier(const Barrier& barrier) {
  if (open_) {
    PENSTOCK_TRY(open_->tables.post_yield());
    open_->sequence = 0;
  }
  epoch_ = barrier.epoch.curr;
  PENSTOCK_TRY(change_subscribers(barrier));
  if (open_) open_->deleting = begin_deleting();
  return deleting() ? Step::NeedState : Step::Done;
}

Status ChangeLog::change_subscribers(const Barrier& barrier) {
  const SubscriberMutation change = subscribers_by(barrier, job_);
  if (change.dropped.empty() && change.added.empty()) return ok();
  for (const ObjectId dropped : change.dropped) {
    std::erase_if(subscribers_, [&](const Subscriber& subscriber) { return subscriber.subscription == dropped; });
  }
  for (const Subscriber& added : change.added) subscribe(added);
  return open_or_close(barrier.epoch);
}

void ChangeLog::subscribe(const Subscriber& subscriber) {
  const auto known = std::ranges::find(subscribers_, subscriber.subscription, &Subscriber::subscription);
  if (known == subscribers_.end()) {
    subscribers_.push_back(subscriber);
  } else {
    *known = subscriber;
  }
}

Status ChangeLog::open_or_close(EpochPair epoch) {
  if (subscribers_.empty()) {
    open_.reset();
    return ok();
  }
  const TableId id = subscribers_.front().log_table;
  for (const Subscriber& subscriber : subscribers_) {
    if (subscriber.log_table == id) continue;
    return error(Code::Protocol, "subscriptions {} and {} of job {} want their changes in tables {} and {}",
                 subscribers_.front().subscription, subscriber.subscription, job_, id, subscriber.log_table);
  }
  if (open_ && open_->id == id) return ok();
  PENSTOCK_TRY(auto table, storage::StateTable::open(store_, graph_, change_log_schema(logged_.schema(), id), logged_.vnodes()));
  open_ = std::make_unique<Open>(std::move(table), id);
  return open_->tables.init(epoch);
}

// ---- deleting ---------------------------------------------------------------------------------------------------------------------------

bool ChangeLog::begin_deleting() {
  std::chrono::milliseconds longest{};
  for (const Subscriber& subscriber : subscribers_) longest = std::max(longest, subscriber.retention);
  const uint64_t retention = static_cast<uint64_t>(longest.count()) << 16;
  const size_t written = std::exchange(open_->written, 0);
  open_->most = std::max(kLeastDeleted, written * kDeletedForEachWritten);
  if (open_->deleting_to > open_->deleted_to) return true;  // not done yet
  if (epoch_.value <= retention) return false;
  const Epoch keep{epoch_.value - retention};
  if (keep.value < open_->deleted_to.value + retention / kPartOfRetention) return false;
  if (keep <= open_->deleted_to) return false;
  open_->deleting_to = keep;
  open_->next_vnode = 0;
  return true;
}

Operator::StateRead ChangeLog::take_state_read() {
  return [this] { return find_old(); };
}

Status ChangeLog::find_old() {
  const std::vector<VNode> vnodes = logged_.vnodes().list();
  for (; open_->next_vnode < vnodes.size(); ++open_->next_vnode) {
    const VNode vnode = vnodes[open_->next_vnode];
    PENSTOCK_TRY(const auto rows, open_->table.scan({key(vnode, open_->deleted_to), key(vnode, open_->deleting_to)}));
    for (;;) {
      PENSTOCK_TRY(const bool more, rows->next());
      if (!more) break;
      if (open_->old.size() == open_->most) return ok();  // the rest, from this vnode on, after the next barrier
      open_->old.emplace_back(rows->key());
    }
  }
  return ok();
}

Status ChangeLog::resume() {
  open_->deleting = false;
  for (const std::string& old : std::exchange(open_->old, {})) open_->table.erase_encoded(old);
  if (open_->next_vnode == logged_.vnodes().count()) open_->deleted_to = open_->deleting_to;
  return ok();
}

std::string ChangeLog::key(VNode vnode, Epoch epoch) const {
  const data::DataType type = data::TypeKind::Int64;
  const data::SortOrder order;
  const data::Row pk{static_cast<int64_t>(epoch.value)};
  std::string out;
  storage::append_vnode(out, vnode);
  data::encode_key(pk, {&type, 1}, {&order, 1}, out);
  return out;
}

}  // namespace penstock::stream
