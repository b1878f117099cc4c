#include "storage/epoch_log/log_state_store.h"

#include <algorithm>

#include "common/log.h"
#include "storage/disk_guard.h"
#include "storage/epoch_log/epoch_sync.h"
#include "storage/epoch_log/log_feed.h"
#include "storage/epoch_log/log_import.h"
#include "storage/epoch_log/log_reader.h"
#include "storage/epoch_log/log_table.h"

namespace penstock::storage {

Result<std::unique_ptr<LogStateStore>> LogStateStore::open(runtime::Runtime& runtime, DataFolder& folder, NodeUuid node,
                                                           std::unique_ptr<SortedBase> base, EpochLogOptions options) {
  auto store = std::unique_ptr<LogStateStore>(new LogStateStore(runtime, folder, node, options));
  LogCore& core = store->core_;
  core.base = std::move(base);
  PENSTOCK_TRY(core.files, SegmentFiles::open(folder.files(), folder.path() + "/segments", options.files));
  PENSTOCK_TRY(core.sequences, SequenceSource::open(folder));
  PENSTOCK_TRY(store->marks_.load(*core.base));
  return store;
}

LogStateStore::~LogStateStore() {
  core_.closing.store(true);
  core_.jobs.close();
  for (const auto& graph : graphs()) graph->forget();  // a handle that lives on must not hold files and snapshots
}

// ---- graphs -----------------------------------------------------------------------------------------------------------------------------

std::vector<std::shared_ptr<GraphLog>> LogStateStore::graphs() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<GraphLog>> out;
  for (const auto& [id, graph] : graphs_) out.push_back(graph);
  return out;
}

std::shared_ptr<GraphLog> LogStateStore::find(PartialGraphId id) const {
  MutexLock lock(mutex_);
  const auto branch = branches_.find(id);
  const auto found = graphs_.find(branch == branches_.end() ? id : branch->second);
  return found == graphs_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<GraphLog>> LogStateStore::known(PartialGraphId id) const {
  auto graph = find(id);
  if (!graph) return error(Code::Stale, "graph {} is not open in the state store", id);
  return graph;
}

Status LogStateStore::retain_segments(std::span<const SegmentRef> live, std::optional<uint64_t> highest_committed) {
  if (highest_committed && marks_.highest() > *highest_committed) {
    return error(Code::Stale,
                 "this node flushed segment {}, but the highest one meta has committed for it is {}: meta's data folder is older",
                 marks_.highest(), *highest_committed)
        .with_hint(fmt::format("Give meta its latest data folder back; {} is not changed.", core_.folder.path()));
  }
  for (const auto& graph : graphs()) graph->close();
  std::set<uint64_t> listed;
  for (const SegmentRef& ref : live) listed.insert(ref.sequence);
  marks_.retain(listed);
  core_.files->retain(listed);
  return ok();
}

Status LogStateStore::open_graph(GraphTerm id, Epoch committed, std::span<const SegmentRef> live,
                                 std::optional<std::span<const TableId>> live_tables) {
  std::shared_ptr<GraphLog> graph;
  {
    MutexLock lock(mutex_);
    auto& slot = graphs_[id.graph];
    if (!slot) slot = std::make_shared<GraphLog>(core_, id.graph);
    graph = slot;
  }
  graph->close();
  GraphLog::Adoption adoption{id.term, committed, {}, {}, nullptr};
  std::optional<std::set<TableId>> wanted;
  if (live_tables) wanted.emplace(live_tables->begin(), live_tables->end());
  const auto in_memory = graph->committed_segments();
  std::set<uint64_t> listed;
  std::string broken;
  for (const SegmentRef& ref : live) {
    if (!listed.insert(ref.sequence).second) continue;
    if (marks_.contains(ref.sequence)) {
      adoption.flushed.insert(ref.sequence);
    } else if (auto segment = adopt(ref, in_memory, wanted); segment.has_value()) {
      adoption.segments.push_back(std::move(segment).value());
    } else {
      broken += fmt::format("{}{}", broken.empty() ? "" : ", ", segment.error().message());
    }
  }
  if (!broken.empty()) {
    return error(Code::Corruption,
                 "graph {}: segments that meta lists: {}: the data folder is older than what was committed, or files were removed from it",
                 id.graph, broken)
        .with_hint("Stop the node and start it on its newest data folder; penstock ctl doctor lists what it lacks.");
  }
  std::ranges::sort(adoption.segments, {}, [](const LogSegmentPtr& segment) { return std::pair(segment->epoch(), segment->sequence()); });
  // Taken after the marks were read: what is flushed meanwhile is in both, and says the same.
  adoption.base = core_.base->snapshot();
  graph->open(std::move(adoption));
  core_.files->retain_of_graph(id.graph, listed);
  for (const PartialGraphId branch : graph->take_branch_names()) core_.files->retain_of_graph(branch, listed);
  return ok();
}

Status LogStateStore::open_branch(GraphTerm branch, PartialGraphId id, std::span<const SegmentRef> live) {
  std::shared_ptr<GraphLog> graph;
  {
    MutexLock lock(mutex_);
    const auto found = graphs_.find(id);
    if (found == graphs_.end() || graphs_.contains(branch.graph)) {
      return error(Code::Stale, "graph {} is not open in the state store, so branch {} cannot be", id, branch.graph);
    }
    graph = found->second;
    branches_[branch.graph] = id;
  }
  PENSTOCK_TRY(graph->open_branch(branch));
  std::set<uint64_t> listed;
  for (const SegmentRef& ref : live) listed.insert(ref.sequence);
  core_.files->retain_of_graph(branch.graph, listed);
  return ok();
}

Status LogStateStore::merge_branch(PartialGraphId branch, Epoch epoch) {
  PENSTOCK_TRY(auto graph, known(branch));
  return graph->merge_branch(branch, epoch);
}

Result<LogSegmentPtr> LogStateStore::adopt(const SegmentRef& ref, const std::map<uint64_t, LogSegmentPtr>& in_memory,
                                           const std::optional<std::set<TableId>>& live_tables) {
  if (const auto found = in_memory.find(ref.sequence); found != in_memory.end() && found->second->info().ref == ref) return found->second;
  SegmentFilePtr file = core_.files->find(ref.sequence);
  if (!file) return error(Code::Corruption, "{} missing", ref.sequence);
  PENSTOCK_TRY(auto bytes, core_.files->files().open_read(file->path()));
  const SegmentId id{core_.node, ref.sequence, ref.graph, ref.epoch};
  auto reader = SegmentReader::open(std::move(bytes), id, ref.checksum);
  if (reader.has_error()) return error(Code::Corruption, "{} broken ({}, {})", ref.sequence, file->path(), reader.error().message());
  return LogSegmentPtr(std::make_shared<LogSegment>(std::move(file), std::move(reader).value(), live_tables));
}

void LogStateStore::clear(PartialGraphId id) {
  if (const auto graph = find(id)) graph->close(id);
}

Result<std::unique_ptr<SegmentImport>> LogStateStore::begin_import(GraphTerm id, Epoch epoch) {
  PENSTOCK_TRY(const auto graph, known(id.graph));
  PENSTOCK_TRY(graph->check_import(id.term, epoch));
  return std::unique_ptr<SegmentImport>(std::make_unique<LogImport>(core_, id, epoch));
}

Status LogStateStore::adopt_segments(GraphTerm id, Epoch epoch, std::span<const SegmentRef> files) {
  PENSTOCK_TRY(const auto graph, known(id.graph));
  PENSTOCK_TRY(graph->check_import(id.term, epoch));
  const auto there = graph->committed_segments();
  std::vector<LogSegmentPtr> segments;
  for (const SegmentRef& ref : files) {
    if (there.contains(ref.sequence) || marks_.contains(ref.sequence)) continue;
    auto segment = adopt(ref, there, std::nullopt);
    if (segment.has_error()) return segment.error().with_context(fmt::format("graph {}: a file with moved rows", id.graph));
    segments.push_back(std::move(segment).value());
  }
  return graph->adopt(id.term, epoch, std::move(segments));
}

Result<std::unique_ptr<ChangeFeed>> LogStateStore::follow(PartialGraphId graph, std::span<const TableId> /*tables*/) {
  PENSTOCK_TRY(const auto log, known(graph));
  PENSTOCK_TRY(auto begun, log->follow(LogFeed::kMostBytes));
  return std::unique_ptr<ChangeFeed>(std::make_unique<LogFeed>(std::move(begun.first), std::move(begun.second)));
}

void LogStateStore::remove_graph(PartialGraphId id) {
  std::shared_ptr<GraphLog> graph;
  {
    MutexLock lock(mutex_);
    if (branches_.contains(id)) return;  // its tables are the graph's, or it was cleared
    const auto found = graphs_.find(id);
    if (found == graphs_.end()) return;
    graph = std::move(found->second);
    graphs_.erase(found);
    std::erase_if(branches_, [id](const auto& branch) { return branch.second == id; });
  }
  graph->forget();
}

void LogStateStore::drop_tables(std::span<const TableId> tables) {
  tables_.drop(tables);
  core_.base->forget(tables);
  flush_.consider();
}

// ---- barriers ---------------------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<LocalStateStore>> LogStateStore::open_table(TableOptions options) {
  PENSTOCK_TRY(auto graph, known(options.graph));
  PENSTOCK_TRY(const uint64_t incarnation, graph->incarnation_if_open(options.graph));
  return std::unique_ptr<LocalStateStore>(std::make_unique<LogTable>(core_, tables_, std::move(graph), incarnation, std::move(options)));
}

Status LogStateStore::start_epoch(PartialGraphId id, Epoch curr, std::span<const TableId>) {
  PENSTOCK_TRY(auto graph, known(id));
  return graph->start_epoch(id, curr);
}

Result<std::vector<SegmentInfo>> LogStateStore::sync_epoch(GraphTerm id, Epoch prev, std::span<const TableId>) {
  PENSTOCK_TRY(auto graph, known(id.graph));
  return sync_graph(core_, *graph, id, prev);
}

Status LogStateStore::commit_epoch(PartialGraphId id, Epoch epoch, std::span<const uint64_t> struck_off, std::span<const GraphTerm> with) {
  PENSTOCK_TRY(auto graph, known(id));
  if (graph->id() != id) return error(Code::Protocol, "branch {} is committed with graph {}, not alone", id, graph->id());
  PENSTOCK_TRY(graph->commit(epoch, struck_off, with));
  marks_.strike_off(struck_off);
  flush_.consider();
  return ok();
}

std::vector<uint64_t> LogStateStore::flushed_segments(PartialGraphId id) const {
  const auto graph = find(id);
  return graph && graph->id() == id ? graph->flushed() : std::vector<uint64_t>{};  // a branch's are the graph's
}

// ---- readers ----------------------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<SnapshotReader>> LogStateStore::read_committed(PartialGraphId id, TableId table, Epoch epoch) {
  const auto graph = find(id);
  if (!graph) return error(Code::SnapshotTooOld, "table {}: this node does not know graph {}", table, id);
  if (tables_.is_dropped(table)) return error(Code::SnapshotTooOld, "table {} was dropped", table);
  auto version = graph->version(epoch);
  if (version.has_error()) return version.error().with_context(fmt::format("table {}", table));
  return std::unique_ptr<SnapshotReader>(std::make_unique<LogReader>(table, epoch, std::move(version).value()));
}

Result<std::unique_ptr<SnapshotReader>> LogStateStore::read_sealed(PartialGraphId id, TableId table, Epoch epoch) {
  PENSTOCK_TRY(const auto graph, known(id));
  auto sealed = graph->sealed(epoch, table);
  if (sealed.has_error()) return sealed.error().with_context(fmt::format("table {}", table));
  return std::unique_ptr<SnapshotReader>(std::make_unique<LogReader>(table, epoch, std::move(sealed).value()));
}

Epoch LogStateStore::committed_epoch(PartialGraphId id) const {
  const auto graph = find(id);
  return graph ? graph->committed() : Epoch{0};
}

// ---- what it uses -----------------------------------------------------------------------------------------------------------------------

StateStore::Usage LogStateStore::usage() const {
  Usage usage;
  for (const auto& graph : graphs()) {
    const auto of_graph = graph->usage();
    usage.batch_bytes += of_graph.memory;
    usage.segment_bytes += of_graph.segments;
  }
  usage.sorted_bytes = core_.base->bytes();
  return usage;
}

std::map<TableId, uint64_t> LogStateStore::table_sizes() const {
  std::map<TableId, uint64_t> sizes = core_.base->table_sizes();
  for (const auto& graph : graphs()) graph->add_table_bytes(sizes);
  return sizes;
}

// The files first: what is flushed meanwhile has its mark before its file goes.
std::optional<std::set<uint64_t>> LogStateStore::known_segments() const {
  std::set<uint64_t> known = core_.files->sequences();
  known.merge(marks_.all());
  return known;
}

StateStore::Disk LogStateStore::disk() const {
  const DiskGuard::Space space = space_of(core_.folder.files(), core_.folder.path(), core_.options.disk_reserve);
  Disk disk{.free_bytes = space.free_bytes, .reserve_bytes = space.reserve_bytes};
  disk.sync_waits = core_.syncs_waiting.load() > 0;
  disk.flush_waits = flush_.waits();
  disk.flush_lacks_space = flush_.lacks_space();
  return disk;
}

std::string LogStateStore::statistics() const {
  const Usage use = usage();
  const auto flushes = flush_.counters();
  std::string out = fmt::format(
      "batch_bytes {}\nsegment_bytes {}\nsegment_file_bytes {}\nsorted_bytes {}\nflushes {}\nflush_failures {}\nflushed_rows "
      "{}\nflush_seconds {:.3f}\n",
      use.batch_bytes, use.segment_bytes, core_.files->bytes(), use.sorted_bytes, flushes.flushes, flushes.failures, flushes.rows,
      static_cast<double>(flushes.nanos) / 1e9);
  return out + core_.base->statistics();
}

}  // namespace penstock::storage
