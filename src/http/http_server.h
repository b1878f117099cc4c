#pragma once

#include <absl/functional/any_invocable.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/error.h"
#include "runtime/runtime.h"

namespace penstock::http {

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Called on the server's thread, one at a time, with the path as it was sent, up to a '?'. What it takes long for, others wait for.
using Handler = absl::AnyInvocable<Response(std::string_view path)>;

/// A small HTTP/1.1 server for figures and health: GET (and HEAD) without a body, headers up to 8 KiB, 64 connections, each of which may
/// be silent for 30 s. Everything else is refused with the status that says so. One thread of its own.
class Server {
 public:
  /// Errors: `Io` when the address cannot be taken, naming it and the reason; `InvalidParameter`.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(runtime::Runtime& runtime, std::string_view address, Handler handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Breaks what is open and joins the thread. `runtime` must not have been stopped before: that would wait for the thread.
  ~Server();

  /// With the real port.
  [[nodiscard]] const std::string& address() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::http
