#pragma once

#include <absl/container/node_hash_map.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/state_store.h"
#include "stream/exchange/fifo.h"
#include "stream/message.h"

namespace penstock::stream {

/// Puts what many channels send into the order of one stream, so that a barrier costs one frame for all channels of a fragment edge and
/// not one for each. A channel's barrier is held until every other channel of its edge has passed it; what the channel sends after it
/// waits behind it. A channel counts from its first barrier on, so that one that has yet to begin holds nobody; and edges never wait for
/// each other, because they may depend on each other in a circle of nodes.
///
/// What is held is bounded by the channels' budgets. Pure; its owner guards it and writes the frames in the order they come.
class BarrierGather {
 public:
  /// Two channels of one edge lead from the same upstream fragment to the same leaf of the same downstream fragment.
  struct Edge {
    storage::GraphTerm upstream;
    storage::GraphTerm downstream;
    FragmentId fragment;  // downstream
    uint32_t link = 0;
    auto operator<=>(const Edge&) const = default;
  };
  using Frames = std::vector<std::string>;

  void add(uint32_t channel, const Edge& edge);
  /// A frame that this channel alone sends.
  void send(uint32_t channel, std::string frame, Frames& out);
  void send_barrier(uint32_t channel, const Barrier& barrier, Frames& out);
  /// The frame is the channel's last; the channel goes once it is out.
  void send_last(uint32_t channel, std::string frame, Frames& out);
  /// Nobody reads the channel any more.
  void remove(uint32_t channel, Frames& out);
  [[nodiscard]] bool has(uint32_t channel) const { return channels_.contains(channel); }

 private:
  struct EdgeState {
    size_t holds = 0;                                // channels, and a call at work
    std::map<Epoch, size_t> passed;                  // channels that have begun, by the last barrier (prev) they have passed
    std::map<Epoch, std::vector<uint32_t>> waiting;  // channels whose held items begin with this barrier
  };
  using Edges = std::map<Edge, EdgeState>;
  struct Item {
    std::string frame;
    std::optional<Barrier> barrier;  // instead
  };
  struct Channel {
    Edges::iterator edge;
    Fifo<Item> held;              // empty, or beginning with a barrier
    std::optional<Epoch> passed;  // nothing before the first barrier and after the last frame
    bool last = false;            // its last frame is in `held`
  };

  void emit(Edges::iterator edge, Frames& out);
  void release(uint32_t number, Frames& out);
  void forget(uint32_t number);
  void drop(Edges::iterator edge);
  static void set_passed(Channel& channel, std::optional<Epoch> passed);

  Edges edges_;
  absl::node_hash_map<uint32_t, Channel> channels_;  // never gone through: its order is nobody's
};

}  // namespace penstock::stream
