// Encrypted connections, with authorities that are made here and thrown away.
#include "rpc/grpc_tls.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "rpc/grpc_transport.h"
#include "rpc/tcp.h"
#include "unit/rpc/transport_fixture.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PENSTOCK_NO_GRPC_TESTS  // Debian's gRPC is not instrumented
#endif
#endif

#if !defined(PENSTOCK_NO_GRPC_TESTS)
namespace penstock::rpc {
namespace {

/// Two authorities, "ours" and "theirs", each with a certificate for 127.0.0.1; made once.
class Certificates {
 public:
  Certificates() : folder_(::testing::TempDir() + "grpc-tls-test") {
    std::filesystem::create_directories(folder_);
    for (const std::string authority : {"ours", "theirs"}) {
      openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + authority + " -keyout " +
              path(authority + ".key") + " -out " + path(authority + ".pem"));
      openssl("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=node -keyout " + path(authority + "-node.key") +
              " -out " + path("node.csr"));
      std::ofstream(path("names")) << "subjectAltName=IP:127.0.0.1\n";
      openssl("x509 -req -days 2 -in " + path("node.csr") + " -CA " + path(authority + ".pem") + " -CAkey " + path(authority + ".key") +
              " -CAcreateserial -extfile " + path("names") + " -out " + path(authority + "-node.pem"));
    }
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] TlsFiles node(const std::string& authority) const {
    return {path(authority + "-node.pem"), path(authority + "-node.key"), path(authority + ".pem")};
  }

 private:
  static void openssl(const std::string& arguments) {
    const int exit = std::system(("openssl " + arguments + " > /dev/null 2>&1").c_str());
    EXPECT_EQ(exit, 0) << "openssl " << arguments;
  }
  const std::string folder_;
};

class GrpcTlsTest : public ::testing::Test {
 protected:
  static const Certificates& certificates() {
    static const Certificates all;
    return all;
  }
  static GrpcOptions options(const TlsFiles& files) {
    GrpcOptions options{.connect_timeout = 1000ms, .max_reconnect_pause = 100ms};
    auto tls = GrpcTls::load(files);
    EXPECT_TRUE(tls.has_value());
    options.tls = std::move(tls.value());
    return options;
  }
  Result<Bytes> call(const TlsFiles& server, const TlsFiles& client) {
    const auto serving = make_grpc_transport(*runtime_, options(server));
    const auto listener = serving->listen("127.0.0.1:0", service_).value();
    const auto calling = make_grpc_transport(*runtime_, options(client));
    return calling->call_and_wait(*runtime_, listener->address(), "/upper", "secret", 5s);
  }

  std::unique_ptr<runtime::ThreadedRuntime> runtime_ = runtime::make_threaded_runtime({.pool_threads = 2});
  std::shared_ptr<TestService> service_ = std::make_shared<TestService>(*runtime_);
};

TEST_F(GrpcTlsTest, nodes_of_one_authority_talk) {
  EXPECT_EQ(call(certificates().node("ours"), certificates().node("ours")).value(), "SECRET");
}

TEST_F(GrpcTlsTest, a_client_without_a_certificate_is_served_when_no_authority_is_asked_for) {
  TlsFiles server = certificates().node("ours");
  server.authority.clear();
  EXPECT_EQ(call(server, {.certificate = "", .key = "", .authority = certificates().path("ours.pem")}).value(), "SECRET");
}

TEST_F(GrpcTlsTest, strangers_are_not_served) {
  const TlsFiles ours = certificates().node("ours");
  const TlsFiles bare{.certificate = "", .key = "", .authority = ours.authority};
  EXPECT_EQ(call(ours, bare).error().code(), Code::Unavailable) << "no certificate";
  TlsFiles stranger = certificates().node("theirs");
  stranger.authority = ours.authority;
  EXPECT_EQ(call(ours, stranger).error().code(), Code::Unavailable) << "a certificate of somebody else's authority";
  EXPECT_EQ(call(ours, {}).error().code(), Code::Unavailable) << "no encryption";
}

TEST_F(GrpcTlsTest, a_server_of_another_authority_is_not_believed) {
  TlsFiles server = certificates().node("theirs");
  server.authority.clear();
  EXPECT_EQ(call(server, certificates().node("ours")).error().code(), Code::Unavailable);
  EXPECT_EQ(call({}, certificates().node("ours")).error().code(), Code::Unavailable) << "a server without encryption";
}

TEST_F(GrpcTlsTest, a_certificate_must_name_the_host_that_is_called) {
  TlsFiles server = certificates().node("ours");
  const auto serving = make_grpc_transport(*runtime_, options(server));
  const auto listener = serving->listen("127.0.0.1:0", service_).value();
  const auto calling = make_grpc_transport(*runtime_, options(server));
  const std::string port = listener->address().substr(listener->address().rfind(':'));
  EXPECT_EQ(calling->call_and_wait(*runtime_, "localhost" + port, "/upper", "x", 5s).error().code(), Code::Unavailable);
}

TEST_F(GrpcTlsTest, random_bytes_on_an_encrypted_port_harm_nobody) {
  const auto serving = make_grpc_transport(*runtime_, options(certificates().node("ours")));
  const auto listener = serving->listen("127.0.0.1:0", service_).value();
  for (int i = 0; i < 20; ++i) {
    auto stream = TcpStream::connect(listener->address(), 20s).value();
    static_cast<void>(stream->write_all(std::string(static_cast<size_t>(i) * 37, static_cast<char>(i * 11))));
  }
  EXPECT_EQ(serving->call_and_wait(*runtime_, listener->address(), "/upper", "still", 5s).value(), "STILL");
}

TEST_F(GrpcTlsTest, unusable_files_are_named) {
  const TlsFiles good = certificates().node("ours");
  const auto message = [](TlsFiles files) { return GrpcTls::load(files).error().message(); };
  EXPECT_FALSE(GrpcTls::load({}).value().has_value()) << "no file, no encryption";
  EXPECT_EQ(message({.certificate = good.certificate, .key = "", .authority = ""}), "a TLS certificate needs its key as well");
  EXPECT_EQ(message({.certificate = "", .key = good.key, .authority = ""}), "a TLS key needs its certificate as well");
  EXPECT_EQ(message({.certificate = "/none", .key = good.key, .authority = ""}).substr(0, 36), "cannot use the TLS certificate /none");
  EXPECT_NE(message({.certificate = good.certificate, .key = certificates().path("theirs.key"), .authority = ""}).find("theirs.key"),
            std::string::npos)
      << "the key of another certificate";
  EXPECT_NE(message({.certificate = "", .key = "", .authority = certificates().path("names")}).find("the TLS authority"),
            std::string::npos);
  const auto transport = make_grpc_transport(*runtime_, options({.certificate = "", .key = "", .authority = good.authority}));
  EXPECT_EQ(transport->listen("127.0.0.1:0", service_).error().code(), Code::InvalidConfig) << "an authority alone cannot serve";
}

}  // namespace
}  // namespace penstock::rpc
#endif
