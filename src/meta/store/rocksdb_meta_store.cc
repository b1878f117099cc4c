#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <charconv>
#include <filesystem>
#include <mutex>

#include "meta/store/meta_folder.h"
#include "meta/store/meta_store.h"

namespace penstock::meta {
namespace {

constexpr std::string_view kLeaderKey = "!leader_term";
constexpr std::string_view kLeadersKey = "!leaders";  // decimal ids, that of the highest term first

Error to_error(const rocksdb::Status& status, std::string_view what) {
  const Code code = status.IsNoSpace() ? Code::DiskFull : status.IsCorruption() ? Code::Corruption : Code::Io;
  return error(code, "meta store: cannot {}: {}", what, status.ToString());
}

// Small and quiet: meta's data is a few megabytes, and an idle meta should not wake for statistics.
rocksdb::Options make_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = 4 << 20;
  options.max_background_jobs = 2;
  options.max_open_files = 64;
  options.keep_log_file_num = 3;
  options.max_log_file_size = 1 << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // Old log files are written over instead of grown: a sync then need not sync the file's size.
  options.recycle_log_file_num = 2;
  options.max_total_wal_size = 16 << 20;
  options.compression = rocksdb::kNoCompression;
  return options;
}

// On a disk without a byte RocksDB ends the process when it opens. The folder is ours: its ballast (see storage/ballast.h) is for this.
Status make_room(const std::string& folder) {
  constexpr uintmax_t kNeeded = 4 << 20;
  const auto free = [&folder] {
    std::error_code failed;
    const auto space = std::filesystem::space(folder, failed);
    return failed ? UINTMAX_MAX : space.available;
  };
  if (free() >= kNeeded) return ok();
  std::error_code ignored;
  std::filesystem::remove(folder + "/BALLAST", ignored);
  if (free() >= kNeeded) return ok();
  return error(Code::DiskFull, "the disk of data folder {} has {} kB free, and meta needs {} MB to begin", folder, free() >> 10,
               kNeeded >> 20)
      .with_hint("Free space there and start it again; nothing is lost.");
}

class RocksdbMetaStore final : public MetaStore {
 public:
  RocksdbMetaStore(MetaFolder folder, std::unique_ptr<rocksdb::DB> db, LeaderTerm leader)
      : folder_(std::move(folder)), leader_(leader), db_(std::move(db)) {}
  // `db_` closes before the folder's lock is given back: members go in reverse order.

  [[nodiscard]] const std::string& cluster_id() const override { return folder_.cluster_id(); }

  [[nodiscard]] Result<LeaderTerm> lead(uint64_t id) override {
    PENSTOCK_TRY(std::vector<uint64_t> ids, leaders());
    ids.insert(ids.begin(), id);
    ids.resize(std::min(ids.size(), kLeadersKept));
    const std::lock_guard lock(mutex_);
    rocksdb::WriteBatch batch;
    batch.Put(rocksdb::Slice(kLeadersKey), fmt::format("{}", fmt::join(ids, " ")));
    const LeaderTerm next{leader_.value + 1};
    batch.Put(rocksdb::Slice(kLeaderKey), std::to_string(next.value));
    PENSTOCK_TRY(write(batch));
    leader_ = next;
    return next;
  }

  [[nodiscard]] Result<std::vector<uint64_t>> leaders() override {
    PENSTOCK_TRY(const auto text, get(kLeadersKey));
    std::vector<uint64_t> ids;
    if (!text) return ids;  // an older version made the folder
    const char* const end = text->data() + text->size();
    for (const char* at = text->data(); at < end;) {
      const auto [next, failed] = std::from_chars(at, end, ids.emplace_back());
      if (failed != std::errc()) return error(Code::Corruption, "meta store: {} is no list of numbers", kLeadersKey);
      at = next == end ? end : next + 1;
    }
    return ids;
  }

  Status commit(LeaderTerm term, const Txn& txn) override {
    const std::lock_guard lock(mutex_);
    if (term != leader_) return error(Code::Stale, "leader term {} has ended: meta of term {} leads now", term, leader_);
    rocksdb::WriteBatch batch;
    for (const Txn::Write& w : txn.writes) {
      const rocksdb::Status status = w.value ? batch.Put(w.key, *w.value) : batch.Delete(w.key);
      if (!status.ok()) return to_error(status, "fill a transaction");
    }
    return write(batch);
  }

  [[nodiscard]] Result<Rows> scan(std::string_view prefix) override {
    Rows rows;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
    for (it->Seek(rocksdb::Slice(prefix)); it->Valid() && it->key().starts_with(rocksdb::Slice(prefix)); it->Next()) {
      if (it->key().starts_with("!")) continue;
      rows.emplace_back(it->key().ToString(), it->value().ToString());
    }
    if (!it->status().ok()) return to_error(it->status(), "read");
    return rows;
  }

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), rocksdb::Slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>{};
    if (!status.ok()) return to_error(status, "read");
    return std::optional<std::string>{std::move(value)};
  }

 private:
  // RocksDB latches an error when the disk is full; the next attempt asks it to go on first.
  Status write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions options;
    options.sync = true;
    if (failed_) {
      if (const rocksdb::Status resumed = db_->Resume(); !resumed.ok()) return to_error(resumed, "resume after a failed write");
      failed_ = false;
    }
    const rocksdb::Status status = db_->Write(options, &batch);
    if (!status.ok()) {
      failed_ = true;
      return to_error(status, "write");
    }
    return ok();
  }

  MetaFolder folder_;
  std::mutex mutex_;  // one writer at a time, and the fence checked with it
  LeaderTerm leader_;
  bool failed_ = false;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

Result<std::unique_ptr<MetaStore>> open_rocksdb_meta_store(const std::string& folder, std::string_view new_cluster_id) {
  PENSTOCK_TRY(MetaFolder owned, MetaFolder::open(folder, new_cluster_id));
  PENSTOCK_TRY(make_room(folder));
  rocksdb::DB* raw = nullptr;
  if (const rocksdb::Status status = rocksdb::DB::Open(make_options(), owned.db_path(), &raw); !status.ok()) {
    return to_error(status, "open " + owned.db_path());
  }
  std::unique_ptr<rocksdb::DB> db(raw);
  LeaderTerm leader;
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), rocksdb::Slice(kLeaderKey), &value);
  if (!status.ok() && !status.IsNotFound()) return to_error(status, "read the leader term");
  if (status.ok()) leader = LeaderTerm{std::strtoull(value.c_str(), nullptr, 10)};
  return std::unique_ptr<MetaStore>(std::make_unique<RocksdbMetaStore>(std::move(owned), std::move(db), leader));
}

}  // namespace penstock::meta
