#include "storage/epoch_log/log_flush.h"

#include <algorithm>

#include "common/log.h"

namespace penstock::storage {

namespace {

constexpr uint64_t kSmallestThreshold = 64ULL << 20;
constexpr uint64_t kLargestThreshold = 1ULL << 30;

}  // namespace

LogFlush::LogFlush(LogCore& core, FlushMarks& marks, BaseTables& tables, Graphs graphs)
    : core_(core), marks_(marks), tables_(tables), graphs_(std::move(graphs)), threshold_(core.options.flush_threshold) {}

uint64_t LogFlush::threshold() const {
  if (const uint64_t set = threshold_.load(); set != 0) return set;
  const uint64_t wanted = std::clamp(core_.base->bytes() / 20, kSmallestThreshold, kLargestThreshold);
  return core_.options.memory_budget == 0 ? wanted : std::min(wanted, std::max<uint64_t>(1, core_.options.memory_budget / 2));
}

bool LogFlush::due() const {
  uint64_t bytes = 0;
  bool many = false;
  for (const auto& graph : graphs_()) {
    bytes += graph->committed_bytes();
    many = many || graph->committed_count() >= core_.options.flush_segments;
  }
  return many || (bytes > 0 && bytes >= threshold()) || !tables_.pending_drops().empty();
}

void LogFlush::consider() {
  if (!due()) {
    waits_.store(false);
    return;
  }
  if (on_its_way_.exchange(true)) return;
  core_.jobs.post([this] {
    waits_.store(core_.base->busy());
    Status flushed = ok();
    if (!waits_.load()) flushed = flush();
    on_its_way_.store(false);
    lacks_space_.store(flushed.has_error() && flushed.error().code() == Code::DiskFull);
    if (flushed.has_error()) {
      // The rows stay in memory and in their segments; the next commit tries again.
      log::error("storage", "flush failed: {}", flushed.error());
      MutexLock lock(mutex_);
      ++counters_.failures;
    } else if (!waits_.load()) {
      consider();
    }
  });
}

Status LogFlush::flush() {
  const runtime::TimePoint start = core_.runtime.now();
  PENSTOCK_TRY(const Batch batch, gather());
  const FlushMarks::Change marks = marks_.change_for(batch.sequences);
  PENSTOCK_TRY(const uint64_t rows, install(batch, marks));
  publish(batch, marks);
  const auto nanos = static_cast<uint64_t>((core_.runtime.now() - start).count());
  log::debug("storage", "flushed {} segments, {} rows in {:.3f} s", batch.sequences.size(), rows, static_cast<double>(nanos) / 1e9);
  MutexLock lock(mutex_);
  ++counters_.flushes;
  counters_.rows += rows;
  counters_.nanos += nanos;
  return ok();
}

Result<LogFlush::Batch> LogFlush::gather() {
  Batch batch;
  batch.drops = tables_.pending_drops();
  for (const auto& graph : graphs_()) {
    VersionPtr version = graph->current();
    if (!version || version->segments.empty()) continue;
    for (const LogSegmentPtr& segment : version->segments) {
      batch.sequences.insert(segment->sequence());
      for (const TableId table : segment->tables()) {
        if (tables_.is_dropped(table)) continue;
        PENSTOCK_TRY(auto chunks, segment->rows(table));
        auto& all = batch.rows[table];
        all.insert(all.end(), chunks.begin(), chunks.end());
      }
    }
    batch.segments.insert(batch.segments.end(), version->segments.begin(), version->segments.end());
  }
  return batch;
}

Result<uint64_t> LogFlush::install(const Batch& batch, const FlushMarks::Change& marks) {
  PENSTOCK_TRY(auto install, core_.base->begin_install());
  PENSTOCK_TRY(FlushMarks::write(marks, *install));
  uint64_t rows = 0;
  auto drop = batch.drops.begin();
  const auto drops_before = [&](std::optional<TableId> table) -> Status {
    for (; drop != batch.drops.end() && (!table || *drop < *table); ++drop) {
      PENSTOCK_TRY(install->drop(*drop));
    }
    return ok();
  };
  for (const auto& [table, chunks] : batch.rows) {
    PENSTOCK_TRY(drops_before(table));
    if (batch.drops.contains(table)) continue;  // dropped since the rows were gathered
    PENSTOCK_TRY(const uint64_t of_table, install_table(table, chunks, *install));
    rows += of_table;
  }
  PENSTOCK_TRY(drops_before(std::nullopt));
  PENSTOCK_TRY(install->commit());
  return rows;
}

// A delete of what the base never had need not be written: most of what lives and dies between two flushes.
Result<uint64_t> LogFlush::install_table(TableId table, const std::vector<ChunkPtr>& chunks, SortedInstall& install) {
  PENSTOCK_TRY(const bool in_base, tables_.may_have(*core_.base, table));
  const SortedRun::Ptr run = SortedRun::build(chunks);
  for (size_t i = 0; i < run->size(); ++i) {
    if (const auto value = run->value(i)) {
      PENSTOCK_TRY(install.put(table, run->key(i), *value));
    } else if (in_base) {
      PENSTOCK_TRY(install.erase(table, run->key(i)));
    }
  }
  return run->size();
}

// What others see changes in this order: the base has rows of these tables; these segments are flushed; the versions read the base.
void LogFlush::publish(const Batch& batch, const FlushMarks::Change& marks) {
  for (const auto& [table, chunks] : batch.rows) tables_.note_rows(table);
  tables_.drops_installed(batch.drops);
  marks_.installed(marks);
  const SortedSnapshotPtr base = core_.base->snapshot();
  // Graphs without a part in it move on too: an old snapshot would keep overwritten rows alive in the base.
  for (const auto& graph : graphs_()) graph->installed(batch.sequences, base);
  for (const LogSegmentPtr& segment : batch.segments) segment->discard_file();
}

LogFlush::Counters LogFlush::counters() const {
  MutexLock lock(mutex_);
  return counters_;
}

}  // namespace penstock::storage
