#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "runtime/runtime.h"
#include "storage/ballast.h"
#include "storage/disk_pressure.h"

namespace penstock::storage {

/// What others are told of a node's disk.
struct DiskReport {
  DiskLevel level = DiskLevel::Enough;
  std::string folder;
  uint64_t free_bytes = UINT64_MAX;
  uint64_t reserve_bytes = 0;
};

/// Looks at the disk of one folder twice a second, tells when the level changes, and keeps the ballast. Has a thread of its own, so that a
/// file system that hangs holds up nobody else; its looks do not wait for anything but the file system.
///
/// Thread-safe. `files` and the runtime outlive it; `sample` and `changed` are called from its thread, until it is destroyed.
class DiskGuard {
 public:
  struct Options {
    std::string folder;
    uint64_t ballast_bytes = kDefaultBallast;  // at most a sixteenth of the disk; 0: none
    runtime::Duration every = std::chrono::milliseconds(500);
  };
  static constexpr uint64_t kDefaultBallast = 256ULL << 20;
  struct Space {
    uint64_t free_bytes = UINT64_MAX;
    uint64_t reserve_bytes = 0;
    bool lacks_space = false;
  };
  using Sample = std::function<Space()>;
  using Changed = std::function<void(const DiskReport&)>;

  DiskGuard(Options options, runtime::Runtime& runtime, FileSystem& files, Sample sample, Changed changed);
  ~DiskGuard();
  DiskGuard(const DiskGuard&) = delete;
  DiskGuard& operator=(const DiskGuard&) = delete;

  /// Something failed for want of space: look now.
  void look_soon();
  [[nodiscard]] DiskReport report() const;

 private:
  void look();
  void arm();
  void keep_ballast(const DiskPressure::Actions& actions);

  // Constant after construction.
  const Options options_;
  runtime::Runtime& runtime_;
  const Sample sample_;
  const Changed changed_;

  // Owned by the thread.
  Ballast ballast_;
  DiskPressure pressure_;

  mutable Mutex mutex_;
  DiskReport report_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  const std::unique_ptr<runtime::Executor> thread_;  // last but the timer: its job ends before what it uses
  runtime::Timer timer_ ABSL_GUARDED_BY(mutex_);
};

/// Before a store is opened in `folder`, which is ours: gives its ballast up if the disk has next to nothing. Errors: `DiskFull` if that is
/// not enough to begin.
[[nodiscard]] Status make_room_to_begin(FileSystem& files, const std::string& folder);

/// Of the disk that `folder` is on, as its file system says; `reserve` 0: the default one.
[[nodiscard]] DiskGuard::Space space_of(FileSystem& files, const std::string& folder, uint64_t reserve);

}  // namespace penstock::storage
