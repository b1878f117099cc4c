#include "storage/object_store/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>

namespace penstock::storage {
namespace {

constexpr long kConnectMillis = 10'000;
constexpr long kStallSeconds = 20;

size_t take_body(const char* bytes, size_t size, size_t count, void* into) {
  static_cast<HttpResponse*>(into)->body.append(bytes, size * count);
  return size * count;
}

size_t take_header(const char* bytes, size_t size, size_t count, void* into) {
  auto& headers = static_cast<HttpResponse*>(into)->headers;
  std::string_view line(bytes, size * count);
  if (line.starts_with("HTTP/")) headers.clear();  // "100 Continue" came before
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  line.remove_prefix(colon + 1);
  const size_t from = std::min(line.find_first_not_of(" \t"), line.size());
  const size_t to = line.find_last_not_of(" \t\r\n");
  headers[name] = to == std::string_view::npos || to < from ? "" : std::string(line.substr(from, to - from + 1));
  return size * count;
}

class HeaderList {
 public:
  explicit HeaderList(const std::vector<std::pair<std::string, std::string>>& headers) {
    for (const auto& [name, value] : headers) add(fmt::format("{}: {}", name, value));
    add("Expect:");        // no round trip before a body
    add("Content-Type:");  // libcurl's own would say that a form comes
  }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list_); }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* list_ = nullptr;
};

std::string_view host_of(std::string_view url) {
  const size_t from = url.find("://") == std::string_view::npos ? 0 : url.find("://") + 3;
  return url.substr(0, std::min(url.find('/', from), url.size()));
}

Error transport_error(CURLcode code, std::string_view url, const char* text) {
  const std::string_view reason = *text != '\0' ? text : curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) return error(Code::Timeout, "{} does not answer: {}", host_of(url), reason);
  const bool down = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_GOT_NOTHING ||
                    code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE;
  return error(down ? Code::Unavailable : Code::Io, "{}: {}", host_of(url), reason);
}

}  // namespace

HttpClient::HttpClient(const std::string& ca_file)
    : curl_([] {
        static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);  // not thread-safe by itself
        return kReady == CURLE_OK ? curl_easy_init() : nullptr;
      }()) {
  if (curl_ == nullptr) return;
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
  curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl_, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, take_header);
  if (!ca_file.empty()) curl_easy_setopt(curl_, CURLOPT_CAINFO, ca_file.c_str());
}

HttpClient::~HttpClient() { curl_easy_cleanup(curl_); }

Status HttpClient::send(const HttpRequest& request, HttpResponse& into) {
  if (curl_ == nullptr) return error(Code::Io, "libcurl cannot be set up");
  into.status = 0;
  into.headers.clear();
  into.body.clear();
  std::array<char, CURL_ERROR_SIZE> text{};
  const HeaderList headers(request.headers);
  const std::string_view host = host_of(request.url);
  const bool loopback = host.find("://127.") != std::string_view::npos || host.find("://localhost") != std::string_view::npos ||
                        host.find("://[::1]") != std::string_view::npos;
  curl_easy_setopt(curl_, CURLOPT_PROXY, loopback ? "" : nullptr);  // none to this host; else what the environment says
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, text.data());
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &into);
  curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &into);
  curl_easy_setopt(curl_, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl_, CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
  if (request.method == "HEAD" || request.method == "GET" || request.method == "DELETE") {
    if (request.method != "HEAD") curl_easy_setopt(curl_, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, request.body.data() != nullptr ? request.body.data() : "");
  }
  curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, request.method == "HEAD" ? nullptr : request.method.c_str());
  const CURLcode code = curl_easy_perform(curl_);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK) return transport_error(code, request.url, text.data());
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &into.status);
  return ok();
}

}  // namespace penstock::storage
