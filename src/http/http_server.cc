#include "http/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <latch>

#include "rpc/address.h"

namespace penstock::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr uint32_t kMaxHeaderBytes = 8 * 1024;
constexpr size_t kReadBuffer = size_t{16} << 10U;
constexpr size_t kMaxConnections = 64;
constexpr auto kMaxSilence = std::chrono::seconds(30);
constexpr auto kPauseWithoutDescriptors = std::chrono::milliseconds(100);

using Request = beast::http::request<beast::http::empty_body>;
using Message = beast::http::response<beast::http::string_body>;

Message to_message(Response response, unsigned version, bool keep_alive) {
  Message message(static_cast<beast::http::status>(response.status), version);
  message.set(beast::http::field::content_type, response.content_type);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

Message answer(const Request& request, Handler& handler) {
  const auto method = request.method();
  if (method != beast::http::verb::get && method != beast::http::verb::head) {
    auto message = to_message({405, "text/plain", "only GET is served here\n"}, request.version(), false);
    message.set(beast::http::field::allow, "GET, HEAD");
    return message;
  }
  const std::string_view target(request.target().data(), request.target().size());
  return to_message(handler(target.substr(0, target.find('?'))), request.version(), request.keep_alive());
}

Message refusal(error_code failed) {
  constexpr unsigned kHttp11 = 11;
  if (failed == beast::http::error::header_limit) {
    return to_message({431, "text/plain", "the header is too large\n"}, kHttp11, false);
  }
  if (failed == beast::http::error::body_limit) return to_message({413, "text/plain", "no body is taken here\n"}, kHttp11, false);
  return to_message({400, "text/plain", "this is no HTTP request\n"}, kHttp11, false);
}

}  // namespace

class Server::Impl {
 public:
  Impl(Handler handler, tcp::acceptor acceptor, std::unique_ptr<asio::io_context> io, std::string address)
      : handler_(std::move(handler)), io_(std::move(io)), acceptor_(std::move(acceptor)), address_(std::move(address)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    io_->stop();
    ended_.wait();
  }

  void start(runtime::Runtime& runtime) {
    accept();
    runtime.spawn_thread("http", [this] {
      io_->run();
      ended_.count_down();
    });
  }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  class Session;

  void accept();

  Handler handler_;
  size_t connections_ = 0;
  const std::unique_ptr<asio::io_context> io_;  // ends before the above, and its sessions with it
  tcp::acceptor acceptor_;
  asio::steady_timer pause_{*io_};
  const std::string address_;
  std::latch ended_{1};
};

// Shared by its pending operations, and ends with the last of them.
class Server::Impl::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Impl& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) { ++server_.connections_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { --server_.connections_; }

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(0);
    stream_.expires_after(kMaxSilence);
    beast::http::async_read(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code failed, size_t) { self->on_request(failed); });
  }

 private:
  void on_request(error_code failed) {
    if (!failed) {
      const bool head = parser_->get().method() == beast::http::verb::head;
      return write(answer(parser_->get(), server_.handler_), head);
    }
    // What HTTP itself complains about is answered; a peer that is gone or silent is not.
    if (failed.category() == beast::http::make_error_code(beast::http::error::bad_method).category() &&
        failed != beast::http::error::end_of_stream && failed != beast::http::error::partial_message) {
      write(refusal(failed), false);
    }
  }

  void write(Message message, bool head) {
    message_ = std::move(message);
    serializer_.emplace(message_);
    serializer_->split(head);
    stream_.expires_after(kMaxSilence);
    auto written = [self = shared_from_this()](error_code failed, size_t) { self->on_written(failed); };
    if (head) {
      beast::http::async_write_header(stream_, *serializer_, std::move(written));
    } else {
      beast::http::async_write(stream_, *serializer_, std::move(written));
    }
  }

  void on_written(error_code failed) {
    if (failed) return;
    if (message_.keep_alive()) return read();
    error_code ignored;
    ignored = stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  Impl& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kReadBuffer};
  std::optional<beast::http::request_parser<beast::http::empty_body>> parser_;
  Message message_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
};

void Server::Impl::accept() {
  acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
    if (failed == asio::error::operation_aborted) return;
    if (failed) {
      // No descriptor is left: the connection stays in the queue, so without a pause this would spin.
      pause_.expires_after(kPauseWithoutDescriptors);
      pause_.async_wait([this](error_code stopped) {
        if (!stopped) accept();
      });
      return;
    }
    if (connections_ < kMaxConnections) std::make_shared<Session>(*this, std::move(socket))->read();
    accept();
  });
}

Result<std::unique_ptr<Server>> Server::start(runtime::Runtime& runtime, std::string_view address, Handler handler) {
  PENSTOCK_TRY(auto wanted, rpc::Address::parse(address));
  auto io = std::make_unique<asio::io_context>(1);
  error_code failed;
  const auto endpoints = tcp::resolver(*io).resolve(wanted.host, std::to_string(wanted.port), tcp::resolver::passive, failed);
  if (failed) return error(Code::InvalidParameter, "cannot resolve {}: {}", address, failed.message());
  const tcp::endpoint endpoint = endpoints.begin()->endpoint();
  tcp::acceptor acceptor(*io);
  try {
    acceptor = tcp::acceptor(*io, endpoint, true);
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::address_in_use) return error(Code::Io, "cannot listen on {}: {}", address, e.code().message());
    return error(Code::Io, "cannot listen on {}: the address is in use", address)
        .with_hint("stop the other process or choose another port");
  }
  wanted.port = acceptor.local_endpoint().port();
  auto impl = std::make_unique<Impl>(std::move(handler), std::move(acceptor), std::move(io), wanted.to_string());
  impl->start(runtime);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
const std::string& Server::address() const { return impl_->address(); }

}  // namespace penstock::http
