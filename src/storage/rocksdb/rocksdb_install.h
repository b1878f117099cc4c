#pragma once

#include <rocksdb/sst_file_writer.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/rocksdb/rocksdb_database.h"

namespace penstock::storage {

/// SST files beside the database until `commit` ingests them all in one call. Few files, cut where a table ends: each of them may become a
/// file of level 0.
class RocksDbBase::Install final : public SortedInstall {
 public:
  explicit Install(std::shared_ptr<Database> database) : database_(std::move(database)) {}
  ~Install() override;

  Status put(TableId table, std::string_view key, std::string_view value) override;
  Status erase(TableId table, std::string_view key) override;
  Status drop(TableId table) override;
  Status commit() override;

 private:
  Status begin_row(TableId table);
  Status finish_file();
  [[nodiscard]] Status check(const rocksdb::Status& status) const;

  const std::shared_ptr<Database> database_;  // shared with the base
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  TableId table_{0};
  std::string key_;
  std::vector<std::string> paths_;  // the last one is open while writer_ is
};

}  // namespace penstock::storage
