#pragma once

#include "storage/object_store/aws_v4.h"
#include "storage/object_store/http_client.h"
#include "storage/object_store/object_store.h"

namespace penstock::storage {

struct S3Options {
  std::string endpoint;  // "http://127.0.0.1:7070"
  std::string region;
  std::string bucket;
  std::string prefix;  // of every name, ends with '/'
  uint64_t part_bytes = 0;
  aws_v4::Credentials credentials;
  std::string ca_file;
};

/// Objects of one bucket of an S3 API, path-style, each request signed with its body's hash. An object above `part_bytes` is put by a
/// multipart upload, one part after the other; when that fails the upload is aborted.
class S3ObjectStore final : public ObjectStore {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ObjectStore>> open(S3Options options, runtime::Runtime& runtime);
  Status put(std::string_view name, std::string_view bytes) override;
  Status get(std::string_view name, std::string& into) override;
  Result<ObjectInfo> head(std::string_view name) override;
  Result<std::vector<ObjectInfo>> list(std::string_view prefix) override;
  Status remove(std::string_view name) override;
  Status remove_unfinished() override;

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;

  S3ObjectStore(S3Options options, runtime::Runtime& runtime) : options_(std::move(options)), runtime_(runtime), http_(options_.ca_file) {}
  /// Sends, and makes an error of any status but 2xx. The answer is in `response_`. `key`: of the object, empty for the bucket.
  Status request(const char* method, const std::string& key, const Query& query, std::string_view body);
  Status put_parts(const std::string& key, const std::string& upload, std::string_view bytes);
  [[nodiscard]] std::string key_of(std::string_view name) const { return options_.prefix + std::string(name); }

  const S3Options options_;
  runtime::Runtime& runtime_;
  HttpClient http_;
  HttpResponse response_;
};

}  // namespace penstock::storage
