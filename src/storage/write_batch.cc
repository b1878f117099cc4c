#include "common/check.h"
#include "storage/state_store.h"

namespace penstock::storage {

void WriteBatch::put(std::string_view key, std::string_view value) {
  const size_t at = bytes.size();
  PENSTOCK_CHECK(at + key.size() + value.size() < UINT32_MAX, "a write batch holds less than 4 GB");
  bytes.append(key).append(value);
  entries.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(key.size()), static_cast<uint32_t>(at + key.size()),
                     static_cast<uint32_t>(value.size())});
}

void WriteBatch::erase(std::string_view key) {
  const size_t at = bytes.size();
  PENSTOCK_CHECK(at + key.size() < UINT32_MAX, "a write batch holds less than 4 GB");
  bytes.append(key);
  entries.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(key.size()), static_cast<uint32_t>(at + key.size()), kTombstone});
}

void WriteBatch::clear() {
  bytes.clear();
  entries.clear();
}

}  // namespace penstock::storage
