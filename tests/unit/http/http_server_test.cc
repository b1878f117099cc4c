#include "http/http_server.h"

#include <gtest/gtest.h>

#include "rpc/tcp.h"
#include "runtime/random.h"
#include "runtime/threaded_runtime.h"

namespace penstock::http {
namespace {

using namespace std::chrono_literals;

class HttpServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<rpc::TcpStream> connect() { return rpc::TcpStream::connect(server_->address(), 20s).value(); }

  // Everything the server says until it closes, or `until` has come.
  static std::string read(rpc::TcpStream& stream, std::string_view until = "") {
    std::string all;
    std::array<char, 4096> buffer{};
    while (until.empty() || all.find(until) == std::string::npos) {
      const auto count = stream.read_some(buffer, 20s);
      if (count.has_error() || count.value() == 0) break;
      all.append(buffer.data(), count.value());
    }
    return all;
  }
  std::string ask(std::string_view request) {
    const auto stream = connect();
    static_cast<void>(stream->write_all(request));
    return read(*stream);
  }
  static std::string status_line(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime({.pool_threads = 1});
  std::unique_ptr<Server> server_ = Server::start(*runtime_, "127.0.0.1:0", [](std::string_view path) -> Response {
                                      if (path == "/metrics") return {200, "text/plain; version=0.0.4", "rows_total 7\n"};
                                      if (path == "/big") return {200, "text/plain", std::string(5U << 20U, 'b')};
                                      if (path == "/empty") return {503, "text/plain", ""};
                                      return {404, "text/plain", fmt::format("no {}\n", path)};
                                    }).value();
};

TEST_F(HttpServerTest, answers_with_what_the_handler_says) {
  const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Content-Length: 13\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nrows_total 7\n"));
}

TEST_F(HttpServerTest, passes_the_path_without_its_query) {
  const std::string answer = ask("GET /a/b%20c?x=/metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 404 Not Found");
  EXPECT_TRUE(answer.ends_with("no /a/b%20c\n"));
}

TEST_F(HttpServerTest, serves_several_requests_on_one_connection) {
  const auto stream = connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->write_all("GET /metrics HTTP/1.1\r\n\r\n").has_value());
    EXPECT_EQ(status_line(read(*stream, "rows_total 7\n")), "HTTP/1.1 200 OK");
  }
  ASSERT_TRUE(stream->write_all("GET /empty HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n").has_value());
  const std::string both = read(*stream);
  EXPECT_TRUE(both.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(both.ends_with("rows_total 7\n"));
}

TEST_F(HttpServerTest, closes_after_http_1_0) { EXPECT_TRUE(ask("GET /metrics HTTP/1.0\r\n\r\n").ends_with("rows_total 7\n")); }

TEST_F(HttpServerTest, head_says_how_much_get_would_send) {
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 13\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, large_answers_come_whole) {
  const std::string answer = ask("GET /big HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 5U << 20U);
}

TEST_F(HttpServerTest, refuses_other_methods) {
  const std::string answer = ask("DELETE /metrics HTTP/1.1\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, refuses_bodies) {
  EXPECT_EQ(status_line(ask("POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n")), "HTTP/1.1 413 Payload Too Large");
}

TEST_F(HttpServerTest, refuses_headers_without_end) {
  EXPECT_EQ(status_line(ask("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x'))), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_F(HttpServerTest, random_bytes_harm_nobody) {
  runtime::SplitMix random(4);
  for (int i = 0; i < 100; ++i) {
    std::string bytes(1 + random.below(2'000), '\0');
    for (char& c : bytes) c = static_cast<char>(random.next());
    const auto stream = connect();
    static_cast<void>(stream->write_all(bytes));
  }
  EXPECT_EQ(status_line(ask("nonsense\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_line(ask("GET /metrics HTTP/1.0\r\n\r\n")), "HTTP/1.0 200 OK");
}

TEST_F(HttpServerTest, more_connections_than_it_takes_are_closed_and_the_rest_served) {
  std::vector<std::unique_ptr<rpc::TcpStream>> held;
  for (int i = 0; i < 64; ++i) {
    held.push_back(connect());
    ASSERT_TRUE(held.back()->write_all("GET /metrics HTTP/1.1\r\n\r\n").has_value());
    EXPECT_FALSE(read(*held.back(), "rows_total 7\n").empty());
  }
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\n\r\n"), "");
  ASSERT_TRUE(held.front()->write_all("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n").has_value());
  EXPECT_FALSE(read(*held.front()).empty());
  held.erase(held.begin());
  // The server learns of the closed one by reading its end.
  const auto waiter = runtime_->make_waiter();
  for (int i = 0; i < 1000 && ask("GET /metrics HTTP/1.0\r\n\r\n").empty(); ++i) static_cast<void>(waiter->wait_for(1ms));
  EXPECT_FALSE(ask("GET /metrics HTTP/1.0\r\n\r\n").empty());
}

TEST_F(HttpServerTest, ends_with_connections_open_and_frees_its_port) {
  const std::string address = server_->address();
  const auto idle = connect();
  const auto half = connect();
  ASSERT_TRUE(half->write_all("GET /metr").has_value());
  server_.reset();
  server_ = Server::start(*runtime_, address, [](std::string_view) { return Response{}; }).value();
  EXPECT_EQ(server_->address(), address);
}

TEST_F(HttpServerTest, address_in_use_is_an_error_that_names_it) {
  const auto second = Server::start(*runtime_, server_->address(), [](std::string_view) { return Response{}; });
  EXPECT_EQ(second.error().code(), Code::Io);
  EXPECT_EQ(second.error().message(), fmt::format("cannot listen on {}: the address is in use", server_->address()));
  EXPECT_EQ(Server::start(*runtime_, "nonsense", [](std::string_view) { return Response{}; }).error().code(), Code::InvalidParameter);
}

}  // namespace
}  // namespace penstock::http
