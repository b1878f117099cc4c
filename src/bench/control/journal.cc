#include "bench/control/journal.h"

#include <zlib.h>

#include <cstring>

namespace penstock::bench {
namespace {

constexpr size_t kHeader = 8;

uint32_t checksum(std::string_view bytes) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// Parses as far as records are whole; `end` is where they end.
Result<std::vector<pb::BenchJournal>> parse(std::string_view bytes, const std::string& path, uint64_t& end) {
  std::vector<pb::BenchJournal> records;
  size_t at = 0;
  while (bytes.size() - at >= kHeader) {
    const uint32_t size = read_u32(bytes, at);
    if (size > bytes.size() - at - kHeader) break;
    const std::string_view body = bytes.substr(at + kHeader, size);
    pb::BenchJournal record;
    if (size == 0 && bytes.find_first_not_of('\0', at) == std::string_view::npos) break;  // a torn record, wiped out
    if (size == 0 || checksum(body) != read_u32(bytes, at + 4) || !record.ParseFromArray(body.data(), static_cast<int>(size))) {
      if (at + kHeader + size == bytes.size()) break;
      return error(Code::Corruption, "{}: record {} at byte {} is broken", path, records.size() + 1, at);
    }
    records.push_back(std::move(record));
    at += kHeader + size;
  }
  end = at;
  if (records.empty() || !records[0].has_run_started()) return error(Code::Corruption, "{} does not begin with a run", path);
  return records;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::create(storage::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/journal";
  PENSTOCK_TRY(files.create_folder(folder));
  if (files.exists(path)) return error(Code::Io, "{} is there already", path);
  PENSTOCK_TRY(auto lock, files.lock(folder + "/LOCK"));
  PENSTOCK_TRY(auto file, files.open_write(path));
  PENSTOCK_TRY(files.sync_folder(folder));
  return std::unique_ptr<Journal>(new Journal(std::move(lock), std::move(file), 0));
}

Result<Journal::Opened> Journal::open(storage::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/journal";
  if (!files.exists(path)) return error(Code::Io, "{} is no folder of a run: it has no journal", folder);
  PENSTOCK_TRY(auto lock, files.lock(folder + "/LOCK"));
  PENSTOCK_TRY(const std::string bytes, storage::read_file(files, path));
  uint64_t end = 0;
  PENSTOCK_TRY(auto records, parse(bytes, path, end));
  PENSTOCK_TRY(auto file, files.open_write(path));
  std::unique_ptr<Journal> journal(new Journal(std::move(lock), std::move(file), end));
  if (end < bytes.size()) {  // so that what is left of a torn record is never taken for one
    PENSTOCK_TRY(journal->file_->write(end, std::string(bytes.size() - end, '\0')));
    PENSTOCK_TRY(journal->file_->sync());
  }
  return Opened{std::move(journal), std::move(records)};
}

Result<std::vector<pb::BenchJournal>> Journal::read(storage::FileSystem& files, const std::string& folder) {
  const std::string path = folder + "/journal";
  if (!files.exists(path)) return error(Code::Io, "{} is no folder of a run: it has no journal", folder);
  PENSTOCK_TRY(const std::string bytes, storage::read_file(files, path));
  uint64_t end = 0;
  return parse(bytes, path, end);
}

void Journal::append(const pb::BenchJournal& record) {
  const std::string body = record.SerializeAsString();
  const uint32_t header[2] = {static_cast<uint32_t>(body.size()), checksum(body)};
  pending_.append(reinterpret_cast<const char*>(header), sizeof(header));
  pending_ += body;
}

Status Journal::sync() {
  if (pending_.empty()) return ok();
  PENSTOCK_TRY(file_->write(offset_, pending_));
  PENSTOCK_TRY(file_->sync());
  offset_ += pending_.size();
  pending_.clear();
  return ok();
}

}  // namespace penstock::bench
