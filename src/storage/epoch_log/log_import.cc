#include "storage/epoch_log/log_import.h"

namespace penstock::storage {

LogImport::~LogImport() {
  for (const LogSegmentPtr& segment : finished_) segment->discard_file();
}

Status LogImport::add(TableId table, WriteBatch rows) {
  if (rows.empty()) return ok();
  if (!file_) file_ = std::make_unique<EpochFile>(core_, graph_, epoch_);
  auto chunk = std::make_shared<Chunk>(Chunk{table, epoch_, std::move(rows)});
  written_ += chunk_bytes(*chunk);
  PENSTOCK_TRY(file_->write([&] { return std::vector<ChunkPtr>{chunk}; }));
  return written_ >= kCutBytes ? finish_file() : ok();
}

Status LogImport::finish_file() {
  PENSTOCK_TRY(finished_.emplace_back(), file_->finish({}));
  file_.reset();
  written_ = 0;
  return ok();
}

Result<std::vector<SegmentInfo>> LogImport::finish() {
  if (file_) {
    PENSTOCK_TRY(finish_file());
  }
  std::vector<SegmentInfo> infos;
  for (const LogSegmentPtr& segment : finished_) infos.push_back(segment->info());
  finished_.clear();  // their files stay on disk until they are adopted, or found to be listed by nobody
  return infos;
}

}  // namespace penstock::storage
