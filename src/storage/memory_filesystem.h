#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "storage/filesystem.h"

namespace penstock::storage {

/// Files in memory, as bad as real ones can be.
///
///  - `crash(choose)`: every sector (512 bytes) written since the file's last sync is, as `choose` says, there or not; names follow the
///  last
///    `sync_folder`. Files, locks and folders that were open are dead: each call on them fails.
///  - `set_capacity`: writes and reservations beyond it fail with `DiskFull`.
///  - `set_fault`: asked before each call; its error is the call's. A failed write has written a part, a failed sync nothing.
/// Thread-safe.
class MemoryFileSystem final : public FileSystem {
 public:
  enum class Call { OpenWrite, OpenRead, Write, Preallocate, Sync, Read, List, Rename, Remove, SyncFolder, CreateFolder, Lock };
  using Fault = std::function<Status(Call call, const std::string& path)>;

  MemoryFileSystem();
  ~MemoryFileSystem() override;

  [[nodiscard]] Result<std::unique_ptr<WriteFile>> open_write(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) override;
  Status create_folder(const std::string& path) override;
  [[nodiscard]] Result<std::vector<Entry>> list(const std::string& path) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  [[nodiscard]] Result<uint64_t> free_bytes(const std::string& path) override;
  [[nodiscard]] Result<uint64_t> total_bytes(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  /// `choose`: true keeps a sector. Random in tests; always false is the harshest disk, always true a mere end of the process.
  void crash(const std::function<bool()>& choose);
  void set_capacity(uint64_t bytes);
  void set_fault(Fault fault);
  /// Calls so far, of all kinds: with `set_fault` a test stops at each of them.
  [[nodiscard]] uint64_t calls() const;
  /// Flips bits of one byte of a file, as a broken disk does.
  void damage(const std::string& path, uint64_t offset);

 private:
  class Writer;
  class Reader;
  class Lock;
  struct Inode {
    std::string current;
    std::string durable;
  };
  using InodePtr = std::shared_ptr<Inode>;  // shared by its names and by open files, which outlive a removed name
  using Names = std::map<std::string, InodePtr>;

  Status begin(Call call, const std::string& path);
  [[nodiscard]] uint64_t used() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status grow(Inode& inode, uint64_t size, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Names names_ ABSL_GUARDED_BY(mutex_);
  Names durable_names_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> folders_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> locks_ ABSL_GUARDED_BY(mutex_);
  uint64_t life_ ABSL_GUARDED_BY(mutex_) = 0;  // crashes so far
  uint64_t capacity_ ABSL_GUARDED_BY(mutex_) = uint64_t{1} << 40;
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  Fault fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::storage
