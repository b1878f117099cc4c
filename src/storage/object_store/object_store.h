#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "runtime/runtime.h"

namespace penstock::storage {

struct ObjectInfo {
  std::string name;
  uint64_t bytes = 0;
};

/// A flat set of named objects, each written at once and as a whole. Names are relative to the place that was opened.
///
/// Guarantees: a reader sees an old object or the new one, never half of it. Nothing is tried again: who calls decides.
/// Blocks. One user at a time; open another one for another thread.
/// Errors: `UndefinedObject` when there is none of that name; `AuthenticationFailed`, `Unavailable` (try again), `Timeout`, `Io`.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  virtual Status put(std::string_view name, std::string_view bytes) = 0;
  virtual Status get(std::string_view name, std::string& into) = 0;
  virtual Result<ObjectInfo> head(std::string_view name) = 0;
  /// All whose names begin with `prefix`, in order of their names.
  virtual Result<std::vector<ObjectInfo>> list(std::string_view prefix) = 0;
  /// Removing what is not there succeeds: S3 cannot tell.
  virtual Status remove(std::string_view name) = 0;
  /// Removes what puts that never ended left behind, of anybody, and the place itself when nothing is in it.
  virtual Status remove_unfinished() = 0;
};

/// Where objects are.
struct ObjectLocation {
  std::string url;                            // file:///FOLDER, or s3://BUCKET/PREFIX
  std::string endpoint;                       // of s3: http(s)://HOST[:PORT], addressed path-style; empty: Amazon's of the region
  std::string region = "us-east-1";           // of s3
  uint64_t part_bytes = uint64_t{16} << 20U;  // of s3: a larger object is put in parts of this size
};

/// The smallest part that S3 takes, but for the last one of an object.
inline constexpr uint64_t kMinPartBytes = uint64_t{5} << 20U;

/// What is wrong with a location, before anything is opened. Errors: `InvalidParameter`.
[[nodiscard]] Status check_location(const ObjectLocation& location);

/// Opens `location`/`folder`. Credentials for s3 come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set,
/// AWS_SESSION_TOKEN; AWS_CA_BUNDLE names the certificates that are trusted. A file:// folder is made when it is not there.
/// Errors: `InvalidParameter`, `AuthenticationFailed` without credentials, `Io`.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_object_store(const ObjectLocation& location, std::string_view folder,
                                                                     runtime::Runtime& runtime);

}  // namespace penstock::storage
