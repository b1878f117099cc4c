#include "storage/epoch_log/flush_marks.h"

#include <algorithm>

namespace penstock::storage {

namespace {

std::string big_endian(uint64_t value) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (56 - 8 * i));
  return bytes;
}

uint64_t from_big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

}  // namespace

Status FlushMarks::load(SortedBase& base) {
  const SortedSnapshotPtr snapshot = base.snapshot();
  PENSTOCK_TRY(auto rows, snapshot->scan(kMarksTable, {}));
  MutexLock lock(mutex_);
  while (true) {
    PENSTOCK_TRY(const bool more, rows->next());
    if (!more) return ok();
    const std::string_view key = rows->key();
    if (key == "h" && rows->value().size() == 8) {
      highest_ = from_big_endian(rows->value());
    } else if (key.size() == 9 && key[0] == 'm') {
      marks_.insert(from_big_endian(key.substr(1)));
    } else {
      return error(Code::Corruption, "the state store's reserved table has a row of {} bytes that is none of its own", key.size());
    }
  }
}

bool FlushMarks::contains(uint64_t sequence) const {
  MutexLock lock(mutex_);
  return marks_.contains(sequence);
}

std::set<uint64_t> FlushMarks::all() const {
  const MutexLock lock(mutex_);
  return marks_;
}

uint64_t FlushMarks::highest() const {
  MutexLock lock(mutex_);
  return highest_;
}

void FlushMarks::strike_off(std::span<const uint64_t> sequences) {
  MutexLock lock(mutex_);
  for (const uint64_t sequence : sequences) {
    if (marks_.contains(sequence)) struck_off_.insert(sequence);
  }
}

void FlushMarks::retain(const std::set<uint64_t>& live) {
  MutexLock lock(mutex_);
  std::ranges::set_difference(marks_, live, std::inserter(struck_off_, struck_off_.end()));
}

bool FlushMarks::has_struck_off() const {
  MutexLock lock(mutex_);
  return !struck_off_.empty();
}

FlushMarks::Change FlushMarks::change_for(std::set<uint64_t> flushed) const {
  MutexLock lock(mutex_);
  Change change{std::move(flushed), struck_off_, highest_};
  if (!change.flushed.empty()) change.highest = std::max(change.highest, *change.flushed.rbegin());
  return change;
}

Status FlushMarks::write(const Change& change, SortedInstall& install) {
  PENSTOCK_TRY(install.put(kMarksTable, "h", big_endian(change.highest)));
  auto flushed = change.flushed.begin();
  auto erased = change.erased.begin();
  while (flushed != change.flushed.end() || erased != change.erased.end()) {
    if (erased == change.erased.end() || (flushed != change.flushed.end() && *flushed < *erased)) {
      PENSTOCK_TRY(install.put(kMarksTable, "m" + big_endian(*flushed++), ""));
    } else {
      PENSTOCK_TRY(install.erase(kMarksTable, "m" + big_endian(*erased++)));
    }
  }
  return ok();
}

void FlushMarks::installed(const Change& change) {
  MutexLock lock(mutex_);
  highest_ = std::max(highest_, change.highest);
  for (const uint64_t sequence : change.erased) {
    marks_.erase(sequence);
    struck_off_.erase(sequence);
  }
  marks_.insert(change.flushed.begin(), change.flushed.end());
}

}  // namespace penstock::storage
