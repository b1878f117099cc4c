#include "storage/epoch_log/graph_log.h"

#include <algorithm>

#include "common/log.h"
#include "storage/epoch_log/sort_stably.h"

namespace penstock::storage {

namespace {

constexpr runtime::Duration kVersionsKept = std::chrono::seconds(10);

bool lists(std::span<const GraphTerm> branches, PartialGraphId id) {
  return std::ranges::any_of(branches, [id](const GraphTerm& branch) { return branch.graph == id; });
}

}  // namespace

// ---- life -------------------------------------------------------------------------------------------------------------------------------

void GraphLog::open(Adoption adoption) {
  MutexLock lock(mutex_);
  close_locked();
  std::erase_if(versions_, [&](const Past& past) { return past.version->epoch > adoption.committed; });
  const bool same_epoch = !versions_.empty() && versions_.back().version->epoch == adoption.committed;
  set_current(std::make_shared<Version>(Version{adoption.committed, std::move(adoption.base), std::move(adoption.segments)}), same_epoch);
  flushed_ = std::move(adoption.flushed);
  branches_[id_] = {adoption.term, ++incarnations_, adoption.committed, adoption.committed, std::nullopt};
  names_[incarnations_] = id_;
  layout_.fetch_add(1, std::memory_order_release);
}

void GraphLog::close() {
  MutexLock lock(mutex_);
  close_locked();
}

void GraphLog::close_locked() {
  branches_.clear();
  names_.clear();
  for (const auto& weak : std::exchange(trails_, {})) {
    if (const auto trail = weak.lock()) trail->end();
  }
  free_later(std::pair(std::exchange(parts_, {}), std::exchange(staged_, {})));
}

void GraphLog::forget() {
  MutexLock lock(mutex_);
  close_locked();
  free_later(std::exchange(versions_, {}));
  flushed_.clear();
  committed_bytes_.store(0, std::memory_order_relaxed);
  committed_count_.store(0, std::memory_order_relaxed);
}

std::map<uint64_t, LogSegmentPtr> GraphLog::committed_segments() const {
  MutexLock lock(mutex_);
  std::map<uint64_t, LogSegmentPtr> out;
  if (versions_.empty()) return out;
  for (const LogSegmentPtr& segment : versions_.back().version->segments) out.emplace(segment->sequence(), segment);
  return out;
}

// `replaces`: the same epoch in another form; those who pinned the old form keep it.
void GraphLog::set_current(VersionPtr version, bool replaces) {
  uint64_t bytes = 0;
  for (const LogSegmentPtr& segment : version->segments) bytes += segment->raw_bytes();
  committed_bytes_.store(bytes, std::memory_order_relaxed);
  committed_count_.store(version->segments.size(), std::memory_order_relaxed);
  if (!versions_.empty()) {
    if (replaces) {
      free_later(std::move(versions_.back().version));
      versions_.pop_back();
    } else {
      versions_.back().superseded = core_.runtime.now();
    }
  }
  versions_.push_back({std::move(version), std::nullopt});
  drop_old_versions();
}

void GraphLog::drop_old_versions() {
  std::vector<VersionPtr> old;
  const runtime::TimePoint now = core_.runtime.now();
  while (!versions_.empty() && versions_.front().superseded && now - *versions_.front().superseded > kVersionsKept) {
    old.push_back(std::move(versions_.front().version));
    versions_.pop_front();
  }
  if (!old.empty()) free_later(std::move(old));
}

// ---- barriers ---------------------------------------------------------------------------------------------------------------------------

Status GraphLog::start_epoch(PartialGraphId id, Epoch curr) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Branch * of, branch(id));
  if (curr <= of->started) return error(Code::Protocol, "graph {}: epoch {} cannot start after {}", id, curr, of->started);
  of->started = curr;
  return ok();
}

Result<GraphLog::Claim> GraphLog::claim(GraphTerm id, Epoch prev) {
  MutexLock lock(mutex_);
  PENSTOCK_TRY(Branch * of, branch(id.graph));
  if (of->term != id.term) return error(Code::Stale, "graph {} is in term {}, not {}", id.graph, of->term, id.term);
  of->synced = std::max(of->synced, prev);
  Claim claim{id, of->incarnation, {}};
  for (auto& [key, open] : parts_) {
    if (key.first > prev) break;
    if (owner_of(key) != id.graph || std::exchange(open.claimed, true)) continue;
    claim.parts.push_back({key, std::move(open.file), open.rows, std::exchange(open.unwritten, {})});
    open.unwritten_bytes = 0;
  }
  return claim;
}

bool GraphLog::is_current(uint64_t incarnation) const {
  MutexLock lock(mutex_);
  return branch_of(incarnation) != branches_.end();
}

Status GraphLog::stage(const Claim& claim, std::vector<LogSegmentPtr> segments) {
  MutexLock lock(mutex_);
  if (branch_of(claim.incarnation) == branches_.end()) return error(Code::Stale, "graph {} was reset during a sync", claim.branch.graph);
  for (const auto& part : claim.parts) parts_.erase(part.key);
  for (LogSegmentPtr& segment : segments) staged_.push_back({std::move(segment), claim.branch.graph});
  sort_stably(staged_, [](const Staged& staged) { return staged.segment->epoch(); });
  return ok();
}

Status GraphLog::check_commit(Epoch epoch, std::span<const GraphTerm> with) {
  for (const GraphTerm& listed : with) {
    PENSTOCK_TRY(const Branch* of, branch(listed.graph));
    if (of->term != listed.term) return error(Code::Stale, "graph {} is in term {}, not {}", listed.graph, of->term, listed.term);
  }
  const auto takes = [&](PartialGraphId owner) { return owner == id_ || lists(with, owner); };
  for (const auto& [name, of] : branches_) {
    const bool synced = of.synced >= epoch || (of.merged && epoch >= *of.merged);
    if (takes(name) && !synced) return error(Code::Protocol, "graph {}: commit of epoch {}, which is not synced", name, epoch);
  }
  for (const auto& [key, open] : parts_) {
    if (key.first > epoch) break;
    if (takes(owner_of(key))) return error(Code::Protocol, "graph {}: commit of epoch {}, which is not synced", key.second, epoch);
  }
  return ok();
}

Status GraphLog::commit(Epoch epoch, std::span<const uint64_t> struck_off, std::span<const GraphTerm> with) {
  MutexLock lock(mutex_);
  if (!is_open()) return error(Code::Stale, "graph {} is not open in the state store", id_);
  const Version& last = *versions_.back().version;
  if (epoch < last.epoch) return error(Code::Protocol, "graph {}: commit of epoch {} after {}", id_, epoch, last.epoch);
  PENSTOCK_TRY(check_commit(epoch, with));
  for (const uint64_t sequence : struck_off) flushed_.erase(sequence);
  if (epoch == last.epoch) return ok();
  auto version = std::make_shared<Version>(Version{epoch, last.base, last.segments});
  std::erase_if(staged_, [&](const Staged& staged) {
    const bool listed = staged.branch == id_ || lists(with, staged.branch);
    if (!listed || staged.segment->epoch() > epoch) return false;
    version->segments.push_back(staged.segment);
    return true;
  });
  const auto fresh = std::span(version->segments).subspan(last.segments.size());
  std::erase_if(trails_, [](const auto& weak) { return weak.expired(); });
  for (const auto& weak : trails_) {
    if (const auto trail = weak.lock()) trail->add(epoch, fresh);
  }
  set_current(std::move(version), false);
  return ok();
}

Status GraphLog::check_import(Term term, Epoch epoch) const {
  MutexLock lock(mutex_);
  const auto trunk = branches_.find(id_);
  if (trunk == branches_.end()) return error(Code::Stale, "graph {} is not open in the state store", id_);
  if (trunk->second.term != term) return error(Code::Stale, "graph {} is in term {}, not {}", id_, trunk->second.term, term);
  const Epoch committed = versions_.back().version->epoch;
  if (committed < epoch) return error(Code::Protocol, "graph {}: an import into epoch {}, but committed is {}", id_, epoch, committed);
  return ok();
}

// Above what the node has of the epoch, and not flushed before it: the version's segments go to the base in their order.
Status GraphLog::adopt(Term term, Epoch epoch, std::vector<LogSegmentPtr> segments) {
  MutexLock lock(mutex_);
  const auto trunk = branches_.find(id_);
  if (trunk == branches_.end() || trunk->second.term != term) return error(Code::Stale, "graph {} is not open in term {}", id_, term);
  const Version& last = *versions_.back().version;
  if (last.epoch != epoch) return error(Code::Protocol, "graph {}: files of epoch {} are adopted at epoch {}", id_, epoch, last.epoch);
  if (segments.empty()) return ok();
  auto version = std::make_shared<Version>(last);
  for (LogSegmentPtr& segment : segments) version->segments.push_back(std::move(segment));
  sort_stably(version->segments, [](const LogSegmentPtr& segment) { return std::pair(segment->epoch(), segment->sequence()); });
  for (const auto& weak : std::exchange(trails_, {})) {
    if (const auto trail = weak.lock()) trail->end();  // what it has told is not all that has changed
  }
  set_current(std::move(version), true);
  layout_.fetch_add(1, std::memory_order_release);
  return ok();
}

// ---- actors -----------------------------------------------------------------------------------------------------------------------------

Result<uint64_t> GraphLog::incarnation_if_open(PartialGraphId id) const {
  MutexLock lock(mutex_);
  const auto found = branches_.find(id);
  if (found == branches_.end()) return error(Code::Stale, "graph {} is not open in the state store", id);
  return found->second.incarnation;
}

Status GraphLog::publish(uint64_t incarnation, const ChunkPtr& chunk) {
  MutexLock lock(mutex_);
  const auto branch = branch_of(incarnation);
  if (branch == branches_.end()) return error(Code::Stale, "graph {} was reset", id_);
  const PartKey key = part_for(*branch, chunk->epoch);
  const Branch& owner = branches_.at(owner_of(key));
  if (chunk->epoch <= owner.synced) return error(Code::Protocol, "graph {}: a write in epoch {}, which is synced", id_, chunk->epoch);
  OpenEpoch& part = parts_[key];
  if (!part.file) part.file = std::make_shared<EpochFile>(core_, GraphTerm{key.second, branches_.at(key.second).term}, chunk->epoch);
  part.rows[chunk->table].push_back(chunk);
  part.unwritten.push_back(chunk);
  part.unwritten_bytes += chunk_bytes(*chunk);
  if (part.unwritten_bytes >= core_.options.write_ahead && !part.write_posted) {
    part.write_posted = true;
    core_.jobs.post([this, incarnation, key] { write_ahead(incarnation, key); });
  }
  return ok();
}

// On the blocking pool, while the epoch runs. What fails here is seen by the epoch's sync.
void GraphLog::write_ahead(uint64_t incarnation, PartKey part) {
  std::shared_ptr<EpochFile> file;
  {
    MutexLock lock(mutex_);
    const auto found = parts_.find(part);
    if (branch_of(incarnation) == branches_.end() || found == parts_.end() || found->second.claimed) return;
    file = found->second.file;
  }
  const Status written = file->write([&] { return take_unwritten(incarnation, part); });
  if (written.has_error()) log::warn("storage", "graph {} epoch {}: writing ahead failed: {}", id_, part.first, written.error());
}

std::vector<ChunkPtr> GraphLog::take_unwritten(uint64_t incarnation, PartKey part) {
  MutexLock lock(mutex_);
  const auto found = parts_.find(part);
  if (branch_of(incarnation) == branches_.end() || found == parts_.end() || found->second.claimed) return {};
  found->second.write_posted = false;
  found->second.unwritten_bytes = 0;
  return std::exchange(found->second.unwritten, {});
}

Result<GraphLog::View> GraphLog::view(uint64_t incarnation, TableId table) const {
  MutexLock lock(mutex_);
  if (branch_of(incarnation) == branches_.end()) return error(Code::Stale, "graph {} was reset", id_);
  const Version& version = *versions_.back().version;
  View view{version.base, version.segments, {}, layout()};
  for (const Staged& staged : staged_) view.segments.push_back(staged.segment);
  std::erase_if(view.segments, [table](const LogSegmentPtr& segment) { return !segment->has(table); });
  for (const auto& [key, open] : parts_) {
    if (const auto rows = open.rows.find(table); rows != open.rows.end()) {
      view.chunks.insert(view.chunks.end(), rows->second.begin(), rows->second.end());
    }
  }
  return view;
}

// ---- readers ----------------------------------------------------------------------------------------------------------------------------

Epoch GraphLog::committed() const {
  MutexLock lock(mutex_);
  return versions_.empty() ? Epoch{0} : versions_.back().version->epoch;
}

Result<VersionPtr> GraphLog::version(Epoch epoch) {
  MutexLock lock(mutex_);
  drop_old_versions();
  for (const Past& past : versions_) {
    if (past.version->epoch == epoch) return past.version;
  }
  return error(Code::SnapshotTooOld, "this node cannot read graph {} at epoch {}; committed is {}", id_, epoch,
               versions_.empty() ? Epoch{0} : versions_.back().version->epoch);
}

Result<GraphLog::Sealed> GraphLog::sealed(Epoch epoch, TableId table) const {
  MutexLock lock(mutex_);
  if (!is_open()) return error(Code::Stale, "graph {} is not open in the state store", id_);
  const VersionPtr& last = versions_.back().version;
  if (epoch < last->epoch) {
    return error(Code::SnapshotTooOld, "epoch {} of graph {} is older than the committed one, {}", epoch, id_, last->epoch);
  }
  Sealed sealed{last, {}, {}};
  for (const Staged& staged : staged_) sealed.staged.push_back(staged.segment);
  for (const auto& [key, open] : parts_) {
    if (key.first > epoch) break;
    if (const auto rows = open.rows.find(table); rows != open.rows.end()) {
      sealed.chunks.insert(sealed.chunks.end(), rows->second.begin(), rows->second.end());
    }
  }
  return sealed;
}

Result<std::pair<VersionPtr, std::shared_ptr<SegmentTrail>>> GraphLog::follow(uint64_t most_bytes) {
  MutexLock lock(mutex_);
  if (!is_open()) return error(Code::Stale, "graph {} is not open in the state store", id_);
  const VersionPtr& version = versions_.back().version;
  auto trail = std::make_shared<SegmentTrail>(most_bytes);
  trail->begin_at(version->epoch);
  trails_.push_back(trail);
  return std::pair(version, std::move(trail));
}

// ---- flush ------------------------------------------------------------------------------------------------------------------------------

VersionPtr GraphLog::current() const {
  MutexLock lock(mutex_);
  return versions_.empty() ? nullptr : versions_.back().version;
}

void GraphLog::installed(const std::set<uint64_t>& sequences, SortedSnapshotPtr base) {
  MutexLock lock(mutex_);
  if (versions_.empty()) return;
  const Version& last = *versions_.back().version;
  auto version = std::make_shared<Version>(Version{last.epoch, std::move(base), {}});
  for (const LogSegmentPtr& segment : last.segments) {
    if (sequences.contains(segment->sequence())) {
      flushed_.insert(segment->sequence());
    } else {
      version->segments.push_back(segment);
    }
  }
  set_current(std::move(version), true);
  layout_.fetch_add(1, std::memory_order_release);
}

std::vector<uint64_t> GraphLog::flushed() const {
  MutexLock lock(mutex_);
  return {flushed_.begin(), flushed_.end()};
}

GraphLog::Usage GraphLog::usage() const {
  MutexLock lock(mutex_);
  Usage usage;
  const auto add = [&usage](const LogSegmentPtr& segment) {
    usage.segments += segment->info().bytes;
    usage.memory += segment->memory_bytes();
  };
  if (!versions_.empty()) std::ranges::for_each(versions_.back().version->segments, add);
  for (const Staged& staged : staged_) add(staged.segment);
  for (const auto& [key, open] : parts_) {
    for (const auto& [table, chunks] : open.rows) {
      for (const ChunkPtr& chunk : chunks) usage.memory += chunk_bytes(*chunk);
    }
  }
  return usage;
}

void GraphLog::add_table_bytes(std::map<TableId, uint64_t>& sizes) const {
  MutexLock lock(mutex_);
  if (versions_.empty()) return;
  for (const LogSegmentPtr& segment : versions_.back().version->segments) segment->add_table_bytes(sizes);
}

}  // namespace penstock::storage
