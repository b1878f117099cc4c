#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "frontend/meta_client.h"
#include "frontend/pgwire/connection.h"
#include "http/monitor.h"
#include "rpc/tcp.h"

namespace penstock::frontend {

/// UPDATE and DELETE of one table run one after another: each reads what the one before it committed. Thread-safe.
class TableLocks {
 public:
  /// Not locked yet.
  [[nodiscard]] std::unique_lock<std::mutex> of(ObjectId table) {
    const std::lock_guard guard(mutex_);
    auto& slot = locks_[table];
    if (!slot) slot = std::make_unique<std::mutex>();
    return std::unique_lock(*slot, std::defer_lock);
  }

 private:
  std::mutex mutex_;
  std::map<ObjectId, std::unique_ptr<std::mutex>> locks_;  // never removed: ids of tables are never used again
};

/// What every session of a frontend shares; outlives them.
struct SessionServices {
  runtime::Runtime& runtime;
  runtime::Executor& loop;  // serial: takes in what computes send
  rpc::Transport& transport;
  MetaClient& meta;
  TableLocks& table_locks;
};

/// A frontend: the SQL port, one thread a connection. State is only what meta last told. Stop it before its runtime.
class FrontendNode : public pgwire::ConnectionHost {
 public:
  struct Options {
    std::string sql_listen;  // port 0: any
    std::string meta;
    uint32_t max_connections = 100;
    runtime::Duration login_patience = std::chrono::seconds(60);  // a client that has not logged in by then is cut off
    std::map<std::string, std::string> verifiers;                 // user -> SCRAM verifier; empty: nobody is asked for a password
    std::unique_ptr<rpc::TlsContext> tls;                         // for clients that ask for it; null: they go on in plain text
  };
  /// Errors: `Io` when the address is taken; `InvalidConfig` when it is open to other hosts and no password is set.
  [[nodiscard]] static Result<std::unique_ptr<FrontendNode>> start(Options options, runtime::Runtime& runtime, rpc::Transport& transport);
  ~FrontendNode() override;
  FrontendNode(const FrontendNode&) = delete;
  FrontendNode& operator=(const FrontendNode&) = delete;

  [[nodiscard]] const std::string& sql_address() const { return listener_->address(); }
  /// Its part of the monitor's pages; to be ended before the node is.
  [[nodiscard]] http::MonitoredRole monitored();
  /// No new connections; those there are end, their statements cancelled. Threads end soon after.
  void stop();

  Result<Login> login(const std::map<std::string, std::string>& startup) override;
  Result<std::optional<std::string>> verifier(const std::string& user) override;
  void random_bytes(std::span<char> out) override { runtime_.random_bytes(out.data(), out.size()); }
  std::pair<uint32_t, uint32_t> register_session(SqlSession& session) override;
  void unregister_session(uint32_t process) override;
  void cancel(uint32_t process, uint32_t secret) override;

 private:
  FrontendNode(Options options, runtime::Runtime& runtime, rpc::Transport& transport);
  void accept_connections();
  void serve(const std::shared_ptr<rpc::TcpStream>& stream);

  const Options options_;
  runtime::Runtime& runtime_;
  const std::unique_ptr<runtime::Executor> loop_;
  MetaClient meta_;
  TableLocks table_locks_;
  const SessionServices services_;
  std::unique_ptr<rpc::TcpListener> listener_;

  struct Registered {
    SqlSession* session;
    uint32_t secret;
  };
  std::mutex mutex_;  // guards what follows
  bool stopping_ = false;
  uint32_t next_process_ = 1;
  std::map<uint32_t, Registered> sessions_;
  std::set<std::shared_ptr<rpc::TcpStream>> streams_;  // shared with the threads that serve them
};

}  // namespace penstock::frontend
