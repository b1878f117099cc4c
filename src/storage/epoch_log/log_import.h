#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/epoch_log/epoch_file.h"
#include "storage/epoch_log/log_core.h"
#include "storage/state_store.h"

namespace penstock::storage {

/// Rows from another node as segments of this one: the same files as a checkpoint's, of the same graph and epoch, with higher sequence
/// numbers. They are cut, so that none is much larger than `kCutBytes`; what was written stays in no memory.
class LogImport final : public SegmentImport {
 public:
  LogImport(LogCore& core, GraphTerm graph, Epoch epoch) : core_(core), graph_(graph), epoch_(epoch) {}
  LogImport(const LogImport&) = delete;
  LogImport& operator=(const LogImport&) = delete;
  ~LogImport() override;

  Status add(TableId table, WriteBatch rows) override;
  [[nodiscard]] Result<std::vector<SegmentInfo>> finish() override;

  static constexpr uint64_t kCutBytes = 64ULL << 20;

 private:
  Status finish_file();

  LogCore& core_;
  const GraphTerm graph_;
  const Epoch epoch_;
  std::unique_ptr<EpochFile> file_;  // null between two files
  uint64_t written_ = 0;             // of file_
  std::vector<LogSegmentPtr> finished_;
};

}  // namespace penstock::storage
