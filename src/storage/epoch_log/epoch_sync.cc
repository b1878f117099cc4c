#include "storage/epoch_log/epoch_sync.h"

#include "common/log.h"

namespace penstock::storage {

namespace {

constexpr runtime::Duration kLookForSpace = std::chrono::milliseconds(100);

/// Epochs that go into one segment.
struct Group {
  Epoch epoch;
  std::shared_ptr<EpochFile> file;
  LogSegment::Tables rows;
  std::vector<ChunkPtr> unwritten;
};

void add_rows(LogSegment::Tables& to, const LogSegment::Tables& from) {
  for (const auto& [table, chunks] : from) to[table].insert(to[table].end(), chunks.begin(), chunks.end());
}

// Most checkpoints are one group. An epoch between checkpoints ends a group of its own only when it was large enough to be written ahead.
// Each group is a piece of the time line, so that segments in the order of their epochs are in the order of their rows.
std::vector<Group> groups_of(const GraphLog::Claim& claim) {
  std::vector<Group> groups;
  Group group;
  for (const auto& part : claim.parts) {
    group.epoch = part.key.first;
    group.file = part.file;
    add_rows(group.rows, part.rows);
    group.unwritten.insert(group.unwritten.end(), part.unwritten.begin(), part.unwritten.end());
    if (part.file->started() || &part == &claim.parts.back()) groups.push_back(std::exchange(group, {}));
  }
  return groups;
}

std::vector<ChunkPtr> all_chunks(const LogSegment::Tables& rows) {
  std::vector<ChunkPtr> out;
  for (const auto& [table, chunks] : rows) out.insert(out.end(), chunks.begin(), chunks.end());
  return out;
}

Result<LogSegmentPtr> write_once(Group& group) {
  PENSTOCK_TRY(group.file->write([&] { return std::exchange(group.unwritten, {}); }));
  return group.file->finish(group.rows);
}

/// Until there may be space again. False when there is nothing left to wait for.
bool wait_for_space(LogCore& core, GraphLog& graph, uint64_t incarnation) {
  core.files->remove_free_files();
  const auto waiter = core.runtime.make_waiter();
  (void)waiter->wait_for(kLookForSpace);
  return !core.closing.load() && graph.is_current(incarnation);
}

Result<LogSegmentPtr> write_group(LogCore& core, GraphLog& graph, const GraphLog::Claim& claim, Group& group) {
  auto written = write_once(group);
  if (written.has_value() || written.error().code() != Code::DiskFull) return written;
  log::warn("storage", "graph {}: the checkpoint of epoch {} waits for disk space: {}", graph.id(), group.epoch, written.error());
  core.syncs_waiting.fetch_add(1);
  while (written.has_error() && written.error().code() == Code::DiskFull) {
    group.file.reset();  // gives back what space it took
    if (!wait_for_space(core, graph, claim.incarnation)) {
      written = error(Code::Stale, "graph {} was closed while its checkpoint waited for disk space", graph.id());
      break;
    }
    group.file = std::make_shared<EpochFile>(core, claim.branch, group.epoch);
    group.unwritten = all_chunks(group.rows);
    written = write_once(group);
  }
  core.syncs_waiting.fetch_sub(1);
  if (written.has_value()) log::info("storage", "graph {}: the checkpoint of epoch {} found space", graph.id(), group.epoch);
  return written;
}

}  // namespace

Result<std::vector<SegmentInfo>> sync_graph(LogCore& core, GraphLog& graph, GraphTerm branch, Epoch prev) {
  PENSTOCK_TRY(auto claim, graph.claim(branch, prev));
  std::vector<LogSegmentPtr> segments;
  std::vector<SegmentInfo> infos;
  std::vector<Group> groups = groups_of(claim);
  for (auto& part : claim.parts) part.file.reset();
  for (Group& group : groups) {
    PENSTOCK_TRY(auto segment, in_context(write_group(core, graph, claim, group),
                                          fmt::format("checkpoint of graph {} up to epoch {}", branch.graph, prev)));
    infos.push_back(segment->info());
    segments.push_back(std::move(segment));
  }
  PENSTOCK_TRY(graph.stage(claim, std::move(segments)));
  if (!infos.empty() && !core.files->has_spare()) {
    core.jobs.post([&core, size = infos.back().bytes] {
      if (const Status made = core.files->prepare_spare(size + size / 4); made.has_error()) log::warn("storage", "{}", made.error());
    });
  }
  return infos;
}

}  // namespace penstock::storage
