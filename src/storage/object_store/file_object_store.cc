#include "storage/object_store/file_object_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace penstock::storage {
namespace {

Error file_error(const std::string& file) {
  const Code code = errno == ENOENT ? Code::UndefinedObject : errno == ENOSPC ? Code::DiskFull : Code::Io;
  return error(code, "{}: {}", file, std::strerror(errno));
}

bool is_draft(const std::string& name) { return name.starts_with(".draft-"); }

}  // namespace

Result<std::unique_ptr<ObjectStore>> FileObjectStore::open(std::string folder, runtime::Runtime& runtime) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return error(Code::Io, "cannot make the folder {}: {}", folder, failed.message());
  return std::unique_ptr<ObjectStore>(new FileObjectStore(std::move(folder), runtime.random()));
}

Status FileObjectStore::put(std::string_view name, std::string_view bytes) {
  std::FILE* out = std::fopen(draft_.c_str(), "wb");
  if (out == nullptr) return file_error(draft_);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
  const bool closed = std::fclose(out) == 0;
  const std::string file = path(name);
  if (!written || !closed || std::rename(draft_.c_str(), file.c_str()) != 0) return file_error(file);
  return ok();
}

Status FileObjectStore::get(std::string_view name, std::string& into) {
  const std::string file = path(name);
  std::FILE* in = std::fopen(file.c_str(), "rb");
  if (in == nullptr) return file_error(file);
  struct stat status{};
  bool good = ::fstat(::fileno(in), &status) == 0;
  into.resize(good ? static_cast<size_t>(status.st_size) : 0);
  good = good && std::fread(into.data(), 1, into.size(), in) == into.size();
  std::fclose(in);
  if (!good) return file_error(file);
  return ok();
}

Result<ObjectInfo> FileObjectStore::head(std::string_view name) {
  const std::string file = path(name);
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return file_error(file);
  return ObjectInfo{std::string(name), static_cast<uint64_t>(status.st_size)};
}

Result<std::vector<ObjectInfo>> FileObjectStore::list(std::string_view prefix) {
  std::vector<ObjectInfo> objects;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder_, failed), end; !failed && entry != end; entry.increment(failed)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix) || is_draft(name)) continue;
    std::error_code vanished;  // between the two calls
    const uint64_t bytes = entry->file_size(vanished);
    if (!vanished) objects.push_back({std::move(name), bytes});
  }
  if (failed) return error(Code::Io, "cannot read {}: {}", folder_, failed.message());
  std::ranges::sort(objects, {}, &ObjectInfo::name);
  return objects;
}

Status FileObjectStore::remove(std::string_view name) {
  const std::string file = path(name);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return file_error(file);
  return ok();
}

Status FileObjectStore::remove_unfinished() {
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder_, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (is_draft(entry->path().filename().string())) std::filesystem::remove(entry->path(), failed);
  }
  if (failed) return error(Code::Io, "cannot clean {}: {}", folder_, failed.message());
  std::filesystem::remove(folder_, failed);  // stays while there is something else in it
  return ok();
}

}  // namespace penstock::storage
