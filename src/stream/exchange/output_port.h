#pragma once

#include <memory>
#include <vector>

#include "common/ids.h"
#include "stream/exchange/channel.h"
#include "stream/exchange/fifo.h"

namespace penstock::stream {

/// One output of an actor: what is on its way to one downstream actor over one link, and the channel once the downstream asked for it.
///
/// Small chunks are gathered into one of up to `kChunkRows` rows; they go out when that is full, before a barrier, and when the actor has
/// nothing else to do. While the port is *blocked* (something waits for budget, or for the downstream to connect) the actor must not feed
/// it; the one dispatch that blocks it is all it holds beyond that.
///
/// A *soft* port leads to a job that is being created, which must not harm the actor: when the receiver is gone it discards until it is
/// removed, where any other port fails its actor; and it does not block while the downstream has yet to connect, but keeps what comes
/// meanwhile. When that becomes too much it discards, and the downstream, should it come after all, finds its channel closed.
class OutputPort {
 public:
  OutputPort(ActorId downstream, uint32_t link, bool soft) : downstream_(downstream), link_(link), soft_(soft) {}

  [[nodiscard]] ActorId downstream() const { return downstream_; }
  [[nodiscard]] uint32_t link() const { return link_; }
  [[nodiscard]] bool connected() const { return sender_ != nullptr; }
  [[nodiscard]] BarrierLane lane() const { return sender_ ? sender_->lane() : BarrierLane{}; }
  /// Its owner has been set.
  void connect(std::unique_ptr<ChannelSender> sender);

  /// Takes a chunk, compacted where that pays, and sends what is due.
  [[nodiscard]] Status push(data::StreamChunk chunk);
  /// Everything pushed before goes first.
  [[nodiscard]] Status push_barrier(const Barrier& barrier);
  /// The barrier just pushed ends the downstream: once that is sent, a receiver that is gone is no failure.
  void expect_end() { last_ = true; }
  /// Sends what is due; with `small` also what was held back to be gathered.
  [[nodiscard]] Status send(bool small);
  /// Fails when the receiver is gone, even if there is nothing to send.
  [[nodiscard]] Status check();

  [[nodiscard]] bool blocked() const { return !due_.empty() && (sender_ || !soft_); }
  [[nodiscard]] bool empty() const { return due_.empty() && small_.empty(); }

 private:
  /// From this size on a chunk is not worth copying.
  static constexpr size_t kSmall = 1024;
  /// What a soft port keeps for a downstream that has yet to connect.
  static constexpr size_t kMostKept = 4 * kChannelBudget;
  static constexpr uint32_t kMostBarriersKept = kMaxBarriersInFlight / 2;

  [[nodiscard]] Status send_or_keep(Message message);
  void seal_small();
  void keep(Message message);
  void discard();
  [[nodiscard]] Status lost(const Error& reason);

  const ActorId downstream_;
  const uint32_t link_;
  const bool soft_;
  bool discarding_ = false;     // soft, and the receiver is gone or did not come; or ended as it should
  bool last_ = false;           // nothing comes after what is due
  uint32_t kept_barriers_ = 0;  // in `due_` before anybody connected
  std::unique_ptr<ChannelSender> sender_;
  size_t kept_ = 0;                       // weight of the chunks in `due_` before anybody connected
  Fifo<Message> due_;                     // to be sent as soon as there is budget
  std::vector<data::StreamChunk> small_;  // after `due_`: to be gathered into one chunk
  size_t small_rows_ = 0;
};

/// One chunk with the visible rows of `chunks`, in order; they have the same column types. At least one chunk.
[[nodiscard]] data::StreamChunk concat_chunks(std::span<const data::StreamChunk> chunks);

}  // namespace penstock::stream
