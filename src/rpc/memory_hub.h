#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <atomic>
#include <vector>

#include "common/mutex.h"
#include "rpc/transport.h"

namespace penstock::rpc {

class MemoryLink;

/// One incarnation of a node; shared by its transports and links.
struct MemoryNode {
  std::string name;
  std::atomic<bool> alive{true};
};
using MemoryNodeRef = std::shared_ptr<MemoryNode>;

/// What the links of a `MemoryNetwork` share: who listens where, which nodes are cut off from each other, how long a message takes.
/// Thread-safe. Locks are taken in the order link, hub; what concerns links is done after the hub's lock is released.
class MemoryHub {
 public:
  struct Listening {
    uint64_t id = 0;
    MemoryNodeRef node;
    std::shared_ptr<Service> service;
  };

  explicit MemoryHub(runtime::Runtime& runtime) : runtime_(runtime) {}

  [[nodiscard]] runtime::Runtime& runtime() { return runtime_; }
  /// Once a fault was set, messages travel by lanes, for ever: a message that went straight could overtake.
  [[nodiscard]] bool simulates() const { return simulates_.load(std::memory_order_relaxed); }

  [[nodiscard]] MemoryNodeRef add_node(std::string_view name);
  /// Returns the address with its number; errors: `Io` when it is taken.
  [[nodiscard]] Result<std::pair<std::string, uint64_t>> listen(std::string_view address, MemoryNodeRef node,
                                                                std::shared_ptr<Service> service);
  /// Ends the streams that were accepted there.
  void unlisten(const std::string& address, uint64_t id);
  [[nodiscard]] std::optional<Listening> find(const std::string& address) const;
  /// Null when nobody listens there.
  [[nodiscard]] MemoryNodeRef owner_of(const std::string& address) const;

  /// False when the network is gone.
  bool add_link(const std::shared_ptr<MemoryLink>& link);
  void remove_link(const MemoryLink* link);

  [[nodiscard]] runtime::Duration travel_time();
  [[nodiscard]] bool cut_off(const MemoryNode& a, const MemoryNode& b) const;

  void set_delay(runtime::Duration min, runtime::Duration max);
  void partition(std::string_view a, std::string_view b);
  void heal(std::string_view a, std::string_view b);
  void heal_all();
  void break_streams(std::string_view a, std::string_view b);
  void kill(std::string_view node);
  void shut_down();

 private:
  using Pair = std::pair<std::string, std::string>;

  [[nodiscard]] std::string node_of(std::string_view node_or_address) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] Pair pair_of(std::string_view a, std::string_view b) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::vector<std::shared_ptr<MemoryLink>> links() const;

  runtime::Runtime& runtime_;
  std::atomic<bool> simulates_{false};

  mutable Mutex mutex_;
  absl::btree_map<std::string, Listening, std::less<>> listeners_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<MemoryNode>> nodes_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<uint64_t, std::weak_ptr<MemoryLink>> links_ ABSL_GUARDED_BY(mutex_);  // in order of creation
  absl::btree_set<Pair> cuts_ ABSL_GUARDED_BY(mutex_);
  runtime::Duration min_delay_ ABSL_GUARDED_BY(mutex_){0};
  runtime::Duration max_delay_ ABSL_GUARDED_BY(mutex_){0};
  uint64_t ids_ ABSL_GUARDED_BY(mutex_) = 0;
  uint16_t next_port_ ABSL_GUARDED_BY(mutex_) = 49152;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::rpc
