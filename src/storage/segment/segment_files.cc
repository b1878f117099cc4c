#include "storage/segment/segment_files.h"

#include <bit>
#include <charconv>

#include "common/log.h"
#include "storage/segment/segment_reader.h"

namespace penstock::storage {

SegmentFile::~SegmentFile() { pool_.give_back(*this); }

std::string SegmentFile::path() const { return pool_.path_of(number_); }

Result<std::unique_ptr<SegmentFiles>> SegmentFiles::open(FileSystem& files, std::string folder, Limits limits) {
  PENSTOCK_TRY(files.create_folder(folder));
  auto pool = std::unique_ptr<SegmentFiles>(new SegmentFiles(files, std::move(folder), limits));
  PENSTOCK_TRY(const auto entries, files.list(pool->folder_));
  MutexLock lock(pool->mutex_);
  for (const FileSystem::Entry& entry : entries) {
    PENSTOCK_TRY(pool->look_at(entry));
  }
  return pool;
}

Status SegmentFiles::look_at(const FileSystem::Entry& entry) {
  uint64_t number = 0;
  const char* end = entry.name.data() + entry.name.size();
  const auto parsed = std::from_chars(entry.name.data(), end, number);
  if (entry.folder || parsed.ec != std::errc{} || std::string_view(parsed.ptr, end) != ".seg") return ok();  // not ours to touch
  next_number_ = std::max(next_number_, number + 1);
  PENSTOCK_TRY(const auto file, files_.open_read(path_of(number)));
  auto header = read_segment_header(*file);
  if (header.has_error()) return header.error().with_context(path_of(number));
  if (!header.value()) {
    free_.emplace(entry.size, number);
    return ok();
  }
  const SegmentId& id = header.value()->id;
  const auto [at, is_new] = on_disk_.emplace(id.sequence, OnDisk{number, entry.size, id.graph.graph});
  if (!is_new) free_.emplace(entry.size, number);  // cannot be: sequence numbers are never used again
  return ok();
}

Result<SegmentFilePtr> SegmentFiles::acquire(uint64_t sequence, PartialGraphId graph, uint64_t size) {
  std::optional<std::pair<uint64_t, uint64_t>> chosen;  // number, size
  {
    MutexLock lock(mutex_);
    if (!free_.empty()) {
      auto at = free_.lower_bound(size);
      if (at == free_.end()) at = std::prev(at);
      chosen = {at->second, at->first};
      free_.erase(at);
    }
  }
  if (!chosen) {
    PENSTOCK_TRY(const auto made, make_file(size));
    chosen = made;
  }
  MutexLock lock(mutex_);
  return use(chosen->first, chosen->second, sequence, graph);
}

SegmentFilePtr SegmentFiles::use(uint64_t number, uint64_t size, uint64_t sequence, PartialGraphId graph) {
  auto file = std::make_shared<SegmentFile>(*this, number, size, sequence, graph);
  in_use_[sequence] = file;
  used_bytes_ += size;
  return file;
}

Status SegmentFiles::prepare_spare(uint64_t size) {
  if (has_spare()) return ok();
  PENSTOCK_TRY(const auto made, make_file(size));
  MutexLock lock(mutex_);
  free_.emplace(made.second, made.first);
  return ok();
}

bool SegmentFiles::has_spare() const {
  MutexLock lock(mutex_);
  return !free_.empty();
}

// The name is durable before anything is written into the file, so that a segment's sync need not sync the folder.
Result<std::pair<uint64_t, uint64_t>> SegmentFiles::make_file(uint64_t size) {
  const uint64_t wanted = size;
  size = std::bit_ceil(std::clamp(size, limits_.smallest, limits_.largest));
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = next_number_++;
  }
  const auto make = [&](uint64_t bytes) -> Status {
    PENSTOCK_TRY(auto file, files_.open_write(path_of(number)));
    PENSTOCK_TRY(file->preallocate(bytes));
    return files_.sync_folder(folder_);
  };
  Status made = make(size);
  if (made.has_error() && made.error().code() == Code::DiskFull && wanted < size) {  // not a whole one more, but perhaps what is needed
    size = wanted;
    made = make(size);
  }
  if (made.has_error()) {
    if (files_.exists(path_of(number))) (void)files_.remove(path_of(number));
    return made.error();
  }
  return std::pair(number, size);
}

SegmentFilePtr SegmentFiles::find(uint64_t sequence) {
  MutexLock lock(mutex_);
  for (auto used = in_use_.find(sequence); used != in_use_.end(); used = in_use_.find(sequence)) {
    if (auto file = used->second.lock()) return file;
    given_back_.wait(mutex_);  // its last holder is letting go of it at this moment
  }
  const auto found = on_disk_.find(sequence);
  if (found == on_disk_.end()) return nullptr;
  const OnDisk file = found->second;
  on_disk_.erase(found);
  return use(file.number, file.size, sequence, file.graph);
}

void SegmentFiles::retain(const std::set<uint64_t>& live) { release_unlisted(live, std::nullopt); }

void SegmentFiles::retain_of_graph(PartialGraphId graph, const std::set<uint64_t>& live) { release_unlisted(live, graph); }

void SegmentFiles::release_unlisted(const std::set<uint64_t>& live, const std::optional<PartialGraphId>& graph) {
  std::vector<OnDisk> unlisted;
  {
    MutexLock lock(mutex_);
    std::erase_if(on_disk_, [&](const auto& entry) {
      const auto& [sequence, file] = entry;
      if (live.contains(sequence) || (graph && file.graph != *graph)) return false;
      unlisted.push_back(file);
      return true;
    });
  }
  for (const OnDisk& file : unlisted) free_file(file.number, file.size);
}

void SegmentFiles::give_back(const SegmentFile& file) {
  const uint64_t size = file.size_.load();
  {
    MutexLock lock(mutex_);
    in_use_.erase(file.sequence_);
    given_back_.notify_all();
    used_bytes_ -= std::min(used_bytes_, size);
    if (!file.discarded_.load() && !file.distrusted_.load()) {
      on_disk_.emplace(file.sequence_, OnDisk{file.number_, size, file.graph_});
      return;
    }
  }
  file.distrusted_.load() ? remove_file(file.number_) : free_file(file.number_, size);
}

void SegmentFiles::free_file(uint64_t number, uint64_t size) {
  {
    MutexLock lock(mutex_);
    uint64_t bytes = size;
    for (const auto& [free_size, n] : free_) bytes += free_size;
    if (free_.size() < limits_.free_files && bytes <= limits_.free_bytes) {
      free_.emplace(size, number);
      return;
    }
  }
  remove_file(number);
}

void SegmentFiles::remove_file(uint64_t number) {
  if (const Status removed = files_.remove(path_of(number)); removed.has_error()) log::warn("storage", "{}", removed.error());
}

void SegmentFiles::remove_free_files() {
  std::multimap<uint64_t, uint64_t> files;
  {
    MutexLock lock(mutex_);
    files.swap(free_);
  }
  for (const auto& [size, number] : files) remove_file(number);
}

std::set<uint64_t> SegmentFiles::sequences() const {
  const MutexLock lock(mutex_);
  std::set<uint64_t> out;
  for (const auto& [sequence, file] : on_disk_) out.insert(sequence);
  for (const auto& [sequence, file] : in_use_) {
    if (!file.expired()) out.insert(sequence);
  }
  return out;
}

uint64_t SegmentFiles::bytes() const {
  MutexLock lock(mutex_);
  uint64_t bytes = used_bytes_;
  for (const auto& [sequence, file] : on_disk_) bytes += file.size;
  for (const auto& [size, number] : free_) bytes += size;
  return bytes;
}

}  // namespace penstock::storage
