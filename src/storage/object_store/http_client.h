#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace penstock::storage {

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;  // outlives the call
};

struct HttpResponse {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

/// HTTP/1.1 by libcurl: one connection at a time, kept open between requests. Blocks; one user at a time.
/// A request fails after 10 s without a connection, or after 20 s in which nothing moves.
class HttpClient {
 public:
  /// `ca_file`: the certificates that are trusted; empty: the system's.
  explicit HttpClient(const std::string& ca_file);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// `into` keeps its storage from call to call. Errors: `Unavailable`, `Timeout`, `Io`, with the URL's host. Any status is success.
  Status send(const HttpRequest& request, HttpResponse& into);

 private:
  void* const curl_;  // CURL*; its header stays in the .cc
};

}  // namespace penstock::storage
