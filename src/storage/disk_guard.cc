#include "storage/disk_guard.h"

#include <algorithm>

#include "common/log.h"

namespace penstock::storage {

namespace {

constexpr std::string_view kLevels[] = {"has room again", "is nearly full", "is full"};

uint64_t ballast_of(FileSystem& files, const DiskGuard::Options& options) {
  const auto total = files.total_bytes(options.folder);
  return total.has_value() ? std::min(options.ballast_bytes, total.value() / 16) : 0;
}

}  // namespace

Status make_room_to_begin(FileSystem& files, const std::string& folder) {
  constexpr uint64_t kNeeded = 4 << 20;
  const auto free = [&] { return space_of(files, folder, 1).free_bytes; };
  if (free() >= kNeeded) return ok();
  Ballast ballast(files, folder, kNeeded);
  if (ballast.held()) (void)ballast.release();
  if (free() >= kNeeded) return ok();
  return error(Code::DiskFull, "the disk of data folder {} has {} kB free, and {} MB are needed to begin", folder, free() >> 10,
               kNeeded >> 20)
      .with_hint("Free space there and start it again; nothing is lost.");
}

DiskGuard::Space space_of(FileSystem& files, const std::string& folder, uint64_t reserve) {
  DiskGuard::Space space{.reserve_bytes = reserve};
  if (const auto free = files.free_bytes(folder); free.has_value()) space.free_bytes = free.value();
  if (reserve != 0) return space;
  if (const auto total = files.total_bytes(folder); total.has_value()) space.reserve_bytes = default_disk_reserve(total.value());
  return space;
}

DiskGuard::DiskGuard(Options options, runtime::Runtime& runtime, FileSystem& files, Sample sample, Changed changed)
    : options_(std::move(options)),
      runtime_(runtime),
      sample_(std::move(sample)),
      changed_(std::move(changed)),
      ballast_(files, options_.folder, ballast_of(files, options_)),
      pressure_(ballast_.bytes()),
      thread_(runtime.make_serial("disk", true)) {
  look_soon();
}

DiskGuard::~DiskGuard() {
  MutexLock lock(mutex_);
  closing_ = true;  // a look that runs now arms no timer
  timer_.cancel();
}

void DiskGuard::look_soon() {
  thread_->post([this] { look(); });
}

DiskReport DiskGuard::report() const {
  MutexLock lock(mutex_);
  return report_;
}

void DiskGuard::look() {
  const Space space = sample_();
  const auto actions = pressure_.on_sample({space.free_bytes, space.reserve_bytes, space.lacks_space, ballast_.held()});
  const DiskReport report{pressure_.level(), options_.folder, space.free_bytes, space.reserve_bytes};
  {
    MutexLock lock(mutex_);
    report_ = report;
  }
  keep_ballast(actions);
  if (actions.level_changed) {
    log::warn("storage", "the disk of {} {}: {} MB free, {} MB are kept in reserve", report.folder,
              kLevels[static_cast<size_t>(report.level)], report.free_bytes >> 20, report.reserve_bytes >> 20);
    changed_(report);
  }
  arm();
}

void DiskGuard::keep_ballast(const DiskPressure::Actions& actions) {
  if (actions.release_ballast) {
    const Status released = ballast_.release();
    log::warn("storage", "gave up the ballast of {} MB in {}{}", ballast_.bytes() >> 20, options_.folder,
              released.has_error() ? ": " + released.error().to_string() : "");
  }
  if (actions.take_ballast) {
    if (const Status taken = ballast_.take(); taken.has_error()) log::warn("storage", "cannot keep a ballast file: {}", taken.error());
  }
}

void DiskGuard::arm() {
  MutexLock lock(mutex_);
  if (closing_) return;
  timer_ = runtime_.after(options_.every, *thread_, [this] { look(); });
}

}  // namespace penstock::storage
