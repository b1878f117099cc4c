#include "storage/epoch_log/log_table.h"

#include <algorithm>

#include "storage/epoch_log/merge_iterator.h"
#include "storage/epoch_log/sort_stably.h"

namespace penstock::storage {

namespace {

constexpr size_t kChunkBytes = 256 * 1024;
// Indexing more than this takes too long for a core that runs actors.
constexpr size_t kQuickRows = 4096;

}  // namespace

LogTable::LogTable(LogCore& core, BaseTables& tables, std::shared_ptr<GraphLog> graph, uint64_t incarnation, TableOptions options)
    : core_(core), tables_(tables), graph_(std::move(graph)), incarnation_(incarnation), options_(std::move(options)) {}

Status LogTable::prepare() {
  PENSTOCK_TRY(tables_.may_have(*core_.base, options_.table));
  PENSTOCK_TRY(const auto view, graph_->view(incarnation_, options_.table));
  for (const LogSegmentPtr& segment : view.segments) unread_ = unread_ || segment->must_read(options_.table);
  for (const LogSegmentPtr& segment : view.segments) written_rows_ += segment->info().rows;
  return ok();
}

Status LogTable::check_usable() const {
  if (epoch_ == Epoch{0}) return error(Code::Protocol, "{}: used before init", what());
  if (!graph_->is_current(incarnation_)) return error(Code::Stale, "{}: graph {} was reset", what(), options_.graph);
  return ok();
}

// ---- writes -----------------------------------------------------------------------------------------------------------------------------

Status LogTable::init(EpochPair epoch) {
  if (epoch.curr <= epoch.prev) return error(Code::Protocol, "{}: epoch pair {}..{}", what(), epoch.prev, epoch.curr);
  epoch_ = epoch.curr;
  return prepare();
}

Status LogTable::append(WriteBatch batch) {
  PENSTOCK_TRY(check_usable());
  if (batch.empty()) return ok();
  written_rows_ += batch.entries.size();
  if (growing_ && growing_->rows.bytes.size() + batch.bytes.size() > 2 * kChunkBytes) {
    PENSTOCK_TRY(publish());
  }
  add_rows(std::move(batch));
  if (growing_->rows.bytes.size() < kChunkBytes) return ok();
  return publish();
}

// A large batch becomes a chunk as it is; small ones gather in one.
void LogTable::add_rows(WriteBatch batch) {
  if (!growing_) {
    growing_ = std::make_shared<Chunk>(Chunk{options_.table, epoch_, std::move(batch)});
    if (index_) index_->add(growing_);
    return;
  }
  WriteBatch& rows = growing_->rows;
  const auto shift = static_cast<uint32_t>(rows.bytes.size());
  rows.bytes.append(batch.bytes);
  for (WriteBatch::Entry entry : batch.entries) {
    entry.key_offset += shift;
    entry.value_offset += shift;
    rows.entries.push_back(entry);
  }
}

Status LogTable::publish() {
  if (!growing_) return ok();
  const Status published = graph_->publish(incarnation_, growing_);
  if (published.has_error()) return published.error().with_context(what());
  growing_.reset();
  return ok();
}

Status LogTable::seal_current_epoch(EpochPair next) {
  PENSTOCK_TRY(check_usable());
  if (next.prev != epoch_ || next.curr <= next.prev) {
    return error(Code::Protocol, "{}: seal {}..{} in epoch {}", what(), next.prev, next.curr, epoch_);
  }
  PENSTOCK_TRY(publish());
  epoch_ = next.curr;
  if (index_ && layout_ != graph_->layout()) forget_view();  // it holds chunks that are in the base now
  return ok();
}

Status LogTable::update_vnode_bitmap(const VNodeBitmap& vnodes) {
  PENSTOCK_TRY(check_usable());
  options_.vnodes = vnodes;
  forget_view();
  return ok();
}

// ---- reads ------------------------------------------------------------------------------------------------------------------------------

bool LogTable::may_block() const {
  if (index_) return base_ != nullptr || index_->unhashed_rows() > kQuickRows || layout_ != graph_->layout();
  return unread_ || written_rows_ > kQuickRows || tables_.may_have_without_asking(options_.table);
}

void LogTable::forget_view() {
  index_.reset();
  base_.reset();
}

Status LogTable::look() {
  PENSTOCK_TRY(check_usable());
  if (index_ && layout_ == graph_->layout()) return ok();
  PENSTOCK_TRY(auto view, graph_->view(incarnation_, options_.table));
  auto index = std::make_shared<BatchIndex>(options_.vnodes);
  std::vector<ChunkPtr> chunks;
  for (const LogSegmentPtr& segment : view.segments) {
    PENSTOCK_TRY(auto rows, segment->rows(options_.table));
    chunks.insert(chunks.end(), rows.begin(), rows.end());
  }
  chunks.insert(chunks.end(), view.chunks.begin(), view.chunks.end());
  sort_stably(chunks, [](const ChunkPtr& chunk) { return chunk->epoch; });
  for (ChunkPtr& chunk : chunks) index->add(std::move(chunk));
  if (growing_) index->add(growing_);
  // Asked after the view was taken: had rows moved to the base before, it would know.
  PENSTOCK_TRY(const bool in_base, tables_.may_have(*core_.base, options_.table));
  base_ = in_base ? std::move(view.base) : nullptr;
  index_ = std::move(index);
  layout_ = view.layout;
  unread_ = false;
  return ok();
}

Result<std::optional<std::string>> LogTable::get(std::string_view key) {
  PENSTOCK_TRY(look());
  if (const auto row = index_->find(key)) return row->has_value() ? std::optional(std::string(**row)) : std::nullopt;
  if (!base_) return std::nullopt;
  return base_->get(options_.table, key);
}

Result<std::vector<std::optional<std::string>>> LogTable::multi_get(std::span<const std::string> keys) {
  PENSTOCK_TRY(look());
  std::vector<std::optional<std::string>> out(keys.size());
  std::vector<std::string_view> misses;
  std::vector<size_t> positions;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (const auto row = index_->find(keys[i])) {
      if (row->has_value()) out[i] = **row;
    } else if (base_) {
      misses.push_back(keys[i]);
      positions.push_back(i);
    }
  }
  if (misses.empty()) return out;
  PENSTOCK_TRY(auto values, base_->multi_get(options_.table, misses));
  for (size_t i = 0; i < positions.size(); ++i) out[positions[i]] = std::move(values[i]);
  return out;
}

Result<std::unique_ptr<RowIterator>> LogTable::scan(const Range& range) {
  PENSTOCK_TRY(look());
  PENSTOCK_TRY(publish());  // the iterator must not see the chunk grow
  return MergeIterator::open(index_->runs(), base_, options_.table, range, options_.vnodes);
}

}  // namespace penstock::storage
