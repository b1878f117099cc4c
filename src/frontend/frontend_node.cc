#include "frontend/frontend_node.h"

#include "common/log.h"
#include "common/version.h"
#include "frontend/catalog_view.h"
#include "frontend/session.h"

namespace penstock::frontend {
namespace {

constexpr runtime::Duration kWaitForMeta = std::chrono::seconds(10);
constexpr runtime::Duration kTlsPatience = std::chrono::seconds(10);
constexpr size_t kStrangers = 300;  // connections beyond the sessions: each has a thread until it logs in or its patience is over

class TcpBytes : public pgwire::ByteStream {
 public:
  TcpBytes(rpc::TcpStream& stream, const rpc::TlsContext* tls, const runtime::Runtime& runtime, runtime::Duration patience)
      : stream_(stream), tls_(tls), runtime_(runtime), log_in_by_(runtime.now() + patience) {}
  Result<size_t> read_some(std::span<char> out) override {
    if (!log_in_by_) return stream_.read_some(out);
    return stream_.read_some(out, std::max(*log_in_by_ - runtime_.now(), runtime::Duration::zero()));
  }
  void logged_in() override { log_in_by_.reset(); }
  Status write_all(std::string_view bytes) override { return stream_.write_all(bytes); }
  bool can_encrypt() const override { return tls_ != nullptr && !stream_.is_encrypted(); }
  Status encrypt() override { return stream_.start_tls(*tls_, kTlsPatience); }

 private:
  rpc::TcpStream& stream_;
  const rpc::TlsContext* const tls_;
  const runtime::Runtime& runtime_;
  std::optional<runtime::TimePoint> log_in_by_;
};

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("localhost:") || address.starts_with("[::1]");
}

}  // namespace

Result<std::unique_ptr<FrontendNode>> FrontendNode::start(Options options, runtime::Runtime& runtime, rpc::Transport& transport) {
  if (!is_loopback(options.sql_listen) && options.verifiers.empty()) {
    return error(Code::InvalidConfig, "{} is open to other hosts, but no password is set", options.sql_listen)
        .with_hint("Listen on 127.0.0.1, or give --password-file.");
  }
  std::unique_ptr<FrontendNode> node(new FrontendNode(std::move(options), runtime, transport));
  PENSTOCK_TRY(node->listener_, rpc::TcpListener::listen(node->options_.sql_listen));
  runtime.spawn_thread("sql-accept", [raw = node.get()] { raw->accept_connections(); });
  return node;
}

FrontendNode::FrontendNode(Options options, runtime::Runtime& runtime, rpc::Transport& transport)
    : options_(std::move(options)),
      runtime_(runtime),
      loop_(runtime.make_serial("frontend", false)),
      meta_(runtime, transport, options_.meta),
      services_{runtime, *loop_, transport, meta_, table_locks_} {}

FrontendNode::~FrontendNode() = default;

void FrontendNode::accept_connections() {
  for (;;) {
    auto accepted = listener_->accept();
    if (accepted.has_error()) {
      if (accepted.error().code() == Code::Closed) return;
      continue;
    }
    const std::shared_ptr<rpc::TcpStream> stream = std::move(accepted).value();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (streams_.size() >= options_.max_connections + kStrangers) {
        log::debug("frontend", "connection from {} is refused: {} are open", stream->peer(), streams_.size());
        continue;
      }
      streams_.insert(stream);
    }
    runtime_.spawn_thread("sql-session", [this, stream] { serve(stream); });
  }
}

void FrontendNode::serve(const std::shared_ptr<rpc::TcpStream>& stream) {
  {
    TcpBytes bytes(*stream, options_.tls.get(), runtime_, options_.login_patience);
    pgwire::Connection connection(bytes, *this);
    if (const Status ended = connection.run(); ended.has_error() && ended.error().code() != Code::Closed) {
      log::debug("frontend", "connection from {} ended: {}", stream->peer(), ended.error());
    }
  }
  stream->shutdown();
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void FrontendNode::stop() {
  listener_->close();
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  for (const auto& [process, registered] : sessions_) registered.session->cancel();
  for (const auto& stream : streams_) stream->shutdown();
}

Result<pgwire::ConnectionHost::Login> FrontendNode::login(const std::map<std::string, std::string>& startup) {
  {
    const std::lock_guard lock(mutex_);
    if (sessions_.size() >= options_.max_connections) {
      return error(Code::TooManyConnections, "sorry, too many clients already ({})", sessions_.size());
    }
  }
  auto view = meta_.wait([](const MetaView&) { return true; }, kWaitForMeta, nullptr, "meta");
  if (view.has_error()) return error(Code::Unavailable, "meta at {} does not answer", meta_.address());
  const std::string& user = startup.at("user");
  const auto named = startup.find("database");
  const std::string database = named == startup.end() ? user : named->second;
  PENSTOCK_TRY(const DatabaseId id, find_database(*view.value(), database));
  Login login;
  login.session = make_session(services_, {.database = database, .database_id = id, .user = user});
  login.parameters = {{"server_version", fmt::format("15.0 (Penstock {})", kVersion)},
                      {"server_encoding", "UTF8"},
                      {"client_encoding", "UTF8"},
                      {"DateStyle", "ISO, MDY"},
                      {"IntervalStyle", "postgres"},
                      {"TimeZone", "UTC"},
                      {"integer_datetimes", "on"},
                      {"standard_conforming_strings", "on"},
                      {"is_superuser", "on"},
                      {"session_authorization", user}};
  return login;
}

Result<std::optional<std::string>> FrontendNode::verifier(const std::string& user) {
  if (options_.verifiers.empty()) return std::optional<std::string>();
  const auto found = options_.verifiers.find(user);
  if (found == options_.verifiers.end()) return error(Code::AuthenticationFailed, "password authentication failed for user \"{}\"", user);
  return std::optional(found->second);
}

std::pair<uint32_t, uint32_t> FrontendNode::register_session(SqlSession& session) {
  uint32_t secret = 0;
  runtime_.random_bytes(&secret, sizeof(secret));
  const std::lock_guard lock(mutex_);
  const uint32_t process = next_process_++;
  sessions_[process] = {&session, secret};
  if (stopping_) session.cancel();
  return {process, secret};
}

void FrontendNode::unregister_session(uint32_t process) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(process);
}

void FrontendNode::cancel(uint32_t process, uint32_t secret) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(process);
  if (found != sessions_.end() && found->second.secret == secret) found->second.session->cancel();
}

}  // namespace penstock::frontend
