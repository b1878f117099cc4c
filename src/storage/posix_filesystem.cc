#include "storage/posix_filesystem.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace penstock::storage {

namespace {

Error os_error(std::string_view what, const std::string& path, int number) {
  const Code code = number == ENOSPC || number == EDQUOT ? Code::DiskFull : Code::Io;
  return error(code, "cannot {} {}: {}", what, path, std::system_category().message(number));
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Result<Descriptor> open_file(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return os_error("open", path, errno);
  return Descriptor(fd);
}

class PosixWriteFile final : public WriteFile {
 public:
  PosixWriteFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status write(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_error("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return ok();
  }
  Status preallocate(uint64_t size) override {
    const int failed = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size));
    if (failed == 0 || failed == EOPNOTSUPP || failed == EINVAL) return ok();  // a file system without it: writes will grow the file
    return os_error("reserve space for", path_, failed);
  }
  Status sync() override {
    if (::fdatasync(fd_.get()) != 0) return os_error("sync", path_, errno);
    return ok();
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixReadFile final : public ReadFile {
 public:
  PosixReadFile(Descriptor fd, std::string path, uint64_t size) : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  Status read(uint64_t offset, size_t size, std::string& out) const override {
    if (offset > size_ || size > size_ - offset)
      return error(Code::Io, "{} ends at {}, cannot read {} bytes at {}", path_, size_, size, offset);
    const size_t begin = out.size();
    out.resize(begin + size);
    size_t done = 0;
    while (done < size) {
      const ssize_t n = ::pread(fd_.get(), out.data() + begin + done, size - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_error("read", path_, errno);
      if (n == 0) return error(Code::Io, "{} became shorter while it was read", path_);
      done += static_cast<size_t>(n);
    }
    return ok();
  }
  uint64_t size() const override { return size_; }

 private:
  Descriptor fd_;
  const std::string path_;
  const uint64_t size_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;  // closing it lets go of the lock
};

Result<struct statvfs> space_of(const std::string& path) {
  struct statvfs space{};
  if (::statvfs(path.c_str(), &space) != 0) return os_error("ask for the space of", path, errno);
  return space;
}

}  // namespace

Result<std::unique_ptr<WriteFile>> PosixFileSystem::open_write(const std::string& path) {
  PENSTOCK_TRY(Descriptor fd, open_file(path, O_RDWR | O_CREAT));
  return std::unique_ptr<WriteFile>(std::make_unique<PosixWriteFile>(std::move(fd), path));
}

Result<std::unique_ptr<ReadFile>> PosixFileSystem::open_read(const std::string& path) {
  PENSTOCK_TRY(Descriptor fd, open_file(path, O_RDONLY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return os_error("look at", path, errno);
  return std::unique_ptr<ReadFile>(std::make_unique<PosixReadFile>(std::move(fd), path, static_cast<uint64_t>(info.st_size)));
}

Status PosixFileSystem::create_folder(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return os_error("make folder", path, failed.value());
  return ok();
}

Result<std::vector<FileSystem::Entry>> PosixFileSystem::list(const std::string& path) {
  std::error_code failed;
  std::vector<Entry> entries;
  for (auto at = std::filesystem::directory_iterator(path, failed); !failed && at != std::filesystem::directory_iterator();
       at.increment(failed)) {
    std::error_code ignored;
    const bool folder = at->is_directory(ignored);
    const uint64_t size = folder ? 0 : at->file_size(ignored);
    entries.push_back({at->path().filename().string(), ignored ? 0 : size, folder});
  }
  if (failed) return os_error("list", path, failed.value());
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

bool PosixFileSystem::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return os_error("rename", from, errno);
  return ok();
}

Status PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return os_error("remove", path, errno);
  return ok();
}

Status PosixFileSystem::sync_folder(const std::string& path) {
  PENSTOCK_TRY(const Descriptor fd, open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return os_error("sync folder", path, errno);
  return ok();
}

Result<uint64_t> PosixFileSystem::free_bytes(const std::string& path) {
  PENSTOCK_TRY(const auto space, space_of(path));
  return static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
}

Result<uint64_t> PosixFileSystem::total_bytes(const std::string& path) {
  PENSTOCK_TRY(const auto space, space_of(path));
  return static_cast<uint64_t>(space.f_blocks) * space.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  PENSTOCK_TRY(Descriptor fd, open_file(path, O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return error(Code::ObjectInUse, "{} is locked by another process", path);
    return os_error("lock", path, errno);
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(fd)));
}

}  // namespace penstock::storage
