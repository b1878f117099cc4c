#include "storage/filesystem.h"

namespace penstock::storage {

Result<std::string> read_file(FileSystem& files, const std::string& path) {
  PENSTOCK_TRY(auto file, files.open_read(path));
  std::string bytes;
  PENSTOCK_TRY(file->read(0, file->size(), bytes));
  return bytes;
}

Status write_file_atomically(FileSystem& files, const std::string& folder, const std::string& name, std::string_view bytes) {
  const std::string temporary = folder + "/" + name + ".new";
  if (files.exists(temporary)) {
    PENSTOCK_TRY(files.remove(temporary));
  }
  {
    PENSTOCK_TRY(auto file, files.open_write(temporary));
    PENSTOCK_TRY(file->write(0, bytes));
    PENSTOCK_TRY(file->sync());
  }
  PENSTOCK_TRY(files.rename(temporary, folder + "/" + name));
  return files.sync_folder(folder);
}

}  // namespace penstock::storage
