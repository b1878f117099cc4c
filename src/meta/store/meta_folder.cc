#include "meta/store/meta_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace penstock::meta {
namespace {

constexpr std::string_view kMagic = "penstock meta";

Error io_error(std::string_view what, const std::string& path) {
  return error(errno == ENOSPC ? Code::DiskFull : Code::Io, "cannot {} {}: {}", what, path, std::strerror(errno));
}

std::string read_holder(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  std::string holder(text, n > 0 ? static_cast<size_t>(n) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : "process " + holder;
}

Result<int> take_lock(const std::string& folder) {
  const std::string path = folder + "/LOCK";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return io_error("open", path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = read_holder(fd);
    ::close(fd);
    return error(Code::ObjectInUse, "data folder {} is in use by {}", folder, holder)
        .with_hint("stop it, or give this meta a folder of its own with --data-dir");
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const Error failure = io_error("write", path);
    ::close(fd);
    return failure;
  }
  return fd;
}

// Written beside and renamed, so that a crash leaves no half file.
Status write_synced(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return io_error("create", beside);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  Status status = written ? ok() : Status(io_error("write", beside));
  ::close(fd);
  if (status.has_error()) return status;
  if (::rename(beside.c_str(), path.c_str()) != 0) return io_error("rename", beside);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int dir = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return io_error("open", folder);
  const bool synced = ::fsync(dir) == 0;
  const Status result = synced ? ok() : Status(io_error("sync", folder));
  ::close(dir);
  return result;
}

bool is_ours(const std::string& name) { return name == "FORMAT" || name == "FORMAT.new" || name == "LOCK" || name == "db"; }

}  // namespace

Result<MetaFolder> MetaFolder::open(const std::string& path, std::string_view new_cluster_id) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return error(Code::Io, "cannot make data folder {}: {}", path, failed.message());
  const bool has_format = std::filesystem::exists(path + "/FORMAT", failed);
  if (!has_format) {
    for (const auto& entry : std::filesystem::directory_iterator(path, failed)) {
      if (!is_ours(entry.path().filename().string())) {
        return error(Code::Corruption, "data folder {} holds {} and no FORMAT file: it is not a meta folder", path,
                     entry.path().filename().string())
            .with_hint("give an empty folder, or the one meta used before");
      }
    }
    if (failed) return error(Code::Io, "cannot list data folder {}: {}", path, failed.message());
  }
  PENSTOCK_TRY(const int lock, take_lock(path));
  MetaFolder folder(path, lock);
  if (!has_format) {
    PENSTOCK_TRY(folder.write_format(new_cluster_id));
  }
  PENSTOCK_TRY(folder.read_format());
  return folder;
}

MetaFolder::MetaFolder(MetaFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), cluster_id_(std::move(other.cluster_id_)) {}

MetaFolder::~MetaFolder() {
  if (lock_ >= 0) ::close(lock_);
}

Status MetaFolder::write_format(std::string_view cluster_id) {
  return write_synced(path_ + "/FORMAT", fmt::format("{}\nversion {}\ncluster {}\n", kMagic, kVersion, cluster_id));
}

Status MetaFolder::read_format() {
  const std::string path = path_ + "/FORMAT";
  std::ifstream in(path);
  std::string magic, word;
  int version = 0;
  if (!std::getline(in, magic) || magic != kMagic) {
    return error(Code::Corruption, "data folder {} belongs to something else: its FORMAT file says \"{}\", not \"{}\"", path_, magic,
                 kMagic);
  }
  if (!(in >> word >> version) || word != "version") return error(Code::Corruption, "{} names no version", path);
  if (version != kVersion) {
    return error(Code::Corruption, "data folder {} has format version {}; this program knows version {}", path_, version, kVersion)
        .with_hint("run the version of penstock that wrote it");
  }
  if (!(in >> word >> cluster_id_) || word != "cluster") return error(Code::Corruption, "{} names no cluster", path);
  return ok();
}

}  // namespace penstock::meta
