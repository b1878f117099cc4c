#include "storage/epoch_log/epoch_file.h"

#include "storage/epoch_log/sort_stably.h"

namespace penstock::storage {

namespace {

constexpr size_t kSmallChunk = 64 * 1024;

/// Rows of `batch` behind those of `out`.
void append_rows(const WriteBatch& batch, WriteBatch& out) {
  const auto shift = static_cast<uint32_t>(out.bytes.size());
  out.bytes.append(batch.bytes);
  for (WriteBatch::Entry entry : batch.entries) {
    entry.key_offset += shift;
    entry.value_offset += shift;
    out.entries.push_back(entry);
  }
}

}  // namespace

EpochFile::~EpochFile() {
  MutexLock lock(mutex_);
  if (file_ && !finished_) failure_ ? file_->distrust() : file_->discard();
}

Status EpochFile::write(const std::function<std::vector<ChunkPtr>()>& take) {
  MutexLock lock(mutex_);
  std::vector<ChunkPtr> chunks = take();
  if (failure_) return *failure_;
  if (chunks.empty()) return ok();
  uint64_t bytes = 0;
  for (const ChunkPtr& chunk : chunks) bytes += chunk_bytes(*chunk);
  if (!writer_) {
    PENSTOCK_TRY(keep(open(bytes)));
  }
  return keep(write_chunks(std::move(chunks)));
}

Status EpochFile::open(uint64_t bytes) {
  PENSTOCK_TRY(const uint64_t sequence, core_.sequences->take());
  PENSTOCK_TRY(file_, core_.files->acquire(sequence, graph_.graph, bytes + 2 * kSegmentPage));
  PENSTOCK_TRY(auto file, core_.files->files().open_write(file_->path()));
  writer_ = std::make_unique<SegmentWriter>(SegmentId{core_.node, sequence, graph_, epoch_}, std::move(file));
  return ok();
}

// By table, so that the small chunks of one become one block.
Status EpochFile::write_chunks(std::vector<ChunkPtr> chunks) {
  sort_stably(chunks, [](const ChunkPtr& chunk) { return std::pair(chunk->table, chunk->epoch); });
  WriteBatch together;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const Chunk& chunk = *chunks[i];
    const bool next_is_alike = i + 1 < chunks.size() && chunks[i + 1]->table == chunk.table && chunks[i + 1]->epoch == chunk.epoch;
    if (together.empty() && (!next_is_alike || chunk.rows.bytes.size() >= kSmallChunk)) {
      PENSTOCK_TRY(writer_->add(chunk.table, chunk.epoch, chunk.rows));
      continue;
    }
    append_rows(chunk.rows, together);
    if (!next_is_alike || together.bytes.size() >= 4 * kSmallChunk) {
      PENSTOCK_TRY(writer_->add(chunk.table, chunk.epoch, together));
      together.clear();
    }
  }
  return ok();
}

Result<LogSegmentPtr> EpochFile::finish(LogSegment::Tables rows) {
  MutexLock lock(mutex_);
  if (failure_) return *failure_;
  auto info = writer_->finish();
  if (info.has_error()) {
    failure_ = info.error();
    return info.error();
  }
  file_->grew_to(info.value().bytes);
  finished_ = true;
  return LogSegmentPtr(std::make_shared<LogSegment>(std::move(info).value(), file_, std::move(rows)));
}

Status EpochFile::keep(Status status) {
  if (status.has_error()) failure_ = status.error();
  return status;
}

std::optional<Error> EpochFile::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

bool EpochFile::started() const {
  MutexLock lock(mutex_);
  return writer_ != nullptr || failure_.has_value();
}

}  // namespace penstock::storage
