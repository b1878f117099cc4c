#include "rpc/tcp.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <latch>

#include "rpc/address.h"
#include "runtime/threaded_runtime.h"

namespace penstock::rpc {
namespace {

using namespace std::chrono_literals;

TEST(Address, reads_hosts_names_and_ipv6) {
  EXPECT_EQ(Address::parse("127.0.0.1:4566").value().to_string(), "127.0.0.1:4566");
  EXPECT_EQ(Address::parse("localhost:0").value().host, "localhost");
  EXPECT_EQ(Address::parse("[::1]:65535").value().host, "::1");
  EXPECT_EQ(Address::parse("[::1]:65535").value().to_string(), "[::1]:65535");
}

TEST(Address, refuses_everything_else) {
  for (const char* text : {"", ":", "localhost", "localhost:", ":4566", "::1:4566", "a:65536", "a:-1", "a:4566x", "a: 1", "[]:1"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address.has_error()) << text;
    EXPECT_EQ(address.error().code(), Code::InvalidParameter);
    EXPECT_FALSE(address.error().hint().empty());
  }
}

class TcpTest : public ::testing::Test {
 protected:
  struct Connection {
    std::unique_ptr<TcpStream> client;
    std::unique_ptr<TcpStream> server;
  };
  Connection connect() {
    auto client = TcpStream::connect(listener_->address(), 20s).value();
    return {std::move(client), listener_->accept().value()};
  }
  static std::string read_exactly(TcpStream& stream, size_t size) {
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < size) {
      const auto count = stream.read_some(std::span(bytes).subspan(done), 20s);
      if (count.has_error() || count.value() == 0) break;
      done += count.value();
    }
    bytes.resize(done);
    return bytes;
  }

  std::unique_ptr<TcpListener> listener_ = TcpListener::listen("127.0.0.1:0").value();
  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime({.pool_threads = 1});
};

TEST_F(TcpTest, carries_bytes_both_ways_and_ends_in_good_order) {
  auto [client, server] = connect();
  EXPECT_TRUE(client->write_all("hello").has_value());
  EXPECT_EQ(read_exactly(*server, 5), "hello");
  EXPECT_TRUE(server->write_all("hi").has_value());
  EXPECT_EQ(read_exactly(*client, 2), "hi");
  client.reset();
  std::array<char, 8> rest{};
  EXPECT_EQ(server->read_some(rest, 20s).value(), 0U);
  EXPECT_TRUE(server->peer().starts_with("127.0.0.1:"));
}

TEST_F(TcpTest, large_writes_wait_for_a_slow_reader) {
  auto [client, server] = connect();
  const std::string bytes(32U << 20U, 'x');
  runtime_->spawn_thread("writer", [&, &server = server] { EXPECT_TRUE(server->write_all(bytes).has_value()); });
  EXPECT_EQ(read_exactly(*client, bytes.size()), bytes);
  runtime_->stop();
}

TEST_F(TcpTest, read_times_out) {
  auto [client, server] = connect();
  std::array<char, 8> into{};
  const auto start = runtime_->now();
  EXPECT_EQ(server->read_some(into, 20ms).error().code(), Code::Timeout);
  EXPECT_GE(runtime_->now() - start, 20ms);
  EXPECT_EQ(server->read_some(into, 0ms).error().code(), Code::Timeout);
}

TEST_F(TcpTest, shutdown_unblocks_a_reader_and_a_writer) {
  for (const bool writing : {false, true}) {
    auto [client, server] = connect();
    std::latch waiting(1);
    std::optional<Code> code;
    auto session = runtime::make_threaded_runtime({.pool_threads = 1});
    session->spawn_thread("session", [&, &server = server] {
      std::array<char, 8> into{};
      waiting.count_down();
      code = writing ? server->write_all(std::string(64U << 20U, 'x')).error().code() : server->read_some(into).error().code();
    });
    waiting.wait();
    server->shutdown();
    session->stop();
    EXPECT_EQ(code, Code::Closed);
    EXPECT_EQ(server->write_all("x").error().code(), Code::Closed);
    std::array<char, 8> into{};
    EXPECT_EQ(server->read_some(into).error().code(), Code::Closed);
  }
}

TEST_F(TcpTest, writing_to_a_peer_that_is_gone_is_closed_and_no_signal) {
  auto [client, server] = connect();
  client.reset();
  Status status = ok();
  for (int i = 0; i < 1000 && status.has_value(); ++i) status = server->write_all(std::string(64U << 10U, 'x'));
  EXPECT_EQ(status.error().code(), Code::Closed);
}

TEST_F(TcpTest, close_unblocks_accept_and_frees_the_port_at_the_end) {
  const std::string address = listener_->address();
  std::optional<Code> code;
  runtime_->spawn_thread("accept", [&] { code = listener_->accept().error().code(); });
  listener_->close();
  runtime_->stop();
  EXPECT_EQ(code, Code::Closed);
  EXPECT_EQ(listener_->accept().error().code(), Code::Closed);
  listener_.reset();
  EXPECT_EQ(TcpListener::listen(address).value()->address(), address);
}

TEST_F(TcpTest, address_in_use_is_an_error_that_names_it) {
  const auto second = TcpListener::listen(listener_->address());
  EXPECT_EQ(second.error().code(), Code::Io);
  EXPECT_EQ(second.error().message(), fmt::format("cannot listen on {}: the address is in use", listener_->address()));
}

TEST_F(TcpTest, address_of_no_host_is_an_error_that_names_it) {
  EXPECT_EQ(TcpListener::listen("no.such.host.invalid:1").error().code(), Code::InvalidParameter);
  const auto foreign = TcpListener::listen("192.0.2.1:0");
  EXPECT_EQ(foreign.error().code(), Code::Io);
  EXPECT_NE(foreign.error().message().find("192.0.2.1:0"), std::string::npos);
}

TEST_F(TcpTest, connecting_where_nobody_listens_is_unavailable) {
  const std::string address = listener_->address();
  listener_.reset();
  const auto stream = TcpStream::connect(address, 20s);
  EXPECT_EQ(stream.error().code(), Code::Unavailable);
  EXPECT_NE(stream.error().message().find(address), std::string::npos);
}

TEST_F(TcpTest, listens_on_ipv6_as_well) {
  auto listener = TcpListener::listen("[::1]:0");
  if (listener.has_error()) GTEST_SKIP() << "no IPv6 here: " << listener.error().to_string();
  EXPECT_TRUE(listener.value()->address().starts_with("[::1]:"));
  auto client = TcpStream::connect(listener.value()->address(), 20s).value();
  auto server = listener.value()->accept().value();
  EXPECT_TRUE(server->write_all("six").has_value());
  EXPECT_EQ(read_exactly(*client, 3), "six");
  EXPECT_TRUE(server->peer().starts_with("[::1]:"));
}

TEST_F(TcpTest, process_without_descriptors_says_so_and_goes_on_later) {
  auto client = TcpStream::connect(listener_->address(), 20s).value();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  const auto refused = listener_->accept();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(refused.error().code(), Code::TooManyConnections);
  EXPECT_TRUE(listener_->accept().has_value());
}

// A self-signed certificate and its key in a folder of their own.
class TlsTest : public TcpTest {
 protected:
  TlsTest() {
    std::filesystem::create_directories(folder_);
    EVP_PKEY* key = EVP_RSA_gen(2048);
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    auto* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    write(certificate_file_, [&](FILE* file) { PEM_write_X509(file, certificate); });
    write(key_file_, [&](FILE* file) { PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~TlsTest() override { std::filesystem::remove_all(folder_); }

  template <typename Body>
  static void write(const std::string& path, Body body) {
    FILE* file = fopen(path.c_str(), "w");
    body(file);
    fclose(file);
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / fmt::format("penstock-tls-{}", getpid());
  std::string certificate_file_ = folder_ / "cert.pem";
  std::string key_file_ = folder_ / "key.pem";
};

// The other side of start_tls, over a socket of its own.
std::string talk_tls(const std::string& address, const std::string& say, size_t expect) {
  const auto parsed = Address::parse(address).value();
  BIO* bio = BIO_new_connect(address.c_str());
  EXPECT_EQ(BIO_do_connect(bio), 1) << parsed.port;
  EXPECT_EQ(BIO_write(bio, "S", 1), 1);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* tls = SSL_new(context);
  SSL_set_bio(tls, bio, bio);
  EXPECT_EQ(SSL_connect(tls), 1);
  size_t written = 0;
  EXPECT_EQ(SSL_write_ex(tls, say.data(), say.size(), &written), 1);
  std::string answer(expect, '\0');
  size_t done = 0;
  while (done < expect) {
    size_t count = 0;
    if (SSL_read_ex(tls, answer.data() + done, expect - done, &count) != 1) break;
    done += count;
  }
  SSL_shutdown(tls);
  SSL_free(tls);
  SSL_CTX_free(context);
  return answer.substr(0, done);
}

TEST_F(TlsTest, connection_goes_on_encrypted_after_start_tls) {
  const auto context = TlsContext::load(certificate_file_, key_file_).value();
  const std::string big(3U << 20U, 'y');
  std::string answer;
  runtime_->spawn_thread("client", [&] { answer = talk_tls(listener_->address(), "over tls", big.size()); });
  const auto server = listener_->accept().value();
  EXPECT_EQ(read_exactly(*server, 1), "S");
  ASSERT_TRUE(server->start_tls(*context, 20s).has_value());
  EXPECT_TRUE(server->is_encrypted());
  EXPECT_EQ(read_exactly(*server, 8), "over tls");
  EXPECT_TRUE(server->write_all(big).has_value());
  std::array<char, 8> rest{};
  EXPECT_EQ(server->read_some(rest, 20s).value(), 0U);
  runtime_->stop();
  EXPECT_EQ(answer, big);
}

TEST_F(TlsTest, peer_that_talks_no_tls_is_refused) {
  const auto context = TlsContext::load(certificate_file_, key_file_).value();
  auto [client, server] = connect();
  EXPECT_TRUE(client->write_all("GET / HTTP/1.1\r\n\r\n and so on").has_value());
  EXPECT_EQ(server->start_tls(*context, 20s).error().code(), Code::Protocol);
}

TEST_F(TlsTest, silent_peer_is_not_waited_for_for_ever) {
  const auto context = TlsContext::load(certificate_file_, key_file_).value();
  auto [client, server] = connect();
  EXPECT_EQ(server->start_tls(*context, 20ms).error().code(), Code::Timeout);
}

TEST_F(TlsTest, files_that_cannot_be_used_are_named) {
  const auto missing = TlsContext::load("/no/such/cert.pem", key_file_);
  EXPECT_EQ(missing.error().code(), Code::InvalidConfig);
  EXPECT_NE(missing.error().message().find("/no/such/cert.pem"), std::string::npos);
  const auto wrong = TlsContext::load(certificate_file_, certificate_file_);
  EXPECT_EQ(wrong.error().code(), Code::InvalidConfig);
  EXPECT_NE(wrong.error().message().find(certificate_file_), std::string::npos);
}

}  // namespace
}  // namespace penstock::rpc
