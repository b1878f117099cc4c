#include "storage/rocksdb/rocksdb_install.h"

#include <filesystem>

#include "storage/rocksdb/rocksdb_error.h"
#include "storage/rocksdb/rocksdb_key.h"

namespace penstock::storage {

namespace {

constexpr uint64_t kCutAtTable = 64ULL << 20;  // a file that large ends with its table
constexpr uint64_t kCutAnywhere = 256ULL << 20;

}  // namespace

RocksDbBase::Install::~Install() {
  writer_.reset();
  std::error_code ignored;
  for (const std::string& path : paths_) std::filesystem::remove(path, ignored);  // those that were ingested are gone already
}

Status RocksDbBase::Install::check(const rocksdb::Status& status) const {
  return to_status(status, fmt::format("writing {}", paths_.empty() ? database_->folder() : paths_.back()));
}

Status RocksDbBase::Install::begin_row(TableId table) {
  if (writer_) {
    const uint64_t size = writer_->FileSize();
    if (size >= kCutAnywhere || (size >= kCutAtTable && table != table_)) {
      PENSTOCK_TRY(finish_file());
    }
  }
  table_ = table;
  if (writer_) return ok();
  paths_.push_back(database_->new_file_path());
  writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), database_->writer_options(), nullptr, false);
  return check(writer_->Open(paths_.back()));
}

Status RocksDbBase::Install::put(TableId table, std::string_view key, std::string_view value) {
  PENSTOCK_TRY(begin_row(table));
  key_.clear();
  append_table(key_, table);
  key_.append(key);
  return check(writer_->Put(key_, {value.data(), value.size()}));
}

Status RocksDbBase::Install::erase(TableId table, std::string_view key) {
  PENSTOCK_TRY(begin_row(table));
  key_.clear();
  append_table(key_, table);
  key_.append(key);
  return check(writer_->Delete(key_));
}

Status RocksDbBase::Install::drop(TableId table) {
  PENSTOCK_TRY(begin_row(table));
  return check(writer_->DeleteRange(full_key(table, {}), table_end(table)));
}

Status RocksDbBase::Install::finish_file() {
  const rocksdb::Status finished = writer_->Finish();
  writer_.reset();
  return check(finished);
}

Status RocksDbBase::Install::commit() {
  if (writer_) {
    PENSTOCK_TRY(finish_file());
  }
  if (paths_.empty()) return ok();
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;
  PENSTOCK_TRY(to_status(database_->db().IngestExternalFile(paths_, options),
                         fmt::format("installing {} files into {}", paths_.size(), database_->folder())));
  database_->measure();
  return ok();
}

}  // namespace penstock::storage
