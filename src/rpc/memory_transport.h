#pragma once

#include "rpc/transport.h"

namespace penstock::rpc {

class MemoryHub;

/// Streams between the nodes of one process: in a playground as fast as queues are, in simulation with the faults of a real
/// network. Thread-safe. Its transports, listeners and streams may outlive it.
///
/// A node is whoever shares a transport; its name is for faults. Addresses are any text; one that ends in ":0" gets a number.
/// Where faults take the name of a node, an address it listens on serves as well.
///
/// As long as no delay and no partition was ever set, a message goes straight to its reader's executor. Afterwards it travels:
/// each takes a random time between the delays set, drawn from the runtime, so messages of different streams overtake each
/// other; those of one direction of a stream never do.
class MemoryNetwork {
 public:
  explicit MemoryNetwork(runtime::Runtime& runtime);
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;
  /// Streams that are still open end silently: nobody is told.
  ~MemoryNetwork();

  /// A new incarnation of the node: what was killed before stays dead. `own`: the node's own view of the runtime, for the time limits of
  /// its calls, if the node may be destroyed while the network lives; it outlives the node.
  [[nodiscard]] std::unique_ptr<Transport> transport(std::string_view node, runtime::Runtime* own = nullptr);

  void set_delay(runtime::Duration min, runtime::Duration max);
  /// Nothing passes between the two, in either direction, and nobody is told, until `heal`; what was sent waits, connecting gives
  /// up after 5 s. A node is never cut off from itself.
  void partition(std::string_view a, std::string_view b);
  void heal(std::string_view a, std::string_view b);
  void heal_all();
  /// Breaks every stream between the two; what is on the way is lost and both ends hear `Closed` (also while they are cut off).
  void break_streams(std::string_view a, std::string_view b);
  /// As if the node's process died: its addresses are free, its peers hear `Closed`, it hears nothing any more. Its transports
  /// reach nobody. A name that no node has does nothing.
  void kill(std::string_view node);

 private:
  std::shared_ptr<MemoryHub> hub_;  // shared with transports, listeners and streams
};

}  // namespace penstock::rpc
