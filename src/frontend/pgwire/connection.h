#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "frontend/pgwire/messages.h"

namespace penstock::frontend::pgwire {

/// The client's bytes, blocking. Implemented over rpc::TcpStream, and by tests.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// At least one byte, or 0 at the end.
  [[nodiscard]] virtual Result<size_t> read_some(std::span<char> out) = 0;
  virtual Status write_all(std::string_view bytes) = 0;
  /// From here on the client may be silent as long as it likes.
  virtual void logged_in() {}
  /// Whether `encrypt` may be called: once, when the client asks for TLS and has been told yes.
  [[nodiscard]] virtual bool can_encrypt() const { return false; }
  virtual Status encrypt() { return error(Code::NotSupported, "no TLS here"); }
};

/// What a connection needs of its server. Thread-safe.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  struct Login {
    std::unique_ptr<SqlSession> session;
    std::map<std::string, std::string> parameters;  // told the client: server_version, TimeZone, …
  };
  /// Errors: `UndefinedDatabase`, `TooManyConnections`, `Unavailable`, ….
  [[nodiscard]] virtual Result<Login> login(const std::map<std::string, std::string>& startup) = 0;
  /// The stored SCRAM verifier of `user`; nullopt: no password is asked for.
  /// Errors: `AuthenticationFailed` for an unknown user.
  [[nodiscard]] virtual Result<std::optional<std::string>> verifier(const std::string& user) = 0;
  virtual void random_bytes(std::span<char> out) = 0;
  /// A session can be cancelled by (process, secret) while it is registered.
  virtual std::pair<uint32_t, uint32_t> register_session(SqlSession& session) = 0;
  virtual void unregister_session(uint32_t process) = 0;
  virtual void cancel(uint32_t process, uint32_t secret) = 0;
};

/// One client from its first byte to its last: start-up, authentication, simple and extended protocol. Owned by one thread, which `run`
/// blocks. Never ends the process, whatever the client sends.
class Connection {
 public:
  Connection(ByteStream& stream, ConnectionHost& host) : stream_(stream), host_(host) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Returns when the client is gone. Errors: why it ended early (for the log).
  Status run();

 private:
  struct Portal {
    std::shared_ptr<const PreparedStatement> statement;  // shared with the named statement, which may be closed before the portal
    std::vector<std::optional<std::string>> parameters;
    std::vector<uint16_t> formats;
    // Of an Execute with a limit of rows: what was not sent yet.
    std::vector<data::DataChunk> waiting;
    size_t next_row = 0;
    std::string tag;
    bool ran = false;
  };
  class StreamingSink;

  [[nodiscard]] Result<bool> start_up();  // false: nothing more to do (a cancel request)
  Status authenticate(const std::string& user);
  Status log_in(const Startup& startup);
  [[nodiscard]] Result<std::string> read_body(size_t limit);
  [[nodiscard]] Result<std::optional<ClientMessage>> read_message();
  Status fill(size_t bytes);
  Status flush();

  Status handle(ClientMessage message);
  Status simple_query(const std::string& sql);
  Status run_statement(const ParsedStatement& statement);
  [[nodiscard]] Result<std::string> copy_in(const PreparedStatement& statement);
  Status extended(const ClientMessage& message);
  Status on_parse(const Parse& message);
  Status on_bind(const Bind& message);
  Status on_describe(const Describe& message);
  Status on_execute(const Execute& message);
  void on_close(const Close& message);
  Status deallocate(const std::optional<std::string>& name);
  Status send_waiting(Portal& portal, uint32_t max_rows);
  void fail(const Error& error);
  void send_notices();

  ByteStream& stream_;
  ConnectionHost& host_;
  std::unique_ptr<SqlSession> session_;
  uint32_t process_ = 0;
  std::string input_;
  size_t input_used_ = 0;
  Writer out_;
  std::map<std::string, std::shared_ptr<const PreparedStatement>> statements_;  // shared with portals made of them; null: an empty query
  std::map<std::string, Portal> portals_;
  bool skip_until_sync_ = false;
  bool terminated_ = false;
};

}  // namespace penstock::frontend::pgwire
