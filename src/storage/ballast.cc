#include "storage/ballast.h"

namespace penstock::storage {

Ballast::Ballast(FileSystem& files, const std::string& folder, uint64_t bytes)
    : files_(files), path_(folder + "/BALLAST"), bytes_(bytes), held_(files.exists(path_)) {}

Status Ballast::take() {
  if (held_ || bytes_ == 0) return ok();
  const auto make = [this]() -> Status {
    PENSTOCK_TRY(auto file, files_.open_write(path_));
    return file->preallocate(bytes_);
  };
  if (const Status made = make(); made.has_error()) {
    if (files_.exists(path_)) (void)files_.remove(path_);
    return made;
  }
  held_ = true;
  return ok();
}

Status Ballast::release() {
  if (!held_) return ok();
  PENSTOCK_TRY(files_.remove(path_));
  held_ = false;
  return ok();
}

}  // namespace penstock::storage
