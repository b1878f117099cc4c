#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/ids.h"

namespace penstock::meta {

/// Writes that become durable together or not at all. Value type; a later write of a key wins.
struct Txn {
  struct Write {
    std::string key;
    std::optional<std::string> value;  // absent: the key goes away
    bool operator==(const Write&) const = default;
  };
  std::vector<Write> writes;

  void put(std::string key, std::string value) { writes.push_back({std::move(key), std::move(value)}); }
  void erase(std::string key) { writes.push_back({std::move(key), std::nullopt}); }
  void append(Txn other);
  [[nodiscard]] bool empty() const { return writes.empty(); }
};

/// The durable memory of meta: an ordered map of bytes, read as a whole at start and changed by synced transactions.
///
/// Guarantees
///  - `commit` is atomic and synced before it returns: after a crash all of the transaction is there or nothing of it, and nothing that
///    `commit` answered with success is missing;
///  - fenced: once `lead` has handed out a term, commits of every lower term are refused with `Stale` and change nothing.
/// Keys beginning with '!' belong to the store itself.
///
/// Thread-safe. Calls block on the disk: meta makes them on the blocking pool.
class MetaStore {
 public:
  virtual ~MetaStore() = default;
  MetaStore() = default;
  MetaStore(const MetaStore&) = delete;
  MetaStore& operator=(const MetaStore&) = delete;

  /// Given when the store was made; the same for its life.
  [[nodiscard]] virtual const std::string& cluster_id() const = 0;

  /// A new leader: counts the leader term up, durably, and returns it. From here on lower terms are refused. `id`: drawn by the leader; not
  /// 0.
  [[nodiscard]] virtual Result<LeaderTerm> lead(uint64_t id) = 0;
  /// Ids of the leaders of this store, the one of the highest term first; at most the last `kLeadersKept`. Two metas on copies of one store
  /// have the same term and different ids.
  [[nodiscard]] virtual Result<std::vector<uint64_t>> leaders() = 0;
  static constexpr size_t kLeadersKept = 1000;

  /// Errors: `Stale` (a newer leader exists: the caller must stop at once), `DiskFull` (nothing changed, or all of it did: the same
  /// transaction may be tried again, and nothing else before it), `Io`.
  virtual Status commit(LeaderTerm term, const Txn& txn) = 0;

  /// All rows whose key begins with `prefix`, in order of keys, as of one moment.
  using Rows = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] virtual Result<Rows> scan(std::string_view prefix) = 0;
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
};

/// Opens the folder, or makes it with `new_cluster_id` when it is empty or not there.
/// Errors: `ObjectInUse` naming the process that has it open; `Corruption` for another format version, naming both, or for a folder that is
/// not empty and not a meta folder; `Io`.
[[nodiscard]] Result<std::unique_ptr<MetaStore>> open_rocksdb_meta_store(const std::string& folder, std::string_view new_cluster_id);

}  // namespace penstock::meta
