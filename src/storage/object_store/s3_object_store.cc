#include "storage/object_store/s3_object_store.h"

#include <algorithm>
#include <charconv>

#include "storage/object_store/s3_xml.h"

namespace penstock::storage {
namespace {

Code code_of(long status) {
  if (status == 404) return Code::UndefinedObject;
  if (status == 401 || status == 403) return Code::AuthenticationFailed;
  if (status == 429 || status >= 500) return Code::Unavailable;
  return Code::Io;
}

Error answer_error(const char* method, const std::string& path, const HttpResponse& response) {
  const auto said = s3_xml::parse_error(response.body);
  const std::string reason = said ? fmt::format(", {}: {}", said->code, said->message) : std::string();
  return error(code_of(response.status), "{} {}: HTTP {}{}", method, path, response.status, reason);
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> S3ObjectStore::open(S3Options options, runtime::Runtime& runtime) {
  return std::unique_ptr<ObjectStore>(new S3ObjectStore(std::move(options), runtime));
}

Status S3ObjectStore::request(const char* method, const std::string& key, const Query& query, std::string_view body) {
  aws_v4::Request request{.method = method, .path = "/" + options_.bucket, .query = query};
  if (!key.empty()) request.path += "/" + aws_v4::uri_encode(key, true);
  request.payload_hash = aws_v4::sha256_hex(body);
  const std::string time = aws_v4::format_time(runtime_.unix_micros());
  request.headers = {{"host", options_.endpoint.substr(options_.endpoint.find("://") + 3)},
                     {"x-amz-content-sha256", request.payload_hash},
                     {"x-amz-date", time}};
  if (!options_.credentials.session_token.empty()) request.headers.emplace_back("x-amz-security-token", options_.credentials.session_token);
  HttpRequest http{.method = method, .url = options_.endpoint + request.path, .headers = request.headers, .body = body};
  if (!query.empty()) http.url += "?" + aws_v4::canonical_query(query);
  http.headers.emplace_back("authorization", aws_v4::authorization(request, {options_.region, "s3", time}, options_.credentials));
  PENSTOCK_TRY(http_.send(http, response_));
  if (response_.status < 200 || response_.status > 299) return answer_error(method, request.path, response_);
  return ok();
}

Status S3ObjectStore::put(std::string_view name, std::string_view bytes) {
  const std::string key = key_of(name);
  if (bytes.size() <= options_.part_bytes) return request("PUT", key, {}, bytes);
  PENSTOCK_TRY(request("POST", key, {{"uploads", ""}}, ""));
  const std::string upload = s3_xml::text_of(response_.body, "UploadId").value_or("");
  if (upload.empty()) return error(Code::Protocol, "the multipart upload of {} has no id", key);
  Status done = put_parts(key, upload, bytes);
  // Best effort: what cannot be aborted now is found by `remove_unfinished`.
  if (done.has_error()) static_cast<void>(request("DELETE", key, {{"uploadId", upload}}, ""));
  return done;
}

Status S3ObjectStore::put_parts(const std::string& key, const std::string& upload, std::string_view bytes) {
  std::vector<std::string> etags;
  for (size_t at = 0; at < bytes.size(); at += options_.part_bytes) {
    PENSTOCK_TRY(request("PUT", key, {{"partNumber", std::to_string(etags.size() + 1)}, {"uploadId", upload}},
                         bytes.substr(at, options_.part_bytes)));
    const auto etag = response_.headers.find("etag");
    if (etag == response_.headers.end()) return error(Code::Protocol, "part {} of {} has no ETag", etags.size() + 1, key);
    etags.push_back(etag->second);
  }
  PENSTOCK_TRY(request("POST", key, {{"uploadId", upload}}, s3_xml::complete_upload(etags)));
  // The status line goes out before S3 knows how it ends.
  if (const auto failed = s3_xml::parse_error(response_.body)) {
    return error(Code::Unavailable, "the multipart upload of {} was not completed, {}: {}", key, failed->code, failed->message);
  }
  return ok();
}

Status S3ObjectStore::get(std::string_view name, std::string& into) {
  std::swap(response_.body, into);  // its storage is used again
  const Status got = request("GET", key_of(name), {}, "");
  std::swap(response_.body, into);
  return got;
}

Result<ObjectInfo> S3ObjectStore::head(std::string_view name) {
  PENSTOCK_TRY(request("HEAD", key_of(name), {}, ""));
  ObjectInfo info{std::string(name), 0};
  const std::string& size = response_.headers["content-length"];
  std::from_chars(size.data(), size.data() + size.size(), info.bytes);
  return info;
}

Result<std::vector<ObjectInfo>> S3ObjectStore::list(std::string_view prefix) {
  std::vector<ObjectInfo> objects;
  Query query{{"list-type", "2"}, {"prefix", key_of(prefix)}};
  for (;;) {
    PENSTOCK_TRY(request("GET", "", query, ""));
    PENSTOCK_TRY(s3_xml::ListPage page, s3_xml::parse_list(response_.body));
    for (ObjectInfo& object : page.objects) {
      if (object.name.starts_with(options_.prefix)) objects.push_back({object.name.substr(options_.prefix.size()), object.bytes});
    }
    if (!page.next) return objects;
    query.resize(2);
    query.emplace_back("continuation-token", *page.next);
  }
}

Status S3ObjectStore::remove(std::string_view name) {
  const Status removed = request("DELETE", key_of(name), {}, "");
  const bool absent = removed.has_error() && response_.status == 404 && response_.body.find("NoSuchBucket") == std::string::npos;
  return absent ? ok() : removed;
}

Status S3ObjectStore::remove_unfinished() {
  Query query{{"uploads", ""}, {"prefix", options_.prefix}};
  for (;;) {
    PENSTOCK_TRY(request("GET", "", query, ""));
    PENSTOCK_TRY(const s3_xml::UploadPage page, s3_xml::parse_uploads(response_.body));
    for (const s3_xml::Upload& upload : page.uploads) {
      if (!upload.key.starts_with(options_.prefix)) continue;
      PENSTOCK_TRY(request("DELETE", upload.key, {{"uploadId", upload.id}}, ""));
    }
    if (!page.next) return ok();
    query.resize(2);
    query.emplace_back("key-marker", page.next->key);
    query.emplace_back("upload-id-marker", page.next->id);
  }
}

}  // namespace penstock::storage
