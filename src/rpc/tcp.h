#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "rpc/tls.h"
#include "runtime/runtime.h"

namespace penstock::rpc {

/// Closes a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// A connection, for a thread that blocks on it (a SQL session). One thread reads and writes; `shutdown` is for any thread.
/// Bytes are sent at once (no Nagle); a peer that is gone without a word is noticed within two minutes.
class TcpStream {
 public:
  static constexpr runtime::Duration kForever = runtime::Duration::max();

  /// Errors: `Unavailable`, naming the address; `Timeout`.
  [[nodiscard]] static Result<std::unique_ptr<TcpStream>> connect(std::string_view address, runtime::Duration timeout);
  /// A connected socket.
  TcpStream(FileDescriptor socket, std::string peer);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream();

  /// Waits for bytes and returns how many came; 0 means the peer sends no more.
  /// Errors: `Timeout`; `Closed` when the connection broke or `shutdown` was called.
  [[nodiscard]] Result<size_t> read_some(std::span<char> into, runtime::Duration timeout = kForever);
  /// Errors: `Closed`; then some of it may have been sent.
  [[nodiscard]] Status write_all(std::string_view bytes);
  /// From now on everything is encrypted; we are the server. Bytes that were read before and not used by then would bypass the
  /// encryption, so the caller refuses to go on if there are any. Errors: `Protocol`, `Timeout`, `Closed`.
  [[nodiscard]] Status start_tls(const TlsContext& context, runtime::Duration timeout);

  /// Ends the connection: whoever waits in another function of this object returns with `Closed`, and so does every later call.
  void shutdown();

  /// "127.0.0.1:53210".
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool is_encrypted() const { return tls_ != nullptr; }

 private:
  struct FreeTls {
    void operator()(ssl_st* tls) const;
  };

  [[nodiscard]] Error closed(std::string_view why) const;
  /// Waits until the socket is ready for `poll_events`.
  [[nodiscard]] Status wait(short poll_events, int64_t deadline);
  /// What to do after a TLS function did not succeed: wait for the socket, or give up.
  [[nodiscard]] Status wait_for_tls(int result, int64_t deadline);
  [[nodiscard]] Result<size_t> read_plain(std::span<char> into, int64_t deadline);
  [[nodiscard]] Result<size_t> read_tls(std::span<char> into, int64_t deadline);
  [[nodiscard]] Result<size_t> write_some(std::string_view bytes);

  const FileDescriptor socket_;  // non-blocking
  const std::string peer_;
  std::atomic<bool> shut_down_{false};
  std::unique_ptr<ssl_st, FreeTls> tls_;
};

/// A port that is listened on. `close` is for any thread.
class TcpListener {
 public:
  /// `address` is as `Address::parse` reads it; port 0 lets the system choose.
  /// Errors: `Io` when it cannot be taken, naming it and the reason; `InvalidParameter`.
  [[nodiscard]] static Result<std::unique_ptr<TcpListener>> listen(std::string_view address);

  /// Waits for the next connection. Errors: `Closed` after `close`; `TooManyConnections` when this process has no descriptor
  /// left, after a moment, so that the caller may just try again.
  [[nodiscard]] Result<std::unique_ptr<TcpStream>> accept();
  /// Makes `accept` return. The port is free when the listener is destroyed.
  void close();
  /// With the real port.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  TcpListener(FileDescriptor socket, FileDescriptor wake, std::string address)
      : socket_(std::move(socket)), wake_(std::move(wake)), address_(std::move(address)) {}

  const FileDescriptor socket_;
  const FileDescriptor wake_;  // an eventfd, readable once closed
  const std::string address_;
};

}  // namespace penstock::rpc
