#include "storage/memory_filesystem.h"

#include "common/check.h"

namespace penstock::storage {

namespace {

constexpr size_t kSector = 512;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

Error dead(const std::string& path) { return error(Code::Io, "{}: the process that opened it has crashed", path); }
Error missing(const std::string& path) { return error(Code::Io, "{}: no such file", path); }

}  // namespace

class MemoryFileSystem::Writer final : public WriteFile {
 public:
  Writer(MemoryFileSystem& files, std::string path, InodePtr inode, uint64_t life)
      : files_(files), path_(std::move(path)), inode_(std::move(inode)), life_(life) {}

  Status write(uint64_t offset, std::string_view bytes) override {
    const Status may = files_.begin(Call::Write, path_);
    MutexLock lock(files_.mutex_);
    if (life_ != files_.life_) return dead(path_);
    if (may.has_error()) bytes = bytes.substr(0, bytes.size() / 2);
    if (offset + bytes.size() > inode_->current.size()) {
      PENSTOCK_TRY(files_.grow(*inode_, offset + bytes.size(), path_));
      inode_->current.resize(offset + bytes.size());
    }
    inode_->current.replace(offset, bytes.size(), bytes);
    return may;
  }
  Status preallocate(uint64_t size) override {
    PENSTOCK_TRY(files_.begin(Call::Preallocate, path_));
    MutexLock lock(files_.mutex_);
    if (life_ != files_.life_) return dead(path_);
    if (size <= inode_->current.size()) return ok();
    PENSTOCK_TRY(files_.grow(*inode_, size, path_));
    inode_->current.resize(size);
    return ok();
  }
  Status sync() override {
    PENSTOCK_TRY(files_.begin(Call::Sync, path_));
    MutexLock lock(files_.mutex_);
    if (life_ != files_.life_) return dead(path_);
    inode_->durable = inode_->current;
    return ok();
  }

 private:
  MemoryFileSystem& files_;
  const std::string path_;
  const InodePtr inode_;  // shared with its names
  const uint64_t life_;
};

class MemoryFileSystem::Reader final : public ReadFile {
 public:
  Reader(MemoryFileSystem& files, std::string path, InodePtr inode, uint64_t life, uint64_t size)
      : files_(files), path_(std::move(path)), inode_(std::move(inode)), life_(life), size_(size) {}

  Status read(uint64_t offset, size_t size, std::string& out) const override {
    PENSTOCK_TRY(files_.begin(Call::Read, path_));
    MutexLock lock(files_.mutex_);
    if (life_ != files_.life_) return dead(path_);
    const std::string& bytes = inode_->current;
    if (offset > bytes.size() || size > bytes.size() - offset) return error(Code::Io, "{} ends at {}", path_, bytes.size());
    out.append(bytes, offset, size);
    return ok();
  }
  uint64_t size() const override { return size_; }

 private:
  MemoryFileSystem& files_;
  const std::string path_;
  const InodePtr inode_;  // shared with its names
  const uint64_t life_;
  const uint64_t size_;
};

class MemoryFileSystem::Lock final : public FileLock {
 public:
  Lock(MemoryFileSystem& files, std::string path, uint64_t life) : files_(files), path_(std::move(path)), life_(life) {}
  ~Lock() override {
    MutexLock lock(files_.mutex_);
    if (life_ == files_.life_) files_.locks_.erase(path_);
  }

 private:
  MemoryFileSystem& files_;
  const std::string path_;
  const uint64_t life_;
};

MemoryFileSystem::MemoryFileSystem() = default;
MemoryFileSystem::~MemoryFileSystem() = default;

// The fault is asked without the mutex: it may look at the file system.
Status MemoryFileSystem::begin(Call call, const std::string& path) {
  Fault fault;
  {
    MutexLock lock(mutex_);
    ++calls_;
    fault = fault_;
  }
  return fault ? fault(call, path) : ok();
}

uint64_t MemoryFileSystem::used() const {
  std::set<const Inode*> seen;
  uint64_t bytes = 0;
  for (const auto& [path, inode] : names_) {
    if (seen.insert(inode.get()).second) bytes += inode->current.size();
  }
  return bytes;
}

Status MemoryFileSystem::grow(Inode& inode, uint64_t size, const std::string& path) {
  if (used() - inode.current.size() + size > capacity_) return error(Code::DiskFull, "cannot write {}: no space left", path);
  return ok();
}

Result<std::unique_ptr<WriteFile>> MemoryFileSystem::open_write(const std::string& path) {
  PENSTOCK_TRY(begin(Call::OpenWrite, path));
  MutexLock lock(mutex_);
  if (!folders_.contains(folder_of(path))) return missing(path);
  InodePtr& inode = names_[path];
  if (!inode) inode = std::make_shared<Inode>();
  return std::unique_ptr<WriteFile>(std::make_unique<Writer>(*this, path, inode, life_));
}

Result<std::unique_ptr<ReadFile>> MemoryFileSystem::open_read(const std::string& path) {
  PENSTOCK_TRY(begin(Call::OpenRead, path));
  MutexLock lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return missing(path);
  return std::unique_ptr<ReadFile>(std::make_unique<Reader>(*this, path, found->second, life_, found->second->current.size()));
}

Status MemoryFileSystem::create_folder(const std::string& path) {
  PENSTOCK_TRY(begin(Call::CreateFolder, path));
  MutexLock lock(mutex_);
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    folders_.insert(path.substr(0, slash));
  folders_.insert(path);
  return ok();
}

Result<std::vector<FileSystem::Entry>> MemoryFileSystem::list(const std::string& path) {
  PENSTOCK_TRY(begin(Call::List, path));
  MutexLock lock(mutex_);
  if (!folders_.contains(path)) return missing(path);
  std::vector<Entry> entries;
  for (const std::string& folder : folders_) {
    if (folder_of(folder) == path && folder != path) entries.push_back({folder.substr(path.size() + 1), 0, true});
  }
  for (const auto& [name, inode] : names_) {
    if (folder_of(name) == path) entries.push_back({name.substr(path.size() + 1), inode->current.size(), false});
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

bool MemoryFileSystem::exists(const std::string& path) {
  MutexLock lock(mutex_);
  return names_.contains(path) || folders_.contains(path);
}

Status MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  PENSTOCK_TRY(begin(Call::Rename, from));
  MutexLock lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return missing(from);
  names_[to] = found->second;
  names_.erase(from);
  return ok();
}

Status MemoryFileSystem::remove(const std::string& path) {
  PENSTOCK_TRY(begin(Call::Remove, path));
  MutexLock lock(mutex_);
  if (names_.erase(path) == 0) return missing(path);
  return ok();
}

Status MemoryFileSystem::sync_folder(const std::string& path) {
  PENSTOCK_TRY(begin(Call::SyncFolder, path));
  MutexLock lock(mutex_);
  std::erase_if(durable_names_, [&](const auto& name) { return folder_of(name.first) == path; });
  for (const auto& [name, inode] : names_) {
    if (folder_of(name) == path) durable_names_[name] = inode;
  }
  return ok();
}

Result<uint64_t> MemoryFileSystem::free_bytes(const std::string&) {
  MutexLock lock(mutex_);
  return capacity_ - std::min(capacity_, used());
}

Result<uint64_t> MemoryFileSystem::total_bytes(const std::string&) {
  MutexLock lock(mutex_);
  return capacity_;
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path) {
  PENSTOCK_TRY(begin(Call::Lock, path));
  MutexLock lock(mutex_);
  if (!locks_.insert(path).second) return error(Code::ObjectInUse, "{} is locked by another process", path);
  InodePtr& inode = names_[path];
  if (!inode) inode = std::make_shared<Inode>();
  return std::unique_ptr<FileLock>(std::make_unique<Lock>(*this, path, life_));
}

void MemoryFileSystem::crash(const std::function<bool()>& choose) {
  MutexLock lock(mutex_);
  ++life_;
  locks_.clear();
  names_ = durable_names_;
  std::set<const Inode*> seen;
  for (auto& [path, inode] : names_) {
    if (!seen.insert(inode.get()).second || inode->current == inode->durable) continue;
    std::string& now = inode->current;
    const std::string& old = inode->durable;
    if (now.size() != old.size() && !choose()) now.resize(old.size());
    for (size_t at = 0; at < now.size(); at += kSector) {
      const size_t size = std::min(kSector, now.size() - at);
      std::string was = at < old.size() ? old.substr(at, size) : std::string();
      was.resize(size);
      if (now.compare(at, size, was) != 0 && !choose()) now.replace(at, size, was);
    }
    inode->durable = now;
  }
}

void MemoryFileSystem::set_capacity(uint64_t bytes) {
  MutexLock lock(mutex_);
  capacity_ = bytes;
}

void MemoryFileSystem::set_fault(Fault fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

uint64_t MemoryFileSystem::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

void MemoryFileSystem::damage(const std::string& path, uint64_t offset) {
  MutexLock lock(mutex_);
  const auto found = names_.find(path);
  PENSTOCK_CHECK(found != names_.end() && offset < found->second->current.size(), "no byte {} in {}", offset, path);
  found->second->current[offset] = static_cast<char>(found->second->current[offset] ^ 0x5a);
  found->second->durable = found->second->current;
}

}  // namespace penstock::storage
