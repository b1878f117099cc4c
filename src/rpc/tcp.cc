#include "rpc/tcp.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "rpc/address.h"

namespace penstock::rpc {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

int64_t monotonic_nanos() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

int64_t deadline_after(runtime::Duration timeout) {
  const int64_t now = monotonic_nanos();
  return timeout.count() > kNever - now ? kNever : now + timeout.count();
}

// For poll: rounded up, so that it does not spin through the last millisecond.
int milliseconds_until(int64_t deadline) {
  if (deadline == kNever) return -1;
  constexpr int64_t kNanosPerMilli = 1'000'000;
  const int64_t left = std::max<int64_t>(0, deadline - monotonic_nanos());
  return static_cast<int>(std::min<int64_t>((left + kNanosPerMilli - 1) / kNanosPerMilli, std::numeric_limits<int>::max()));
}

void set_option(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

void tune(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
}

std::string name_of(const sockaddr_storage& storage, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const auto* address = reinterpret_cast<const sockaddr*>(&storage);
  if (getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) return "?";
  return Address{host.data(), static_cast<uint16_t>(std::stoi(port.data()))}.to_string();
}

std::string local_name(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return name_of(storage, size);
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Result<std::unique_ptr<addrinfo, FreeAddresses>> resolve(std::string_view text, int flags) {
  PENSTOCK_TRY(const auto address, Address::parse(text));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (failed != 0) return error(Code::InvalidParameter, "cannot resolve {}: {}", text, gai_strerror(failed));
  return std::unique_ptr<addrinfo, FreeAddresses>(list);
}

FileDescriptor make_socket(const addrinfo& at) {
  return FileDescriptor(::socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at.ai_protocol));
}

// 0 or errno.
int connect_within(int fd, const addrinfo& at, int64_t deadline) {
  if (::connect(fd, at.ai_addr, at.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd polled{fd, POLLOUT, 0};
  for (;;) {
    const int ready = poll(&polled, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int failed = 0;
    socklen_t size = sizeof failed;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    return failed;
  }
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

void TcpStream::FreeTls::operator()(ssl_st* tls) const { SSL_free(tls); }

Result<std::unique_ptr<TcpStream>> TcpStream::connect(std::string_view address, runtime::Duration timeout) {
  const int64_t deadline = deadline_after(timeout);
  PENSTOCK_TRY(const auto addresses, resolve(address, 0));
  int failed = EADDRNOTAVAIL;
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    FileDescriptor socket = make_socket(*at);
    failed = socket.get() < 0 ? errno : connect_within(socket.get(), *at, deadline);
    if (failed != 0) continue;
    tune(socket.get());
    return std::make_unique<TcpStream>(std::move(socket), std::string(address));
  }
  if (failed == ETIMEDOUT) return error(Code::Timeout, "{} does not answer", address);
  return error(Code::Unavailable, "cannot reach {}: {}", address, std::strerror(failed));
}

TcpStream::TcpStream(FileDescriptor socket, std::string peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}

TcpStream::~TcpStream() {
  // Says good-bye without waiting for an answer.
  if (tls_ && SSL_is_init_finished(tls_.get()) != 0 && !shut_down_.load()) SSL_shutdown(tls_.get());
  ERR_clear_error();
}

Error TcpStream::closed(std::string_view why) const {
  if (shut_down_.load()) return error(Code::Closed, "the connection from {} was shut down", peer_);
  return error(Code::Closed, "the connection with {} broke: {}", peer_, why);
}

void TcpStream::shutdown() {
  shut_down_.store(true);
  ::shutdown(socket_.get(), SHUT_RDWR);
}

Status TcpStream::wait(short poll_events, int64_t deadline) {
  pollfd polled{socket_.get(), poll_events, 0};
  for (;;) {
    if (shut_down_.load()) return closed("");
    const int ready = poll(&polled, 1, milliseconds_until(deadline));
    if (ready > 0) return ok();
    if (ready == 0) return error(Code::Timeout, "nothing came from {} in time", peer_);
    if (errno != EINTR) return closed(std::strerror(errno));
  }
}

Result<size_t> TcpStream::read_some(std::span<char> into, runtime::Duration timeout) {
  const int64_t deadline = timeout == kForever ? kNever : deadline_after(timeout);
  PENSTOCK_TRY(const size_t count, tls_ ? read_tls(into, deadline) : read_plain(into, deadline));
  if (count == 0 && shut_down_.load()) return closed("");
  return count;
}

Result<size_t> TcpStream::read_plain(std::span<char> into, int64_t deadline) {
  for (;;) {
    const ssize_t count = recv(socket_.get(), into.data(), into.size(), 0);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return closed(std::strerror(errno));
    PENSTOCK_TRY(wait(POLLIN, deadline));
  }
}

Result<size_t> TcpStream::read_tls(std::span<char> into, int64_t deadline) {
  for (;;) {
    size_t count = 0;
    const int result = SSL_read_ex(tls_.get(), into.data(), into.size(), &count);
    if (result == 1) return count;
    if (SSL_get_error(tls_.get(), result) == SSL_ERROR_ZERO_RETURN) return size_t{0};
    PENSTOCK_TRY(wait_for_tls(result, deadline));
  }
}

Status TcpStream::wait_for_tls(int result, int64_t deadline) {
  const int system = errno;
  const int what = SSL_get_error(tls_.get(), result);
  if (what == SSL_ERROR_WANT_READ) return wait(POLLIN, deadline);
  if (what == SSL_ERROR_WANT_WRITE) return wait(POLLOUT, deadline);
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  if (what == SSL_ERROR_SYSCALL && system != 0) return closed(std::strerror(system));
  return closed(reason != nullptr ? reason : "end of file");
}

Status TcpStream::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    PENSTOCK_TRY(const size_t count, write_some(bytes));
    bytes.remove_prefix(count);
  }
  return ok();
}

Result<size_t> TcpStream::write_some(std::string_view bytes) {
  for (;;) {
    if (shut_down_.load()) return closed("");
    if (tls_) {
      size_t count = 0;
      const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &count);
      if (result == 1) return count;
      PENSTOCK_TRY(wait_for_tls(result, kNever));
      continue;
    }
    const ssize_t count = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return closed(std::strerror(errno));
    PENSTOCK_TRY(wait(POLLOUT, kNever));
  }
}

Status TcpStream::start_tls(const TlsContext& context, runtime::Duration timeout) {
  const int64_t deadline = deadline_after(timeout);
  tls_.reset(SSL_new(context.context_));
  if (!tls_ || SSL_set_fd(tls_.get(), socket_.get()) != 1) return error(Code::OutOfMemory, "no memory for a TLS session");
  for (;;) {
    const int result = SSL_accept(tls_.get());
    if (result == 1) return ok();
    const bool refused = SSL_get_error(tls_.get(), result) == SSL_ERROR_SSL;
    const Status waited = wait_for_tls(result, deadline);
    if (waited.has_error() && refused) return error(Code::Protocol, "no TLS session with {}: {}", peer_, waited.error().message());
    PENSTOCK_TRY(waited);
  }
}

Result<std::unique_ptr<TcpListener>> TcpListener::listen(std::string_view address) {
  PENSTOCK_TRY(const auto addresses, resolve(address, AI_PASSIVE));
  int failed = EADDRNOTAVAIL;
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    FileDescriptor socket = make_socket(*at);
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);  // a port whose last owner died is free
    if (socket.get() < 0 || bind(socket.get(), at->ai_addr, at->ai_addrlen) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
      failed = errno;
      continue;
    }
    std::string name = local_name(socket.get());
    FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wake.get() < 0) return error(Code::Io, "cannot listen on {}: {}", address, std::strerror(errno));
    return std::unique_ptr<TcpListener>(new TcpListener(std::move(socket), std::move(wake), std::move(name)));
  }
  const Error e =
      error(Code::Io, "cannot listen on {}: {}", address, failed == EADDRINUSE ? "the address is in use" : std::strerror(failed));
  return failed == EADDRINUSE ? e.with_hint("stop the other process or choose another port") : e;
}

Result<std::unique_ptr<TcpStream>> TcpListener::accept() {
  for (;;) {
    std::array<pollfd, 2> polled{{{wake_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}}};
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return error(Code::Io, "poll failed: {}", std::strerror(errno));
    if (polled[0].revents != 0) return error(Code::Closed, "{} is not listened on any more", address_);
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    FileDescriptor socket(accept4(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      tune(socket.get());
      return std::make_unique<TcpStream>(std::move(socket), name_of(storage, size));
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      const std::string reason = std::strerror(errno);
      constexpr int kPauseMs = 100;  // the connection stays in the queue, so without a pause the caller would spin
      static_cast<void>(poll(polled.data(), 1, kPauseMs));
      return error(Code::TooManyConnections, "cannot accept a connection on {}: {}", address_, reason);
    }
    // Everything else concerns a connection that is gone already.
  }
}

void TcpListener::close() {
  const uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

}  // namespace penstock::rpc
