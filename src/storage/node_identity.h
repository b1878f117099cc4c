#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "storage/data_folder.h"
#include "storage/segment/segment_format.h"

namespace penstock::storage {

/// Who a compute is, kept in its data folder: a uuid made once, the cluster it belongs to, and a number counted up at each start, so that
/// of two processes with one folder's identity the older one loses for good. Value type.
struct NodeIdentity {
  NodeUuid uuid{};
  std::string cluster_id;  // empty until `join_cluster`
  Incarnation incarnation;

  /// "0b6a1c1e-7c2f-4d0a-9d5e-…".
  [[nodiscard]] std::string uuid_text() const;
  [[nodiscard]] static Result<NodeUuid> parse_uuid(std::string_view text);

  /// Reads it, or makes it with `random_bytes` (as Runtime::random_bytes); the incarnation that is returned is durable and was never
  /// returned before. Errors: `Corruption` when the file is not readable as what it should be.
  [[nodiscard]] static Result<NodeIdentity> load_or_create(DataFolder& folder, const std::function<void(void*, size_t)>& random_bytes);
  /// Remembers the cluster durably. Errors: `Stale` when the folder belongs to another one.
  Status join_cluster(DataFolder& folder, const std::string& cluster);

 private:
  Status save(DataFolder& folder) const;
};

}  // namespace penstock::storage
