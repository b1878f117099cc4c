#include "storage/object_store/object_store.h"

#include <cstdlib>

#include "storage/object_store/file_object_store.h"
#include "storage/object_store/s3_object_store.h"

namespace penstock::storage {
namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kS3Scheme = "s3://";

// Of "s3://BUCKET/PREFIX": both, the prefix without slashes at its ends.
std::pair<std::string, std::string> bucket_and_prefix(std::string_view url) {
  url.remove_prefix(kS3Scheme.size());
  const size_t slash = std::min(url.find('/'), url.size());
  std::string_view prefix = url.substr(slash);
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return {std::string(url.substr(0, slash)), std::string(prefix)};
}

bool usable_bucket(const std::string& bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 &&
         bucket.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos;
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

Status check_location(const ObjectLocation& location) {
  if (location.url.starts_with("file:///")) return ok();
  if (!location.url.starts_with(kS3Scheme)) {
    return error(Code::InvalidParameter, "'{}' is no place for objects; write file:///FOLDER or s3://BUCKET/PREFIX", location.url);
  }
  const std::string bucket = bucket_and_prefix(location.url).first;
  if (!usable_bucket(bucket)) return error(Code::InvalidParameter, "'{}' is no name of a bucket", bucket);
  const bool http = location.endpoint.starts_with("http://") || location.endpoint.starts_with("https://");
  if (!location.endpoint.empty() && (!http || location.endpoint.find('/', location.endpoint.find("://") + 3) != std::string::npos)) {
    return error(Code::InvalidParameter, "'{}' is no endpoint; write http://HOST:PORT or https://HOST", location.endpoint);
  }
  if (location.part_bytes < kMinPartBytes) return error(Code::InvalidParameter, "parts have at least {} bytes", kMinPartBytes);
  return ok();
}

Result<std::unique_ptr<ObjectStore>> open_object_store(const ObjectLocation& location, std::string_view folder, runtime::Runtime& runtime) {
  PENSTOCK_TRY(check_location(location));
  if (location.url.starts_with(kFileScheme))
    return FileObjectStore::open(fmt::format("{}/{}", location.url.substr(kFileScheme.size()), folder), runtime);
  auto [bucket, prefix] = bucket_and_prefix(location.url);
  S3Options options{.endpoint = location.endpoint, .region = location.region, .bucket = std::move(bucket)};
  if (options.endpoint.empty()) options.endpoint = fmt::format("https://s3.{}.amazonaws.com", location.region);
  options.prefix = fmt::format("{}{}{}/", prefix, prefix.empty() ? "" : "/", folder);
  options.part_bytes = location.part_bytes;
  options.ca_file = from_environment("AWS_CA_BUNDLE");
  options.credentials = {.access_key = from_environment("AWS_ACCESS_KEY_ID"),
                         .secret_key = from_environment("AWS_SECRET_ACCESS_KEY"),
                         .session_token = from_environment("AWS_SESSION_TOKEN")};
  if (options.credentials.access_key.empty() || options.credentials.secret_key.empty()) {
    return error(Code::AuthenticationFailed, "no credentials for {}", location.url)
        .with_hint("Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of this process.");
  }
  return S3ObjectStore::open(std::move(options), runtime);
}

}  // namespace penstock::storage
