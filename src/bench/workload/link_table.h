#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "rpc/tcp.h"
#include "runtime/runtime.h"

namespace penstock::bench {

/// TCP connections that are led through this process, so that they can be cut and slowed. Each link is a port: what connects to it is
/// connected on to its target. While a link is cut bytes wait on both sides and nobody is told, as behind a cable that is pulled; new
/// connections are accepted and wait as well.
///
/// Thread-safe. The destructor closes every connection and waits for the threads, two a connection.
class LinkTable {
 public:
  explicit LinkTable(runtime::Runtime& runtime) : runtime_(runtime) {}
  LinkTable(const LinkTable&) = delete;
  LinkTable& operator=(const LinkTable&) = delete;
  ~LinkTable();

  /// Nothing when `name` is open. Errors: `Io` when the port cannot be taken.
  Status open(const std::string& name, const std::string& listen, const std::string& target);
  // Errors: `Stale` when it is not open.
  Status set_cut(const std::string& name, bool cut);
  /// Every piece of bytes is held back for so long, in both directions; 0: none.
  Status set_delay(const std::string& name, runtime::Duration delay);
  /// Where `name` listens, with the real port; empty when it is not open.
  [[nodiscard]] std::string address(const std::string& name);

 private:
  struct Link;
  using LinkRef = std::shared_ptr<Link>;  // shared with the link's threads

  void spawn(std::function<void(runtime::Waiter&)> work);
  void accept(const LinkRef& link);
  static void carry(Link& link, rpc::TcpStream& from, rpc::TcpStream& to, runtime::Waiter& waiter);
  Result<LinkRef> find(const std::string& name);

  runtime::Runtime& runtime_;
  std::atomic<int> threads_{0};
  Mutex mutex_;
  std::map<std::string, LinkRef> links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::bench
