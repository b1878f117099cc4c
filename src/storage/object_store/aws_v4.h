#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Amazon's Signature Version 4, in the request's headers. Source of the algorithm: "Signature Calculations for the Authorization Header",
/// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Pure.
namespace penstock::storage::aws_v4 {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: none
};

/// What is signed. Every header that is named here is signed.
struct Request {
  std::string method;
  std::string path;                                          // encoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;    // not encoded, in any order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in any order; "host" among them
  std::string payload_hash;                                  // sha256_hex of the body
};

/// Where and when the signature is valid.
struct Scope {
  std::string region;
  std::string service;
  std::string time;  // "20130524T000000Z"
};

/// The value of the header Authorization.
[[nodiscard]] std::string authorization(const Request& request, const Scope& scope, const Credentials& credentials);
/// The text whose hash is signed: for error messages and tests.
[[nodiscard]] std::string canonical_request(const Request& request);

[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// Everything but A-Z a-z 0-9 - . _ ~ as %XX; '/' stays when `keep_slash`.
[[nodiscard]] std::string uri_encode(std::string_view text, bool keep_slash);
/// "a=1&b=" of a query, encoded and sorted as the signature wants it.
[[nodiscard]] std::string canonical_query(std::vector<std::pair<std::string, std::string>> query);
/// "20130524T000000Z".
[[nodiscard]] std::string format_time(int64_t unix_micros);

}  // namespace penstock::storage::aws_v4
