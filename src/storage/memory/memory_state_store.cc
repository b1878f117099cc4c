#include "storage/memory/memory_state_store.h"

#include <algorithm>

#include "common/check.h"
#include "common/log.h"
#include "storage/memory/memory_handles.h"
#include "storage/vnode_filter.h"

namespace penstock::storage {

namespace {

constexpr runtime::Duration kVersionsStay = std::chrono::seconds(10);

uint64_t fnv1a(uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

uint64_t MemoryStateStore::checksum_of(const MemoryDisk::Segment& segment) {
  uint64_t hash = 0xcbf29ce484222325ULL + segment.info.ref.sequence;
  for (const auto& row : segment.rows) hash = fnv1a(fnv1a(hash, row.key), row.value ? *row.value : "\xff");
  return hash;
}

MemoryStateStore::MemoryStateStore(Options options)
    : options_(std::move(options)),
      disk_(options_.disk ? options_.disk : std::make_shared<MemoryDisk>()),
      flush_segments_(options_.flush_segments) {}

MemoryStateStore::~MemoryStateStore() = default;

Status MemoryStateStore::retain_segments(std::span<const SegmentRef> live, std::optional<uint64_t> highest_committed) {
  MutexLock lock(mutex_);
  if (highest_committed && disk_->highest_flushed > *highest_committed) {
    return error(Code::Stale,
                 "this node flushed segment {}, but the highest one meta has committed for it is {}: meta's data folder is older",
                 disk_->highest_flushed, *highest_committed);
  }
  std::set<uint64_t> listed;
  for (const SegmentRef& ref : live) listed.insert(ref.sequence);
  std::erase_if(disk_->segments, [&](const auto& segment) { return !listed.contains(segment.first); });
  std::erase_if(disk_->flushed, [&](const auto& mark) { return !listed.contains(mark.first); });
  for (auto& [id, graph] : graphs_) {
    close(graph);
    graph.merged.reset();
  }
  return ok();
}

Status MemoryStateStore::open_graph(GraphTerm id, Epoch committed, std::span<const SegmentRef> live,
                                    std::optional<std::span<const TableId>> live_tables) {
  MutexLock lock(mutex_);
  std::string broken;
  for (const SegmentRef& ref : live) {
    const auto found = disk_->segments.find(ref.sequence);
    const bool flushed = disk_->flushed.contains(ref.sequence);
    if (!flushed && (found == disk_->segments.end() || found->second.info.ref.checksum != ref.checksum)) {
      broken += fmt::format("{}{} {}", broken.empty() ? "" : ", ", ref.sequence, found == disk_->segments.end() ? "missing" : "broken");
    }
  }
  if (!broken.empty()) return error(Code::Corruption, "graph {}: segments that meta lists: {}", id.graph, broken);

  std::set<uint64_t> listed;
  for (const SegmentRef& ref : live) listed.insert(ref.sequence);
  close_branches(id.graph);
  Graph& graph = graphs_[id.graph];
  close(graph);
  const auto is_listed = [&](uint64_t sequence) { return listed.contains(sequence); };
  if (committed < graph.committed || !std::ranges::all_of(graph.committed_segments, is_listed)) forget(graph);
  graph.term = id.term;
  graph.open = true;
  std::optional<std::set<TableId>> wanted;
  if (live_tables) wanted.emplace(live_tables->begin(), live_tables->end());
  graph.flushed.clear();
  const std::set<uint64_t> in_memory(graph.committed_segments.begin(), graph.committed_segments.end());
  for (const uint64_t sequence : listed) {
    if (disk_->flushed.contains(sequence)) {
      graph.flushed.insert(sequence);
    } else if (!in_memory.contains(sequence)) {
      adopt(graph, disk_->segments.at(sequence), wanted);
    }
  }
  std::erase_if(disk_->segments, [&](const auto& s) { return s.second.info.ref.graph.graph == id.graph && !listed.contains(s.first); });
  become_committed(graph, committed);
  graph.started = graph.synced = committed;
  return ok();
}

void MemoryStateStore::forget(Graph& graph) {
  for (const TableId t : graph.tables) tables_.erase(t);
  const uint64_t incarnation = graph.incarnation, life = graph.life + 1;
  graph = Graph{};
  graph.incarnation = incarnation;
  graph.life = life;
}

void MemoryStateStore::become_committed(Graph& graph, Epoch epoch) {
  if (!graph.versions.empty() && graph.committed == epoch) return;
  graph.committed = epoch;
  if (!graph.versions.empty() && options_.runtime != nullptr) graph.versions.back().superseded = options_.runtime->now();
  graph.versions.push_back({epoch, std::nullopt});
}

void MemoryStateStore::adopt(Graph& graph, const MemoryDisk::Segment& segment, const std::optional<std::set<TableId>>& live) {
  for (const auto& row : segment.rows) {
    if (live && !live->contains(row.table)) continue;
    graph.tables.insert(row.table);
    table(row.table).write(row.key, segment.info.ref.epoch, row.value);
    graph.unfolded[segment.info.ref.epoch][row.table].insert(row.key);
  }
  graph.committed_segments.push_back(segment.info.ref.sequence);
}

MemoryTable& MemoryStateStore::table(TableId id) {
  const auto [found, is_new] = tables_.try_emplace(id);
  if (is_new) {
    if (const auto sorted = disk_->sorted.find(id); sorted != disk_->sorted.end()) {
      for (const auto& [key, value] : sorted->second) found->second.write(key, Epoch{0}, value);
    }
  }
  return found->second;
}

Result<MemoryStateStore::Graph*> MemoryStateStore::open_graph_of(PartialGraphId id) {
  const auto found = graphs_.find(id);
  if (found == graphs_.end() || !found->second.open) return error(Code::Stale, "graph {} is not open in the state store", id);
  return &found->second;
}

Result<std::unique_ptr<LocalStateStore>> MemoryStateStore::open_table(TableOptions options) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Graph * graph, open_graph_of(options.graph));
  graph->tables.insert(options.table);
  if (graph->merged) graphs_.at(*graph->trunk).tables.insert(options.table);
  (void)table(options.table);
  return std::unique_ptr<LocalStateStore>(std::make_unique<Local>(*this, std::move(options), graph->incarnation));
}

Status MemoryStateStore::start_epoch(PartialGraphId id, Epoch curr, std::span<const TableId> tables) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Graph * graph, open_graph_of(id));
  if (curr <= graph->started) return error(Code::Protocol, "graph {}: epoch {} cannot start after {}", id, curr, graph->started);
  graph->started = curr;
  graph->tables.insert(tables.begin(), tables.end());
  return ok();
}

Result<std::vector<SegmentInfo>> MemoryStateStore::sync_epoch(GraphTerm id, Epoch prev, std::span<const TableId>) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Graph * graph, open_graph_of(id.graph));
  if (graph->term != id.term) return error(Code::Stale, "graph {} is in term {}, not {}", id.graph, graph->term, id.term);
  Keys keys;
  while (!graph->dirty.empty() && graph->dirty.begin()->first <= prev) {
    for (auto& [t, of_table] : graph->dirty.begin()->second) keys[t].merge(of_table);
    graph->dirty.erase(graph->dirty.begin());
  }
  graph->synced = std::max(graph->synced, prev);
  if (keys.empty()) return std::vector<SegmentInfo>{};

  MemoryDisk::Segment segment;
  segment.info.ref = {disk_->next_sequence++, 0, prev, id};
  for (const auto& [t, of_table] : keys) {
    segment.info.tables.push_back(t);
    for (const std::string& key : of_table) {
      const auto* value = tables_[t].version(key, prev);
      if (value == nullptr) continue;  // the table was dropped meanwhile
      segment.rows.push_back({t, key, *value});
      segment.info.bytes += key.size() + (*value ? (*value)->size() : 0);
    }
  }
  segment.info.rows = segment.rows.size();
  segment.info.ref.checksum = checksum_of(segment);
  graph->staged.push_back(segment.info.ref.sequence);
  graph->unfolded[prev] = std::move(keys);
  const SegmentInfo info = segment.info;
  disk_->segments.emplace(info.ref.sequence, std::move(segment));
  return std::vector<SegmentInfo>{info};
}

Status MemoryStateStore::commit_epoch(PartialGraphId id, Epoch epoch, std::span<const uint64_t> struck_off,
                                      std::span<const GraphTerm> with) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Graph * graph, open_graph_of(id));
  if (epoch < graph->committed) return error(Code::Protocol, "graph {}: commit of epoch {} after {}", id, epoch, graph->committed);
  if (epoch > graph->synced) return error(Code::Protocol, "graph {}: commit of epoch {}, which is not synced", id, epoch);
  for (const GraphTerm& branch : with) {
    PENSTOCK_TRY(check_branch(branch, epoch));
  }
  for (const uint64_t sequence : struck_off) {
    graph->flushed.erase(sequence);
    disk_->flushed.erase(sequence);
  }
  commit_staged(*graph, *graph, epoch);
  for (const GraphTerm& branch : with) commit_staged(graphs_.at(branch.graph), *graph, epoch);
  become_committed(*graph, epoch);
  drop_old_versions(*graph);
  flush(id, *graph);
  return ok();
}

void MemoryStateStore::commit_staged(Graph& from, Graph& to, Epoch epoch) {
  std::erase_if(from.staged, [&](uint64_t sequence) {
    if (disk_->segments.at(sequence).info.ref.epoch > epoch) return false;
    to.committed_segments.push_back(sequence);
    return true;
  });
  if (&from == &to) return;
  from.committed = epoch;
  to.tables.insert(from.tables.begin(), from.tables.end());
  for (auto at = from.unfolded.begin(); at != from.unfolded.end() && at->first <= epoch; at = from.unfolded.erase(at)) {
    for (auto& [t, keys] : at->second) to.unfolded[at->first][t].merge(keys);
  }
}

void MemoryStateStore::drop_old_versions(Graph& graph) {
  if (graph.versions.empty()) return;
  while (options_.runtime != nullptr && graph.versions.size() > 1 &&
         options_.runtime->now() - *graph.versions.front().superseded > kVersionsStay) {
    graph.versions.pop_front();
  }
  Epoch oldest = graph.versions.front().epoch;
  if (!graph.pins.empty()) oldest = std::min(oldest, *graph.pins.begin());
  while (!graph.unfolded.empty() && graph.unfolded.begin()->first <= oldest) {
    for (const auto& [t, keys] : graph.unfolded.begin()->second) {
      const auto found = tables_.find(t);
      if (found == tables_.end()) continue;
      for (const std::string& key : keys) found->second.forget_before(key, oldest);
    }
    graph.unfolded.erase(graph.unfolded.begin());
  }
}

void MemoryStateStore::flush(PartialGraphId id, Graph& graph) {
  auto& waiting = graph.committed_segments;
  while (waiting.size() > flush_segments_) {
    const uint64_t sequence = waiting.front();
    flush_one(id, disk_->segments.at(sequence));
    disk_->segments.erase(sequence);
    graph.flushed.insert(sequence);
    waiting.erase(waiting.begin());
  }
}

void MemoryStateStore::flush_one(PartialGraphId id, const MemoryDisk::Segment& segment) {
  for (const auto& row : segment.rows) {
    if (dropped_.contains(row.table)) continue;
    if (row.value) {
      disk_->sorted[row.table][row.key] = *row.value;
    } else {
      disk_->sorted[row.table].erase(row.key);
    }
  }
  disk_->flushed.emplace(segment.info.ref.sequence, id);
  disk_->highest_flushed = std::max(disk_->highest_flushed, segment.info.ref.sequence);
}

void MemoryStateStore::clear(PartialGraphId id) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(id);
  if (found == graphs_.end() || found->second.merged) return;  // a merged branch ends with its trunk
  close_branches(id);
  close(found->second);
}

// What is committed stays readable.
void MemoryStateStore::close(Graph& graph) {
  forget_uncommitted(graph);
  ++graph.incarnation;
  graph.open = false;
}

void MemoryStateStore::forget_uncommitted(Graph& graph) {
  for (auto* epochs : {&graph.dirty, &graph.unfolded}) {
    for (auto at = epochs->upper_bound(graph.committed); at != epochs->end(); at = epochs->erase(at)) {
      for (const auto& [t, keys] : at->second) {
        const auto found = tables_.find(t);
        if (found == tables_.end()) continue;
        for (const std::string& key : keys) found->second.forget_after(key, graph.committed);
      }
    }
  }
  graph.staged.clear();
}

void MemoryStateStore::remove_graph(PartialGraphId id) {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(id);
  if (found == graphs_.end() || found->second.trunk) return;
  close_branches(id);
  close(found->second);
  forget(found->second);
}

void MemoryStateStore::drop_tables(std::span<const TableId> tables) {
  MutexLock lock(mutex_);
  for (const TableId t : tables) {
    dropped_.insert(t);
    tables_.erase(t);
    disk_->sorted.erase(t);
  }
}

std::vector<uint64_t> MemoryStateStore::flushed_segments(PartialGraphId id) const {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(id);
  if (found == graphs_.end()) return {};  // (a branch has none: they are its trunk's)
  return {found->second.flushed.begin(), found->second.flushed.end()};
}

Epoch MemoryStateStore::committed_epoch(PartialGraphId id) const {
  MutexLock lock(mutex_);
  const auto found = graphs_.find(id);
  return found == graphs_.end() ? Epoch{0} : found->second.committed;
}

void MemoryStateStore::set_flush_segments(size_t segments) {
  MutexLock lock(mutex_);
  flush_segments_ = segments;
}

StateStore::Usage MemoryStateStore::usage() const {
  MutexLock lock(mutex_);
  Usage usage;
  for (const auto& [sequence, segment] : disk_->segments) usage.segment_bytes += segment.info.bytes;
  usage.batch_bytes = usage.segment_bytes;
  for (const auto& [t, rows] : disk_->sorted) {
    for (const auto& [key, value] : rows) usage.sorted_bytes += key.size() + value.size();
  }
  return usage;
}

}  // namespace penstock::storage
