#include "storage/data_folder.h"

#include <charconv>

namespace penstock::storage {

namespace {

constexpr std::string_view kVersionText = "penstock data folder, format ";

Status check_version(FileSystem& files, const std::string& path) {
  PENSTOCK_TRY(const std::string text, read_file(files, path + "/VERSION"));
  uint32_t version = 0;
  if (text.starts_with(kVersionText)) std::from_chars(text.data() + kVersionText.size(), text.data() + text.size(), version);
  if (version == kDataFolderVersion) return ok();
  return error(Code::Corruption, "data folder {} has format {}; this program knows format {}", path,
               version == 0 ? fmt::format("\"{}\"", text.substr(0, 40)) : std::to_string(version), kDataFolderVersion)
      .with_hint("Use the program version that wrote it, or another folder.");
}

}  // namespace

Result<std::unique_ptr<DataFolder>> DataFolder::open(FileSystem& files, const std::string& path) {
  PENSTOCK_TRY(files.create_folder(path));
  PENSTOCK_TRY(const auto entries, files.list(path));
  const bool ours = files.exists(path + "/VERSION");
  for (const auto& entry : entries) {
    // LOCK and VERSION.new: a first start that was interrupted.
    if (!ours && entry.name != "LOCK" && entry.name != "VERSION.new") {
      return error(Code::InvalidConfig, "{} is not empty and no data folder of penstock (it has {}, but no VERSION)", path, entry.name)
          .with_hint("Choose an empty folder or one that does not exist.");
    }
  }
  auto lock = files.lock(path + "/LOCK");
  if (lock.has_error()) {
    if (lock.error().code() != Code::ObjectInUse) return lock.error();
    return error(Code::ObjectInUse, "data folder {} is in use by another process", path).with_hint("Each node needs a folder of its own.");
  }
  if (!files.exists(path + "/VERSION")) {
    PENSTOCK_TRY(write_file_atomically(files, path, "VERSION", fmt::format("{}{}\n", kVersionText, kDataFolderVersion)));
  }
  PENSTOCK_TRY(check_version(files, path));
  return std::unique_ptr<DataFolder>(new DataFolder(files, path, std::move(lock).value()));
}

}  // namespace penstock::storage
